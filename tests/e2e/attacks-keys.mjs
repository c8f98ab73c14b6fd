// 'My digital keys', activation and registration without their pages, by raw HTTP: each "only if" of their handlers without the "if". What makes a login
// old is in attacks-late, what mixes two people in forwarded.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Agent, cut, send as bare } from './agent.mjs';
import { csamctl, check, done, freshCode, ldapmodify, ldapRead, newPerson, once, sentTo, codeIn, target, terms, totp } from './csam.mjs';
import { addKey, base, dnOf, enrol, keyDn, newCitizen, nobody, states } from './desk.mjs';
import { issuer, notOurFault, pause, random, words } from './flow.mjs';
import { mailsTo, subjectOf } from './mailbox.mjs';

const run = process.pid, own = { origin: issuer }, S = '__Host-csam-s', password = 'trois petits moutons blancs';
const admin = ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', target.ldap.uri, '-D', target.ldap.bind_dn, '-w', target.ldap.bind_pw];
// Everything that the directory holds of somebody, but when and how often they came.
const held = who => execFileSync('ldapsearch', [...admin, '-b', dnOf(who), '(objectClass=*)', '*', 'pwdChangedTime'], { encoding: 'utf8' }).replace(/^csamKey(LastUsed|Counter|Failures): .*\n/gm, '');

// A browser of that person's, signed in; the last page is the list of keys.
async function comeIn(who, { kind = 'app', where = '/keys', agent = new Agent() } = {}) {
	const page = await agent.signIn(await agent.visit(issuer + where, { headers: { 'accept-language': 'en' } }), who, { kind });
	assert.ok(agent.cookies.has(S), words(page));
	return agent;
}
// The fields of the form that goes there.
const fieldsOf = (page, to) => {
	const form = page.text.match(new RegExp(`<form[^>]*action="${to.replace(/[?+.]/g, '\\$&')}[^]*?</form>`))?.[0] ?? assert.fail(`no form to ${to}: ${page.status} ${words(page)}`);
	return Object.fromEntries([...form.matchAll(/<input[^>]*>/g)].map(m => [m[0].match(/name="([^"]*)"/)?.[1], m[0].match(/value="([^"]*)"/)?.[1] ?? '']).filter(([n, v]) => n && !(v === 'yes')));
};
const formAt = async (agent, where, to = where) => fieldsOf(await agent.visit(issuer + where, { headers: { 'accept-language': 'en' } }), to);
const post = (agent, where, form, headers = own) => agent.send(issuer + where, { method: 'POST', form, headers: { 'accept-language': 'en', ...headers } });
// Signs in again, with a stronger key, where a page leads to.
async function strengthen(agent, who, where) {
	const before = agent.cookies.get(S), page = await agent.signIn(await agent.visit(where, { headers: { 'accept-language': 'en' } }), who);
	assert.notEqual(agent.cookies.get(S), before, `${page.url}: ${words(page)}`);
	return page;
}
// A new app's page: its form, its secret.
async function newApp(agent, where = '/keys/new/app') {
	const page = await agent.visit(issuer + where), secret = page.text.match(/class="secret[^>]*>([A-Z2-7 ]+)</)?.[1] ?? assert.fail(words(page));
	return { fields: fieldsOf(page, '/keys/new/app'), seed: secret.replaceAll(' ', '') };
}
const early = async () => { while (Date.now() % 30000 > 25000) await pause(250); };
const login = r => r.status === 303 && /\/login\?c=/.test(r.location);

// --- every form, under each wrong flag ---

const rows = fs.readFileSync(path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../idpd/http/endpoints.def'), 'utf8');
const doors = [...rows.matchAll(/^ENDPOINT\("POST", "(\/(?:keys|activate|register)[^"]*)"/gm)].map(m => m[1]);
// What each would do something with, if only it were asked rightly.
const would = {
	'/register': { act: 'accept', version: terms }, '/keys/terms': { act: 'accept', version: terms }, '/keys/password': { password, again: password }, '/keys/key': { id: 'app-1', act: 'end' },
	'/keys/lost-phone': { mail: '1' }, '/keys/pending': { id: 'token-1' }, '/keys/contact': { act: 'letters', locale: 'de', notice: 'security' }, '/keys/data': { act: 'end-others' }, '/activate': {}, '/activate/terms': { act: 'accept', version: terms, mine: 'yes', alone: 'yes', regularly: 'yes' },
	'/activate/password': { password, again: password }, '/activate/keys': { act: 'end' },
};
const wizards = doors.filter(d => d.startsWith('/keys/new/'));

await check(`${doors.length} forms, each from nobody, from elsewhere, with no token, a bent one or one that was given for something else: nothing is done`, async () => {
	assert.ok(doors.length >= 15 && wizards.length >= 3);
	for (const d of doors) assert.ok(would[d] || d.startsWith('/keys/new/') || d === '/keys/data/delete', `${d} is new: say what it would do, and where each of its conditions is tried`);
	const rosa = newPerson(`ak-rosa-${run}`), otto = newPerson(`ak-otto-${run}`), uid = nobody(`ak-begun-${run}`), open = enrol(nobody(`ak-open-${run}`));
	would['/keys/data/delete'] = { username: rosa.username };
	would['/activate'] = { t: new URL(open.link).searchParams.get('t'), code: open.code };
	const hers = await comeIn(rosa), other = await comeIn(rosa, { kind: 'password' }), his = await comeIn(otto, { kind: 'password' });
	// An activation in her browser: beside her login, as that of another person.
	const begun = enrol(uid), session = hers.cookies.get(S);
	await post(hers, '/activate', { ...await formAt(hers, begun.link.slice(issuer.length), '/activate'), code: begun.code });
	const again = await comeIn(rosa, { agent: hers });
	assert.ok(again.cookies.get('__Host-csam-a') && again.cookies.get(S) !== session);
	const { draft } = (await newApp(hers)).fields, tokens = {
		'none': undefined, 'empty': '', 'nonsense': 'x', 'random': random(80),
		'of signing out': (await formAt(hers, '/logout')).csrf_token, 'of the activation': (await formAt(hers, '/activate/terms')).csrf_token,
		'of the login': (await formAt(hers, '/keys/data')).csrf_token, 'of her other browser': (await formAt(other, '/keys/data')).csrf_token, 'of another person': (await formAt(his, '/keys/data')).csrf_token,
		'of the link\'s page': (await formAt(hers, open.link.slice(issuer.length), '/activate')).csrf_token,
	};
	const good = d => d === '/activate' ? tokens['of the link\'s page'] : d.startsWith('/activate/') ? tokens['of the activation'] : tokens['of the login'];
	const was = [rosa, otto, uid, `ak-open-${run}`].map(held), refused = r => [400, 403, 404, 405, 413, 415, 501].includes(r.status) || login(r);
	for (const d of doors) {
		const fields = { ...would[d], ...(wizards.includes(d) && { draft, code: '000000', address: `ak-evil-${run}@csam.example` }) };
		for (const [what, csrf_token] of Object.entries(tokens)) {
			if (csrf_token === good(d)) continue;
			const r = await post(hers, d, { ...fields, ...(csrf_token !== undefined && { csrf_token }) });
			assert.ok(refused(r), `${d}, token ${what}: ${r.status} ${words(r)}`);
		}
		const right = { ...fields, csrf_token: good(d) }, bent = { ...right, csrf_token: good(d).slice(0, -2) + (good(d).endsWith('AA') ? 'BB' : 'AA') };
		for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { ...own, 'sec-fetch-site': 'cross-site' }, { ...own, 'sec-fetch-site': 'same-site' }])
			assert.equal((await post(hers, d, right, headers)).status, 403, `${d} ${JSON.stringify(headers)}`);
		assert.ok(refused(await post(hers, d, bent)), `${d}, bent`);
		// Nobody, with her token; another person, with her token; her own browser's cookie without her login.
		assert.ok(refused(await post(new Agent(), d, right)), `${d}, nobody`);
		if (d !== '/activate') for (const drop of [[S, '__Host-csam-a'], ['__Host-csam-b']]) {
			const thief = new Agent();
			thief.cookies = new Map([...hers.cookies].filter(([n]) => !drop.includes(n)));
			assert.ok(refused(await post(thief, d, right)), `${d}, without ${drop}`);
		}
		assert.ok(refused(await post(his, d, right)), `${d}, another person`);
		// As no form is sent.
		for (const method of ['PUT', 'DELETE', 'PATCH']) assert.ok(refused(await hers.send(issuer + d, { method, form: right, headers: own })), `${d} ${method}`);
		for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x'])
			assert.ok(refused(await hers.send(issuer + d, { method: 'POST', body: new URLSearchParams(right).toString(), headers: { ...own, 'content-type': type } })), `${d} ${type}`);
		assert.ok(refused(await post(hers, d, `${new URLSearchParams(right)}&csrf_token=x`)), `${d}, two tokens`);
		notOurFault(await hers.send(`${issuer}${d}?${new URLSearchParams(right)}`), `${d} as a link`);
	}
	assert.deepEqual([rosa, otto, uid, `ak-open-${run}`].map(held), was, 'nothing has changed');
	assert.equal(ldapRead(open.dn, 'csamEnrolmentState'), 'open');
	for (const agent of [hers, other, his]) assert.ok(!(await agent.visit(`${issuer}/keys/data`)).url.includes('/login'), 'and nobody was signed out');
	assert.equal((await hers.visit(`${issuer}/activate/terms`)).status, 200, 'nor is the activation over');
});

// --- who, and with what ---

await check('a weaker login than the keys it would touch: led to a stronger one at every form, and what it filled in is not done then', async () => {
	const vera = newPerson(`ak-vera-${run}`), was = held(vera);
	for (const d of ['/keys/password', '/keys/key', '/keys/contact', '/keys/data/delete', '/keys/pending', ...wizards]) {
		const weak = await comeIn(vera, { kind: 'password' }), { csrf_token } = await formAt(weak, '/keys/data');
		const r = await post(weak, d, { ...would[d], username: vera.username, csrf_token, code: '000000', address: `ak-vera-${run}@csam.example` });
		assert.ok(login(r), `${d}: ${r.status} ${words(r)}`);
		if (['/keys/key', '/keys/new/mail'].includes(d)) await strengthen(weak, vera, r.location);
	}
	const weak = await comeIn(vera, { kind: 'password' });
	assert.equal((await post(weak, '/keys/lost-phone', { csrf_token: (await formAt(weak, '/keys/data')).csrf_token, mail: '1' })).status, 200, 'which says how the rest is ended');
	assert.equal(held(vera), was);
});

await check('keys that are nobody\'s to change: another\'s, ended ones, the identity card, and ids of every sort', async () => {
	const nora = newCitizen(`ak-nora-${run}`), { username } = newPerson(`ak-nils-${run}`), hers = await comeIn(nora);
	addKey(username, 'mail', `${username}@csam.example`);
	addKey(nora, 'sms', '+32470111000');
	const { csrf_token } = await formAt(hers, '/keys/data');
	assert.equal((await post(hers, '/keys/key', { csrf_token, id: 'sms-1', act: 'end' })).location, `${issuer}/keys?done=ended`);
	const was = [nora, username].map(held);
	for (const id of ['mail-1', 'sms-1', 'eid', 'eid-1', `mail-1,uid=${username}`, `csamKeyId=mail-1,${dnOf(username)}`, '*', 'app-1*', 'app-1\\00', 'APP-1 ', ' app-1', 'app-1,', '../app-1', 'x'.repeat(5000), 'app‐1', 'аpp-1'])
		for (const act of ['end', 'rename', 'active']) {
			const r = await post(hers, '/keys/key', { csrf_token, id, act, label: 'mine' });
			assert.equal(r.status, 404, `${id.slice(0, 40)} ${act}: ${r.status}`);
		}
	for (const act of ['', 'activate', 'unlock', 'END', 'end ', 'delete']) assert.equal((await post(hers, '/keys/key', { csrf_token, id: 'app-1', act })).status, 400, act);
	for (const more of [{ csamKeyState: 'active', level: '500', csamKeyLevel: '500', kind: 'eid', subject: username, uid: username }])
		assert.equal((await post(hers, '/keys/key', { csrf_token, id: 'password-1', act: 'rename', label: '', ...more })).status, 303);
	assert.deepEqual([nora, username].map(held), was);
});

await check('a key that is locked is revived by no form, and a person who is suspended does nothing with a login that was good', async () => {
	const lia = newPerson(`ak-lia-${run}`), hers = await comeIn(lia), { fields, seed } = await newApp(hers), { csrf_token } = fields;
	addKey(lia, 'mail', `${lia.username}@csam.example`);
	ldapmodify(csamctl('key', 'lock', lia.username, 'mail-1'));
	await pause(1000);
	for (const act of ['activate', 'unlock', 'active', 'open']) assert.equal((await post(hers, '/keys/key', { csrf_token, id: 'mail-1', act, state: 'active' })).status, 400);
	await post(hers, '/keys/key', { csrf_token, id: 'mail-1', act: 'rename', label: 'x', state: 'active' });
	assert.equal(states(lia)['mail-1'], 'locked');
	ldapmodify(`dn: ${dnOf(lia)}\nchangetype: modify\nreplace: csamPersonState\ncsamPersonState: suspended\n`);
	await pause(1000);
	const was = held(lia);
	for (const d of doors.filter(d => d.startsWith('/keys'))) {
		const r = await post(hers, d, { ...would[d], csrf_token, draft: fields.draft, code: totp(seed), username: lia.username });
		assert.ok(login(r) || r.status === 400, `${d}: ${r.status}`);
	}
	assert.equal(held(lia), was);
});

// --- drafts and finished forms ---

await once('a draft is good for one key: of another login of the same person, for another kind, bent, and of a key that has ended since, it makes none', async () => {
	const dora = newPerson(`ak-dora-${run}`), hers = await comeIn(dora), elsewhere = await comeIn(dora, { kind: 'app' });
	await early();
	const mine = await newApp(hers), theirs = await newApp(elsewhere), code = totp(mine.seed);
	const { csrf_token, draft } = mine.fields;
	for (const [what, d] of [['of another login', theirs.fields.draft], ['a form\'s token', csrf_token], ['bent', draft.slice(0, -2) + (draft.endsWith('AA') ? 'BB' : 'AA')], ['cut', draft.slice(0, 40)], ['twice', draft + draft], ['none', ''], ['a cookie', hers.cookies.get(S)]])
		for (const c of [code, totp(theirs.seed)]) assert.equal((await post(hers, '/keys/new/app', { csrf_token, draft: d, code: c, label: '' })).status, 400, what);
	assert.deepEqual(Object.keys(states(dora)).sort(), ['app-1', 'password-1']);
	assert.equal((await post(hers, '/keys/new/app', { ...mine.fields, code, label: '' })).location, `${issuer}/keys?done=added`);
	// The other login's page was for a key of that name: nothing is said to be added that is not.
	const late = await post(elsewhere, '/keys/new/app', { ...theirs.fields, code: totp(theirs.seed), label: '' });
	assert.equal(late.status, 400, `${late.location}`);
	assert.match(late.text, /name="draft"/, 'a new page for a new key');
	assert.deepEqual(Object.keys(states(dora)).sort(), ['app-1', 'app-2', 'password-1']);
	// The finished form again: the key is there. Once it has ended, it does not come back.
	assert.equal((await post(hers, '/keys/new/app', { ...mine.fields, code, label: 'again' })).location, `${issuer}/keys?done=added`);
	assert.equal((await post(hers, '/keys/key', { csrf_token, id: 'app-2', act: 'end' })).status, 303);
	for (const c of [code, totp(mine.seed)]) assert.notEqual((await post(hers, '/keys/new/app', { ...mine.fields, code: c, label: '' })).location, `${issuer}/keys?done=added`);
	assert.deepEqual(states(dora), { 'app-1': 'active', 'app-2': 'revoked', 'password-1': 'active' });
});

await once('two pages for the same place, each proven: one key, and the other is not said to be there', async () => {
	const mia = newPerson(`ak-mia-${run}`), hers = await comeIn(mia), fields = await formAt(hers, '/keys/new/mail'), codes = [];
	for (const to of [`ak-mia-1-${run}@csam.example`, `ak-mia-2-${run}@csam.example`]) {
		const page = await hers.visit((await post(hers, '/keys/new/mail', { ...fields, address: to, label: '' })).location);
		codes.push({ to, page, code: codeIn((await sentTo('mail', to)).text) });
	}
	const stop = url => url.includes('/keys?done='), ends = [];
	for (const { page, code } of codes) ends.push(await hers.answer(page, { code }, { stop }));
	assert.match(ends[0].callback ?? '', /done=added/);
	assert.ok(!ends[1].callback && ends[1].status < 500, `${ends[1].status} ${words(ends[1])}`);
	assert.equal(ldapRead(keyDn(mia, 'mail-1'), 'csamKeyAddress'), codes[0].to);
	assert.equal(states(mia)['mail-2'], undefined);
});

await once('fifty at once of one form: one key, one end and one notice of each, one name, one password, one acceptance', async () => {
	const fay = newPerson(`ak-fay-${run}`), to = `${fay.username}@csam.example`, hers = await comeIn(fay), fifty = (where, fields) => Promise.all(Array.from({ length: 50 }, (_, i) => post(hers, where, typeof fields === 'function' ? fields(i) : fields)));
	ldapmodify(`dn: ${dnOf(fay)}\nchangetype: modify\nreplace: preferredLanguage\npreferredLanguage: en\n-\nreplace: csamMailVerified\ncsamMailVerified: ${to}\n`);
	await pause(1000);
	await early();
	const { fields, seed } = await newApp(hers), { csrf_token } = fields;
	for (const r of await fifty('/keys/new/app', { ...fields, code: totp(seed), label: 'one of fifty' })) assert.equal(r.status, 303);
	assert.deepEqual(Object.keys(states(fay)).sort(), ['app-1', 'app-2', 'password-1']);
	for (const r of await fifty('/keys/key', i => ({ csrf_token, id: 'app-2', act: 'rename', label: `name ${i}` }))) assert.equal(r.status, 303);
	assert.match(ldapRead(keyDn(fay, 'app-2'), 'description'), /^name \d+$/);
	for (const r of await fifty('/keys/key', { csrf_token, id: 'app-2', act: 'end' })) assert.ok([303, 404].includes(r.status), `${r.status}`);
	assert.equal(states(fay)['app-2'], 'revoked');
	const changed = ldapRead(dnOf(fay), 'pwdChangedTime');
	await pause(1100);
	for (const r of await fifty('/keys/password', i => ({ csrf_token, password: `${password} ${i}`, again: `${password} ${i}` }))) assert.ok(r.status < 500, `${r.status}`);
	assert.notEqual(ldapRead(dnOf(fay), 'pwdChangedTime'), changed);
	const heard = what => mailsTo(to).filter(m => what.test(subjectOf(m))).length;
	for (let i = 0; i < 50 && !heard(/password was changed/); i++) await pause(100);
	await pause(2000);
	assert.deepEqual([heard(/was added/), heard(/was deactivated/), heard(/password was changed/)], [1, 1, 1]);
});

await once('twelve keys and no more, also of many apps at once, and of an activation', async () => {
	const max = newPerson(`ak-max-${run}`), browsers = [await comeIn(max), await comeIn(max)];
	for (let i = 2; i <= 9; i++) ldapmodify(`dn: ${keyDn(max, `app-${i}`)}\nchangetype: add\nobjectClass: csamKey\ncsamKeyId: app-${i}\ncsamKeyKind: app\ncsamKeyState: active\ncsamKeyLevel: 400\n`);
	await pause(1000);
	const alive = () => Object.values(states(max)).filter(s => s !== 'revoked').length;
	assert.equal(alive(), 10);
	await early();
	for (let round = 0; round < 3; round++) {
		const drafts = await Promise.all(Array.from({ length: 12 }, (_, i) => newApp(browsers[i % 2]).then(d => ({ ...d, agent: browsers[i % 2] }), () => null)));
		await Promise.all(drafts.filter(Boolean).map(d => post(d.agent, '/keys/new/app', { ...d.fields, code: totp(d.seed), label: '' })));
	}
	assert.equal(alive(), 12);
	const { csrf_token } = await formAt(browsers[0], '/keys/data');
	for (const d of wizards) assert.equal((await post(browsers[0], d, { csrf_token, address: d.endsWith('sms') ? '+32470123123' : `${max.username}@csam.example`, code: '000000', draft: 'x' })).status >= 400, true, d);
	assert.equal((await browsers[0].visit(`${issuer}/keys/new/app`)).status, 403);
	// A page that was open when there was room.
	ldapmodify(csamctl('key', 'revoke', max.username, 'app-9'));
	await pause(1000);
	await early();
	const last = await newApp(browsers[0]);
	ldapmodify(`dn: ${keyDn(max, 'mail-1')}\nchangetype: add\nobjectClass: csamKey\ncsamKeyId: mail-1\ncsamKeyKind: mail\ncsamKeyState: active\n`);
	await pause(1000);
	assert.equal((await post(browsers[0], '/keys/new/app', { ...last.fields, code: totp(last.seed), label: '' })).status, 403);
	assert.equal(alive(), 12);
});

// --- what people write ---

await check('names of keys: long ones, lines, what turns writing around or is not seen is refused; the rest stands apart in list, history and mail', async () => {
	const lena = newPerson(`ak-lena-${run}`), to = `${lena.username}@csam.example`, hers = await comeIn(lena), { csrf_token } = await formAt(hers, '/keys/data'), dn = keyDn(lena, 'app-1');
	ldapmodify(`dn: ${dnOf(lena)}\nchangetype: modify\nreplace: preferredLanguage\npreferredLanguage: en\n-\nreplace: csamMailVerified\ncsamMailVerified: ${to}\n`);
	await pause(1000);
	const rename = label => post(hers, '/keys/key', { csrf_token, id: 'app-1', act: 'rename', label }).catch(cut);
	const bad = ['x'.repeat(61), '😀'.repeat(61), 'x'.repeat(60000), 'a\r\nBcc: evil@csam.example', 'a\nb', 'a\rb', 'a\tb', 'a\u0000b', 'a\u0085b', 'a\u001bb', 'a\u2028Bcc: x', 'a\u2029b',
		'a\u202eelibom', 'a\u202db', 'a\u2066b\u2069', 'a\u200eb', 'a\u200fb', 'a\u061cb', 'a\u200bb', 'a\ufeffb', 'a\u00adb', '\u{e0041}b', 'a\ufff9b'];
	for (const label of bad) assert.equal((await rename(label)).status, 400, JSON.stringify(label.slice(0, 20)));
	for (const raw of ['%ff%fe', '%c0%af', '%ed%a0%80', '%f8%88%80%80%80'])
		assert.equal((await post(hers, '/keys/key', `csrf_token=${csrf_token}&id=app-1&act=rename&label=a${raw}`)).status, 400, raw);
	for (const label of bad.slice(3)) assert.equal((await post(hers, '/keys/new/mail', { csrf_token, address: to, label })).status, 400, JSON.stringify(label));
	assert.equal(ldapRead(dn, 'description'), undefined);
	// Of letters that look like others nobody is misled: the kind stands before them, in our words.
	for (const label of ['Аpp оf аn аdministrator', 'מפתח שלי', 'Bcc: evil@csam.example', '=?utf-8?q?x?=', '</bdi><b>"&\'', '{{csrf_token}} {url}', '%s%n', '👩‍👧', '.']) {
		const r = await rename(label);
		assert.equal(r.status, 303, label);
		const page = (await hers.visit(`${issuer}/keys?lang=en`)).text, shown = label.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;').replace(/'/g, '&#39;');
		assert.ok(page.includes(`<bdi>${shown}</bdi>`), `${label}: ${page.match(/<bdi>[^]*?<\/bdi>/)?.[0]}`);
		assert.match(page, /mobile app/);
	}
	for (let i = 0; i < 50 && mailsTo(to).length < 9; i++) await pause(100);
	const mails = mailsTo(to);
	assert.ok(mails.length >= 9);
	for (const m of mails) {
		const head = m.slice(0, m.search(/\r?\n\r?\n/));
		assert.deepEqual([...head.matchAll(/^([A-Za-z-]+):/gm)].map(h => h[1].toLowerCase()).filter(h => ['bcc', 'cc', 'to'].includes(h)), ['to']);
		assert.ok(head.split(/\r?\n/).every(l => l.length <= 998));
		assert.match(subjectOf(m), /mobile app \(|new name/);
	}
});

await check('addresses: none with a line, a second one, a name, a route or letters that mail does not carry gets a code', async () => {
	const ada = newPerson(`ak-ada-${run}`), hers = await comeIn(ada), { csrf_token } = await formAt(hers, '/keys/data'), was = held(ada);
	for (const address of ['a@csam.example\r\nBcc: b@csam.example', 'a@csam.example\nb@csam.example', 'a@csam.example, b@csam.example', 'a@csam.example;b@csam.example', 'A <a@csam.example>', '"a b"@csam.example', '"a\\"@csam.example', '@x.example:a@csam.example', 'a@[127.0.0.1]', 'a@127.0.0.1', 'a@localhost',
		'a@csam.example.', 'a..b@csam.example', '.a@csam.example', 'a@-csam.example', 'a@csam..example', 'a%csam.example', 'a@b@csam.example', 'é@csam.example', 'a@cѕam.example', 'a\u202e@csam.example', 'a\u0000@csam.example', '', ' ', 'x'.repeat(65) + '@csam.example', `a@${'x'.repeat(250)}.example`, 'x'.repeat(50000) + '@csam.example',
		'mailto:a@csam.example', 'a@csam.example?bcc=b@csam.example', '-oQ/tmp@csam.example -X'])
		for (const [where, fields] of [['/keys/new/mail', { address, label: '' }], ['/keys/contact', { act: 'mail', mail: address }]])
			assert.equal((await post(hers, where, { csrf_token, ...fields }).catch(cut)).status, 400, `${where} ${JSON.stringify(address.slice(0, 40))}`);
	for (const address of ['+32', '112', '+0470123456', '++32470123456', '+32470123456,+32470123457', '+32470123456\r\nX: y', '+3247012345678901234567', '0470x123456', '+32 470 12 34 5６', '', '٠٤٧٠١٢٣٤٥٦', '+32470123456;ext=1', 'tel:+32470123456'])
		for (const [where, fields] of [['/keys/new/sms', { address, label: '' }], ['/keys/contact', { act: 'mobile', mobile: address }]])
			assert.equal((await post(hers, where, { csrf_token, ...fields })).status, 400, `${where} ${JSON.stringify(address)}`);
	for (const [locale, notice] of [['xx', 'all'], ['', 'all'], ['../fr', 'all'], ['fr', 'none'], ['fr', ''], ['fr', 'all\nx']]) assert.equal((await post(hers, '/keys/contact', { csrf_token, act: 'letters', locale, notice })).status, 400, `${locale} ${notice}`);
	assert.equal(held(ada), was);
	for (const body of [`csrf_token=${csrf_token}&${'x=y&'.repeat(400)}`, `csrf_token=${csrf_token}&label=${'x'.repeat(70000)}`]) notOurFault(await post(hers, '/keys/new/mail', body).catch(cut), 'too much');
});

// --- what is not open ---

await check('the wizard of a kind that an operator has closed: not in the list, and no form of it does anything, of a login, an activation or one that was open', async () => {
	const kim = newPerson(`ak-kim-${run}`), hers = await comeIn(kim), uid = nobody(`ak-closed-${run}`), e = enrol(uid), his = new Agent();
	await post(his, '/activate', { ...await formAt(his, e.link.slice(issuer.length), '/activate'), code: e.code });
	await post(his, '/activate/terms', { ...await formAt(his, '/activate/terms'), ...would['/activate/terms'] });
	await post(his, '/activate/password', { ...await formAt(his, '/activate/password'), password, again: password });
	const id = his.cookies.get('__Host-csam-a').split('.')[0];
	await early();
	const app = await newApp(hers), mail = await formAt(hers, '/keys/new/mail'), acted = await newApp(his, `/keys/new/app?a=${id}`), was = [kim, uid].map(held), dn = kind => `csamKeyKind=${kind},ou=kinds,${base}`;
	const set = (kind, state) => ldapmodify(`dn: ${dn(kind)}\nchangetype: add\nobjectClass: csamKind\ncsamKeyKind: ${kind}\ncsamKindState: ${state}\n`);
	for (const state of ['off', 'blocked']) {
		for (const kind of ['app', 'mail', 'password']) set(kind, state);
		try {
			await pause(1200);
			// Off ends what rests on the kind, her login too: she has one that stands as long as it is blocked.
			if (state === 'blocked') {
				const list = await hers.visit(`${issuer}/keys`);
				assert.match(list.text, /href="\/keys\/new\/sms"/);
				assert.doesNotMatch(list.text, /href="\/keys\/new\/(app|mail)"/);
			}
			assert.doesNotMatch((await his.visit(`${issuer}/activate/keys`)).text, /href="\/keys\/new\/(app|mail)|value="password"/);
			for (const [agent, where, fields] of [[hers, '/keys/new/app', { ...app.fields, code: totp(app.seed) }], [hers, '/keys/new/mail', { ...mail, address: `${kim.username}@csam.example`, label: '' }], [his, `/keys/new/app?a=${id}`, { ...acted.fields, code: totp(acted.seed) }],
				[his, `/keys/new/mail?a=${id}`, { csrf_token: acted.fields.csrf_token, address: `${uid}@csam.example`, label: '' }]]) {
				const r = await post(agent, where, fields);
				assert.ok(r.status === 404 || login(r), `${state} ${where}: ${r.status}`);
				assert.ok([404, 200].includes((await agent.visit(issuer + where)).status));
			}
			assert.equal((await post(his, '/activate/keys', { csrf_token: acted.fields.csrf_token, act: 'password' })).status, 400);
			assert.deepEqual([kim, uid].map(held), was);
		} finally {
			for (const kind of ['app', 'mail', 'password']) ldapmodify(`dn: ${dn(kind)}\nchangetype: delete\n`);
			await pause(1200);
		}
	}
});

// --- logins that change beside ---

await check('a password that is changed ends what another browser had begun with the old one: its drafts, its codes, its forms', async () => {
	const pia = newPerson(`ak-pia-${run}`), to = `ak-pia2-${run}@csam.example`, here = await comeIn(pia), there = await comeIn(pia);
	await early();
	const draft = await newApp(there), mail = await formAt(there, '/keys/new/mail');
	const asked = await there.visit((await post(there, '/keys/new/mail', { ...mail, address: to, label: '' })).location), code = codeIn((await sentTo('mail', to)).text);
	const fields = await formAt(here, '/keys/password');
	await pause(1100);		// pwdChangedTime counts seconds
	assert.equal((await post(here, '/keys/password', { ...fields, password, again: password })).status, 200);
	await pause(500);
	assert.ok(login(await post(there, '/keys/new/app', { ...draft.fields, code: totp(draft.seed), label: '' })));
	const late = await there.answer(asked, { code });
	assert.doesNotMatch(`${late.url} ${late.callback}`, /done=added/);
	assert.ok(login(await post(there, '/keys/key', { csrf_token: mail.csrf_token, id: 'app-1', act: 'end' })));
	assert.deepEqual(states(pia), { 'app-1': 'active', 'password-1': 'active' });
});

await check('session fixation at the step up to a key\'s level: a planted or an older cookie is never what the stronger proof opens', async () => {
	const eve = newPerson(`ak-eve-${run}`), victim = newPerson(`ak-vic-${run}`), hers = await comeIn(victim, { kind: 'password' }), weak = hers.cookies.get(S), thief = new Agent();
	thief.cookies = new Map(hers.cookies);		// all that there was before
	await strengthen(hers, victim, `${issuer}/keys/key?id=app-1`);
	assert.equal((await hers.visit(`${issuer}/keys/key?id=app-1`)).status, 200);
	assert.ok((await thief.visit(`${issuer}/keys`)).url.includes('/login'), 'the cookie of before is dead');
	const { csrf_token } = await formAt(hers, '/keys/data');
	assert.ok(login(await post(thief, '/keys/key', { csrf_token, id: 'app-1', act: 'end' })));
	// A stranger's session, planted before she comes: she signs in as herself, and the stranger's stays the stranger's.
	const his = await comeIn(eve), planted = new Agent();
	planted.cookies.set(S, his.cookies.get(S));
	const page = await planted.visit(`${issuer}/keys/key?id=app-1&x=1`);
	assert.ok(!page.text.includes(victim.username));
	await comeIn(victim, { agent: planted, where: '/keys/new/app' }).catch(() => {});
	for (const [agent, who, not] of [[his, eve, victim]]) {
		const r = await agent.visit(`${issuer}/keys/contact`);
		assert.ok(!r.text.includes(`${not.username}@`) && (r.url.includes('/login') || r.text.includes(`${who.username}@`)));
	}
	assert.deepEqual([states(victim)['app-1'], states(eve)['app-1']], ['active', 'active']);
	assert.equal((await bare(`${issuer}/keys`, { headers: { cookie: `${S}=${weak}` } })).status, 303);
});

done();
