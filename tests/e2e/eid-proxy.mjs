// Identity cards behind a proxy that ends TLS: a real HAProxy with the configuration that administrators get brings the card's certificate (Client-Cert, RFC 9440)
// to a second idpd, and nobody else does.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Agent } from './agent.mjs';
import { visitTwice } from './cards.mjs';
import { check, demo, done } from './csam.mjs';
import { answer, at, claims, issuer, level, newServices, pause, redeem, request, secondDaemon, trail, words } from './flow.mjs';

const [service] = await newServices({ client_id: `proxied-${Date.now().toString(36)}`, default_acr_values: [level(500)] });
const port = Number(new URL(issuer).port) + 61, door = port + 1, origin = `https://localhost:${door}`, cards = path.join(demo, 'eid/cards');
const work = fs.mkdtempSync('/tmp/csam-eid-'), socket = path.join(work, 'eid.sock'), unpacked = process.env.HAPROXY;

const idpd = await secondDaemon(port, conf => conf.replace('share_dir', 'trusted_proxies = {"127.0.0.1"}\n\tshare_dir') +
	`eid {\n\tauthorities = "eid/trust.pem"\n\torigin = "${origin}"\n\tlisten = {"unix:${socket}"}\n\tresponders = {${fs.readFileSync(path.join(demo, 'idpd.conf'), 'utf8').match(/responders\s*=\s*\{(.*)\}/)[1]}}\n}\n`);
fs.writeFileSync(path.join(work, 'server.pem'), ['server.pem', 'server.key'].map(f => fs.readFileSync(path.join(demo, f), 'utf8')).join(''));
fs.writeFileSync(path.join(work, 'haproxy.cfg'), fs.readFileSync('conf/haproxy/csam-eid.cfg', 'utf8').replace(':444', `127.0.0.1:${door}`)
	.replace('/etc/haproxy/eid.example.be.pem', path.join(work, 'server.pem')).replace('/etc/csam/eid.pem', path.join(demo, 'eid/trust.pem')).replaceAll('/run/csam/eid.sock', socket));
const proxy = spawn(`${unpacked}/usr/sbin/haproxy`, ['-f', path.join(work, 'haproxy.cfg')], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, LD_LIBRARY_PATH: `${unpacked}/usr/lib/x86_64-linux-gnu` } });
process.on('exit', () => { proxy.kill('SIGKILL'); fs.rmSync(work, { recursive: true, force: true }); });
for (let i = 0; ; i++) {
	if (await new Promise(r => net.connect(door, '127.0.0.1').on('connect', function () { this.destroy(); r(true); }).on('error', () => r(false)))) break;
	assert.ok(i < 200 && proxy.exitCode === null, 'HAProxy listens');
	await pause(50);
}

// From the service to the card's page, and from there through the proxy with this card; `more`: for curl.
async function login(card, ...more) {
	const agent = new Agent({ port }), r = request(service, { ui_locales: 'en' }), page = await agent.visit(r.url);
	const href = page.text.match(/id="eid-tls" href="([^"]*)"/)?.[1].replaceAll('&amp;', '&');
	assert.ok(href?.startsWith(`${origin}/eid?`), words(page));
	const back = execFileSync('curl', ['-s', '--cacert', path.join(demo, 'ca.pem'), ...(card ? ['--cert', path.join(cards, `${card}.pem`), '--key', path.join(cards, `${card}.key`)] : []), ...more,
		'-o', '/dev/null', '-w', '%{redirect_url}', href], { encoding: 'utf8' });
	assert.ok(back.startsWith(`${issuer}/login/eid?`), `${card}: ${back}`);
	return { ...r, service, page: await agent.visit(back), back };
}

for (const card of ['alice', 'bruno'])
	for (const version of ['1.2', '1.3'])
		await check(`TLS ${version}: ${card}'s card opens level 500 through the proxy`, async () => {
			const l = await login(card, `--tlsv${version}`, '--tls-max', version);
			assert.ok(l.page.callback, words(l.page));
			assert.equal(claims(await redeem({ ...l, ...answer(l.page) })).acr, level(500));
		});

const bad = { expired: /has expired/, future: /not valid yet/, revoked: /stopped/, signature: /signing documents/, 'other-ca': /not a Belgian identity card/, purpose: /not made for logging in/ };
for (const [card, text] of Object.entries(bad))
	await check(`the certificate "${card}" ends on a page that says what to do, and is written down`, async () => {
		const refusals = () => trail().filter(l => l.event === 'login.no' && l.service === service.client_id), before = refusals().length, l = await login(card);
		assert.ok(!l.page.callback, l.page.callback);
		assert.match(l.page.text, text);
		assert.equal(refusals().length, before + 1);
	});

const der = card => fs.readFileSync(path.join(cards, `${card}.pem`), 'utf8').replace(/-----[^-]*-----|\s/g, '');
await check('who shows no card brings none, whatever the header says', async () => {
	for (const more of [[], ['-H', `Client-Cert: :${der('alice')}:`], ['-H', `client-cert: :${der('alice')}:`, '-H', `Client-Cert: :${der('alice')}:`], ['-H', `Client-Cert-Chain: :${der('alice')}:`], ['-H', `Client_Cert: :${der('alice')}:`]]) {
		const l = await login(null, ...more);
		assert.ok(!new URL(l.back).searchParams.has('p'), l.back);
		assert.match(l.page.text, /No certificate of a card reached us/);
	}
	const b = await login('bruno'), theirs = claims(await redeem({ ...b, ...answer(b.page) }));
	const l = await login('bruno', '-H', `Client-Cert: :${der('alice')}:`);	// nor one card another's
	assert.equal(claims(await redeem({ ...l, ...answer(l.page) })).sub, theirs.sub);
});

for (const version of ['TLSv1.2', 'TLSv1.3'])
	await check(`the proxy resumes no session (${version})`, async () => {
		assert.deepEqual(await visitTwice(origin, version), { resumed: false, shown: [true, false] });
	});

await check('what comes to idpd\'s other addresses with that header is no card', async () => {
	const agent = new Agent({ port }), page = await agent.visit(request(service).url), c = Agent.field(page, 'c');
	const r = await agent.send(at(`/login/eid?c=${c}`), { headers: { 'client-cert': `:${der('alice')}:` } });
	assert.ok(!r.location?.startsWith(`https://${service.client_id}`), r.location);
	assert.equal((await agent.send(at(`/eid?c=${c}&n=x`), { headers: { 'client-cert': `:${der('alice')}:` } })).status, 404);
});
await idpd.end();
done();
