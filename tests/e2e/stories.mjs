// Whole stories of people and their keys, as they live them: from the identity card to a key that opens a web service and a server; another number, a lost
// token, a locked key, the last key lost. In French and Dutch, most of them without scripts or on a narrow screen.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { Agent } from './agent.mjs';
import { insert } from './cards.mjs';
import { browser, fits, look, person } from './chromium.mjs';
import { check, csamctl, demo, done, freshCode, ldapmodify, ldapRead, newPerson, tax, target, totp } from './csam.mjs';
import { addApp, addKey, codeSent, dnOf, form, keyDn, keys, messages, newCitizen, send, signIn, states } from './desk.mjs';

const main = page => page.locator('main').innerText();
const text = m => Buffer.from(m.raw.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, x) => String.fromCharCode(parseInt(x, 16))), 'latin1').toString('utf8');
async function told(kind, to, what) {
	for (let i = 0; i < 600; i++) {
		if (messages(kind).some(m => m.raw.includes(to) && what.test(text(m)))) return;
		await new Promise(r => setTimeout(r, 100));
	}
	throw new Error(`nobody told ${to}: ${what}`);
}

// At a server, through libpam and the module that sshd loads; the first of the keys that are offered is the app.
const atServer = async who => spawnSync(path.join(demo, '../pam-login'), [path.join(demo, 'pam.d'), 'csam-demo', who.username],
	{ input: `${who.password}\n1\n${await freshCode(who.totp)}\n`, encoding: 'utf8', env: { ...process.env, LANG: 'en_GB.UTF-8' } });
async function fromCardToServer(locale, words) {
	const who = newCitizen(`story-${locale.slice(0, 2)}`, { code: false }), { page, context } = await person({ locale });
	const number = 20000 + Number(who.card.number.slice(-5)) % 9000;
	ldapmodify(`dn: ${dnOf(who)}\nchangetype: modify\nadd: objectClass\nobjectClass: posixAccount\n-\nadd: uidNumber\nuidNumber: ${number}\n-\nadd: gidNumber\ngidNumber: ${number}\n-\nadd: homeDirectory\nhomeDirectory: /home/${who.username}\n`);
	await insert(context, who.card);
	await page.goto(keys);
	await signIn(page, who, { kind: 'eid' });
	await page.waitForURL(keys);
	await page.locator('a[href="/keys/new/app"]').click();
	assert.match(await main(page), words);
	const hers = await addApp(page, who);
	await page.waitForURL(`${keys}?done=added`);
	assert.equal(ldapRead(keyDn(who, 'app-1'), 'csamKeyLevel'), '500', 'vouched for by the card');
	await context.close();
	const later = await person({ locale });		// without card and reader
	await later.page.goto(`${tax}/file/`);
	await signIn(later.page, hers);
	await later.page.waitForURL(u => u.href.startsWith(tax));
	assert.match(await later.page.locator('#level').innerText(), /Level400/, 'and an app is worth no more than an app');
	await later.context.close();
	const server = await atServer(hers);
	assert.equal(server.status, 0, server.stdout + server.stderr);
	assert.notEqual((await atServer({ ...hers, password: 'wrong' })).status, 0);
}
await check('from the identity card to an app key, a web service and a login at a server, in French and in Dutch', () =>
	Promise.all([fromCardToServer('fr-BE', /Installez une application[\s\S]*Scannez/), fromCardToServer('nl-BE', /Installeer een[\s\S]*Scan/)]));

await check('a new number: not before the key of the old one has ended; then it is proven from the beginning', async () => {
	const mila = newPerson('story-mila'), { page, context } = await person({ locale: 'nl-BE', javaScriptEnabled: false, viewport: { width: 320, height: 700 } });
	addKey(mila, 'sms', '+32470111000');
	await page.goto(`${keys}/new/sms`);
	await signIn(page, mila);
	await page.waitForURL(`${keys}/new/sms`);
	const before = messages('sms').length;
	for (const number of ['0470 11 10 01', '+32 470 11 10 01', '0032470111001', '0470 11 10 00']) {	// the old one, too, is there already
		await page.fill('[name=address]', number);
		await page.locator('button.go').click();
		assert.equal(await page.locator('[role=alert]').count(), 1, number);
	}
	await page.goto(`${keys}/key?id=sms-1`);
	assert.match(await main(page), /nummer/);
	await page.locator('button[value=end]').click();
	await page.waitForURL(`${keys}?done=ended`);
	await page.goto(`${keys}/new/sms`);
	await page.fill('[name=address]', '0470 11 10 01');
	await page.locator('button.go').click();
	await page.fill('[name=code]', await codeSent('sms', before));
	await page.locator('button.go').click();
	await page.waitForURL(`${keys}?done=added`);
	assert.deepEqual([states(mila)['sms-1'], states(mila)['sms-2'], ldapRead(keyDn(mila, 'sms-2'), 'csamKeyAddress')], ['revoked', 'active', '+32470111001']);
	await context.close();
});

await check('a lost token is worth nothing from the moment that its person deactivates it, and for ever', async () => {
	const tim = newPerson('story-tim'), { page, context } = await person({ locale: 'fr-BE' }), finder = new Agent();
	ldapmodify(csamctl('key', 'new', 'token', '--person', tim.username, '--secret', tim.totp));
	const token = Object.keys(states(tim)).find(k => k.startsWith('token'));
	let waits = await finder.visit(`${target.issuer}/keys`);
	waits = await finder.answer(waits, { choice: 'token' });
	waits = await finder.answer(waits, { username: tim.username, password: tim.password });
	assert.ok(Agent.has(waits, 'code'), 'who found it, and knows the password, is asked for its code');
	await page.goto(`${keys}/key?id=${token}`);
	await signIn(page, tim);
	await page.waitForURL(/keys\/key/);
	assert.match(await main(page), /Token perdu\s\? Il ne vaut plus rien/);
	await page.locator('button[value=end]').click();
	await page.waitForURL(`${keys}?done=ended`);
	const after = await finder.answer(waits, { code: totp(tim.totp) });
	assert.ok(!Agent.has(after, 'code') && after.url.includes('/login'), 'the code that they have comes too late');
	await page.goto(`${keys}/key?id=app-1`);
	const fields = { ...await form(page), id: token };
	for (const act of ['activate', 'rename', 'end', 'unlock', 'active']) assert.equal((await send(context, '/keys/key', { ...fields, act })).status(), 404, act);
	assert.equal(states(tim)[token], 'revoked');
	await context.close();
});

await check('a locked key: in the list, in the history and its table, told by mail; never revived by its person, but requested anew', async () => {
	const zoe = newPerson('story-zoe'), { page, context } = await person({ locale: 'fr-BE' });
	addKey(zoe, 'mail', 'story-zoe@csam.example');
	ldapmodify(`dn: ${dnOf(zoe)}\nchangetype: modify\nadd: csamMailVerified\ncsamMailVerified: story-zoe@csam.example\n`);
	for (let round = 0; round < 2; round++) {		// ten wrong codes, and one more
		const guesser = new Agent();
		let at = await guesser.visit(`${target.issuer}/keys`, { headers: { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0) Firefox/128.0' } });
		at = await guesser.answer(at, { choice: 'app' });
		at = await guesser.answer(at, { username: zoe.username, password: zoe.password });
		for (let i = 0; i < 11 && Agent.has(at, 'code'); i++) at = await guesser.answer(at, { code: String((Number(totp(zoe.totp)) + 1 + i) % 1000000).padStart(6, '0') });
	}
	assert.equal(states(zoe)['app-1'], 'locked');
	await told('mail', 'story-zoe@csam.example', /digital key was locked|clé numérique a été verrouillée/);
	const before = messages('mail').length;
	await page.goto(keys);
	await page.locator('button[name=choice][value=mail]').click();
	await page.fill('[name=username]', zoe.username);
	await page.fill('[name=password]', zoe.password);
	await page.locator('button.go').click();
	await page.fill('[name=code]', await codeSent('mail', before, 'story-zoe'));
	await page.locator('button.go').click();
	await page.waitForURL(keys);
	assert.match(await main(page), /application mobile[\s\S]*Verrouillée/);
	await look(page, 'locked-list');
	await page.goto(`${keys}/data/history`);
	const lines = await page.locator('.lines li').allInnerTexts(), line = lines.find(l => /verrouillée/.test(l));
	assert.match(line ?? lines.join('\n'), /Clé numérique verrouillée[\s\S]*application mobile[\s\S]*127\.0\.0\.1/);
	const table = await (await context.request.get(`${keys}/data/history.csv`, { ignoreHTTPSErrors: true })).text();
	assert.match(table, /^"[^"]*Z","key\.locked","1","app","app-1","","","127\.0\.0\.1","",""\r$/m);
	// Her own key; still it stays locked.
	await page.goto(`${keys}/key?id=password-1`);
	const { csrf_token } = await form(page);
	for (const fields of [{ act: 'activate' }, { act: 'unlock' }, { act: 'rename', label: 'x', state: 'active', csamKeyState: 'active' }])
		await send(context, '/keys/key', { id: 'app-1', csrf_token, ...fields });
	assert.equal(states(zoe)['app-1'], 'locked');
	await page.goto(`${keys}/new/app`);
	await addApp(page, zoe);
	await page.waitForURL(`${keys}?done=added`);
	assert.deepEqual([states(zoe)['app-1'], states(zoe)['app-2'], ldapRead(keyDn(zoe, 'app-2'), 'csamKeyLevel')], ['locked', 'active', '300'], 'worth what vouched for it');
	await context.close();
});

await check('the last key lost: the card, a registration office or an interview, and never less', async () => {
	const abe = newPerson('story-abe'), { page, context } = await person({ locale: 'fr-BE', viewport: { width: 640, height: 700 }, deviceScaleFactor: 2 });
	await page.goto(`${keys}/lost-phone`);
	await signIn(page, abe);
	await page.waitForURL(`${keys}/lost-phone`);
	assert.match(await main(page), /DocStop/, 'was the card with it?');
	await page.locator('button.go').click();
	assert.match(await main(page), /carte eID[\s\S]*bureau d’enregistrement ou un entretien vidéo/);
	await fits(page, 'at 200 %');
	await look(page, 'last-key');
	// The password alone adds no key, nor does anything lead there.
	await context.clearCookies();
	await page.goto(`${keys}/new/app`);
	assert.equal(await page.locator('button[name=choice][value=password]').count(), 0);
	await page.goto(keys);
	await signIn(page, abe, { kind: 'password' });
	await page.waitForURL(keys);
	for (const kind of ['app', 'mail', 'sms']) {
		await page.goto(`${keys}/new/${kind}`);
		assert.match(page.url(), /\/login\?c=/, kind);
		assert.equal(await page.locator('button[name=choice][value=password]').count(), 0, kind);
	}
	await page.goto(`${target.issuer}/help#no-eid`);
	assert.match(await main(page), /bureau d’enregistrement/);
	await context.close();
});

await browser.close();
done();
