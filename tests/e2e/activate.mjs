// Activation with link and code in a real browser, and what can go wrong with it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { Agent } from './agent.mjs';
import { browser, look, person } from './chromium.mjs';
import { check, csamctl, demo, done, ldapmodify, ldapRead, library, newPerson, once, target, terms } from './csam.mjs';
import { activate, addApp, addKey, agree, alert, base, choosePassword, codeSent, dnOf, enrol, enter, form, keyDn, keys, messages, nobody, send, signIn, states, wizard, wrong } from './desk.mjs';
import { trail } from './flow.mjs';

const mails = () => messages('mail');
const decoded = raw => {
	const quoted = raw.replace(/=\r?\n/g, '');
	return Buffer.from(quoted.replace(/=([0-9A-F]{2})/g, (_, h) => String.fromCharCode(parseInt(h, 16))), 'latin1').toString('utf8');
};

let mailed;
await check('the mail has the link, and not the code; the directory has neither', async () => {
	const before = mails().length;
	mailed = enrol(nobody('act-jules', 'fr'), '--send');
	assert.equal(mailed.link, undefined, 'what is mailed is not shown');
	const { raw } = mails().at(-1), mail = decoded(raw);
	assert.equal(mails().length, before + 1);
	const subject = [...raw.match(/^Subject: .*(?:\r?\n .*)*/m)[0].matchAll(/=\?utf-8\?b\?([^?]*)\?=/gi)].map(m => Buffer.from(m[1], 'base64').toString()).join('');
	assert.equal(subject.replaceAll('\u00a0', ' '), 'CSAM – Mes clés numériques : activation');
	const button = mail.match(/<a style="([^"]*)" href="([^"]*)">([^<]*)<\/a>/);
	assert.match(button[1], /background:#b3102a/);
	assert.equal(button[3], 'Activez vos clés numériques');
	mailed.link = button[2];
	assert.ok(mail.includes(`\n${mailed.link}`), 'the text has it, too');
	for (const secret of [mailed.code, mailed.code.replace('-', '')]) assert.ok(!mail.includes(secret) && !mailed.ldif.includes(secret));
	assert.ok(!mailed.ldif.includes(mailed.link.split('.').at(-1)));
	assert.equal(ldapRead(mailed.dn, 'csamEnrolmentCode'), undefined, 'an administrator does not read it');
	const shown = await browser.newPage();
	await shown.setContent(mail.slice(mail.indexOf('<!doctype html>'), mail.indexOf('</html>') + 7));
	await shown.screenshot({ path: path.join(demo, '..', 'screenshots', 'activate-00-mail.png') });
	await shown.close();
});

const his = await person({ locale: 'fr-BE' });
let seed;
await check('link and code together lead to a password and an app key, which opens a service', async () => {
	const { page } = his;
	await page.goto(mailed.link);
	await look(page, 'code');
	assert.match(await page.locator('main').innerText(), /Suivant[\s\S]*Service Desk/);
	await page.fill('[name=code]', ` ${mailed.code.toLowerCase().replace('-', ' ')} `);
	await page.locator('button.go').click();
	await page.waitForURL(`${activate}/terms`);
	await agree(page);
	await page.waitForURL(`${activate}/password`);
	assert.equal(await page.inputValue('[name=username]'), 'act-jules');
	await choosePassword(page, 'court');
	assert.equal(await page.locator('[role=alert]').count(), 1);
	await look(page, 'password-short');
	await choosePassword(page);
	await page.waitForURL(/activate\/keys/);
	await look(page, 'choice');
	assert.match(await page.locator('main').innerText(), /Avec un code de sécurité[\s\S]*Préférez une clé avec code[\s\S]*Sans code de sécurité[\s\S]*refusent/);
	await wizard(page, 'app');
	await look(page, 'app');
	({ totp: seed } = await addApp(page, {}));
	await page.waitForURL(/activate\/keys\?done=added/);
	await look(page, 'done');
	assert.equal(ldapRead(keyDn('act-jules', 'app-1'), 'csamKeyLevel'), '400');
	const elsewhere = await person();
	await elsewhere.page.goto(`${library}/card/`);
	await signIn(elsewhere.page, { username: 'act-jules', password: 'trois petits moutons blancs', totp: seed });
	await elsewhere.page.waitForURL(u => u.href.startsWith(library));
	await elsewhere.context.close();
});

await check('more keys may follow in the same half hour, worth what the enrolment was', async () => {
	const { page } = his, before = mails().length;
	await wizard(page, 'mail');
	await page.locator('button.go').click();
	await page.fill('[name=code]', await codeSent('mail', before));
	await page.locator('button.go').click();
	await page.waitForURL(/activate\/keys\?done=added/);
	assert.equal(ldapRead(keyDn('act-jules', 'mail-1'), 'csamKeyState'), 'active');
	const low = await person(), e = enrol(nobody('act-low'), '--level', '200');
	await enter(low.page, e);
	await choosePassword(low.page);
	await wizard(low.page, 'app');
	await addApp(low.page, {});
	await low.page.waitForURL(/done=added/);
	assert.equal(ldapRead(keyDn('act-low', 'app-1'), 'csamKeyLevel'), '200');
	await low.context.close();
});

await check('an activation is no login: nothing but adding keys', async () => {
	const { context, page } = his;
	for (const where of ['/keys', '/keys/contact', '/keys/key?id=app-1']) {
		await page.goto(`${target.issuer}${where}`);
		assert.match(page.url(), /\/login\?c=/, where);
	}
	await page.goto(`${library}/card/`);
	assert.match(page.url(), /\/login\?c=/, 'nor does a service open');
	await page.goto(`${activate}/keys`);
	const { csrf_token } = await form(page);
	for (const [where, fields] of [['/keys/key', { id: 'app-1', act: 'end' }], ['/keys/contact', { act: 'mail', mail: 'evil@csam.example' }]]) {
		const answer = await send(context, where, { ...fields, csrf_token });
		assert.match(answer.headers().location ?? '', /\/login\?c=/, where);
	}
	assert.equal(ldapRead(keyDn('act-jules', 'app-1'), 'csamKeyState'), 'active');
	// Each cookie under the other's name.
	const cookies = await context.cookies(), value = cookies.find(c => c.name === '__Host-csam-a').value;
	const thief = await person();
	await thief.context.addCookies([...cookies.filter(c => c.name === '__Host-csam-b'), { ...cookies[0], name: '__Host-csam-s', value }]);
	await thief.page.goto(keys);
	assert.match(thief.page.url(), /\/login\?c=/);
	await thief.context.clearCookies();
	await thief.context.addCookies([{ ...cookies[0], name: '__Host-csam-a', value }]);
	assert.equal((await thief.page.goto(`${activate}/keys`)).status(), 403, 'another browser with the cookie');
	await thief.context.close();
	// An activation changes no password that is there.
	await page.goto(`${activate}/password`);
	assert.match(page.url(), /activate\/keys/);
	assert.equal((await send(context, '/activate/password', { csrf_token, password: 'quite another password', again: 'quite another password' })).status(), 303);
	assert.equal((await send(context, '/activate/keys', { csrf_token: '', act: 'password' })).status(), 400);
	assert.equal((await send(context, '/activate/keys', { csrf_token, act: 'password' }, { origin: 'https://evil.example' })).status(), 403);
});

await once('a link works once, also for five at a time; used, expired, unknown and wrong look alike', async () => {
	const e = enrol(nobody('act-once')), page = (await person()).page, said = [];
	await page.goto(e.link);
	const fields = { ...await form(page), code: e.code };
	const all = await Promise.all(Array.from({ length: 5 }, () => send(page.context(), '/activate', fields)));
	assert.deepEqual(all.map(r => r.status()).sort(), [303, ...Array(4).fill(400)]);
	const fresh = async (link, code) => {
		const one = await person();
		await enter(one.page, { link, code });
		said.push(await alert(one.page));
		await one.context.close();
	};
	await fresh(e.link, e.code);
	const old = enrol(nobody('act-old'));
	await fresh(old.link, wrong(old.code));
	ldapmodify(`dn: ${old.dn}\nchangetype: modify\nreplace: csamEnrolmentEnd\ncsamEnrolmentEnd: 20200101000000Z\n`);
	await fresh(old.link, old.code);
	await fresh(old.link.slice(0, -1) + (old.link.endsWith('A') ? 'B' : 'A'), old.code);
	await fresh(`${activate}?t=${'A'.repeat(22)}.${'A'.repeat(43)}`, old.code);
	await fresh(`${activate}?t=x`, 'nonsense');
	const gone = enrol(nobody('act-gone'));
	ldapmodify(`dn: ${gone.dn}\nchangetype: modify\nreplace: csamEnrolmentState\ncsamEnrolmentState: cancelled\n`);
	await fresh(gone.link, gone.code);
	assert.equal(new Set(said).size, 1, said.join('\n'));
	await page.context().close();
});

await once('after five wrong codes the right one is wrong, also when all came at once', async () => {
	const e = enrol(nobody('act-guess')), { page, context } = await person();
	await page.goto(e.link);
	const fields = await form(page);
	const tries = await Promise.all(Array.from({ length: 5 }, () => send(context, '/activate', { ...fields, code: wrong(e.code) })));
	assert.deepEqual(tries.map(r => r.status()), Array(5).fill(400));
	assert.equal((await send(context, '/activate', { ...fields, code: e.code })).status(), 400);
	assert.equal(ldapRead(e.dn, 'csamEnrolmentState'), 'locked');
	const f = enrol(nobody('act-guess-4')), other = await person();
	for (let i = 0; i < 4; i++) await enter(other.page, f, wrong(f.code));
	await look(other.page, 'wrong');
	await enter(other.page, f);
	assert.match(other.page.url(), /activate\/terms/, 'the fifth may be right');
	await context.close();
	await other.context.close();
});

// From a network of its own: a browser without a screen at a link, and what it is told.
let networks = 0;
async function tries(link, code, from = `127.77.${++networks}.1`) {
	const agent = new Agent({ from }), page = await agent.visit(link, { headers: { 'accept-language': 'en' } });
	const r = await agent.visit(activate, { method: 'POST', headers: { origin: target.issuer, 'accept-language': 'en' }, form: { csrf_token: Agent.field(page, 'csrf_token'), t: Agent.field(page, 't'), code } });
	return { ...r, said: r.text.replaceAll(Agent.field(page, 't'), 'LINK').replace(/(name="csrf_token" value=")[^"]*/, '$1X').replace(/\d+ seconds/, 'N seconds') };
}
const unknown = `${activate}?t=${'B'.repeat(22)}.${'A'.repeat(43)}`;

await once('200 wrong links at once from one network: thirty are told so, the rest to wait; unknown and wrong are the same bytes, and a neighbour comes in', async () => {
	const e = enrol(nobody('act-storm')), f = enrol(nobody('act-neighbour')), [here, elsewhere] = ['127.78.1.1', '127.78.2.1'];
	const answers = await Promise.all(Array.from({ length: 200 }, () => tries(unknown, e.code, here)));
	assert.deepEqual(answers.reduce((n, r) => ({ ...n, [r.status]: (n[r.status] ?? 0) + 1 }), {}), { 400: 30, 429: 170 });
	assert.match(answers.find(r => r.status === 429).text, /wait [1-5] seconds/);
	const storm = setInterval(() => tries(unknown, 'x', here).catch(() => {}), 20);
	assert.equal((await tries(unknown, 'x', '127.78.1.254')).said, (await tries(e.link, wrong(e.code), here)).said, 'when there were too many');
	assert.match((await tries(f.link, f.code, '127.78.1.77')).text, /Terms of use/);
	clearInterval(storm);
	assert.equal((await tries(unknown, 'x', elsewhere)).said, (await tries(e.link, wrong(e.code), elsewhere)).said, 'and when not');
});

await check('cancelled meanwhile: the activation is over', async () => {
	const e = enrol(nobody('act-cancel')), { page, context } = await person();
	await enter(page, e);
	await choosePassword(page);
	const wizardLink = await page.locator('a[href^="/keys/new/app?a="]').evaluate(a => a.href);
	ldapmodify(`dn: ${e.dn}\nchangetype: modify\nreplace: csamEnrolmentState\ncsamEnrolmentState: cancelled\n`);
	assert.equal((await page.goto(`${activate}/keys`)).status(), 403);
	await look(page, 'over');
	await page.goto(wizardLink);
	assert.match(await page.locator('main').innerText(), /has ended/);
	await page.goto(`${keys}/new/app`);
	assert.match(page.url(), /\/login\?c=/);
	await context.close();
});

await check('a browser in which somebody else is signed in: their login ends, and the keys are the right person\'s', async () => {
	const olga = newPerson('act-olga'), shared = await person();
	await shared.page.goto(keys);
	await signIn(shared.page, olga);
	await shared.page.waitForURL(keys);
	await enter(shared.page, enrol(nobody('act-citizen')));
	await choosePassword(shared.page);
	await wizard(shared.page, 'app');
	assert.match(await shared.page.locator('main').innerText(), /Jules Martin/);
	await addApp(shared.page, {});
	await shared.page.waitForURL(/done=added/);
	assert.equal(ldapRead(keyDn('act-citizen', 'app-1'), 'csamKeyState'), 'active');
	assert.doesNotMatch(csamctl('key', 'list', olga.username), /app-2/);
	await shared.page.locator('button[value=end]').click();
	assert.match(shared.page.url(), /\/login\?c=/, 'nobody is signed in');
	await shared.context.close();
});

// --- the terms, before the first key ---

const version = (v, text) => `dn: csamTermsVersion=${v},ou=terms,${base}\nchangetype: add\nobjectClass: csamTerms\ncsamTermsVersion: ${v}\ncsamTermsFrom: 20250101000000Z\n`
	+ `csamTermsText;lang-fr: ${text} en français\ncsamTermsText;lang-nl: ${text} in het Nederlands\ncsamTermsText: ${text}\n`;
const withdraw = v => ldapmodify(`dn: csamTermsVersion=${v},ou=terms,${base}\nchangetype: delete\n`);

for (const [lang, words, own, declare] of [['fr', /Conditions d’utilisation[\s\S]*Version 4\.2/, /en français/, /cocher les trois déclarations/], ['nl', /Gebruiksvoorwaarden[\s\S]*Versie 4\.2/, /in het Nederlands/, /drie verklaringen/]])
	await check(`terms: read and accepted before the first key, with what is declared about the address; version, time and language are kept; another version meanwhile is shown anew (${lang})`, async () => {
		const uid = nobody(`act-terms-${lang}`, lang), e = enrol(uid), { page, context } = await person({ locale: `${lang}-BE` }), v = `5.${process.pid}.${lang}`, accept = page.locator('button[value=accept]');
		await enter(page, e);
		assert.match(await page.locator('main').innerText(), words);
		assert.match(await page.locator('main').innerText(), /ac\S*@csam\.example/, 'which address it is');
		await accept.click();
		assert.equal(page.url(), `${activate}/terms`, 'the browser asks for the ticks');
		// And so do we: each alone, and the wrong version.
		const { csrf_token, version: shown } = await form(page), all = { mine: 'yes', alone: 'yes', regularly: 'yes' };
		for (const [fields, headers] of [[{}], [{ mine: 'yes' }], [{ mine: 'yes', alone: 'yes' }], [{ mine: 'yes', regularly: 'yes', alone: 'no' }], [{ ...all, version: '' }], [{ ...all, version: '4.1' }], [{ ...all, act: 'more' }],
			[{ ...all, csrf_token: '' }], [all, { origin: 'https://evil.example' }]])
			assert.ok([400, 403].includes((await send(context, '/activate/terms', { csrf_token, version: shown, act: 'accept', ...fields }, headers)).status()), JSON.stringify(fields));
		assert.equal(ldapRead(dnOf(uid), 'csamTermsAccepted'), undefined);
		// Nothing of what comes after is there before.
		const id = (await context.cookies()).find(c => c.name === '__Host-csam-a').value.split('.')[0];
		for (const where of ['/activate/password', '/activate/keys', `/keys/new/app?a=${id}`, `/keys/new/mail?a=${id}`, `/keys/new/sms?a=${id}`]) {
			await page.goto(`${target.issuer}${where}`);
			assert.equal(page.url(), `${activate}/terms`, where);
			const answer = await send(context, where, { csrf_token, password: 'trois petits moutons blancs', again: 'trois petits moutons blancs', act: 'password', address: `${uid}@csam.example`, code: '000000' });
			assert.equal(answer.headers().location, '/activate/terms', where);
		}
		assert.equal(ldapRead(dnOf(uid), 'pwdChangedTime'), undefined);
		await page.locator('button[value=refuse]').click();
		await look(page, `${lang}-terms-refused`);
		await page.locator('a[href="/activate/terms"]').click();
		ldapmodify(version(v, 'Other terms'));
		try {
			await new Promise(r => setTimeout(r, 1000));
			await agree(page);
			assert.match(await page.locator('main').innerText(), own, 'what was read is not in force any more');
			await look(page, `${lang}-terms-changed`);
			assert.equal(ldapRead(dnOf(uid), 'csamTermsAccepted'), undefined);
			await accept.click();
			assert.equal(page.url(), `${activate}/password`);
			assert.match(ldapRead(dnOf(uid), 'csamTermsAccepted'), new RegExp(`^${v} 20\\d{12}Z ${lang}$`));
			assert.ok(trail().some(l => l.event === 'terms.accepted' && l.what === `${v} ${lang}`));
			await choosePassword(page);
		} finally {
			withdraw(v);
		}
		// And back again: those in force now were not accepted.
		await new Promise(r => setTimeout(r, 1000));
		await wizard(page, 'app');
		assert.equal(page.url(), `${activate}/terms`);
		await agree(page);
		await wizard(page, 'app');
		await addApp(page, {});
		await page.waitForURL(/done=added/);
		await context.close();
	});

await check('terms: without an address nothing is declared; who has accepted them on paper is not asked', async () => {
	const mute = 'act-mute', paper = 'act-paper', { page, context } = await person(), other = await person();
	ldapmodify(csamctl('person', 'new', '--uid', mute, '--given-name', 'Jules', '--family-name', 'Martin'));
	ldapmodify(csamctl('person', 'new', '--uid', paper, '--given-name', 'Jules', '--family-name', 'Martin', '--mail', `${paper}@csam.example`, '--terms', terms));
	await enter(page, enrol(mute));
	assert.equal(await page.locator('[type=checkbox]').count(), 0);
	await agree(page);
	assert.equal(page.url(), `${activate}/password`);
	await enter(other.page, enrol(paper));
	assert.equal(other.page.url(), `${activate}/password`);
	for (const one of [context, other.context]) await one.close();
});

await check('a password alone: only when it was chosen long enough', async () => {
	const { page, context } = await person({ javaScriptEnabled: false });
	await enter(page, enrol(nobody('act-plain')));
	await agree(page);
	await page.fill('[name=password]', 'kortwoord 9');
	await page.fill('[name=again]', 'kortwoord 8');
	await page.locator('button.go').click();
	assert.equal(await page.locator('[role=alert]').count(), 1, 'not the same twice');
	await choosePassword(page, 'kortwoord 9');
	assert.equal(await page.locator('button[value=password]').count(), 0);
	const token = await page.locator('[name=csrf_token]').first().inputValue();
	assert.equal((await send(context, '/activate/keys', { csrf_token: token, act: 'password' })).status(), 400);
	const long = await person();
	await enter(long.page, enrol(nobody('act-plain-long')));
	await choosePassword(long.page);
	await long.page.locator('button[value=password]').click();
	await long.page.waitForURL(/done=added/);
	assert.equal(ldapRead(keyDn('act-plain-long', 'password-1'), 'csamKeyState'), 'active');
	await context.close();
	await long.context.close();
});

for (const [mailToo, lang] of [[false, 'fr-BE'], [true, 'nl-BE']])
	await check(`a lost telephone: app and SMS keys end in one step${mailToo ? ', and the mail keys that are on it' : ', and mail keys stay'} (${lang})`, async () => {
		const who = newPerson(`act-lost-${lang.slice(0, 2)}`), { page, context } = await person({ locale: lang, viewport: { width: 320, height: 700 }, javaScriptEnabled: true });
		addKey(who.username, 'sms', '+32470111222');
		addKey(who.username, 'mail', 'lost@csam.example');
		await page.goto(`${keys}/lost-phone`);
		await signIn(page, who);
		await page.waitForURL(`${keys}/lost-phone`);
		await look(page, 'lost-phone');
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320));
		const elsewhere = await person();
		await elsewhere.context.addCookies(await context.cookies());
		if (mailToo) await page.check('[name=mail]');
		await page.locator('button.go').click();
		await look(page, 'lost-phone-done');
		assert.match(await page.locator('main').innerText(), lang === 'fr-BE' ? /opérateur[\s\S]*bureau d’enregistrement/ : /operator[\s\S]*registratiekantoor/);
		assert.deepEqual(states(who.username), { 'app-1': 'revoked', 'sms-1': 'revoked', 'mail-1': mailToo ? 'revoked' : 'active', 'password-1': 'active' });
		await elsewhere.page.goto(keys);
		assert.match(elsewhere.page.url(), /\/login\?c=/, 'logins that rested on them are over');
		await context.close();
		await elsewhere.context.close();
	});

await check('a lost telephone: a weaker key ends what it may, and says of the rest how; nothing without our form', async () => {
	const who = newPerson('act-weak'), { page, context } = await person();
	addKey(who.username, 'sms', '+32470333444', '200');
	await page.goto(`${keys}/lost-phone`);
	await signIn(page, who, { kind: 'password' });
	await page.waitForURL(`${keys}/lost-phone`);
	await look(page, 'lost-phone-weak');
	assert.equal(await page.locator('a[href="/keys/key?id=app-1"]').count(), 1);
	const fields = await form(page);
	assert.equal((await send(context, '/keys/lost-phone', { ...fields, csrf_token: '' })).status(), 400);
	assert.equal((await send(context, '/keys/lost-phone', fields, { origin: 'https://evil.example' })).status(), 403);
	assert.equal(states(who.username)['sms-1'], 'active');
	assert.equal((await send(context, '/keys/lost-phone', { ...fields, mail: '1', id: 'app-1' })).status(), 200);
	assert.deepEqual([states(who.username)['sms-1'], states(who.username)['app-1']], ['revoked', 'active']);
	await context.close();
});

await check('four languages on a narrow screen', async () => {
	const small = await person({ viewport: { width: 320, height: 640 } }), e = enrol(nobody('act-small'));
	const narrow = async where => {
		for (const lang of ['fr', 'nl', 'de', 'en']) {
			await small.page.goto(`${where}${where.includes('?') ? '&' : '?'}lang=${lang}`);
			assert.equal(await small.page.locator('html').getAttribute('lang'), lang);
			assert.ok(await small.page.evaluate(() => document.documentElement.scrollWidth <= 320), `${lang} ${where}: nothing is wider than the screen`);
			await look(small.page, `${lang}-${where.replace(target.issuer, '').replace(/\?.*/, '').replace(/\W+/g, '-')}`);
		}
	};
	await narrow(e.link);
	await enter(small.page, e);
	await narrow(`${activate}/terms`);
	await small.page.locator('button[value=refuse]').click();
	await look(small.page, 'refused');
	await small.page.goto(`${activate}/terms`);
	await agree(small.page);
	await narrow(`${activate}/password`);
	await choosePassword(small.page);
	await narrow(`${activate}/keys`);
	await small.context.close();
});

await his.context.close();
await browser.close();
done();
