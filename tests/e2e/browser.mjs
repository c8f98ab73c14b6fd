// The story of the README in a real browser: choose a key, name and password, code, the service; single sign-on; the door shut; sign out.
// Every page is kept as a screenshot, checked with axe-core, and works without scripts.
import assert from 'node:assert/strict';
import path from 'node:path';
import { browser, fits, look, person } from './chromium.mjs';
import { account, check, done, freshCode, ldapmodify, library, newPerson, shots, target, tax } from './csam.mjs';

// From the service to the service.
async function signIn(page, who, { url = `${tax}/file/`, pictures } = {}) {
	await page.goto(url);
	if (await page.locator('button[name=choice]').count()) {
		if (pictures) await look(page, `${pictures}-choose`);
		await page.locator('button[name=choice][value=app]').click();
	}
	if (pictures) await look(page, `${pictures}-password`);
	await page.fill('[name=username]', who.username);
	await page.fill('[name=password]', who.password);
	await page.locator('button.go').click();
	await page.waitForSelector('[name=code]');
	if (pictures) await look(page, `${pictures}-code`);
	await page.fill('[name=code]', await freshCode(who.totp));
	await page.locator('button.go').click();
	await page.waitForURL(u => u.href.startsWith(new URL(url).origin));
}
const told = (page, id) => page.locator(`#${id}`).innerText();

const emma = newPerson('browser-emma');
const { page } = await person();

await check('alice chooses a key and reaches the library, which knows who she is and at which level', async () => {
	await signIn(page, account('alice'), { url: `${library}/card/`, pictures: 'en' });
	assert.equal(await told(page, 'user'), 'alice');
	assert.equal(await told(page, 'name'), 'Alice Peeters');
	assert.equal(await told(page, 'level'), 'urn:be:fedict:iam:fas:citizen:Level400');
	await page.screenshot({ path: path.join(shots, 'service.png') });
});

await check('the tax service opens without another sign-in, and knows her by another number', async () => {
	const sub = await told(page, 'sub');
	await page.goto(`${tax}/file/`);
	assert.equal(await told(page, 'user'), 'alice');
	assert.notEqual(await told(page, 'sub'), sub);
});

await check('bruno has a password: the library opens, the tax service asks for a key he has not', async () => {
	const his = await person();
	await his.page.goto(`${library}/card/`);
	await his.page.locator('button[name=choice][value=password]').click();
	await look(his.page, 'password-only');
	await his.page.fill('[name=username]', 'bruno');
	await his.page.fill('[name=password]', account('bruno').password);
	await his.page.locator('button.go').click();
	await his.page.waitForSelector('#user');
	assert.equal(await told(his.page, 'level'), 'urn:be:fedict:iam:fas:citizen:Level200');
	await his.page.goto(`${tax}/file/`);
	assert.ok(his.page.url().startsWith(target.issuer));
	await look(his.page, 'step-up');
	assert.equal(await his.page.locator('[name=code]').count(), 0);
	await his.context.close();
});

await check('CSAM itself knows her, and signs her out', async () => {
	await page.goto(target.issuer);
	await look(page, 'home-signed-in');
	await page.goto(`${target.issuer}/logout`);
	await look(page, 'logout');
	await page.locator('form button').first().click();
	await look(page, 'logged-out');
	await page.context().clearCookies({ name: 'mod_auth_openidc_session' });
	await page.goto(`${library}/card/`);
	assert.ok(page.url().startsWith(target.issuer), 'must sign in again');
});

await check('the door shuts within a second when the key is locked with ldapmodify', async () => {
	const her = await person();
	await signIn(her.page, emma);
	assert.equal(await told(her.page, 'user'), 'browser-emma');
	ldapmodify(`dn: csamKeyId=app-1,uid=browser-emma,ou=people,${target.ldap.base}\nchangetype: modify\nreplace: csamKeyState\ncsamKeyState: locked\n`);
	await her.page.waitForTimeout(1000);
	await her.context.clearCookies({ name: 'mod_auth_openidc_session' });
	await her.page.goto(`${tax}/file/`);
	assert.ok(her.page.url().startsWith(target.issuer), her.page.url());
	if (await her.page.locator('button[name=choice]').count()) await her.page.locator('button[name=choice][value=app]').click();
	await her.page.fill('[name=username]', emma.username);
	await her.page.fill('[name=password]', emma.password);
	await her.page.locator('button.go').click();
	await her.page.waitForLoadState();
	assert.equal(await her.page.locator('[name=code]').count(), 0, 'a locked key asks no code');
	await look(her.page, 'locked');
	await her.context.close();
});

await check('wrong password and unknown name look the same', async () => {
	const texts = [];
	for (const [username, password] of [['alice', 'wrong'], ['nobody-of-that-name', 'wrong']]) {
		const her = await person();
		await her.page.goto(`${tax}/file/`);
		if (await her.page.locator('button[name=choice]').count()) await her.page.locator('button[name=choice][value=app]').click();
		await her.page.fill('[name=username]', username);
		await her.page.fill('[name=password]', password);
		await her.page.locator('button.go').click();
		await her.page.waitForSelector('[role=alert]');
		texts.push(await her.page.locator('main').innerText());
		if (texts.length === 1) await look(her.page, 'wrong');
		await her.context.close();
	}
	assert.equal(texts[0], texts[1]);
});

await check('French on a telephone, without scripts, at 320 pixels', async () => {
	const her = await person({ locale: 'fr-BE', javaScriptEnabled: false, viewport: { width: 320, height: 640 }, isMobile: true, deviceScaleFactor: 2 });
	await signIn(her.page, newPerson('browser-fr'), {});
	assert.equal(await told(her.page, 'user'), 'browser-fr');
	await her.context.clearCookies();
	await her.page.goto(`${library}/card/`);
	assert.equal(await her.page.locator('html').getAttribute('lang'), 'fr');
	await her.page.screenshot({ path: path.join(shots, 'fr-320.png'), fullPage: true });
	await her.context.close();
});

for (const lang of ['fr', 'nl', 'de', 'en']) await check(`the chooser and the help in ${lang} fit 320 pixels`, async () => {
	const her = await person({ locale: `${lang}-BE`, viewport: { width: 320, height: 640 } });
	await her.page.goto(`${library}/card/`);
	assert.equal(await her.page.locator('html').getAttribute('lang'), lang);
	await fits(her.page, `${lang} chooser`);
	await look(her.page, `${lang}-choose`);
	await her.page.goto(`${target.issuer}/help`);
	await fits(her.page, `${lang} help`);
	await look(her.page, `${lang}-help`);
	await her.context.close();
});

await check('no page brings a script, and the policy forbids them', async () => {
	const r = await page.goto(`${target.issuer}/login`);
	assert.match(r.headers()['content-security-policy'], /default-src 'none'/);
	assert.equal(await page.locator('script').count(), 0);
});

await check('an address that does not exist is a page with a way on', async () => {
	const r = await page.goto(`${target.issuer}/nowhere`);
	assert.equal(r.status(), 404);
	await look(page, 'not-found');
	assert.ok(await page.locator('main a').count() > 0);
});

await browser.close();
done();
