// A backup is made while people sign in, everything is lost, and the backup becomes a system again: the same people sign in with the same keys, and nothing
// that was used or ended lives a second time.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Agent, Directory, Idpd, check, done, folder, issuer, sleep, top, totp, until } from './own.mjs';

const directory = new Directory().start(), node = new Idpd(directory).start();
await node.ready();
const bank = directory.service('bank', node, { level: 400, scope: 'openid offline_access' }), people = directory.people('p', 12);
await sleep(500);
const file = name => path.join(folder, name), slapd = path.join(directory.dir, 'slapd.d');
fs.writeFileSync(file('pass'), 'the passphrase of the backup\n', { mode: 0o600 });
fs.writeFileSync(file('wrong'), 'some other passphrase\n');
const ctl = (...args) => spawnSync(`${process.env.BUILD}/csamctl`, [...args, '-c', node.conf], { encoding: 'utf8' });
const backup = (to, ...more) => ctl('backup', to, '--slapd-config', slapd, '--passphrase-file', file('pass'), ...more);
const restore = (from, pass = 'pass') => ctl('restore', from, '--slapd-config', slapd, '--passphrase-file', file(pass));

const stop = url => /^https:\/\/\w+\.example\/cb/.test(url);
const url = (more = {}) => `${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid offline_access', client_id: bank.client_id, redirect_uri: bank.redirect_uris[0], ...more });
const codeOf = page => page.callback && new URL(page.callback).searchParams.get('code');
async function signIn(person, code = totp(person.totp)) {
	const agent = new Agent();
	const answer = (page, form) => agent.visit(`${issuer}/login`, { method: 'POST', form: { ...form, ticket: Agent.field(page, 'ticket') }, headers: { origin: issuer } }, stop);
	let page = await agent.visit(url(), {}, stop);
	for (let i = 0; i < 4 && !Agent.has(page, 'code'); i++)
		page = await answer(page, Agent.has(page, 'password') ? { username: person.username, password: person.password } : { choice: 'app' });
	page = await answer(page, { code });
	return { agent, session: agent.cookies.get('__Host-csam-s'), code: codeOf(page), totp: code };
}
const alive = async agent => Boolean(codeOf(await agent.visit(url({ prompt: 'none' }), {}, stop)));
const token = async form => {
	const r = await fetch(`${issuer}/oidc/token`, { method: 'POST', body: new URLSearchParams({ client_id: bank.client_id, client_secret: bank.client_secret, redirect_uri: bank.redirect_uris[0], ...form }) });
	return { status: r.status, ...await r.json() };
};
const redeem = code => token({ grant_type: 'authorization_code', code });
const userinfo = async t => (await fetch(`${issuer}/oidc/userinfo`, { headers: { authorization: `Bearer ${t}` } }));

const before = await signIn(people[0]), tokens = await redeem(before.code), sub = (await (await userinfo(tokens.access_token)).json()).sub;
assert.ok(before.session && tokens.refresh_token && sub, JSON.stringify(tokens));

await check('a backup that is killed at any moment is none, and says so', async () => {
	for (const [i, ms] of [5, 20, 60, 120, 250, 500].entries()) {
		const p = spawn(`${process.env.BUILD}/csamctl`, ['backup', file(`killed-${i}`), '--slapd-config', slapd, '--passphrase-file', file('pass'), '-c', node.conf], { stdio: 'ignore' });
		const end = new Promise(r => p.on('exit', r));
		await sleep(ms);
		p.kill('SIGKILL');
		await end;
		if (!fs.existsSync(file(`killed-${i}/manifest.json`))) assert.match(restore(file(`killed-${i}`)).stderr, /no backup|cannot be opened/);
	}
	assert.ok(await alive(before.agent), 'and nobody noticed');
});

await check('a backup while people sign in: whole, for its owner alone, with the keys encrypted', async () => {
	let over = false, n = 0;
	const busy = (async () => { while (!over) { assert.ok(await alive(before.agent)); n++; } })();
	const p = spawn(`${process.env.BUILD}/csamctl`, ['backup', file('set'), '--slapd-config', slapd, '--passphrase-file', file('pass'), '-c', node.conf], { stdio: ['ignore', 'ignore', 'pipe'] });
	let said = '';
	p.stderr.on('data', d => { said += d; });
	const status = await new Promise(r => p.on('exit', r));
	over = true;
	await busy;
	assert.equal(status, 0, said);
	assert.match(said, /WITHOUT THAT PASSPHRASE/);
	assert.ok(n > 0);
	for (const f of fs.readdirSync(file('set'))) assert.equal(fs.statSync(file(`set/${f}`)).mode & 0o077, 0, f);
	assert.doesNotMatch(fs.readFileSync(file('set/keyring.jwe'), 'utf8'), /PRIVATE|secret/);
	const manifest = JSON.parse(fs.readFileSync(file('set/manifest.json')));
	assert.ok(['state.mdb', 'config.ldif', 'directory.ldif', 'keyring.jwe'].every(f => manifest.files.some(x => x.name === f)));
	assert.notEqual(backup(file('set')).status, 0, 'and it is not overwritten');
});

await check('no backup on a full disk, and without a passphrase', async () => {
	fs.mkdirSync(file('small'));
	if (process.getuid() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'none', file('small')]).status === 0) {
		const r = backup(file('small/set'));
		assert.equal(r.status, 1, r.stderr);
		assert.match(r.stderr, /not a whole backup/);
		assert.ok(!fs.existsSync(file('small/set/manifest.json')));
		spawnSync('umount', [file('small')]);
	}
	assert.equal(ctl('backup', file('bare'), '--slapd-config', slapd).status, 2);
});

// What happens after the backup, and is forgotten by it.
const after = await signIn(people[1]), unredeemed = (await signIn(people[2])).code, rotated = await token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
assert.ok(after.session && unredeemed && rotated.refresh_token, JSON.stringify(rotated));

await check('nothing is overwritten, and nothing done, where a backup cannot be restored whole', async () => {
	assert.match(restore(file('set')).stderr, /is not empty/);
	await node.stop();
	directory.tool([`${top}/setup/directory`, 'stop', directory.dir]);
	for (const d of [slapd, ...['data', 'accesslog'].map(d => path.join(directory.dir, d)).filter(d => fs.existsSync(d)), ...['state', 'audit', 'keyring'].map(d => path.join(node.dir, d))]) fs.renameSync(d, `${d}.lost`);
	fs.cpSync(file('set'), file('changed'), { recursive: true });
	fs.appendFileSync(file('changed/directory.ldif'), '\n');
	assert.match(restore(file('changed')).stderr, /not what was backed up/);
	assert.match(restore(file('set'), 'wrong').stderr, /passphrase is wrong/);
	assert.ok(!fs.existsSync(slapd) && !fs.existsSync(path.join(node.dir, 'state')));
});

await check('on a machine where idpd never ran, the folders of its folders are made, too', () => {
	const deep = fs.readFileSync(node.conf, 'utf8').replace(/^(\s*(\w+)_dir\s*=\s*)"[^"]*(?:state|audit|keyring)"/gm, (_, set, name) => `${set}"${file(`deep/er/${name}`)}"`);
	fs.writeFileSync(file('deep.conf'), deep);
	const r = spawnSync(`${process.env.BUILD}/csamctl`, ['restore', file('set'), '--no-directory', '--passphrase-file', file('pass'), '-c', file('deep.conf')], { encoding: 'utf8' });
	assert.equal(r.status, 0, r.stderr);
	assert.deepEqual(fs.readdirSync(file('deep/er')).sort(), ['audit', 'keyring', 'state']);
	assert.equal(fs.statSync(file('deep/er')).mode & 0o777, 0o711, 'its users go through');
});

let restored;
await check('the backup becomes a system again', async () => {
	const r = restore(file('set'));
	restored = Date.now();
	assert.equal(r.status, 0, r.stderr);
	assert.match(r.stderr, /Everybody signs in again/);
	directory.start();
	node.start();
	await node.ready();
});

await check('codes that were used before, or since, are refused', async () => {
	for (const [i, s] of [before, after].entries()) assert.ok(!(await signIn(people[i], s.totp)).session, `of person ${i}`);
	for (const ahead of [0, 30000])
		assert.ok(!(await signIn(people[5], totp(people[5].totp, restored + ahead))).session, 'nobody knows which were used: none up to the step after the restore is taken');
});

await check('sessions, tokens and codes from before are worth nothing', async () => {
	for (const s of [before, after]) assert.ok(!await alive(s.agent));
	assert.equal((await redeem(unredeemed)).error, 'invalid_grant');
	for (const t of [tokens, rotated]) {
		assert.equal((await token({ grant_type: 'refresh_token', refresh_token: t.refresh_token })).error, 'invalid_grant');
		assert.equal((await userinfo(t.access_token)).status, 401);
	}
});

await check('the same people sign in with the same app keys, and are the same to services', async () => {
	const first = Math.floor(restored / 30000) + 2;
	await until('a step that nothing was let in with', 65, () => Date.now() >= first * 30000);
	const s = await signIn(people[0], totp(people[0].totp, first * 30000));
	assert.ok(s.session, 'the first code after those, at once');
	const t = await redeem(s.code);
	assert.equal((await (await userinfo(t.access_token)).json()).sub, sub);
});

await check('the audit trail came back, and goes on', async () => {
	const lines = node.auditLines().filter(l => l.event === 'login.ok');
	assert.ok(lines.some(l => l.subject === people[0].subject));
	assert.ok(!lines.some(l => l.subject === people[1].subject), 'what came after the backup is lost, and that is said');
	assert.equal(await node.stop(), 0);
});
done();
