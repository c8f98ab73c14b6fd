// Keys in the hand and codes that are sent, in a real browser, in four languages: tokens, a printed card, mail, SMS. Every page is kept as a screenshot and
// checked with axe-core.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { browser, fits, look, person } from './chromium.mjs';
import { check, codeIn, csamctl, demo, done, freshCode, ldapmodify, ldapRead, library, newPerson, once, sentTo, shots, target } from './csam.mjs';

const run = process.pid, seed = Buffer.from('a seed of twenty byte'.slice(0, 20));
const base32 = [...seed].map(b => b.toString(2).padStart(8, '0')).join('').match(/.{5}/g).map(b => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(b, 2)]).join('');
const pause = ms => new Promise(r => setTimeout(r, ms));

// RFC 4226, any hash and length.
function hotp(number, digits = 6, hash = 'sha1') {
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(number));
	const mac = createHmac(hash, seed).update(counter).digest(), o = mac[mac.length - 1] & 15;
	return String((mac.readUInt32BE(o) & 0x7fffffff) % 10 ** digits).padStart(digits, '0');
}

// Somebody with one key, and the way to the page that asks for its code.
function somebody(name, ...key) {
	const who = newPerson(`${name}-${run}`, { code: false });
	ldapmodify(csamctl('key', 'new', key[0], '--person', who.username, ...key.slice(1)));
	return who;
}
async function toCode(who, kind, locale = 'en-GB', options = {}) {
	const { page } = await person({ locale, ...options });
	await page.goto(`${library}/card/`);
	if (kind === 'mail' && locale === 'en-GB') await look(page, 'chooser');
	await page.locator(`button[name=choice][value=${kind}]`).click();
	await page.fill('[name=username]', who.username);
	await page.fill('[name=password]', who.password);
	await page.locator('button.go').click();
	await page.waitForSelector('[name=code], button.option, #user');
	return page;
}
async function type(page, code) {
	await page.fill('[name=code]', code);
	await page.locator('button.go').click();
	await page.waitForLoadState();
}
const inside = page => page.url().startsWith(library);
const level = page => page.locator('#level').innerText();
const note = page => page.locator('.note').first().innerText();
const isIn = async page => { await page.waitForSelector('#user'); assert.equal(await level(page), 'urn:be:fedict:iam:fas:citizen:Level300'); await page.context().close(); };

// The pause before another code goes by while the rest is tried.
const mia = somebody('mia', 'mail', '--address', `mia-${run}@csam.example`), miasMail = `mia-${run}@csam.example`;
let first, wrote;

await check('mail: nothing before the password; masked; five tries; another one not at once', async () => {
	const page = await toCode(mia, 'mail');
	first = await sentTo('mail', miasMail);
	wrote = Date.now();
	await look(page, 'mail');
	assert.equal(await page.locator('[name=code]').getAttribute('autocomplete'), 'one-time-code');
	const body = await page.content();
	assert.ok(!body.includes(miasMail) && !body.includes(codeIn(first.text)), 'neither the address nor the code is on the page');
	await page.locator('button[name=again]').click();
	await page.waitForLoadState();
	await look(page, 'mail-too-soon');
	assert.match(await note(page), /\d+ seconds/);
	for (let i = 0; i < 5; i++) await type(page, String((Number(codeIn(first.text)) + 1 + i) % 1000000).padStart(6, '0'));
	await type(page, codeIn(first.text));
	assert.ok(!inside(page), 'the sixth try');
	await look(page, 'mail-ended');
	await page.context().close();
});

await check('a token with a counter: each code once, and the counter is in the directory', async () => {
	const tom = somebody('tom', 'token', '--secret', base32, '--hotp', '--digits', '8', '--hash', 'sha256');
	let page = await toCode(tom, 'token');
	await look(page, 'token');
	await type(page, hotp(0, 8, 'sha256'));
	await isIn(page);
	const dn = `csamKeyId=token-1,uid=${tom.username},ou=people,${target.ldap.base}`;
	assert.equal(ldapRead(dn, 'csamKeyCounter'), '1');
	page = await toCode(tom, 'token', 'fr-BE');
	await type(page, hotp(0, 8, 'sha256'));
	assert.ok(!inside(page), 'a code works once');
	await type(page, hotp(33, 8, 'sha256'));
	await look(page, 'token-out-of-step-fr');
	await type(page, hotp(34, 8, 'sha256'));
	await isIn(page);
	assert.equal(ldapRead(dn, 'csamKeyCounter'), '35');
});

await once('of six who type one code at the same time one gets in', async () => {
	const tina = somebody('tina', 'token', '--secret', base32, '--hotp');
	const pages = [];
	for (let i = 0; i < 6; i++) pages.push(await toCode(tina, 'token'));
	await Promise.all(pages.map(p => type(p, hotp(0))));
	assert.equal(pages.filter(inside).length, 1);
	await Promise.all(pages.map(p => p.context().close()));
});

await check('a token with a clock of 60 seconds', async () => {
	const kim = somebody('kim', 'token', '--secret', base32, '--period', '60', '--hash', 'sha512');
	const page = await toCode(kim, 'token', 'de-DE');
	await type(page, hotp(Math.floor(Date.now() / 60000), 6, 'sha512'));
	await isIn(page);
});

await check('a card: the code that is asked by its number; the page to print', async () => {
	const file = path.join(demo, `card-${run}.html`);
	const carla = somebody('carla', 'card', '--page', file, '--lang', 'nl');
	const html = fs.readFileSync(file, 'utf8'), codes = Object.fromEntries([...html.matchAll(/>(\d+)<\/th><td>(\d{4} \d{4})</g)].map(m => [m[1], m[2]]));
	assert.equal(Object.keys(codes).length, 24);
	const { page: paper } = await person({ viewport: { width: 800, height: 600 } });
	await paper.goto(`file://${file}`);
	await look(paper, 'card-to-print');
	const asked = new Set();
	for (const locale of ['nl-BE', 'de-DE', 'fr-BE', 'en-GB']) {
		const page = await toCode(carla, 'token', locale), hint = await page.locator('#code-hint').innerText();
		await look(page, `card-${locale}`);
		const number = hint.match(/\d+/)[0];
		await page.reload();
		assert.equal(await page.locator('#code-hint').innerText(), hint, 'the same number again');
		await type(page, codes[number % 24 + 1]);
		assert.ok(!inside(page), 'a code of another number');
		assert.equal(await page.locator('#code-hint').innerText(), hint);
		await type(page, codes[number]);
		await isIn(page);
		asked.add(number);
	}
	assert.equal(asked.size, 4);
	ldapmodify(`dn: csamKeyId=card-1,uid=${carla.username},ou=people,${target.ldap.base}\nchangetype: modify\nreplace: csamKeyCounter\ncsamKeyCounter: ${2 ** 24 - 1 - 8}\n`);
	await pause(1000);
	const page = await toCode(carla, 'token');
	await look(page, 'card-last-code');
	assert.match(await page.locator('#code-hint').innerText(), /number 4 /);
	fs.rmSync(file);
});

await check('SMS: in the person\'s language, for our site only', async () => {
	const sam = newPerson(`sam-${run}`, { code: false }), number = `+3247${String(run).padStart(7, '0').slice(-7)}`;
	ldapmodify(`dn: uid=${sam.username},ou=people,${target.ldap.base}\nchangetype: modify\nadd: preferredLanguage\npreferredLanguage: nl\n`);
	ldapmodify(csamctl('key', 'new', 'sms', '--person', sam.username, '--address', number));
	await pause(1000);
	const page = await toCode(sam, 'sms', 'nl-BE'), sent = await sentTo('sms', number);
	await look(page, 'sms-nl');
	assert.match(sent.text, /uw CSAM-code voor/);
	fs.writeFileSync(path.join(shots, 'sms-code.txt'), sent.text);
	await type(page, codeIn(sent.text));
	await isIn(page);
});

// Each kind in each language on a small screen: what stands there is of that language, nothing is wider, and the way leads in.
async function everyKind(lang, nr) {
	const who = newPerson(`poly-${lang}-${run}`), mail = `${who.username}@csam.example`, number = `+3248${nr}${String(run).padStart(6, '0').slice(-6)}`, file = path.join(demo, `card-${lang}-${run}.html`);
	ldapmodify(`dn: uid=${who.username},ou=people,${target.ldap.base}\nchangetype: modify\nadd: preferredLanguage\npreferredLanguage: ${lang}\n`);
	for (const key of [['token', '--label', 'Token', '--secret', base32, '--hotp'], ['card', '--label', 'Card', '--page', file, '--lang', lang], ['mail', '--address', mail], ['sms', '--address', number]])
		ldapmodify(csamctl('key', 'new', key[0], '--person', who.username, ...key.slice(1)));
	await pause(1000);
	const codes = Object.fromEntries([...fs.readFileSync(file, 'utf8').matchAll(/>(\d+)<\/th><td>(\d{4} \d{4})</g)].map(m => [m[1], m[2]]));
	fs.rmSync(file);
	const way = async (kind, picture, answer, label) => {
		const page = await toCode(who, kind, `${lang}-BE`, { viewport: { width: 320, height: 640 } });
		if (label) {
			await look(page, `${lang}-which-token`);
			await page.locator('button.option', { hasText: label }).click();
			await page.waitForSelector('[name=code]');
		}
		if (answer) {
			assert.equal(await page.locator('html').getAttribute('lang'), lang);
			await fits(page, `${lang} ${picture}`);
			await look(page, `${lang}-${picture}`);
			await type(page, await answer(page));
		}
		await page.waitForSelector('#user');
		await page.context().close();
	};
	await way('password', 'password');
	await way('app', 'app', () => freshCode(who.totp));
	await way('token', 'token', () => hotp(0), 'Token');
	await way('token', 'card', async page => codes[(await page.locator('#code-hint').innerText()).match(/\d+/)[0]], 'Card');
	await way('mail', 'mail', async () => codeIn((await sentTo('mail', mail)).text));
	await way('sms', 'sms', async () => {
		const { text } = await sentTo('sms', number), [, body] = text.match(/^To: .*\n\n([^]*)\n$/);
		assert.match(body, /^[\n -_a-~£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€]{1,306}$/, 'letters of telephones, and two parts of 153 at most');
		return codeIn(text);
	});
}
await Promise.all(['fr', 'nl', 'de', 'en'].map((lang, nr) => check(`every kind in ${lang}, on a small screen`, () => everyKind(lang, nr))));

await check('an operator blocks a kind with a notice, and switches it off, by ldapmodify', async () => {
	const dn = `csamKeyKind=token,ou=kinds,${target.ldap.base}`, soon = () => pause(1000);
	const olga = somebody('olga', 'token', '--secret', base32, '--hotp'), page = await toCode(olga, 'token');
	await type(page, hotp(0));
	await page.waitForSelector('#user');
	ldapmodify(`dn: ${dn}\nchangetype: add\nobjectClass: csamKind\ncsamKeyKind: token\ncsamKindState: blocked\ncsamKindNotice: No tokens until 14:00 <today>\ncsamKindNotice;lang-fr: Pas de tokens avant 14h\n`);
	try {
		await soon();
		const { context, page: other } = await person();
		await other.goto(`${library}/card/`);
		await look(other, 'blocked');
		assert.equal(await other.locator('button[name=choice][value=token]').count(), 0);
		assert.match(await other.locator('.option.off').innerText(), /No tokens until 14:00 <today>/);
		const csam = await page.context().newPage();
		await csam.goto(target.issuer);
		assert.match(await csam.content(), /Level 300|>300</, 'who is in stays in');
		ldapmodify(`dn: ${dn}\nchangetype: modify\nreplace: csamKindState\ncsamKindState: off\n`);
		await soon();
		await other.goto(`${library}/card/`);
		assert.equal(await other.locator('.option.off').count(), 0);
		assert.equal(await other.locator('[value=token]').count(), 0);
		await csam.goto(target.issuer);
		assert.doesNotMatch(await csam.content(), /olga/, 'off: what rests on it falls');
		await context.close();
	} finally {
		ldapmodify(`dn: ${dn}\nchangetype: delete\n`);
	}
	await page.context().close();
});

await check('mail: when the pause is over there is another one, for this sign-in alone', async () => {
	await pause(Math.max(0, wrote + 31000 - Date.now()));
	const page = await toCode(mia, 'mail', 'fr-BE'), second = await sentTo('mail', miasMail, [first.f]);
	await look(page, 'mail-fr');
	await type(page, codeIn(first.text));
	assert.ok(!inside(page), 'a code of another conversation');
	await type(page, codeIn(second.text));
	await isIn(page);
	fs.writeFileSync(path.join(shots, 'mail-code.eml'), second.text);
});

await browser.close();
done();
