// What is good for once: codes, refresh tokens, client assertions, one-time codes; in parallel, on two daemons, after a restart.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { Agent, send } from './agent.mjs';
import { check, done, newPerson, once, totp } from './csam.mjs';
import { answer, asClient, at, authorize, claims, issuer, level, newServices, notOurFault, pause, random, redeem, refresh, request, restart, secondDaemon, tokens, userinfo } from './flow.mjs';

const emma = newPerson('replay-emma', { code: false });
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' }), rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }, rsaJwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'k2', alg: 'RS256', use: 'sig' };
const [web, neighbour, strong, signer, other] = await newServices(
	...['replay-web', 'replay-neighbour'].map(client_id => ({ client_id, default_acr_values: [level(200)], grant_types: ['authorization_code', 'refresh_token'] })),
	{ client_id: 'replay-strong', default_acr_values: [level(400)] },
	{ client_id: 'replay-signer', default_acr_values: [level(200)], token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk, rsaJwk] } },
	{ client_id: 'replay-other', default_acr_values: [level(200)], token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } });
const agent = new Agent();
await tokens(web, agent, emma);
const second = await secondDaemon(Number(new URL(issuer).port) + 40);
const ports = [undefined, second.port];	// the first daemon, the second
const won = results => results.filter(r => r.status === 200);
const many = (n, fn) => Promise.all(Array.from({ length: n }, (_, i) => fn(i)));

for (const [where, of] of [['one daemon', [undefined]], ['two daemons', ports]]) {
	await once(`of 64 parallel redemptions of one code one wins, on ${where}`, async () => {
		for (let round = 0; round < 3; round++) {
			const a = await authorize(web, agent);
			const results = await many(64, i => redeem(a, {}, { port: of[i % of.length] }));
			results.forEach(r => notOurFault(r, 'a race for a code'));
			assert.equal(won(results).length, 1);
			assert.ok(results.filter(r => r.status !== 200).every(r => r.json.error === 'invalid_grant'));
			const t = won(results)[0].json;
			assert.equal((await userinfo(t.access_token)).status, 401, 'what the stolen code gave has ended');
			assert.equal((await refresh(web, t.refresh_token)).json.error, 'invalid_grant');
			for (const port of of) assert.equal((await userinfo(t.access_token, { port })).status, 401);
		}
	});

	await once(`of 64 parallel uses of one refresh token at most one wins, and the family ends, on ${where}`, async () => {
		for (let round = 0; round < 3; round++) {
			const t = (await tokens(web, agent));
			const results = await many(64, i => refresh(web, t.refresh_token, { port: of[i % of.length] }));
			results.forEach(r => notOurFault(r, 'a race for a refresh token'));
			assert.ok(won(results).length <= 1, `${won(results).length} won`);
			for (const { json } of [{ json: t }, ...won(results)]) {
				assert.equal((await refresh(web, json.refresh_token)).json.error, 'invalid_grant');
				assert.equal((await userinfo(json.access_token)).status, 401);
			}
		}
	});
}

await once('a code of the first daemon is the second\'s too, once in all', async () => {
	const a = await authorize(web, agent);
	assert.equal((await redeem(a, {}, { port: second.port })).status, 200);
	assert.equal((await redeem(a)).json.error, 'invalid_grant');
});

await check('a refresh token of another client, or of nobody, is refused, and costs its owner nothing', async () => {
	const t = await tokens(web, agent);
	for (const [client, error] of [[neighbour, 'invalid_grant'], [strong, 'unauthorized_client']])
		assert.equal((await refresh(client, t.refresh_token)).json.error, error, client.client_id);
	for (const bad of ['', 'x', t.refresh_token + 'x', t.refresh_token.slice(1), t.access_token, t.id_token])
		assert.match((await refresh(web, bad)).json.error, /invalid_grant|invalid_request/);
	assert.equal((await refresh(web, t.refresh_token)).status, 200);
	assert.match((await asClient(web, '/oidc/token', { grant_type: 'refresh_token', refresh_token: (await tokens(web, agent)).refresh_token, scope: 'openid profile email address phone' })).json.error, /invalid_scope/, 'more than was granted');
});

await check('refreshed and asked silently 100 times: acr, amr, auth_time stay', async () => {
	let t = await tokens(web, agent);
	const before = claims(t), same = c => assert.deepEqual([c.acr, c.amr, c.auth_time, c.sub, c.sid], [before.acr, before.amr, before.auth_time, before.sub, before.sid]);
	assert.equal(before.acr, level(200));
	await pause(1100);
	for (let i = 0; i < 100; i++) {
		const r = await refresh(web, t.refresh_token, { port: ports[i % 2] });
		assert.equal(r.status, 200, r.text);
		t = r.json;
		same(claims(t));
	}
	for (let i = 0; i < 100; i++) same(claims(await tokens(web, agent, null, { params: { prompt: 'none' } })));
	await pause(1100);
	assert.equal(answer(await agent.visit(request(web, { prompt: 'none', max_age: 1 }).url)).error, 'login_required', 'max_age is held');
	assert.match(answer(await agent.visit(request(strong, { prompt: 'none' }).url)).error, /login_required|interaction_required/, 'and no level was won');
});

// --- client assertions: RFC 7523, RFC 8725 ---
const b64 = v => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v)).toString('base64url');
const claimSet = (more = {}) => ({ iss: signer.client_id, sub: signer.client_id, aud: issuer, jti: random(), iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 60, ...more });
function jws(header, payload, key = pair.privateKey) {
	const text = `${b64(header)}.${b64(payload)}`;
	if (header.alg?.startsWith('HS')) return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
	return `${text}.${key ? sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url') : ''}`;
}
const good = () => jws({ alg: 'ES256', kid: 'k1' }, claimSet());
const assertion = (client_assertion, more = {}, options) => asClient(signer, '/oidc/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: signer.redirect_uris[0],
	client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion, ...more }, options);
const believed = r => r.json.error === 'invalid_grant';

await once('a client assertion is good once, of 64 in parallel on two daemons too', async () => {
	const one = good();
	assert.ok(believed(await assertion(one)), 'it is good at all');
	for (const port of ports) assert.equal((await assertion(one, {}, { port })).json.error, 'invalid_client');
	const race = good();
	const results = await many(64, i => assertion(race, {}, { port: ports[i % 2] }));
	results.forEach(r => notOurFault(r, 'a race of assertions'));
	assert.equal(results.filter(believed).length, 1);
});

await check('assertions that are unsigned, signed otherwise, for others, or not of their time are refused', async () => {
	const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }), stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const its = { ...stranger.publicKey.export({ format: 'jwk' }), kid: 'k1' }, t = Math.floor(Date.now() / 1000), ok = claimSet();
	const bad = {
		'alg none': jws({ alg: 'none' }, claimSet(), null), 'alg None': jws({ alg: 'None', kid: 'k1' }, claimSet(), null), 'alg none, signed': jws({ alg: 'none', kid: 'k1' }, claimSet()), 'no alg': jws({ kid: 'k1' }, claimSet()),
		'HS256 with the public key': jws({ alg: 'HS256', kid: 'k1' }, claimSet(), publicPem), 'HS256 with the DER': jws({ alg: 'HS256', kid: 'k2' }, claimSet(), rsa.publicKey.export({ type: 'spki', format: 'der' })),
		'HS256 with the jwk': jws({ alg: 'HS256', kid: 'k1' }, claimSet(), JSON.stringify(jwk)), 'HS256 with nothing': jws({ alg: 'HS256', kid: 'k1' }, claimSet(), ''),
		'a stranger\'s key': jws({ alg: 'ES256', kid: 'k1' }, claimSet(), stranger.privateKey), 'a stranger\'s, brought along': jws({ alg: 'ES256', kid: 'k1', jwk: its }, claimSet(), stranger.privateKey), 'jku': jws({ alg: 'ES256', kid: 'k1', jku: 'https://evil.example/jwks' }, claimSet(), stranger.privateKey),
		'x5u': jws({ alg: 'ES256', kid: 'k1', x5u: 'https://evil.example/x' }, claimSet(), stranger.privateKey), 'own jwk': jws({ alg: 'ES256', kid: 'k1', jwk: its }, claimSet()), 'crit': jws({ alg: 'ES256', kid: 'k1', crit: ['exp'], exp: t }, claimSet()), 'zip': jws({ alg: 'ES256', kid: 'k1', zip: 'DEF' }, claimSet()),
		'b64 false': jws({ alg: 'ES256', kid: 'k1', b64: false, crit: ['b64'] }, claimSet()), 'unknown kid': jws({ alg: 'ES256', kid: 'k3' }, claimSet()), 'kid of the other': jws({ alg: 'ES256', kid: 'k2' }, claimSet()), 'kid as path': jws({ alg: 'ES256', kid: '../../dev/null' }, claimSet(), stranger.privateKey),
		'RS256 with the EC key\'s kid': jws({ alg: 'RS256', kid: 'k1' }, claimSet(), rsa.privateKey), 'PS256 where the key says RS256': jws({ alg: 'PS256', kid: 'k2' }, claimSet(), rsa.privateKey), 'ES512': jws({ alg: 'ES512', kid: 'k1' }, claimSet()),
		'zero signature': good().replace(/\.[^.]*$/, '.' + Buffer.alloc(64).toString('base64url')), 'no signature': good().replace(/\.[^.]*$/, '.'), 'two parts': good().replace(/\.[^.]*$/, ''), 'four parts': good() + '.x', 'five parts': 'a.b.c.d.e', 'nothing': '', 'dots': '..', 'padding': good() + '=',
		'DER signature': (() => { const x = `${b64({ alg: 'ES256', kid: 'k1' })}.${b64(claimSet())}`; return `${x}.${sign('sha256', Buffer.from(x), pair.privateKey).toString('base64url')}`; })(),
		'expired': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ exp: t - 1 })), 'far away': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ exp: t + 86400 })), 'no exp': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ exp: undefined })), 'exp as text': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ exp: String(t + 60) })),
		'exp beyond numbers': jws({ alg: 'ES256', kid: 'k1' }, JSON.stringify(claimSet()).replace(/"exp":\d+/, '"exp":99999999999999999999')), 'exp 1e3': jws({ alg: 'ES256', kid: 'k1' }, JSON.stringify(claimSet()).replace(/"exp":\d+/, '"exp":1e30')), 'not yet': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ nbf: t + 3600 })), 'from the future': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ iat: t + 3600 })),
		'no jti': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ jti: undefined })), 'jti empty': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ jti: '' })), 'jti a number': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ jti: 5 })), 'jti of 5000': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ jti: 'x'.repeat(5000) })),
		'for another': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ aud: 'https://evil.example' })), 'for nobody': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ aud: [] })), 'for the issuer and a slash': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ aud: issuer + '/' })), 'issued by another': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ iss: other.client_id })),
		'about another': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ sub: other.client_id })), 'of a client with the same key': jws({ alg: 'ES256', kid: 'k1' }, claimSet({ iss: other.client_id, sub: other.client_id })), 'a list': jws({ alg: 'ES256', kid: 'k1' }, [ok]), 'a text': jws({ alg: 'ES256', kid: 'k1' }, '"x"'), 'twice the same member': jws({ alg: 'ES256', kid: 'k1' }, JSON.stringify(claimSet()).replace('{', '{"aud":"x",')),
	};
	for (const [what, a] of Object.entries(bad)) {
		const r = notOurFault(await assertion(a), what);
		assert.ok(!believed(r), `${what} was believed`);
		assert.match(r.json.error, /invalid_client|invalid_request/, what);
	}
	assert.ok(!believed(await assertion(good(), { client_assertion_type: 'x' })));
	assert.ok(!believed(await assertion(good(), { client_secret: 'x' })), 'two ways at once');
	assert.ok(!believed(await assertion(good(), { client_id: other.client_id })), 'another client_id beside it');
	assert.ok(believed(await assertion(good())), 'and a good one still is');
});

await check('client secrets: wrong, empty, another\'s, by another way than registered', async () => {
	const a = await authorize(web, agent), form = { grant_type: 'authorization_code', code: a.code, redirect_uri: a.params.redirect_uri, code_verifier: a.verifier };
	const basic = (id, pw) => ({ authorization: 'Basic ' + Buffer.from(`${id}:${pw}`).toString('base64') });
	for (const headers of [basic('replay-web', ''), basic('replay-web', 'x'), basic('replay-web', web.client_secret + '\0'), basic('replay-web', web.client_secret + ' '), basic('replay-web', web.client_secret.slice(0, -1)), basic('', ''), basic('', web.client_secret), basic('*', web.client_secret), basic('replay-web', '*'),
		basic('replay-web)(uid=*', 'x'), basic('REPLAY-WEB', web.client_secret), { authorization: 'Basic' }, { authorization: 'Basic ' }, { authorization: 'Basic !!!!' }, { authorization: 'Basic ' + 'A'.repeat(6000) }, { authorization: 'Bearer x' }, { authorization: 'Negotiate x' }, { authorization: '' }, {}]) {
		const r = notOurFault(await send(at('/oidc/token'), { method: 'POST', form, headers }), JSON.stringify(headers).slice(0, 80));
		assert.match(r.json.error, /invalid_client|invalid_request/, JSON.stringify(headers).slice(0, 80));
	}
	for (const more of [{ client_id: 'replay-web' }, { client_id: 'replay-web', client_secret: web.client_secret }, { client_id: 'replay-web', client_secret: '' }, { client_id: 'replay-signer' }])
		assert.match((await send(at('/oidc/token'), { method: 'POST', form: { ...form, ...more } })).json.error, /invalid_client|invalid_request/, JSON.stringify(more));
	for (const grant_type of ['password', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:jwt-bearer', 'implicit', 'authorization_code ', 'AUTHORIZATION_CODE', ''])
		assert.match((await asClient(web, '/oidc/token', { ...form, grant_type, username: emma.username, password: emma.password })).json.error, /unsupported_grant_type|invalid_request|unauthorized_client/, grant_type);
	assert.equal((await redeem(a)).status, 200);
});

// --- one-time codes ---
// Waits until the present step has at least this long to live: the tests below mean "the same step".
async function withinStep(ms) { while (30000 - Date.now() % 30000 < ms) await pause(200); }
async function untilCode(person, port) {
	const her = new Agent({ port });
	let page = await her.visit(request(strong).url);
	for (let i = 0; i < 3 && !Agent.has(page, 'code'); i++)
		page = Agent.has(page, 'password') ? await her.answer(page, person) : await her.answer(page, { choice: 'app' });
	assert.ok(Agent.has(page, 'code'), 'asks for a code');
	return { type: code => her.answer(page, { code }), her };
}
const inside = page => Boolean(page.callback && answer(page).code);

await once('a one-time code opens once: again, in parallel on two daemons, after a restart, and the step before it', async () => {
	const people = ['otp-a', 'otp-b', 'otp-c'].map(n => newPerson(`replay-${n}`));
	await withinStep(15000);
	const [a, b, c] = people, code = p => totp(p.totp), previous = p => totp(p.totp, Date.now() - 30000);
	assert.ok(inside(await (await untilCode(a)).type(code(a))), 'the first time');
	assert.ok(!inside(await (await untilCode(a)).type(code(a))), 'the second');
	assert.ok(!inside(await (await untilCode(a, second.port)).type(code(a))), 'on the other daemon');
	assert.ok(!inside(await (await untilCode(a)).type(previous(a))), 'the step before a newer one');
	assert.ok(!inside(await (await untilCode(a)).type(totp(a.totp, Date.now() + 30000))), 'a step to come');
	const tries = [];
	for (let i = 0; i < 8; i++) tries.push(await untilCode(b, ports[i % 2]));
	const results = await Promise.all(tries.map(t => t.type(code(b))));
	results.forEach(r => notOurFault(r, 'a race of one-time codes'));
	assert.equal(results.filter(inside).length, 1, 'of eight at once');
	assert.ok(inside(await (await untilCode(c)).type(previous(c))), 'one step late is in time');
	assert.ok(!inside(await (await untilCode(c)).type(previous(c))), 'but once');
	assert.ok(!inside(await (await untilCode(c)).type(totp(c.totp, Date.now() - 60000))), 'two steps late is not');
	restart();
	assert.ok(!inside(await (await untilCode(b)).type(code(b))), 'after a restart');
});

await once('one ticket is evaluated once: the right password in 32 copies, two answers at once', async () => {
	const her = new Agent();
	let page = await her.visit(request(web).url);
	while (!Agent.has(page, 'password')) page = await her.answer(page, { choice: 'password' });
	const ticket = Agent.field(page, 'ticket'), c = Agent.field(page, 'c');
	const results = await many(32, i => her.send(at('/login'), { method: 'POST', port: ports[i % 2], form: { ticket, c, username: emma.username, password: i % 4 ? emma.password : 'wrong' }, headers: { origin: issuer } }));
	results.forEach(r => notOurFault(r, 'a race for a ticket'));
	const sessions = new Set(results.flatMap(r => r.headers.getSetCookie()).filter(l => l.startsWith('__Host-csam-s=')).map(l => l.match(/=([^;]*)/)[1]));
	assert.ok(sessions.size <= 1, `${sessions.size} sessions of one ticket`);
});

await second.end();
done();
