// What lies in the hand, at the desk of 'My digital keys': a card of codes that somebody prints, a token that was handed out and waits for its person;
// and every "only if" without the "if".
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import path from 'node:path';
import { browser, fits, look, person } from './chromium.mjs';
import { check, csamctl, done, ldapmodify, ldapRead, library, newPerson, once, shots, totp } from './csam.mjs';
import { alert, base, dnOf, form, keyDn, keys, send, setKey, signIn, states } from './desk.mjs';

const SEED = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', raw = Buffer.from('12345678901234567890');
// RFC 4226 5.3
function hotp(counter, digits = 6) {
	const c = Buffer.alloc(8);
	c.writeUInt32BE(counter, 4);
	const mac = createHmac('sha1', raw).update(c).digest(), at = mac[19] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 10 ** digits).padStart(digits, '0');
}
assert.equal(hotp(0), '755224', 'RFC 4226 appendix D');
const waits = (who, ...options) => ldapmodify(csamctl('key', 'new', 'token', '--person', who.username, '--hotp', '--secret', SEED, '--pending', ...options));
const enter = async (page, code) => { await page.fill('[name=code]', code); await page.locator('button.go').click(); };
const another = code => code[0] === '7' ? `8${code.slice(1)}` : `7${code.slice(1)}`;

// The codes of the page, by number; and the one that is asked for.
const codesOf = async page => [null, ...(await page.locator('.codes li').allInnerTexts()).map(t => t.replace(/\D/g, ''))];
const asked = async page => Number((await page.locator('main').innerText()).match(/(?:number|numéro|nummer|Nummer)\D{0,12}(\d+)/)[1]);

async function desk(who, where, options) {
	const her = await person(options);
	await her.page.goto(`${keys}${where}`);
	await signIn(her.page, who);
	await her.page.waitForURL(`${keys}${where}`);
	return her;
}

async function intoLibrary(who, code) {
	const { page, context } = await person();
	await page.goto(`${library}/card/`);
	await page.locator('button[name=choice][value=token]').click();
	await page.fill('[name=username]', who.username);
	await page.fill('[name=password]', who.password);
	await page.locator('button.go').click();
	if (code) await enter(page, await code(page));
	return { page, context };
}

const lea = newPerson('hand-lea');
let card, used;
await check('a card is printed, one of its codes proves it, and nothing is there before', async () => {
	const { page, context } = await desk(lea, '');
	await look(page, 'list');
	await page.locator('a[href="/keys/new/card"]').click();
	await page.waitForURL(`${keys}/new/card`);
	await look(page, 'card');
	card = await codesOf(page);
	assert.equal(new Set(card.slice(1)).size, 24);
	assert.ok(card.slice(1).every(c => /^\d{8}$/.test(c)));
	await page.emulateMedia({ media: 'print' });
	assert.equal(await page.locator('button.go').isVisible(), false);
	assert.equal(await page.locator('.codes').isVisible(), true);
	await page.screenshot({ path: path.join(shots, 'mykeys-tokens-card-on-paper.png'), fullPage: true });
	await page.emulateMedia({ media: 'screen' });
	await page.locator('button.go').click();
	used = await asked(page);
	await look(page, 'card-code');
	assert.match(await page.locator('main').innerText(), /^My digital keys[^]*Enter the code to confirm, hand-lea\./);
	assert.doesNotMatch(csamctl('key', 'list', lea.username), /card-1/);
	await enter(page, another(card[used]));
	assert.match(await alert(page), /not right/);
	assert.equal(await asked(page), used, 'the same code is asked again');
	await enter(page, card[used]);
	await page.waitForURL(`${keys}?done=added`);
	assert.match(await page.locator('main').innerText(), /token[\s\S]*Active\s*level 300/i);
	const dn = keyDn(lea, 'card-1');
	assert.deepEqual([ldapRead(dn, 'csamKeyState'), ldapRead(dn, 'csamKeyKind'), ldapRead(dn, 'csamKeyLevel')], ['active', 'token', '400']);
	assert.equal(Number(ldapRead(dn, 'csamKeyCounter')), 2 ** (used - 1), 'the code that proved it is spent');
	await context.close();
});

await check('the card opens a service with another of its codes', async () => {
	const { page, context } = await intoLibrary(lea, async page => {
		const number = await asked(page);
		assert.notEqual(number, used);
		return card[number];
	});
	await page.waitForURL(u => u.href.startsWith(library));
	assert.equal(await page.locator('#user').innerText(), lea.username);
	await context.close();
});

await check('who opens the page again gets another card; a form of the first one that is sent after it adds nothing', async () => {
	const { page, context } = await desk(lea, '/new/card');
	const first = await form(page), codes = await codesOf(page);
	await page.reload();
	const second = await form(page), more = await codesOf(page);
	assert.notDeepEqual(codes, more);
	await page.locator('button.go').click();
	await enter(page, more[await asked(page)]);
	await page.waitForURL(`${keys}?done=added`);
	assert.equal(states(lea)['card-2'], 'active');
	assert.match((await send(context, '/keys/new/card', second)).headers().location, /done=added$/, 'the same card: it is there');
	assert.equal((await send(context, '/keys/new/card', first)).status(), 400, 'another one has that name');
	assert.deepEqual(Object.keys(states(lea)).filter(k => k.startsWith('card')), ['card-1', 'card-2']);
	await context.close();
});

await check('a draft of another session, a changed one, one of another wizard or none is refused', async () => {
	const omar = newPerson('hand-omar'), his = await desk(omar, '/new/card'), hers = await desk(lea, '/new/card');
	const { draft } = await form(hers.page), mine = await form(his.page);
	await his.page.goto(`${keys}/new/app`);
	const app = await form(his.page);
	for (const d of [draft, mine.draft.slice(0, -2) + (mine.draft.endsWith('AA') ? 'BB' : 'AA'), app.draft, '', 'x'])
		assert.equal((await send(his.context, '/keys/new/card', { ...mine, draft: d })).status(), 400);
	assert.equal((await send(his.context, '/keys/new/app', { ...app, draft: mine.draft, code: '123456' })).status(), 400);
	assert.equal((await send(his.context, '/keys/new/card', { ...mine, csrf_token: '' })).status(), 400);
	assert.equal((await send(his.context, '/keys/new/card', mine, { origin: 'https://evil.example' })).status(), 403);
	assert.deepEqual(states(omar), { 'app-1': 'active', 'password-1': 'active' });
	await his.context.close();
	await hers.context.close();
});

const kim = newPerson('hand-kim');
await check('a token that was handed out waits, and one of its codes activates it', async () => {
	waits(kim, '--label', 'Vasco 12-345', '--level', '200');
	const before = await intoLibrary(kim);
	assert.match(await alert(before.page), /not activated/, 'it opens nothing before');
	await before.context.close();
	const { page, context } = await desk(kim, '');
	await page.locator('a[href="/keys/new/token"]').click();
	await page.waitForURL(`${keys}/new/token`);
	assert.match(await page.locator('main').innerText(), /Vasco 12-345/);
	await look(page, 'token');
	await page.locator('button.option').click();
	await look(page, 'token-code');
	await enter(page, another(hotp(3)));
	assert.match(await alert(page), /not right/);
	await enter(page, hotp(3));
	await page.waitForURL(`${keys}?done=added`);
	const dn = keyDn(kim, 'token-1');
	assert.deepEqual([ldapRead(dn, 'csamKeyState'), ldapRead(dn, 'csamKeyCounter'), ldapRead(dn, 'csamKeyLevel')], ['active', '4', '200'], 'worth no more than was said');
	setKey(kim, 'token-1', 'csamKeyLevel', 300);
	await page.goto(`${keys}/data/history`);
	assert.match(await page.locator('main').innerText(), /Digital key activated/);
	await context.close();
});

await check('the code that activated it opens nothing; the next one does', async () => {
	const { page, context } = await intoLibrary(kim, () => hotp(3));
	assert.match(await alert(page), /not right|used/);
	await enter(page, hotp(4));
	await page.waitForURL(u => u.href.startsWith(library));
	await context.close();
});

await once('one that waits becomes active once, however many ask', async () => {
	const zoe = newPerson('hand-zoe');
	waits(zoe);
	const { page, context } = await desk(zoe, '/new/token'), tabs = [{ page }, { page: await context.newPage() }, { page: await context.newPage() }];
	for (const tab of tabs.slice(1)) await tab.page.goto(`${keys}/new/token`);
	for (const { page } of tabs) await page.locator('button.option').click();
	await enter(tabs[0].page, hotp(0));
	await tabs[0].page.waitForURL(`${keys}?done=added`);
	await enter(tabs[1].page, hotp(1));
	assert.doesNotMatch(tabs[1].page.url(), /done=added/);
	await look(tabs[1].page, 'activated-elsewhere');
	assert.equal((await send(context, '/keys/pending', { ...await form(tabs[2].page), id: 'token-1' })).status(), 400, 'of a conversation, no form of the desk');
	await tabs[2].page.goto(`${keys}/pending`);
	assert.match(await tabs[2].page.locator('main').innerText(), /No key waits/);
	assert.equal((await send(context, '/keys/pending', { ...await form(tabs[2].page), id: 'token-1' })).status(), 404);
	assert.equal(ldapRead(keyDn(zoe, 'token-1'), 'csamKeyCounter'), '1');
	await context.close();
});

await check('a locked or revoked key, the key of another person, or none is not activated', async () => {
	const ivo = newPerson('hand-ivo');
	waits(ivo);
	const { page, context } = await desk(ivo, '/pending');
	const fields = await form(page);
	await page.locator('button.option').click();
	setKey(ivo, 'token-1', 'csamKeyState', 'locked');
	await enter(page, hotp(0));
	assert.doesNotMatch(page.url(), /done=added/);
	for (const id of ['token-1', 'token-9', 'app-1', '', '*', `token-1,${dnOf(kim)}`])
		assert.equal((await send(context, '/keys/pending', { ...fields, id })).status(), 404, id);
	setKey(ivo, 'token-1', 'csamKeyState', 'revoked');
	assert.equal((await send(context, '/keys/pending', { ...fields, id: 'token-1' })).status(), 404);
	setKey(ivo, 'token-1', 'csamKeyState', 'pending');
	assert.equal((await send(context, '/keys/pending', { ...fields, id: 'token-1', csrf_token: '' })).status(), 400);
	const kind = `csamKeyKind=token,ou=kinds,${base}`, pause = () => new Promise(r => setTimeout(r, 1200));
	ldapmodify(`dn: ${kind}\nchangetype: add\nobjectClass: csamKind\ncsamKeyKind: token\ncsamKindState: blocked\n`);
	await pause();
	assert.equal((await send(context, '/keys/pending', { ...fields, id: 'token-1' })).status(), 404, 'of a kind that is closed');
	ldapmodify(`dn: ${kind}\nchangetype: delete\n`);
	await pause();
	assert.equal((await send(context, '/keys/pending', { ...fields, id: 'token-1' })).status(), 303, 'and with all of it, it is');
	assert.equal(states(ivo)['token-1'], 'pending');
	await context.close();
});

await check('a login with the password alone activates nothing, and makes no card', async () => {
	const gus = newPerson('hand-gus');
	waits(gus);
	const { page, context } = await person();
	await page.goto(keys);
	await signIn(page, gus, { kind: 'password' });
	await page.waitForURL(keys);
	for (const where of ['/new/token', '/pending', '/new/card']) {
		await page.goto(`${keys}${where}`);
		assert.match(page.url(), /\/login\?c=/, where);
		assert.equal(await page.locator('button[name=choice][value=password]').count(), 0);
	}
	await context.close();
});

await check('ten wrong codes: an hour\'s rest, and the key is not locked', async () => {
	const tim = newPerson('hand-tim');
	waits(tim);
	const { page, context } = await desk(tim, '/pending');
	await page.locator('button.option').click();
	for (let i = 0; i < 10; i++) await enter(page, another(hotp(200 + i)));
	await look(page, 'too-many');
	await page.goto(`${keys}/pending`);
	await page.locator('button.option').click();
	await enter(page, hotp(0));
	assert.match(await page.locator('main').innerText(), /Too many/, 'even a right one');
	assert.equal(states(tim)['token-1'], 'pending');
	await context.close();
});

await check('at a login: a token not yet activated, and the service opens with it', async () => {
	const ann = newPerson('hand-ann'), { page, context } = await person({ locale: 'fr-BE' });
	waits(ann, '--label', 'Vasco 7');
	await page.goto(`${library}/card/`);
	await page.locator('button[name=choice][value=token]').click();
	await page.fill('[name=username]', ann.username);
	await page.fill('[name=password]', ann.password);
	await page.locator('button.go').click();
	await page.locator('[role=alert] a').click();
	await signIn(page, ann);
	await page.waitForURL(/keys\/new\/token\?c=/);
	await look(page, 'token-fr');
	await page.locator('button.option').click();
	await enter(page, hotp(0));
	await page.waitForURL(u => u.href.startsWith(library));
	assert.equal(states(ann)['token-1'], 'active');
	await context.close();
});

await check('a key of another kind that waits is activated from its own page', async () => {
	const eve = newPerson('hand-eve');
	ldapmodify(csamctl('key', 'new', 'app', '--person', eve.username, '--secret', SEED, '--pending'));
	const { page, context } = await desk(eve, '/key?id=app-2');
	await page.locator('form[action="/keys/pending"] button').click();
	await enter(page, totp(SEED));
	await page.waitForURL(`${keys}?done=added`);
	assert.equal(states(eve)['app-2'], 'active');
	await context.close();
});

await check('four languages, a narrow screen, no scripts', async () => {
	const bo = newPerson('hand-bo');
	waits(bo, '--label', 'Vasco 99');
	const her = await desk(bo, '', { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
	for (const lang of ['fr', 'nl', 'de', 'en']) for (const where of ['new/card', 'new/token', 'pending', 'key?id=token-1']) {
		await her.page.goto(`${keys}/${where}${where.includes('?') ? '&' : '?'}lang=${lang}`);
		assert.equal(await her.page.locator('html').getAttribute('lang'), lang);
		await fits(her.page, `${where.replace(/\W+/g, '-')}-${lang}`);
	}
	await browser.close();
});

done();
