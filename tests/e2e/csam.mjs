// What the browser and client tests share: where the running system is, its people, codes, and the report of each check.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export const demo = process.env.DEMO ?? path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../run/demo');
export const target = JSON.parse(fs.readFileSync(path.join(demo, 'target.json'), 'utf8'));
export const ca = fs.readFileSync(path.join(demo, target.ca_file));
export const port = Number(new URL(target.issuer).port);
export const tax = `https://tax.localhost:${port + 2}`, library = `https://library.localhost:${port + 3}`;
export const shots = path.join(demo, '..', 'screenshots');
fs.mkdirSync(shots, { recursive: true });

export const account = name => target.accounts.find(a => a.username === name);

// RFC 6238 with SHA-1, 30 s, 6 digits.
export function totp(base32, at = Date.now()) {
	const bits = [...base32.replace(/=+$/, '')].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
	const key = Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)));
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(at / 30000)));
	const mac = createHmac('sha1', key).update(counter).digest(), o = mac[19] & 15;
	return String((mac.readUInt32BE(o) & 0x7fffffff) % 1000000).padStart(6, '0');
}

// A code works once, and the one of the step before is good, too: waits for one that this process has not used for the seed yet. Who is there before it
// comes (the accounts of the demonstration) has the present one only, as other processes may have used the other.
const used = new Map();
const started = Math.floor(fs.statSync(path.join(demo, 'target.json')).mtimeMs / 30000);
for (const a of target.accounts) if (a.totp) used.set(a.totp, started + 1);	// the demonstration signed in once by itself
export const usedCode = (base32, at) => used.set(base32, Math.floor(at / 30000));
export async function freshCode(base32) {
	for (;;) {
		const step = Math.floor(Date.now() / 30000), late = Date.now() % 30000 > 20000, shared = target.accounts.some(a => a.totp === base32);
		const next = Math.max((used.get(base32) ?? started) + 1, late || shared ? step : step - 1);
		if (next <= step) {
			used.set(base32, next);
			return totp(base32, next * 30000);
		}
		await new Promise(r => setTimeout(r, 250));
	}
}

export const csamctl = (...args) => execFileSync(target.csamctl, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
export const ldapmodify = ldif => execFileSync('ldapmodify', ['-x', '-H', target.ldap.uri, '-D', target.ldap.bind_dn, '-w', target.ldap.bind_pw],
	{ input: ldif, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
export const ldapRead = (dn, attribute) => execFileSync('ldapsearch', ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', target.ldap.uri, '-D', target.ldap.bind_dn, '-w', target.ldap.bind_pw, '-b', dn, '-s', 'base', attribute],
	{ encoding: 'utf8' }).match(new RegExp(`^${attribute}: (.*)$`, 'm'))?.[1];

export const terms = '4.2';	// in force in the demonstration

// A person of this test's own. Returns {username, password, totp}.
export function newPerson(username, { code = true } = {}) {
	const password = 'correct horse battery';
	const seed = code ? Buffer.from(Array.from({ length: 20 }, (_, i) => (username.charCodeAt(i % username.length) * 7 + i * 31) & 255)) : null;
	const base32 = seed && [...seed].map(b => b.toString(2).padStart(8, '0')).join('').match(/.{5}/g).map(b => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(b, 2)]).join('');
	const file = path.join(demo, `password.${username}`);
	fs.writeFileSync(file, password);
	ldapmodify(csamctl('person', 'new', '--uid', username, '--given-name', 'Emma', '--family-name', 'Maes', '--mail', `${username}@csam.example`, '--terms', terms,
		'--password-file', file, ...(code ? ['--totp', base32] : [])));
	return { username, password, totp: base32 };
}

// A message with a code to an address, which is none of those: its file in mail or sms, and its text.
export async function sentTo(folder, to, not = []) {
	const dir = path.join(demo, folder);
	for (let i = 0; i < 1200; i++) {
		for (const f of fs.existsSync(dir) ? fs.readdirSync(dir).filter(f => !f.startsWith('.') && !not.includes(f)) : []) {
			const text = fs.readFileSync(path.join(dir, f), 'utf8');
			if (text.includes(to) && /^@localhost #\d{6}/m.test(text)) return { f, text };
		}
		await new Promise(r => setTimeout(r, 50));
	}
	throw new Error(`nothing was sent to ${to}`);
}
export const codeIn = text => text.match(/^@localhost #(\d{6})\r?$/m)[1];

let failures = 0;
export async function check(what, fn, mark = '') {
	try {
		await fn();
		console.log(`ok - ${what}`);
	} catch (e) {
		failures++;
		console.log(`not ok - ${what}${mark}\n    ${String(e?.stack ?? e).split('\n').slice(0, 6).join('\n    ')}`);
	}
}
// For what goes wrong seldom: single use, counters, races. tests/run gives it no second try.
export const once = (what, fn) => check(what, fn, '  # ONE TRY');
export const done = () => process.exit(failures ? 1 : 0);
