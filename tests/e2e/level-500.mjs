// Services that demand the eID: it opens them, and nothing weaker does. Directly, by forged answers, on top of a weaker session, by what a request may wish
// for, from another device, and through the door for hosts.
import assert from 'node:assert/strict';
import { createHash, sign, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Agent, send } from './agent.mjs';
import { check, demo, done, freshCode, ldapmodify, newPerson, target } from './csam.mjs';
import { answer, asClient, at, authorize, claims, introspect, issuer, level, newServices, pause, redeem, request, tokens, userinfo, words } from './flow.mjs';
import { Host } from './host.mjs';

const run = Date.now().toString(36), GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const emma = newPerson(`five-${run}`), entry = `uid=${emma.username},ou=people,${target.ldap.base}`;
const modify = (dn, lines) => ldapmodify(`dn: ${dn}\nchangetype: modify\n${lines}\n`);
modify(entry, 'replace: csamNationalNumber\ncsamNationalNumber: 17073003384\n-\nadd: objectClass\nobjectClass: posixAccount\n-\nadd: cn\ncn: Emma\n-\n' +
	'add: uidNumber\nuidNumber: 10500\n-\nadd: gidNumber\ngidNumber: 10500\n-\nadd: homeDirectory\nhomeDirectory: /home/emma');	// of the card "kids"
process.on('exit', () => modify(entry, 'delete: csamNationalNumber'));	// it may be one person's only

// By level, and by kind of key; and two that ask for less.
const [byLevel, byKind, weak, middle, device] = await newServices({ client_id: `five-level-${run}`, default_acr_values: [level(500)] }, { client_id: `five-kind-${run}` },
	{ client_id: `five-weak-${run}`, default_acr_values: [level(200)] }, { client_id: `five-middle-${run}`, default_acr_values: [level(400)] },
	{ client_id: `five-device-${run}`, grant_types: [GRANT, 'authorization_code'], default_acr_values: [level(500)] });
modify(`cn=${byKind.client_id},ou=services,${target.ldap.base}`, 'add: csamServiceKeyKind\ncsamServiceKeyKind: eid');
const strict = [byLevel, byKind];

// --- a card, and the browser that shows what it signed
function signed(card, bytes, form) {
	const key = fs.readFileSync(path.join(demo, `eid/cards/${card}.key`)), cert = new X509Certificate(fs.readFileSync(path.join(demo, `eid/cards/${card}.pem`)));
	return form(cert.raw, sign('sha384', bytes, { key, dsaEncoding: 'ieee-p1363' }));
}
const sha384 = text => createHash('sha384').update(text).digest();
const atCard = page => Boolean(page.text?.includes('id="eid-form"')) && !Agent.has(page, 'choice') && !Agent.has(page, 'password') && !Agent.has(page, 'code');
const token = (page, card = 'kids') => signed(card, Buffer.concat([sha384(issuer), sha384(page.text.match(/data-challenge="([^"]*)"/)[1])]), (cert, signature) =>
	JSON.stringify({ format: 'web-eid:1.0', algorithm: 'ES384', signature: signature.toString('base64'), unverifiedCertificate: cert.toString('base64') }));
const answerCard = (agent, page, proof) => agent.visit(at('/login/eid'), { method: 'POST', headers: { origin: issuer }, form: { ticket: Agent.field(page, 'ticket'), c: Agent.field(page, 'c'), proof } });
async function byCard(service, agent = new Agent(), card = 'kids', params) {
	const r = request(service, params), page = await agent.visit(r.url);
	assert.ok(atCard(page), words(page));
	const end = await answerCard(agent, page, token(page, card));
	assert.ok(end.callback, words(end));
	return { ...r, service, ...answer(end) };
}
const got = page => page.callback && new URL(page.callback).searchParams.get('code');
const closed = async (agent, what, services = strict) => {	// whatever happened, nobody is in
	for (const s of services) {
		const page = await agent.visit(request(s, { prompt: 'none' }).url);
		assert.ok(page.callback && !got(page), `${what}: ${page.callback ?? words(page)}`);
		assert.match(answer(page).error, /^(login|interaction)_required$/, what);
	}
};

let opened;
await check('the card opens them, and the ID token says what was used', async () => {
	for (let i = 0; ; i++) {	// content sync tells the daemon of the kind
		const page = await new Agent().visit(request(byKind).url);
		if (atCard(page)) break;
		assert.ok(i < 1000, words(page));
		await pause(20);
	}
	opened = await redeem(await byCard(byLevel));
	for (const t of [opened, await redeem(await byCard(byKind))]) {
		assert.equal(t.status, 200, t.text);
		assert.deepEqual([claims(t).acr, [...claims(t).amr].sort()], [level(500), ['hwk', 'mfa', 'pin', 'sc']]);
	}
});

const essential = value => ({ claims: JSON.stringify({ id_token: { acr: { essential: true, ...value } } }) });
const wishes = [{}, { acr_values: level(100) }, { acr_values: level(200) }, { acr_values: `${level(200)} ${level(400)}` }, { acr_values: level(450) }, { acr_values: 'urn:unknown' }, { acr_values: `${level(500)}0` },
	{ acr_values: ' ' }, { acr_values: 'Level500' }, { acr_values: `urn:unknown ${level(200)}` }, essential({}), essential({ value: level(200) }), essential({ values: [level(100), level(200)] }),
	essential({ value: level(400) }), essential({ value: 'urn:unknown' }), essential({ values: [] }), essential({ value: 200 }), essential({ value: null }),
	{ claims: JSON.stringify({ id_token: { acr: { value: level(200) } } }) }, { claims: JSON.stringify({ id_token: { acr: null }, userinfo: { acr: { essential: true, value: level(100) } } }) },
	{ acr_values: level(200), ...essential({ value: level(100) }) }, { prompt: 'login' }, { prompt: 'select_account' }, { max_age: '0' }, { max_age: '999999999' }, { login_hint: emma.username },
	{ kind: 'password' }, { choice: 'password' }, { level: '100' }, { acr: level(100) }, { default_acr_values: level(100) }, { csamServiceLevel: '100' }, { ui_locales: 'fr' }, { display: 'touch' }];
const shown = w => JSON.stringify(w).slice(0, 120);

await check('whatever a request wishes for, nothing but the card is offered', async () => {
	for (const service of strict)
		for (const wish of wishes) {
			const page = await new Agent().visit(request(service, wish).url);
			if (page.callback) assert.match(answer(page).error, /^(unmet_authentication_requirements|invalid_request|access_denied)$/, shown(wish));
			else assert.ok(atCard(page), `${shown(wish)}: ${words(page)}`);
		}
});

await check('nor does any wish get more out of a weaker session than the card\'s page', async () => {
	const agent = new Agent();
	assert.ok(got((await authorize(middle, agent, emma, { kind: 'app' })).page));
	for (const service of strict)
		for (const wish of wishes) {
			const page = await agent.visit(request(service, wish).url);
			if (page.callback) assert.match(answer(page).error, /^(unmet_authentication_requirements|invalid_request|access_denied)$/, shown(wish));
			else assert.ok(atCard(page), `${shown(wish)}: ${words(page)}`);
		}
	await closed(agent, 'with a code');
	assert.ok(got(await agent.visit(request(middle, { prompt: 'none' }).url)), 'the session lives');
});

const kinds = ['password', 'app', 'token', 'sms', 'mail', 'apppass', 'passkey', 'itsme', 'eidas', 'device', 'other', 'app-1', 'eid', ''];
const forged = [...kinds.map(choice => ({ choice })), { username: emma.username, password: emma.password }, { code: '123456' }, { choice: 'password', username: emma.username, password: emma.password },
	{ choice: 'app', username: emma.username, password: emma.password, code: '123456' }, { back: '1' }, { again: '1' }, { back: '1', choice: 'password' }, { kind: 'password', choice: 'password' }, { proof: '{}' },
	{ username: emma.username, password: emma.password, proof: '{}' }, {}];

await check('forged answers to the card\'s page open nothing', async () => {
	for (const service of strict)
		for (const form of forged) {
			const agent = new Agent(), page = await agent.visit(request(service).url), after = await agent.answer(page, form);
			assert.ok(!after.callback && after.status < 500, `${shown(form)}: ${after.callback ?? after.status}`);
			for (const name of ['choice', 'password', 'code']) assert.ok(!Agent.has(after, name), `${shown(form)} leads to ${name}`);
			await closed(agent, shown(form), [service]);
		}
});

await check('nor do proofs that are none, by POST or by GET', async () => {
	const genuine = token(await new Agent().visit(request(byLevel).url));	// of another conversation
	for (const proof of ['', '{}', 'null', '[]', emma.password, genuine, JSON.stringify({ ...JSON.parse(genuine), signature: '' }), JSON.stringify({ ...JSON.parse(genuine), algorithm: 'none' })]) {
		for (const get of [false, true]) {
			const agent = new Agent(), page = await agent.visit(request(byLevel).url);
			const after = get ? await agent.visit(at('/login/eid?' + new URLSearchParams({ c: Agent.field(page, 'c'), p: proof }))) : await answerCard(agent, page, proof);
			assert.ok(!after.callback && after.status < 500, `${proof.slice(0, 60)}: ${after.callback ?? after.status}`);
			await closed(agent, proof.slice(0, 60), [byLevel]);
		}
	}
});

await check('what answers a weaker service\'s question does not answer theirs', async () => {
	const agent = new Agent(), strong = await agent.visit(request(byLevel).url);
	let soft = await agent.visit(request(weak).url);
	if (Agent.has(soft, 'choice')) soft = await agent.answer(soft, { choice: 'password' });
	const c = Agent.field(strong, 'c'), { username, password } = emma;
	let after = await agent.answer(soft, { ticket: Agent.field(strong, 'ticket'), username, password });
	assert.ok(!after.callback, after.callback);
	after = await agent.answer(soft, { c, username, password });	// the ticket says whose answer it is
	assert.ok(!after.callback || new URL(after.callback).hostname === `${weak.client_id}.example`, after.callback);
	assert.ok(atCard(await agent.visit(at(`/login?c=${c}`))), 'the other still waits for the card');
	await closed(agent, 'a password elsewhere');
});

await check('a weaker session is lifted by the card of its own person, and by no other', async () => {
	const agent = new Agent();
	assert.ok(got((await authorize(weak, agent, emma, { kind: 'password' })).page));
	await closed(agent, 'with a password');
	const page = await agent.visit(request(byLevel, { ui_locales: 'en' }).url), after = await answerCard(agent, page, token(page, 'bruno'));
	assert.match(words(after), /belongs to another person/);
	await closed(agent, 'with bruno\'s card');
	const lifted = await redeem(await byCard(byLevel, agent));
	assert.deepEqual([claims(lifted).sub, claims(lifted).acr], [claims(opened).sub, level(500)]);
	const again = await agent.visit(request(byKind, { prompt: 'none' }).url);
	assert.ok(got(again), again.callback);	// and stays so, without a further question
});

await check('codes and tokens of weaker services are none of theirs', async () => {
	const agent = new Agent(), a = await authorize(weak, agent, emma, { kind: 'password' });
	for (const service of strict) {
		const r = await asClient(service, '/oidc/token', { grant_type: 'authorization_code', code: a.code, redirect_uri: service.redirect_uris[0], code_verifier: a.verifier });
		assert.equal(r.json?.error, 'invalid_grant', r.text);
	}
	const t = await tokens(middle, new Agent(), emma, { kind: 'app', code: await freshCode(emma.totp) });
	for (const service of strict) assert.equal((await introspect(service, t.access_token)).json.active, false);
	assert.equal((await userinfo(t.access_token)).status, 200);
});

await check('another device brings no such login, whatever is asked for', async () => {
	for (const form of [{ scope: 'openid' }, { scope: 'openid', acr_values: level(100) }, { scope: 'openid', acr_values: level(500) }, { scope: 'openid', level: '100' }])
		assert.equal((await asClient(device, '/oidc/device', form)).json?.error, 'unauthorized_client', shown(form));
	assert.equal((await asClient(byLevel, '/oidc/device', { scope: 'openid' })).status, 400);
	for (const device_code of ['', 'AAAA', claims(opened).sub])
		assert.notEqual((await asClient(device, '/oidc/token', { grant_type: GRANT, device_code })).status, 200);
});

// --- hosts
const can = ['secret', 'secret code', 'secret code text choice show', 'secret code text choice show device', 'code text choice show device', 'text choice'];
// To its end, with everything that she knows.
async function through(host, t) {
	for (let i = 0; i < 6 && t.json?.prompt; i++) {
		const { ask, choices = [] } = t.json.prompt, form = {};
		if (ask.includes('secret')) form.secret = emma.password;
		else if (ask.includes('choice')) form.choice = choices.map(c => c.id).find(id => id !== 'eid' && id !== 'device') ?? choices[0]?.id;
		else if (ask.includes('code')) form.code = ask.includes('wait') ? '000000' : await freshCode(emma.totp);
		else break;
		t = await host.answer(t, form);
	}
	return t;
}

await check('a server that demands it lets nobody in with less, whatever the server says that it can ask', async () => {
	const host = await new Host(`five-host-${run}`, { level: 500 }).register();
	for (const what of can)
		for (const acr_values of [undefined, level(100), level(400), level(500)]) {
			const t = await through(host, await host.begin(emma.username, { can: what, acr_values }));
			assert.notEqual(t.status, 200, `${what}, ${acr_values}: ${t.text}`);
			assert.ok(!t.json.authorization_code);
		}
	const asked = await host.begin(emma.username, { can: 'text choice show sign' });
	const enter = async card => host.answer(asked.json.prompt.ask.includes('sign') ? asked : await host.answer(asked, { choice: 'eid' }),
		{ sign: signed(card, Buffer.from(asked.json.prompt.challenge), (cert, signature) => `ES384.${cert.toString('base64url')}.${signature.toString('base64url')}`) });
	const t = await enter('kids');
	assert.equal(t.status, 200, t.text);
	assert.equal(JSON.parse(Buffer.from((await host.redeem(t)).json.id_token.split('.')[1], 'base64url')).acr, level(500));
	host.remove();
});

await check('nor does a weaker server that asks for it once, or in a service\'s name', async () => {
	const host = await new Host(`five-low-${run}`, { level: 200 }).register();
	for (const what of can) {
		const t = await through(host, await host.begin(emma.username, { can: what, acr_values: level(500) }));
		assert.notEqual(t.status, 200, `${what}: ${t.text}`);
	}
	const t = await through(host, await host.begin(emma.username, { can: 'secret' }));
	assert.equal(t.status, 200, t.text);	// for itself
	for (const service of strict) {
		const r = await asClient(service, '/oidc/token', { grant_type: 'authorization_code', code: t.json.authorization_code, code_verifier: t.verifier, redirect_uri: service.redirect_uris[0] });
		assert.equal(r.json?.error, 'invalid_grant', r.text);
		const posed = await asClient(service, '/oidc/challenge', { csam_profile: 1, response_type: 'code', scope: 'openid', user: emma.username, pam_service: 'sshd', can: 'secret' });
		assert.ok(posed.status >= 400 && !posed.json?.auth_session, posed.text);
	}
	host.remove();
});

done();
