// What people do at the desk of 'My digital keys', in a real browser, and what they are sent: shared by its tests.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { newCard } from './cards.mjs';
import { signIn as byCode } from './chromium.mjs';
import { csamctl, demo, freshCode, ldapmodify, newPerson, target, totp, usedCode } from './csam.mjs';

export const base = target.ldap.base, keys = `${target.issuer}/keys`, activate = `${target.issuer}/activate`;
export const dnOf = who => `uid=${who.username ?? who},ou=people,${base}`, keyDn = (who, id) => `csamKeyId=${id},${dnOf(who)}`;

// --- signing in ---

export async function signIn(page, who, options = {}) {
	if (options.kind !== 'eid') return byCode(page, who, options);
	await page.waitForSelector('button[name=choice], #eid-form');
	if (await page.locator('button[name=choice][value=eid]').count()) await page.locator('button[name=choice][value=eid]').click();
	return signWithCard(page);
}

// Somebody with an identity card.
export function newCitizen(username, options) {
	const who = newPerson(username, options), card = newCard('Emma', 'Maes');
	ldapmodify(`dn: ${dnOf(who)}\nchangetype: modify\nadd: csamNationalNumber\ncsamNationalNumber: ${card.number}\n`);
	return { ...who, card };
}
const signWithCard = async page => { await page.waitForSelector('#eid-go:visible'); await page.click('#eid-go'); };
// Without scripts: the certificate, where the listener for cards asks for it.
export function showCertificate(page, card) {
	const file = end => path.join(demo, 'eid/cards', `test-${card.number}.${end}`);
	return page.locator('#eid-tls').getAttribute('href').then(href => page.goto(execFileSync('curl', ['-s', '-k', '--cert', file('pem'), '--key', file('key'), '-o', '/dev/null', '-w', '%{redirect_url}', href], { encoding: 'utf8' })));
}

// --- forms, and what no page of ours would send, with the cookies of that browser ---

export const form = page => page.evaluate(() => Object.fromEntries(new FormData(document.querySelector('form[action^="/keys"], form[action^="/activate"]') ?? document.querySelector('form'))));
export const send = (context, where, fields, headers = { origin: target.issuer }) =>
	context.request.post(`${target.issuer}${where}`, { form: fields, headers, maxRedirects: 0, ignoreHTTPSErrors: true });
export const alert = async page => (await page.locator('[role=alert]').innerText()).replace(/\s+/g, ' ');
export const secretOf = async page => (await page.locator('.secret').evaluate(e => e.textContent)).replaceAll(' ', '');
// Adds the app that the page shows; returns its person with that seed. The code of the step before is good for it, too, and leaves the present one to sign in
// with: nobody waits for the next.
export async function addApp(page, who, label = '') {
	const seed = await secretOf(page);
	while (Date.now() % 30000 > 24000) await new Promise(r => setTimeout(r, 250));
	const before = Date.now() - 30000;
	usedCode(seed, before);
	await page.fill('[name=code]', totp(seed, before));
	if (label) await page.fill('[name=label]', label);
	await page.locator('button.go').click();
	return { ...who, totp: seed };
}

// --- what was sent ---

const box = kind => path.join(demo, kind);
// Every message of that way ("mail", "sms"), the oldest first.
export const messages = kind => !fs.existsSync(box(kind)) ? [] : fs.readdirSync(box(kind)).filter(f => !f.startsWith('.')).map(f => path.join(box(kind), f))
	.map(file => ({ file, at: fs.statSync(file).mtimeMs, raw: fs.readFileSync(file, 'utf8') })).sort((a, b) => a.at - b.at);
// The message with a code that was sent there since then (a number of messages); notices come the same way, but a code's ends with "@host #code".
export async function messageWithCode(kind, before, to = '') {
	for (let i = 0; i < 600; i++) {
		const found = messages(kind).slice(before).filter(m => m.raw.includes(to)).map(m => ({ ...m, code: m.raw.match(/^@localhost #(\d{6})\b/m)?.[1] })).find(m => m.code);
		if (found) return found;
		await new Promise(r => setTimeout(r, 100));
	}
	throw new Error(`no code arrives by ${kind}`);
}
export const codeSent = async (...what) => (await messageWithCode(...what)).code;

// --- keys in the directory, and enrolments ---

export const states = who => Object.fromEntries([...csamctl('key', 'list', who.username ?? who).matchAll(/^(\w+-\d+)\s+\w+\s+(\w+)/gm)].map(m => [m[1], m[2]]));
export const addKey = (who, kind, address, level = '300') => ldapmodify(`dn: ${keyDn(who, `${kind}-1`)}\nchangetype: add\nobjectClass: csamKey\ncsamKeyId: ${kind}-1\ncsamKeyKind: ${kind}\ncsamKeyState: active\ncsamKeyAddress: ${address}\ncsamKeyLevel: ${level}\n`);
export const setKey = (who, id, attribute, value) => ldapmodify(`dn: ${keyDn(who, id)}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n`);

// Somebody without a password and without keys.
export function nobody(uid, lang = 'en') {
	ldapmodify(csamctl('person', 'new', '--uid', uid, '--given-name', 'Jules', '--family-name', 'Martin', '--mail', `${uid}@csam.example`, '--lang', lang));
	return uid;
}
// An enrolment in the directory, with what was shown to the officer.
export function enrol(uid, ...options) {
	const run = spawnSync(target.csamctl, ['enrol', '--uid', uid, ...(options.includes('--level') ? [] : ['--level', '400']), ...options], { encoding: 'utf8' });
	assert.equal(run.status, 0, run.stderr);
	ldapmodify(run.stdout);
	return { dn: run.stdout.match(/^dn: (.*(?:\n .*)*)/m)[1].replaceAll('\n ', ''), ldif: run.stdout, said: run.stderr,
		link: run.stderr.match(/link: (\S+)/)?.[1], code: run.stderr.match(/code: (\S+)/)[1] };
}
export async function enter(page, e, code = e.code) {
	await page.goto(e.link);
	await page.fill('[name=code]', code);
	await page.locator('button.go').click();
}
// The terms, and what is declared about the address, where they are asked for.
export async function agree(page) {
	for (const box of await page.locator('form [type=checkbox]').all()) await box.check();
	await page.locator('button[value=accept]').click();
}
export async function choosePassword(page, password = 'trois petits moutons blancs') {
	if (page.url() === `${activate}/terms`) await agree(page);
	await page.fill('[name=password]', password);
	await page.fill('[name=again]', password);
	await page.locator('button.go').click();
}
// From the choice of an activation, whose link says whose it is.
export const wizard = (page, kind) => page.locator(`a[href^="/keys/new/${kind}?a="]`).click();
export const wrong = code => (code[0] === 'B' ? 'C' : 'B') + code.slice(1);
