// The code flow bit by bit, for tests that send what no client library would: requests, codes, tokens, and a second daemon.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { hangUp, send } from './agent.mjs';
import { csamctl, demo, ldapmodify, target } from './csam.mjs';

export const issuer = target.issuer, secret = 'a-secret-of-32-characters-or-more';
export const at = path => issuer + path;
export const random = (n = 16) => randomBytes(n).toString('base64url');
export const pause = ms => new Promise(r => setTimeout(r, ms));
export const level = n => `urn:be:fedict:iam:fas:citizen:Level${n}`;
const sha256 = text => createHash('sha256').update(text).digest('base64url');

// Services of a test, all at once. Each: its metadata, with the defaults filled in.
export async function newServices(...wanted) {
	const all = wanted.map(m => ({ client_name: m.client_id, redirect_uris: [`https://${m.client_id}.example/cb`], post_logout_redirect_uris: [`https://${m.client_id}.example/bye`],
		...(['none', 'private_key_jwt'].includes(m.token_endpoint_auth_method) ? {} : { client_secret: secret }), ...m }));
	const file = path.join(demo, `services.${all[0].client_id}.json`);
	fs.writeFileSync(file, JSON.stringify(all));
	ldapmodify(csamctl('service', 'import', file));
	const known = async id => !/service is not known/i.test((await send(at(`/oidc/authorize?client_id=${id}`), { headers: { 'accept-language': 'en' } })).text);
	for (const m of all)	// content sync tells the daemon
		for (let i = 0; !await known(m.client_id); i++) {
			if (i > 1000) throw new Error(`the daemon does not know ${m.client_id}`);
			await pause(20);
		}
	return all;
}

// An authorization request of this service. Parameters may be replaced, or taken out with undefined.
export function request(service, params = {}) {
	const verifier = random(32);
	const all = { client_id: service.client_id, redirect_uri: service.redirect_uris[0], response_type: 'code', scope: 'openid profile', state: random(), nonce: random(),
		code_challenge: sha256(verifier), code_challenge_method: 'S256', ...params };
	for (const [n, v] of Object.entries(all)) if (v === undefined) delete all[n];
	return { url: at('/oidc/authorize?' + new URLSearchParams(all)), params: all, verifier };
}

// Redirects to the service are answers; returns their parameters.
export const answer = page => Object.fromEntries(new URL(page.callback).searchParams);

// One authorization up to the code.
export async function authorize(service, agent, person, { params, kind = 'password', code } = {}) {
	const r = request(service, params);
	let page = await agent.visit(r.url);
	if (!page.callback && person) page = await agent.signIn(page, person, { kind, code });
	if (!page.callback) throw new Error(`no callback, but ${page.status} at ${page.url}: ${words(page)}`);
	return { ...r, page, service, ...answer(page) };
}

const basic = s => 'Basic ' + Buffer.from(`${encodeURIComponent(s.client_id)}:${encodeURIComponent(s.client_secret)}`).toString('base64');
// A request to an endpoint as this client.
export const asClient = (service, path, form, options = {}) => send(at(path), { method: 'POST', form: service.client_secret ? form : { client_id: service.client_id, ...form },
	...options, headers: { ...(service.client_secret && { authorization: basic(service) }), ...options.headers } });
export const redeem = (a, form = {}, options) => asClient(a.service, '/oidc/token', { grant_type: 'authorization_code', code: a.code, redirect_uri: a.params.redirect_uri, code_verifier: a.verifier, ...form }, options);
export const refresh = (service, refresh_token, options) => asClient(service, '/oidc/token', { grant_type: 'refresh_token', refresh_token }, options);
export const introspect = (service, token) => asClient(service, '/oidc/introspect', { token });
export const userinfo = (token, options = {}) => send(at('/oidc/userinfo'), { ...options, headers: { authorization: `Bearer ${token}` } });
export const claims = t => JSON.parse(Buffer.from((t.json ?? t).id_token.split('.')[1], 'base64url'));

export async function tokens(service, agent, person, options) {
	const t = await redeem(await authorize(service, agent, person, options));
	assert.equal(t.status, 200, t.text);
	return t.json;
}

export const words = page => page.text.replace(/<style[^]*?<\/style>/g, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 300);

// Whatever was sent, this must hold of the answer: a fault is the sender's, and said so.
export function notOurFault(page, what) {
	assert.ok(page.status < 500, `${page.status} after ${what}: ${words(page)}`);
	return page;
}

// A second daemon on the same state store, directory and keys, as on a host with two of them; `edit` may change its configuration.
export async function secondDaemon(port, edit = conf => conf) {
	const dir = path.join(demo, `second-${port}`), log = path.join(dir, 'idpd.log');
	fs.rmSync(dir, { recursive: true, force: true });
	for (const d of ['', 'audit']) fs.mkdirSync(path.join(dir, d), { mode: 0o700 });
	fs.cpSync(path.join(demo, 'keyring'), path.join(dir, 'keyring'), { recursive: true });	// each has a keyring of its own, with the same keys
	fs.chmodSync(path.join(dir, 'keyring'), 0o700);	// not every Node.js copies the mode of a folder
	const run = fs.mkdtempSync('/tmp/csam-second-');	// names of sockets are short
	const conf = fs.readFileSync(path.join(demo, target.config), 'utf8').replace(/^(\tlisten\s*=).*$/m, `$1 {"127.0.0.1:${port} tls"}`)
		.replace(/^(\truntime_dir\s*=).*$/m, `$1 "${run}"`).replace(/^(\taudit_dir\s*=).*$/m, `$1 "${dir}/audit"`)
		.replace(/^(\tkeyring_dir\s*=).*$/m, `$1 "${dir}/keyring"`).replace(/^eid \{\n(\t.*\n)*\}\n/m, '');	// the eID's address is taken
	const file = path.join(demo, `second-${port}.conf`);	// relative paths of the first configuration stay right
	fs.writeFileSync(file, edit(conf));
	const program = fs.readlinkSync(`/proc/${fs.readFileSync(path.join(demo, target.pid_file), 'utf8').trim()}/exe`);
	const child = spawn(program, ['-c', file], { stdio: ['ignore', fs.openSync(log, 'a'), fs.openSync(log, 'a')] });
	const ended = new Promise(r => child.on('exit', r));
	const end = async () => { child.kill('SIGTERM'); await ended; fs.rmSync(run, { recursive: true, force: true }); };
	for (let i = 0; ; i++) {
		if ((await send(at('/readyz'), { port }).catch(() => ({}))).status === 200) return { port, end, log };
		if (i > 400 || child.exitCode !== null) { await end(); throw new Error(`the second daemon does not get ready: ${fs.readFileSync(log, 'utf8')}`); }
		await pause(50);
	}
}

// Stands between a daemon and slapd and keeps what goes to slapd. Returns {port, seen(): Buffer, end}.
export async function listenIn() {
	const parts = [], { hostname, port } = new URL(target.ldap.uri), open = new Set();
	const server = net.createServer(client => {
		const slapd = net.connect(port, hostname);
		for (const [a, b] of [[client, slapd], [slapd, client]]) open.add(a.on('data', d => b.write(d)).on('error', () => b.destroy()).on('close', () => b.destroy()));
		client.on('data', d => parts.push(d));
	});
	await new Promise(r => server.listen(0, '127.0.0.1', r));
	return { port: server.address().port, seen: () => Buffer.concat(parts), forget: () => { parts.length = 0; }, end: () => { for (const s of open) s.destroy(); server.close(); } };
}

// What the audit trail says, of all daemons; the keyring of the first opens what is personal.
export function trail() {
	const dirs = [target.audit_dir, ...fs.readdirSync(demo).filter(d => /^second-\d+$/.test(d)).map(d => `${d}/audit`)];
	const build = path.dirname(fs.readlinkSync(`/proc/${fs.readFileSync(path.join(demo, target.pid_file), 'utf8').trim()}/exe`));
	const search = dir => execFileSync(`${build}/csamctl`, ['audit', 'search', '--reason', 'test', '-c', path.join(demo, target.config), path.join(demo, dir)], { encoding: 'utf8', maxBuffer: 1 << 28 });
	return dirs.filter(d => fs.existsSync(path.join(demo, d, '00000001.log')) || fs.existsSync(path.join(demo, d, '00000001.log.gz')))
		.flatMap(d => search(d).split('\n').filter(Boolean).map(l => JSON.parse(l)));
}

// The first daemon ends and begins again.
export function restart() {
	const env = { ...process.env, DEMO_DIR: demo, DEMO_PORT: new URL(issuer).port, DEMO_LDAP_PORT: new URL(target.ldap.uri).port, BUILD: path.dirname(demo) };
	for (const cmd of [target.stop_cmd, target.start_cmd]) execFileSync('/bin/sh', ['-c', cmd], { env, stdio: 'ignore' });
	hangUp();
}
