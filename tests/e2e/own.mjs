// A system of the test's own: a directory, any number of idpd beside it, people in bulk; each can be killed, frozen and started again.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomUUID, createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

export const folder = process.env.DEMO, top = process.env.TOP, base = 'dc=csam,dc=example', password = 'correct horse battery';
export const ports = process.env.PORTS.trim().split(/\s+/).map(Number);
const build = process.env.BUILD, ca_file = path.join(folder, 'ca.pem');
export const issuer = `https://localhost:${ports[0]}`;

fs.writeFileSync(path.join(folder, 'target.json'), JSON.stringify({ issuer, ca_file: 'ca.pem', accounts: [] }));
export const { check, done, once, totp } = await import('./csam.mjs');
export const { Agent } = await import('./agent.mjs');

export const sleep = ms => new Promise(r => setTimeout(r, ms));
// Waits until fn says something true; throws after so many seconds.
export async function until(what, seconds, fn) {
	const end = Date.now() + seconds * 1000;
	for (;;) {
		const r = await fn();
		if (r) return r;
		if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
		await sleep(20);
	}
}
// What takes long says once a minute how far it is: far(n).
export function progress(what, total, every = 60000) {
	const began = Date.now();
	let said = began;
	return n => {
		if (Date.now() - said < every) return;
		said = Date.now();
		console.log(`# ${what}: ${n} of ${total} in ${Math.round((said - began) / 60000)} min`);
	};
}
const signal = (pid, sig) => { try { process.kill(pid, sig); return true; } catch { return false; } };

// Numbers that look random and come again with the same seed.
export function dice(seed) {
	let s = seed >>> 0;
	return (n = 1) => { // mulberry32
		s = (s + 0x6d2b79f5) >>> 0;
		let t = Math.imul(s ^ (s >>> 15), s | 1);
		t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296 * n;
	};
}

export class Directory {
	constructor({ name = 'directory', port = ports[1], ldaps } = {}) {
		Object.assign(this, { dir: path.join(folder, name), port, ldaps, uri: `ldap://127.0.0.1:${port}` });
	}
	tool(args, options) { return execFileSync(args[0], args.slice(1), { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'], ...options }); }
	start() {
		this.tool([`${top}/setup/directory`, 'start', this.dir, String(this.port)],
			{ stdio: 'ignore', env: { ...process.env, SUFFIX: base, ...(this.ldaps && { LDAPS_PORT: String(this.ldaps) }) } });
		return this;
	}
	get pid() { return Number(fs.readFileSync(path.join(this.dir, 'slapd.pid'), 'utf8')); }
	kill() { const pid = this.pid; signal(pid, 'SIGKILL'); return until('slapd is gone', 5, () => !signal(pid, 0)); }
	freeze() { signal(this.pid, 'SIGSTOP'); }
	thaw() { signal(this.pid, 'SIGCONT'); }
	as(who) { return ['-x', '-H', this.uri, '-D', `cn=${who},ou=system,${base}`, '-y', path.join(this.dir, `${who}.password`)]; }
	modify(ldif) { return this.tool(['ldapmodify', ...this.as('admin')], { input: ldif }); }
	set(dn, attribute, value) { return this.modify(`dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n`); }
	// [dn, values] of every entry that has the attribute.
	read(under, attribute) {
		const text = this.tool(['ldapsearch', '-LLL', '-o', 'ldif-wrap=no', ...this.as('idpd'), '-b', under, `(${attribute}=*)`, attribute], { maxBuffer: 1 << 28 });
		return text.split('\n\n').filter(Boolean).map(e => [e.match(/^dn: (.*)$/m)[1], [...e.matchAll(new RegExp(`^${attribute}: (.*)$`, 'gmi'))].map(m => m[1])]);
	}
	// People with a quick password and, when wanted, an app key whose secret waits to be sealed.
	people(prefix, n, { code = true } = {}) {
		const salt = randomBytes(8), ssha = '{SSHA}' + Buffer.concat([createHash('sha1').update(password).update(salt).digest(), salt]).toString('base64');
		const list = Array.from({ length: n }, (_, i) => ({ username: `${prefix}-${i}`, dn: `uid=${prefix}-${i},ou=people,${base}`, subject: randomUUID(), password, totp: code ? base32(randomBytes(20)) : null }));
		const file = path.join(folder, `${prefix}.ldif`);
		fs.writeFileSync(file, list.map(p => entry(p.dn, { objectClass: ['inetOrgPerson', 'csamPerson'], uid: p.username, csamSubject: p.subject, csamPersonState: 'active',
			cn: p.username, sn: p.username, userPassword: ssha }) + key(p.dn, 'password') + (code ? key(p.dn, 'app', p.totp) : '')).join(''));
		this.tool([`${top}/setup/directory`, 'load', this.dir, file]);
		return list;
	}
	// A service with what a relying party needs to know of it.
	service(id, idpd, { level = 200, consent = false, ...metadata } = {}) {
		const s = { client_id: id, client_secret: randomBytes(24).toString('hex'), client_name: id, redirect_uris: [`https://${id}.example/cb`], token_endpoint_auth_method: 'client_secret_post',
			grant_types: ['authorization_code', 'refresh_token'], id_token_signed_response_alg: 'ES256', default_acr_values: [`urn:be:fedict:iam:fas:citizen:Level${level}`], ...metadata };
		const file = path.join(folder, `${id}.json`);
		fs.writeFileSync(file, JSON.stringify(s));
		this.modify(idpd.csamctl('service', 'import', file));
		if (consent) this.set(`cn=${id},ou=services,${base}`, 'csamConsentRequired', 'TRUE');
		return s;
	}
}

const base32 = bytes => [...bytes].map(b => b.toString(2).padStart(8, '0')).join('').match(/.{5}/g).map(b => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(b, 2)]).join('');
const entry = (dn, attributes) => `dn: ${dn}\n` + Object.entries(attributes).flatMap(([n, v]) => [v].flat().map(x => `${n}: ${x}\n`)).join('') + '\n';
const key = (dn, kind, secret) => entry(`csamKeyId=${kind}-1,${dn}`, { objectClass: 'csamKey', csamKeyId: `${kind}-1`, csamKeyKind: kind, csamKeyState: 'active', ...(secret && { csamKeySecret: secret }) });

const running = new Set();
process.on('exit', () => running.forEach(p => p.kill('SIGKILL')));

export class Idpd {
	constructor(directory, { name = 'idpd', port = ports[0], server = {}, sections = '', directoryOptions = {} } = {}) {
		Object.assign(this, { dir: path.join(folder, name), port, url: `https://localhost:${port}`, directory });
		const own = d => { fs.mkdirSync(path.join(this.dir, d), { recursive: true, mode: 0o700 }); return path.join(this.dir, d); };
		for (const f of ['pem', 'key']) fs.copyFileSync(path.join(folder, `server.${f}`), path.join(own('.'), `server.${f}`));
		const s = { issuer, certificate: 'server.pem', private_key: 'server.key', state_dir: server.state_dir ?? own('state'), keyring_dir: server.keyring_dir ?? own('keyring'),
			audit_dir: server.audit_dir ?? own('audit'), runtime_dir: own('run'), share_dir: `${top}/share`, ...server };
		const d = { uri: directory.uri, base, bind_dn: `cn=idpd,ou=system,${base}`, password_file: path.join(directory.dir, 'idpd.password'), ...directoryOptions };
		const lines = o => Object.entries(o).map(([n, v]) => `\t${n} = "${v}"\n`).join('');
		fs.writeFileSync(this.conf = path.join(this.dir, 'idpd.conf'), `server {\n${lines(s)}\tlisten = {"127.0.0.1:${port} tls"}\n\ttesting = true\n}\ndirectory {\n${lines(d)}}\n${sections || 'state {\n\tmap_size = 64\n}\n'}`);
		this.audit = s.audit_dir;
		this.logFile = path.join(this.dir, 'idpd.log');
	}
	csamctl(...args) { return execFileSync(`${build}/csamctl`, [...args, '-c', this.conf, ...this.directory.as('admin').slice(3)], { encoding: 'utf8', maxBuffer: 1 << 28 }); }
	start() {
		this.process = spawn(`${build}/idpd`, ['-c', this.conf], { stdio: ['ignore', 'ignore', fs.openSync(this.logFile, 'a')] });
		const p = this.process;
		fs.writeFileSync(path.join(this.dir, 'idpd.pid'), String(p.pid));
		running.add(p);
		this.ended = new Promise(r => p.on('exit', (code, sig) => { running.delete(p); r(sig ?? code); }));
		return this;
	}
	run() { return spawnSync(`${build}/idpd`, ['-c', this.conf], { encoding: 'utf8', timeout: 10000 }); }
	stop() { this.process.kill('SIGTERM'); return this.ended; }
	get log() { return fs.readFileSync(this.logFile, 'utf8'); }
	// The process of that part now; 0 when there is none.
	part(name) {
		const { pid } = this.process;
		for (const child of read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean))
			if (read(`/proc/${child}/comm`).trim() === `idpd-${name}`) return Number(child);
		return 0;
	}
	async kill(name) {
		const pid = await until(`there is a ${name}`, 60, () => this.part(name));
		signal(pid, 'SIGKILL');
		return pid;
	}
	async answers(where = '/healthz') { try { return (await fetch(this.url + where)).status; } catch { return 0; } }
	ready(seconds = 60) { return until('ready', seconds, async () => await this.answers('/readyz') === 200); }
	// The documented way: it says its address, the other exports to it, it takes that instead of what it made for itself, and begins anew.
	async takeKeysOf(other) {
		const address = path.join(this.dir, 'address.jwk'), keys = path.join(this.dir, 'keys.jwe');
		fs.writeFileSync(address, this.csamctl('keyring', 'address'));
		other.csamctl('keyring', 'export', '--to', address, '--out', keys);
		this.csamctl('keyring', 'import', keys, '--replace');
		await this.stop();
		this.start();
	}
	// Content sync tells a running daemon of services that were added, within a second.
	async knows(services) {
		for (const s of Object.values(services))
			await until(`knows ${s.client_id}`, 60, async () => await this.answers('/oidc/authorize?' + new URLSearchParams({ response_type: 'code', scope: 'openid', client_id: s.client_id, redirect_uri: s.redirect_uris[0] })) !== 400);
	}
	auditLines() { return this.csamctl('audit', 'search', '--reason', 'test', this.audit).split('\n').filter(Boolean).map(l => JSON.parse(l)); }
	// What csamctl says about the whole trail, when it says that nothing is broken.
	auditVerify() { return this.csamctl('audit', 'verify', this.audit); }
}
const read = file => { try { return fs.readFileSync(file, 'utf8'); } catch { return ''; } };
