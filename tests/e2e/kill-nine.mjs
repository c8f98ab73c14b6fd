// kill -9 of the front, the keyring and slapd in turn under a stream of logins: what was acknowledged stays, what was used stays used.
// LOGINS=20000 SEED=7 make it long, and the same again.
import assert from 'node:assert/strict';
import { Agent, base, check, dice, Directory, done, Idpd, issuer, once, password, progress, sleep, totp, until } from './own.mjs';

const LOGINS = Number(process.env.LOGINS ?? 1000), SEED = Number(process.env.SEED ?? Date.now() % 1000000), LANES = 12;
const roll = dice(SEED), GRACE_MS = 3000, KILLS = LOGINS > 2000 ? Infinity : 12;
console.log(`# seed ${SEED}, ${LOGINS} logins`);

const directory = new Directory().start();
const idpd = new Idpd(directory, { sections: 'state {\n\tmap_size = 256\n}\noidc {\n\tcode_lifetime = 600\n}\n' }).start();
await idpd.ready();
const services = { bank: directory.service('bank', idpd, { level: 400 }), library: directory.service('library', idpd), club: directory.service('club', idpd, { consent: true }) };
const pool = { app: directory.people('app', Math.min(LOGINS, 1500)), password: directory.people('pw', 150, { code: false }) };
const [clumsy, victim] = directory.people('clumsy', 2), patients = directory.people('patient', 40);
await idpd.ready();

// ---- what was seen

const ledger = { codes: [], sessions: [], refresh: [], spent: [], tickets: [], steps: [], consents: [], tokens: 0, logins: 0, wrong: 0, unsure: 0, vain: 0 };
const outages = [], bugs = [], grave = [];	// grave: what must not happen even once
let pages503 = 0, again = 0;
class Away extends Error {}

const during = at => outages.some(o => at >= o.from && at <= (o.to ?? Infinity) + GRACE_MS);
async function watched(send) {
	const at = Date.now();
	let r;
	try {
		r = await send();
	} catch (e) {
		if (!during(at) && !during(Date.now())) bugs.push(`no connection outside an outage: ${e.cause ?? e}`);
		throw new Away('connection');
	}
	if (r.status === 503) {
		if (during(at) || during(Date.now())) pages503++;
		else bugs.push(`503 outside an outage: ${r.url}`);
		throw new Away('503');
	}
	if (r.status >= 500) bugs.push(`${r.status} at ${r.url}: ${r.text?.slice(0, 300)}`);
	return r;
}
class Browser extends Agent {
	send(url, options) { return watched(() => super.send(url, options)); }
	get session() { return this.cookies.get('__Host-csam-s'); }
	twin() { const b = new Agent(); b.cookies = new Map(this.cookies); return b; }
}
const post = (client, form) => watched(async () => {
	const r = await fetch(`${issuer}/oidc/token`, { method: 'POST', body: new URLSearchParams({ client_id: client.client_id, client_secret: client.client_secret, ...form }) });
	return { status: r.status, url: `token ${form.grant_type}`, text: await r.text(), get json() { return JSON.parse(this.text); } };
});
const redeem = (client, code) => post(client, { grant_type: 'authorization_code', code, redirect_uri: client.redirect_uris[0] });
const refresh = (client, token) => post(client, { grant_type: 'refresh_token', refresh_token: token });

const stop = url => /^https:\/\/\w+\.example\/cb/.test(url);
const authorizeUrl = (client, more = {}) => `${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid', client_id: client.client_id, redirect_uri: client.redirect_uris[0], state: 's', ...more });
const answerOf = page => Object.fromEntries(new URL(page.callback).searchParams);

// ---- one person at one service

// Posts an answer; when the connection breaks, sometimes the same answer again: it may get the stored reply, never a second evaluation.
async function answer(browser, page, form) {
	const send = () => browser.visit(`${issuer}/login`, { method: 'POST', form: { ...form, ticket: Agent.field(page, 'ticket') }, headers: { origin: issuer } }, stop);
	try {
		return await send();
	} catch (e) {
		if (!(e instanceof Away) || roll() < 0.5) throw e;
		await idpd.ready(30);
		again++;
		return await send();
	}
}

// From the service to the cookie. Returns the callback, or null when the person was told no.
async function login(browser, person, kind, client) {
	let page = await browser.visit(authorizeUrl(client), {}, stop), step, ticket, form;
	for (let i = 0; i < 6 && !page.callback; i++) {
		const before = browser.session;
		ticket = Agent.field(page, 'ticket');
		if (Agent.has(page, 'code')) {
			step = Math.floor(Date.now() / 30000);
			person.step = step;
			form = { code: totp(person.totp, step * 30000) };
		} else if (Agent.has(page, 'password')) {
			form = { username: person.username, password: person.password };
		} else if (Agent.has(page, 'consent')) {
			page = await browser.visit(issuer + page.text.match(/<form[^>]*action="([^"]*)"/)[1], { method: 'POST', headers: { origin: issuer },
				form: { request: Agent.field(page, 'request'), csrf_token: Agent.field(page, 'csrf_token'), consent: 'yes' } }, stop);
			if (page.callback) ledger.consents.push({ browser, person, client });
			continue;
		} else if (Agent.has(page, 'choice')) {
			form = { choice: kind };
		} else {
			return null;
		}
		try {
			page = await answer(browser, page, form);
		} finally {
			if (browser.session && browser.session !== before) {
				ledger.logins++;
				ledger.sessions.push({ browser, person, cookie: browser.session, at: Date.now() });
				ledger.tickets.push({ browser, ticket, form, cookie: browser.session });
				if (step) ledger.steps.push({ person, step, code: form.code });
			}
		}
	}
	return page.callback ? answerOf(page) : null;
}

async function tokens(client, code) {
	const twice = roll() < 0.15;
	const results = await Promise.allSettled([redeem(client, code), ...(twice ? [redeem(client, code)] : [])]);
	const good = results.filter(r => r.value?.status === 200);
	if (good.length > 1) grave.push(`a code was redeemed ${good.length} times`);
	if (good.length === 0) {
		if (results.every(r => r.value)) bugs.push(`a fresh code was refused: ${results[0].value.text}`);
		throw new Away('code');
	}
	ledger.codes.push({ client, code });
	ledger.tokens++;
	return twice ? null : good[0].value.json.refresh_token; // the loser has ended what the winner got
}

async function rotate(client, token) {
	let r;
	try {
		r = await refresh(client, token);
	} catch (e) {
		return; // nobody knows whether it was used
	}
	if (r.status !== 200) return void bugs.push(`a fresh refresh token was refused: ${r.text}`);
	ledger.tokens++;
	ledger.spent.push({ client, token });
	ledger.refresh.push({ client, token: r.json.refresh_token });
}

async function visitor(person, kind) {
	const browser = new Browser(), first = kind === 'app' ? services.bank : roll() < 0.5 ? services.library : services.club;
	const back = await login(browser, person, kind, first);
	if (!back) { ledger.unsure++; return; }
	if (back.error) { bugs.push(`a login ended with ${back.error}`); return; }
	const token = await tokens(first, back.code);
	if (token && roll() < 0.6) await rotate(first, token);
	else if (token) ledger.refresh.push({ client: first, token });
	const sso = await browser.visit(authorizeUrl(services.library, { prompt: 'none' }), {}, stop);
	if (!sso.callback || answerOf(sso).error) bugs.push(`single sign-on failed: ${sso.callback ?? sso.status}`);
	else await tokens(services.library, answerOf(sso).code);
}

// A person who is free, and whose code of this half minute was not used.
async function somebody(kind) {
	for (;;) {
		const step = Math.floor(Date.now() / 30000), list = pool[kind], start = Math.floor(roll(list.length));
		for (let i = 0; i < list.length; i++) {
			const p = list[(start + i) % list.length];
			if (!p.busy && (kind !== 'app' || (p.step ?? 0) < step)) return Object.assign(p, { busy: true });
		}
		if (kind === 'app') kind = 'password';
		else await sleep(50);
	}
}

const far = progress('logins', LOGINS);
async function lane() {
	while (ledger.logins < LOGINS && !over) {
		const kind = roll() < 0.55 ? 'app' : 'password', person = await somebody(kind);
		try {
			await visitor(person, person.totp ? 'app' : 'password');
		} catch (e) {
			if (!(e instanceof Away)) { bugs.push(`a visitor: ${e.stack}`); over = true; }
			await sleep(100 + roll(300));
		}
		person.busy = false;
		far(ledger.logins);
	}
}

// ---- those who must not get in

const wrongCode = person => String((Number(totp(person.totp)) + 500000) % 1000000).padStart(6, '0');

async function atCode(person, browser) {
	let page = await browser.visit(authorizeUrl(services.bank), {}, stop);
	for (let i = 0; i < 4 && !Agent.has(page, 'code'); i++)
		page = await answer(browser, page, Agent.has(page, 'password') ? { username: person.username, password } : { choice: 'app' });
	assert.ok(Agent.has(page, 'code'), `no page for a code, but ${page.status}`);
	return { browser, page };
}

// Types a wrong code again and again; how often that was evaluated is known up to what a kill hid.
async function clumsyOne() {
	while (!over && ledger.logins < LOGINS && ledger.wrong < 7) {
		try {
			let { browser, page } = await atCode(clumsy, new Browser());
			clumsy.tries = (clumsy.tries ?? 0) + 1;
			page = await browser.visit(`${issuer}/login`, { method: 'POST', form: { ticket: Agent.field(page, 'ticket'), code: wrongCode(clumsy) }, headers: { origin: issuer } }, stop);
			if (browser.session) grave.push('a wrong code was accepted');
			if (Agent.has(page, 'code')) ledger.wrong++;
		} catch (e) {
			if (!(e instanceof Away)) throw e;
		}
		await sleep(LOGINS > 2000 ? 5000 : 700);
	}
}

async function stranger() {
	const who = ['nobody-at-all', victim.username, '*'];
	for (let i = 0; !over && ledger.logins < LOGINS; i++) {
		try {
			const browser = new Browser();
			let page = await browser.visit(authorizeUrl(services.library), {}, stop);
			if (Agent.has(page, 'choice')) page = await answer(browser, page, { choice: 'password' });
			page = await answer(browser, page, { username: who[i % 3], password: 'wrong horse' });
			if (browser.session || page.callback) grave.push(`${who[i % 3]} got in with a wrong password`);
		} catch (e) {
			if (!(e instanceof Away)) throw e;
		}
		await sleep(400);
	}
}

// While the directory is away the right password neither lets in nor counts, no wrong one counts, and a right code is as good
// afterwards. The pages are opened before; what is typed into them comes too late.
async function pagesFor(person) {
	const pages = [];
	for (let i = 0; i < 6; i++) {
		const browser = new Agent(), post = form => browser.visit(`${issuer}/login`, { method: 'POST', form, headers: { origin: issuer } }, stop);
		let page = await browser.visit(authorizeUrl(i === 5 ? services.bank : services.library), {}, stop);
		for (let k = 0; k < 4 && !Agent.has(page, i === 5 ? 'code' : 'password'); k++)
			page = await post({ ticket: Agent.field(page, 'ticket'), ...(Agent.has(page, 'password') ? { username: person.username, password } : { choice: i === 5 ? 'app' : 'password' }) });
		const form = i === 5 ? {} : { username: person.username, password: i === 1 ? 'wrong horse' : password };
		pages.push({ browser, post, page, form, person });
	}
	return pages;
}
async function knockInVain(pages) {
	for (const { browser, post, page, form, person } of pages) {
		if (!form.username) form.code = totp(person.totp);
		const r = await post({ ...form, ticket: Agent.field(page, 'ticket'), c: Agent.field(page, 'c') });
		if (browser.session || browser.cookies.has('__Host-csam-s')) grave.push('somebody got in while the directory was away');
		if (r.status !== 503) bugs.push(`an answer got ${r.status} while the directory was away`);
		ledger.vain++;
	}
}
// The same browser goes on where it was, with the code it typed before.
async function knockAgain(pages) {
	const { browser, post, page, form } = pages[5], c = Agent.field(page, 'c');
	const again = await browser.visit(`${issuer}/login?c=${c}`, {}, stop);
	const r = await post({ ...form, c, ticket: Agent.field(again, 'ticket') });
	if (!browser.cookies.has('__Host-csam-s')) bugs.push(`a code that was typed while the directory was away is refused afterwards: ${r.status}`);
	const another = new Agent();
	await another.signIn(await another.visit(authorizeUrl(services.library), {}, stop), pages[0].person, { kind: 'password', stop });
	if (!another.cookies.has('__Host-csam-s')) bugs.push('who typed passwords while the directory was away has to wait');
}

// ---- the killer

let over = false;
const returns = [];
async function loginWorks(seconds) {
	const from = Date.now();
	await until('a login works again', seconds, async () => {
		const person = await somebody('password');
		try {
			const b = new Agent(), page = await b.visit(authorizeUrl(services.library), {}, stop);
			const end = await b.signIn(page, person, { kind: 'password', stop });
			return end.callback && answerOf(end).code;
		} catch { return false; } finally { person.busy = false; }
	});
	returns.push(Date.now() - from);
}

async function killer() {
	const parts = ['front', 'keyring', 'slapd'];
	for (let i = 0; i < KILLS && ledger.logins < LOGINS && !over; i++) {
		await sleep(100 + roll(LOGINS > 2000 ? 8000 : 900));
		const part = parts[i % 3], pages = part === 'slapd' && i < 3 * patients.length ? await pagesFor(patients[(i - 2) / 3]) : null;
		const outage = { part, from: Date.now() - 50 };
		outages.push(outage);
		if (part === 'slapd') {
			await directory.kill();
			const pause = roll(3000), end = Date.now() + pause;
			if (pages) await knockInVain(pages);
			await sleep(Math.max(0, end - Date.now()));
			directory.start();
			await idpd.ready(30);
			if (pages) await knockAgain(pages);
		} else {
			const pid = await idpd.kill(part);
			await until(`another ${part}`, 60, () => { const p = idpd.part(part); return p !== 0 && p !== pid; });
		}
		await idpd.ready(30);
		await loginWorks(10);
		outage.to = Date.now();
	}
}

await check(`${LOGINS} logins while front, keyring and slapd are killed in turn: only outages are seen, and short ones`, async () => {
	const kill = killer().catch(e => { over = true; bugs.push(`killer: ${e.message}`); });
	await Promise.all([...Array.from({ length: LANES }, lane), clumsyOne(), stranger()]);
	over = true;
	await kill;
	const kills = outages.length;
	console.log(`# ${ledger.logins} logins, ${ledger.tokens} token answers, ${kills} kills, ${pages503} 503 pages within outages, ${again} answers sent again, ${ledger.unsure} undecided, ${ledger.vain} knocks in vain`);
	console.log(`# until the next login: ${returns.map(ms => `${ms} ms`).join(', ')}`);
	assert.deepEqual([...new Set(bugs)].slice(0, 10), []);
	assert.ok(kills >= 6, 'too few kills to mean anything');
});
await once('nobody got in by what is wrong or used up, not even while parts were being killed', async () => assert.deepEqual([...new Set(grave)], []));

// ---- the end: everything is up, and everything that was acknowledged is looked at

outages.length = 0; bugs.length = 0;
directory.start();
await idpd.ready();
// fn for each, some at once; returns what fn said.
async function each(list, fn) {
	const out = [];
	let next = 0;
	await Promise.all(Array.from({ length: LANES }, async () => { for (let i; (i = next++) < list.length;) out[i] = await fn(list[i]); }));
	return out;
}
const none = (what, list) => assert.deepEqual(list.filter(Boolean).slice(0, 5), [], what);

// First, for codes are worth something for 30 to 60 s only.
await once('no security code is accepted twice', async () => {
	const step = () => Math.floor(Date.now() / 30000), fresh = ledger.steps.filter(s => s.step >= step() - 1 && s.person.step === s.step);
	let tried = 0;
	none('accepted', await each(fresh.slice(-120), async s => {
		const b = new Agent();
		let page = await b.visit(authorizeUrl(services.bank), {}, stop);
		const before = s.step >= step() - 1;
		page = await b.signIn(page, s.person, { kind: 'app', stop, code: s.code });
		if (before && s.step >= step() - 1) tried++;
		return b.cookies.has('__Host-csam-s') && s.person.username;
	}));
	console.log(`# ${tried} of ${ledger.steps.length} were tried again while they were current`);
	assert.ok(tried > 0 || LOGINS < 500);
});

await once('no ticket makes a second session, for its browser or for another', async () => {
	const send = (b, t) => b.send(`${issuer}/login`, { method: 'POST', form: { ...t.form, ticket: t.ticket }, headers: { origin: issuer } });
	none('sessions', await each(ledger.tickets, async t => {
		const twin = t.browser.twin(), other = new Agent();
		other.cookies.set('__Host-csam-b', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
		twin.cookies.delete('__Host-csam-s');
		await send(twin, t);
		await send(other, t);
		const got = twin.cookies.get('__Host-csam-s');
		return (other.cookies.has('__Host-csam-s') && 'another browser got in') || (got && got !== t.cookie && 'a second session');
	}));
});

await check('every session whose cookie was received still signs in', async () => {
	none('lost', await each(ledger.sessions, async s => {
		const b = new Agent();
		b.cookies = new Map([['__Host-csam-s', s.cookie]]);
		const page = await b.visit(authorizeUrl(services.library, { prompt: 'none' }), {}, stop);
		return !(page.callback && answerOf(page).code) && `${s.person.username} at ${new Date(s.at).toISOString()}: ${page.callback ?? page.status}`;
	}));
});

await check('every refresh token that was received still works', async () => {
	none('lost', await each(ledger.refresh, async ({ client, token }) => {
		const r = await refresh(client, token);
		if (r.status === 200) ledger.spent.push({ client, token });
		return r.status !== 200 && r.text;
	}));
});

await check('every consent that was given is in the directory', async () => {
	const given = new Map(directory.read(`ou=people,${base}`, 'csamConsent').map(([dn, v]) => [dn, v]));
	assert.ok(ledger.consents.length > 0);
	none('lost', ledger.consents.map(c => !given.get(c.person.dn)?.some(v => v.startsWith(`${c.client.client_id} `)) && c.person.username));
	none('asked again', await each(ledger.consents, async c => {
		const page = await c.browser.twin().visit(authorizeUrl(c.client, { prompt: 'none' }), {}, stop);
		return !answerOf(page).code && (page.callback ?? page.status);
	}));
});

await once('no authorization code and no refresh token is accepted twice', async () => {
	none('codes', await each(ledger.codes, async ({ client, code }) => (await redeem(client, code)).json.error !== 'invalid_grant' && code));
	none('refresh tokens', await each(ledger.spent, async ({ client, token }) => (await refresh(client, token)).json.error !== 'invalid_grant' && token));
	console.log(`# ${ledger.codes.length} codes, ${ledger.spent.length} refresh tokens`);
});

await once('the audit trail has a line for every login and every token that was answered', async () => {
	const lines = idpd.auditLines(), sessions = new Set(lines.filter(l => l.event === 'login.ok').map(l => `${l.subject} ${l.session}`));
	none('no line', ledger.sessions.map(s => !sessions.has(`${s.person.subject} ${s.cookie.split('.')[0]}`) && s.cookie));
	assert.ok(lines.filter(l => l.event === 'token.issued').length >= ledger.tokens, 'token.issued');
	assert.deepEqual(lines.map(l => l.seq), lines.map((_, i) => i + 1), 'a number is missing or there twice');
	console.log(`# ${idpd.auditVerify().trim().replace(/\n/g, '; ')}`);	// fails when anything is broken
});

await once('wrong codes before a kill count after it: ten are looked at, the next locks the key', async () => {
	const state = () => directory.read(`csamKeyId=app-1,${clumsy.dn}`, 'csamKeyState')[0][1][0];
	let more = 0;
	assert.equal(state(), 'active', `locked after ${clumsy.tries} tries`);
	assert.ok(ledger.wrong >= 3, `only ${ledger.wrong} wrong codes were told`);
	for (; state() === 'active' && more <= 11; more++) {
		const { browser, page } = await atCode(clumsy, new Agent());
		await browser.visit(`${issuer}/login`, { method: 'POST', form: { ticket: Agent.field(page, 'ticket'), code: wrongCode(clumsy) }, headers: { origin: issuer } }, stop);
		assert.ok(!browser.cookies.has('__Host-csam-s'));
	}
	console.log(`# ${ledger.wrong} wrong codes were told of ${clumsy.tries} sent while things were killed, and ${more} later`);
	assert.ok(ledger.wrong + more <= 11 && clumsy.tries + more >= 11, 'some were forgotten, or counted twice');
	const b = new Agent(), page = await b.visit(authorizeUrl(services.bank), {}, stop);
	await b.signIn(page, clumsy, { kind: 'app', stop });
	assert.ok(!b.cookies.has('__Host-csam-s'), 'a locked key let in');
});

await check('what was typed while the directory was away did not count', async () => {
	const ids = new Set(patients.map(p => p.subject));
	assert.ok(ledger.vain > 0, 'nobody knocked');
	none('counted', idpd.auditLines().map(l => ids.has(l.subject) && /^(login.no|login.limited|key.locked)$/.test(l.event) && JSON.stringify(l)));
});

await check('it ends in order, and no part failed by itself', async () => {
	assert.equal(await idpd.stop(), 0);
	none('the log', idpd.log.split('\n').map(l => /ERROR: |runtime error|Sanitizer|ended with status/.test(l) && l));
	directory.tool([`${process.env.TOP}/setup/directory`, 'stop', directory.dir]);
});
done();
