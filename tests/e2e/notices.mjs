// What people are told of their own account: in a real browser, and by the mail and SMS that lie in the demonstration's folders.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { person, signIn } from './chromium.mjs';
import { trail } from './flow.mjs';
import { check, csamctl, demo, done, freshCode, ldapmodify, ldapRead, library, newPerson, target } from './csam.mjs';

const base = 'dc=csam,dc=example', keys = `${target.issuer}/keys`, dn = who => `uid=${who.username},ou=people,${base}`;
const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0';
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0';
const number = `+32470${String(process.pid).padStart(6, '0').slice(-6)}`;
const sleep = ms => new Promise(r => setTimeout(r, ms));

// RFC 2045 6.7; the plain text, and the subject (RFC 2047).
const quoted = text => Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, x) => String.fromCharCode(parseInt(x, 16))), 'latin1').toString('utf8');
function read(file) {
	const raw = fs.readFileSync(file, 'latin1'), plain = raw.match(/Content-Type: text\/plain[\s\S]*?\r?\n\r?\n([\s\S]*?)\r?\n--/);
	return { raw, text: plain ? quoted(plain[1]) : Buffer.from(raw, 'latin1').toString('utf8') };
}
const all = (kind, to) => {
	const dir = path.join(demo, kind);
	return (fs.existsSync(dir) ? fs.readdirSync(dir).filter(f => !f.startsWith('.')) : []).map(f => read(path.join(dir, f)))
		.filter(m => m.raw.includes(to) && !/^@localhost #\d{6}/m.test(m.text));
};
// The notices to an address that say it, once there are as many.
async function notices(kind, to, what, n = 1) {
	for (let i = 0; i < 600; i++) {
		const found = all(kind, to).filter(m => what.test(m.text));
		if (found.length >= n) return found;
		await sleep(100);
	}
	throw new Error(`${to}: not ${n} of ${what}; there is\n${all(kind, to).map(m => m.text).join('\n---\n')}`);
}

async function enter(who, url, options) {
	const browser = await person({ userAgent: firefox, ...options }), { page } = browser;
	await page.goto(url);
	await signIn(page, who);
	await page.waitForURL(u => `${u}`.startsWith(url));
	return browser;
}

const nell = newPerson(`nell-${process.pid}`), to = `${nell.username}@csam.example`;
ldapmodify(`dn: ${dn(nell)}\nchangetype: modify\nreplace: preferredLanguage\npreferredLanguage: en\n-\nreplace: csamMailVerified\ncsamMailVerified: ${to}\n-\nreplace: mobile\nmobile: ${number}\n-\nreplace: csamMobileVerified\ncsamMobileVerified: ${number}\n`);
await sleep(1000);
let her;

await check('the first login is no news, another browser is; the same one is not again', async () => {
	her = await enter(nell, keys);
	await (await enter(nell, `${library}/card/`, { userAgent: windows })).context.close();
	const [mail] = await notices('mail', to, /Logged in from a new place/);
	assert.match(mail.text, /mobile app/);
	assert.match(mail.text, /Where: 127\.0\.0\.1, .*Edge, Windows/);
	await (await enter(nell, `${library}/card/`, { userAgent: windows })).context.close();
	await sleep(1000);
	assert.equal(all('mail', to).filter(m => /new place/.test(m.text)).length, 1);
	assert.equal(all('sms', number).filter(m => /new place/.test(m.text)).length, 0);
});

await check('a key of her own that ends: mail and SMS, what to do, and no address that signs anybody in', async () => {
	ldapmodify(csamctl('key', 'new', 'mail', '--person', nell.username, '--address', to, '--label', 'my mailbox'));
	await sleep(1000);
	const { page } = her;
	await page.goto(`${keys}/key?id=mail-1`);
	if (await page.locator('[name=code]').count()) await page.fill('[name=code]', await freshCode(nell.totp));
	await page.locator('button[value=end]').click();
	await page.waitForURL(`${keys}?done=ended`);
	const [mail] = await notices('mail', to, /A digital key was deactivated: .*e-mail \(my mailbox\)/), [sms] = await notices('sms', number, /deactivated/);
	assert.match(mail.text, /Where: 127\.0\.0\.1, Firefox, Linux/);
	assert.match(mail.text, /This was not you\?/);
	assert.deepEqual([...new Set(mail.raw.replace(/=\r?\n/g, '').match(/https?:\/\/[^\s"<]+/g))], [keys]);
	assert.match(sms.text, /Not you\?/);
});

await check('only what touches security, when she wants no more', async () => {
	const { page } = her;
	await page.goto(`${keys}/contact`);
	await page.check('[name=notice][value=security]');
	await page.locator('button[value=letters]').click();
	await page.waitForURL(`${keys}/contact?done=saved`);
	assert.equal(ldapRead(dn(nell), 'csamNotice'), 'security');
	assert.ok(await page.isChecked('[name=notice][value=security]'));
	await (await enter(nell, `${library}/card/`, { userAgent: 'Mozilla/5.0 (iPad) Safari/605' })).context.close();
	await sleep(1000);
	assert.equal(all('mail', to).filter(m => /iPad/.test(m.text)).length, 0);
	await page.goto(`${keys}/contact`);
	await page.check('[name=notice][value=all]');
	await page.selectOption('[name=locale]', 'nl');
	await page.locator('button[value=letters]').click();
	await page.waitForURL(`${keys}/contact?done=saved`);
	assert.equal(ldapRead(dn(nell), 'csamNotice'), undefined);
});

await check('another address: the old one hears of it, and the new one, in her language', async () => {
	const { page } = her;
	await page.goto(`${keys}/contact`);
	await page.fill('[name=mail]', `new-${to}`);
	await page.locator('button[value=mail]').click();
	let code;
	for (let i = 0; i < 600 && !code; i++, await sleep(100))
		for (const f of fs.readdirSync(path.join(demo, 'mail')).filter(f => !f.startsWith('.'))) {
			const m = read(path.join(demo, 'mail', f));
			if (m.raw.includes(`To: <new-${to}>`) && !code) [, code] = m.text.match(/^Iemand heeft dit adres ingevuld [^]*^@localhost #(\d{6})/m) ?? [];
		}
	await page.fill('[name=code]', code);
	await page.locator('button.go').click();
	await page.waitForURL(`${keys}/contact?done=saved`);
	for (const address of [`To: <${to}>`, `To: <new-${to}>`]) {
		const [mail] = await notices('mail', address, /Uw contactgegevens zijn gewijzigd/);
		assert.match(mail.text, /Was u dit niet\?/);
	}
});

await check('what an administrator does to her key, password and address, she hears of too, once', async () => {
	const now = `To: <new-${to}>`;
	ldapmodify(csamctl('key', 'lock', nell.username, 'app-1'));
	const [mail] = await notices('mail', now, /Er is een digitale sleutel vergrendeld: .*mobiele app/);
	assert.match(mail.text, /Door wie: een beheerder/);
	ldapmodify(`dn: csamKeyId=app-1,${dn(nell)}\nchangetype: modify\nreplace: csamKeyState\ncsamKeyState: active\n`);
	await notices('mail', now, /sleutel gewijzigd/);
	ldapmodify(`dn: ${dn(nell)}\nchangetype: modify\ndelete: csamMailVerified\ncsamMailVerified: new-${to}\n-\nreplace: mail\nmail: third-${to}\n-\nadd: csamMailVerified\ncsamMailVerified: third-${to}\n`);
	for (const address of [now, `To: <third-${to}>`]) await notices('mail', address, /contactgegevens zijn gewijzigd/, address === now ? 2 : 1);
	ldapmodify(`dn: csamKeyId=app-1,${dn(nell)}\nchangetype: delete\n`);
	await notices('mail', `To: <third-${to}>`, /sleutel gedeactiveerd: Beveiligingscode via mobiele app/);
	await sleep(2500);
	assert.equal(all('mail', now).filter(m => /vergrendeld/.test(m.text)).length, 1);
	assert.equal(all('mail', to).filter(m => /toegevoegd/.test(m.text)).length, 0, 'the key that came with her is no news');
});

await check('a key and a password that an administrator gives to somebody who is not new: told by the directory\'s own log, with who did it', async () => {
	const omer = newPerson(`omer-${process.pid}`), his = `${omer.username}@csam.example`, to = `To: <${his}>`;
	ldapmodify(`dn: ${dn(omer)}\nchangetype: modify\nreplace: preferredLanguage\npreferredLanguage: fr\n-\nreplace: csamMailVerified\ncsamMailVerified: ${his}\n`);
	execFileSync('ldapmodify', ['-Q', '-Y', 'EXTERNAL', '-e', 'relax', '-H', `ldapi://${encodeURIComponent(path.join(demo, 'directory/ldapi'))}`],
		{ input: `dn: ${dn(omer)}\nchangetype: modify\nreplace: createTimestamp\ncreateTimestamp: 20200101000000Z\n` });
	ldapmodify(csamctl('key', 'new', 'sms', '--person', omer.username, '--label', 'le mobile', '--address', '+32470999888'));
	ldapmodify(`dn: csamKeyId=sms-1,${dn(omer)}\nchangetype: modify\nreplace: csamKeyAddress\ncsamKeyAddress: +32470999777\n`);
	ldapmodify(`dn: ${dn(omer)}\nchangetype: modify\nreplace: userPassword\nuserPassword: another good horse\n`);
	const told = [/Une clé numérique a été ajoutée : .*SMS \(le mobile\)/, /Une clé numérique a été modifiée : .*SMS \(le mobile\)/, /Votre mot de passe a été changé/];
	for (const what of told) {
		const [mail] = await notices('mail', to, what);
		assert.match(mail.text, /Par qui : un administrateur/);
		assert.match(mail.text, /Ce n’était pas vous\s\?/);
		assert.doesNotMatch(mail.text, /32470999|another good/);
	}
	await sleep(2500);
	assert.deepEqual(told.map(what => all('mail', to).filter(m => what.test(m.text)).length), [1, 1, 1], 'each once');
	const by = trail().filter(e => e.event === 'directory.changed' && /^cn=admin,/.test(e.by)).map(e => `${e.entry} ${e.what}`);
	for (const what of [/^csamKeyId=sms-1,uid=omer-.* add/, /^csamKeyId=sms-1,uid=omer-.* modify.*csamKeyAddress/, /^uid=omer-.* modify.*userPassword|^uid=omer-.* modify.*pwdChangedTime/])
		assert.ok(by.some(line => line.includes(omer.username) && what.test(line)), `the audit trail says who: ${what}`);
});

await check('a person whom an administrator shuts out, and lets in again, hears of both, and what to do', async () => {
	const irma = newPerson(`irma-${process.pid}`), hers = `${irma.username}@csam.example`, to = `To: <${hers}>`, told = [/^Votre compte a été fermé provisoirement$/m, /^Votre compte a été ouvert$/m];
	ldapmodify(`dn: ${dn(irma)}\nchangetype: modify\nreplace: preferredLanguage\npreferredLanguage: fr\n-\nreplace: csamMailVerified\ncsamMailVerified: ${hers}\n`);
	execFileSync('ldapmodify', ['-Q', '-Y', 'EXTERNAL', '-e', 'relax', '-H', `ldapi://${encodeURIComponent(path.join(demo, 'directory/ldapi'))}`],
		{ input: `dn: ${dn(irma)}\nchangetype: modify\nreplace: createTimestamp\ncreateTimestamp: 20200101000000Z\n` });
	for (const state of ['suspended', 'active']) ldapmodify(`dn: ${dn(irma)}\nchangetype: modify\nreplace: csamPersonState\ncsamPersonState: ${state}\n`);
	const [shut] = await notices('mail', to, told[0]);
	assert.match(shut.text, /Par qui : un administrateur[\s\S]*aucune de vos clés[\s\S]*Service Desk/);
	assert.doesNotMatch(shut.text, /désactivez/);
	await notices('mail', to, told[1]);
	await sleep(2500);
	assert.deepEqual(told.map(what => all('mail', to).filter(m => what.test(m.text)).length), [1, 1], 'each once');
});

await her.context.close();
done();
