// Identity cards of the demonstration's authority, one for each person of a test, and what their chip makes of a challenge.
import { execFileSync } from 'node:child_process';
import { createHash, sign, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { demo, target } from './csam.mjs';

const folder = path.join(demo, 'eid'), top = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const responder = Number(new URL(target.issuer).port) + 4;

// A number that nobody has yet: born in 1970 to 1999, with its check (97 minus the rest).
let born = (process.pid * 131 + Math.floor(Date.now() / 1000)) % 8_000_000;
function nationalNumber() {
	born = (born + 1) % 8_000_000;
	const two = n => String(n).padStart(2, '0');
	const nine = two(70 + born % 30) + two(1 + Math.floor(born / 30) % 12) + two(1 + Math.floor(born / 360) % 28) + String(1 + Math.floor(born / 10080) % 997).padStart(3, '0');
	return nine + two(97 - Number(nine) % 97);
}

export function newCard(given, family, number = nationalNumber()) {
	const name = `test-${number}`;
	execFileSync(path.join(top, 'setup/eid-pki'), ['card', folder, name, given, family, number, `http://127.0.0.1:${responder}/ocsp`, `http://127.0.0.1:${responder}/crl`], { stdio: 'ignore' });
	const file = path.join(folder, 'cards', name), read = end => fs.readFileSync(`${file}.${end}`);
	return { given, family, number, file, certificate: new X509Certificate(read('pem')), key: read('key') };
}

// Web eID: SHA-384 over the digests of origin and challenge, ES384 as r || s.
export function token(card, challenge, origin = target.issuer) {
	const digest = text => createHash('sha384').update(text).digest();
	return { format: 'web-eid:1.0', appVersion: 'https://web-eid.eu/web-eid-app/releases/2.7.0+965', algorithm: 'ES384', unverifiedCertificate: card.certificate.raw.toString('base64'),
		signature: sign('sha384', Buffer.concat([digest(origin), digest(challenge)]), { key: card.key, dsaEncoding: 'ieee-p1363' }).toString('base64') };
}

// A stand-in for the browser's extension, with this card in the reader.
export async function insert(context, card) {
	await context.exposeFunction('webEidReader', (challenge, origin) => token(card, challenge, origin));
	await context.addInitScript(() => window.addEventListener('message', async event => {
		if (event.data?.action !== 'web-eid:authenticate') return;
		window.postMessage({ action: 'web-eid:authenticate-ack' }, location.origin);
		window.postMessage({ action: 'web-eid:authenticate-success', ...await window.webEidReader(event.data.challengeNonce, location.origin) }, location.origin);
	}));
}

// The same without a browser: answers the page that asks for a card, and returns the next one.
export async function showCard(agent, page, card) {
	const challenge = page.text.match(/data-challenge="([^"]*)"/)[1].replaceAll('&#43;', '+').replaceAll('&#61;', '=');
	const field = name => page.text.match(new RegExp(`name="${name}" value="([^"]*)"`))[1];
	return agent.visit(`${target.issuer}/login/eid`, { method: 'POST', headers: { origin: target.issuer },
		form: { ticket: field('ticket'), c: field('c'), proof: JSON.stringify(token(card, challenge)) } });
}

// What would be resumed would bring the card's certificate without the card: whether a second visit to the eID origin was resumed, and in which of the two a card was shown.
export async function visitTwice(origin, version) {
	const url = new URL(`${origin}/eid?c=${'a'.repeat(22)}&n=${'A'.repeat(43)}=`), file = end => fs.readFileSync(path.join(folder, `cards/alice.${end}`));
	const visit = more => new Promise((resolve, reject) => {
		let session, reused, text = '';	// what a closed connection says of itself is null
		const c = tls.connect({ host: 'localhost', port: url.port, rejectUnauthorized: false, minVersion: version, maxVersion: version, ...more }, () => {
			reused = c.isSessionReused();
			session ??= c.getSession();
			c.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`);
		});
		c.on('session', s => { session = s; }).on('data', d => { text += d; }).on('error', reject)
			.on('close', () => resolve({ session, reused, shown: /[&]p=/.test(text) }));
	});
	const first = await visit({ cert: file('pem'), key: file('key') }), second = await visit({ session: first.session });
	return { resumed: second.reused, shown: [first.shown, second.shown] };
}
