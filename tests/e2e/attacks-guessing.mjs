// Guessing: how many tries there are, under which names, from where; what a wrong try tells; names and passwords that are written to harm.
import assert from 'node:assert/strict';
import { Agent, send } from './agent.mjs';
import { check, done, ldapmodify, ldapRead, newPerson, once, target, totp } from './csam.mjs';
import { answer, at, authorize, issuer, level, listenIn, newServices, notOurFault, pause, request, secondDaemon, trail, words } from './flow.mjs';

const [web, strong] = await newServices({ client_id: 'guess-web', default_acr_values: [level(200)] }, { client_id: 'guess-strong', default_acr_values: [level(400)] });
const port = Number(new URL(issuer).port), entry = name => `uid=${name},ou=people,${target.ldap.base}`;
let networks = 0;
const network = () => { networks++; return `127.${1 + (networks >> 8)}.${networks & 255}.1`; };	// each is a /24 of its own
const person = async (name, options) => {
	const p = newPerson(`guess-${name}`, options);
	return { ...p, subject: ldapRead(entry(p.username), 'csamSubject') };
};

// A browser at the question for name and password.
async function atPassword(service = web, options = { from: network() }, kind = service === strong ? 'app' : 'password') {
	const agent = new Agent(options);
	let page = await agent.visit(request(service).url);
	for (let i = 0; i < 2 && !Agent.has(page, 'password'); i++) page = await agent.answer(page, { choice: kind });
	assert.ok(Agent.has(page, 'password'), words(page));
	return { agent, page };
}
async function tryPassword(username, password, { service = web, headers, ...options } = {}) {
	const { agent, page } = await atPassword(service, { from: network(), ...options });
	return { agent, page: notOurFault(await agent.answer(page, { username, password }, { headers }), JSON.stringify(username).slice(0, 100)) };
}
const inside = page => Boolean(page.callback && answer(page).code);
const noted = page => page.text.match(/role="alert"[^>]*>([^]*?)<\/(?:div|p)>/)?.[1].replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
const wrongNote = noted((await tryPassword('nobody-at-all', 'x')).page);
assert.ok(wrongNote, 'a wrong try is told');

await check('three wrong passwords from one network, then it waits: the same for a name that nobody has', async () => {
	const emma = await person('pace', { code: false });
	for (const name of [emma.username, 'nobody-guess']) {
		const from = network();
		for (let i = 0; i < 3; i++) assert.equal(noted((await tryPassword(name, 'wrong', { from })).page), wrongNote, `${name}, try ${i + 1}`);
		const fourth = (await tryPassword(name, emma.password, { from })).page;
		assert.notEqual(noted(fourth), wrongNote, `${name}: the fourth waits`);
		assert.ok(!inside(fourth), 'even with the right password');
	}
	assert.ok(inside((await tryPassword(emma.username, emma.password)).page), 'from elsewhere she gets in');
});

await check('headers of proxies that are not listed change nobody\'s network', async () => {
	const emma = await person('proxied', { code: false });
	const from = network(), lies = ['a', '1.2.3.4', '9.9.9.9, 8.8.8.8', '', '::1', 'unknown', '1.2.3.4:80', '127.0.0.1', 'x'.repeat(2000), ',,,', '[::1]', '1.2.3.4\t'];
	for (const lie of lies)
		for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'true-client-ip', 'client-ip', 'x-client-ip', 'cf-connecting-ip'])
			await tryPassword(emma.username, 'wrong', { from, headers: { [name]: name === 'forwarded' ? `for=${lie}` : lie } });
	const last = (await tryPassword(emma.username, emma.password, { from, headers: { 'x-forwarded-for': '5.6.7.8' } })).page;
	assert.ok(!inside(last) && noted(last) !== wrongNote, 'it still waits');
	const evaluated = trail().filter(l => l.why === 'wrong-password' && l.peer === from).length;
	assert.ok(evaluated >= 3 && evaluated <= 6, `${evaluated} of ${lies.length * 7} were evaluated`);
});

await check('a listed proxy\'s header that is no address is refused, not skipped', async () => {
	const emma = await person('behind', { code: false });
	const second = await secondDaemon(port + 41, conf => conf.replace('share_dir', 'trusted_proxies = {"127.77.0.0/16"}\n\tshare_dir'));
	try {
		const asProxy = (headers, from = '127.77.0.1') => send(at('/login'), { port: second.port, from, headers });
		for (const lie of ['a', '', ',', '1.2.3.4, a', 'a, 1.2.3.4', '1.2.3', '1.2.3.4:80', '999.1.1.1', '::g', 'localhost', '"1.2.3.4"', '01.2.3.4'])
			assert.equal((await asProxy({ 'x-forwarded-for': lie })).status, 400, JSON.stringify(lie));
		assert.equal((await asProxy({ 'x-forwarded-for': '1.2.3.4' })).status, 303);
		assert.equal((await asProxy({})).status, 303);
		assert.equal((await asProxy({ 'x-forwarded-for': 'a' }, '127.78.0.1')).status, 303, 'of another it means nothing');
		for (let i = 0; i < 3; i++) await tryPassword(emma.username, 'wrong', { port: second.port, from: '127.77.0.1', headers: { 'x-forwarded-for': `6.6.6.${i}, 5.5.5.5` } });
		assert.notEqual(noted((await tryPassword(emma.username, 'wrong', { port: second.port, from: '127.77.0.2', headers: { 'x-forwarded-for': '7.7.7.7, 5.5.5.5' } })).page), wrongNote, 'the last hop counts, not what its sender wrote before');
	} finally { await second.end(); }
});

await check('all names of one person are one counter, and names that only look like hers are not her', async () => {
	const names = n => [n.toUpperCase(), ` ${n}`, `${n} `, `  ${n}  `, n.replace('g', 'G'), `${n}.`, `${n}@csam.example`, `uid=${n}`, entry(n), `uid=${n},`, `${n},ou=people`, n.replace('e', 'е'), n.replace('u', 'ｕ'), n.replace('s', 'ſ'), `${n}\u200b`, `\u200b${n}`, `${n}\u00ad`, `${n}\u0301`, `${n}\u00a0`,
		`${n}\t`, `${n}\n`, `\ufeff${n}`, `${n}\u202e`, [...n].join('\u200d'), n.replaceAll('-', '‐'), n.replaceAll('-', '－'), n.replaceAll('-', '\\2d'), `\\67${n.slice(1)}`, `"${n}"`, `${n}/`, `/${n}`, `./${n}`, `${n}%00`, `${n}%20`, `CSAM\\${n}`, `${n}@`, `${n}+x`, `${n};`, `(${n})`, `${n}*`, '*' + n];
	const her = await person('same', { code: false }), let1 = [];
	for (const name of names(her.username)) if (inside((await tryPassword(name, her.password)).page)) let1.push(name);
	assert.ok(let1.length >= 1, 'the case of letters does not matter');
	console.log(`# names that open: ${JSON.stringify(let1)}`);
	for (const name of let1) assert.equal(name.normalize('NFKC').replace(/[\s\u00ad\u200b-\u200d\u202e\ufeff\u0301]/g, '').toLowerCase(), her.username, 'only hers');
	const from = network();
	for (const name of [...let1, ...let1, ...let1].slice(0, 3)) assert.equal(noted((await tryPassword(name, 'wrong', { from })).page), wrongNote, name);
	for (const name of [her.username, ...let1]) assert.notEqual(noted((await tryPassword(name, 'wrong', { from })).page), wrongNote, `${JSON.stringify(name)} begins to count anew`);
	// and with a name that nobody has it must look the same, or the counter tells who exists
	const nobody = names('guess-none').filter((_, i) => let1.includes(names(her.username)[i]));
	const elsewhere = network();
	for (let i = 0; i < 3; i++) await tryPassword('guess-none', 'wrong', { from: elsewhere });
	for (const name of nobody) assert.notEqual(noted((await tryPassword(name, 'wrong', { from: elsewhere })).page), wrongNote, `${JSON.stringify(name)}: another counter, so nobody has that name`);
});

const wrongs = her => trail().filter(l => l.event === 'login.no' && l.why === 'wrong-password' && l.subject === her.subject).length;
// Sent away for now is an answer too, when 200 come at once.
const answered = page => { assert.ok(page.status < 500 || page.status === 503, `${page.status}: ${words(page)}`); return page; };
await once('200 wrong passwords in parallel from 200 networks: no more than 100 evaluated, then not even the right one', async () => {
	const her = await person('storm', { code: false });
	const ready = await Promise.all(Array.from({ length: 200 }, () => atPassword()));
	const spelled = [her.username, her.username.toUpperCase(), ` ${her.username}`, `${her.username} `];
	const sent = async ({ agent, page }, i, password) => answered(await agent.answer(page, { username: spelled[i % 4], password }));
	const results = await Promise.all(ready.map((r, i) => sent(r, i, 'wrong')));
	for (let round = 0; round < 4 && wrongs(her) < 100; round++)	// those that were sent away as too many come again
		for (const r of results.filter(p => p.status === 429 || p.status === 503)) await sent(await atPassword(), 0, 'wrong');
	assert.equal(wrongs(her), 100, 'evaluated');
	const last = (await tryPassword(her.username, her.password)).page;
	assert.ok(!inside(last));
	assert.equal(noted(last), wrongNote, 'and nobody is told');
});
await once('ten wrong codes lock the key, on all daemons, and the right one comes too late', async () => {
	const her = await person('codes'), right = () => totp(her.totp);
	let told = '';
	for (let i = 0; i < 12; i++) {
		const { agent, page } = await tryPassword(her.username, her.password, { service: strong });
		told += page.text;
		if (!Agent.has(page, 'code')) break;
		const wrong = String((Number(right()) + 1 + i) % 1000000).padStart(6, '0');
		const next = notOurFault(await agent.answer(page, { code: wrong }), 'a wrong code');
		told += next.text;
		assert.ok(!inside(next));
	}
	assert.ok(!told.includes(right()) && !told.includes(her.totp), 'no page tells a code or a seed');
	assert.equal(ldapRead(`csamKeyId=app-1,${entry(her.username)}`, 'csamKeyState'), 'locked');
	const { agent, page } = await tryPassword(her.username, her.password, { service: strong });
	assert.ok(!Agent.has(page, 'code') || !inside(await agent.answer(page, { code: right() })));
	assert.ok(trail().some(l => l.event === 'key.locked' && l.key === 'app-1' && l.subject === her.subject));
});

await check('one conversation ends after ten wrong answers', async () => {
	const { agent, page } = await atPassword();
	let at = page, n = 0;
	for (; n < 15 && Agent.has(at, 'password'); n++) at = await agent.answer(at, { username: `guess-nobody-${n}`, password: 'wrong' });
	assert.equal(n, 10);
	assert.equal(at.status, 403);
});

// --- what a wrong try tells ---
const seeds = [await person('known'), await person('suspended'), await person('keyless', { code: false }), await person('locked'), await person('pending')];
ldapmodify(`dn: ${entry('guess-suspended')}\nchangetype: modify\nreplace: csamPersonState\ncsamPersonState: suspended\n`);
ldapmodify(['locked', 'pending'].map(s => `dn: csamKeyId=app-1,${entry('guess-' + s)}\nchangetype: modify\nreplace: csamKeyState\ncsamKeyState: ${s}\n`).join('\n'));
ldapmodify(`dn: uid=guess-unlocked,ou=people,${target.ldap.base}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: csamPerson\nuid: guess-unlocked\ncn: Dirk\nsn: Dirk\ncsamSubject: ${crypto.randomUUID()}\ncsamPersonState: active\n`);
await pause(1000);
const kinds = { 'guess-unknown': 'wrong', 'guess-known': 'wrong', 'guess-suspended': 'correct horse battery', 'guess-keyless': 'wrong', 'guess-locked': 'wrong', 'guess-pending': 'wrong', 'guess-unlocked': 'wrong' };
// What differs from answer to answer by nature.
const masked = (page, name) => page.text.replaceAll(name, 'NAME').replace(/(name="(?:ticket|c)" value=")[^"]*/g, '$1X').replace(/\/login\?c=[\w-]+/g, '/login?c=X').replace(/r=[\w-]+/g, 'r=X');

await check('unknown, wrong, suspended, without key, locked, pending, without password: the same bytes', async () => {
	const seen = {};
	for (const service of [web, strong])
		for (const [name, password] of Object.entries(kinds)) {
			const { page } = await tryPassword(name, password, { service });
			const is = `${page.status}\n${page.raw.filter((_, i) => i % 2 === 0).join(' ')}\n${page.headers.get('content-length') - (page.text.length - masked(page, name).length)}\n${masked(page, name)}`;
			seen[service.client_id] ??= [name, is];
			assert.equal(is, seen[service.client_id][1], `${name} and ${seen[service.client_id][0]} at ${service.client_id}`);
		}
});

await check('the code is asked after the right password only, and all fields at once are no short cut', async () => {
	for (const [name, password] of Object.entries({ ...kinds, 'guess-keyless': 'correct horse battery', 'guess-locked': 'correct horse battery', 'guess-pending': 'correct horse battery' })) {
		const { page } = await tryPassword(name, password, { service: strong });
		assert.ok(!Agent.has(page, 'code'), name);
		assert.ok(!inside(page));
	}
	const known = seeds[0];
	for (const form of [{ username: known.username, code: totp(known.totp) }, { username: known.username, password: '', code: totp(known.totp) }, { username: known.username, password: 'wrong', code: totp(known.totp) }, { code: totp(known.totp) }, { username: known.username, password: known.password, code: totp(known.totp) }, { username: known.username, password: known.password, code: '' }]) {
		const { agent, page } = await atPassword(strong);
		assert.ok(!inside(await agent.answer(page, form)), JSON.stringify(form));
	}
	const { agent, page } = await tryPassword(known.username, known.password, { service: strong });
	assert.ok(Agent.has(page, 'code'));
	for (const form of [{ code: '' }, { code: ' ' }, {}, { code: '000000', back: '' }, { password: known.password }, { choice: 'password' }, { choice: 'app' }, { code: 'null' }, { code: '0' }, { code: '-1' }, { code: totp(known.totp).slice(0, 5) }, { code: totp(known.totp) + '0' }, { code: '٠٠٠٠٠٠' }]) {
		const next = notOurFault(await agent.send(at('/login'), { method: 'POST', form: { ticket: Agent.field(page, 'ticket'), c: Agent.field(page, 'c'), ...form }, headers: { origin: issuer } }), JSON.stringify(form));
		assert.ok(!next.location || next.location.startsWith(at('/login?c=')), JSON.stringify(form));
		assert.ok(!next.headers.getSetCookie().some(l => l.startsWith('__Host-csam-s')));
	}
});

await check('a password alone opens no service that wants a code: at each entry, for each missing factor', async () => {
	const weak = seeds[2], agent = new Agent({ from: network() });
	assert.ok((await authorize(web, agent, weak)).code, 'the password opens what it may');
	for (const params of [{}, { prompt: 'none' }, { acr_values: level(100) }, { acr_values: level(200) }, { acr_values: '' }, { max_age: '0' }, { login_hint: weak.username }, { prompt: 'none', acr_values: level(200) }, { claims: JSON.stringify({ id_token: { acr: { value: level(100) } } }) }, { claims: JSON.stringify({ id_token: { acr: { essential: true, values: [level(200), level(100)] } } }) }, { prompt: 'consent' }, { prompt: 'select_account' }]) {
		const page = await agent.visit(request(strong, params).url);
		assert.ok(!inside(page), JSON.stringify(params));
		for (const choice of ['password', 'eid', 'itsme', 'sms', 'apppass', '', 'app\0', 'APP', 'x'.repeat(600)])
			if (Agent.has(page, 'choice')) assert.ok(!inside(notOurFault(await agent.answer(page, { choice }), choice)), choice);
	}
	for (const [name, service] of [['guess-locked', strong], ['guess-pending', strong], ['guess-suspended', web], ['guess-unlocked', web]])
		for (const kind of ['app', 'password']) {
			const her = new Agent({ from: network() });
			let page = await her.visit(request(service).url);
			page = await her.signIn(page, { username: name, password: 'correct horse battery', totp: seeds[3].totp }, { kind, code: totp(seeds[3].totp) });
			assert.ok(!inside(page), `${name} with ${kind}`);
		}
});

// --- names and passwords written to harm ---
const listener = await listenIn();
const second = await secondDaemon(port + 42, conf => conf.replace(/^(\turi\s*=).*$/m, `$1 "ldap://127.0.0.1:${listener.port}"`));
const hostile = ['*', 'guess-inj*', '*inject', 'guess-*ct', 'guess-inject)(uid=*', '*)(uid=*', '*))(|(uid=*', 'guess-inject)(objectClass=*', 'guess-inject))(&(1=1', ')', '(', '(uid=guess-inject)', '(|(uid=guess-inject)(uid=x))', '\\2a', '\\67uess-inject', 'guess-inject\\00', 'guess-inject\\', '\\', '\\\\', '\\zz', '&', '|(uid=*)', '!(uid=x)',
	'guess-inject,ou=people', entry('guess-inject'), '#04024869', 'uid=guess-inject+cn=x', '<x>', '"', "' or 1=1 --", '${jndi:ldap://127.0.0.1:1/a}', '%s%s%s%n', '../../../etc/passwd', 'x'.repeat(256), 'x'.repeat(300), 'é'.repeat(128), 'x'.repeat(512), '-', '\u202eguess', '𝓮𝓶𝓶𝓪', '\u0007', '\u001b[31m', 'a\r\nb', '{"a":1}', 'guess-inject\u0000', '\u0000', '\ud7ff', '￿'];

await check(`${hostile.length} hostile names reach slapd as one value, or not at all, and open nothing`, async () => {
	const her = await person('inject', { code: false });
	let filters = 0;
	for (const name of hostile) {
		listener.forget();
		const { page } = await tryPassword(name, her.password, { port: second.port });
		assert.ok(!inside(page), `${JSON.stringify(name)} opened`);
		const sent = listener.seen(), uid = Buffer.from([4, 3, 0x75, 0x69, 0x64]);
		for (let i = sent.indexOf(uid); i >= 0; i = sent.indexOf(uid, i + 1)) {
			// an equality match (RFC 4511 4.5.1: [3]), whose value is what was typed; uid as a wanted attribute is in no filter
			const next = sent[i + 5], isFilter = [0xa3, 0xa4, 0xa5, 0xa6, 0xa8].includes(sent[i - 2]) || [0xa3, 0xa4].includes(sent[i - 3]) || [0xa3, 0xa4].includes(sent[i - 4]);
			if (!isFilter || next !== 4) { assert.ok(next !== 0x30 || !isFilter, 'no substrings of uid'); continue; }
			const short = sent[i + 6] < 128, length = short ? sent[i + 6] : sent[i + 6] === 0x81 ? sent[i + 7] : sent.readUInt16BE(i + 7), start = i + 7 + (short ? 0 : sent[i + 6] & 127);
			filters++;
			assert.deepEqual(sent.subarray(start, start + length).toString(), name, `the filter of ${JSON.stringify(name)}`);
		}
		assert.ok(!/<(x|script)>/.test(page.text), 'and nothing of it is markup');
	}
	assert.ok(filters > 40, `${filters} filters were seen`);
	assert.ok(inside((await tryPassword('guess-inject', her.password, { port: second.port })).page), 'she herself gets in');
});

await check('empty, blank, NUL and endless passwords are refused, and slapd never sees an empty one', async () => {
	const her = await person('empty', { code: false });
	listener.forget();
	for (const password of ['', ' ', '\t', '   ', '\n', '\r\n', '\u00a0', '\0', '\0' + her.password, her.password + '\0', her.password + '\0x', '*', 'null', 'undefined', 'x'.repeat(512), 'x'.repeat(513), 'x'.repeat(20000), '\ufeff' + her.password, her.password.toUpperCase(), her.password + ' ', ' ' + her.password, '{ARGON2}', '{CLEARTEXT}x', '\u0007'])
		assert.ok(!inside((await tryPassword(her.username, password, { port: second.port })).page), JSON.stringify(password).slice(0, 40));
	const { agent, page } = await atPassword(web, { from: network(), port: second.port });
	assert.ok(!inside(await agent.answer(page, { username: her.username })), 'no password at all');
	const binds = [];
	const seen = listener.seen();
	for (let i = seen.indexOf(Buffer.from('uid=guess-empty')); i >= 0; i = seen.indexOf(Buffer.from('uid=guess-empty'), i + 1)) {
		const end = i + entry('guess-empty').length;	// of the name; a simple bind follows it with [0] (RFC 4511 4.2)
		if (seen[end] === 0x80) binds.push(seen[end + 1]);
	}
	assert.ok(binds.length > 5, `${binds.length} binds were seen`);
	assert.ok(binds.every(n => n > 0), 'a bind without password');
	assert.ok(inside((await tryPassword(her.username, her.password, { port: second.port })).page), 'the right one opens');
});
await second.end();
listener.end();

done();
