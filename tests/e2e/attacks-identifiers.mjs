// Every identifier we mint, presented as every other; whose browser a conversation belongs to; how the session's cookie lives and dies.
import assert from 'node:assert/strict';
import { Agent, cut, send } from './agent.mjs';
import { check, done, newPerson } from './csam.mjs';
import { answer, asClient, at, authorize, claims, introspect, issuer, level, newServices, notOurFault, random, redeem, refresh, request, tokens, userinfo, words } from './flow.mjs';

const emma = newPerson('ids-emma'), bruno = newPerson('ids-bruno', { code: false });
const [web, strong] = await newServices({ client_id: 'ids-web', default_acr_values: [level(200)], grant_types: ['authorization_code', 'refresh_token'] }, { client_id: 'ids-strong', default_acr_values: [level(400)] });
const S = '__Host-csam-s', B = '__Host-csam-b', own = { origin: issuer };
const silent = async agent => answer(await agent.visit(request(web, { prompt: 'none' }).url));

// A browser in which everything there is has just been made.
const agent = new Agent();
const t = await tokens(web, agent, bruno, { params: { scope: 'openid profile offline_access', prompt: 'consent' } });
const waiting = await agent.visit(request(web, { prompt: 'login' }).url), consent = await agent.visit(request(web, { prompt: 'consent' }).url);
assert.ok(Agent.has(consent, 'consent'), words(consent));
const fresh = request(web), code = answer(await agent.visit(fresh.url)).code;
const minted = {
	'session cookie': agent.cookies.get(S), 'browser cookie': agent.cookies.get(B), 'conversation': Agent.field(waiting, 'c'), 'ticket': Agent.field(waiting, 'ticket'), 'second part of the ticket': Agent.field(waiting, 'ticket').split('.')[1],
	'request': Agent.field(consent, 'request'), 'form token of consent': Agent.field(consent, 'csrf_token'), 'form token of signing out': Agent.field(await agent.send(at('/logout')), 'csrf_token'),
	'code': code, 'access token': t.access_token, 'refresh token': t.refresh_token, 'ID token': t.id_token, 'sid': claims(t).sid, 'sub': claims(t).sub, 'state': fresh.params.state, 'nonce': fresh.params.nonce, 'challenge': fresh.params.code_challenge, 'verifier': fresh.verifier,
};
for (const [what, v] of Object.entries(minted)) assert.ok(v, what);
const cookies = (s, b = agent.cookies.get(B)) => ({ cookie: `${S}=${s}; ${B}=${b}` });

// Where an identifier is taken: does it open anything there?
const doors = {
	'session cookie': async v => (await send(request(web, { prompt: 'none' }).url, { headers: cookies(v) })).location?.includes('code='),
	'browser cookie': async v => (await send(at(`/login?c=${minted.conversation}`), { headers: cookies('x', v) })).status < 400,
	'conversation': async v => (await agent.send(at(`/login?c=${encodeURIComponent(v)}`))).status < 400,
	'ticket': async v => [200, 303].includes((await agent.send(at('/login'), { method: 'POST', form: { ticket: v, c: '', choice: 'password' }, headers: own })).status),
	'request': async v => (await agent.send(at(`/oidc/authorize?r=${encodeURIComponent(v)}`))).status < 400,
	'form token of signing out': async v => (await agent.send(at('/logout'), { method: 'POST', form: { csrf_token: v }, headers: own })).status < 400,
	'form token of consent': async v => (await agent.send(at('/oidc/consent'), { method: 'POST', form: { csrf_token: v, request: minted.request, consent: 'yes' }, headers: own })).status < 400,
	'code': async v => (await redeem({ ...fresh, service: web, code: v })).status < 400,
	'refresh token': async v => (await refresh(web, v)).status < 400,
	'access token': async v => (await userinfo(v)).status < 400,
	'access token in a form': async v => (await send(at('/oidc/userinfo'), { method: 'POST', form: { access_token: v } })).status < 400,
	'introspected': async v => (await introspect(web, v)).json.active,
	'id_token_hint': async v => !answer(await agent.visit(request(web, { prompt: 'none', id_token_hint: v }).url)).error,
	'client assertion': async v => (await send(at('/oidc/token'), { method: 'POST', form: { grant_type: 'authorization_code', code: minted.code, client_assertion: v, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' } })).json.error === 'invalid_grant',
	'client secret': async v => (await send(at('/oidc/token'), { method: 'POST', form: { grant_type: 'refresh_token', refresh_token: minted['refresh token'] }, headers: { authorization: 'Basic ' + Buffer.from(`ids-web:${v}`).toString('base64') } })).status < 400,
};
const fits = { 'access token in a form': ['access token'], 'introspected': ['access token', 'refresh token'], 'id_token_hint': ['ID token'] };

await check(`${Object.keys(minted).length} identifiers at ${Object.keys(doors).length} doors: each opens its own and no other`, async () => {
	for (const [door, opens] of Object.entries(doors))
		for (const [what, value] of Object.entries(minted)) {
			if ((fits[door] ?? [door]).includes(what)) continue;	// its own: below, as many are good for once
			assert.ok(!await opens(value), `the ${what} as ${door}`);
			for (const bent of [value + 'A', value.slice(0, -1), `${value}.`, value.toUpperCase() === value ? value.toLowerCase() : value.toUpperCase()])
				if (door === 'session cookie' || door === 'access token') assert.ok(!await opens(bent), `a bent ${what} as ${door}`);
		}
	for (const door of ['session cookie', 'browser cookie', 'conversation', 'request', 'access token', 'access token in a form', 'introspected', 'id_token_hint', 'ticket', 'code', 'refresh token', 'form token of consent', 'form token of signing out'])
		assert.ok(await doors[door](minted[fits[door]?.[0] ?? door]), `the ${door} opens its own door`);
});

await check('what is sealed cannot be bent: any byte of code, access token or form token changed', async () => {
	const her = new Agent(), mine = await tokens(web, her, bruno), a = await authorize(web, her);
	for (let i = 0; i < mine.access_token.length; i += 7) {
		const bent = s => s.slice(0, i) + (s[i] === 'A' ? 'B' : 'A') + s.slice(i + 1);
		assert.equal((await userinfo(bent(mine.access_token))).status, 401);
		if (i < a.code.length) assert.equal((await redeem({ ...a, code: bent(a.code) })).json.error, 'invalid_grant');
	}
	for (const odd of [mine.access_token + '=', mine.access_token + '==', `${mine.access_token} `, mine.access_token.replaceAll('-', '+').replaceAll('_', '/') + '.', '', 'null', 'A'.repeat(43), 'A'.repeat(8000)])
		notOurFault(await userinfo(odd), 'an odd token');
	assert.equal((await userinfo(mine.access_token)).status, 200);
	assert.equal((await redeem(a)).status, 200);
});

await check('cookies: __Host-, Secure, HttpOnly, SameSite, whole site, this host alone, and no page is stored or framed', async () => {
	const her = new Agent();
	const lines = [], seen = her.send.bind(her);
	her.send = async (...args) => { const r = await seen(...args); lines.push(...r.headers.getSetCookie()); return r; };
	await tokens(web, her, bruno);
	assert.ok(lines.some(l => l.startsWith(S)) && lines.some(l => l.startsWith(B)), lines.join());
	for (const line of lines) {
		assert.match(line, /^__Host-csam-[bs]=[\w.-]{22,}; |^csam-lang=/);
		for (const attribute of [/; Secure/i, /; HttpOnly/i, /; SameSite=(Lax|Strict)/i, /; Path=\/(;|$)/i]) assert.match(line, attribute);
		assert.ok(!/domain=/i.test(line));
	}
	for (const path of ['/', '/login', '/logout', request(strong).url.slice(issuer.length), '/nowhere']) {
		const r = await her.visit(at(path));
		assert.match(r.headers.get('content-security-policy'), /frame-ancestors 'none'/, path);
		assert.match(r.headers.get('cache-control'), /no-store/, path);
		assert.equal(r.headers.get('x-content-type-options'), 'nosniff', path);
		assert.match(r.headers.get('referrer-policy') ?? '', /no-referrer|same-origin|origin/, path);
	}
});

await check('session fixation: an identifier that was there before is never the session after', async () => {
	const planted = random(32), her = new Agent();
	her.cookies.set(S, planted);
	await authorize(web, her, bruno);
	assert.notEqual(her.cookies.get(S), planted);
	const thief = new Agent();
	thief.cookies.set(S, planted);
	assert.equal((await silent(thief)).error, 'login_required');
	// the thief's own session in her browser: she signs in as herself, he does not become her
	const his = new Agent();
	await authorize(web, his, emma, { kind: 'password' });
	const shared = his.cookies.get(S), victim = new Agent();
	victim.cookies.set(S, shared);
	const hers = claims(await tokens(web, victim, bruno, { params: { prompt: 'login' } }));
	assert.notEqual(victim.cookies.get(S), shared);
	const now = await silent(his);
	assert.ok(now.error === 'login_required' || claims(await tokens(web, his)).sub !== hers.sub, 'he became her');
});

await check('a new identifier at login again, at step-up, and none after signing out; the old ones are dead', async () => {
	const her = new Agent(), before = [];
	const next = () => { assert.ok(!before.includes(her.cookies.get(S)), 'the identifier stayed'); before.push(her.cookies.get(S)); };
	await authorize(web, her, emma, { kind: 'password' });
	next();
	const sid = claims(await tokens(web, her)).sid;
	const up = await authorize(strong, her, emma, { kind: 'app' });
	next();
	assert.equal(claims(await redeem(up)).acr, level(400));
	assert.equal(claims(await tokens(web, her)).sid, sid, 'it is still the same sign-in');
	await authorize(web, her, emma, { kind: 'password', params: { prompt: 'login' } });
	next();
	for (const old of before.slice(0, -1)) {
		const thief = new Agent();
		thief.cookies.set(S, old);
		assert.equal((await silent(thief)).error, 'login_required', 'an old identifier');
	}
	const last = her.cookies.get(S), page = await her.send(at('/logout'));
	await her.send(at('/logout'), { method: 'POST', form: { csrf_token: Agent.field(page, 'csrf_token') }, headers: own });
	assert.ok(!her.cookies.has(S));
	const thief = new Agent();
	thief.cookies.set(S, last);
	assert.equal((await silent(thief)).error, 'login_required', 'after signing out');
});

await check('a cookie that comes twice, broken or in another spelling is no session', async () => {
	const her = new Agent();
	await authorize(web, her, bruno);
	const s = her.cookies.get(S), url = request(web, { prompt: 'none' }).url;
	for (const cookie of [`${S}=${s}; ${S}=${s}`, `${S}=x; ${S}=${s}`, `${S}=${s}; ${S}=x`, `${S}="${s}"`, `${S}=${s}x`, `${S}=${s.slice(1)}`, `${S.toLowerCase()}=${s}`, `csam-s=${s}`, `${S} x=${s}`, `${S}=`, `${S}`, `=${s}`, `x=1, ${S}=${s}`, `${S}=${encodeURIComponent(s)}%20`, `${S}=${s}%00`, ';'.repeat(500), `a=b;${'x=y;'.repeat(1000)}`])
		assert.ok(!notOurFault(await send(url, { headers: { cookie } }).catch(cut), cookie.slice(0, 60)).location?.includes('code='), cookie.slice(0, 60));
	assert.ok((await send(url, { headers: { cookie: `a=b; ${S}=${s}; c=d` } })).location.includes('code='));
});

await check('a conversation, a request and a consent belong to the browser in which they began', async () => {
	const her = new Agent(), thief = new Agent();
	const page = await her.visit(request(web).url), ticket = Agent.field(page, 'ticket'), c = Agent.field(page, 'c');
	await thief.visit(at('/login'));
	assert.equal((await thief.send(at(`/login?c=${c}`))).status, 404);
	for (const cookies of [{}, { cookie: `${B}=${thief.cookies.get(B)}` }, { cookie: `${B}=` }, { cookie: `${B}=${'A'.repeat(43)}` }])
		for (const form of [{ ticket, c, choice: 'password' }, { ticket, c, username: bruno.username, password: bruno.password }]) {
			const r = await send(at('/login'), { method: 'POST', form, headers: { ...cookies, ...own } });
			assert.ok(r.status === 404 || r.status === 400, `${r.status}`);
			assert.ok(!r.headers.getSetCookie().some(l => l.startsWith(S)));
		}
	const asking = await her.visit((await authorizeUrlFor(her)).url), id = Agent.field(asking, 'request');
	await authorize(web, thief, emma, { kind: 'password' });
	assert.equal((await thief.send(at(`/oidc/authorize?r=${id}`))).status, 400);
	assert.equal((await thief.send(at(`/oidc/consent?r=${id}`))).status, 400);
	assert.equal((await thief.send(at('/oidc/consent'), { method: 'POST', form: { request: id, consent: 'yes', csrf_token: Agent.field(asking, 'csrf_token') }, headers: own })).status, 400);
});
async function authorizeUrlFor(her) {
	await authorize(web, her, bruno);
	return request(web, { prompt: 'consent' });
}

await check('what a form says of service, level, address or person changes nothing of what was asked', async () => {
	const her = new Agent();
	let page = await her.visit(request(strong).url);
	const lies = { service: 'ids-web', client_id: 'ids-web', level: '100', acr_values: level(100), redirect_uri: 'https://evil.example/', back: undefined, next: 'https://evil.example/', return: '//evil.example', r: minted.request, subject: claims(t).sub, sub: claims(t).sub, session: agent.cookies.get(S), sid: claims(t).sid, verdict: 'allow', stage: '5', key_id: 'app-1', kind: 'password' };
	delete lies.back;
	for (let i = 0; i < 3 && !Agent.has(page, 'code') && !page.callback; i++)
		page = await her.answer(page, { ...lies, ...(Agent.has(page, 'password') ? { username: bruno.username, password: bruno.password } : { choice: 'app' }) });
	assert.ok(!page.callback || !answer(page).code, 'a password is not enough here');
	for (const path of ['/login?service=ids-web&level=0', '/login?back=https://evil.example', '/login?c=&back=//evil.example', '/?next=https://evil.example', '/logout?post_logout_redirect_uri=https://evil.example'])
		assert.ok(!(await her.visit(at(path))).callback, path);
});

done();
