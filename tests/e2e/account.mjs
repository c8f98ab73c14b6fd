// An account between its first day and its last: terms that are renewed, a password that is set or changed, and the end. In a real browser, and over raw HTTP
// each "only if" without the "if".
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { Agent } from './agent.mjs';
import { insert, newCard, showCard } from './cards.mjs';
import { browser, look, person, signIn } from './chromium.mjs';
import { check, csamctl, demo, done, freshCode, ldapmodify, ldapRead, newPerson, once, shots, target, terms } from './csam.mjs';
import { claims, level, newServices, pause, redeem, refresh, request, tokens, userinfo, words } from './flow.mjs';
import { Host } from './host.mjs';
import { codeMailed, mailsTo, subjectOf } from './mailbox.mjs';

const base = 'dc=csam,dc=example', run = process.pid, keys = `${target.issuer}/keys`;
const ldapsearch = (under, ...what) => execFileSync('ldapsearch', ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', target.ldap.uri, '-D', target.ldap.bind_dn, '-w', target.ldap.bind_pw, '-b', under, ...what], { encoding: 'utf8' });
const dnOf = who => `uid=${who.username},ou=people,${base}`;
const trail = event => csamctl('audit', 'search', '--event', event, '--reason', 'test').split('\n').filter(l => l.startsWith('{')).map(l => JSON.parse(l));

async function comeIn(who, where, kind, options) {
	const one = await person(options);
	await one.page.goto(where);
	await signIn(one.page, who, { kind });
	return one;
}
const form = (page, action) => page.evaluate(a => Object.fromEntries(new FormData(document.querySelector(`form[action="${a}"]`))), action);
const send = (context, where, fields, headers = { origin: target.issuer }) =>
	context.request.post(`${target.issuer}${where}`, { form: fields, headers, maxRedirects: 0, ignoreHTTPSErrors: true });
const act = (page, value) => page.click(`button[name=act][value=${value}]`);

// Somebody who lives by their card alone: a person with a national number, and nothing else.
function cardHolder(username, given = 'Rosa', family = 'Claes') {
	const card = newCard(given, family);
	ldapmodify(csamctl('person', 'new', '--uid', username, '--given-name', given, '--family-name', family, '--mail', `${username}@csam.example`, '--verified', '--national-number', card.number, '--lang', 'nl', '--terms', terms));
	return { username, card, mail: `${username}@csam.example` };
}
async function comeInByCard(who, where, options) {
	const one = await person(options);
	await insert(one.context, who.card);
	await one.page.goto(where);
	if (await one.page.locator('button[name=choice][value=eid]').count()) await one.page.click('button[name=choice][value=eid]');
	await one.page.click('#eid-go');
	await one.page.waitForURL(u => !u.pathname.startsWith('/login'));
	return one;
}

// --- terms ---

const version = (v, from, text) => `dn: csamTermsVersion=${v},ou=terms,${base}\nchangetype: add\nobjectClass: csamTerms\ncsamTermsVersion: ${v}\ncsamTermsFrom: ${from}\ncsamTermsText;lang-fr: # Un\n`.replace('# Un', `${text} en français`)
	+ `csamTermsText: ${text}\n`;
const withdraw = v => ldapmodify(`dn: csamTermsVersion=${v},ou=terms,${base}\nchangetype: delete\n`);
const accepted = who => [...ldapsearch(dnOf(who), '-s', 'base', 'csamTermsAccepted').matchAll(/^csamTermsAccepted: (\S+) (\d{14}Z)$/gm)].map(m => m[1]);

await check('terms renewed: asked again where keys are managed, and only there; refusing takes no key away', async () => {
	const tina = newPerson(`terms-${run}`), { context, page } = await comeIn(tina, keys), v = `6.${run}`, later = `7.${run}`;
	await page.waitForURL(keys);
	ldapmodify(version(v, '20250101000000Z', `Terms of ${run}`));
	ldapmodify(version(later, '20990101000000Z', 'Not yet'));
	try {
		await pause(1000);
		await page.goto(keys);
		assert.equal(page.url(), `${keys}/terms`);
		await look(page, 'terms');
		assert.match(await page.locator('main').innerText(), new RegExp(`have changed since[\\s\\S]*Terms of ${run}`));
		await page.goto(`${keys}/terms?lang=fr`);
		assert.match(await page.locator('main').innerText(), new RegExp(`Terms of ${run} en français`));
		await page.goto(`${keys}/terms?lang=en`);
		await act(page, 'refuse');
		await look(page, 'terms-refused');
		assert.match(await page.locator('main').innerText(), /stay as they are/);
		assert.match(csamctl('key', 'list', tina.username), /app-1\s+app\s+active/);
		// Refused: no new key, by whatever way; all that takes away, and services, as before.
		for (const where of ['/keys/new/app', '/keys/new/mail', '/keys/new/sms']) {
			await page.goto(`${target.issuer}${where}`);
			assert.equal(page.url(), `${keys}/terms`, where);
		}
		const { csrf_token } = await form(page, '/keys/terms');
		for (const where of ['/keys/new/app', '/keys/new/mail'])
			assert.equal((await send(context, where, { csrf_token, address: 'x@csam.example', code: '000000' })).headers().location, '/keys/terms', where);
		for (const where of ['/keys/lost-phone', '/keys/data', '/keys/contact', '/keys/key?id=app-1', '/keys/data/delete'])
			assert.equal((await page.goto(`${target.issuer}${where}`)).status(), 200, where);
		assert.ok(!page.url().includes('/terms'));
		// Only our form, and only what was read.
		for (const [fields, headers] of [[{ act: 'accept', version: v }], [{ csrf_token, act: 'accept', version: v }, { origin: 'https://evil.example' }], [{ csrf_token, act: 'accept', version: terms }], [{ csrf_token, act: 'accept', version: later }],
			[{ csrf_token, act: 'accept' }], [{ csrf_token, act: 'more', version: v }]])
			assert.ok([400, 403].includes((await send(context, '/keys/terms', fields, headers)).status()), JSON.stringify(fields));
		assert.deepEqual(accepted(tina), [terms]);
		await page.goto(`${keys}/terms`);
		await act(page, 'accept');
		await page.waitForURL(`${keys}?done=terms`);
		assert.match(await page.locator('[role=status]').innerText(), /accepted the terms/);
		assert.deepEqual(accepted(tina), [terms, v]);
		assert.ok(trail('terms.accepted').some(l => l.what === v));
		await page.goto(`${keys}/data/history`);
		assert.match(await page.locator('main').innerText(), /Terms accepted/);
		await page.goto(`${keys}/new/app`);
		assert.equal(page.url(), `${keys}/new/app`);
	} finally {
		withdraw(v);
		withdraw(later);
		await pause(1000);
	}
	await context.close();
});

// --- the password ---

await check('who lives by the card alone sets a password before the first key with a code, without scripts, at 320 px', async () => {
	const rosa = cardHolder(`card-rosa-${run}`), { context, page } = await comeInByCard(rosa, keys, { viewport: { width: 320, height: 640 }, locale: 'nl-BE' });
	await page.route('**/*.js', route => route.abort());
	await page.locator('a[href="/keys/new/app"]').click();
	assert.equal(page.url(), `${keys}/password`, 'a code goes with a password');
	for (const lang of ['fr', 'de', 'en', 'nl']) {
		await page.goto(`${keys}/password?lang=${lang}`);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320));
		await look(page, `password-${lang}`);
	}
	const set = async (one, other = one) => {
		await page.fill('[name=password]', one);
		await page.fill('[name=again]', other);
		await page.locator('button.go').click();
	};
	for (const [one, other] of [['kort'], ['wachtwoord'], ['azerty123'], [`card-rosa-${run}`], ['paraplu vier', 'paraplu vijf']]) {
		await set(one, other);
		assert.equal(await page.locator('[role=alert]').count(), 1, one);
	}
	await look(page, 'password-fault');
	assert.equal(ldapRead(dnOf(rosa), 'pwdChangedTime'), undefined);
	await page.locator('a[href$="show=1"]').click();
	assert.equal(await page.getAttribute('[name=password]', 'type'), 'text');
	await set('paraplu 4');
	await look(page, 'password-done');
	assert.doesNotMatch(csamctl('key', 'list', rosa.username), /password-/, 'the password alone opens nothing');
	await page.goto(`${keys}/new/app`);
	const seed = (await page.locator('.secret').evaluate(e => e.textContent)).replaceAll(' ', '');
	await page.fill('[name=code]', await freshCode(seed));
	await page.locator('button.go').click();
	await page.waitForURL(/done=added/);
	const elsewhere = await comeIn({ username: rosa.username, password: 'paraplu 4', totp: seed }, keys);
	await elsewhere.page.waitForURL(keys);
	await elsewhere.context.close();
	for (let i = 0; i < 600 && !mailsTo(rosa.mail).some(m => /gewijzigd/.test(subjectOf(m))); i++) await pause(100);
	assert.ok(mailsTo(rosa.mail).some(m => /gewijzigd/.test(subjectOf(m))), 'she is told');
	// The password alone, as a key: only when it is long enough for that.
	await page.goto(`${keys}/password?lang=en`);
	await page.check('[name=alone]');
	await set('paraplu 5');
	assert.match(await page.locator('[role=alert]').innerText(), /15 characters/);
	await page.check('[name=alone]');
	await set('paraplu vier trams acht');
	assert.match(csamctl('key', 'list', rosa.username), /password-1\s+password\s+active/);
	await context.close();
});

await check('a password is changed with the strongest key alone, by our form; logins with the old one end', async () => {
	const vic = newPerson(`change-${run}`), weak = await comeIn(vic, `${keys}/data`, 'password');
	await weak.page.waitForURL(`${keys}/data`);
	await weak.page.goto(`${keys}/password`);
	assert.match(weak.page.url(), /\/login\?c=/, 'a password does not change itself');
	await weak.page.goto(`${keys}/data`);
	const { csrf_token } = await form(weak.page, '/keys/data');
	assert.match((await send(weak.context, '/keys/password', { csrf_token, password: 'paraplu vier trams', again: 'paraplu vier trams' })).headers().location, /\/login\?c=/);
	const { context, page } = await comeIn(vic, `${keys}/password`), before = ldapRead(dnOf(vic), 'pwdChangedTime');
	await page.waitForURL(`${keys}/password`);
	const fields = { ...await form(page, '/keys/password'), password: 'paraplu vier trams', again: 'paraplu vier trams' };
	assert.equal((await send(context, '/keys/password', { ...fields, csrf_token: '' })).status(), 400);
	assert.equal((await send(context, '/keys/password', { ...fields, csrf_token })).status(), 400, 'a form of another browser');
	assert.equal((await send(context, '/keys/password', fields, { origin: 'https://evil.example' })).status(), 403);
	for (const password of ['x'.repeat(257), 'x'.repeat(60000), 'tab\tin it here', 'nul\u0000in it here', ''])
		assert.ok((await send(context, '/keys/password', { ...fields, password, again: password })).status() >= 400, password.slice(0, 20));
	await pause(1100);		// pwdChangedTime counts seconds
	await page.fill('[name=password]', fields.password);
	await page.fill('[name=again]', fields.password);
	await page.locator('button.go').click();
	await look(page, 'password-changed');
	assert.match(await page.locator('[role=status]').innerText(), /saved/);
	await weak.page.goto(`${keys}/data`);
	assert.match(weak.page.url(), /\/login\?c=/);
	const elsewhere = await comeIn({ ...vic, password: fields.password }, keys, 'password');
	await elsewhere.page.waitForURL(keys);
	for (const one of [weak, elsewhere, { context }]) await one.context.close();
});

// --- the end ---

const heard = [];
const listener = https.createServer({ cert: fs.readFileSync(path.join(demo, 'server.pem')), key: fs.readFileSync(path.join(demo, 'server.key')) }, (q, a) => { let b = ''; q.on('data', d => { b += d; }).on('end', () => { heard.push(new URLSearchParams(b).get('logout_token')); a.end(); }); });
await new Promise(r => listener.listen(0, '127.0.0.1', r));
const [service] = await newServices({ client_id: `account-${run}`, default_acr_values: [level(200)], scope: 'openid profile offline_access', grant_types: ['authorization_code', 'refresh_token'] });

const host = await new Host(`account-host-${run}`).register();

await check('nobody deletes an account without its strongest key, its form and its name', async () => {
	const dora = newPerson(`stay-${run}`), other = newPerson(`stay-other-${run}`), weak = await comeIn(dora, `${keys}/data`, 'password');
	await weak.page.waitForURL(`${keys}/data`);
	const { csrf_token } = await form(weak.page, '/keys/data');
	assert.match((await send(weak.context, '/keys/data/delete', { csrf_token, username: dora.username })).headers().location, /\/login\?c=/);
	const { context, page } = await comeIn(dora, `${keys}/data/delete`);
	await page.waitForURL(`${keys}/data/delete`);
	await look(page, 'delete');
	const fields = { ...await form(page, '/keys/data/delete'), username: dora.username };
	assert.match(await page.locator('main').innerText(), new RegExp(`until ${String(new Date().getMonth() + 2 > 12 ? 1 : new Date().getMonth() + 2).padStart(2, '0')}/20\\d\\d`));
	for (const username of ['', ' ', other.username, '*', `${dora.username}x`, `uid=${dora.username}`, 'x'.repeat(5000)]) {
		const answer = await send(context, '/keys/data/delete', { ...fields, username });
		assert.equal(answer.status(), 400, username.slice(0, 40));
	}
	assert.equal((await send(context, '/keys/data/delete', { ...fields, csrf_token: '' })).status(), 400);
	assert.equal((await send(context, '/keys/data/delete', { ...fields, csrf_token })).status(), 400, 'another browser\'s form');
	assert.equal((await send(context, '/keys/data/delete', fields, { origin: 'https://evil.example' })).status(), 403);
	assert.match((await send((await person()).context, '/keys/data/delete', fields)).headers().location, /\/login\?c=/);
	await page.fill('[name=username]', 'somebody else');
	await page.locator('button.go').click();
	await look(page, 'delete-wrong-name');
	assert.equal(ldapRead(dnOf(dora), 'csamPersonState'), 'active');
	await context.close();
	await weak.context.close();
});

await check('deleted: nothing opens any more, services are told, the person hears of it, and a tombstone is all that is left', async () => {
	const gone = newPerson(`gone-${run}`), subject = ldapRead(dnOf(gone), 'csamSubject'), agent = new Agent();
	ldapmodify(`dn: ${dnOf(gone)}\nchangetype: modify\nreplace: csamMailVerified\ncsamMailVerified: ${gone.username}@csam.example\n`);
	ldapmodify(`dn: cn=${service.client_id},ou=services,${base}\nchangetype: modify\nreplace: csamBackchannelLogoutURI\ncsamBackchannelLogoutURI: https://localhost:${listener.address().port}/bye\n`);
	await pause(500);
	assert.equal((await host.account(gone.username)).json.account, 'allowed');
	const t = await tokens(service, agent, gone, { params: { scope: 'openid profile offline_access', prompt: 'consent' } });
	assert.ok(t.refresh_token);
	assert.equal((await userinfo(t.access_token)).status, 200);
	const { context, page } = await comeIn(gone, `${keys}/data/delete`, 'app', { javaScriptEnabled: false, viewport: { width: 320, height: 640 }, locale: 'fr-BE' });
	await page.waitForURL(`${keys}/data/delete`);
	await page.screenshot({ path: path.join(shots, 'account-delete-small.png'), fullPage: true });
	await page.fill('[name=username]', ` ${gone.username.toUpperCase()} `);
	await page.locator('button.go').click();
	assert.match(await page.locator('main').innerText(), /Votre compte est supprimé/);
	for (let i = 0; i < 600 && heard.length === 0; i++) await pause(100);	// before anybody comes back
	assert.equal(JSON.parse(Buffer.from(heard[0].split('.')[1], 'base64url')).aud, service.client_id);
	assert.equal((await host.account(gone.username)).json.account, 'unknown');
	assert.equal((await context.cookies()).find(c => c.name === '__Host-csam-s'), undefined);
	// In the directory: name and subject.
	const left = ldapsearch(base, `(|(uid=${gone.username})(csamSubject=${subject})(mail=${gone.username}@csam.example))`);
	assert.equal(left.trim(), `dn: csamSubject=${subject},ou=tombstones,ou=people,${base}\nobjectClass: csamTombstone\ncsamSubject: ${subject}\nuid: ${gone.username}`);
	// Nothing of theirs opens anything.
	assert.equal((await userinfo(t.access_token)).status, 401);
	assert.equal((await refresh(service, t.refresh_token)).status, 400);
	const back = await agent.visit(request(service).url);
	assert.ok(!back.callback, 'the other browser\'s login is over');
	const again = await agent.signIn(back, gone, { kind: 'password' });
	assert.ok(!again.callback, words(again));
	for (let i = 0; i < 600 && !mailsTo(`${gone.username}@csam.example`).some(m => /deleted|supprimé/.test(subjectOf(m))); i++) await pause(100);
	assert.ok(mailsTo(`${gone.username}@csam.example`).some(m => /deleted|supprimé/.test(subjectOf(m))));
	assert.equal(trail('person.removed').length > 0, true);
	assert.throws(() => ldapmodify(csamctl('person', 'new', '--uid', gone.username)), /[Cc]onstraint|unique/, 'nor do administrators give that name again');
	await context.close();
});

await once('five clicks delete once, and say so without a fault', async () => {
	const quick = newPerson(`quick-${run}`), subject = ldapRead(dnOf(quick), 'csamSubject'), { context, page } = await comeIn(quick, `${keys}/data/delete`);
	await page.waitForURL(`${keys}/data/delete`);
	const fields = { ...await form(page, '/keys/data/delete'), username: quick.username };
	const all = await Promise.all(Array.from({ length: 5 }, () => send(context, '/keys/data/delete', fields)));
	assert.ok(all.every(r => r.status() < 500), all.map(r => r.status()).join());
	assert.ok(all.some(r => r.status() === 200));
	assert.equal(ldapsearch(`ou=tombstones,ou=people,${base}`, `(csamSubject=${subject})`, 'uid').match(/^uid: /gm).length, 1);
	assert.equal(ldapsearch(base, `(&(uid=${quick.username})(objectClass=csamPerson))`).trim(), '');
	await context.close();
});

await check('with the card the same person registers again: as somebody new, under another name', async () => {
	const sam = cardHolder(`again-${run}`, 'Sam', 'Nijs'), subject = ldapRead(dnOf(sam), 'csamSubject'), wanted = level(500);
	const byCard = async agent => {
		const r = request(service, { acr_values: wanted });
		let page = await agent.visit(r.url);
		if (page.callback) return { ...r, page };
		if (/name="choice"/.test(page.text)) page = await agent.answer(page, { choice: 'eid' });
		return { ...r, page: await showCard(agent, page, sam.card) };
	};
	const sub = async r => claims((await redeem({ ...r, service, code: new URL(r.page.callback).searchParams.get('code') })).json).sub;
	const first = await sub(await byCard(new Agent()));
	const one = await comeInByCard(sam, `${keys}/data/delete`);
	await one.page.fill('[name=username]', sam.username);
	await one.page.locator('button.go').click();
	await look(one.page, 'deleted');
	await one.context.close();
	const agent = new Agent();
	await agent.send(`${target.issuer}/?lang=en`);
	const r = await byCard(agent), field = name => r.page.text.match(new RegExp(`name="${name}" value="([^"]*)"`))[1];
	assert.match(r.page.url, /\/register\?c=/);
	const post = form => agent.send(`${target.issuer}/register`, { method: 'POST', headers: { origin: target.issuer }, form: { c: field('c'), ticket: field('ticket'), csrf_token: field('csrf_token'), ...form } });
	await post({ act: 'accept', version: terms });
	const mail = `again2.${run}@csam.example`;
	await post({ act: 'send', mail, mine: 'yes', alone: 'yes', regularly: 'yes' });
	await post({ act: 'prove', code: await codeMailed(mail) });
	assert.match((await post({ act: 'without', username: sam.username })).text, /once had it/, 'not even their own old name');
	const last = await post({ act: 'without', username: `again2-${run}` });
	assert.equal(last.status, 303, words(last));
	const second = await sub({ ...r, page: await agent.visit(last.location) });
	assert.notEqual(second, first, 'services do not know them again');
	assert.notEqual(ldapRead(`uid=again2-${run},ou=people,${base}`, 'csamSubject'), subject);
});

listener.close();
listener.closeAllConnections();
await browser.close();
done();
