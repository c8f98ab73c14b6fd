// Two people sign in at the same time, again and again: every session, every code, every token is of whom it was given to.
// LOGINS=20000 BUILD_THREAD=build-thread (make soak) does it under ThreadSanitizer.
import assert from 'node:assert/strict';
import { Agent, check, Directory, done, Idpd, issuer, once, progress } from './own.mjs';

// A person has 16 sessions at most, the oldest ends: so few lanes that none is overtaken by 16 others on its way.
const LOGINS = Number(process.env.LOGINS ?? 400), LANES = 8;
const directory = new Directory().start();
// A try counts as wrong until it was right, so that many at once of one person would wait for each other.
const idpd = new Idpd(directory, { sections: 'state {\n\tmap_size = 256\n}\nlimits {\n\tpassword_free = 100000\n\tpassword_max = 100000\n}\n' }).start();
await idpd.ready(60);
const services = { one: directory.service('one', idpd), two: directory.service('two', idpd) };
const people = directory.people('twin', 2, { code: false });
await idpd.ready(60);
await idpd.knows(services);

const stop = url => /^https:\/\/\w+\.example\/cb/.test(url);
const authorize = (s, more = {}) => `${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid profile', client_id: s.client_id, redirect_uri: s.redirect_uris[0], state: 's', ...more });
const claimsOf = t => JSON.parse(Buffer.from(t.split('.')[1], 'base64url'));
async function redeem(s, page) {
	const code = page.callback && new URL(page.callback).searchParams.get('code');
	assert.ok(code, `no code but ${page.callback ?? page.status}`);
	const r = await fetch(`${issuer}/oidc/token`, { method: 'POST', body: new URLSearchParams({ client_id: s.client_id, client_secret: s.client_secret, grant_type: 'authorization_code', code, redirect_uri: s.redirect_uris[0] }) });
	const t = await r.json();
	assert.equal(r.status, 200, JSON.stringify(t));
	const u = await (await fetch(`${issuer}/oidc/userinfo`, { headers: { authorization: `Bearer ${t.access_token}` } })).json();
	assert.equal(u.sub, claimsOf(t.id_token).sub, 'ID token and userinfo name two people');
	return u.sub;
}

// One login with password, then single sign-on at the other service by its cookie. Gives the two subjects.
async function visit(person) {
	const b = new Agent();
	const page = await b.signIn(await b.visit(authorize(services.one), {}, stop), person, { kind: 'password', stop });
	const one = await redeem(services.one, page);
	const two = await redeem(services.two, await b.visit(authorize(services.two, { prompt: 'none' }), {}, stop));
	return { one, two, cookie: b.cookies.get('__Host-csam-s') };
}

for (const p of people) p.subs = await visit(p);
let n = 0;
const strangers = [], sids = new Map(), far = progress('logins', LOGINS);
await once(`${LOGINS} logins of two people in ${LANES} lanes: all are their own`, async () => {
	assert.notEqual(people[0].subs.one, people[1].subs.one);
	await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
		while (n < LOGINS) {
			const p = people[(n++ + lane) % 2], v = await visit(p), sid = v.cookie.split('.')[0];
			if (v.one !== p.subs.one || v.two !== p.subs.two) strangers.push(p.username);
			if (sids.has(sid)) strangers.push(`session ${sid} twice`);
			sids.set(sid, p.subject);
			far(n);
		}
	}));
	assert.deepEqual(strangers, []);
});
await check('the audit trail says the same of each', async () => {
	const lines = idpd.auditLines().filter(l => l.event === 'login.ok');
	assert.ok(lines.length >= sids.size);
	for (const l of lines) if (sids.has(l.session)) assert.equal(l.subject, sids.get(l.session));
});
await once('no thread touched what was another\'s', async () => {
	assert.equal(await idpd.stop(), 0);
	assert.deepEqual(idpd.log.split('\n').filter(l => /Sanitizer|runtime error|ended with status/.test(l)).slice(0, 10), []);
});
directory.tool([`${process.env.TOP}/setup/directory`, 'stop', directory.dir]);
done();
