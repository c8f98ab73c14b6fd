// What administrators do to a person's keys with ldapmodify stands in that person's own history: once for each change, also with two nodes on one directory
// and one state store, when both end and begin again, when the directory does, and when a node is told of everything anew.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Agent as OneAgent, check, Directory, done, Idpd, issuer, once, ports, sleep, until } from './own.mjs';

const directory = new Directory().start(), options = { sections: 'state {\n\tmap_size = 64\n}\n', directoryOptions: { changes_base: 'cn=accesslog' } };
const a = new Idpd(directory, { name: 'a', ...options }).start();
await a.ready();
const b = new Idpd(directory, { name: 'b', port: ports[2], server: { state_dir: path.join(a.dir, 'state') }, ...options });
b.start();
await b.ready();
await b.takeKeysOf(a);
await b.ready();

// Reached at one node or the other, whose name is the issuer's.
class Agent extends OneAgent {
	constructor(node) { super(); this.node = node; }
	async send(url, o = {}) {
		const r = await super.send(url.replace(issuer, this.node.url), o);
		return { ...r, url, location: r.location?.replace(this.node.url, issuer) };
	}
}
const [emma, dirk] = directory.people('h', 2);
async function comeIn(node, who, headers = { 'accept-language': 'en' }) {
	const agent = new Agent(node), page = await agent.signIn(await agent.visit(`${issuer}/keys/data/history`, { headers }), who, { kind: 'password' });
	assert.ok(agent.cookies.has('__Host-csam-s'), `${page.status} ${page.text.slice(0, 300)}`);
	return agent;
}
const agents = new Map();
// What administrators did, the newest first: time, event, key.
async function told(node, who) {
	const ask = async () => (await at.get(who).send(`${issuer}/keys/data/history.csv`)).text, at = agents.get(node) ?? agents.set(node, new Map()).get(node);
	let text = at.has(who) ? await ask() : '';
	if (!text.startsWith('time,')) {
		at.set(who, await comeIn(node, who));	// each login is a line, too
		text = await ask();
	}
	const [head, ...rows] = text.trim().split('\r\n').map(l => l.split(',').map(c => c.replace(/^"|"$/g, '')));
	return rows.map(r => Object.fromEntries(head.map((h, i) => [h, r[i]]))).filter(r => r.by === 'administrator');
}
const state = (who, id, value) => directory.set(`csamKeyId=${id},${who.dn}`, 'csamKeyState', value);
const words = rows => rows.map(r => `${r.event} ${r.key}`.trim());
const settled = () => sleep(7000);	// what the directory keeps of a change is read when it is 3 s old, every 2 s

const wanted = ['person.activated', 'person.suspended', 'key.removed app-3', 'key.removed app-2', 'key.changed app-1', 'key.locked app-1', 'key.added app-3', 'key.added app-2'];
let began, kept;
await once('locked, unlocked, revoked, taken away, given; suspended and let in again: each is one line, with its time, at both nodes', async () => {
	await settled();		// both follow the changes, and are past those that made these people
	kept = [a, b].map(n => fs.readFileSync(path.join(n.audit, 'directory.position')));
	// Keys that come with a new person are no news: she is not new.
	directory.tool(['ldapmodify', '-Q', '-Y', 'EXTERNAL', '-e', 'relax', '-H', `ldapi://${encodeURIComponent(path.join(directory.dir, 'ldapi'))}`],
		{ input: [emma, dirk].map(p => `dn: ${p.dn}\nchangetype: modify\nreplace: createTimestamp\ncreateTimestamp: 20200101000000Z\n\n`).join('') });
	began = Date.now();
	for (const id of ['app-2', 'app-3'])
		directory.modify(`dn: csamKeyId=${id},${emma.dn}\nchangetype: add\nobjectClass: csamKey\ncsamKeyId: ${id}\ncsamKeyKind: app\ncsamKeyState: active\n`);
	state(emma, 'app-1', 'locked');
	state(emma, 'app-1', 'active');
	state(emma, 'app-2', 'revoked');
	directory.modify(`dn: csamKeyId=app-3,${emma.dn}\nchangetype: delete\n`);
	directory.set(emma.dn, 'csamPersonState', 'suspended');
	directory.modify(`dn: ${emma.dn}\nchangetype: modify\ndelete: csamPersonState\ncsamPersonState: suspended\n-\nadd: csamPersonState\ncsamPersonState: active\n-\nreplace: mail\nmail: h@csam.example\n`);
	await settled();
	for (const node of [a, b]) {
		const rows = await told(node, emma);
		assert.deepEqual(words(rows), wanted);
		for (const r of rows) assert.ok(Math.abs(Date.parse(r.time) - began) < 60000, r.time);
		assert.deepEqual(rows.map(r => r.kind), ['', '', 'app', 'app', 'app', 'app', 'app', 'app']);
	}
	assert.deepEqual(await told(a, dirk), [], 'nobody else\'s');
});

await check('the page says by whom, in the person\'s language', async () => {
	for (const [lang, what] of [['en', /Digital key locked<\/strong>[^]*?by an administrator/], ['fr', /verrouillée<\/strong>[^]*?par un administrateur/], ['nl', /vergrendeld<\/strong>[^]*?door een beheerder/]]) {
		const agent = await comeIn(b, emma);
		assert.match((await agent.visit(`${issuer}/keys/data/history?lang=${lang}`)).text, what);
	}
});

await once('sixty changes at once: sixty lines, and one of the audit trail each', async () => {
	const lines = () => [a, b].map(n => n.auditLines().filter(l => l.event === 'directory.changed' && l.entry?.startsWith(`csamKeyId=app-1,${dirk.dn}`)).length);
	const before = lines(), one = Array.from({ length: 60 }, (_, i) => `dn: csamKeyId=app-1,${dirk.dn}\nchangetype: modify\nreplace: csamKeyState\ncsamKeyState: ${i % 2 ? 'active' : 'locked'}\n\n`);
	directory.modify(one.join(''));
	await settled();
	for (const node of [a, b]) assert.deepEqual(words(await told(node, dirk)), Array.from({ length: 60 }, (_, i) => `key.${i % 2 ? 'locked' : 'changed'} app-1`));
	assert.deepEqual(lines().map((n, i) => n - before[i]), [60, 60], 'each node\'s trail has each once');
});

await once('nodes and directory that are killed and begin again tell nothing anew, and leave nothing out', async () => {
	await Promise.all([a, b].map(n => n.kill('front')));
	state(dirk, 'app-1', 'revoked');
	await directory.kill();
	directory.start();
	await Promise.all([a.ready(), b.ready()]);
	await until('it is told', 20, async () => words(await told(a, dirk))[0] === 'key.removed app-1');
	await settled();
	const rows = words(await told(b, dirk));
	assert.equal(rows.length, 61);
	assert.equal(rows.filter(r => r === 'key.removed app-1').length, 1);
	assert.deepEqual(words(await told(a, emma)), wanted);
});

await once('who is told of everything anew, as after a restore: no line twice', async () => {
	for (const n of [a, b]) await n.stop();
	[a, b].forEach((n, i) => fs.writeFileSync(path.join(n.audit, 'directory.position'), kept[i]));
	for (const n of [a, b]) n.start();
	await Promise.all([a.ready(), b.ready()]);
	await settled();
	for (const node of [a, b]) {
		assert.deepEqual(words(await told(node, emma)), wanted);
		assert.equal((await told(node, dirk)).length, 61);
	}
	assert.ok(a.auditLines().filter(l => l.event === 'directory.changed' && l.entry?.startsWith(`csamKeyId=app-1,${dirk.dn}`)).length > 61, 'it was told again');
});

for (const n of [a, b]) await n.stop();
directory.kill();
done();
