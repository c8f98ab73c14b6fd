// Registration with an identity card that nobody has yet: from the card to the service, in a real browser; and over raw HTTP each "only if" without the "if".
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { Agent } from './agent.mjs';
import { insert, newCard, showCard } from './cards.mjs';
import { browser, look, person } from './chromium.mjs';
import { check, csamctl, done, freshCode, ldapmodify, ldapRead, library, newPerson, once, target, terms } from './csam.mjs';
import { level, newServices, pause, redeem, request, userinfo, words } from './flow.mjs';
import { codeMailed, mailsTo, subjectOf } from './mailbox.mjs';

const base = 'dc=csam,dc=example', run = process.pid;
const [service] = await newServices({ client_id: `register-${run}`, default_acr_values: [level(500)], scope: 'openid profile email' });
const search = (filter, ...what) => execFileSync('ldapsearch', ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', target.ldap.uri, '-D', target.ldap.bind_dn, '-w', target.ldap.bind_pw, '-b', `ou=people,${base}`, filter, ...what], { encoding: 'utf8' });
const holders = card => [...search(`(csamNationalNumber=${card.number})`, 'uid').matchAll(/^uid: (.*)$/gm)].map(m => m[1]);
const trail = (event, uid) => csamctl('audit', 'search', '--event', event, ...(uid ? ['--person', uid] : []), '--reason', 'test').split('\n').filter(l => l.startsWith('{')).map(l => JSON.parse(l));

// --- in a browser ---

const go = (page, act) => page.click(`button[name=act][value=${act}]`);
async function declare(page, mail) {
	await page.fill('[name=mail]', mail);
	for (const box of await page.locator('input[type=checkbox]').all()) await box.check();
	await go(page, 'send');
}

for (const [lang, title, wait] of [['fr-BE', /nous ne vous connaissons pas encore/, /Vous êtes responsable du choix/], ['nl-BE', /we kennen u nog niet/, /U bent verantwoordelijk voor de keuze/]])
	await check(`from a card that nobody has to the service that was wanted, at level 500 (${lang})`, async () => {
		const two = lang.slice(0, 2), mail = `nora.${two}.${run}@csam.example`, uid = `nora-${two}-${run}`, { context, page } = await person({ locale: lang });
		const card = newCard('Nora Angèle', 'D’Haene'), wanted = request(service, { scope: 'openid profile email' });
		await context.route(u => u.hostname === `${service.client_id}.example`, route => route.fulfill({ body: 'the service' }));
		await insert(context, card);
		await page.goto(wanted.url);
		await page.click('#eid-go');
		await page.waitForURL(/\/register\?c=/);
		await look(page, `${two}-terms`);
		assert.match(await page.locator('main').innerText(), title);
		assert.match(await page.locator('main').innerText(), /Nora Angèle D’Haene[\s\S]*ersi(on|e) 4\.2/);
		await go(page, 'accept');
		await look(page, `${two}-mail`);
		assert.match(await page.locator('main').innerText(), wait);
		await declare(page, mail);
		await look(page, `${two}-code`);
		assert.deepEqual(holders(card), [], 'nobody is there before the last step');
		const code = await codeMailed(mail);
		await page.fill('[name=code]', code === '000000' ? '111111' : '000000');
		await go(page, 'prove');
		assert.equal(await page.locator('#error').count(), 1);
		await look(page, `${two}-wrong-code`);
		await page.fill('[name=code]', code);
		await go(page, 'prove');
		await look(page, `${two}-account`);
		assert.equal(await page.inputValue('[name=username]'), 'nora.dhaene', 'proposed from the card, without accents');
		await page.fill('[name=username]', uid);
		await page.fill('[name=password]', 'azerty123');
		await page.fill('[name=again]', 'azerty123');
		await go(page, 'create');
		await look(page, `${two}-known-password`);
		assert.equal(await page.inputValue('[name=username]'), uid, 'what was typed stays');
		await page.locator('a[href$="show=1"]').click();
		await page.fill('[name=username]', uid.toUpperCase());
		assert.equal(await page.getAttribute('[name=password]', 'type'), 'text', 'shown, if one wants');
		await page.fill('[name=password]', 'paraplu vier trams');
		await page.fill('[name=again]', 'paraplu vier trams');
		await go(page, 'create');
		await page.waitForURL(u => u.hostname === `${service.client_id}.example`);
		const answer = new URL(page.url()).searchParams;
		assert.equal(answer.get('state'), wanted.params.state);
		const tokens = await redeem({ ...wanted, service, code: answer.get('code') });
		assert.equal(JSON.parse(Buffer.from(tokens.json.id_token.split('.')[1], 'base64url')).acr, level(500));
		const told = (await userinfo(tokens.json.access_token)).json;
		assert.deepEqual([told.given_name, told.family_name, told.email, told.email_verified], ['Nora Angèle', 'D’Haene', mail, true]);
		const entry = search(`(uid=${uid})`);
		assert.deepEqual(holders(card), [uid]);
		assert.match(entry, new RegExp(`csamTermsAccepted: ${terms} 20\\d{12}Z ${two}\n`));
		assert.match(entry, new RegExp(`csamMailVerified: ${mail}`));
		assert.match(entry, new RegExp(`preferredLanguage: ${two}`));
		assert.equal(trail('person.added', uid).length, 1);
		assert.equal(trail('terms.accepted', uid)[0].what, `${terms} ${two}`);
		for (let i = 0; i < 600 && mailsTo(mail).length < 2; i++) await pause(100);
		assert.match(subjectOf(mailsTo(mail)[1]), lang === 'fr-BE' ? /compte a été créé/ : /account voor u aangemaakt/);
		if (two !== 'fr') return context.close();
		// Name and password are good for code keys: the same person adds one.
		await page.goto(`${target.issuer}/keys/new/app`);
		const seed = (await page.locator('.secret').evaluate(e => e.textContent)).replaceAll(' ', '');
		await page.fill('[name=code]', await freshCode(seed));
		await page.locator('button.go').click();
		await page.waitForURL(/\/keys\?done=added/);
		const elsewhere = await person();
		await elsewhere.page.goto(`${library}/card/`);
		await elsewhere.page.locator('button[name=choice][value=app]').click();
		await elsewhere.page.fill('[name=username]', uid);
		await elsewhere.page.fill('[name=password]', 'paraplu vier trams');
		await elsewhere.page.locator('button.go').click();
		await elsewhere.page.fill('[name=code]', await freshCode(seed));
		await elsewhere.page.locator('button.go').click();
		await elsewhere.page.waitForURL(u => u.href.startsWith(library));
		await elsewhere.context.close();
		await context.close();
	});

await check('without scripts after the card, at 320 px, four languages: no password, "My digital keys" behind it, and nothing kept of who refuses', async () => {
	const { context, page } = await person({ viewport: { width: 320, height: 640 } }), card = newCard('Émile', 'Ősz'), mail = `emile.${run}@csam.example`;
	const narrow = async name => {
		for (const lang of ['fr', 'nl', 'de', 'en']) {
			await page.goto(`${page.url().replace(/&lang=..$/, '')}&lang=${lang}`);
			assert.equal(await page.locator('html').getAttribute('lang'), lang);
			assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), `${lang} ${name}: nothing is wider than the screen`);
			await look(page, `small-${lang}-${name}`);
		}
	};
	await insert(context, card);
	await page.goto(`${target.issuer}/keys`);
	await page.click('button[name=choice][value=eid]');
	await page.click('#eid-go');
	await page.waitForURL(/\/register\?c=/);
	await page.route('**/*.js', route => route.abort());
	await narrow('terms');
	await go(page, 'refuse');
	await look(page, 'refused');
	assert.match(await page.locator('main').innerText(), /nothing about you was kept/);
	await page.goBack();
	await go(page, 'accept');
	await narrow('mail');
	await declare(page, mail);
	await narrow('code');
	await page.locator('a[href$="mail=other"]').click();
	assert.equal(await page.inputValue('[name=mail]'), mail);
	await page.goBack();
	await page.fill('[name=code]', await codeMailed(mail));
	await go(page, 'prove');
	await narrow('account');
	assert.equal(await page.inputValue('[name=username]'), 'emile.sz', 'letters that have no plain one are left out');
	await page.fill('[name=username]', `emile-${run}`);
	await go(page, 'without');
	await page.waitForURL(`${target.issuer}/keys`);
	assert.equal(ldapRead(`uid=emile-${run},ou=people,${base}`, 'csamPersonState'), 'active');
	assert.equal((await page.goto(`${target.issuer}/keys/data`)).status(), 200);
	await context.close();
});

// --- over raw HTTP ---

const field = (page, name) => page.text.match(new RegExp(`name="${name}"(?: type="\\w+")? value="([^"]*)"`))?.[1] ?? page.text.match(new RegExp(`id="${name}"[^>]*value="([^"]*)"`))?.[1];
const hidden = page => ({ c: field(page, 'c'), ticket: field(page, 'ticket'), csrf_token: field(page, 'csrf_token'), version: terms });
const declared = { mine: 'yes', alone: 'yes', regularly: 'yes' };
const post = (agent, form, headers = { origin: target.issuer }) => agent.send(`${target.issuer}/register`, { method: 'POST', form, headers });
const show = (agent, r) => agent.send(`${target.issuer}/register?c=${r.c}`);
const partOf = page => ['accept', 'send', 'prove', 'create', 'go-on'].findLast(act => page.text.includes(`value="${act}"`));

// A browser with that card at the first step.
async function begin(card, agent = new Agent()) {
	await agent.send(`${target.issuer}/?lang=en`);
	const wanted = request(service), page = await showCard(agent, await agent.visit(wanted.url), card);
	assert.match(page.url, /\/register\?c=/, words(page));
	return { agent, card, wanted, page, ...hidden(page) };
}
const forms = ({ c, ticket, csrf_token }) => ({ c, ticket, csrf_token });
const accept = r => post(r.agent, { ...forms(r), act: 'accept', version: terms });
const send = (r, mail, more = declared) => post(r.agent, { ...forms(r), act: 'send', mail, ...more });
const prove = (r, code) => post(r.agent, { ...forms(r), act: 'prove', code });
const create = (r, username, password = '') => post(r.agent, { ...forms(r), act: password ? 'create' : 'without', username, password, again: password });
let tests = 0;
async function upTo(part, card = newCard('Tess', 'Peeters'), agent = new Agent()) {
	const r = await begin(card, agent), mail = `tess.${++tests}.${run}@csam.example`;
	if (part === 'accept') return r;
	assert.equal((await accept(r)).status, 303);
	if (part === 'send') return r;
	assert.equal((await send(r, mail)).status, 303);
	if (part === 'prove') return { ...r, mail };
	assert.equal((await prove(r, await codeMailed(mail))).status, 303);
	return { ...r, mail };
}
const said = page => page.text.match(/id="error"[\s\S]*?<p>([^<]*)/)?.[1];

await check('no step without the one before it: no terms, no declarations, no address, no code', async () => {
	const r = await upTo('accept'), uid = `early-${run}`, never = `never.${run}@csam.example`;
	for (const form of [{ act: 'send', mail: 'x@csam.example', ...declared }, { act: 'prove', code: '123456' }, { act: 'again' }, { act: 'create', username: uid, password: 'paraplu vier trams', again: 'paraplu vier trams' },
		{ act: 'without', username: uid }, { act: 'go-on' }, { act: 'accept', version: '9.9' }, { act: 'accept' }, { act: '' }, {}])
		await post(r.agent, { ...forms(r), ...form });
	assert.equal(partOf(await show(r.agent, r)), 'accept');
	await accept(r);
	for (const more of [{}, { ...declared, mine: 'no' }, { ...declared, alone: '' }, { mine: 'yes', alone: 'yes' }]) {
		const page = await send(r, never, more);
		assert.equal(page.status, 400);
		assert.match(said(page), /three declarations/);
	}
	assert.equal(mailsTo(never).length, 0);
	for (const mail of ['', 'nobody', 'a@b@c', 'x@csam.example\r\nBcc: y@csam.example', `${'x'.repeat(300)}@csam.example`, 'é@csam.example'])
		assert.equal((await send(r, mail)).status, 400, mail);
	await create(r, uid);
	assert.equal(partOf(await show(r.agent, r)), 'send');
	await send(r, `early.${run}@csam.example`);
	await create(r, uid);
	assert.equal(partOf(await show(r.agent, r)), 'prove');
	assert.deepEqual(holders(r.card), []);
});

await check('the link forwarded, another browser, a form of another site, of another purpose: nothing', async () => {
	const r = await upTo('create'), thief = new Agent();
	await thief.visit(`${target.issuer}/login`);
	assert.equal((await show(thief, r)).status, 404);
	assert.equal((await thief.send(`${target.issuer}/register`)).status, 404);
	const [theirs, mine] = [await begin(newCard('Ugo', 'Maes'), thief), await show(r.agent, r)];
	assert.equal(partOf(mine), 'create');
	// their browser and form, my registration; my form in their browser; theirs in mine
	for (const form of [{ ...forms(theirs), c: r.c }, { ...forms(theirs), c: r.c, ticket: r.ticket }, forms(r)])
		assert.ok([400, 404].includes((await post(thief, { ...form, act: 'without', username: `thief-${run}` })).status));
	assert.equal((await post(r.agent, { ...forms(r), csrf_token: theirs.csrf_token, act: 'without', username: `thief-${run}` })).status, 400);
	assert.equal((await post(r.agent, { ...forms(r), csrf_token: '', act: 'without', username: `thief-${run}` })).status, 400);
	assert.equal((await post(r.agent, { ...forms(r), act: 'without', username: `thief-${run}` }, { origin: 'https://evil.example' })).status, 403);
	const logout = field(await r.agent.send(`${target.issuer}/`), 'csrf_token');
	assert.ok(logout === undefined || (await post(r.agent, { ...forms(r), csrf_token: logout, act: 'without', username: `thief-${run}` })).status === 400);
	assert.deepEqual([holders(r.card), holders(theirs.card)], [[], []]);
	// My ticket is an answer to my own login alone, which still waits.
	const replay = await thief.send(`${target.issuer}/login`, { method: 'POST', form: { ticket: r.ticket, c: r.c }, headers: { origin: target.issuer } });
	assert.equal(replay.status, 404);
	assert.equal((await create(r, `mine-${run}`)).status, 303);
});

await check('a card that comes by TLS leads there, too', async () => {
	const card = newCard('Lies', 'Bogaert'), agent = new Agent(), page = await agent.visit(request(service).url);
	const href = page.text.match(/id="eid-tls" href="([^"]*)"/)[1].replaceAll('&amp;', '&').replaceAll('&#43;', '+').replaceAll('&#61;', '=');
	const location = execFileSync('curl', ['-s', '-k', '--cert', `${card.file}.pem`, '--key', `${card.file}.key`, '-o', '/dev/null', '-w', '%{redirect_url}', href], { encoding: 'utf8' });
	const next = await agent.visit(location);
	assert.match(next.url, /\/register\?c=/, words(next));
	assert.match(next.text, /Lies Bogaert/);
});

await check('a card whose proof is used twice, or that was begun and not finished, leaves nothing', async () => {
	const card = newCard('Wim', 'Claes'), agent = new Agent(), eid = await agent.visit(request(service).url);
	const first = await showCard(agent, eid, card);
	assert.match(first.url, /\/register\?c=/);
	const again = await showCard(agent, eid, card);		// the same ticket, a signature over the same challenge
	assert.ok(!/\/register\?c=(?!)/.test(again.url) && holders(card).length === 0);
	const other = new Agent();
	await other.visit(request(service).url);
	assert.equal((await showCard(other, eid, card)).status, 404, 'in another browser it is nobody\'s');
	await upTo('create', card);
	assert.deepEqual(holders(card), []);
	assert.doesNotMatch(search('(objectClass=*)', 'mail'), new RegExp(card.number));
});

await once('one card in two browsers, and two clicks at once: one person; the second browser goes on as that person', async () => {
	const card = newCard('Yara', 'Smets'), a = await upTo('create', card), b = await upTo('create', card);
	const answers = await Promise.all([create(a, `yara-a-${run}`), create(b, `yara-b-${run}`), create(a, `yara-a-${run}`), create(b, `yara-c-${run}`), create(a, `yara-d-${run}`)]);
	assert.ok(answers.every(r => r.status < 500), answers.map(r => r.status).join());
	assert.equal(holders(card).length, 1, holders(card).join());
	assert.equal(trail('person.added', holders(card)[0]).length, 1);
	for (const r of [a, b]) {
		let page = await show(r.agent, r);
		if (page.status === 200) {
			assert.equal(partOf(page), 'go-on');
			page = await post(r.agent, { ...forms(r), ...hidden(page), act: 'go-on' });
		}
		const home = await r.agent.visit(r.wanted.url);
		assert.ok(home.callback?.startsWith(service.redirect_uris[0]) || page.callback, words(home));
	}
});

await once('one user name for eight at once: one has it; the others are told, and it is not theirs in another case either', async () => {
	const name = `race-${run}`, all = await Promise.all(Array.from({ length: 8 }, (_, i) => upTo('create', newCard('Ann', `Race ${String.fromCharCode(65 + i)}`))));
	const answers = await Promise.all(all.map((r, i) => create(r, i % 2 ? name : ` ${name.toUpperCase()} `)));
	assert.equal(answers.filter(r => r.status === 303).length, 1, answers.map(r => r.status).join());
	assert.equal(answers.filter(r => r.status === 400 && /once had it/.test(said(r))).length, 7);
	assert.equal(search(`(uid=${name})`, 'uid').match(/^uid: /gm).length, 1);
	assert.deepEqual(all.map(r => holders(r.card).length).sort(), [0, 0, 0, 0, 0, 0, 0, 1]);
});

await check('names that are somebody\'s, were somebody\'s, the system\'s or none at all cannot be chosen', async () => {
	const r = await upTo('create'), there = newPerson(`reg-there-${run}`), gone = `reg-gone-${run}`;
	ldapmodify(`dn: csamSubject=11111111-2222-4333-8444-${String(run).padStart(12, '0')},ou=tombstones,ou=people,${base}\nchangetype: add\nobjectClass: csamTombstone\ncsamSubject: 11111111-2222-4333-8444-${String(run).padStart(12, '0')}\nuid: ${gone}\n`);
	for (const name of [there.username, there.username.toUpperCase(), ` ${there.username}`, gone, gone.toUpperCase()])
		assert.match(said(await create(r, name)), /once had it/, name);
	for (const name of ['root', 'Root', 'idpd', 'www-data', 'systemd-x', 'ab', '1abc', '_abc', 'a b c', 'a*', '*)(uid=*', 'a\\2a', 'a,ou=x', 'é\u0301lise', 'ａｌｉｃｅ', 'a\u00adb\u200bc', 'x'.repeat(33), 'x'.repeat(5000), 'a\tb', '𝒶𝓁𝒾𝒸ℯ'])
		assert.match(said(await create(r, name)), /cannot be a user name/, JSON.stringify(name));
	assert.ok([400, 413].includes((await post(r.agent, `${new URLSearchParams({ ...forms(r), act: 'without' })}&username=a%00b`)).status));
	assert.ok([400, 413].includes((await post(r.agent, `${new URLSearchParams({ ...forms(r), act: 'without' })}&username=abc&username=abd`)).status));
	assert.ok((await post(r.agent, { ...forms(r), act: 'without', username: 'x'.repeat(70000) })).status >= 400);
	assert.equal((await post(r.agent, `${new URLSearchParams({ ...forms(r), act: 'without' })}&username=%ff%fe%fd`)).status, 400);
	for (const [password, why] of [['short', /8 characters/], ['azerty123', /tried first/], ['Tess', /8 characters/], ['tess peeters', /your own name/], ['password1', /tried first/], ['x'.repeat(300), /too long/]])
		assert.match(said(await create(r, `reg-last-${run}`, password)), why, password);
	const differ = await post(r.agent, { ...forms(r), act: 'create', username: `reg-last-${run}`, password: 'paraplu vier trams', again: 'paraplu vijf trams' });
	assert.match(said(differ), /not the same/);
	assert.match(said(await post(r.agent, { ...forms(r), act: 'create', username: `reg-last-${run}` })), /./, 'the button for a password wants one');
	assert.deepEqual(holders(r.card), []);
	// Whoever tries names by the dozen is stopped.
	let page;
	for (let i = 0; i < 40 && !/too many names/.test(said(page = await create(r, there.username))); i++);
	assert.match(said(page), /too many names/);
	assert.match(said(await create(r, `reg-last-${run}`)), /too many names/);
});

await once('a code counts one try, however many come at once; after five wrong ones the right one is none', async () => {
	const r = await upTo('prove'), right = await codeMailed(r.mail);
	const guesses = Array.from({ length: 40 }, (_, i) => String((Number(right) + 1 + i) % 1000000).padStart(6, '0'));
	const answers = await Promise.all(guesses.map(code => prove(r, code)));
	assert.ok(answers.filter(p => /not right|wrong/i.test(said(p) ?? '')).length <= 5, 'of forty at once at most five were looked at');
	for (let i = 0; i < 5; i++) await prove(r, guesses[i]);
	assert.match(said(await prove(r, right)), /./);
	assert.equal(partOf(await show(r.agent, r)), 'prove');
	// A new one, to another address: the old code is worth nothing.
	const other = `other.${r.card.number}@csam.example`;
	assert.equal((await send(r, other)).status, 303);
	if (right !== await codeMailed(other)) assert.equal((await prove(r, right)).status, 400);
	assert.equal((await prove(r, await codeMailed(other))).status, 303);
	assert.equal((await create(r, `tries-${run}`)).status, 303);
	assert.equal(ldapRead(`uid=tries-${run},ou=people,${base}`, 'csamMailVerified'), other);
});

await check('mail goes out so often and no more', async () => {
	const r = await upTo('prove');
	let page;
	for (let i = 0; i < 12; i++) page = await send(r, `spam-${i}.${run}@csam.example`);
	assert.equal(page.status, 400);
	const sent = () => Array.from({ length: 12 }, (_, i) => mailsTo(`spam-${i}.${run}@csam.example`).length).reduce((a, b) => a + b);
	for (let i = 0; i < 50 && sent() < 9; i++) await pause(100);
	assert.equal(sent(), 9);
});

const version = (v, from, text) => `dn: csamTermsVersion=${v},ou=terms,${base}\nchangetype: add\nobjectClass: csamTerms\ncsamTermsVersion: ${v}\ncsamTermsFrom: ${from}\ncsamTermsText: ${text}\n`;
const withdraw = v => ldapmodify(`dn: csamTermsVersion=${v},ou=terms,${base}\nchangetype: delete\n`);
await check('terms that change meanwhile are shown again before the last step; without terms nobody registers', async () => {
	const r = await upTo('create'), v = `5.${run}`;
	ldapmodify(version(v, '20240101000000Z', 'Nothing but <b>this</b> & that'));
	try {
		await pause(1000);
		await create(r, `meanwhile-${run}`);
		const page = await show(r.agent, r);
		assert.equal(partOf(page), 'accept');
		assert.match(page.text, /Nothing but &lt;b&gt;this&lt;\/b&gt; &amp; that/);
		assert.match(said(await accept(r)), /meanwhile/, 'not the version that was read before');
		assert.deepEqual(holders(r.card), []);
		assert.equal((await post(r.agent, { ...forms(r), act: 'accept', version: v })).status, 303);
		assert.equal((await create(r, `meanwhile-${run}`)).status, 303);
		assert.match(search(`(uid=meanwhile-${run})`), new RegExp(`csamTermsAccepted: ${v} `));
	} finally {
		withdraw(v);
	}
	const text = search('(objectClass=*)', 'uid') && execFileSync('ldapsearch', ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', target.ldap.uri, '-D', target.ldap.bind_dn, '-w', target.ldap.bind_pw, '-b', `ou=terms,${base}`, '-s', 'one'], { encoding: 'utf8' });
	withdraw(terms);
	try {
		await pause(1000);
		const agent = new Agent();
		await agent.send(`${target.issuer}/?lang=en`);
		const page = await showCard(agent, await agent.visit(request(service).url), newCard('Zoë', 'Nys'));
		assert.match(page.text, /cannot register yourself from here/);
	} finally {
		ldapmodify(text.replace(/^(dn: .*)$/gm, '$1\nchangetype: add'));
		await pause(1000);
	}
});

await browser.close();
done();
