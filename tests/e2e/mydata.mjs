// 'My data' in a real browser: sessions seen and ended from elsewhere, a consent withdrawn; and every "only if" without the "if".
import assert from 'node:assert/strict';
import { Agent } from './agent.mjs';
import { browser, look, person } from './chromium.mjs';
import { check, done, ldapmodify, ldapRead, library, newPerson, target } from './csam.mjs';
import { base, dnOf, form, keys, send, signIn } from './desk.mjs';
import { newServices, refresh, tokens, userinfo } from './flow.mjs';

const data = `${keys}/data`;

async function comeIn(who, kind, options) {
	const one = await person(options);
	await one.page.goto(data);
	await signIn(one.page, who, { kind });
	await one.page.waitForURL(data);
	return one;
}

const sessions = page => page.locator('form:has(button[value=end])');

const rosa = newPerson('mydata-rosa'), omar = newPerson('mydata-omar');
const her = await comeIn(rosa), { page } = her;

await check('her session is there: this browser, its address, its key', async () => {
	assert.equal(await sessions(page).count(), 1);
	assert.match(await sessions(page).innerText(), /Chrome, Linux[\s\S]*This browser[\s\S]*127\.0\.0\.1[\s\S]*mobile app/);
	assert.equal(await page.locator('button[value=end-others]').count(), 0);
	await look(page, 'one');
});

const evil = 'Mozilla/5.0 (<script>alert(1)</script>; iPhone) Firefox/1.0 ' + 'x'.repeat(2000);
const other = await comeIn(rosa, 'password', { userAgent: evil });
await check('another browser is told in plain words, whatever it says of itself; what it opened is named', async () => {
	await page.goto(`${library}/card/`);
	await page.waitForURL(u => u.href.startsWith(library));
	await page.goto(data);
	assert.equal(await sessions(page).count(), 2);
	const text = await page.locator('main').innerText();
	assert.match(text, /Firefox, iPhone/);
	assert.doesNotMatch(await page.content(), /alert\(1\)/);
	assert.match(await sessions(page).filter({ hasText: 'This browser' }).innerText(), /library/i);
	await look(page, 'two');
	const small = await person({ viewport: { width: 320, height: 700 }, javaScriptEnabled: false, locale: 'fr-BE' });
	await small.context.addCookies(await her.context.cookies());
	await small.page.goto(`${data}?lang=fr`);
	assert.match(await small.page.locator('main').innerText(), /Mes données[\s\S]*Ce navigateur/);
	await small.page.goto(`${data}?lang=de`);
	assert.match(await small.page.locator('main').innerText(), /Meine Daten/);
	await small.context.close();
	const narrow = await page.viewportSize();
	await page.setViewportSize({ width: 320, height: 700 });
	assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'no sideways scrolling at 320 px');
	await look(page, 'narrow');
	await page.setViewportSize(narrow);
});

await check('nobody ends another person\'s session, or any without our form', async () => {
	const his = await comeIn(omar), mine = await form(page), theirs = await form(his.page);
	assert.equal((await send(her.context, '/keys/data', { ...mine, id: theirs.id, act: 'end' })).status(), 404);
	for (const id of ['', 'x', '*', '../x'])
		assert.equal((await send(her.context, '/keys/data', { ...mine, id, act: 'end' })).status(), 404, id);
	assert.equal((await send(her.context, '/keys/data', { ...mine, csrf_token: '', act: 'end-others' })).status(), 400);
	assert.equal((await send(her.context, '/keys/data', { ...mine, csrf_token: theirs.csrf_token, act: 'end-others' })).status(), 400);
	assert.equal((await send(her.context, '/keys/data', { ...mine, act: 'end' }, { origin: 'https://evil.example' })).status(), 403);
	assert.equal((await send(her.context, '/keys/data', { ...mine, act: 'more' })).status(), 400);
	const nobody = await person();
	assert.match((await send(nobody.context, '/keys/data', { ...mine, act: 'end' })).headers().location, /\/login\?c=/);
	await nobody.context.close();
	await his.page.goto(data);
	assert.equal(his.page.url(), data);
	await page.goto(data);
	assert.equal(await sessions(page).count(), 2);
	await his.context.close();
});

await check('one session is ended from here, and is over there', async () => {
	await sessions(page).filter({ hasText: 'iPhone' }).locator('button').click();
	await page.waitForURL(`${data}?done=ended`);
	assert.equal(await sessions(page).count(), 1);
	await look(page, 'ended');
	await other.page.goto(data);
	assert.match(other.page.url(), /\/login\?c=/);
});

await check('all others are ended at once, and this one stays', async () => {
	const more = [await comeIn(rosa, 'password'), await comeIn(rosa, 'password')];
	await page.goto(data);
	assert.equal(await sessions(page).count(), 3);
	await page.locator('button[value=end-others]').click();
	await page.waitForURL(`${data}?done=ended-others`);
	assert.equal(await sessions(page).count(), 1);
	for (const m of more) {
		await m.page.goto(data);
		assert.match(m.page.url(), /\/login\?c=/);
		await m.context.close();
	}
});

await check('who signs out is not listed any more', async () => {
	const brief = await comeIn(rosa, 'password');
	await page.goto(data);
	assert.equal(await sessions(page).count(), 2);
	await brief.page.goto(`${target.issuer}/logout`);
	await brief.page.locator('form[action="/logout"] button').first().click();
	await brief.page.waitForLoadState();
	await page.goto(data);
	assert.equal(await sessions(page).count(), 1);
	await brief.context.close();
});

const agent = new Agent(), [wants] = await newServices({ client_id: 'mydata-wants', scope: 'openid profile email offline_access', grant_types: ['authorization_code', 'refresh_token'] });
ldapmodify(`dn: cn=mydata-wants,ou=services,${base}\nchangetype: modify\nreplace: csamConsentRequired\ncsamConsentRequired: TRUE\n`);
await new Promise(r => setTimeout(r, 1500));	// idpd hears of it
const asks = { scope: 'openid email offline_access', prompt: 'consent' };
const agree = () => tokens(wants, agent, rosa, { params: asks });	// the agent says yes

await check('a consent is shown and withdrawn, and what was granted ends; that of another service stays', async () => {
	const before = await agree();
	assert.equal((await userinfo(before.access_token)).status, 200);
	ldapmodify(`dn: ${dnOf(rosa)}\nchangetype: modify\nadd: csamConsent\ncsamConsent: gone-service openid 20260101000000Z\n`);
	await page.waitForTimeout(1500);
	await page.goto(data);
	await look(page, 'consents');
	const given = page.locator('form', { hasText: 'mydata-wants' }).filter({ has: page.locator('button[value=withdraw]') });
	assert.match(await given.innerText(), /your e-mail address/);
	const fields = { ...await form(page), act: 'withdraw' };
	for (const id of ['library', '', 'mydata-wants openid'])
		assert.equal((await send(her.context, '/keys/data', { ...fields, id })).status(), 404, id);
	assert.equal((await send(her.context, '/keys/data', { ...fields, id: 'mydata-wants', csrf_token: 'x' })).status(), 400);
	assert.equal((await userinfo(before.access_token)).status, 200);
	await given.locator('button').click();
	await page.waitForURL(`${data}?done=withdrawn`);
	assert.equal(await given.count(), 0);
	assert.equal(ldapRead(dnOf(rosa), 'csamConsent'), 'gone-service openid 20260101000000Z');
	assert.equal((await userinfo(before.access_token)).status, 401);
	assert.equal((await refresh(wants, before.refresh_token)).status, 400);
	await page.waitForTimeout(1100);
	const after = await agree();
	assert.equal((await userinfo(after.access_token)).status, 200);
	assert.equal((await refresh(wants, before.refresh_token)).status, 400, 'a new consent revives nothing');
});

const history = `${data}/history`;
await check('the history tells logins, refusals in a row as one, and changes; the newest first; each their own', async () => {
	const guess = await person({ userAgent: 'Mozilla/5.0 (Windows NT 10.0) Firefox/128.0' });
	for (let i = 0; i < 3; i++) {
		await guess.page.goto(data);
		await signIn(guess.page, { ...rosa, password: 'wrong horse battery' }, { kind: 'password' });
		await guess.page.waitForSelector('[role=alert]');
	}
	await guess.context.close();
	await page.goto(history);
	const lines = await page.locator('.lines li').allInnerTexts();
	assert.match(lines[0], /Login refused[\s\S]*3 times[\s\S]*127\.0\.0\.1 · Firefox, Windows/);
	assert.ok(lines.some(l => /Consent withdrawn[\s\S]*mydata-wants/.test(l)), lines.join('\n'));
	assert.match(lines.at(-1), /Login[\s\S]*mobile app[\s\S]*127\.0\.0\.1 · Chrome, Linux/);
	assert.doesNotMatch(await page.content(), /wrong horse/);
	await look(page, 'history');
	for (const bad of ['-1', 'x', '99999999999999999999', '7']) assert.equal((await her.context.request.get(`${history}?page=${bad}`, { ignoreHTTPSErrors: true })).status(), 200, bad);
	const his = await comeIn(omar);
	await his.page.goto(history);
	assert.doesNotMatch((await his.page.locator('.lines').innerText()), /Consent|refused/);
	await his.context.close();
});

await check('as a table it is RFC 4180, and nothing in it is a formula', async () => {
	const r = await her.context.request.get(`${history}.csv`, { ignoreHTTPSErrors: true }), text = await r.text();
	assert.match(r.headers()['content-type'], /^text\/csv/);
	assert.match(r.headers()['content-disposition'], /^attachment/);
	assert.ok(text.endsWith('\r\n'));
	const rows = text.trimEnd().split('\r\n');
	assert.equal(rows[0], 'time,event,times,kind,key,service,program,address,browser,by');
	assert.match(rows[1], /^"\d{4}-[^"]*Z","login\.(ok|no)","\d+",/);
	for (const row of rows.slice(1)) assert.match(row, /^("([^"]|"")*",){9}"([^"]|"")*"$/);
	const nobody = await person();
	assert.doesNotMatch(await (await nobody.context.request.get(`${history}.csv`, { ignoreHTTPSErrors: true })).text(), /login\.ok/);
	await nobody.context.close();
});

await check('everything held about her is one file, after a recent login, and without secrets', async () => {
	const fresh = await comeIn(rosa, 'password');
	const get = one => one.context.request.get(`${data}/all.json`, { ignoreHTTPSErrors: true, maxRedirects: 0 });
	const r = await get(fresh), all = await r.json();
	assert.match(r.headers()['content-disposition'], /^attachment/);
	assert.equal(all.person.username, rosa.username);
	assert.ok(all.keys.some(k => k.id === 'app-1') && all.sessions.length >= 1 && all.history.length >= 3 && all.consents.length >= 1);
	assert.doesNotMatch(JSON.stringify(all), new RegExp(`${rosa.totp}|secret|password"\s*:`));
	await fresh.context.close();
	const nobody = await person();
	assert.match((await get(nobody)).headers().location, /\/login\?c=/);
	await nobody.context.close();
});

await other.context.close();
await browser.close();
done();
