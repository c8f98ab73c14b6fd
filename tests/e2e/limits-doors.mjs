// 200 wrong tries at once, in browsers and through PAM together, evaluate no more than the limit allows: of a password, and of a second factor.
import assert from 'node:assert/strict';
import { Agent, check, Directory, done, Idpd, issuer, once, totp } from './own.mjs';
import { Door, Server } from './own-host.mjs';

const BROWSERS = 120, DOORS = 8, EACH = 10, PASSWORD_MAX = 40, SECOND_MAX = 10;
const directory = new Directory().start();
const idpd = new Idpd(directory, { sections: `state {\n\tmap_size = 64\n}\nlimits {\n\tpassword_free = 100000\n\tpassword_max = ${PASSWORD_MAX}\n\tsecond_max = ${SECOND_MAX}\n}\n` }).start();
await idpd.ready();
const service = directory.service('strict', idpd, { level: 400 });
const server = new Server(directory, idpd, { allow: '(objectClass=csamPerson)' }).start();
const [storm, codes, spared] = directory.people('limit', 3);
await server.ready();

const stop = url => /\.example\/cb/.test(url);
const form = (b, page, f) => b.visit(`${issuer}/login`, { method: 'POST', form: { ticket: Agent.field(page, 'ticket'), c: Agent.field(page, 'c') ?? '', ...f }, headers: { origin: issuer } }, stop);
async function at(field, person) {
	const b = new Agent();
	let page = await b.visit(`${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid', client_id: service.client_id, redirect_uri: service.redirect_uris[0], state: 's' }), {}, stop);
	for (let i = 0; i < 3 && !Agent.has(page, field); i++) page = await form(b, page, Agent.has(page, 'password') ? { username: person.username, password: person.password } : { choice: 'app' });
	assert.ok(Agent.has(page, field), `no ${field} but ${page.status}`);
	return { b, page };
}
const wrongCode = p => String((Number(totp(p.totp)) + 500000) % 1000000).padStart(6, '0');
const inside = b => b.cookies.has('__Host-csam-s');
const lines = (p, why) => idpd.auditLines().filter(l => l.subject === p.subject && l.why === why).length;

// The same person from both sides at the same time.
async function attack(person, field, answer, password, code) {
	const ready = await Promise.all(Array.from({ length: BROWSERS }, () => at(field, person)));
	const doors = Array.from({ length: DOORS }, () => new Door(server));
	let entered = 0;
	await Promise.all([...ready.map(async ({ b, page }) => { await form(b, page, answer); entered += inside(b); }),
		...doors.map(async d => { for (let i = 0; i < EACH; i++) entered += (await d.login(person.username, password, code)).rc === 0; d.end(); })]);
	return entered;
}

await once(`${BROWSERS + DOORS * EACH} wrong passwords at once: ${PASSWORD_MAX} are evaluated, and then not even the right one`, async () => {
	assert.equal(await attack(storm, 'password', { username: storm.username, password: 'wrong horse' }, 'wrong horse', '000000'), 0);
	const evaluated = lines(storm, 'wrong-password'), refused = lines(storm, 'refused');
	console.log(`# ${evaluated} evaluated, ${refused} refused`);
	assert.equal(evaluated, PASSWORD_MAX);
	assert.ok(refused > 0);
	const { b, page } = await at('password', storm);
	await form(b, page, { username: storm.username, password: storm.password });
	const door = new Door(server), r = await door.login(storm.username, storm.password, totp(storm.totp));
	door.end();
	assert.ok(!inside(b) && r.rc !== 0);
});
await once(`${BROWSERS + DOORS * EACH} wrong codes at once: ${SECOND_MAX} are evaluated, then the key is locked`, async () => {
	assert.equal(await attack(codes, 'code', { code: wrongCode(codes) }, codes.password, wrongCode(codes)), 0);
	const evaluated = lines(codes, 'wrong-code');
	console.log(`# ${evaluated} evaluated, ${lines(codes, 'locked')} refused`);
	assert.ok(evaluated > 0 && evaluated <= SECOND_MAX, `${evaluated} codes were evaluated`);
	assert.equal(directory.read(`csamKeyId=app-1,${codes.dn}`, 'csamKeyState')[0][1][0], 'locked');
});
await check('somebody else signs in as ever', async () => {
	const { b, page } = await at('code', spared);
	await form(b, page, { code: totp(spared.totp) });
	assert.ok(inside(b));
});
await server.stop();
await idpd.stop();
directory.tool([`${process.env.TOP}/setup/directory`, 'stop', directory.dir]);
done();
