// A key that is not activated, or locked, chosen at a login: it is said after the right password, a stronger key gets a new one, and the login goes on to
// where it was going. And whoever would use that way for something else.
import assert from 'node:assert/strict';
import { insert } from './cards.mjs';
import { browser, look, person } from './chromium.mjs';
import { check, done, ldapRead, library, newPerson, tax, target } from './csam.mjs';
import { addApp, addKey, alert, codeSent, form, keyDn, keys, messages, newCitizen, send, setKey, showCertificate, signIn, states } from './desk.mjs';

// As far as the note that says what is wrong with the key.
async function chooses(page, kind, who, service = `${library}/card/`) {
	await page.goto(service);
	if (await page.locator(`button[name=choice][value=${kind}]`).count()) await page.locator(`button[name=choice][value=${kind}]`).click();
	await page.fill('[name=username]', who.username);
	await page.fill('[name=password]', who.password);
	await page.locator('button.go').click();
	return page.locator('[role=alert] a');
}
const wizardOf = link => link.getAttribute('href').then(href => target.issuer + href);
const inLibrary = async (page, who) => { await page.waitForURL(u => u.href.startsWith(library)); assert.equal(await page.locator('#user').innerText(), who.username); };

await check('a key not yet activated: said after the right password only; a stronger one adds it, and the service opens', async () => {
	const paul = newPerson('wait-paul'), { page, context } = await person();
	const link = await chooses(page, 'mail', { ...paul, password: 'not this one' });
	assert.doesNotMatch(await alert(page), /not activated/, 'not before the right password');
	assert.equal(await link.count(), 0);
	await page.fill('[name=password]', paul.password);
	await page.locator('button.go').click();
	assert.match(await alert(page), /have not activated the digital key/);
	await look(page, 'not-activated');
	await link.click();
	assert.match(page.url(), /\/login\?c=/, 'a stronger key is asked for');
	assert.equal(await page.locator('button[name=choice][value=password]').count(), 0);
	await signIn(page, paul);
	await page.waitForURL(/keys\/new\/mail\?c=/);
	assert.match(await page.locator('main').innerText(), /go on to Municipal library/);
	await look(page, 'mail');
	const before = messages('mail').length;
	await page.locator('button.go').click();
	await page.fill('[name=code]', await codeSent('mail', before, 'wait-paul'));
	await page.locator('button.go').click();
	await inLibrary(page, paul);
	assert.equal(states(paul)['mail-1'], 'active');
	await context.close();
});

await check('with the identity card, in French: an app for a service that wants it, which then opens with it', async () => {
	const marie = newCitizen('wait-marie', { code: false }), { page, context } = await person({ locale: 'fr-BE' });
	await insert(context, marie.card);
	await (await chooses(page, 'app', marie, `${tax}/file/`)).click();
	assert.deepEqual(await page.locator('button[name=choice]').evaluateAll(all => all.map(b => b.value)), ['eid', 'app'], 'nothing that this service would not take');
	await signIn(page, marie, { kind: 'eid' });
	await page.waitForURL(/keys\/new\/app\?c=/);
	assert.match(await page.locator('main').innerText(), /vous continuez vers Tax-on-web/);
	await look(page, 'app-fr');
	await page.locator('nav.languages a[lang=nl]').click();
	assert.match(await page.locator('main').innerText(), /verder naar Tax-on-web/, 'another language forgets nothing');
	const hers = await addApp(page, marie);
	await page.waitForURL(u => u.href.startsWith(tax));
	assert.match(await page.locator('#level').innerText(), /Level500/);
	const later = await person();
	await later.page.goto(`${tax}/file/`);
	await signIn(later.page, hers);
	await later.page.waitForURL(u => u.href.startsWith(tax));
	assert.match(await later.page.locator('#level').innerText(), /Level400/);
	await context.close();
	await later.context.close();
});

await check('without scripts, on 320 px, in Dutch: the card, an SMS key, and the service', async () => {
	const jan = newCitizen('wait-jan', { code: false }), { page, context } = await person({ locale: 'nl-BE', javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
	await (await chooses(page, 'sms', jan)).click();
	await page.locator('button[name=choice][value=eid]').click();
	await showCertificate(page, jan.card);
	await page.waitForURL(/keys\/new\/sms\?c=/);
	const before = messages('sms').length;
	await page.fill('[name=address]', '0470 55 66 77');
	await page.locator('button.go').click();
	await page.fill('[name=code]', await codeSent('sms', before));
	await page.locator('button.go').click();
	await inLibrary(page, jan);
	await context.close();
});

await check('who changes their mind comes back to the login, and to the service from there', async () => {
	const rik = newPerson('wait-rik'), { page, context } = await person();
	await (await chooses(page, 'mail', rik)).click();
	await page.locator('.cancel a').click();
	assert.match(await alert(page), /have not activated/);
	await page.locator('[role=alert] a').click();
	await signIn(page, rik);
	await page.waitForURL(/keys\/new\/mail\?c=/);
	await page.locator('a.quiet').click();
	assert.match(await alert(page), /have not activated/);
	await page.locator('.cancel a').click();
	await page.waitForURL(u => u.href.startsWith(library));
	assert.equal(states(rik)['mail-1'], undefined);
	await context.close();
});

await check('a locked key: a new one is requested there, the old one stays locked, and the service opens', async () => {
	const lea = newPerson('wait-lea'), { page, context } = await person();
	addKey(lea, 'mail', 'wait-lea@csam.example');
	setKey(lea, 'mail-1', 'csamKeyState', 'locked');
	const link = await chooses(page, 'mail', lea);
	assert.match(await alert(page), /is locked/);
	await look(page, 'locked');
	await link.click();
	await signIn(page, lea);
	await page.waitForURL(/keys\/new\/mail\?c=/);
	const before = messages('mail').length;
	await page.locator('button.go').click();
	await page.fill('[name=code]', await codeSent('mail', before, 'wait-lea'));
	await page.locator('button.go').click();
	await inLibrary(page, lea);
	assert.deepEqual([states(lea)['mail-1'], states(lea)['mail-2']], ['locked', 'active']);
	await context.close();
});

// --- without the "if" ---

await check('no address of the request leads anywhere: not another site, nor another page', async () => {
	const ines = newPerson('wait-ines'), { page, context } = await person();
	await page.goto(keys);
	await signIn(page, ines);
	await page.waitForURL(keys);
	const evil = 'https://evil.example/';
	for (const where of [evil, '//evil.example', '/\\evil.example', 'javascript:alert(1)', 'x'.repeat(22), '', '../logout', 'a'.repeat(400)]) {
		await page.goto(`${keys}/new/app?c=${encodeURIComponent(where)}&back=${evil}&next=${evil}&return=${evil}&home=${evil}`);
		assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('a, form')].map(e => new URL(e.href ?? e.action))
			.filter(u => u.origin !== location.origin && !u.href.startsWith('otpauth://totp/')).map(u => u.href)), [], where);	// the app on this very device
		await addApp(page, ines);
		await page.waitForURL(`${keys}?done=added`);
		const id = Object.keys(states(ines)).filter(k => k.startsWith('app')).at(-1);
		assert.equal(states(ines)[id], 'active');
		setKey(ines, id, 'csamKeyState', id === 'app-1' ? 'active' : 'revoked');
	}
	await context.close();
});

await check('in another browser it is nobody\'s: no name is told, and the key is of who signs in there', async () => {
	const pia = newPerson('wait-pia'), otto = newPerson('wait-otto'), hers = await person(), his = await person();
	const url = await wizardOf(await chooses(hers.page, 'mail', pia));
	await his.page.goto(url);
	assert.doesNotMatch(await his.page.content(), /wait-pia/);
	await his.page.locator('button[name=choice][value=app]').click();
	assert.doesNotMatch(await his.page.content(), /wait-pia/);
	await signIn(his.page, otto);
	await his.page.waitForURL(`${keys}/new/mail`);
	assert.equal(await his.page.inputValue('[name=address]'), 'wait-otto@csam.example');
	assert.doesNotMatch(await his.page.content(), /wait-pia|Municipal library/);
	await hers.context.close();
	await his.context.close();
});

await check('another person in the same browser: asked for the first one, and nothing is added to either', async () => {
	const rosa = newPerson('wait-rosa'), olga = newPerson('wait-olga'), { page, context } = await person();
	const wizard = await wizardOf(await chooses(page, 'mail', rosa));
	await page.goto(`${keys}/new/mail`);
	await signIn(page, olga);
	await page.waitForURL(`${keys}/new/mail`);
	const { csrf_token } = await form(page), before = messages('mail').length;
	const answer = await send(context, wizard.slice(target.issuer.length), { csrf_token, address: 'olga.evil@csam.example', label: '' });
	assert.match(answer.headers().location ?? '', /\/login\?c=/);
	await page.goto(wizard);
	assert.match(page.url(), /\/login\?c=/, 'olga is signed in, and is not who this login waits for');
	if (await page.locator('button[name=choice][value=app]').count()) await page.locator('button[name=choice][value=app]').click();
	await page.fill('[name=username]', olga.username);
	await page.fill('[name=password]', olga.password);
	await page.locator('button.go').click();
	assert.match(await alert(page), /not right/);
	assert.deepEqual([states(olga)['mail-1'], states(rosa)['mail-1']], [undefined, undefined]);
	assert.equal(messages('mail').slice(before).filter(m => /#\d{6}/.test(m.raw)).length, 0);
	await page.goto(`${keys}/new/mail`);
	assert.equal(page.url(), `${keys}/new/mail`, 'olga is signed in still');
	await context.close();
});

await check('before the right password, and after its end, a login waits for nothing', async () => {
	const tess = newPerson('wait-tess'), { page, context } = await person();
	await page.goto(`${library}/card/`);
	const before = new URL(page.url()).searchParams.get('c');
	assert.ok(before);
	await page.goto(`${keys}/new/app?c=${before}`);
	await signIn(page, tess);
	await page.waitForURL(`${keys}/new/app`);
	assert.doesNotMatch(await page.locator('main').innerText(), /go on to/);
	const other = await person();
	const wizard = await wizardOf(await chooses(other.page, 'mail', tess));
	await other.page.locator('button[name=choice][value=password]').click();	// the same login, with the key that she has
	await inLibrary(other.page, tess);
	await other.page.goto(wizard);
	assert.doesNotMatch(await other.page.locator('main').innerText(), /go on to/);
	await context.close();
	await other.context.close();
});

await check('no key becomes stronger than the one that vouches, nor does a weak one vouch for what the service wants', async () => {
	const vera = newPerson('wait-vera'), { page, context } = await person();
	setKey(vera, 'app-1', 'csamKeyLevel', 300);
	assert.equal(await (await chooses(page, 'app', vera, `${tax}/file/`)).count(), 0, 'there is an app key, of too low a level');
	await context.close();
	const weak = newPerson('wait-weak', { code: false }), low = await person();
	addKey(weak, 'mail', 'wait-weak@csam.example');
	const link = await wizardOf(await chooses(low.page, 'app', weak, `${tax}/file/`));
	// With the mail key (level 300) she may add an app, but not for a login that wants 400.
	const before = messages('mail').length;
	await low.page.goto(`${keys}/new/app`);
	await low.page.locator('button[name=choice][value=mail]').click();
	await low.page.fill('[name=username]', weak.username);
	await low.page.fill('[name=password]', weak.password);
	await low.page.locator('button.go').click();
	await low.page.fill('[name=code]', await codeSent('mail', before, 'wait-weak'));
	await low.page.locator('button.go').click();
	await low.page.waitForURL(`${keys}/new/app`);
	const fields = { ...await form(low.page), code: '000000' };
	const answer = await send(low.context, link.slice(target.issuer.length), fields);
	assert.match(answer.headers().location ?? '', /\/login\?c=/);
	await addApp(low.page, weak);
	await low.page.waitForURL(`${keys}?done=added`);
	assert.equal(ldapRead(keyDn(weak, 'app-1'), 'csamKeyLevel'), '300');
	await low.page.goto(link);
	assert.match(low.page.url(), /\/login\?c=/);
	assert.deepEqual(await low.page.locator('button[name=choice]').evaluateAll(all => all.map(b => b.value)), ['eid', 'app']);
	await low.context.close();
});

await browser.close();
done();
