// The directory that is away, frozen or somebody else; a renewed certificate; an end in the middle of requests; a keyring that cannot be read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { Agent, Directory, Idpd, check, done, folder, issuer, password, ports, sleep, until } from './own.mjs';

const directory = new Directory({ ldaps: ports[2] });
fs.mkdirSync(path.join(directory.dir, 'tls'), { recursive: true });
// Whose certificate the directory shows from its next start on.
const certified = (name, dir = directory.dir) => {
	fs.copyFileSync(path.join(folder, 'ca.pem'), path.join(dir, 'tls', 'ca.pem'));
	fs.copyFileSync(path.join(folder, `${name}.pem`), path.join(dir, 'tls', 'cert.pem'));
	fs.copyFileSync(path.join(folder, `${name}.key`), path.join(dir, 'tls', 'key.pem'));
};
certified('server');
directory.start();
const stop = url => url.startsWith('https://library.example/cb');
const authorizeUrl = `${issuer}/oidc/authorize?` + new URLSearchParams({ response_type: 'code', scope: 'openid', client_id: 'library', redirect_uri: 'https://library.example/cb' });
let idpd = new Idpd(directory);
const library = directory.service('library', idpd), [emma, ...crowd] = directory.people('emma', 40, { code: false });
const signIn = async (person = emma, b = new Agent()) => b.signIn(await b.visit(authorizeUrl, {}, stop), person, { kind: 'password', stop });
// A browser at the page that asks for the password, and the answer to it.
async function atPassword(person) {
	const b = new Agent(), post = form => b.visit(`${issuer}/login`, { method: 'POST', form, headers: { origin: issuer } }, stop);
	let page = await b.visit(authorizeUrl, {}, stop);
	if (Agent.has(page, 'choice')) page = await post({ ticket: Agent.field(page, 'ticket'), choice: 'password' });
	assert.ok(Agent.has(page, 'password'), page.text);
	const form = what => ({ ticket: Agent.field(page, 'ticket'), c: Agent.field(page, 'c'), username: person.username, password: what });
	return { b, type: what => post(form(what)), send: what => b.send(`${issuer}/login`, { method: 'POST', form: form(what), headers: { origin: issuer } }) };
}

await check('it starts while the directory is away, and says so: 503 pages, not ready', async () => {
	await directory.kill();
	idpd.start();
	await until('it answers', 30, async () => await idpd.answers() === 200);
	assert.equal(await idpd.answers('/readyz'), 503);
	assert.equal(await idpd.answers('/.well-known/openid-configuration'), 200);
	assert.equal(await idpd.answers('/oidc/jwks'), 200);
	const page = await new Agent().send(authorizeUrl);
	assert.equal(page.status, 503);
	assert.match(page.headers.get('content-type'), /^text\/html/);
	assert.ok(page.headers.get('retry-after'));
	assert.match(page.text, /<h1/);
});

await check('it becomes ready by itself within 2 s of the directory', async () => {
	await sleep(3000); // it has tried in vain for a while
	directory.start();
	const from = Date.now();
	await idpd.ready(2);
	console.log(`# ready after ${Date.now() - from} ms`);
	assert.ok((await signIn()).callback);
});

await check('a directory that is frozen for 5 s holds up nobody who does not need it; logins get a page', async () => {
	await signIn(crowd[0]); // known already, so that it is the password's evaluation that fails
	const pages = await Promise.all([...crowd, crowd[0], crowd[0]].map(atPassword)), times = [], logins = [];
	directory.freeze();
	const end = Date.now() + 5000;
	const cheap = async where => {
		for (const b = new Agent(); Date.now() < end; await sleep(10)) {
			const at = performance.now(), r = await b.send(issuer + where);
			assert.equal(r.status, 200);
			times.push(performance.now() - at);
		}
	};
	const person = async ({ b, type }) => {
		const at = Date.now(), r = await type(password);
		logins.push({ status: r.status, ms: Date.now() - at, in: b.cookies.has('__Host-csam-s') });
	};
	const services = async () => { // nobody who comes meanwhile waits for ever, either
		for (; Date.now() < end; await sleep(50)) {
			const at = Date.now(), r = await new Agent().visit(authorizeUrl, {}, stop);
			logins.push({ status: r.status, ms: Date.now() - at });
		}
	};
	try {
		await Promise.all([...['/.well-known/openid-configuration', '/oidc/jwks', '/healthz', '/.well-known/openid-configuration'].map(cheap), ...pages.map(person), services(), services()]);
	} finally {
		directory.thaw();
	}
	times.sort((a, b) => a - b);
	const p99 = times[Math.floor(times.length * 0.99)], longest = Math.max(...logins.map(l => l.ms));
	const count = s => logins.filter(l => l.status === s).length;
	console.log(`# discovery and keys: ${times.length} answers, p99 ${p99.toFixed(1)} ms, longest ${times.at(-1).toFixed(1)} ms; others: ${count(503)} × 503, ${count(200)} × 200, longest ${longest} ms`);
	assert.ok(times.length > 500 && p99 < 100, `p99 ${p99} ms`);
	assert.ok(count(503) >= crowd.length);
	assert.ok(logins.every(l => l.status === 503 || l.status === 200), JSON.stringify(logins.filter(l => l.status !== 503)));
	assert.ok(!logins.some(l => l.in), 'somebody got in');
	assert.ok(longest < 8000, `${longest} ms`);
});

await check('and everybody goes on when it thaws; what was typed meanwhile did not count', async () => {
	await until('a login', 30, async () => (await signIn().catch(() => ({}))).callback);
	await (await atPassword(crowd[0])).type('wrong horse'); // had the three before counted, there would be a delay now
	for (const p of crowd.slice(0, 8)) assert.ok((await signIn(p)).callback, `${p.username} has to wait`);
});

const shown = () => new Promise((ok, no) => {
	const s = tls.connect({ port: idpd.port, host: '127.0.0.1', servername: 'localhost', ca: fs.readFileSync(path.join(folder, 'ca.pem')) },
		() => { ok(s.getPeerX509Certificate().serialNumber); s.end(); }).on('error', no);
});
const certificate = name => new X509Certificate(fs.readFileSync(path.join(folder, `${name}.pem`)));
const serial = name => certificate(name).serialNumber;
const install = name => ['pem', 'key'].forEach(f => fs.copyFileSync(path.join(folder, `${name}.${f}`), path.join(idpd.dir, `server.${f}`)));

await check('SIGHUP takes a renewed certificate; connections under way stay; one that cannot be read changes nothing', async () => {
	const open = await new Promise((ok, no) => {
		const s = tls.connect({ port: idpd.port, host: '127.0.0.1', servername: 'localhost', ca: fs.readFileSync(path.join(folder, 'ca.pem')) }, () => ok(s)).on('error', no);
	});
	assert.equal(await shown(), serial('server'));
	install('renewed');
	assert.equal(await shown(), serial('server'), 'it was taken without SIGHUP');
	idpd.process.kill('SIGHUP');
	await until('the renewed certificate', 30, async () => await shown() === serial('renewed'));
	const answer = await new Promise((ok, no) => { open.once('data', d => ok(String(d))).once('close', () => no(new Error('closed'))); open.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'); });
	assert.match(answer, /^HTTP\/1.1 200/);
	open.destroy();
	fs.writeFileSync(path.join(idpd.dir, 'server.pem'), 'no certificate\n');
	idpd.process.kill('SIGHUP');
	await until('it says so', 30, () => /certificate/.test(idpd.log.split('\n').filter(l => /err/.test(l)).at(-1)));
	assert.equal(await shown(), serial('renewed'));
	install('server');
	fs.copyFileSync(path.join(folder, 'renewed.key'), path.join(idpd.dir, 'server.key'));
	idpd.process.kill('SIGHUP');
	await sleep(300);
	assert.equal(await shown(), serial('renewed'), 'a key that is not the certificate\'s');
	install('renewed');
});

await check('SIGTERM: requests under way are answered, nobody new is taken, exit status 0', async () => {
	const pages = await Promise.all(crowd.slice(0, 12).map(atPassword));
	directory.freeze();
	// One request each: where it sends people next is a new one, and refused.
	const under = pages.map(p => p.send(password).then(r => r.status ?? 0, e => `broken: ${e.cause ?? e}`));
	await sleep(1200);	// a busy machine takes its time to send twelve forms; the directory is waited for 3 s
	idpd.process.kill('SIGTERM');
	await sleep(300);
	directory.thaw();
	const results = await Promise.all(under);
	assert.equal(await Promise.race([idpd.ended, sleep(10000).then(() => 'still there')]), 0);
	assert.deepEqual(results.filter(r => ![200, 302, 303, 503].includes(r)), []);
	console.log(`# ${results.join(' ')}`);
});

await check('and the next start on the same port works at once', async () => {
	const from = Date.now();
	idpd.start();
	await idpd.ready(5);
	assert.ok((await signIn()).callback);
	console.log(`# ready after ${Date.now() - from} ms`);
	for (let i = 0; i < 3; i++) { // and again, with connections just closed
		assert.equal(await idpd.stop(), 0);
		idpd.start();
		await idpd.ready(5);
	}
});

await check('a second daemon with the same folders does not start', async () => {
	const r = idpd.run();
	assert.notEqual(r.status, 0);
	assert.match(r.stderr, /another process/);
	assert.equal(await idpd.answers('/readyz'), 200);
});

await check('a keyring that cannot be read: it does not start, says which file, and makes no new keys', async () => {
	assert.equal(await idpd.stop(), 0);
	const file = path.join(idpd.dir, 'keyring', 'keyring.json'), whole = fs.readFileSync(file);
	const broken = { 'cut off': whole.subarray(0, whole.length / 2), 'empty': Buffer.alloc(0), 'no JSON': Buffer.from('\0\0\0\0garbage'), 'another format': Buffer.from('{"format":99,"keys":[]}'),
		'without keys': Buffer.from(JSON.stringify({ ...JSON.parse(whole), keys: [] })) };
	for (const [what, bytes] of Object.entries(broken)) {
		fs.writeFileSync(file, bytes);
		const r = idpd.run();
		assert.ok(r.status > 0, `${what}: status ${r.status} ${r.signal}`);
		assert.ok(r.stderr.includes('keyring.json'), `${what}: ${r.stderr}`);
		assert.ok(fs.readFileSync(file).equals(bytes), `${what}: the file was changed`);
		assert.deepEqual(fs.readdirSync(path.dirname(file)).filter(f => !['keyring.json', 'lock', 'audit.json', 'trail.log'].includes(f) && !f.startsWith('.')), [], what);
	}
	fs.chmodSync(file, 0o644);
	fs.writeFileSync(file, whole);
	const r = idpd.run();
	assert.ok(r.status > 0 && /mode/.test(r.stderr), 'a keyring that others may read');
	fs.chmodSync(file, 0o600);
	idpd.start();
	await idpd.ready(5);
	assert.ok((await signIn()).callback);
	assert.equal(await idpd.stop(), 0);
});

// ---- the directory must be who it says

const talksTo = async (name, options) => {
	await directory.kill();
	certified(name);
	directory.start();
	const d = new Idpd(directory, { name: 'ldaps', directoryOptions: { ca_file: path.join(folder, 'ca.pem'), ...options } });
	fs.rmSync(d.logFile, { force: true });
	d.start();
	try {
		await until('it answers', 30, async () => await d.answers() === 200);
		const ready = await d.ready(name === 'server' ? 60 : 1.5).catch(() => false);
		const page = await new Agent().send(authorizeUrl);
		return { ready, log: d.log, status: page.status };
	} finally {
		await d.stop();
	}
};
// By its address: for "localhost" libldap expects a certificate in this machine's own name.
const ways = { ldaps: { uri: `ldaps://127.0.0.1:${ports[2]}` }, STARTTLS: { uri: `ldap://127.0.0.1:${directory.port}`, starttls: 'true' } };
for (const [way, options] of Object.entries(ways)) {
	await check(`${way}: a directory with the right certificate is talked to`, async () => {
		const r = await talksTo('server', options);
		assert.ok(r.ready, r.log);
	});
	for (const name of ['wrong-authority', 'wrong-name', 'expired'])
		await check(`${way}: a directory whose certificate is ${name} is refused`, async () => {
			const r = await talksTo(name, options);
			assert.ok(!r.ready, 'it talks to it');
			assert.equal(new Date(certificate(name).validTo) < new Date(), name === 'expired');
			assert.equal(r.status, 503);
			assert.match(r.log, /certificate|TLS|hostname/i);
		});
}
await check('the file of the authority is missing: it does not trust everybody', async () => {
	const r = await talksTo('wrong-authority', { ...ways.ldaps, ca_file: path.join(folder, 'nothing.pem') }).catch(e => ({ ready: false, status: 503, log: String(e) }));
	assert.ok(!r.ready);
});

done();
