// After sign-ins of every kind, right and wrong, no secret of them is found in any log, audit trail, state store or directory.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Agent, send } from './agent.mjs';
import { check, codeIn, csamctl, demo, done, freshCode, ldapmodify, newPerson, sentTo, target } from './csam.mjs';
import { asClient, at, authorize, introspect, issuer, level, newServices, random, redeem, refresh, request, tokens, trail, userinfo } from './flow.mjs';

const canary = what => `canary-${what}-${random(12)}`, secret = canary('secret').padEnd(40, 'x');
const [web, strong, post] = await newServices({ client_id: 'trace-web', client_secret: secret, default_acr_values: [level(200)], grant_types: ['authorization_code', 'refresh_token'] },
	{ client_id: 'trace-strong', client_secret: secret, default_acr_values: [level(400)] }, { client_id: 'trace-post', client_secret: secret, default_acr_values: [level(200)], token_endpoint_auth_method: 'client_secret_post' });
const emma = newPerson('trace-emma'), password = canary('password');
const file = path.join(demo, 'password.trace');
fs.writeFileSync(file, password);
ldapmodify(csamctl('person', 'new', '--uid', 'trace-bruno', '--given-name', 'Bruno', '--family-name', 'Maes', '--mail', 'trace-bruno@csam.example', '--password-file', file, '--totp', emma.totp));
const bruno = { username: 'trace-bruno', password, totp: emma.totp }, typed = canary('typed'), misplaced = canary('misplaced');

const agent = new Agent(), code = await freshCode(bruno.totp);
const a = await authorize(strong, agent, bruno, { kind: 'app', code }), b = await authorize(web, agent);
const session = agent.cookies.get('__Host-csam-s'), s = (await redeem(a)).json, t = (await redeem(b)).json, t2 = (await refresh(web, t.refresh_token)).json;
const offline = await tokens(web, agent, bruno, { params: { scope: 'openid offline_access', prompt: 'consent' } });
await redeem(a);	// a replay, which is audited
await userinfo(t.access_token); await introspect(web, t.access_token); await introspect(web, offline.refresh_token);
await send(at('/oidc/userinfo'), { method: 'POST', form: { access_token: t2.access_token } });
await send(at('/oidc/token'), { method: 'POST', form: { client_id: 'trace-post', client_secret: secret, grant_type: 'authorization_code', code: b.code, redirect_uri: 'x' } });
await send(at('/oidc/token?client_secret=' + misplaced), { method: 'POST', form: { client_id: 'trace-web', client_secret: misplaced } });
await send(at('/oidc/token'), { method: 'POST', form: { code: misplaced }, headers: { authorization: `Basic ${Buffer.from(`trace-web:${misplaced}`).toString('base64')}` } });
await send(at(`/oidc/userinfo?access_token=${t.access_token}`));
await send(at(`/login?password=${misplaced}&c=x`));
await send(at('/login'), { method: 'POST', form: { password: misplaced }, headers: { origin: issuer, cookie: `__Host-csam-s=${misplaced}` } });
await send(at('/login'), { method: 'POST', body: `password=${misplaced}&password=${misplaced}`, headers: { origin: issuer } });
await asClient(web, '/oidc/revoke', { token: t2.refresh_token });
for (const [username, pw] of [['trace-bruno', typed], ['trace-nobody', typed], [' ' + 'trace-bruno', typed]]) {
	const her = new Agent();
	let page = await her.visit(request(strong).url);
	for (let i = 0; i < 2 && !Agent.has(page, 'password'); i++) page = await her.answer(page, { choice: 'app' });
	page = await her.answer(page, { username, password: pw });
	if (Agent.has(page, 'code')) await her.answer(page, { code: '000000' });
}
const replay = new Agent();
await replay.signIn(await replay.visit(request(strong).url), bruno, { kind: 'app', code });
await agent.visit(at('/oidc/logout?' + new URLSearchParams({ id_token_hint: t.id_token })));

for (const made of [session, s.access_token, t.refresh_token, t2.refresh_token, offline.refresh_token]) assert.ok(made, 'there is something to look for');

const seed = Buffer.from([...emma.totp].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('').match(/.{8}/g).map(x => parseInt(x, 2)));
const canaries = { 'the password': password, 'a wrong password': typed, 'a secret in the wrong place': misplaced, 'the client secret': secret, 'the seed': emma.totp, 'the seed in hex': seed.toString('hex'), 'the seed itself': seed,
	'the authorization code': b.code, 'an access token': t.access_token, 'a refreshed access token': t2.access_token, 'a refresh token': t.refresh_token, 'the next refresh token': t2.refresh_token, 'the offline refresh token': offline.refresh_token, 'an ID token': t.id_token.split('.')[2],
	'another access token': s.access_token, 'the session cookie': session, 'its secret part': session.split('.')[1], 'the browser cookie': agent.cookies.get('__Host-csam-b'), 'the verifier': b.verifier };

// Everything the daemons and slapd wrote. What the tests and the set-up wrote themselves is theirs: passwords, metadata, keys.
function* files(dir) {
	for (const e of fs.readdirSync(dir, { withFileTypes: true })) {
		const p = path.join(dir, e.name);
		if (e.isDirectory() && e.name !== 'site') yield* files(p);
		else if (e.isFile() && !/^(password(\..*)?|.*\.json|.*\.totp|.*\.secret|.*\.pem|.*\.key|apache\.conf)$/.test(e.name)) yield p;
	}
}
const forms = v => Buffer.isBuffer(v) ? [v] : [Buffer.from(v), Buffer.from(encodeURIComponent(v)), Buffer.from(Buffer.from(v).toString('base64').slice(0, -4)), Buffer.from(Buffer.from(v).toString('hex'))];

await check(`${Object.keys(canaries).length} secrets are in no log, trail, store or directory`, async () => {
	const seen = [], read = [];
	for (const p of files(demo)) {
		const content = fs.readFileSync(p);
		read.push(path.relative(demo, p));
		for (const [what, value] of Object.entries(canaries))
			if (forms(value).some(f => content.includes(f))) seen.push(`${what} in ${path.relative(demo, p)}`);
	}
	for (const must of [/^idpd\.log$/, /^audit\//, /^state\/data\.mdb$/, /^directory\/data\/data\.mdb$/]) assert.ok(read.some(p => must.test(p)), `${must} was read`);
	assert.deepEqual(seen, []);
});

await check('no one-time code is in a log or an audit line, and the trail does tell of all of it', async () => {
	const text = [...files(demo)].filter(p => /\.log$|audit\//.test(p)).map(p => fs.readFileSync(p, 'utf8')).join('\n');
	assert.ok(!new RegExp(`(?<![\\d.])${code}(?!\\d)`).test(text.replace(/"time":"[^"]*"/g, '')), 'the code');
	const mine = trail().map(l => JSON.stringify(l)).filter(l => l.includes('"trace-') || l.includes('trace-nobody'));
	assert.ok(!new RegExp(`(?<![\\d.])${code}(?!\\d)`).test(mine.join('\n').replace(/"time":"[^"]*"/g, '')), 'the code, sealed');
	for (const event of ['login.ok', 'login.no', 'token.issued', 'code.replayed', 'client.refused']) assert.ok(mine.some(l => l.includes(`"${event}"`)), event);
});

await check('a code that was sent is in the message and nowhere else, and its address in the directory and nowhere else', async () => {
	const mia = newPerson('trace-mia', { code: false }), address = `${canary('mia')}@csam.example`, her = new Agent(), shown = [];
	ldapmodify(csamctl('key', 'new', 'mail', '--person', mia.username, '--address', address));
	await new Promise(r => setTimeout(r, 1000));
	const see = page => { shown.push(page.text, JSON.stringify(page.headers ?? {}), page.url); return page; };
	const [mailed] = await newServices({ client_id: 'trace-mailed', client_secret: secret, default_acr_values: [level(300)] });
	let page = see(await her.visit(request(mailed).url));
	if (!Agent.has(page, 'password')) page = see(await her.answer(page, { choice: 'mail' }));
	page = see(await her.answer(page, { username: mia.username, password: mia.password }));
	assert.ok(Agent.has(page, 'code'));
	const sent = codeIn((await sentTo('mail', address)).text), alone = new RegExp(`(?<![\\d.])${sent}(?!\\d)`);
	page = see(await her.answer(page, { code: String((Number(sent) + 1) % 1e6).padStart(6, '0') }));
	page = see(await her.answer(page, { code: sent }));
	assert.ok(page.callback, 'it was the code');
	assert.ok(!shown.some(t => alone.test(t) || t.includes(address)), 'neither was ever on a page');
	const written = [...files(demo)].map(p => path.relative(demo, p)).filter(p => !/^(mail|directory\/(data|accesslog))\//.test(p));
	for (const p of written) {
		const content = fs.readFileSync(path.join(demo, p), 'latin1');
		assert.ok(!content.includes(address), `her address in ${p}`);
		assert.ok(!content.includes(`#${sent}`) && !(/\.log$|^audit\//.test(p) && alone.test(content.replace(/"time":"[^"]*"/g, ''))), `the code in ${p}`);
	}
	for (const must of [/^idpd\.log$/, /^audit\//, /^state\/data\.mdb$/]) assert.ok(written.some(p => must.test(p)), `${must} was read`);
	assert.ok(!trail().some(l => JSON.stringify(l).includes(address)), 'nor in a line of the trail, when it is opened');
});

await check('the search does find what is there', async () => {
	const log = path.join(demo, 'trace-self.log');
	fs.writeFileSync(log, `x${Buffer.from(password).toString('base64')}y`);
	assert.ok(forms(password).some(f => fs.readFileSync(log).includes(f)));
	fs.unlinkSync(log);
});

done();
