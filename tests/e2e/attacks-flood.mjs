// Too long, too deep, too many, malformed: whatever is sent, the fault is the sender's, and the daemon lives on and stays quick.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Agent, cut, send } from './agent.mjs';
import { check, demo, done, newPerson, target } from './csam.mjs';
import { asClient, at, authorize, introspect, issuer, level, newServices, notOurFault, random, redeem, request, userinfo, tokens } from './flow.mjs';

const emma = newPerson('flood-emma', { code: false });
const [web, signer] = await newServices({ client_id: 'flood-web', default_acr_values: [level(200)], grant_types: ['authorization_code', 'refresh_token'] },
	{ client_id: 'flood-signer', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', crv: 'P-256', kid: 'k', x: 'ERPxXXA6yfW8cR9H3mfLYmLX5OVGBaqiNnKMVFhJVqM', y: 'yJMdQ2hpG4nR6QdVX2yGqFlxhZk0AXDEQ8Q0GIPYMVU' }] } }).catch(() => newServices({ client_id: 'flood-web', default_acr_values: [level(200)] }));
const agent = new Agent();
await authorize(web, agent, emma);

// The processes of the daemon: they must be the same at the end, and not have worked or grown much.
const root = fs.readFileSync(path.join(demo, target.pid_file), 'utf8').trim();
const children = () => fs.readFileSync(`/proc/${root}/task/${root}/children`, 'utf8').trim().split(' ');
const before = children().join();
const cpu = () => children().reduce((n, pid) => { const f = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' '); return n + Number(f[11]) + Number(f[12]); }, 0) * 10;	// ms
const rss = () => Math.max(...children().map(pid => Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]))) / 1024;

let asked = 0, slowest = { took: 0 };
async function ask(url, options, what) {
	const began = performance.now(), page = notOurFault(await agent.send(url, options).catch(cut), what), took = performance.now() - began;
	asked++;
	if (took > slowest.took) slowest = { took, what };
	return page;
}
const deep = (open, close, n, inner = '1') => open.repeat(n) + inner + close.repeat(n);
const b64 = s => Buffer.from(s).toString('base64url');
const began = cpu();

await check('claims that are deep, huge, repeated, or no JSON', async () => {
	const texts = ['', '{', '}', '[]', '1', 'null', '"x"', '{}x', '{"id_token":1}', '{"id_token":[]}', '{"id_token":{"acr":1}}', '{"id_token":{"acr":{"values":1}}}', '{"id_token":{"acr":{"essential":1,"values":[1,null,{}]}}}', '{"id_token":{"sub":{"value":5}}}', '{"id_token":{"sub":{"value":"\\u0000"}}}', '{"id_token":{"\\u0000":null}}', '{"id_token":{"\\ud800":null}}',
		deep('{"id_token":', '}', 400), deep('[', ']', 3000), deep('{"a":', '}', 1000), '{"id_token":' + deep('{"acr":', '}', 500) + '}', '['.repeat(7000), '{"a":'.repeat(1500), '{"id_token":{"acr":{"essential":true,"values":[' + Array(400).fill(`"${level(100)}"`).join().slice(0, 6000) + ']}}}', '{"id_token":{' + Array.from({ length: 500 }, (_, i) => `"c${i}":null`).join() + '}}',
		'{"id_token":{"acr":{"essential":true,"values":[' + Array(40).fill('"urn:be:fedict:iam:fas:citizen:Level200"').join() + ']}}}', '{"id_token":{"given_name":null,"given_name":{"essential":true}}}', `{"x":${'9'.repeat(4000)}}`, '{"x":1e999}', '{"x":-1e-999}', `{"x":"${'\\u0041'.repeat(1000)}"}`, '{"id_token":{"given_name":{"value":"' + 'x'.repeat(5000) + '"}}}', 'x'.repeat(60000), '\ufeff{}', '{"id_token":{"__proto__":null,"constructor":{}}}'];
	for (const text of texts) {
		await ask(request(web, { claims: text }).url, {}, `claims ${text.slice(0, 60)}`);
		await ask(at('/oidc/authorize'), { method: 'POST', form: request(web, { claims: text }).params }, `claims in a form ${text.slice(0, 60)}`);
	}
});

await check('JWTs that are deep, huge or broken, wherever one is taken', async () => {
	const h = b64('{"alg":"ES256","kid":"k"}'), tokens = ['', '.', '..', '...', 'a.b.c', `${h}.${b64(deep('[', ']', 2000))}.AA`, `${h}.${b64(deep('{"a":', '}', 2000))}.AA`, `${h}.${b64('['.repeat(12000))}.AA`, `${b64(deep('{"a":', '}', 2000))}.e30.AA`, `${h}.${b64('{"sub":"flood-signer"}')}.`, `${h}.${b64('{"sub":"flood-signer"}')}.${'A'.repeat(12000)}`, `${h}.${b64('{"sub":"flood-signer","x":"' + 'x'.repeat(11000) + '"}')}.AA`,
		`${h}.${b64('{"sub":5}')}.AA`, `${h}.${b64('{"sub":"\\u0000"}')}.AA`, `${h}.${b64('null')}.AA`, `${b64('null')}.${b64('{"sub":"flood-signer"}')}.AA`, `${b64('{"alg":null}')}.${b64('{"sub":"flood-signer"}')}.AA`, `${b64('{"alg":["ES256"]}')}.${b64('{"sub":"flood-signer"}')}.AA`, `${b64('{"alg":"ES256","kid":5}')}.${b64('{"sub":"flood-signer"}')}.AA`, `${b64('{"alg":"ES256","crit":{}}')}.${b64('{"sub":"flood-signer"}')}.AA`, 'A'.repeat(16385), 'A'.repeat(60000), '.'.repeat(5000), '%', '\0', '\uffff.\uffff.\uffff'];
	for (const jwt of tokens) {
		await ask(request(web, { id_token_hint: jwt, prompt: 'none' }).url, {}, `hint ${jwt.slice(0, 40)}`);
		await ask(at('/oidc/logout?' + new URLSearchParams({ id_token_hint: jwt })), {}, `logout ${jwt.slice(0, 40)}`);
		await ask(at('/oidc/logout'), { method: 'POST', form: { id_token_hint: jwt } }, `logout form ${jwt.slice(0, 40)}`);
		await ask(at('/oidc/token'), { method: 'POST', form: { grant_type: 'authorization_code', code: jwt, client_assertion: jwt, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' } }, `assertion ${jwt.slice(0, 40)}`);
		for (const r of [await introspect(web, jwt), await asClient(web, '/oidc/revoke', { token: jwt }), await asClient(web, '/oidc/token', { grant_type: 'refresh_token', refresh_token: jwt })]) notOurFault(r, `token ${jwt.slice(0, 40)}`);
		if (!/[^\x20-\x7e]/.test(jwt)) await ask(at('/oidc/userinfo'), { headers: { authorization: `Bearer ${jwt}` } }, `bearer ${jwt.slice(0, 40)}`);
	}
});

await check('lengths: of parameters, of their number, of body, address, headers, cookies', async () => {
	const expect = async (statuses, url, options, what) => { const r = await ask(url, options, what); assert.ok(r.cut || statuses.includes(r.status), `${what}: ${r.status}`); };
	const many = n => Array.from({ length: n }, (_, i) => `p${i}=${i}`).join('&');
	for (const n of [101, 500, 3000]) {
		await expect([400, 414, 431], at('/oidc/authorize?' + many(n)), {}, `${n} parameters`);
		await expect([400], at('/oidc/token'), { method: 'POST', form: many(n) }, `${n} in a form`);
		await expect([400], at('/login'), { method: 'POST', form: many(n), headers: { origin: issuer } }, `${n} in a login form`);
	}
	for (const p of ['/login', '/logout', '/oidc/token', '/oidc/consent', '/oidc/authorize', '/oidc/introspect', '/oidc/userinfo', '/oidc/revoke', '/oidc/logout', '/nowhere', '/static/x'])
		for (const n of [65536, 65537, 1 << 20])
			await expect(p === '/nowhere' || p === '/static/x' ? [404, 405, 413] : n === 65536 ? [200, 303, 400, 401, 403, 404, 413] : [413], at(p), { method: 'POST', form: 'x=' + 'y'.repeat(n - 2), headers: { origin: issuer } }, `${n} bytes to ${p}`);
	for (const n of [3000, 9000, 30000, 70000]) {
		await ask(at('/login?x=' + 'y'.repeat(n)), {}, `an address of ${n}`);
		await ask(at('/' + 'y/'.repeat(n / 2)), {}, `a path of ${n}`);
		for (const name of ['x-long', 'cookie', 'accept-language', 'user-agent', 'authorization', 'origin', 'x-forwarded-for', 'referer', 'content-type', 'sec-fetch-site', 'if-none-match', 'accept-encoding'])
			await ask(at('/oidc/userinfo'), { headers: { [name]: 'z'.repeat(n) } }, `${name} of ${n}`);
		await ask(at('/login'), { headers: { 'accept-language': Array(Math.floor(n / 8)).fill('fr;q=0.5').join() } }, 'languages');
		await ask(at('/login'), { headers: { cookie: Array(Math.floor(n / 4)).fill('a=b').join('; ') } }, 'cookies');
	}
	for (const n of [65, 200, 1000]) await ask(at('/login'), { headers: Object.fromEntries(Array.from({ length: n }, (_, i) => [`x-${i}`, 'y'])) }, `${n} headers`);
	for (const name of ['state', 'nonce', 'scope', 'login_hint', 'acr_values', 'ui_locales', 'claims_locales', 'prompt', 'max_age', 'display', 'code_challenge', 'client_id', 'response_mode', 'response_type'])
		for (const value of ['x'.repeat(300), 'x'.repeat(2049), 'x '.repeat(2000), 'é'.repeat(3000), '-1', '99999999999999999999', '1e9', '0x10', ' 1', '\u0000', '\u0007', '\u2028', '<script>'])
			await ask(request(web, { [name]: value }).url, {}, `${name} = ${JSON.stringify(value.slice(0, 20))}`);
});

await check('octets that are no text, in every parameter of every address', async () => {
	const odd = ['%ff', '%c0%80', '%ed%a0%80', '%f4%90%80%80', '%e2%82', '%00', 'a%00b', '%', '%1', '%zz', '%0d%0aX:y', '%c2%85', '%e2%80%ae', '%f0%9f%94%91', '+', '%2b', '%25', '&&', '=', '==', ';', '%26', '%3d'];
	const r = request(web).params, names = { '/oidc/authorize': Object.keys(r).concat('claims', 'id_token_hint', 'login_hint', 'acr_values', 'ui_locales', 'prompt', 'max_age', 'lang', 'r', 'cancel'), '/login': ['c', 'lang', 'ticket', 'username', 'password', 'code', 'choice', 'back'], '/oidc/logout': ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'ui_locales', 'logout', 'csrf_token'], '/oidc/consent': ['r', 'request', 'consent', 'csrf_token'], '/': ['lang'], '/logout': ['csrf_token', 'lang'], '/help': ['lang'] };
	for (const [p, list] of Object.entries(names))
		for (const name of list)
			for (const o of odd) {
				const rest = p === '/oidc/authorize' && !['r', 'cancel'].includes(name) ? new URLSearchParams(Object.entries(r).filter(([n]) => n !== name)).toString() + '&' : '';
				await ask(at(`${p}?${rest}${name}=${o}`), {}, `${p} ${name}=${o}`);
				await ask(at(p), { method: 'POST', form: `${rest}${name}=${o}`, headers: { origin: issuer } }, `POST ${p} ${name}=${o}`);
			}
	for (const name of ['grant_type', 'code', 'redirect_uri', 'code_verifier', 'refresh_token', 'scope', 'client_id', 'client_secret', 'client_assertion', 'token', 'token_type_hint', 'access_token'])
		for (const o of odd)
			for (const p of ['/oidc/token', '/oidc/introspect', '/oidc/revoke', '/oidc/userinfo'])
				for (const grant of name === 'grant_type' ? [''] : ['grant_type=authorization_code&', 'grant_type=refresh_token&']) {
					asked++;
					notOurFault(await asClient(web, p, `${grant}${name}=${o}`), `POST ${p} ${name}=${o}`);
				}
});

await check('paths, methods and types that nobody should send', async () => {
	for (const p of ['/../etc/passwd', '/static/../../etc/passwd', '/static/%2e%2e/x', '/static/', '/static//', '/static/.', '/static/%00', '/%2e%2e/', '//', '///login', '/login/', '/login/x', '/login;x=y', '/LOGIN', '/login%20', '/login%2f', '/.well-known/', '/.well-known/openid-configuration/', '/.well-known/webfinger?resource=x', '/oidc', '/oidc/', '/oidc/%61uthorize', '/oidc//authorize', '/metrics', '/*', '/\\', '/a\\..\\b', '/.git/config', '/static/' + 'a/'.repeat(500), '/?', '/??', '/?&', '/?=', '/?a', '/login?' + '&'.repeat(2000), '/login?' + '='.repeat(2000)])
		for (const method of ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'])
			await ask(at(p), { method, ...(method === 'POST' && { form: 'a=b' }) }, `${method} ${p}`);
	for (const p of ['/login', '/oidc/token', '/oidc/authorize', '/oidc/userinfo', '/logout'])
		for (const type of ['', 'text/plain', 'application/json', 'multipart/form-data', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded; charset=utf-16', 'application/x-www-form-urlencodedx', 'a'.repeat(2000), '/', ';;;'])
			await ask(at(p), { method: 'POST', body: '{"a":1}', headers: { 'content-type': type, origin: issuer } }, `${p} as ${type.slice(0, 40)}`);
});

await check('3000 requests put together by chance', async () => {
	let seed = 20261121;
	const chance = n => { seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff; return (seed >> 8) % n; }, one = list => list[chance(list.length)];
	const t = await tokens(web, agent), page = await new Agent().visit(request(web).url);
	const values = ['', 'x', 'openid', web.client_id, web.redirect_uris[0], 'code', 'none', 'login', '%ff', '%00', 'null', '-1', '0', t.access_token, t.refresh_token ?? 'x', t.id_token, random(), Agent.field(page, 'ticket') ?? 'x', 'S256', 'query', 'form_post', 'authorization_code', 'refresh_token', encodeURIComponent('{"id_token":{"acr":null}}'), 'y'.repeat(500), level(200), 'offline_access', 'yes', 'password', 'app'];
	const names = [...Object.keys(request(web).params), 'prompt', 'max_age', 'claims', 'id_token_hint', 'acr_values', 'login_hint', 'r', 'c', 'ticket', 'choice', 'username', 'password', 'code', 'back', 'csrf_token', 'request', 'consent', 'logout', 'grant_type', 'refresh_token', 'token', 'access_token', 'client_secret', 'client_assertion', 'client_assertion_type', 'lang', 'cancel', 'code_verifier', 'post_logout_redirect_uri', 'registration', 'display'];
	const paths = ['/oidc/authorize', '/oidc/token', '/oidc/userinfo', '/oidc/introspect', '/oidc/revoke', '/oidc/logout', '/oidc/consent', '/login', '/logout', '/'];
	const bits = () => { const used = new Set(); return Array.from({ length: chance(8) }, () => one(names)).filter(n => !used.has(n) && used.add(n)).map(n => `${n}=${one(values)}`).join('&'); };
	for (let i = 0; i < 3000; i += 10)
		await Promise.all(Array.from({ length: 10 }, () => {
			const p = one(paths), post = chance(2), base = p === '/oidc/authorize' && chance(2) ? new URLSearchParams(request(web).params).toString() + '&' : '', text = bits();
			const authorization = one([undefined, undefined, 'Basic ' + Buffer.from(`${web.client_id}:${web.client_secret}`).toString('base64'), `Bearer ${t.access_token}`, 'Basic x']);
			return ask(at(post ? p + (chance(5) ? '' : '?' + bits()) : `${p}?${base}${text}`), { method: post ? 'POST' : 'GET', ...(post && { form: base + text }), headers: { ...(authorization && { authorization }), ...(chance(2) && { origin: issuer }) } }, `${p} ${base}${text}`);
		}));
});

await check('after all of it: the same processes, little work for each, small memory, and people get in', async () => {
	assert.equal(children().join(), before, 'a process ended and was started again');
	const each = (cpu() - began) / asked;
	console.log(`# ${asked} requests, ${each.toFixed(2)} ms of CPU each, ${rss().toFixed(0)} MiB, slowest ${slowest.took.toFixed(0)} ms: ${slowest.what}`);
	assert.ok(each < 50, `${each} ms of CPU for a request`);
	assert.equal((await redeem(await authorize(web, new Agent(), emma))).status, 200);
	assert.equal((await send(at('/readyz'))).status, 200);
	assert.equal((await userinfo((await tokens(web, agent, emma)).access_token)).status, 200);
});

done();
