// Two daemons on one state store, one directory and the same keys: single use is single for both, a door that shuts shuts at both.
import assert from 'node:assert/strict';
import path from 'node:path';
import { Agent as OneAgent, check, dice, Directory, done, Idpd, issuer, once, ports, sleep, totp, until } from './own.mjs';

const SEED = Number(process.env.SEED ?? Date.now() % 1000000), roll = dice(SEED), ROUNDS = 16;
console.log(`# seed ${SEED}`);
const directory = new Directory().start(), options = { sections: 'state {\n\tmap_size = 64\n}\n' };
const a = new Idpd(directory, { name: 'a', ...options }).start();
await a.ready();
const b = new Idpd(directory, { name: 'b', port: ports[2], server: { state_dir: path.join(a.dir, 'state') }, ...options });
b.start();
await b.ready();
await b.takeKeysOf(a);
const bank = directory.service('bank', a, { level: 400 }), library = directory.service('library', a);
const people = directory.people('p', 64);
let next = 0;
const somebody = () => people[next++];
await Promise.all([a.ready(), b.ready()]);
await sleep(500);

// A browser that a balancer sends to one node or the other: the issuer's name leads to `node`.
class Agent extends OneAgent {
	constructor(node) { super(); this.node = node; }
	async send(url, o = {}) {
		const r = await super.send(url.replace(issuer, this.node.url), o);
		return { ...r, url, location: r.location?.replace(this.node.url, issuer) };
	}
	answer(page, form) { return this.visit(`${issuer}/login`, { method: 'POST', form: { ...form, ticket: Agent.field(page, 'ticket') }, headers: { origin: issuer } }, stop); }
	get session() { return this.cookies.get('__Host-csam-s'); }
	at(node) { const t = new Agent(node); t.cookies = new Map(this.cookies); return t; }
}
const stop = url => /^https:\/\/\w+\.example\/cb/.test(url);
const url = (client, more = {}) => `${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid', client_id: client.client_id, redirect_uri: client.redirect_uris[0], ...more });
const codeOf = page => page.callback && new URL(page.callback).searchParams.get('code');
async function atCode(node, person) {
	const agent = new Agent(node);
	let page = await agent.visit(url(bank), {}, stop);
	for (let i = 0; i < 4 && !Agent.has(page, 'code'); i++)
		page = await agent.answer(page, Agent.has(page, 'password') ? { username: person.username, password: person.password } : { choice: 'app' });
	return { agent, page };
}
async function signIn(node, person) {
	const { agent, page } = await atCode(node, person), end = await agent.answer(page, { code: totp(person.totp) });
	assert.ok(agent.session, `no session, but ${end.status}`);
	return { agent, code: codeOf(end) };
}
const token = async (node, client, form) => {
	const r = await fetch(`${node.url}/oidc/token`, { method: 'POST', body: new URLSearchParams({ client_id: client.client_id, client_secret: client.client_secret, ...form }) });
	return { status: r.status, json: await r.json() };
};
const redeem = (node, client, code) => token(node, client, { grant_type: 'authorization_code', code, redirect_uri: client.redirect_uris[0] });
const refresh = (node, client, t) => token(node, client, { grant_type: 'refresh_token', refresh_token: t });
// Codes are current for a while yet: no step ends in the middle of a race.
const early = () => until('the beginning of a step', 31, () => Date.now() % 30000 < 22000);

await once('one security code in parallel at both: exactly one gets in', async () => {
	await early();
	for (let i = 0; i < ROUNDS; i++) {
		const person = somebody(), two = await Promise.all([atCode(a, person), atCode(b, person)]), code = totp(person.totp);
		await Promise.all(two.map(({ agent, page }) => agent.answer(page, { code })));
		assert.equal(two.filter(t => t.agent.session).length, 1, person.username);
	}
});

await once('one ticket in parallel at both is one answer: the same session', async () => {
	await early();
	for (let i = 0; i < ROUNDS; i++) {
		const person = somebody(), { agent, page } = await atCode(a, person), two = [agent, agent.at(b)], code = totp(person.totp);
		const ends = await Promise.all(two.map(t => t.answer(page, { code })));
		const sessions = new Set(two.map(t => t.session).filter(Boolean));
		assert.equal(sessions.size, 1, ends.map(e => e.status).join(' '));
		const lines = [a, b].flatMap(n => n.auditLines()).filter(l => l.event === 'login.ok' && l.subject === person.subject);
		assert.equal(lines.length, 1);
	}
});

const emma = somebody(), dirk = somebody();
const home = await signIn(a, emma);
await check('a session made at one node signs in at the other; what the other gives, the first takes', async () => {
	const code = codeOf(await home.agent.at(b).visit(url(library, { prompt: 'none' }), {}, stop));
	assert.ok(code);
	const t = await redeem(a, library, code);
	assert.equal(t.status, 200);
	for (const n of [a, b]) {
		const r = await fetch(`${n.url}/oidc/userinfo`, { headers: { authorization: `Bearer ${t.json.access_token}` } });
		assert.equal(r.status, 200);
		assert.ok((await r.json()).sub);
	}
	assert.deepEqual(...await Promise.all([a, b].map(async n => (await fetch(`${n.url}/oidc/jwks`)).json())));
});

await check('a conversation begun at one goes on at the other', async () => {
	const { agent, page } = await atCode(a, dirk), there = agent.at(b);
	assert.ok(codeOf(await there.answer(page, { code: totp(dirk.totp) })));
});

await once('one authorization code, one refresh token redeemed at both: exactly one each', async () => {
	for (let i = 0; i < ROUNDS; i++) {
		const code = codeOf(await home.agent.visit(url(library, { prompt: 'none' }), {}, stop));
		const results = await Promise.all([a, b, a, b].map(n => redeem(n, library, code)));
		assert.equal(results.filter(r => r.status === 200).length, 1, JSON.stringify(results));
		assert.equal(results.filter(r => r.json.error === 'invalid_grant').length, 3);
		const t = await redeem(b, library, codeOf(await home.agent.visit(url(library, { prompt: 'none' }), {}, stop)));
		const fresh = await Promise.all([a, b, a, b].map(n => refresh(n, library, t.json.refresh_token)));
		assert.equal(fresh.filter(r => r.status === 200).length, 1, JSON.stringify(fresh));
	}
});

const entered = async (agent, node) => Boolean(codeOf(await agent.at(node).visit(url(bank, { prompt: 'none' }), {}, stop)));
await check('a key locked with ldapmodify shuts both within a second', async () => {
	assert.ok(await entered(home.agent, a) && await entered(home.agent, b));
	const t = await redeem(a, bank, codeOf(await home.agent.visit(url(bank, { prompt: 'none' }), {}, stop)));
	directory.set(`csamKeyId=app-1,${emma.dn}`, 'csamKeyState', 'locked');
	const from = Date.now();
	for (const n of [a, b]) await until('it is shut', 1, async () => !await entered(home.agent, n));
	console.log(`# shut at both after ${Date.now() - from} ms`);
	for (const n of [a, b])
		assert.equal((await fetch(`${n.url}/oidc/userinfo`, { headers: { authorization: `Bearer ${t.json.access_token}` } })).status, 401);
	assert.equal((await refresh(b, bank, t.json.refresh_token)).json.error, 'invalid_grant');
});

await check('who signs out at one is signed out at the other', async () => {
	const bruno = somebody(), { agent } = await signIn(a, bruno), other = agent.at(b);
	assert.ok(await entered(agent, a) && await entered(agent, b));
	const page = await other.visit(`${issuer}/logout`), csrf = Agent.field(page, 'csrf_token');
	assert.ok(csrf, page.text);
	await other.visit(`${issuer}/logout`, { method: 'POST', form: { csrf_token: csrf }, headers: { origin: issuer } });
	assert.ok(!await entered(agent, a) && !await entered(agent, b));
});

await once('wrong codes at both are counted together', async () => {
	const chloe = somebody(), wrong = String((Number(totp(chloe.totp)) + 500000) % 1000000).padStart(6, '0');
	const tries = await Promise.all(Array.from({ length: 20 }, (_, i) => atCode(i % 2 ? a : b, chloe)));
	await Promise.all(tries.map(({ agent, page }) => agent.answer(page, { code: wrong })));
	const said = [a, b].flatMap(n => n.auditLines()).filter(l => l.subject === chloe.subject);
	assert.equal(said.filter(l => l.event === 'login.no').length, 10, 'as many as were looked at');
	assert.equal(said.filter(l => l.event === 'key.locked').length, 1);
	assert.equal(directory.read(`csamKeyId=app-1,${chloe.dn}`, 'csamKeyState')[0][1][0], 'locked');
});

await check('kill -9 of one front in the middle of writes: the other does not even hesitate', async () => {
	const { agent } = await signIn(b, somebody()), times = [];
	let over = false, kills = 0;
	const busy = async node => {
		while (!over) {
			const at = Date.now(), here = agent.at(node);
			try {
				const code = codeOf(await here.visit(url(library, { prompt: 'none' }), {}, stop));
				if (!code && node === b) throw new Error('no code');
				const r = code && await redeem(node, library, code);
				if (node === b) assert.equal(r.status, 200, JSON.stringify(r.json));
			} catch (e) {
				if (node === b) { over = true; throw e; }
				await sleep(20); // this one is being killed
			}
			if (node === b) times.push(Date.now() - at);
		}
	};
	const killer = async () => {
		for (; kills < 8 && !over; kills++) {
			await a.ready();
			await sleep(roll(300));
			const pid = await a.kill('front');
			await until('another front', 60, () => ![0, pid].includes(a.part('front')));
		}
		over = true;
	};
	await Promise.all([...Array.from({ length: 6 }, () => busy(b)), ...Array.from({ length: 6 }, () => busy(a)), killer()]);
	times.sort((x, y) => x - y);
	console.log(`# ${kills} kills, ${times.length} codes redeemed at the other, longest ${times.at(-1)} ms`);
	assert.ok(times.length > 50 && times.at(-1) < 3000);
	await a.ready();
	assert.ok(await entered(agent, a));
});

await check('both end in order', async () => {
	assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
	for (const n of [a, b]) assert.doesNotMatch(n.log, /ERROR: |runtime error|Sanitizer|ended with status/);
});
done();
