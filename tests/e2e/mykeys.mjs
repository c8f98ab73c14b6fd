// 'My digital keys' in a real browser: look, add an app by its QR code, sign in with it, name it, end it; and every "only if" without the "if".
import assert from 'node:assert/strict';
import { browser, fits, look, person } from './chromium.mjs';
import { check, csamctl, done, ldapmodify, ldapRead, library, newPerson, once, totp } from './csam.mjs';
import { addApp, base, codeSent, dnOf, form, keyDn, keys, messages, messageWithCode, secretOf, send, setKey, signIn } from './desk.mjs';

const nora = newPerson('mykeys-nora');
const her = await person(), { page } = her;
let second;

await check('who is not signed in is led to the login, and back to the keys', async () => {
	await page.goto(keys);
	assert.match(page.url(), /\/login\?c=/);
	await signIn(page, nora);
	await page.waitForURL(keys);
	assert.match(await page.locator('main').innerText(), /Emma Maes[\s\S]*mobile app[\s\S]*Active\s*level 400/);
	await look(page, 'list');
});

await check('an app is added by the secret on the page, and the first code proves it', async () => {
	await page.locator('a[href="/keys/new/app"]').click();
	await look(page, 'new-app');
	await page.locator('summary').click();
	second = { ...nora, totp: (await page.locator('.secret').innerText()).replaceAll(' ', '') };
	assert.match(second.totp, /^[A-Z2-7]{32}$/);
	assert.match(await page.locator('a[href^="otpauth:"]').getAttribute('href'), new RegExp(`^otpauth://totp/[^?]+\\?secret=${second.totp}&`), 'an app on this device');
	await page.fill('[name=code]', totp(second.totp) === '000000' ? '111111' : '000000');
	await page.fill('[name=label]', 'Tablet of “Nora” <b>');
	await page.locator('button.go').click();
	await look(page, 'wrong-code');
	await addApp(page, second, 'Tablet of “Nora” <b>');
	await page.waitForURL(`${keys}?done=added`);
	await look(page, 'added');
	assert.equal(ldapRead(keyDn(nora, 'app-2'), 'csamKeyState'), 'active');
	assert.equal(ldapRead(keyDn(nora, 'app-2'), 'csamKeyLevel'), '400');
	assert.equal(ldapRead(keyDn(nora, 'app-2'), 'csamKeySecret'), undefined, 'an administrator does not read it');
});

await check('the new key opens a service, and is told by its own name', async () => {
	const elsewhere = await person();
	await elsewhere.page.goto(`${library}/card/`);
	await signIn(elsewhere.page, second, { label: 'Tablet of “Nora” <b>' });
	await elsewhere.page.waitForURL(u => u.href.startsWith(library));
	assert.equal(await elsewhere.page.locator('#user').innerText(), nora.username);
	await elsewhere.context.close();
});

await once('a draft makes one key, whoever sends it again', async () => {
	await page.goto(`${keys}/new/app`);
	const draft = await form(page), code = totp(await secretOf(page));
	const all = await Promise.all(Array.from({ length: 8 }, () => send(her.context, '/keys/new/app', { ...draft, code, label: '' })));
	assert.deepEqual(all.map(r => r.status()), Array(8).fill(303));
	assert.equal(csamctl('key', 'list', nora.username).match(/^app-\d+/gm).length, 3);
});

await check('a draft of another session, a changed one, or none is refused', async () => {
	const other = await person(), omar = newPerson('mykeys-omar');
	await other.page.goto(keys);
	await signIn(other.page, omar);
	await page.goto(`${keys}/new/app`);
	const { draft } = await form(page), code = totp(await secretOf(page));
	await other.page.goto(`${keys}/new/app`);
	const his = await form(other.page);
	for (const d of [draft, draft.slice(0, -2) + (draft.endsWith('AA') ? 'BB' : 'AA'), '', 'x'])
		assert.equal((await send(other.context, '/keys/new/app', { ...his, draft: d, code })).status(), 400);
	assert.equal(csamctl('key', 'list', omar.username).match(/^app-\d+/gm).length, 1);
	await other.context.close();
});

await check('nothing is changed without our form, from another site, or of another person', async () => {
	await page.goto(`${keys}/key?id=app-2`);
	const fields = await form(page);
	assert.equal((await send(her.context, '/keys/key', { ...fields, csrf_token: '', act: 'end' })).status(), 400);
	assert.equal((await send(her.context, '/keys/key', { ...fields, act: 'end' }, { origin: 'https://evil.example' })).status(), 403);
	for (const id of ['app-9', '', '../app-1', '*', 'app-2,uid=alice'])
		assert.equal((await send(her.context, '/keys/key', { ...fields, id, act: 'end' })).status(), 404, id);
	assert.equal((await send(her.context, '/keys/key', { ...fields, act: 'activate' })).status(), 400);
	assert.equal((await send(her.context, '/keys/key', { ...fields, label: 'x'.repeat(61), act: 'rename' })).status(), 400);
	assert.equal((await send(her.context, '/keys/key', { ...fields, label: 'a\nb', act: 'rename' })).status(), 400);
	assert.equal(ldapRead(keyDn(nora, 'app-2'), 'csamKeyState'), 'active');
});

await check('the list says what each key opens, and when and from where it was last used', async () => {
	await page.goto(keys);
	// Other tests have services of their own in the same system: they are counted.
	const row = async id => (await page.locator(`a[href="/keys/key?id=${id}"]`).innerText()).replace(/\s+/g, ' ');
	const opens = text => { const [, names, more] = text.match(/(?:opens|ouvre) (.*?)(?: (?:and|et encore) (\d+)(?: more)?)?(?: (?:last used|dernière)|$)/); return names.split(', ').length + Number(more ?? 0); };
	const app = await row('app-1'), password = await row('password-1');
	assert.match(app, /level 400 · opens .* last used on \S+ at \S+ from 127\.0\.0\.1$/);
	assert.ok(opens(app) > opens(password), 'Tax-on-web wants more than a password');
	ldapmodify(`dn: cn=library,ou=services,${base}\nchangetype: modify\nreplace: csamServiceState\ncsamServiceState: suspended\n`);
	await new Promise(r => setTimeout(r, 1200));
	await page.goto(`${keys}?lang=fr`);
	assert.match(await row('app-1'), /dernière utilisation le \S+ à \S+ depuis 127\.0\.0\.1$/);
	assert.equal(opens(await row('app-1')), opens(app) - 1);
	ldapmodify(`dn: cn=library,ou=services,${base}\nchangetype: modify\ndelete: csamServiceState\n`);
	await page.goto(`${keys}?lang=en`);
});

await check('the key gets another name', async () => {
	await page.goto(`${keys}/key?id=app-2`);
	await look(page, 'key');
	await page.fill('[name=label]', 'Old tablet');
	await page.locator('button[value=rename]').click();
	await page.waitForURL(`${keys}?done=renamed`);
	assert.match(await page.locator('main').innerText(), /Old tablet/);
});

await check('a weaker login changes no stronger key, and adds none', async () => {
	const weak = await person();
	await weak.page.goto(keys);
	await signIn(weak.page, nora, { kind: 'password' });
	await weak.page.waitForURL(keys);
	const fields = { csrf_token: '', id: 'app-2', act: 'end' };
	await weak.page.goto(`${keys}/key?id=password-1`);
	fields.csrf_token = (await form(weak.page)).csrf_token;
	assert.match((await send(weak.context, '/keys/key', fields)).headers().location, /^(https:\/\/[^/]+)?\/login\?c=/);
	await weak.page.goto(`${keys}/key?id=app-2`);
	assert.match(weak.page.url(), /\/login\?c=/, 'a stronger key is asked for');
	assert.equal(await weak.page.locator('button[name=choice][value=password]').count(), 0);
	await weak.page.goto(`${keys}/new/app`);
	assert.match(weak.page.url(), /\/login\?c=/);
	assert.equal(ldapRead(keyDn(nora, 'app-2'), 'csamKeyState'), 'active');
	await weak.context.close();
});

await check('a key that was added at a lower level reaches no higher', async () => {
	setKey(nora, 'app-1', 'csamKeyLevel', 300);
	const low = await person();
	await low.page.goto(`${keys}/new/app`);
	await signIn(low.page, nora, { label: 'app-1' });
	await low.page.waitForURL(`${keys}/new/app`);
	await addApp(low.page, nora);
	await low.page.waitForURL(`${keys}?done=added`);
	assert.equal(ldapRead(keyDn(nora, 'app-4'), 'csamKeyLevel'), '300');
	await low.page.goto(`${keys}/key?id=app-2`);
	assert.match(low.page.url(), /\/login\?c=/, 'nor does it change a key of 400');
	await low.context.close();
});

await check('the key ends at once and for ever, with the logins that rest on it', async () => {
	const elsewhere = await person();
	await elsewhere.page.goto(keys);
	await signIn(elsewhere.page, second, { label: 'Old tablet' });
	await elsewhere.page.waitForURL(keys);
	const mine = await person();
	await mine.page.goto(`${keys}/key?id=app-2`);
	await signIn(mine.page, second, { label: 'Old tablet' });
	await mine.page.waitForURL(/key\?id=app-2/);
	await mine.page.locator('button[value=end]').click();
	await mine.page.waitForURL(/\/login\?c=|done=ended/);
	assert.equal(ldapRead(keyDn(nora, 'app-2'), 'csamKeyState'), 'revoked');
	await elsewhere.page.goto(keys);
	assert.match(elsewhere.page.url(), /\/login\?c=/);
	await elsewhere.context.close();
	await mine.context.close();
});

const paula = newPerson('mykeys-paula'), hers = await person();
await check('a mail key: the code that was sent proves the address, and nothing is there before', async () => {
	await hers.page.goto(`${keys}/new/mail`);
	await signIn(hers.page, paula);
	await hers.page.waitForURL(`${keys}/new/mail`);
	assert.equal(await hers.page.inputValue('[name=address]'), 'mykeys-paula@csam.example');
	await look(hers.page, 'new-mail');
	const before = messages('mail').length;
	await hers.page.fill('[name=address]', 'paula.private@csam.example');
	await hers.page.locator('button.go').click();
	const code = await codeSent('mail', before);
	await look(hers.page, 'mail-code');
	assert.match(await hers.page.locator('main').innerText(), /@csam\.example/);
	assert.doesNotMatch(csamctl('key', 'list', paula.username), /mail-1/);
	await hers.page.fill('[name=code]', code === '123456' ? '654321' : '123456');
	await hers.page.locator('button.go').click();
	await hers.page.fill('[name=code]', code);
	await hers.page.locator('button.go').click();
	await hers.page.waitForURL(`${keys}?done=added`);
	assert.equal(ldapRead(keyDn(paula, 'mail-1'), 'csamKeyAddress'), 'paula.private@csam.example');
	const elsewhere = await person(), sent = messages('mail').length;
	await elsewhere.page.goto(`${library}/card/`);
	await elsewhere.page.locator('button[name=choice][value=mail]').click();
	await elsewhere.page.fill('[name=username]', paula.username);
	await elsewhere.page.fill('[name=password]', paula.password);
	await elsewhere.page.locator('button.go').click();
	await elsewhere.page.waitForSelector('[name=code]');
	await elsewhere.page.fill('[name=code]', await codeSent('mail', sent));
	await elsewhere.page.locator('button.go').click();
	await elsewhere.page.waitForURL(u => u.href.startsWith(library));
	await elsewhere.context.close();
});

await check('an SMS key: as people write numbers; another number only after the end of the old one', async () => {
	await hers.page.goto(`${keys}/new/sms`);
	for (const bad of ['12', 'call me', '+32 470 12 34 56 78 90 12 34'.slice(0, 24)]) {
		await hers.page.fill('[name=address]', bad);
		await hers.page.locator('button.go').click();
		assert.equal(await hers.page.locator('[role=alert]').count(), 1, bad);
	}
	await look(hers.page, 'sms-bad');
	const before = messages('sms').length;
	await hers.page.fill('[name=address]', '0470 / 12.34.56');
	await hers.page.locator('button.go').click();
	const sent = await messageWithCode('sms', before);
	assert.match(sent.raw, /confirms this number for CSAM[^]*Not you\? Then do nothing\./);
	await hers.page.fill('[name=code]', sent.code);
	await look(hers.page, 'sms-code');
	await hers.page.locator('button.go').click();
	await hers.page.waitForURL(`${keys}?done=added`);
	assert.equal(ldapRead(keyDn(paula, 'sms-1'), 'csamKeyAddress'), '+32470123456');
	await hers.page.goto(`${keys}/new/sms`);
	await hers.page.fill('[name=address]', '+32 470 99 99 99');
	await hers.page.locator('button.go').click();
	assert.match(await hers.page.locator('[role=alert]').innerText(), /First deactivate the SMS key/);
});

await check('where she is reached: a new address counts when its code has come back; the language at once', async () => {
	await hers.page.goto(`${keys}/contact`);
	await look(hers.page, 'contact');
	const before = messages('mail').length;
	await hers.page.fill('[name=mail]', 'paula.new@csam.example');
	await hers.page.locator('button[value=mail]').click();
	const code = await codeSent('mail', before);
	assert.equal(ldapRead(dnOf(paula), 'mail'), 'mykeys-paula@csam.example');
	await hers.page.fill('[name=code]', code);
	await hers.page.locator('button.go').click();
	await hers.page.waitForURL(`${keys}/contact?done=saved`);
	assert.equal(ldapRead(dnOf(paula), 'mail'), 'paula.new@csam.example');
	assert.equal(ldapRead(dnOf(paula), 'csamMailVerified'), 'paula.new@csam.example');
	await hers.page.selectOption('[name=locale]', 'nl');
	await hers.page.locator('button[value=letters]').click();
	assert.equal(ldapRead(dnOf(paula), 'preferredLanguage'), 'nl');
});

await once('a session that has ended proves no address any more', async () => {
	const before = messages('mail').length;
	await hers.page.goto(`${keys}/contact`);
	await hers.page.fill('[name=mail]', 'paula.late@csam.example');
	await hers.page.locator('button[value=mail]').click();
	const code = await codeSent('mail', before);
	ldapmodify(csamctl('key', 'lock', paula.username, 'app-1'));
	await new Promise(r => setTimeout(r, 1500));
	await hers.page.fill('[name=code]', code);
	await hers.page.locator('button.go').click();
	assert.equal(await hers.page.locator('[name=code]').count(), 0);
	assert.equal(ldapRead(dnOf(paula), 'mail'), 'paula.new@csam.example');
	await hers.context.close();
});

await check('four languages, a narrow screen, no scripts', async () => {
	const lena = newPerson('mykeys-lena');
	const small = await person({ locale: 'de-BE', javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
	await small.page.goto(keys);
	await signIn(small.page, lena);
	await small.page.waitForURL(keys);
	const wide = await person({ viewport: { width: 320, height: 640 } });
	await wide.context.addCookies(await small.context.cookies());
	for (const lang of ['fr', 'nl', 'de', 'en']) for (const where of ['', '/key?id=app-1', '/new/app', '/new/mail', '/new/sms', '/contact']) {
		await wide.page.goto(`${keys}${where}${where.includes('?') ? '&' : '?'}lang=${lang}`);
		assert.equal(await wide.page.locator('html').getAttribute('lang'), lang);
		await fits(wide.page, `${lang} ${where}`);
		await look(wide.page, `${lang}${where.replace(/\W+/g, '-')}`);
	}
	await small.context.close();
	await wide.context.close();
});

await browser.close();
done();
