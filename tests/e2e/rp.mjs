// A certified client library as relying party: every client authentication, every algorithm, and what the profiles promise.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { Issuer, generators } from 'openid-client';
import { Agent } from './agent.mjs';
import { check, csamctl, demo, done, ldapmodify, newPerson, once, target } from './csam.mjs';

const emma = newPerson('rp-emma'), redirect_uri = 'https://rp.example/cb', secret = 'a-secret-of-32-characters-or-more';
const issuer = await Issuer.discover(target.issuer);

let services = 0;
// Registers a service of this test and gives the client for it.
function service(metadata = {}, keys) {
	const id = `rp-${++services}`, file = path.join(demo, `${id}.json`);
	const full = { client_id: id, client_name: `Example ${services}`, redirect_uris: [redirect_uri], post_logout_redirect_uris: ['https://rp.example/bye'],
		...(metadata.token_endpoint_auth_method === 'none' || keys ? {} : { client_secret: secret }), ...metadata };
	fs.writeFileSync(file, JSON.stringify(full));
	ldapmodify(csamctl('service', 'import', file));
	return new issuer.Client(full, keys && { keys: [keys] });
}
const stop = url => url.startsWith(redirect_uri);

async function settled(ms = 1000) { await new Promise(r => setTimeout(r, ms)); }

// One authorization, from the request to the tokens.
async function authorize(client, agent, params = {}, person = emma) {
	const code_verifier = generators.codeVerifier(), nonce = generators.nonce(), state = generators.state();
	const url = client.authorizationUrl({ scope: 'openid profile email', redirect_uri, nonce, state, code_challenge: generators.codeChallenge(code_verifier), code_challenge_method: 'S256', ...params });
	let page = await agent.visit(url, {}, stop);
	if (!page.callback) page = await agent.signIn(page, person, { stop });
	if (!page.callback) throw new Error(`no callback, but ${page.status} at ${page.url}: ${page.text.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').slice(0, 300)}`);
	const answer = client.callbackParams(page.callback);
	return { page, answer, finish: () => client.callback(redirect_uri, answer, { code_verifier, nonce, state, max_age: params.max_age }) };
}

const web = service();
await settled();

await check('metadata is a Basic and Config OP, and names only what is there', async () => {
	const m = issuer.metadata;
	assert.equal(m.issuer, target.issuer);
	for (const e of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri', 'end_session_endpoint']) assert.ok(m[e].startsWith(target.issuer), e);
	assert.deepEqual(m.response_types_supported, ['code']);
	assert.deepEqual(m.code_challenge_methods_supported, ['S256']);
	assert.ok(m.id_token_signing_alg_values_supported.includes('RS256'));
	assert.equal(m.request_uri_parameter_supported, false);
	assert.equal(m.authorization_response_iss_parameter_supported, true);
	for (const s of ['openid', 'profile', 'email', 'address', 'phone', 'offline_access']) assert.ok(m.scopes_supported.includes(s), s);
});

const agent = new Agent();
let first;
await check('code flow: name, password, code; ID token with nonce, acr, amr, auth_time, sid', async () => {
	const a = await authorize(web, agent);
	assert.equal(a.answer.iss, target.issuer);
	first = await a.finish();
	const c = first.claims();
	assert.equal(c.aud, web.metadata.client_id);
	assert.equal(c.acr, 'urn:be:fedict:iam:fas:citizen:Level400');
	assert.deepEqual([...c.amr].sort(), ['mfa', 'otp', 'pwd']);
	assert.ok(Math.abs(c.auth_time - Date.now() / 1000) < 60);
	assert.ok(c.sid && c.sub && c.at_hash);
});

await check('userinfo by GET and POST agrees with the ID token', async () => {
	for (const method of ['GET', 'POST']) {
		const u = await web.userinfo(first.access_token, { method });
		assert.equal(u.sub, first.claims().sub);
		assert.equal(u.given_name, 'Emma');
		assert.equal(u.email, 'rp-emma@csam.example');
	}
	const body = await web.userinfo(first.access_token, { method: 'POST', via: 'body' });
	assert.equal(body.family_name, 'Maes');
});

await check('single sign-on: a second request answers without a page, same auth_time', async () => {
	const a = await authorize(web, agent, { prompt: 'none' });
	const c = (await a.finish()).claims();
	assert.equal(c.auth_time, first.claims().auth_time);
	assert.equal(c.sid, first.claims().sid);
	assert.equal(c.sub, first.claims().sub);
});

await check('another service knows the person by another sub', async () => {
	const other = service({ redirect_uris: ['https://other.example/cb'] });
	await settled();
	const code_verifier = generators.codeVerifier();
	const url = other.authorizationUrl({ scope: 'openid', redirect_uri: 'https://other.example/cb', code_challenge: generators.codeChallenge(code_verifier), code_challenge_method: 'S256' });
	const page = await agent.visit(url, {}, u => u.startsWith('https://other.example/cb'));
	const t = await other.callback('https://other.example/cb', other.callbackParams(page.callback), { code_verifier });
	assert.notEqual(t.claims().sub, first.claims().sub);
});

await check('prompt=none without a session: login_required, with state and iss', async () => {
	const a = await authorize(web, new Agent(), { prompt: 'none' });
	assert.equal(a.answer.error, 'login_required');
	assert.equal(a.answer.iss, target.issuer);
	assert.ok(a.answer.state);
});

await check('max_age and prompt=login ask again and give a later auth_time', async () => {
	await settled(1100);
	const aged = (await (await authorize(web, agent, { max_age: 1 })).finish()).claims();
	assert.ok(aged.auth_time > first.claims().auth_time);
	await settled(1100);
	const again = (await (await authorize(web, agent, { prompt: 'login' })).finish()).claims();
	assert.ok(again.auth_time > aged.auth_time);
});

await check('id_token_hint of somebody else with prompt=none is refused', async () => {
	const t = await (await authorize(web, agent)).finish();
	const ok = await authorize(web, agent, { prompt: 'none', id_token_hint: t.id_token });
	assert.ok(ok.answer.code);
	const stranger = newPerson('rp-stranger'), his = new Agent();
	const s = await (await authorize(web, his, {}, stranger)).finish();
	const no = await authorize(web, agent, { prompt: 'none', id_token_hint: s.id_token });
	assert.equal(no.answer.error, 'login_required');
});

await check('claims parameter: one claim in the ID token, one in userinfo', async () => {
	const a = await authorize(web, agent, { scope: 'openid', claims: JSON.stringify({ id_token: { given_name: { essential: true } }, userinfo: { family_name: null } }) });
	const t = await a.finish();
	assert.equal(t.claims().given_name, 'Emma');
	assert.equal(t.claims().family_name, undefined);
	const u = await web.userinfo(t.access_token);
	assert.equal(u.family_name, 'Maes');
	assert.equal(u.email, undefined);
});

await check('a higher acr asks for the key that reaches it, and is an error where nothing may be asked', async () => {
	await assert.rejects(authorize(web, agent, { acr_values: 'urn:be:fedict:iam:fas:citizen:Level500' }), /200 at .*\/login\?c=[^]*eID/);
	const essential = await authorize(web, agent, { prompt: 'none', claims: JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:be:fedict:iam:fas:citizen:Level500'] } } }) });
	assert.match(essential.answer.error, /unmet_authentication_requirements|login_required|interaction_required/);
});

await check('unsupported parameters have their own errors', async () => {
	for (const [name, error] of [['request', 'request_not_supported'], ['request_uri', 'request_uri_not_supported'], ['registration', 'registration_not_supported']]) {
		const a = await authorize(web, agent, { [name]: 'https://x.example/y' });
		assert.equal(a.answer.error, error);
	}
	const a = await authorize(web, agent, { response_type: 'id_token' });
	assert.equal(a.answer.error, 'unsupported_response_type');
});

await once('a code works once; its second use ends what the first one gave', async () => {
	const a = await authorize(web, agent);
	const t = await a.finish();
	assert.ok((await web.userinfo(t.access_token)).sub);
	await assert.rejects(a.finish(), { error: 'invalid_grant' });
	await assert.rejects(web.userinfo(t.access_token), { error: 'invalid_token' });
});

await once('of 64 parallel redemptions of one code exactly one wins', async () => {
	const a = await authorize(web, agent);
	const results = await Promise.allSettled(Array.from({ length: 64 }, () => a.finish()));
	assert.equal(results.filter(r => r.status === 'fulfilled').length, 1);
});

for (const alg of ['RS256', 'ES256', 'PS256', 'EdDSA'])
	await check(`ID token and userinfo signed with ${alg}`, async () => {
		const client = service({ id_token_signed_response_alg: alg, userinfo_signed_response_alg: alg });
		await settled();
		const t = await (await authorize(client, agent)).finish();
		assert.equal(JSON.parse(Buffer.from(t.id_token.split('.')[0], 'base64url')).alg, alg);
		assert.equal((await client.userinfo(t.access_token)).sub, t.claims().sub);
	});

await check('client_secret_post', async () => {
	const client = service({ token_endpoint_auth_method: 'client_secret_post' });
	await settled();
	assert.ok((await (await authorize(client, agent)).finish()).id_token);
});

await once('private_key_jwt, and the same assertion twice is refused', async () => {
	const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }, { d, ...pub } = jwk;
	const client = service({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [pub] } }, jwk);
	await settled();
	assert.ok((await (await authorize(client, agent)).finish()).id_token);
	const { SignJWT, importJWK } = await import('jose');
	const assertion = await new SignJWT({ jti: 'once-only' }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).setIssuer(client.client_id).setSubject(client.client_id)
		.setAudience(target.issuer).setIssuedAt().setExpirationTime('1m').sign(await importJWK(jwk, 'ES256'));
	const redeem = async () => (await fetch(issuer.token_endpoint, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code: 'x', redirect_uri, client_id: client.client_id,
		client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion }) })).json();
	assert.equal((await redeem()).error, 'invalid_grant');
	assert.equal((await redeem()).error, 'invalid_client');
});

await check('public native client: PKCE and any loopback port', async () => {
	const client = service({ token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris: ['http://127.0.0.1/cb'] });
	await settled();
	const code_verifier = generators.codeVerifier(), uri = 'http://127.0.0.1:51004/cb';
	const url = client.authorizationUrl({ scope: 'openid', redirect_uri: uri, code_challenge: generators.codeChallenge(code_verifier), code_challenge_method: 'S256' });
	const page = await agent.visit(url, {}, u => u.startsWith(uri));
	assert.ok((await client.callback(uri, client.callbackParams(page.callback), { code_verifier })).id_token);
	const bare = await agent.visit(client.authorizationUrl({ scope: 'openid', redirect_uri: uri }), {}, u => u.startsWith(uri));
	assert.equal(client.callbackParams(bare.callback).error, 'invalid_request');
});

await once('refresh tokens rotate; an old one ends the family', async () => {
	const client = service({ grant_types: ['authorization_code', 'refresh_token'] });
	await settled();
	const t = await (await authorize(client, agent, { scope: 'openid profile offline_access', prompt: 'consent' }).catch(e => { throw e; })).finish();
	assert.ok(t.refresh_token, 'no refresh token');
	const t2 = await client.refresh(t.refresh_token);
	assert.equal(t2.claims().auth_time, t.claims().auth_time);
	assert.equal(t2.claims().acr, t.claims().acr);
	await assert.rejects(client.refresh(t.refresh_token), { error: 'invalid_grant' });
	await assert.rejects(client.refresh(t2.refresh_token), { error: 'invalid_grant' });
});

await check('logout with id_token_hint ends the session and returns', async () => {
	const t = await (await authorize(web, agent)).finish();
	const url = web.endSessionUrl({ id_token_hint: t.id_token, post_logout_redirect_uri: 'https://rp.example/bye', state: 'xyz' });
	const page = await agent.visit(url, {}, u => u.startsWith('https://rp.example/bye'));
	assert.equal(page.callback, 'https://rp.example/bye?state=xyz');
	await assert.rejects(web.userinfo(t.access_token), { error: 'invalid_token' });
	assert.equal((await authorize(web, agent, { prompt: 'none' })).answer.error, 'login_required');
});

done();
