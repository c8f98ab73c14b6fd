// What changes digital keys wants a login of the last five minutes; drafts, forms, activations and codes have their time. Each is tried too late, on a system
// whose clock the test turns.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Agent, check, Directory, done, folder, Idpd, issuer, sleep, top, totp } from './own.mjs';

const clock = path.join(folder, 'clock'), mail = path.join(folder, 'mail'), ours = { LD_PRELOAD: path.join(top, 'build/clock.so'), CLOCK_FILE: clock, ASAN_OPTIONS: `verify_asan_link_order=0:${process.env.ASAN_OPTIONS ?? ''}` };
let shift = 0;
fs.writeFileSync(clock, Buffer.alloc(8));
fs.mkdirSync(mail);
// As when that many seconds went by, for idpd alone.
async function later(s) {
	const b = Buffer.alloc(8), fd = fs.openSync(clock, 'r+');
	b.writeBigInt64LE(BigInt(shift += s));
	fs.writeSync(fd, b);
	fs.closeSync(fd);
	await sleep(300);
}
const now = () => Date.now() + shift * 1000;

const directory = new Directory().start();
const idpd = new Idpd(directory, { sections: `state {\n\tmap_size = 64\n}\nmail {\n\tfolder = "${mail}"\n\tfrom = "csam@csam.example"\n}\n` });
Object.assign(process.env, ours);
idpd.start();
for (const n of Object.keys(ours)) delete process.env[n];
await idpd.ready();
const people = directory.people('late', 12), somebody = () => people.shift(), own = { origin: issuer }, password = 'trois petits moutons blancs';
for (const p of people) directory.modify(`dn: ${p.dn}\nchangetype: modify\nadd: csamMailVerified\ncsamMailVerified: ${p.username}@csam.example\n-\nadd: mail\nmail: ${p.username}@csam.example\n`);
await sleep(1000);

const login = r => r.status === 303 && /\/login\?c=/.test(r.location);
const state = (who, id) => directory.read(`csamKeyId=${id},${who.dn}`, 'csamKeyState')[0]?.[1][0];
const keysOf = who => directory.read(who.dn, 'csamKeyState').length;
const fieldsOf = (page, to) => {
	const form = page.text.match(new RegExp(`<form[^>]*action="${to.replace(/[?+.]/g, '\\$&')}[^]*?</form>`))?.[0] ?? assert.fail(`no form to ${to}: ${page.status} ${page.url}`);
	return Object.fromEntries([...form.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(m => [m[0].match(/name="([^"]*)"/)[1], m[0].match(/value="([^"]*)"/)?.[1] ?? '']));
};
const post = (agent, where, form) => agent.send(issuer + where, { method: 'POST', form, headers: own });
// Signed in just now, at that page. With a browser that is signed in already: what the page asks for is shown once more.
async function comeIn(who, where, kind = 'app', agent = new Agent()) {
	const stop = url => url.startsWith(`${issuer}/keys`), first = await agent.visit(agent.cookies.has('__Host-csam-s') ? issuer + where : `${issuer}/keys/data`, { headers: { 'accept-language': 'en' } });
	if (first.url.includes('/login')) await agent.signIn(first, who, { kind, code: who.totp && totp(who.totp, now()), stop });
	const page = await agent.visit(issuer + where);
	assert.ok(page.url.startsWith(issuer + where.replace(/\?.*/, '')), `${page.status} ${page.url} ${page.text.replace(/<[^>]*>/g, ' ').slice(0, 300)}`);
	return { agent, page };
}

// Its page, what would be sent with it, and what it would have done.
const changes = {
	'/keys/key': { page: '/keys/key?id=app-1', form: () => ({ id: 'app-1', act: 'end' }) },
	'/keys/password': { form: () => ({ password, again: password }) },
	'/keys/contact': { form: () => ({ act: 'letters', locale: 'de', notice: 'security' }) },
	'/keys/lost-phone': { form: () => ({ mail: '1' }) },
	'/keys/data/delete': { form: who => ({ username: who.username }) },
	'/keys/new/app': { form: (who, page) => ({ label: '', code: totp(page.text.match(/class="secret[^>]*>([A-Z2-7 ]+)</)[1].replaceAll(' ', ''), now()) }) },
	'/keys/new/mail': { form: who => ({ address: `${who.username}@csam.example`, label: '' }) },
};
const held = who => directory.tool(['ldapsearch', '-LLL', '-o', 'ldif-wrap=no', ...directory.as('admin'), '-b', who.dn, '(objectClass=*)', '*', 'pwdChangedTime']).replace(/^csamKey(LastUsed|Counter|Failures): .*\n/gm, '');

await check('five minutes after the login every change asks for a new one, and does nothing of what was filled in; a second before it does', async () => {
	const who = somebody();
	for (const [where, c] of Object.entries(changes)) {
		const { agent, page } = await comeIn(who, c.page ?? where), form = { ...fieldsOf(page, where), ...c.form(who, page) };
		const was = held(who);
		await later(301);
		const r = await post(agent, where, { ...form, ...c.form(who, page) });
		assert.ok(login(r), `${where}: ${r.status}`);
		assert.ok((await agent.visit(issuer + (c.page ?? where))).url.includes('/login?c='), `${where}, to look`);
		assert.equal(held(who), was, where);
		assert.ok(!(await agent.visit(`${issuer}/keys/data`)).url.includes('/login'), `${where}: the login itself goes on`);
	}
	const { agent, page } = await comeIn(who, '/keys/contact');
	await later(290);
	assert.equal((await post(agent, '/keys/contact', { ...fieldsOf(page, '/keys/contact'), ...changes['/keys/contact'].form() })).status, 303);
	assert.match(held(who), /csamNotice: security/);
});

await check('a password that was shown again makes no stronger key recent', async () => {
	const who = somebody(), { agent } = await comeIn(who, '/keys/key?id=app-1');
	await later(301);
	// A new proof of the same session, with less.
	await comeIn(who, '/keys/key?id=password-1', 'password', agent);
	const { csrf_token } = fieldsOf(await agent.visit(`${issuer}/keys/key?id=password-1`), '/keys/key');
	assert.ok(login(await post(agent, '/keys/key', { csrf_token, id: 'app-1', act: 'end' })));
	assert.ok(login(await post(agent, '/keys/new/app', { csrf_token, code: '000000' })));
	assert.equal(state(who, 'app-1'), 'active');
});

await check('a draft of an app is good for a quarter of an hour, its form for an hour, however recent the login', async () => {
	const who = somebody(), { agent, page } = await comeIn(who, '/keys/new/app'), form = fieldsOf(page, '/keys/new/app'), code = () => changes['/keys/new/app'].form(who, page).code;
	await later(15 * 60 + 5);
	const again = await comeIn(who, '/keys/new/app', 'app', agent);
	assert.equal((await post(agent, '/keys/new/app', { ...form, code: code(), label: '' })).status, 400);
	const fresh = fieldsOf(again.page, '/keys/new/app');
	assert.equal((await post(agent, '/keys/new/app', { ...fresh, draft: form.draft, code: code(), label: '' })).status, 400);
	for (let i = 0; i < 4; i++) {
		await later(15 * 60);
		await agent.visit(`${issuer}/keys`);
	}
	await comeIn(who, '/keys/key?id=app-1', 'app', agent);
	assert.equal((await post(agent, '/keys/key', { csrf_token: fresh.csrf_token, id: 'app-1', act: 'end' })).status, 400);
	assert.equal(keysOf(who), 2);
});

await check('an activation is over after half an hour, at each of its steps, and its link opens no other', async () => {
	const uid = 'late-act';
	directory.modify(idpd.csamctl('person', 'new', '--uid', uid, '--given-name', 'Jules', '--family-name', 'Martin'));
	const enrol = () => {
		const both = directory.tool(['sh', '-c', `"$@" 2>&1`, 'sh', path.join(process.env.BUILD, 'csamctl'), 'enrol', '--uid', uid, '--level', '400', '-c', idpd.conf, ...directory.as('admin').slice(3)]);
		directory.modify(both.slice(both.indexOf('dn: ')).replace(/^[a-z]+: .*(link|code).*$/gm, ''));
		return { link: both.match(/link: (\S+)/)[1], code: both.match(/code: (\S+)/)[1] };
	};
	const e = enrol(), agent = new Agent();
	const begin = async () => post(agent, '/activate', { ...fieldsOf(await agent.visit(e.link), '/activate'), code: e.code });
	assert.equal((await begin()).status, 303);
	const steps = { '/activate/password': { password, again: password }, '/activate/keys': { act: 'password' } };
	const { csrf_token } = fieldsOf(await agent.visit(`${issuer}/activate/password`), '/activate/password'), id = agent.cookies.get('__Host-csam-a').split('.')[0];
	assert.equal((await post(agent, '/activate/password', { csrf_token, ...steps['/activate/password'] })).status, 303);
	const app = await agent.visit(`${issuer}/keys/new/app?a=${id}`), form = fieldsOf(app, '/keys/new/app');
	await later(30 * 60 + 1);
	for (const [where, fields] of Object.entries({ ...steps, [`/keys/new/app?a=${id}`]: { ...form, ...changes['/keys/new/app'].form(null, app), csrf_token }, [`/keys/new/mail?a=${id}`]: { address: 'late@csam.example' } })) {
		assert.equal((await post(agent, where, { csrf_token, ...fields })).status, 403, where);
		assert.equal((await agent.visit(issuer + where)).status, 403, where);
	}
	assert.equal((await begin()).status, 400);
	assert.equal(directory.read(`uid=${uid},ou=people,dc=csam,dc=example`, 'csamKeyState').length, 0);
	// And a link that was not used has its end, too.
	const f = enrol(), late = new Agent();
	await later(15 * 24 * 3600);
	assert.equal((await post(late, '/activate', { ...fieldsOf(await late.visit(f.link), '/activate'), code: f.code })).status, 400);
});

await idpd.stop();
done();
