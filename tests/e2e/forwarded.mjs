// An activation link in other hands than it was sent to, and a browser that two people use: nobody gets what is another's. In a real browser, in two
// languages, and over raw HTTP.
import assert from 'node:assert/strict';
import { Agent } from './agent.mjs';
import { browser, look, person } from './chromium.mjs';
import { check, csamctl, done, freshCode, ldapmodify, ldapRead, library, newPerson, once, target } from './csam.mjs';
import { activate, addApp, agree, choosePassword, dnOf, enrol, enter, keys, nobody, secretOf, send, signIn, states, wizard, wrong } from './desk.mjs';
import { mailsTo, subjectOf } from './mailbox.mjs';
import { pause } from './flow.mjs';

const run = process.pid, password = 'trois petits moutons blancs';
// Whose address the registration office has verified: she hears of what is done to her keys.
function citizen(uid, lang) {
	ldapmodify(csamctl('person', 'new', '--uid', uid, '--given-name', 'Julie', '--family-name', 'Martin', '--mail', `${uid}@csam.example`, '--verified', '--lang', lang));
	return uid;
}
const isIn = async (page, who) => { await page.goto(keys); return (await page.locator('main').innerText()).includes(who); };
const changed = who => ldapRead(dnOf(who), 'pwdChangedTime');
// Of a page's form, where it goes and what is in it.
const formOf = page => page.evaluate(() => { const f = document.querySelector('main form'); return { to: f.getAttribute('action'), fields: Object.fromEntries(new FormData(f)) }; });

// --- the link alone ---

await check('to fetch a link spends nothing: mail scanners, previews, other people, HEAD', async () => {
	const e = enrol(nobody(`fw-scan-${run}`));
	for (const agent of ['Mozilla/5.0 (compatible; SafeLinks)', 'facebookexternalhit/1.1', 'curl/7.88', 'BarracudaSentinel'])
		for (const method of ['GET', 'HEAD', 'GET', 'GET', 'GET', 'GET'])
			assert.equal((await new Agent({ from: '127.81.1.1' }).send(e.link, { method, headers: { 'user-agent': agent, 'sec-purpose': 'prefetch', accept: '*/*' } })).status, 200);
	const curious = new Agent({ from: '127.81.2.1' }), page = await curious.visit(e.link);
	assert.doesNotMatch(page.text, /Martin|fw-scan|csam\.example/, 'whose it is, is not said');
	// A scanner that sends the form, too: without a code that is a wrong one, and one of five.
	await curious.visit(activate, { method: 'POST', headers: { origin: target.issuer }, form: { csrf_token: Agent.field(page, 'csrf_token'), t: Agent.field(page, 't'), code: '' } });
	assert.equal(ldapRead(e.dn, 'csamEnrolmentState'), 'open');
	const hers = await person();
	await enter(hers.page, e);
	assert.equal(hers.page.url(), `${activate}/terms`);
	await hers.context.close();
});

await check('the link is told to no other site: no Referer, no cookie, no address of ours that another reads', async () => {
	const e = enrol(nobody(`fw-referer-${run}`)), token = new URL(e.link).searchParams.get('t'), { page, context } = await person(), seen = [];
	page.on('request', r => r.allHeaders().then(h => seen.push([r.url(), h.referer ?? '']), () => { /* the page is closed */ }));
	await page.goto(e.link);
	await page.evaluate(url => { const a = document.createElement('a'); a.href = url; a.id = 'away'; a.textContent = 'away'; document.querySelector('main').append(a); }, `${library}/`);
	await page.click('#away');
	await page.waitForURL(u => !u.href.startsWith(activate));
	const away = seen.filter(([url]) => !url.startsWith(`${target.issuer}/`));
	assert.ok(away.length > 0);
	for (const [url, referer] of away) assert.ok(!url.includes(token) && !referer.includes(token), `${url} ${referer}`);
	await page.goto(e.link);
	await page.fill('[name=code]', e.code);
	await page.locator('button.go').click();
	assert.equal(page.url(), `${activate}/terms`, 'nor does it stand in the address any more');
	assert.ok((await context.cookies()).every(c => !c.value.includes(token.split('.')[1])));
	const r = await new Agent().visit(e.link);
	assert.match(r.headers.get('cache-control'), /no-store/);
	assert.match(r.headers.get('referrer-policy'), /^strict-origin-when-cross-origin$/);
	await context.close();
});

for (const [lang, ended, told] of [['fr-BE', /ne sont plus valables[\s\S]*bureau d’enregistrement/, /clé numérique a été ajoutée/], ['nl-BE', /niet meer geldig[\s\S]*registratiekantoor/, /digitale sleutel toegevoegd/]]) {
	const two = lang.slice(0, 2);

	await check(`forwarded without the code: nothing is said, nothing opens, and its person comes in all the same (${lang})`, async () => {
		const e = enrol(citizen(`fw-alone-${two}-${run}`, two)), other = await person({ locale: lang }), hers = await person({ locale: lang });
		await hers.page.goto(e.link);
		for (const guess of [wrong(e.code), 'BCDFGHJKLM', '']) {
			await other.page.goto(e.link);
			assert.doesNotMatch(await other.page.content(), /Martin|fw-alone/);
			if (guess === '') await other.page.evaluate(() => document.querySelector('[name=code]').removeAttribute('required'));
			await other.page.fill('[name=code]', guess);
			await other.page.locator('button.go').click();
			assert.equal(await other.page.locator('[role=alert]').count(), 1, guess);
		}
		await look(other.page, `${two}-without-code`);
		assert.equal((await other.context.cookies()).find(c => c.name === '__Host-csam-a'), undefined);
		for (const where of ['terms', 'password', 'keys']) assert.equal((await other.page.goto(`${activate}/${where}`)).status(), 403);
		await hers.page.fill('[name=code]', e.code);
		await hers.page.locator('button.go').click();
		assert.equal(hers.page.url(), `${activate}/terms`);
		for (const one of [other, hers]) await one.context.close();
	});

	await check(`the code was typed in one browser: another that opens the link, with the code too, is nobody, and changes nothing for the first (${lang})`, async () => {
		const uid = citizen(`fw-second-${two}-${run}`, two), e = enrol(uid), first = await person({ locale: lang }), second = await person({ locale: lang });
		await second.page.goto(e.link);
		await enter(first.page, e);
		await second.page.fill('[name=code]', e.code);
		await second.page.locator('button.go').click();
		assert.match(await second.page.locator('main').innerText(), ended);
		await look(second.page, `${two}-used`);
		assert.equal((await second.page.goto(`${activate}/keys`)).status(), 403);
		await choosePassword(first.page);
		await wizard(first.page, 'app');
		const link = first.page.url(), stolen = await formOf(first.page);
		assert.equal((await second.page.goto(link)).status(), 403, 'the address of a page of the first');
		for (const form of [stolen.fields, { ...stolen.fields, csrf_token: '' }])
			assert.equal((await send(second.context, stolen.to, { ...form, code: '000000' })).status(), 403, 'a form of the first');
		await addApp(first.page, {});
		await first.page.waitForURL(/done=added/);
		assert.deepEqual(states(uid), { 'app-1': 'active' });
		for (const one of [first, second]) await one.context.close();
	});

	await check(`forwarded with the code, and used by somebody else first: its person is told so, hears of the key by mail, and the office ends it (${lang})`, async () => {
		const uid = citizen(`fw-stolen-${two}-${run}`, two), e = enrol(uid), thief = await person({ locale: lang }), hers = await person({ locale: lang });
		await enter(thief.page, e);
		await choosePassword(thief.page);
		await wizard(thief.page, 'app');
		const { totp } = await addApp(thief.page, {});
		await thief.page.waitForURL(/done=added/);
		await enter(hers.page, e);
		assert.match(await hers.page.locator('main').innerText(), ended);
		for (let i = 0; i < 50 && !mailsTo(`${uid}@csam.example`).some(m => told.test(subjectOf(m))); i++) await pause(100);
		assert.ok(mailsTo(`${uid}@csam.example`).some(m => told.test(subjectOf(m))));
		ldapmodify(`dn: ${e.dn}\nchangetype: modify\nreplace: csamEnrolmentState\ncsamEnrolmentState: cancelled\n`);
		ldapmodify(csamctl('key', 'revoke', uid, 'app-1'));
		assert.equal((await thief.page.goto(`${activate}/keys`)).status(), 403);
		const away = await person({ locale: lang });
		await away.page.goto(`${keys}`);
		await away.page.locator('button[name=choice][value=app]').click();
		await away.page.fill('[name=username]', uid);
		await away.page.fill('[name=password]', password);
		await away.page.locator('button.go').click();
		assert.equal(await away.page.locator('[name=code]').count(), 0, 'the key that was added opens nothing');
		assert.ok(totp);
		for (const one of [thief, hers, away]) await one.context.close();
	});
}

await once('five browsers race with link and code: one begins, and no other can do what it can', async () => {
	for (let round = 0; round < 5; round++) {
		const uid = nobody(`fw-race-${round}-${run}`), e = enrol(uid);
		const all = await Promise.all(Array.from({ length: 5 }, async (_, i) => {
			const agent = new Agent({ from: `127.82.${i}.1` }), page = await agent.visit(e.link);
			return { agent, form: { csrf_token: Agent.field(page, 'csrf_token'), t: Agent.field(page, 't'), code: e.code } };
		}));
		const ends = await Promise.all(all.map(({ agent, form }) => agent.send(activate, { method: 'POST', headers: { origin: target.issuer }, form })));
		assert.deepEqual(ends.map(r => r.status).sort(), [303, ...Array(4).fill(400)]);
		const pages = await Promise.all(all.map(({ agent }) => agent.visit(`${activate}/terms`)));
		assert.deepEqual(pages.map(r => r.status).sort(), [200, ...Array(4).fill(403)]);
	}
});

// --- one browser, two people ---

for (const [lang, says, hello] of [['fr-BE', /Emma Maes est connecté\(e\)/, /Jules Martin/], ['nl-BE', /Emma Maes is in deze browser aangemeld/, /Jules Martin/]]) {
	const two = lang.slice(0, 2);
	await check(`an officer who is signed in opens a citizen's link: told before, signed out after, and neither gets what is the other's (${lang})`, async () => {
		const officer = newPerson(`fw-officer-${two}-${run}`), uid = nobody(`fw-citizen-${two}-${run}`), e = enrol(uid), { page, context } = await person({ locale: lang });
		const before = changed(officer);
		await page.goto(keys);
		await signIn(page, officer);
		await page.waitForURL(keys);
		// To look, or to mistype, ends nothing.
		await page.goto(e.link);
		assert.match(await page.locator('main').innerText(), says);
		await look(page, `${two}-officer`);
		await enter(page, e, wrong(e.code));
		assert.ok(await isIn(page, 'Emma Maes'), 'the officer is signed in still');
		await enter(page, e);
		assert.equal(page.url(), `${activate}/terms`);
		assert.match(await page.locator('main').innerText(), hello);
		assert.equal((await context.cookies()).find(c => c.name === '__Host-csam-s'), undefined, 'the officer is signed out, and the citizen not in');
		await choosePassword(page);
		assert.equal(changed(officer), before);
		assert.ok(changed(uid));
		// The officer signs in again in another tab, while the citizen's waits.
		const tab = await context.newPage();
		await tab.goto(keys);
		await signIn(tab, officer);
		await tab.waitForURL(keys);
		assert.match(await tab.locator('main').innerText(), /Emma Maes/);
		await wizard(page, 'app');
		assert.match(await page.locator('main').innerText(), hello, 'the citizen\'s tab goes on with the citizen');
		await look(page, `${two}-both`);
		const theirs = await formOf(page), seed = await secretOf(page);
		await tab.locator('a[href="/keys/new/app"]').click();
		assert.doesNotMatch(await tab.locator('main').innerText(), hello, 'and the officer\'s with the officer');
		const own = await formOf(tab), codes = { theirs: await freshCode(seed), own: await freshCode(await secretOf(tab)) };
		// The form of one, sent where the other's goes; the secret of one, in the form of the other.
		for (const [to, fields, code] of [[own.to, theirs.fields, codes.theirs], [theirs.to, own.fields, codes.own], [own.to, { ...own.fields, draft: theirs.fields.draft }, codes.theirs],
			[theirs.to, { ...theirs.fields, draft: own.fields.draft }, codes.own]])
			assert.equal((await send(context, to, { ...fields, code })).status(), 400);
		assert.deepEqual([states(uid), states(officer)], [{}, { 'app-1': 'active', 'password-1': 'active' }]);
		await addApp(page, {});
		await page.waitForURL(/activate\/keys\?done=added/);
		assert.deepEqual([states(uid)['app-1'], states(officer)['app-2']], ['active', undefined]);
		await addApp(tab, {});
		await tab.waitForURL(`${keys}?done=added`);
		assert.deepEqual([states(uid)['app-2'], states(officer)['app-2']], [undefined, 'active']);
		await page.locator('button[value=end]').click();
		assert.ok(await isIn(tab, 'Emma Maes'), 'when the citizen has finished, the officer is who is signed in');
		await tab.goto(`${library}/card/`);
		await tab.waitForURL(u => u.href.startsWith(library));
		assert.equal(await tab.locator('#user').innerText(), officer.username);
		await context.close();
	});
}

await check('two citizens one after the other in the browser of the counter: a page that was left open does nothing to the second', async () => {
	const [one, two] = [`fw-one-${run}`, `fw-two-${run}`].map(uid => ({ uid: nobody(uid), e: enrol(uid) })), { page, context } = await person();
	await enter(page, one.e);
	await agree(page);
	const left = await context.newPage();
	await left.goto(`${activate}/password`);
	const open = await formOf(left);
	await enter(page, two.e);
	assert.match(page.url(), /activate\/terms/);
	const terms = await formOf(page);
	await agree(page);
	assert.equal((await send(context, open.to, { ...open.fields, password, again: password })).status(), 400, 'the password of the first');
	await left.fill('[name=password]', password);
	await left.fill('[name=again]', password);
	await left.locator('button.go').click();
	await look(left, 'left-open');
	assert.deepEqual([changed(one.uid), changed(two.uid)], [undefined, undefined]);
	await page.goto(`${activate}/password`);
	await choosePassword(page, 'quatre petits moutons noirs');
	const mine = await page.locator('a[href^="/keys/new/app?a="]').evaluate(a => a.href);
	await wizard(page, 'app');
	const draft = await formOf(page), code = await freshCode(await secretOf(page));
	const three = enrol(nobody(`fw-three-${run}`));
	await enter(left, three);
	await choosePassword(left);
	assert.equal((await page.goto(mine)).status(), 403, 'the address of the second, now that the third is there');
	assert.equal((await send(context, draft.to, { ...draft.fields, code })).status(), 403);
	const [, third] = (await left.locator('a[href^="/keys/new/app?a="]').getAttribute('href')).split('?');
	assert.equal((await send(context, `/keys/new/app?${third}`, { ...draft.fields, code })).status(), 400);
	assert.equal((await send(context, '/activate/terms', { ...terms.fields, act: 'accept', mine: 'yes', alone: 'yes', regularly: 'yes' })).status(), 400);
	assert.deepEqual([one.uid, two.uid, `fw-three-${run}`].map(states), [{}, {}, {}]);
	await context.close();
});

await check('a form that one person has filled in is not sent for another who has signed in meanwhile: password, contact, key, data', async () => {
	const anna = newPerson(`fw-anna-${run}`), bert = newPerson(`fw-bert-${run}`), { page, context } = await person(), forms = [];
	await page.goto(`${keys}/password`);
	await signIn(page, anna);
	for (const where of ['/password', '/contact', '/key?id=app-1', '/lost-phone', '/new/mail', '/data']) {
		await page.goto(`${keys}${where}`);
		forms.push(await formOf(page));
	}
	const left = await context.newPage();
	await left.goto(`${keys}/password`);
	await page.goto(`${target.issuer}/logout`);
	await page.locator('form button').first().click();
	await page.goto(`${keys}/password`);
	await signIn(page, bert);
	await page.waitForURL(`${keys}/password`);
	const was = changed(bert);
	const filled = { password: 'paraplu vier trams', again: 'paraplu vier trams', act: 'end', id: 'app-1', mail: `fw-anna-${run}@csam.example`, address: 'anna@csam.example', label: 'of Anna' };
	for (const { to, fields } of forms) assert.equal((await send(context, to, { ...fields, ...filled, csrf_token: fields.csrf_token })).status(), 400, to);
	await left.fill('[name=password]', filled.password);
	await left.fill('[name=again]', filled.password);
	await left.locator('button.go').click();
	assert.match(await left.locator('main').innerText(), /expired|again/i);
	assert.equal(changed(bert), was);
	assert.deepEqual(states(bert), { 'app-1': 'active', 'password-1': 'active' });
	await context.close();
});

await browser.close();
done();
