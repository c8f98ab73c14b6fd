// kill -9 of csam-agent while people sign in through libpam: whoever is wrong never enters, whoever is right is told "not now" at worst, and enters afterwards.
// KILLS=250 makes it long (make soak). Front, keyring and slapd: kill-nine.
import assert from 'node:assert/strict';
import { check, dice, Directory, done, Idpd, once, progress, sleep, until } from './own.mjs';
import { Door, Server } from './own-host.mjs';

const KILLS = Number(process.env.KILLS ?? 20), SEED = Number(process.env.SEED ?? Date.now() % 1000000), DOORS = 6, PAM_SUCCESS = 0, PAM_AUTHINFO_UNAVAIL = 9, SLOW_US = 15e6;
const roll = dice(SEED);
console.log(`# seed ${SEED}`);
const directory = new Directory().start();
const idpd = new Idpd(directory, { sections: 'state {\n\tmap_size = 64\n}\nlimits {\n\tpassword_free = 100000\n\tpassword_max = 100000\n}\n' }).start();
await idpd.ready();
const server = new Server(directory, idpd, { level: 200, allow: '(objectClass=csamPerson)' }).start();
const people = directory.people('guest', DOORS, { code: false });
await server.ready();

const codes = {}, grave = [], odd = [];
let over = false, agent = server.process;
async function lane(person) {
	const door = new Door(server);
	for (let i = 0; !over; i++) {
		const right = i % 3 !== 2, r = await door.login(person.username, right ? person.password : 'wrong horse');
		codes[`${right ? 'right' : 'wrong'} ${r.rc}`] = (codes[`${right ? 'right' : 'wrong'} ${r.rc}`] ?? 0) + 1;
		if (!right && r.rc === PAM_SUCCESS) grave.push(`${person.username} got in with a wrong password`);
		if (right && ![PAM_SUCCESS, PAM_AUTHINFO_UNAVAIL].includes(r.rc)) odd.push(`the right password gave ${r.rc}: ${r.shown}`);
		if (r.us > SLOW_US) odd.push(`${r.us} us`);
	}
	door.end();
}
const far = progress('kills', KILLS);
async function killer() {
	for (let i = 0; i < KILLS; i++) {
		await sleep(50 + roll(400));
		far(i);
		await server.kill();
		await sleep(roll(100));
		agent = server.start().process;
		await until('the agent listens', 60, async () => /answers at/.test(await server.check()));
	}
	over = true;
}
await check(`${KILLS} kills of the agent: who is right gets in, or is told "not now"`, async () => {
	await Promise.all([killer(), ...people.map(lane)]);
	console.log(`# ${Object.entries(codes).sort().map(([c, n]) => `${c}: ${n}`).join(', ')}`);
	assert.deepEqual([...new Set(odd)].slice(0, 5), []);
	assert.ok(codes[`right ${PAM_SUCCESS}`] > KILLS / 2 && Object.keys(codes).some(c => c.startsWith('wrong')));
});
await once('nobody got in with a wrong password', async () => assert.deepEqual(grave, []));
await check('afterwards everybody gets in, and the agent ends in order', async () => {
	for (const p of people) {
		const door = new Door(server);
		assert.equal((await door.login(p.username, p.password)).rc, PAM_SUCCESS);
		door.end();
	}
	assert.equal(agent.exitCode, null);
	assert.equal(await server.stop(), 0);
	assert.deepEqual(server.log.split('\n').filter(l => /Sanitizer|runtime error/.test(l)), []);
});
await idpd.stop();
directory.tool([`${process.env.TOP}/setup/directory`, 'stop', directory.dir]);
done();
