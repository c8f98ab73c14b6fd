// Servers let people in: the challenge profile, turn by turn, with a host's own key, and everything that must not get through.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import { Agent, send } from './agent.mjs';
import { check, csamctl, done, ldapmodify, ldapRead, newPerson, once, target, totp } from './csam.mjs';
import { at, authorize, issuer, level, newServices, notOurFault, pause, tokens, trail, userinfo, words } from './flow.mjs';
import { Host } from './host.mjs';

const run = Date.now().toString(36);
const person = (name, options) => newPerson(`${name}-${run}`, options);
const dn = p => `uid=${p.username},ou=people,${target.ldap.base}`;
const modify = (p, lines) => ldapmodify(`dn: ${dn(p)}\nchangetype: modify\n${lines}\n`);

// A code is good once; the one before is still accepted: so two logins a person need no wait.
const last = new Map();
async function code(p) {
	for (;; await pause(200)) {
		const step = Math.floor(Date.now() / 30000), next = Math.max((last.get(p.totp) ?? 0) + 1, step - 1);
		if (next > step || (next < step && Date.now() % 30000 > 24000)) continue;
		last.set(p.totp, next);
		return totp(p.totp, next * 30000);
	}
}
const idToken = r => JSON.parse(Buffer.from(r.json.id_token.split('.')[1], 'base64url'));
const error = (r, what, status = 400) => { assert.equal(r.json?.error, what, r.text); assert.equal(r.status, status, r.text); return r; };
const asks = (r, ...words) => { error(r, 'insufficient_authorization'); assert.deepEqual(r.json.prompt.ask, words); return r; };
const shape = r => { const j = structuredClone(r.json); delete j.auth_session; return JSON.stringify([r.status, j]); };

const [emma, dora, paul, sami, solo, rita, tom, mia, ines] = ['emma', 'dora', 'paul', 'sami', 'solo', 'rita', 'tom', 'mia', 'ines'].map(n => person(n, { code: !['solo', 'mia'].includes(n) }));
const spare = ['vera', 'wim', 'xena', 'yves', 'zoe'].map(n => person(n));
modify(emma, 'add: objectClass\nobjectClass: posixAccount\n-\nadd: cn\ncn: Emma\n-\nadd: uidNumber\nuidNumber: 10001\n-\nadd: gidNumber\ngidNumber: 10001\n-\nadd: homeDirectory\nhomeDirectory: /home/emma');
modify(paul, 'replace: preferredLanguage\npreferredLanguage: fr');
modify(sami, 'replace: csamPersonState\ncsamPersonState: suspended');
const everybody = `(|${[emma, dora, paul, sami, solo, rita, mia, ines, ...spare].map(p => `(uid=${p.username})`).join('')})`;	// not tom
const host = await new Host(`srv1-${run}`, { allow: [everybody] }).register(), other = await new Host(`srv2-${run}`, { allow: [everybody] }).register();
const low = await new Host(`srv3-${run}`, { allow: [everybody], level: 200 }).register(), closed = await new Host(`srv4-${run}`, { allow: [] }).register();

async function login(p, h = host, form) {
	let t = asks(await h.begin(p.username, form), 'secret');
	t = asks(await h.answer(t, { secret: p.password }), 'code');
	t = await h.answer(t, { code: await code(p) });
	assert.equal(t.status, 200, t.text);
	return t;
}

await check('the metadata names the endpoints and the version', async () => {
	const m = (await send(at('/.well-known/openid-configuration'))).json;
	assert.equal(m.authorization_challenge_endpoint, at('/oidc/challenge'));
	assert.equal(m.csam_account_endpoint, at('/oidc/challenge/account'));
	assert.deepEqual(m.csam_profiles_supported, [1]);
});

await check('password and code give a code, and that an ID token for this host', async () => {
	const t = await login(emma), r = await host.redeem(t);
	assert.equal(r.status, 200, r.text);
	const id = idToken(r);
	assert.deepEqual([id.iss, id.aud, id.nonce, id.acr], [issuer, host.id, t.nonce, level(400)]);
	assert.deepEqual(id.amr, ['pwd', 'otp', 'mfa']);
	assert.deepEqual(id.csam_posix, { name: emma.username, uidNumber: 10001 });
	assert.equal(id.sid, undefined);
	assert.ok(Math.abs(id.auth_time - Date.now() / 1000) < 5);
	assert.deepEqual([r.json.access_token, r.json.token_type, r.json.refresh_token], ['none', 'N_A', undefined]);
	assert.equal((await userinfo('none')).status, 401);
	assert.equal(t.headers.getSetCookie().length + r.headers.getSetCookie().length, 0);
	error(await host.redeem(t), 'invalid_grant');
	const lines = trail().filter(l => l.service === host.id && l.event === 'login.ok');
	assert.ok(lines.some(l => l.via === 'sshd' && l.level === 400 && l.session === undefined), JSON.stringify(lines));
});

await check('who asks for an ID token gets it instead of a code; the same answer again gets another while the person stands', async () => {
	const nonce = 'n-of-this-one', begin = h => h.begin(ines.username, { response_type: 'id_token', code_challenge: undefined, code_challenge_method: undefined, nonce });
	const t = asks(await host.answer(asks(await begin(host), 'secret'), { secret: ines.password }), 'code'), right = { code: await code(ines) };
	error(await other.answer(t, right), 'invalid_session');
	const r = await host.answer(t, right), id = idToken(r);
	assert.deepEqual(Object.keys(r.json), ['id_token']);
	assert.deepEqual([id.iss, id.aud, id.nonce, id.acr, id.amr, id.csam_posix, id.at_hash, id.sid], [issuer, host.id, nonce, level(400), ['pwd', 'otp', 'mfa'], { name: ines.username }, undefined, undefined]);
	assert.ok(Math.abs(id.auth_time - Date.now() / 1000) < 5);
	assert.equal((await send(at('/oidc/jwks'))).json.keys.filter(k => k.kid === JSON.parse(Buffer.from(r.json.id_token.split('.')[0], 'base64url')).kid).length, 1);
	assert.equal(idToken(await host.answer(t, right)).nonce, nonce);
	error(await host.answer(t, { code: '000000' }), 'invalid_session');
	assert.ok(trail().some(l => l.service === host.id && l.event === 'login.ok' && l.level === 400));
	modify(ines, 'replace: csamPersonState\ncsamPersonState: suspended');
	await pause(1000);
	error(await host.answer(t, right), 'access_denied');
	asks(await host.answer(asks(await begin(host), 'secret'), { secret: ines.password }), 'secret');
	for (const response_type of ['id_token code', 'code id_token', 'token', 'id_token '])
		error(await host.begin(ines.username, { response_type }), 'unsupported_response_type');
});

await check('a login on a host opens no web service, and a second login asks again', async () => {
	const [web] = await newServices({ client_id: `web-${run}`, default_acr_values: [level(200)] });
	const t = await login(dora), [id, secret] = t.json.authorization_code.match(/.{1,22}/g);
	for (const cookie of [t.json.authorization_code, `${id}.${secret}`]) {
		const agent = new Agent();
		agent.cookies.set('__Host-csam-s', cookie);
		assert.ok(!(await agent.visit(at('/oidc/authorize?' + new URLSearchParams({ client_id: web.client_id, redirect_uri: web.redirect_uris[0], response_type: 'code', scope: 'openid' })))).callback);
	}
	assert.equal((await userinfo(t.json.authorization_code)).status, 401);
	asks(await host.begin(dora.username), 'secret');
});

await check('the host speaks the person\'s language once the password was right, and before that its own', async () => {
	const t = asks(await host.begin(paul.username, { ui_locales: 'en' }), 'secret');
	assert.equal(t.json.prompt.label, 'Password: ');
	const wrong = await host.answer(t, { secret: 'no' });
	assert.match(wrong.json.prompt.note, /not right/);
	assert.equal((await host.answer(wrong, { secret: paul.password })).json.prompt.label, 'Code de sécurité : ');
	assert.equal((await host.begin(emma.username, { ui_locales: 'fr' })).json.prompt.label, 'Mot de passe : ');
});

await check('after a public key the code alone is asked: level of the key, amr otp', async () => {
	let t = asks(await host.begin(dora.username, { proven: 'publickey' }), 'code');
	t = await host.answer(t, { code: await code(dora) });
	assert.equal(t.status, 200, t.text);
	const id = idToken(await host.redeem(t));
	assert.deepEqual([id.amr, id.acr, id.csam_posix], [['otp'], level(400), { name: dora.username }]);
	error(await low.begin(dora.username, { proven: 'yes' }), 'invalid_request');
	error(await host.begin(dora.username, { proven: 'publickey', can: 'secret' }), 'unmet_authentication_requirements');
	t = asks(await host.begin(dora.username, { proven: 'publickey' }), 'code');
	error(await host.answer(t, { secret: dora.password }), 'invalid_request');
	t = asks(await host.answer(t, { code: totp(dora.totp, last.get(dora.totp) * 30000) }), 'code');
	assert.match(t.json.prompt.note, /code/, 'the same code again is refused');
});

await check('unknown, suspended, without key, misspelt: the same bytes as for a wrong answer', async () => {
	const names = [emma.username, `nobody-${run}`, sami.username, solo.username, 'root', emma.username.toUpperCase(), '*', '../x', 'ü'];
	const rhost = `10.${[16, 8, 0].map(n => Date.now() >> n & 255).join('.')}`;	// delays are a network's
	for (const proven of [undefined, 'publickey']) {
		const seen = new Set(), times = new Map();
		for (const name of names) {
			let t = await host.begin(name, { proven, rhost }), all = shape(t);
			for (let i = 0; i < 2; i++) {
				const began = performance.now();
				t = await host.answer(t, proven ? { code: '000000' } : { secret: 'wrong password' });
				times.set(name, Math.min(times.get(name) ?? Infinity, performance.now() - began));
				all += shape(t);
			}
			seen.add(all);
		}
		assert.equal(seen.size, 1, [...seen].join('\n'));
		if (proven) assert.ok([...times.values()].every(ms => ms > 20 && ms < 200), JSON.stringify([...times]));
	}
	const t = asks(await host.begin(sami.username), 'secret');
	assert.equal(shape(await host.answer(t, { secret: sami.password })), shape(await host.answer(await host.begin(`nobody-${run}`), { secret: sami.password })), 'suspended, with the right password');
});

await check('empty, wrong, foreign and oversized answers; nothing is used up by what was not asked', async () => {
	let t = asks(await host.begin(rita.username), 'secret');
	for (const form of [{ code: '123456' }, { choice: 'app' }, { text: rita.username }, { secret: 'x'.repeat(513) }, { secret: 'x'.repeat(10000) }, { secret: rita.password, code: '1' }])
		error(await host.answer(t, form), 'invalid_request');
	assert.ok((await host.answer(t, { secret: 'x'.repeat(70000) })).status >= 400);
	let u = asks(await host.answer(t, {}), 'secret');
	assert.match(u.json.prompt.note, /Nothing|Rien/);
	u = asks(await host.answer(u, { secret: '\x01\xff\u0007' }), 'secret');
	u = asks(await host.answer(u, { secret: rita.password + ' ' }), 'secret');
	u = asks(await host.answer(u, { secret: rita.password }), 'code');
	u = asks(await host.answer(u, { code: '' }), 'code');
	for (const bad of ['abcdef', '12345', '1234567', '００００００'])
		u = asks(await host.answer(u, { code: bad }), 'code');
	assert.equal((await host.answer(u, { code: await code(rita) })).status, 200);
	error(await host.answer(t, { secret: rita.password }), 'invalid_session');
	for (const auth_session of ['', 'x', '.', 'x'.repeat(66), 'x'.repeat(5000), t.json.auth_session.slice(0, -1) + 'A'])
		notOurFault(error(await host.post('/oidc/challenge', { auth_session, secret: 'x' }), 'invalid_session'));
});

await once('an auth_session works once: the same answer gets the same reply, another is refused; of 32 in parallel one is evaluated', async () => {
	const t = asks(await host.begin(spare[0].username), 'secret');
	const first = asks(await host.answer(t, { secret: spare[0].password }), 'code'), again = asks(await host.answer(t, { secret: spare[0].password }), 'code');
	assert.equal(first.text, again.text);
	error(await host.answer(t, { secret: 'other' }), 'invalid_session');
	const right = await code(spare[0]), results = await Promise.all(Array.from({ length: 32 }, () => host.answer(first, { code: right })));
	results.forEach(r => notOurFault(r, 'a race of answers'));
	const won = results.filter(r => r.status === 200);
	assert.ok(won.length >= 1, results[0].text);
	const redeemed = [];
	for (const r of won) redeemed.push(await host.redeem(r));
	assert.equal(redeemed.filter(r => r.status === 200).length, 1, 'they are one code');
	const wrong = asks(await host.begin(spare[1].username), 'secret');
	const race = await Promise.all(Array.from({ length: 32 }, (_, i) => host.answer(wrong, { secret: `wrong ${i}` })));
	assert.equal(race.filter(r => r.json.error === 'insufficient_authorization').length, 1);
	assert.ok(race.filter(r => r.json.error !== 'insufficient_authorization').every(r => r.json.error === 'invalid_session'), race.map(r => r.text).join('\n'));
});

await check('another host\'s auth_session, code and key are worth nothing', async () => {
	const t = asks(await host.begin(spare[2].username), 'secret');
	error(await other.answer(t, { secret: spare[2].password }), 'invalid_session');
	const u = asks(await host.answer(t, { secret: spare[2].password }), 'code');
	const yes = await host.answer(u, { code: await code(spare[2]) });
	error(await other.redeem(yes), 'invalid_grant');
	error(await host.redeem(yes, { code_verifier: 'x'.repeat(43) }), 'invalid_grant');
	error(await host.redeem(yes, { code_verifier: undefined }), 'invalid_grant');
	error(await host.redeem(yes, { redirect_uri: 'https://localhost/' }), 'invalid_grant');
	error(await host.redeem(yes, {}, { assertion: other.assertion() }), 'invalid_request');
	assert.equal((await host.redeem(yes)).status, 200);
	error(await host.begin(emma.username, {}, { assertion: host.assertion({}, { key: other.pair.privateKey }) }), 'invalid_client', 401);
});

await check('an auth_session is no web ticket, and the reverse', async () => {
	const t = asks(await host.begin(emma.username), 'secret');
	for (const cookie of [host.id, `\\0${host.id}`, '']) {
		const page = await send(at('/login'), { method: 'POST', headers: { cookie: `__Host-csam-b=${cookie}`, origin: issuer }, form: { ticket: t.json.auth_session, c: t.json.auth_session.split('.')[0], password: emma.password } });
		assert.ok(page.status >= 400 && page.status < 500 && !page.headers.getSetCookie().some(c => /csam-s=/.test(c)), `${page.status} ${words(page)}`);
		assert.equal((await send(at(`/login?c=${t.json.auth_session.split('.')[0]}`), { headers: { cookie: `__Host-csam-b=${cookie}` } })).status, 404);
	}
	const agent = new Agent();
	let page = await agent.visit(at('/login'));
	if (Agent.has(page, 'choice')) page = await agent.answer(page, { choice: 'password' });
	const ticket = Agent.field(page, 'ticket');
	error(await host.post('/oidc/challenge', { auth_session: ticket, secret: emma.password }), 'invalid_session');
	error(await host.post('/oidc/challenge', { auth_session: ticket, text: emma.username, secret: emma.password }), 'invalid_session');
	asks(await host.answer(t, { secret: emma.password }), 'code');
});

await once('a client assertion is good once, and only for where it is meant', async () => {
	const once = host.assertion();
	asks(await host.begin(emma.username, {}, { assertion: once }), 'secret');
	error(await host.begin(emma.username, {}, { assertion: once }), 'invalid_client', 401);
	asks(await host.begin(emma.username, {}, { assertion: host.assertion({ aud: at('/oidc/challenge') }) }), 'secret');
	for (const claims of [{ aud: at('/oidc/challenge/account') }, { aud: 'https://elsewhere.example' }, { aud: at('/oidc/challenge/') }, { jti: undefined }, { jti: undefined, aud: at('/oidc/token') }, { jti: undefined, aud: [at('/oidc/challenge')] }, { jti: undefined, aud: at('/oidc/challenge'), exp: Math.floor(Date.now() / 1000) + 900 }, { exp: 1 }, { iss: other.id }])
		error(await host.begin(emma.username, {}, { assertion: host.assertion(claims) }), 'invalid_client', 401);
	for (const claims of [{ aud: issuer }, { aud: at('/oidc/token') }, { aud: [at('/oidc/challenge/account')] }, { aud: [at('/oidc/challenge/account'), issuer] }, { exp: 1 }, { exp: Math.floor(Date.now() / 1000) + 3600 }])
		error(await host.account(emma.username, {}, { claims }), 'invalid_client', 401);
	const often = host.assertion({ aud: at('/oidc/challenge'), jti: undefined });
	for (let i = 0; i < 3; i++) asks(await host.answer(asks(await host.begin(emma.username, {}, { assertion: often }), 'secret'), { secret: emma.password }, { assertion: often }), 'code');
	for (const changed of [often.slice(0, -2) + (often.endsWith('AA') ? 'BB' : 'AA'), often.replace(/\.[^.]*$/, '.'), often + 'A'])
		error(await host.begin(emma.username, {}, { assertion: changed }), 'invalid_client', 401);
	for (const path of ['/oidc/challenge/account', '/oidc/token', '/oidc/introspect'])
		error(await host.post(path, { user: emma.username, grant_type: 'authorization_code', code: 'x', token: 'x' }, { assertion: often }), 'invalid_client', 401);
	error(await other.begin(emma.username, {}, { assertion: often }), 'invalid_request');
	const short = host.assertion({ aud: at('/oidc/challenge'), jti: undefined, exp: Math.floor(Date.now() / 1000) + 2 });
	asks(await host.begin(emma.username, {}, { assertion: short }), 'secret');
	await pause(2500);
	error(await host.begin(emma.username, {}, { assertion: short }), 'invalid_client', 401);
	const lasting = host.assertion({ aud: at('/oidc/challenge/account'), jti: 'same' });
	for (let i = 0; i < 3; i++)
		assert.equal((await host.post('/oidc/challenge/account', { user: emma.username }, { assertion: lasting })).json.account, 'allowed');
	for (const path of ['/oidc/challenge', '/oidc/token', '/oidc/introspect', '/oidc/revoke'])
		error(await host.post(path, { user: emma.username, grant_type: 'authorization_code', code: 'x', token: 'x' }, { assertion: lasting }), 'invalid_client', 401);
});

await check('who is no host, or speaks another version, or says half of it, is told', async () => {
	const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const [web] = await newServices({ client_id: `jwt-${run}`, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'h1', alg: 'ES256' }] } });
	const not = Object.assign(new Host(web.client_id), { pair });
	error(await not.begin(emma.username), 'invalid_client', 401);
	error(await not.account(emma.username), 'invalid_client', 401);
	for (const csam_profile of [undefined, '', '2', '1 2'])
		error(await host.begin(emma.username, { csam_profile }), 'invalid_request');
	for (const [form, what] of [[{ response_type: 'token' }, 'unsupported_response_type'], [{ scope: 'profile' }, 'invalid_scope'], [{ nonce: '' }, 'invalid_request'], [{ nonce: 'x'.repeat(513) }, 'invalid_request'],
		[{ code_challenge: undefined }, 'invalid_request'], [{ code_challenge_method: 'plain' }, 'invalid_request'], [{ user: '' }, 'invalid_request'], [{ user: 'x'.repeat(257) }, 'invalid_request'], [{ pam_service: 'a b' }, 'invalid_request'],
		[{ operation: 'account' }, 'invalid_request'], [{ operation: 'x' }, 'invalid_request'], [{ acr_values: level(500) }, 'unmet_authentication_requirements'], [{ acr_values: 'urn:x' }, 'unmet_authentication_requirements'], [{ can: 'show' }, 'unmet_authentication_requirements']])
		error(await host.begin(emma.username, form), what);
	error(await host.begin([emma.username, 'root'].join('&user=') && emma.username, {}, { assertion: '' }), 'invalid_client', 401);
});

await check('who may not enter is refused, after everything was right; a host without csamServiceAllow lets nobody in', async () => {
	for (const [p, h] of [[tom, host], [spare[3], closed]]) {
		let t = asks(await h.begin(p.username), 'secret');
		t = asks(await h.answer(t, { secret: p.password }), 'code');
		t = error(await h.answer(t, { code: await code(p) }), 'access_denied');
		assert.ok(t.json.message.length > 10);
	}
	let t = asks(await host.begin(tom.username, { proven: 'publickey' }), 'code');
	error(await host.answer(t, { code: await code(tom) }), 'access_denied');
});

await check('a level that is not reached is refused; acr_values may ask for more than the host', async () => {
	let t = asks(await low.begin(solo.username), 'secret');
	t = await low.answer(t, { secret: solo.password });
	assert.equal(t.status, 200, t.text);
	const id = idToken(await low.redeem(t));
	assert.deepEqual([id.acr, id.amr], [level(200), ['pwd']]);
	for (const [h, form] of [[host, {}], [low, { acr_values: level(400) }], [host, { can: 'secret code' }]]) {
		t = asks(await h.begin(solo.username, form), 'secret');
		error(await h.answer(t, { secret: solo.password }), 'access_denied');
	}
	t = asks(await low.begin(spare[3].username, { acr_values: level(400) }), 'secret');
	t = asks(await low.answer(t, { secret: spare[3].password }), 'code');
	t = await low.answer(t, { code: await code(spare[3]) });
	assert.equal(idToken(await low.redeem(t)).acr, level(400));
});

await check('what a code rests on is looked at when it is redeemed: key, person, password, right to enter', async () => {
	const p = spare[4], key = `csamKeyId=app-1,${dn(p)}`, state = s => ldapmodify(`dn: ${key}\nchangetype: modify\nreplace: csamKeyState\ncsamKeyState: ${s}\n`);
	const t = await login(p), u = await login(p);
	state('locked');
	await pause(500);
	error(await host.redeem(t), 'invalid_grant');
	state('active');
	await pause(500);
	modify(p, 'replace: csamPersonState\ncsamPersonState: suspended');
	await pause(500);
	error(await host.redeem(u), 'invalid_grant');
	assert.equal((await host.account(p.username)).json.account, 'suspended');
	modify(p, 'replace: csamPersonState\ncsamPersonState: active');
	const allow = rule => ldapmodify(`dn: ${other.dn}\nchangetype: modify\nreplace: csamServiceAllow\ncsamServiceAllow: ${rule}\n`);
	await pause(500);
	const v = await login(rita, other);
	allow('(uid=nobody-at-all)');
	await pause(500);
	error(await other.redeem(v), 'invalid_grant');
	allow(everybody);
	for (let i = 0; (await other.account(emma.username)).json.account !== 'allowed'; i++) { assert.ok(i < 600, 'allowed again'); await pause(50); }
});

await check('account: every answer', async () => {
	const account = async (name, h = host) => (await h.account(name)).json;
	assert.deepEqual(await account(emma.username), { account: 'allowed', csam_posix: { name: emma.username, uidNumber: 10001 }, valid_for: 3600 });
	for (const [name, h, what] of [[sami.username, host, 'suspended'], [tom.username, host, 'not_allowed'], [emma.username, closed, 'not_allowed'], [`nobody-${run}`, host, 'unknown'], ['root', host, 'unknown'],
		[emma.username.toUpperCase(), host, 'unknown'], ['*', host, 'unknown']])
		assert.deepEqual([(await account(name, h)).account, (await account(name, h)).valid_for], [what, undefined], name);
	assert.deepEqual(await account(sami.username), { account: 'suspended' }, 'no numbers of who may not enter');
	assert.deepEqual(await account(tom.username), { account: 'not_allowed' });
	assert.deepEqual(await account(sami.username, closed), { account: 'not_allowed' }, 'a host learns nothing of who would not be let in there');
	modify(spare[3], 'replace: pwdReset\npwdReset: TRUE');
	for (let i = 0; (await account(spare[3].username)).account !== 'must_change_password'; i++) { assert.ok(i < 600, 'pwdReset is seen'); await pause(50); }
	const old = other.assertion({ aud: at('/oidc/challenge/account') }), fresh = new Host(other.id);
	assert.equal((await other.post('/oidc/challenge/account', { user: emma.username }, { assertion: old })).status, 200);
	ldapmodify(`dn: ${other.dn}\nchangetype: modify\nreplace: csamClientJWKS\n${fresh.ldif.match(/^csamClientJWKS: .*$/m)[0]}\n`);
	for (let i = 0; (await other.post('/oidc/challenge/account', { user: emma.username }, { assertion: old })).status !== 401; i++) { assert.ok(i < 600, 'an assertion of a key that was replaced'); await pause(50); }
	other.pair = fresh.pair;
	assert.equal((await other.account(emma.username)).status, 200);
	ldapmodify(`dn: ${other.dn}\nchangetype: modify\nreplace: csamServiceState\ncsamServiceState: suspended\n`);
	for (let i = 0; (await other.account(emma.username)).status !== 401; i++) { assert.ok(i < 600, 'a closed host'); await pause(50); }
	error(await other.begin(emma.username), 'invalid_client', 401);
});

await check('a new password by the rules; the sessions of the old one end', async () => {
	const [web] = await newServices({ client_id: `pw-${run}`, default_acr_values: [level(200)], grant_types: ['authorization_code', 'refresh_token'] });
	const p = spare[3], agent = new Agent(), live = await tokens(web, agent, p);
	assert.equal((await userinfo(live.access_token)).status, 200);
	const begin = q => host.begin(q.username, { operation: 'password', response_type: undefined, scope: undefined, nonce: undefined, code_challenge: undefined, code_challenge_method: undefined, ui_locales: 'en' });
	let t = asks(await begin(p), 'secret');
	assert.equal(t.json.prompt.label, 'Present password: ');
	t = asks(await host.answer(t, { secret: 'wrong' }), 'secret');
	assert.match(t.json.prompt.note, /not right/);
	t = asks(await host.answer(t, { secret: p.password }), 'secret');
	assert.equal(t.json.prompt.label, 'New password: ');
	for (const [bad, why] of [['short', /8 characters/], ['1234567', /8 characters/], ['é'.repeat(7), /8 characters/], ['x'.repeat(257), /too long/], ['Password2024!', /tried first/], ['azertyuiop', /tried first/], ['12345678901', /tried first/], ['zzzzzzzzzzzz', /tried first/],
		['passwordpassword', /tried first/], [p.username + '99', /own name/], [`${p.username}@csam.example`, /own name/], ['tab\there-and-there', /character/]]) {
		t = asks(await host.answer(t, { secret: bad }), 'secret');
		assert.match(t.json.prompt.note ?? '', why, bad);
		assert.equal(t.json.prompt.label, 'New password: ');
	}
	const next = 'grüne Brücke 7 Äpfel';
	t = asks(await host.answer(t, { secret: next }), 'secret');
	assert.equal(t.json.prompt.label, 'New password, once more: ');
	t = asks(await host.answer(t, { secret: next + '!' }), 'secret');
	assert.match(t.json.prompt.note, /not the same/);
	t = asks(await host.answer(t, { secret: next }), 'secret');
	const before = t;
	t = await host.answer(t, { secret: next });
	assert.deepEqual([t.status, t.json], [200, { password: 'changed' }]);
	assert.deepEqual((await host.answer(before, { secret: next })).json, { password: 'changed' }, 'the same answer again');
	for (let i = 0; (await userinfo(live.access_token)).status !== 401; i++) { assert.ok(i < 600, 'the old session has ended'); await pause(50); }
	assert.equal((await host.account(p.username)).json.account, 'allowed', 'nobody must change it any more');
	t = asks(await low.begin(p.username), 'secret');
	asks(await low.answer(t, { secret: p.password }), 'secret');
	asks(await low.answer(await low.begin(p.username), { secret: next }), 'choice');
	assert.ok(trail().some(l => l.event === 'password.changed' && l.via === 'sshd' && l.service === host.id));
	assert.equal(JSON.stringify(trail()).includes('Brücke'), false);
	// somebody without a key that asks for a code needs more of it
	t = asks(await host.answer(await begin(mia), { secret: mia.password }), 'secret');
	t = asks(await host.answer(t, { secret: 'lampe 14 rideau' .slice(0, 14) }), 'secret');
	assert.match(t.json.prompt.note, /15 characters/);
	t = asks(await host.answer(t, { secret: 'lampe 14 rideaux' }), 'secret');
	assert.equal((await host.answer(t, { secret: 'lampe 14 rideaux' })).json.password, 'changed');
	error(await host.answer(await begin(tom), { secret: tom.password }), 'access_denied');
});

await check('idpd\'s own name in the directory sets people\'s passwords, and no others', async () => {
	const config = fs.readFileSync(`${process.env.DEMO}/idpd.conf`, 'utf8'), file = config.match(/password_file\s*=\s*"([^"]+)"/)[1];
	assert.ok(file && fs.existsSync(file.startsWith('/') ? file : `${process.env.DEMO}/${file}`));
	const { execFileSync } = await import('node:child_process');
	const as = lines => execFileSync('ldapmodify', ['-x', '-H', target.ldap.uri, '-D', `cn=idpd,ou=system,${target.ldap.base}`, '-y', file.startsWith('/') ? file : `${process.env.DEMO}/${file}`], { input: lines, encoding: 'utf8', stdio: 'pipe' });
	for (const who of ['cn=admin', 'cn=decoy', 'cn=idpd'])
		assert.throws(() => as(`dn: ${who},ou=system,${target.ldap.base}\nchangetype: modify\nreplace: userPassword\nuserPassword: {SSHA}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n`), /Insufficient access/);
});

for (const h of [host, other, low, closed]) h.remove();
done();
