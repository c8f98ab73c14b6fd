// What an administrator changes with ldapmodify holds within a second, for everything that was given out before.
import assert from 'node:assert/strict';
import { Agent } from './agent.mjs';
import { check, done, ldapmodify, ldapRead, newPerson, target } from './csam.mjs';
import { answer, asClient, authorize, introspect, issuer, level, newServices, pause, random, redeem, refresh, request, secondDaemon, tokens, userinfo } from './flow.mjs';

const base = target.ldap.base, her = name => `uid=${name},ou=people,${base}`, key = (id, name) => `csamKeyId=${id},${her(name)}`, its = id => `cn=${id},ou=services,${base}`;
const change = (dn, attribute, ...values) => ldapmodify(`dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${values.map(v => `${attribute}: ${v}\n`).join('')}`);
let n = 0;
const service = (more = {}) => newServices({ client_id: `revoke-${++n}`, default_acr_values: [level(200)], grant_types: ['authorization_code', 'refresh_token'], ...more }).then(l => l[0]);
const person = options => newPerson(`revoke-${++n}`, options);
const second = await secondDaemon(Number(new URL(issuer).port) + 43);

// Everything that rests on one sign-in: the browser's session, a code, tokens that end with the session, tokens that outlive it.
async function given(web, who, kind) {
	const agent = new Agent();
	const online = await redeem(await authorize(web, agent, who, { kind })).then(r => r.json), offline = await tokens(web, agent, who, { kind, params: { scope: 'openid offline_access', prompt: 'consent' } });
	assert.ok(online.refresh_token && offline.refresh_token, 'refresh tokens');
	const code = await authorize(web, agent);
	// each says whether it still opens
	const uses = {
		'single sign-on': async () => { const p = await agent.visit(request(web, { prompt: 'none' }).url); return Boolean(p.callback && answer(p).code); },
		'single sign-on at the second daemon': async () => { const p = await new Agent().send(request(web, { prompt: 'none' }).url, { port: second.port, headers: { cookie: [...agent.cookies].map(([n, v]) => `${n}=${v}`).join('; ') } }); return Boolean(p.location?.includes('code=')); },
		'userinfo': async () => (await userinfo(online.access_token)).status === 200,
		'userinfo at the second daemon': async () => (await userinfo(online.access_token, { port: second.port })).status === 200,
		'userinfo of the offline token': async () => (await userinfo(offline.access_token)).status === 200,
		'introspection': async () => (await introspect(web, online.access_token)).json.active === true,
		'introspection of the offline refresh token': async () => (await introspect(web, offline.refresh_token)).json.active === true,
	};
	const once = {
		'the code': async () => (await redeem(code)).status === 200,
		'the refresh token': async () => (await refresh(web, online.refresh_token)).status === 200,
		'the offline refresh token': async () => (await refresh(web, offline.refresh_token, { port: second.port })).status === 200,
	};
	for (const [what, use] of Object.entries(uses)) assert.ok(await use(), `${what} before`);
	return { agent, uses, once };
}

// After the change none of it opens: the uses within a second, then what is good for once.
async function ends(g, fn, but = []) {
	fn();
	const began = Date.now();
	for (const [what, use] of Object.entries(g.uses)) {
		if (but.includes(what)) continue;
		while (await use()) {
			assert.ok(Date.now() - began < 1000, `${what} still opens after a second`);
			await pause(20);
		}
	}
	for (const [what, use] of Object.entries(g.once)) if (!but.includes(what)) assert.ok(!await use(), `${what} opens`);
	for (const [what, use] of Object.entries(g.uses)) if (!but.includes(what)) assert.ok(!await use(), `${what} opens again`);
}

const past = '20200101000000Z', when = {
	'the person is suspended': (w, p) => change(her(p), 'csamPersonState', 'suspended'),
	'the state of the person is taken away': (w, p) => change(her(p), 'csamPersonState'),
	'the password is changed': (w, p) => change(her(p), 'userPassword', `another ${random()}`),
	'the password is taken away': (w, p) => change(her(p), 'userPassword'),
	'the person is deleted': (w, p) => ldapmodify(`${keysOf(p).map(dn => `dn: ${dn}\nchangetype: delete\n`).join('\n')}\ndn: ${her(p)}\nchangetype: delete\n`),
	'the service is suspended': w => change(its(w), 'csamServiceState', 'suspended'),
	'the service is deleted': w => ldapmodify(`dn: ${its(w)}\nchangetype: delete\n`),
	'the service wants a higher level': w => change(its(w), 'csamServiceLevel', '400'),
	'the service accepts other keys only': w => change(its(w), 'csamServiceKeyKind', 'app'),
	'the service gets a new secret': w => change(its(w), 'csamClientSecret', 'another-secret-of-32-characters-or-so'),
};
const keysOf = p => ['app-1', 'password-1'].map(id => key(id, p)).filter(dn => { try { return ldapRead(dn, 'csamKeyId'); } catch { return false; } });
// A new secret ends what needs the secret, not what people hold.
const stays = { 'the service gets a new secret': ['single sign-on', 'single sign-on at the second daemon', 'userinfo', 'userinfo at the second daemon', 'userinfo of the offline token'] };

for (const [what, act] of Object.entries(when))
	await check(`${what}: what was given out ends within a second`, async () => {
		const web = await service(), p = person({ code: false });
		if (what.includes('password')) await pause(1100);	// slapd notes in whole seconds when a password was set
		await ends(await given(web, p, 'password'), () => act(web.client_id, p.username), stays[what]);
	});

const strong = {
	'the key is locked': p => change(key('app-1', p), 'csamKeyState', 'locked'),
	'the key is revoked': p => change(key('app-1', p), 'csamKeyState', 'revoked'),
	'the key is deleted': p => ldapmodify(`dn: ${key('app-1', p)}\nchangetype: delete\n`),
	'the key has run out': p => change(key('app-1', p), 'csamKeyNotAfter', past),
	'the key is worth less': p => change(key('app-1', p), 'csamKeyLevel', '200'),
	'the person is worth less': p => change(her(p), 'csamIdentityLevel', '200'),
};
for (const [what, act] of Object.entries(strong))
	await check(`${what}: what was given out at its level ends within a second`, async () => {
		const web = await service({ default_acr_values: [level(400)] }), p = person();
		await ends(await given(web, p, 'app'), () => act(p.username));
	});

await check('the service may not be entered any more by this person: single sign-on and tokens end', async () => {
	const web = await service(), p = person({ code: false });
	const g = await given(web, p, 'password');
	await ends(g, () => change(its(web.client_id), 'csamServiceAllow', '(uid=somebody-else)'));
});

await check('an address is taken from the service: nobody is sent there a second later, and a code for it is worth nothing', async () => {
	const web = await service({ redirect_uris: ['https://gone.example/cb'] }), p = person({ code: false }), agent = new Agent();
	const code = await authorize(web, agent, p);
	change(its(web.client_id), 'csamRedirectURI', 'https://kept.example/cb');
	const began = Date.now();
	for (;;) {
		const page = await agent.send(request(web, { prompt: 'none' }).url);
		if (!page.location) break;
		assert.ok(Date.now() - began < 1000, 'still sent there after a second');
		await pause(20);
	}
	assert.equal((await redeem(code)).json.error, 'invalid_grant');
});

await check('the service may not refresh any more', async () => {
	const web = await service(), p = person({ code: false }), agent = new Agent(), t = await tokens(web, agent, p);
	change(its(web.client_id), 'csamGrant', 'authorization_code');
	await pause(1000);
	assert.match((await refresh(web, t.refresh_token)).json.error, /unauthorized_client|invalid_grant|unsupported_grant_type/);
});

await check('signing out ends what rests on the session, and not what outlives it', async () => {
	const web = await service(), p = person({ code: false }), g = await given(web, p, 'password');
	const page = await g.agent.send(`${issuer}/logout`);
	const out = () => g.agent.send(`${issuer}/logout`, { method: 'POST', form: { csrf_token: Agent.field(page, 'csrf_token') }, headers: { origin: issuer } });
	await out();
	await ends(g, () => {}, ['introspection of the offline refresh token', 'the offline refresh token', 'userinfo of the offline token']);
	assert.ok(await g.once['the offline refresh token'](), 'offline access was asked for');
});

await check('a token that is revoked by its client ends its family, on both daemons; another\'s cannot be revoked', async () => {
	const [web, other, p] = [await service(), await service(), person({ code: false })], agent = new Agent();
	const t = await tokens(web, agent, p);
	await asClient(other, '/oidc/revoke', { token: t.access_token });
	await asClient(other, '/oidc/revoke', { token: t.refresh_token });
	assert.equal((await userinfo(t.access_token)).status, 200, 'not by another client');
	assert.equal((await introspect(other, t.access_token)).json.active, false, 'nor seen by it');
	assert.equal((await asClient(web, '/oidc/revoke', { token: t.refresh_token })).status, 200);
	for (const port of [undefined, second.port]) assert.equal((await userinfo(t.access_token, { port })).status, 401);
	assert.equal((await refresh(web, t.refresh_token)).json.error, 'invalid_grant');
});

await second.end();
done();
