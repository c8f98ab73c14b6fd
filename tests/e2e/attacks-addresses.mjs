// Where an answer may go: redirect addresses, repeated parameters, PKCE, the Host header, forms of other sites.
import assert from 'node:assert/strict';
import tls from 'node:tls';
import { Agent } from './agent.mjs';
import { check, done, newPerson } from './csam.mjs';
import { answer, asClient, at, authorize, issuer, newServices, notOurFault, random, redeem, request, tokens } from './flow.mjs';

const emma = newPerson('addresses-emma', { code: false });
const [web, native, open, strict] = await newServices(
	{ client_id: 'addr-web', default_acr_values: ['urn:be:fedict:iam:fas:citizen:Level200'], redirect_uris: ['https://rp.example/cb', 'https://rp.example/sub/cb?x=1'], grant_types: ['authorization_code', 'refresh_token'] },
	{ client_id: 'addr-native', application_type: 'native', subject_type: 'public', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]/cb', 'com.example.app:/cb'] },
	{ client_id: 'addr-open', default_acr_values: ['urn:be:fedict:iam:fas:citizen:Level200'] },
	{ client_id: 'addr-public', token_endpoint_auth_method: 'none', default_acr_values: ['urn:be:fedict:iam:fas:citizen:Level200'] });
const agent = new Agent();
const first = await tokens(web, agent, emma);	// she is signed in: whatever goes astray would carry a code

// What browsers, proxies and libraries have been seen to take for https://rp.example/cb.
const like = [
	'https://rp.example/cb/', 'https://rp.example/cb//', 'https://rp.example//cb', 'https://rp.example/./cb', 'https://rp.example/x/../cb', 'https://rp.example/cb/.', 'https://rp.example/cb/..',
	'https://rp.example/cb/../../evil', 'https://rp.example/cb%2f..%2fevil', 'https://rp.example/cb/%2e%2e/evil', 'https://rp.example/cb%00', 'https://rp.example/cb%0d%0aX:1', 'https://rp.example/cb%20', 'https://rp.example/cb%23',
	'https://rp.example/%63b', 'https://rp.example/c%62', 'https://rp.example/cb?', 'https://rp.example/cb?x', 'https://rp.example/cb?next=https://evil.example', 'https://rp.example/cb&x', 'https://rp.example/cb;x',
	'https://rp.example/cb#', 'https://rp.example/cb#x', 'https://rp.example/CB', 'https://RP.example/cb', 'HTTPS://rp.example/cb', 'http://rp.example/cb', 'https://rp.example:443/cb', 'https://rp.example:8443/cb', 'https://rp.example:/cb',
	'https://rp.example./cb', 'https://rp.example.evil.example/cb', 'https://rp-example/cb', 'https://rpxexample/cb', 'https://evil.example/https://rp.example/cb', 'https://evil.example?https://rp.example/cb', 'https://evil.example#https://rp.example/cb',
	'https://xrp.example/cb', 'https://x.rp.example/cb', 'https://rp.example@evil.example/cb', 'https://rp.example:x@evil.example/cb', 'https://x@rp.example/cb', 'https://@rp.example/cb', 'https://rp.example%2f@evil.example/cb',
	'https://rp.example\\@evil.example/cb', 'https://evil.example\\@rp.example/cb', 'https:\\\\rp.example\\cb', 'https://rp.example\\cb', 'https:/rp.example/cb', 'https:rp.example/cb', 'https:///rp.example/cb', '//rp.example/cb', '/cb', 'cb', 'rp.example/cb',
	'https://rp.example/cb\t', 'https://rp.example/\tcb', '\thttps://rp.example/cb', ' https://rp.example/cb', 'https://rp.example/cb ', 'https://rp.example/cb\r\nSet-Cookie: x=1', 'https://rp.example/cb\n', 'https://rp.example/cb\0', 'https://rp.example/cb\u007f',
	'https://rp.example/cb\u0000.evil.example', 'https://rp。example/cb', 'https://rp․example/cb', 'https://rp.examp1e/cb', 'https://rp.exаmple/cb', 'https://rp.example/ⅽb', 'https://xn--rp-example/cb', '\ufeffhttps://rp.example/cb',
	'javascript:alert(1)//https://rp.example/cb', 'data:text/html,https://rp.example/cb', 'file:///cb', 'https://rp.example/cb,https://evil.example/', 'https://rp.example/cb https://evil.example/', 'https://rp.example/cb|https://evil.example',
	'https://rp.example/sub/cb', 'https://rp.example/sub/cb?x=1&y=2', 'https://rp.example/sub/cb?x=2', 'https://rp.example/sub/cb?X=1', 'https://rp.example/sub/cb?x=1#', 'https://rp.example/cb?x=1', 'https://127.0.0.1/cb', 'http://localhost/cb', 'https://[::1]/cb',
	'https://rp.example/*', 'https://*/cb', 'https://rp.*/cb', '.*', '*', '', 'null', 'https://rp.example/cb' + '/'.repeat(3000), 'https://rp.example/cb*', '(redirect_uri=*)', 'oob', 'urn:ietf:wg:oauth:2.0:oob', issuer + '/', at('/login'),
];
const goesNowhere = (r, what) => {
	notOurFault(r, what);
	assert.equal(r.location, undefined, `${what}: redirected to ${r.location}`);
	assert.ok(r.status >= 400, `${what}: ${r.status}`);
	assert.ok(!/http-equiv="?refresh/i.test(r.text), `${what}: the page leads on by itself`);
	for (const [, , link] of r.text.matchAll(/\s(href|action|src|formaction)="([^"]*)"/g)) {
		const to = new URL(link.replaceAll('&amp;', '&').replaceAll('&#38;', '&'), issuer);
		assert.equal(to.origin, issuer, `${what}: the page leads to ${to}`);
	}
};

await check(`${like.length} addresses that are almost a service's own are pages, never redirects`, async () => {
	assert.ok(like.length >= 60);
	assert.ok(answer(await agent.visit(request(web).url)).code, 'the right address does work');
	for (const redirect_uri of like)
		goesNowhere(await agent.send(request(web, { redirect_uri }).url), JSON.stringify(redirect_uri));
	for (const extra of [{}, { prompt: 'none' }, { response_mode: 'form_post' }, { response_type: 'token' }, { request_uri: 'https://evil.example/x' }])
		goesNowhere(await agent.send(request(web, { redirect_uri: 'https://evil.example/cb', ...extra }).url), JSON.stringify(extra));
	goesNowhere(await agent.send(request(web, { redirect_uri: undefined }).url), 'none');
});

await check('the same when the request comes as a form', async () => {
	for (const redirect_uri of like.filter((_, i) => i % 4 === 0)) {
		const r = request(web, { redirect_uri });
		const page = notOurFault(await agent.send(at('/oidc/authorize'), { method: 'POST', form: r.params }), redirect_uri);
		assert.ok(page.status >= 400 && !page.location, `${redirect_uri}: ${page.status} ${page.location}`);
	}
});

await check('a native service: any port of its loopback address, and nothing else', async () => {
	const person = new Agent();
	for (const ok of ['http://127.0.0.1:51004/cb', 'http://[::1]:80/cb', 'http://127.0.0.1/cb', 'com.example.app:/cb'])
		assert.match((await person.send(request(native, { redirect_uri: ok }).url)).location ?? '', /\/login\?c=/, ok);
	for (const no of ['http://localhost:51004/cb', 'http://127.0.0.1:0/cb', 'http://127.0.0.1:99999/cb', 'http://127.0.0.1:080/cb', 'http://127.0.0.1:80:80/cb', 'http://127.0.0.1:51004/cb/', 'http://127.0.0.1:51004/cbx', 'https://127.0.0.1:51004/cb', 'http://127.0.0.2:51004/cb',
		'http://127.0.0.1.evil.example:1/cb', 'http://127.0.0.1@evil.example/cb', 'http://127.0.0.1:1@evil.example/cb', 'http://127.0.0.1:51004', 'http://127.1:5/cb', 'http://0x7f000001:5/cb', 'http://2130706433/cb', 'http://[::ffff:127.0.0.1]:5/cb', 'http://[::1%25lo]:5/cb', 'http://127.0.0.1:-1/cb', 'http://127.0.0.1:5x/cb',
		'com.example.app:/cb/x', 'com.example.app://cb', 'com.example.APP:/cb', 'http://127.0.0.1:/cb'])
		goesNowhere(await person.send(request(native, { redirect_uri: no }).url), no);
	goesNowhere(await agent.send(request(web, { redirect_uri: 'http://127.0.0.1:1/cb' }).url), 'a web service has no loopback');
});

await check('another service\'s address, and a service that does not exist, are pages', async () => {
	goesNowhere(await agent.send(request(web, { redirect_uri: open.redirect_uris[0] }).url), 'of another service');
	for (const client_id of ['', '*', 'addr-*', 'addr-web)(csamClientId=*', 'ADDR-WEB', 'addr-web ', ' addr-web', 'addr-web\0', 'addr-web\n', 'a'.repeat(300), 'cn=addr-web,ou=services', '\\2a', 'аddr-web', 'addr-web\u0000x', '$(id)', '../x'])
		goesNowhere(await agent.send(request(web, { client_id }).url), `client ${JSON.stringify(client_id)}`);
});

await check('after signing out nobody is sent to an address that is not registered', async () => {
	const t = await tokens(open, new Agent(), emma, { params: { scope: 'openid' } });
	for (const uri of [...like.map(u => u.replaceAll('/cb', '/bye').replaceAll('rp.example', 'addr-open.example')), 'https://addr-open.example/cb', 'https://evil.example/bye'])
		for (const hint of [{ id_token_hint: t.id_token }, { client_id: open.client_id }, {}]) {
			if (uri === '' || (hint.client_id && uri.length % 3)) continue;	// empty is absent (RFC 6749 3.1)
			const r = await agent.send(at('/oidc/logout?' + new URLSearchParams({ post_logout_redirect_uri: uri, ...hint })));
			goesNowhere(r, `${uri} ${Object.keys(hint)}`);
		}
	assert.equal((await new Agent().send(at('/oidc/logout?' + new URLSearchParams({ post_logout_redirect_uri: 'https://addr-open.example/bye', id_token_hint: t.id_token })))).location, 'https://addr-open.example/bye');
});

await check('id_token_hint of another service, unsigned, changed or cut signs nobody out', async () => {
	const t = await tokens(web, agent, emma), [h, p, s] = t.id_token.split('.'), none = Buffer.from('{"alg":"none"}').toString('base64url');
	for (const hint of [`${none}.${p}.`, `${none}.${p}.${s}`, `${h}.${p}.`, `${h}.${p}`, `${h}.${p}.${s.slice(0, -4)}AAAA`, h, '...', '', 'x', `${h}..${s}`, t.access_token, `${h}.${p}.${s}.${s}`, ' ' + t.id_token]) {
		notOurFault(await agent.send(at('/oidc/logout?' + new URLSearchParams({ id_token_hint: hint }))), hint.slice(0, 40));
		assert.ok(answer(await agent.visit(request(web, { prompt: 'none' }).url)).code, `signed out by ${hint.slice(0, 40)}`);
	}
});

await check('a parameter that comes twice is refused, in query, form, and both', async () => {
	const r = request(web);
	for (const name of [...Object.keys(r.params), 'prompt', 'max_age', 'claims', 'acr_values', 'login_hint', 'foo']) {
		const twice = `${r.url}&${name}=${encodeURIComponent(r.params[name] ?? 'x')}`, both = name in r.params ? twice : `${twice}&${name}=x`;
		for (const answered of [await agent.send(both), await agent.send(at('/oidc/authorize'), { method: 'POST', form: both.split('?')[1] }), await agent.send(`${r.url}&${name}=x`, { method: 'POST', form: `${name}=y` })])
			assert.equal(answered.status, 400, name);
		assert.equal((await agent.send(`${r.url}&${[...name].map(c => '%' + c.charCodeAt(0).toString(16)).join('')}=x`)).status, name in r.params ? 400 : (await agent.send(`${r.url}&${name}=x`)).status, `${name} in disguise`);
	}
	const a = await authorize(web, agent);
	const form = new URLSearchParams({ grant_type: 'authorization_code', code: a.code, redirect_uri: a.params.redirect_uri, code_verifier: a.verifier }).toString();
	for (const name of ['grant_type', 'code', 'redirect_uri', 'code_verifier', 'client_id', 'client_secret', 'scope', 'foo'])
		assert.equal((await asClient(web, '/oidc/token', `${form}&${name}=x&${name}=x`)).status, 400, name);
	for (const query of [`code=${a.code}`, 'client_id=addr-web', 'x=1'])
		assert.equal((await asClient(web, `/oidc/token?${query}`, form)).status, 400, query);
	for (const path of ['/oidc/introspect', '/oidc/revoke', '/oidc/userinfo'])
		assert.equal((await asClient(web, path, 'token=x&token=y')).status, 400, path);
	assert.equal((await redeem(a)).status, 200, 'the code was not spent by any of it');
});

await check('PKCE cannot be taken out, weakened or guessed', async () => {
	const person = new Agent();
	await tokens(open, person, emma);
	const refused = async (params, error = 'invalid_request') => assert.equal(answer(await person.visit(request(open, params).url)).error, error, JSON.stringify(params));
	await refused({ code_challenge_method: 'plain' });
	await refused({ code_challenge_method: 'none' });
	await refused({ code_challenge_method: 's256' });
	await refused({ code_challenge_method: '' });
	await refused({ code_challenge_method: undefined });
	await refused({ code_challenge: '' });
	await refused({ code_challenge: undefined });
	await refused({ code_challenge: 'short' });
	await refused({ code_challenge: 'x'.repeat(44) });
	await refused({ code_challenge: '!'.repeat(43) });
	assert.equal(answer(await person.visit(request(strict, { code_challenge: undefined, code_challenge_method: undefined }).url)).error, 'invalid_request', 'a public client never goes without');
	for (const code_verifier of ['', 'x', random(32), 'x'.repeat(200)]) {
		const a = await authorize(open, person);
		const t = await redeem(a, { code_verifier });
		assert.match(t.json.error, /invalid_grant|invalid_request/, code_verifier);
	}
	const a = await authorize(open, person);
	const { code_verifier, ...without } = { grant_type: 'authorization_code', code: a.code, redirect_uri: a.params.redirect_uri, code_verifier: 1 };
	assert.match((await asClient(open, '/oidc/token', without)).json.error, /invalid_grant|invalid_request/, 'verifier left out');
	assert.match((await redeem(a, { code_verifier: a.params.code_challenge })).json.error, /invalid_grant/, 'the challenge as verifier');
	const bare = await authorize(open, person, null, { params: { code_challenge: undefined, code_challenge_method: undefined } });
	assert.equal((await redeem(bare)).json.error, 'invalid_grant', 'a verifier where there was no challenge (the challenge was taken out on the way)');
});

await check('a code is for its client and its address', async () => {
	const person = new Agent();
	await tokens(open, person, emma);
	const a = await authorize(web, person);
	for (const [service, form] of [[open, {}], [open, { redirect_uri: open.redirect_uris[0] }], [web, { redirect_uri: 'https://rp.example/sub/cb?x=1' }], [web, { redirect_uri: '' }], [web, { redirect_uri: 'https://rp.example/cb/' }]])
		assert.match((await redeem({ ...a, service }, form)).json.error, /invalid_grant|invalid_request/, JSON.stringify(form));
	assert.equal((await redeem(a)).status, 200, 'and was not spent by others');
});

// --- Host, and headers that proxies write ---
const strange = ['evil.example', 'evil.example:443', 'localhost.evil.example', 'localhost', 'localhost:1', '127.0.0.1', '[::1]', 'evil.example/x', 'localhost@evil.example', '"><script>alert(1)</script>', "x'y", 'a'.repeat(300)];
await check(`${strange.length} Host headers, and those of proxies, change no address that we tell`, async () => {
	for (const host of strange)
		for (const headers of [{ host }, { 'x-forwarded-host': host }, { 'x-forwarded-host': host, 'x-forwarded-proto': 'http', 'x-forwarded-port': '1' }, { forwarded: `host="${host}";proto=http` }, { 'x-original-url': '/evil', 'x-rewrite-url': '/evil', 'x-host': host }, { 'x-forwarded-prefix': '/evil', 'x-forwarded-server': host }])
			for (const path of ['/.well-known/openid-configuration', '/', '/login', request(web).url.slice(issuer.length), '/nowhere']) {
				const name = Object.entries(headers).map(h => h.join(': ').slice(0, 80)).join(', ');
				const r = notOurFault(await agent.send(at(path), { headers }), `${path} with ${name}`);
				const told = r.text + (r.raw.join('\n'));
				assert.ok(!told.includes('evil') && !told.includes(host === 'localhost' || host === 'localhost:1' || host === '127.0.0.1' ? 'https://' + host + '/' : host), `${path} with ${name} tells it`);
				if (path.startsWith('/.well-known') && r.status === 200) assert.equal(r.json.issuer, issuer);
			}
});

await check('the absolute form of a request line does not name us either', async () => {
	for (const absolute of ['https://evil.example/.well-known/openid-configuration', 'http://evil.example/login']) {
		const r = await new Promise((resolve, reject) => {
			const c = tls.connect({ host: '127.0.0.1', port: new URL(issuer).port, rejectUnauthorized: false }, () => c.write(`GET ${absolute} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`));
			let text = '';
			c.on('data', d => text += d).on('end', () => resolve(text)).on('error', reject);
		});
		assert.ok(!r.includes('evil'), r.slice(0, 300));
		assert.match(r, /^HTTP\/1\.1 [2-4]/);
	}
});

// --- forms of other sites ---
await check('a form of another site changes nothing', async () => {
	const t = await tokens(web, agent, emma);
	const still = async what => assert.ok(answer(await agent.visit(request(web, { prompt: 'none' }).url)).code, `signed out by ${what}`);
	const login = await new Agent().visit(request(web).url), ticket = Agent.field(login, 'ticket');
	const page = await agent.send(at('/logout')), csrf = Agent.field(page, 'csrf_token');
	assert.ok(csrf, 'the page for signing out has a token');
	const foreign = [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: issuer + '.evil.example' }, { origin: issuer.replace('https', 'http') }, { origin: issuer.replace(/:\d+$/, '') }, { origin: issuer + '/' }, { origin: '' },
		{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'cross-site', origin: issuer }, { 'sec-fetch-site': 'bogus', origin: issuer }];
	for (const headers of foreign)
		for (const [path, form] of [['/login', { ticket, choice: 'password' }], ['/logout', { csrf_token: csrf }], ['/oidc/consent', { request: 'x', consent: 'yes', csrf_token: csrf }]]) {
			const r = notOurFault(await agent.send(at(path), { method: 'POST', form, headers }), path);
			assert.ok(r.status === 403 || r.status === 400, `${path} ${JSON.stringify(headers)}: ${r.status}`);
			assert.equal(r.headers.getSetCookie().filter(c => c.startsWith('__Host-csam-s')).length, 0);
		}
	await still('a foreign form');
	const own = { origin: issuer, 'sec-fetch-site': 'same-origin' };
	for (const csrf_token of [undefined, '', 'x', csrf + 'x', csrf.slice(1), t.access_token, ticket]) {
		const r = await agent.send(at('/logout'), { method: 'POST', form: csrf_token === undefined ? { x: 'y' } : { csrf_token }, headers: own });
		assert.equal(r.status, 400, `token ${csrf_token}`);
	}
	const his = new Agent();
	await tokens(web, his, emma);
	const stolen = Agent.field(await his.send(at('/logout')), 'csrf_token');
	assert.equal((await agent.send(at('/logout'), { method: 'POST', form: { csrf_token: stolen }, headers: own })).status, 400, 'the token of another browser');
	for (const form of [{ logout: 'yes' }, { logout: 'yes', csrf_token: csrf }, { logout: 'yes', csrf_token: stolen }])
		notOurFault(await agent.visit(at('/oidc/logout'), { method: 'POST', form, headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' } }), 'logout');
	await still('a token of another form');
	for (const path of ['/logout', '/login', '/oidc/consent', '/oidc/logout'])
		for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x'])
			notOurFault(await agent.send(at(path), { method: 'POST', body: `csrf_token=${csrf}`, headers: { ...own, 'content-type': type } }), `${path} as ${type}`);
	await still('a body of another type');
	for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD'])
		notOurFault(await agent.send(at(`/logout?csrf_token=${csrf}&logout=yes`), { method, headers: own }), method);
	await still('another method');
	assert.equal((await agent.send(at('/logout'), { method: 'POST', form: { csrf_token: csrf }, headers: own })).status, 303, 'the right one does work');
	assert.equal(answer(await agent.visit(request(web, { prompt: 'none' }).url)).error, 'login_required');
});

done();
