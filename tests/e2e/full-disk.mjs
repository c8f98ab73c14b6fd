// A full disk under the audit trail, under the state store, and a store that strangers have filled: what cannot be recorded is not
// accepted, a page says so, and when there is room again everything goes on without a restart.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Agent, Directory, Idpd, check, done, folder, issuer, until } from './own.mjs';
import { send } from './agent.mjs';

// A disk of its own of that size; null where nothing can be mounted.
function disk(name, size) {
	const dir = path.join(folder, name);
	fs.mkdirSync(dir, { mode: 0o700 });
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', dir], { stdio: 'ignore' });
	} catch { return null; }
	const junk = path.join(dir, 'junk');
	return {
		dir,
		fill() {
			const fd = fs.openSync(junk, 'a'), block = Buffer.alloc(4096);
			try { for (;;) fs.writeSync(fd, block); } catch (e) { assert.equal(e.code, 'ENOSPC'); }
			fs.closeSync(fd);
		},
		empty() { fs.rmSync(junk); },
	};
}
const disks = { audit: disk('audit-disk', '1m'), reserved: disk('reserved-disk', '20m'), state: disk('state-disk', '6m') };
if (Object.values(disks).includes(null)) {
	console.log('ok - a full disk # skipped: cannot mount');
	process.exit(0);
}

const directory = new Directory().start();
const sections = 'state {\n\tmap_size = 16\n}\noidc {\n\tcode_lifetime = 600\n}\n';
const idpds = {
	audit: new Idpd(directory, { name: 'audit', server: { audit_dir: disks.audit.dir }, sections }),
	reserved: new Idpd(directory, { name: 'reserved', server: { state_dir: disks.reserved.dir }, sections }),
	state: new Idpd(directory, { name: 'state', server: { state_dir: disks.state.dir }, sections }),
	small: new Idpd(directory, { name: 'small', sections }),
};
const library = directory.service('library', idpds.audit), bank = directory.service('bank', idpds.audit, { level: 400 });
const crowd = directory.people('p', 40, { code: false }), coded = directory.people('c', 20);

const stop = url => /^https:\/\/\w+\.example\/cb/.test(url);
const url = (client, more = {}) => `${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid', client_id: client.client_id, redirect_uri: client.redirect_uris[0], ...more });
const codeOf = page => page.callback && new URL(page.callback).searchParams.get('code');
const token = async form => {
	const r = await fetch(`${issuer}/oidc/token`, { method: 'POST', body: new URLSearchParams({ client_id: library.client_id, client_secret: library.client_secret, ...form }) });
	return { status: r.status, ...await r.json() };
};
const redeem = code => token({ grant_type: 'authorization_code', code, redirect_uri: library.redirect_uris[0] });
const refresh = t => token({ grant_type: 'refresh_token', refresh_token: t });
let turn = 0;
// One login: where it ended, and whether a session was given.
async function login(person = crowd[turn++ % crowd.length], kind = 'password', client = library) {
	const b = new Agent();
	const end = await b.signIn(await b.visit(url(client), {}, stop), person, { kind, stop });
	return { b, end, session: b.cookies.get('__Host-csam-s'), code: codeOf(end) };
}
const enters = async (session, client = library) => {
	const b = new Agent();
	b.cookies.set('__Host-csam-s', session);
	return codeOf(await b.visit(url(client, { prompt: 'none' }), {}, stop));
};
const isPage503 = r => {
	assert.equal(r.status, 503);
	assert.match(r.headers.get('content-type'), /^text\/html/);
	assert.match(r.text, /<h1/);
};
async function using(idpd, fn) {
	idpd.start();
	await idpd.ready();
	await until('services', 30, async () => (await new Agent().visit(url(library), {}, stop)).status === 200);
	try { await fn(idpd); } finally {
		assert.equal(await idpd.stop(), 0);
		assert.doesNotMatch(idpd.log, /ERROR: |runtime error|Sanitizer|ended with status|was ended/);
	}
}
// Logs in until the answer is no, and gives what was accepted until then.
async function untilRefused(most) {
	const accepted = [];
	for (let i = 0; i < most; i++) {
		const l = await login();
		if (!l.session) return { accepted, last: l };
		accepted.push(l);
	}
	throw new Error(`still accepted after ${most} logins`);
}

await using(idpds.audit, async idpd => {
	const before = await login(), tokens = await redeem(before.code), spare = await enters(before.session);
	assert.equal(tokens.status, 200);
	disks.audit.fill();
	let full;
	await check('the audit trail is full: who cannot be recorded is not let in, and sees a page', async () => {
		full = await untilRefused(200); // what is left of the last block is used up first
		isPage503(full.last.end);
		for (let i = 0; i < 5; i++) {
			const l = await login();
			assert.ok(!l.session && !l.code);
			isPage503(l.end);
		}
		const c = await login(coded[0], 'app', bank);
		assert.ok(!c.session && c.end.status === 503);
	});
	await check('nor are tokens given', async () => {
		const r = await redeem(spare);
		assert.equal(r.status, 503);
		assert.equal(r.error, 'temporarily_unavailable');
		assert.equal((await refresh(tokens.refresh_token)).status, 503);
	});
	await check('a wrong password is no better than before, and nobody gets 500', async () => {
		const b = new Agent(), end = await b.signIn(await b.visit(url(library), {}, stop), { ...crowd[1], password: 'wrong horse' }, { kind: 'password', stop });
		assert.ok(!b.cookies.has('__Host-csam-s'));
		assert.ok([200, 429, 503].includes(end.status), String(end.status));
	});
	disks.audit.empty();
	await check('with room again it goes on at once, without a restart', async () => {
		const l = await login(crowd[30]);
		assert.ok(l.session && (await redeem(l.code)).status === 200);
		assert.ok((await login(coded[1], 'app', bank)).session);
		assert.equal((await refresh(tokens.refresh_token)).status, 200, 'the refresh token was spent');
		assert.equal((await redeem(spare)).status, 200, 'the code was spent');
		assert.equal((await redeem(spare)).error, 'invalid_grant');
	});
	await check('every login that was accepted has its line', async () => {
		const sessions = new Set(idpd.auditLines().filter(l => l.event === 'login.ok').map(l => l.session));
		for (const l of full.accepted) assert.ok(sessions.has(l.session.split('.')[0]));
		assert.match(idpd.auditVerify(), /proven up to line/);
	});
});

await using(idpds.reserved, async () => {
	disks.reserved.fill();
	await check('a disk that others fill does not stop a store that reserved its room', async () => {
		for (let i = 0; i < 60; i++) assert.ok((await login()).session);
		const { session } = await login();
		assert.ok(await enters(session));
	});
});

await using(idpds.state, async idpd => {
	const before = await login(), spare = await enters(before.session), person = coded[2], step = Math.floor(Date.now() / 30000);
	assert.match(idpd.log, /cannot reserve/);
	disks.state.fill();
	let full;
	await check('the disk under the state store is full: 503 pages, nobody is let in', async () => {
		full = await untilRefused(3000);
		isPage503(full.last.end);
		for (let i = 0; i < 5; i++) {
			const l = await login();
			assert.ok(!l.session && !l.code, 'a session that was not stored');
			assert.equal(l.end.status, 503);
		}
		const c = await login(person, 'app', bank);
		assert.ok(!c.session && c.end.status === 503);
		assert.equal((await redeem(spare)).status, 503, 'a code whose use could not be recorded');
		console.log(`# ${full.accepted.length} logins until it was full`);
	});
	await check('single sign-on, which writes nothing, goes on', async () => assert.ok(await enters(before.session)));
	disks.state.empty();
	await check('with room again it goes on by itself; what was refused was not used up', async () => {
		await until('a login', 30, async () => (await login()).session);
		assert.equal((await redeem(spare)).status, 200);
		assert.equal((await redeem(spare)).error, 'invalid_grant');
		assert.ok((await login(person, 'app', bank)).session || Math.floor(Date.now() / 30000) !== step);
	});
	await check('everything accepted on the way is there, also after kill -9', async () => {
		const pid = await idpd.kill('front');
		await until('another front', 60, () => ![0, pid].includes(idpd.part('front')));
		await idpd.ready();
		for (const l of [before, ...full.accepted]) assert.ok(await enters(l.session), 'a session is lost');
	}).finally(() => fs.writeFileSync(idpd.logFile, '')); // that one was killed by us
});

await using(idpds.small, async () => {
	const before = await login(), tokens = await redeem(before.code), spare = await enters(before.session);
	const begin = from => send(url(library, { state: 'x'.repeat(1500), nonce: 'n'.repeat(500) }), { from });
	await check('one network begins logins without end: it has to wait, all others go on', async () => {
		let refused = 0, begun = 0;
		const filler = async () => {
			for (; refused < 20 && begun < 40000; begun++) {
				const r = await begin('127.9.9.1');
				if (r.status === 429) refused++;
				else assert.ok(r.status === 302 || r.status === 303, String(r.status));
			}
		};
		await Promise.all(Array.from({ length: 16 }, filler));
		console.log(`# ${begun} requests of one network until it had to wait`);
		assert.ok(refused >= 20);
		for (let i = 0; i < 30; i++) assert.equal((await begin(`127.10.${i}.1`)).status, 303, 'another network');
		assert.equal((await begin('127.9.9.200')).status, 429, 'a neighbour in the same network');
		assert.ok(await enters(before.session));
		assert.ok((await login()).session, 'somebody of another network signs in');
	});
	await check('strangers of many networks fill a small store: new logins get 503, those who are signed in go on', async () => {
		let refused = 0, begun = 0;
		const filler = async () => {
			for (; refused < 20 && begun < 40000; begun++) {
				const r = await begin(`127.${20 + (begun >> 8) % 100}.${begun & 255}.1`);
				if (r.status === 503) refused++;
				else assert.ok(r.status === 302 || r.status === 303, String(r.status));
			}
		};
		await Promise.all(Array.from({ length: 16 }, filler));
		console.log(`# ${begun} requests of many networks until it was full`);
		assert.ok(refused >= 20);
		isPage503(await new Agent().visit(url(library), {}, stop));
		assert.ok(await enters(before.session));
		assert.equal((await redeem(spare)).status, 200);
		assert.equal((await redeem(spare)).error, 'invalid_grant');
		assert.equal((await refresh(tokens.refresh_token)).status, 200);
		assert.equal((await refresh(tokens.refresh_token)).error, 'invalid_grant');
	});
});

directory.tool([`${process.env.TOP}/setup/directory`, 'stop', directory.dir]);
done();
