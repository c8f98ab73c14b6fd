// Nobody learns by a clock who exists: the answers to wrong passwords under names of every sort are the same bytes in the same time, in a browser and
// through PAM. SAMPLES=2000 is the long form (make soak); HASH=argon2 takes the hash that people have, which hides more than it shows.
//
// Each round asks every name once, in an order of its own, so that what else the machine does falls upon all of them alike. "again" is a second
// series of the known name: the control that must not differ, and with one millisecond added must.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { Agent, base, check, Directory, done, Idpd, issuer, once, progress } from './own.mjs';
import { Door, Server } from './own-host.mjs';
import { probability, quantile } from './kolmogorov.mjs';

const SAMPLES = Number(process.env.SAMPLES ?? 200), BUDGET_MS = process.env.SAMPLES ? Infinity : 40000, slow = process.env.HASH === 'argon2', US = 1000;
// So improbable must a distance be that equal names differ by chance in one run of ten thousand, all comparisons of it together.
const ALPHA = 5e-6;

const directory = new Directory().start(), limits = 'limits {\n\tpassword_max = 100000\n\tpassword_free = 100000\n\tturns_max = 100000\n}\n';
const idpd = new Idpd(directory, { sections: `state {\n\tmap_size = 1024\n}\n${limits}` }).start();
await idpd.ready();
const service = directory.service('clock', idpd);

// --- the names ---
const hash = slow ? '{ARGON2}' + execFileSync('argon2', ['0123456789abcdef', '-id', '-k', '19456', '-t', '2', '-p', '1', '-l', '32', '-e'], { input: 'correct horse battery', encoding: 'utf8' }).trim()
	: '{SSHA}' + execFileSync('slappasswd', ['-h', '{SSHA}', '-s', 'correct horse battery', '-n'], { encoding: 'utf8' }).slice(6).trim();
if (!slow) directory.set(`cn=decoy,ou=system,${base}`, 'userPassword', hash);	// the decoy costs what people's passwords cost
const keys = { known: ['active'], suspended: ['active'], refused: ['active'], keyless: [], 'locked-key': ['locked'], pending: ['pending'], 'no-password': ['active'], many: ['active', 'active', 'locked', 'active', 'revoked'] };
const states = { suspended: 'csamPersonState: suspended', refused: 'csamPersonState: active\ncsamKeyFailures: 100000' };
for (const [name, list] of Object.entries(keys)) {
	const dn = `uid=t-${name},ou=people,${base}`;
	directory.modify(`dn: ${dn}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: csamPerson\nuid: t-${name}\ncn: Emma\nsn: Emma\ncsamSubject: ${randomUUID()}\n` +
		`${states[name] ?? 'csamPersonState: active'}\n${name === 'no-password' ? '' : `userPassword: ${hash}\n`}\n` +
		list.map((state, i) => `dn: csamKeyId=app-${i},${dn}\nchangetype: add\nobjectClass: csamKey\ncsamKeyId: app-${i}\ncsamKeyKind: app\ncsamKeyState: ${state}\ncsamKeySecret: JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n`).join('\n'));
}
// Each series asks under its own name.
const series = { known: 't-known', again: 't-known', unknown: 't-nobody', ...Object.fromEntries(Object.keys(keys).filter(k => k !== 'known').map(k => [k, `t-${k}`])) };

function shuffled(list) {
	const l = [...list];
	for (let i = l.length - 1; i > 0; i--) { const j = randomInt(i + 1); [l[i], l[j]] = [l[j], l[i]]; }
	return l;
}

// Asks SAMPLES times under each name, and on a restless machine oftener, until a millisecond would show; ask(name) gives { took, said }.
async function sample(ask) {
	const took = Object.fromEntries(Object.keys(series).map(s => [s, []])), said = {}, end = Date.now() + BUDGET_MS;
	const enough = i => i >= SAMPLES && (BUDGET_MS === Infinity || Date.now() > end || (i % 100 === 0 && least(took) <= 1));
	for (const name of Object.values(series)) await ask(name);	// what is done once is done
	const far = progress('samples', SAMPLES);
	for (let i = 0; !enough(i); i++) {
		far(i);
		for (const s of shuffled(Object.keys(series))) {
			const r = await ask(series[s]);
			took[s].push(r.took);
			(said[s] ??= new Set()).add(r.said);
		}
	}
	return { took, said };
}
// The least number of milliseconds that would have been seen.
const least = took => [0.2, 0.5, 1, 2, 5, 10, 20, 50].find(ms => probability(took.known, took.again.map(t => t + ms)) < ALPHA) ?? Infinity;

function sameBytes({ said }) {
	for (const [s, set] of Object.entries(said)) {
		assert.equal(set.size, 1, `${s}: ${[...set].slice(0, 2).join('\n----\n')}`);
		assert.equal([...set][0], [...said.known][0], s);
	}
}
function sameTime({ took }, where) {
	const p = Object.fromEntries(Object.keys(series).filter(s => s !== 'known').map(s => [s, probability(took.known, took[s])]));
	console.log(`# ${where}, ${took.known.length} samples each, ms p50/p95 (p of KS): ` +
		Object.keys(series).map(s => `${s} ${quantile(took[s], 0.5).toFixed(2)}/${quantile(took[s], 0.95).toFixed(2)}${s in p ? ` (${p[s].toExponential(1)})` : ''}`).join(', '));
	return p;
}

async function compare(where, ask) {
	let result;
	await once(`${where}: the same bytes for ${Object.keys(series).length - 1} sorts of names`, async () => sameBytes(result = await sample(ask)));
	const ms = least(result.took), p = sameTime(result, where);
	await check(`${where}: and in the same time: ${ms} ms of difference would have been seen`, async () => {
		if (!slow) delete p.many;	// each key more takes 10 us to read: seen with a hash that costs nothing, said in doc/security.md
		for (const [s, v] of Object.entries(p)) assert.ok(v > ALPHA, `${s} differs from known: p = ${v}`);
		assert.ok(ms <= 1 || BUDGET_MS !== Infinity || slow, 'a difference of a millisecond would not have been seen');
	});
}

// --- the browser ---
const browser = new Agent(), stop = url => /\.example\/cb/.test(url);
let page = await browser.visit(`${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid', client_id: service.client_id, redirect_uri: service.redirect_uris[0], state: 's' }), {}, stop);
if (Agent.has(page, 'choice')) page = await browser.answer(page, { choice: 'password' });
async function askBrowser(name) {
	const form = { ticket: Agent.field(page, 'ticket'), c: Agent.field(page, 'c') ?? '', username: name, password: 'wrong' }, began = performance.now();
	const r = await browser.send(`${issuer}/login`, { method: 'POST', form, headers: { origin: issuer } });
	const took = performance.now() - began;
	page = await browser.send(r.location);
	const mask = t => t.replaceAll(name, 'NAME').replace(/(name="(?:ticket|c)" value=")[^"]*/g, '$1X').replace(/c=[\w-]{22}/g, 'c=X').replace(/r=[\w-]+/g, 'r=X');
	const head = p => p.raw.map((v, i, all) => (i % 2 ? (/^(date|content-length)$/i.test(all[i - 1]) ? 'X' : mask(v)) : v)).join('|');
	return { took, said: `${r.status} ${head(r)}\n${page.status} ${head(page)}\n${mask(page.text)}` };
}
await compare('in a browser', askBrowser);

// --- PAM: libpam, pam_csam.so, csam-agent ---
const server = new Server(directory, idpd).start();
await server.ready();
const door = new Door(server);
await compare('through PAM', async name => {
	const r = await door.login(name, 'wrong', '000000');
	return { took: r.us / US, said: `${r.rc} ${r.shown.replaceAll(name, 'NAME')}` };
});
door.end();
await server.stop();

await idpd.stop();
directory.tool([`${process.env.TOP}/setup/directory`, 'stop', directory.dir]);
done();
