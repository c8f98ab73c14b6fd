// Another device: RFC 8628 with a real client library and a real browser, and what must not get through.
import assert from 'node:assert/strict';
import { Issuer } from 'openid-client';
import { Agent } from './agent.mjs';
import { browser, look, person, signIn } from './chromium.mjs';
import { check, done, newPerson } from './csam.mjs';
import { asClient, at, issuer as origin, level, newServices, pause, random, request, trail, userinfo, words } from './flow.mjs';
import { Host } from './host.mjs';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code', run = Date.now().toString(36);
// A code works once: who signs in often would wait long, so each check has people of its own.
let people = 0;
const someone = options => newPerson(`dev-${++people}-${run}`, options);
const emma = someone(), paul = someone({ code: false });
const [tv, spa, plain, high] = await newServices(
	{ client_id: `tv-${run}`, client_name: 'Television', redirect_uris: [], grant_types: [GRANT, 'refresh_token'], default_acr_values: [level(400)] },
	{ client_id: `cli-${run}`, token_endpoint_auth_method: 'none', grant_types: [GRANT, 'authorization_code'] },
	{ client_id: `plain-${run}` },
	{ client_id: `high-${run}`, grant_types: [GRANT, 'authorization_code'], default_acr_values: [level(500)] });
const issuer = await Issuer.discover(origin);
const client = new issuer.Client(tv);

// --- without a screen
const begin = (service = tv, form = { scope: 'openid profile' }) => asClient(service, '/oidc/device', form);
const ask = (d, service = tv) => asClient(service, '/oidc/token', { grant_type: GRANT, device_code: d.device_code });
const error = (r, what, status = 400) => { assert.deepEqual([r.json?.error, r.status], [what, status], r.text); return r; };
const post = (agent, page, path, form) => agent.visit(origin + path, { method: 'POST', headers: { origin }, form: { csrf_token: Agent.field(page, 'csrf_token'), ...form } });
// From the code to the page that asks.
async function bring(agent, user_code, who) {
	let page = await agent.visit(at('/device'));
	page = await post(agent, page, '/device', { user_code });
	if (who && (Agent.has(page, 'choice') || Agent.has(page, 'password'))) page = await agent.signIn(page, who);
	return page;
}
const answer = (agent, page, what) => post(agent, page, '/device/confirm', { user_code: Agent.field(page, 'user_code'), answer: what });

await check('openid-client and Chromium: code, sign-in, approval, tokens', async () => {
	const handle = await client.deviceAuthorization({ scope: 'openid profile email' });
	assert.match(handle.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
	assert.equal(handle.verification_uri, at('/device'));
	assert.equal(handle.verification_uri_complete, at(`/device?user_code=${handle.user_code.replace('-', '')}`));
	assert.equal(handle.expires_in, 300);
	const polled = handle.poll();
	const { page } = await person();
	await page.goto(handle.verification_uri);
	await look(page, 'code');
	await page.fill('#user_code', 'BBBB-BBBB');
	await page.locator('button.go').click();
	await look(page, 'wrong-code');
	await page.fill('#user_code', handle.user_code.toLowerCase().replace('-', ' '));
	await page.locator('button.go').click();
	await signIn(page, emma);
	await page.waitForSelector('button[name=answer][value=yes]');
	const text = await page.locator('main').innerText();
	for (const what of [handle.user_code, 'Television', 'Emma', '127.0.0.1', 'your e-mail address']) assert.ok(text.includes(what), what);
	assert.equal(await page.locator('.note.bad').count(), 0);
	await look(page, 'confirm');
	await page.locator('button[name=answer][value=yes]').click();
	await look(page, 'approved');
	assert.equal(await page.locator('#digits').count(), 0);
	const tokens = await polled, c = tokens.claims();
	assert.equal(c.acr, level(400));
	assert.deepEqual([...c.amr].sort(), ['mfa', 'otp', 'pwd']);
	assert.equal(c.aud, tv.client_id);
	assert.ok(Math.abs(c.auth_time - Date.now() / 1000) < 60);
	assert.ok(tokens.refresh_token);
	assert.equal((await client.userinfo(tokens.access_token)).email, `${emma.username}@csam.example`);
	const line = trail().find(l => l.event === 'device.approved' && l.service === tv.client_id);
	assert.deepEqual([line.why, line.peer], ['same-network', '127.0.0.1']);
	// a second visit with verification_uri_complete needs no typing, shows the code to compare, and the person is known
	const again = await client.deviceAuthorization({ scope: 'openid' });
	await page.goto(again.verification_uri_complete);
	await look(page, 'complete');
	await page.locator('button.go').click();
	await page.locator('button[name=answer][value=no]').click();
	await look(page, 'refused');
	await assert.rejects(again.poll(), e => e.error === 'access_denied');
});

await check('pending, too fast, too fast again; then the answer is not held back', async () => {
	const d = (await begin()).json;
	error(await ask(d), 'authorization_pending');
	error(await ask(d), 'slow_down');
	await pause(5500);
	error(await ask(d), 'slow_down');		// ten seconds by now
	const agent = new Agent(), page = await bring(agent, d.user_code, someone());
	assert.equal((await answer(agent, page, 'yes')).status, 200);
	const t = await ask(d);
	assert.equal(t.status, 200, t.text);
	assert.equal(t.headers.get('cache-control'), 'no-store');
	assert.equal((await userinfo(t.json.access_token)).status, 200);
	// the code came a second time: whoever has the first answer loses it
	error(await ask(d), 'invalid_grant');
	assert.equal((await userinfo(t.json.access_token)).status, 401);
	assert.ok(trail().some(l => l.event === 'code.replayed' && l.service === tv.client_id));
});

await check('a code is answered once; ten at the same time are one', async () => {
	const d = (await begin()).json, agent = new Agent(), page = await bring(agent, d.user_code, someone());
	const all = await Promise.all(Array.from({ length: 10 }, (_, i) => answer(agent, page, i % 2 ? 'yes' : 'no')));
	assert.deepEqual(all.map(r => r.status).sort(), [200, ...Array(9).fill(409)]);
	const said = all.find(r => r.status === 200), t = await ask(d);
	assert.equal(t.status === 200, /allowed|autorisé la/i.test(words(said)), t.text);
});

await check('who may use it: registered clients, their own codes, openid, a level within reach', async () => {
	error(await begin(plain), 'unauthorized_client');
	error(await begin(high), 'unauthorized_client');
	error(await begin(tv, { scope: 'profile' }), 'invalid_scope');
	error(await begin({ ...tv, client_secret: 'wrong' }), 'invalid_client', 401);
	const d = (await begin()).json;
	error(await ask(d, spa), 'invalid_grant');
	error(await ask(d, plain), 'unauthorized_client');
	error(await ask({ device_code: d.device_code.slice(0, -2) + 'xx' }), 'expired_token');
	error(await ask({ device_code: 'x' }), 'invalid_grant');
	error(await ask({ device_code: '' }), 'invalid_request');
	error(await ask({ device_code: 'B'.repeat(300) }), 'invalid_grant');
	const s = (await begin(spa, { scope: 'openid' })).json;
	assert.ok(s.user_code, 'a public client may');
});

await check('a session that is not strong enough must step up; the answer is that of who signed in', async () => {
	const d = (await begin()).json, agent = new Agent(), emma = someone();
	let page = await agent.visit(request(plain).url);
	page = await agent.signIn(page, emma, { kind: 'password' });
	page = await bring(agent, d.user_code);
	assert.ok(Agent.has(page, 'choice') || Agent.has(page, 'code'), words(page));
	page = await agent.signIn(page, emma);
	assert.ok(Agent.has(page, 'answer'), words(page));
	const his = new Agent();
	page = await bring(his, d.user_code, paul);
	assert.ok(!Agent.has(page, 'answer'), 'a password alone does not do');
});

await check('pages that another site sends, or another browser, do nothing', async () => {
	const d = (await begin()).json, agent = new Agent(), page = await bring(agent, d.user_code, someone()), other = new Agent();
	const mine = { csrf_token: Agent.field(page, 'csrf_token'), user_code: d.user_code, answer: 'yes' };
	assert.equal((await agent.send(at('/device/confirm'), { method: 'POST', headers: { origin: 'https://evil.example' }, form: mine })).status, 403);
	assert.equal((await agent.send(at('/device/confirm'), { method: 'POST', headers: { origin }, form: { ...mine, csrf_token: 'x' } })).status, 400);
	await bring(other, d.user_code, someone());
	assert.equal((await other.send(at('/device/confirm'), { method: 'POST', headers: { origin }, form: mine })).status, 400);
	error(await ask(d), 'authorization_pending');
});

await check('codes cannot be guessed: fifty wrong ones from a network, then not even the right one', async () => {
	const from = `127.77.${1 + Date.now() % 250}.9`, d = (await begin()).json, agent = new Agent({ from });
	const page = await agent.visit(at('/device'));
	const guess = user_code => agent.send(at('/device'), { method: 'POST', headers: { origin }, form: { csrf_token: Agent.field(page, 'csrf_token'), user_code } });
	const letters = 'BCDFGHJKLMNPQRSTVWXZ', some = () => Array.from({ length: 8 }, () => letters[Math.floor(Math.random() * 20)]).join('');
	const all = await Promise.all(Array.from({ length: 60 }, () => guess(some())));
	assert.equal(all.filter(r => r.status === 400).length, 50);
	assert.equal(all.filter(r => r.status === 429).length, 10);
	assert.equal((await guess(d.user_code)).status, 429);
	assert.equal((await agent.send(at(`/device/confirm?user_code=${d.user_code}`))).status, 429, 'nor at the next page');
	assert.equal((await guess('no code at all')).status, 400);
	for (let i = 0; i < 4; i++) await Promise.all(Array.from({ length: 25 }, () => guess(some())));
	const lines = trail().filter(l => l.event === 'device.limited' && l.peer === from).length;
	assert.ok(lines > 0 && lines <= 60, `${lines} lines: who goes on guessing does not keep the disk busy`);
	assert.ok(Agent.has(await bring(new Agent(), d.user_code, someone()), 'answer'), 'other networks still may');
});

await check('codes differ, and have no vowels', async () => {
	const all = await Promise.all(Array.from({ length: 40 }, () => begin()));
	assert.equal(new Set(all.map(r => r.json.user_code)).size, 40);
	assert.ok(all.every(r => !/[AEIOUY01]/.test(r.json.user_code)));
	assert.ok(all.every(r => r.json.device_code.length > 43));
});

// --- hosts: the challenge profile
const host = await new Host(`box-${run}`).register(), top = await new Host(`vault-${run}`, { level: 500 }).register();
const waiting = async (who = someone(), form = {}, h = host) => {
	const t = await h.begin(who.username, { can: 'code text choice show device', rhost: '127.0.0.1', ui_locales: 'en', ...form });
	assert.deepEqual(t.json.prompt?.ask, ['code', 'device'], t.text);
	t.user_code = t.json.prompt.lines.join('\n').match(/[B-Z]{4}-[B-Z]{4}/)[0];
	return Object.assign(t, { who });
};
const shown = page => page.text.match(/id="digits">(\d{6})</)?.[1];
const approve = async (t, who = t.who, agent = new Agent()) => shown(await answer(agent, await bring(agent, t.user_code, who), 'yes'));
const idToken = r => JSON.parse(Buffer.from(r.json.id_token.split('.')[1], 'base64url'));

await check('a host: picture, address and code; approved in Chromium, the digits let in with what was proven there', async () => {
	const t = await waiting(), emma = t.who, lines = t.json.prompt.lines;
	assert.match(t.json.prompt.label, /digits/);
	assert.ok(lines.length > 15 && lines.every(l => !/[\u0000-\u001f]/.test(l)) && lines.slice(1, 16).every(l => /^[ \u2580\u2584\u2588]+$/.test(l)));
	assert.ok(lines.some(l => l.includes(at('/device'))));
	const { page } = await person();
	await page.goto(at(`/device?user_code=${t.user_code}`));
	await page.locator('button.go').click();
	await signIn(page, emma);
	const text = await page.locator('main').innerText();
	for (const what of [t.user_code, host.id, 'sshd', emma.username, '127.0.0.1']) assert.ok(text.includes(what), what);
	await look(page, 'host-confirm');
	await page.locator('button[name=answer][value=yes]').click();
	const digits = await page.locator('#digits').innerText();
	await look(page, 'host-digits');
	const r = await host.answer(t, { code: digits });
	assert.equal(r.status, 200, r.text);
	const id = idToken(await host.redeem(r));
	assert.deepEqual([id.acr, [...id.amr].sort(), id.csam_posix.name], [level(400), ['mfa', 'otp', 'pwd'], emma.username]);
	const yes = trail().find(l => l.event === 'login.ok' && l.service === host.id && l.why === 'other-device');
	assert.deepEqual([yes.via, yes.kind], ['sshd', 'app']);
});

await check('another network: the page warns, names both, and makes no its first answer', async () => {
	const emma = someone(), t = await waiting(emma, { rhost: '198.51.100.7' }), page = (await person()).page;
	await page.goto(at(`/device?user_code=${t.user_code}`));
	await page.locator('button.go').click();
	await signIn(page, emma);
	const warning = await page.locator('.note.bad').innerText();
	for (const what of ['198.51.100.7', '127.0.0.1', 'refuse']) assert.ok(warning.includes(what), what);
	assert.equal(await page.locator('button.go').getAttribute('value'), 'no');
	await look(page, 'phishing');
	await page.locator('button[name=answer][value=no]').click();
	error(await host.answer(t, { code: '123456' }), 'access_denied');
	assert.ok(trail().some(l => l.event === 'device.refused' && l.service === host.id && l.why === 'other-network'));
	assert.ok(trail().some(l => l.event === 'login.no' && l.service === host.id && l.why === 'refused-elsewhere'));
});

await check('an attacker gets nothing: wrong digits, digits too soon, twice, of another login', async () => {
	const t = await waiting(), digits = await approve(t);
	error(await host.answer(t, { code: String((Number(digits) + 1) % 1000000).padStart(6, '0') }), 'access_denied');
	error(await host.answer(t, { code: digits }), 'invalid_session');
	const early = await waiting();
	error(await host.answer(early, { code: '000000' }), 'access_denied');
	const agent = new Agent();
	assert.equal((await bring(agent, early.user_code)).status, 400, 'and nobody waits any more');
	const [one, two] = [await waiting(), await waiting()], a = await approve(one), b = await approve(two);
	if (a !== b) error(await host.answer(one, { code: b }), 'access_denied');
	const twice = await waiting(), browserOf = new Agent(), page = await bring(browserOf, twice.user_code, twice.who);
	const first = shown(await answer(browserOf, page, 'yes'));
	assert.equal((await answer(browserOf, page, 'yes')).status, 409);
	assert.equal((await host.answer(twice, { code: first })).status, 200);
});

await check('only who the host asks for may approve', async () => {
	const t = await waiting(), rita = someone(), his = new Agent(), page = await bring(his, t.user_code, rita);
	assert.equal(page.status, 403);
	assert.match(words(page), /somebody else|quelqu’un d’autre/);
	assert.equal(shown(await his.visit(at('/device/confirm'), { method: 'POST', headers: { origin }, form: { user_code: t.user_code, csrf_token: 'x', answer: 'yes' } })), undefined);
	error(await host.answer(t, { code: '000000' }), 'access_denied');
	for (const name of ['root', t.who.username.toUpperCase(), `nobody-${run}`]) {
		const w = await waiting({ username: name }), p = await bring(new Agent(), w.user_code, someone());
		assert.equal(p.status, 403, name);
	}
});

await check('an old session does not approve a terminal: the key is asked for again', async () => {
	const emma = someone(), agent = new Agent(), plainPage = await agent.signIn(await agent.visit(request(plain).url), emma);
	assert.ok(plainPage.callback);
	await pause(1100);
	const t = await waiting(emma), page = await bring(agent, t.user_code);
	assert.ok(Agent.has(page, 'choice') || Agent.has(page, 'password'), words(page));
	assert.ok(shown(await answer(agent, await agent.signIn(page, emma), 'yes')));
});

await check('who has left is waited for by nobody; late digits are worth nothing', async () => {
	const t = await waiting(), agent = new Agent(), page = await bring(agent, t.user_code, t.who);
	error(await host.answer(t, { operation: 'leave' }), 'access_denied');
	const gone = await answer(agent, page, 'yes');
	assert.equal(gone.status, 404);
	assert.match(words(gone), /[Nn]obody is waiting|Plus personne/);
	const late = await waiting(), digits = await approve(late);
	await pause(61000);
	error(await host.answer(late, { code: digits }), 'access_denied');
});

await check('a level above the cap is out of reach; a door that cannot draw it is not offered it', async () => {
	error(await top.begin(emma.username, { can: 'code show device' }), 'unmet_authentication_requirements');
	error(await host.begin(emma.username, { can: 'code show device', acr_values: level(450) }), 'unmet_authentication_requirements');
	error(await host.begin(emma.username, { can: 'code show' }), 'unmet_authentication_requirements');
	const t = await host.begin(emma.username, { can: 'secret code text choice show device' });
	assert.deepEqual(t.json.prompt.ask, ['secret'], 'who can be asked here is asked here');
});

for (const h of [host, top]) h.remove();
await browser.close();
done();
