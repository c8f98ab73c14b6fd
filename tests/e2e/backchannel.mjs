// OpenID Connect Back-Channel Logout 1.0: Apache's mod_auth_openidc is told, and a service of our own that looks closely.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { Agent, send } from './agent.mjs';
import { check, demo, done, newPerson, target, tax } from './csam.mjs';
import { asClient, at, claims, introspect, newServices, pause, tokens } from './flow.mjs';

const emma = newPerson('backchannel-emma');

// What services hear, and what they answer: by the end of the path.
const heard = [], answers = { late: [503, 200], never: [400], hang: [] };
const server = https.createServer({ cert: fs.readFileSync(path.join(demo, 'server.pem')), key: fs.readFileSync(path.join(demo, 'server.key')) }, async (req, res) => {
	let body = '';
	for await (const part of req) body += part;
	const name = req.url.slice(1);
	heard.push({ name, method: req.method, type: req.headers['content-type'], form: new URLSearchParams(body), at: Date.now() });
	if (name === 'hang') return;
	res.writeHead(answers[name]?.shift() ?? 200).end();
});
await new Promise(r => server.listen(0, '127.0.0.1', r));
const uri = name => `https://localhost:${server.address().port}/${name}`;
const of = name => heard.filter(h => h.name === name);
async function until(what, fn, ms = 60000) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(50)) if (await fn()) return;
	throw new Error(`never: ${what}`);
}
async function logOut(agent) {
	const page = await agent.send(at('/logout'));
	const r = await agent.send(at('/logout'), { method: 'POST', form: { csrf_token: Agent.field(page, 'csrf_token') }, headers: { origin: target.issuer } });
	assert.equal(r.status, 303);
}

const names = ['plain', 'late', 'never', 'hang', 'unused', 'public'];
const made = await newServices(...names.map(n => ({ client_id: `bc-${n}`, backchannel_logout_uri: uri(n), ...(n === 'public' && { subject_type: 'public' }) })), { client_id: 'bc-deaf' });
const service = Object.fromEntries([...names, 'deaf'].map((n, i) => [n, made[i]]));

await check('the metadata says that it is done', async () => {
	const m = (await send(at('/.well-known/openid-configuration'))).json;
	assert.equal(m.backchannel_logout_supported, true);
	assert.equal(m.backchannel_logout_session_supported, true);
});

await check('a service hears once, in a signed token, whose session has ended', async () => {
	const agent = new Agent(), id = claims(await tokens(service.plain, agent, emma));
	await tokens(service.plain, agent);		// a second sign-on is the same session
	await tokens(service.deaf, agent);
	await logOut(agent);
	await until('a logout token', () => of('plain').length > 0);
	const [h] = of('plain'), token = h.form.get('logout_token');
	assert.equal(h.method, 'POST');
	assert.equal(h.type, 'application/x-www-form-urlencoded');
	assert.equal(decodeProtectedHeader(token).typ, 'logout+jwt');
	const { payload } = await jwtVerify(token, createLocalJWKSet((await send(at('/oidc/jwks'))).json), { issuer: target.issuer, audience: 'bc-plain', typ: 'logout+jwt' });
	assert.equal(payload.sub, id.sub);
	assert.equal(payload.sid, id.sid);
	assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
	assert.ok(payload.jti.length >= 16 && payload.exp - payload.iat <= 120 && !('nonce' in payload));
	await pause(1500);
	assert.equal(of('plain').length, 1);
	assert.equal(of('unused').length, 0, 'where the session was not used, nobody hears of it');
});

await check('a logout token is no ID token', async () => {
	const token = of('plain')[0].form.get('logout_token');
	const r = await send(at('/oidc/logout?' + new URLSearchParams({ id_token_hint: token })));
	assert.equal((await introspect(service.plain, token)).json.active, false);
	assert.ok(!(await asClient(service.plain, '/oidc/token', { grant_type: 'refresh_token', refresh_token: token })).json.access_token);
	assert.ok(r.status === 400 || r.status === 200, `${r.status}`);
});

await check('pairwise services hear different names and sessions', async () => {
	const agent = new Agent(), a = claims(await tokens(service.plain, agent, emma)), b = claims(await tokens(service.public, agent));
	await logOut(agent);
	await until('both', () => of('plain').length === 2 && of('public').length === 1);
	const [p, q] = [of('plain')[1], of('public')[0]].map(h => JSON.parse(Buffer.from(h.form.get('logout_token').split('.')[1], 'base64url')));
	assert.deepEqual([p.sub, p.sid, q.sub, q.sid], [a.sub, a.sid, b.sub, b.sid]);
	assert.notEqual(p.sid, q.sid);
	assert.notEqual(p.sub, q.sub);
});

await check('nobody waits for a service that hangs; one that is late is asked again, one that refuses is not', async () => {
	const agent = new Agent();
	await tokens(service.hang, agent, emma);
	for (const n of ['late', 'never', 'plain']) await tokens(service[n], agent);
	const t = Date.now(), before = of('plain').length;
	await logOut(agent);
	assert.ok(Date.now() - t < 2000, `${Date.now() - t} ms`);
	await until('the others hear at once', () => of('plain').length > before && of('never').length === 1, 3000);
	await until('a second try', () => of('late').length === 2);
	const jti = of('late').map(h => JSON.parse(Buffer.from(h.form.get('logout_token').split('.')[1], 'base64url')).jti);
	assert.equal(jti[0], jti[1]);
	assert.equal(of('never').length, 1);
});

await check('Apache (mod_auth_openidc) ends its session', async () => {
	const browser = new Agent(), html = { headers: { accept: 'text/html' } };
	let page = await browser.visit(`${tax}/file/`, html);
	page = await browser.signIn(page, emma);
	assert.ok(page.callback?.startsWith(`${tax}/callback`), `${page.status} ${page.url}`);
	assert.equal((await browser.send(page.callback)).status, 302);
	assert.equal((await browser.send(`${tax}/file/`, html)).status, 200, 'signed in there');
	await logOut(browser);
	await until('Apache asks again who it is', async () => (await browser.send(`${tax}/file/`, html)).status === 302);
});

server.closeAllConnections?.();
server.close();
done();
