// A host as the challenge profile sees it: its key, its entry, its questions. For tests.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { send } from './agent.mjs';
import { ldapmodify, target } from './csam.mjs';
import { at, issuer, pause, random } from './flow.mjs';

const b64 = v => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v)).toString('base64url');
const sha256 = text => createHash('sha256').update(text).digest('base64url');

export class Host {
	constructor(id, { allow = ['(uid=*)'], level = 400, more = '' } = {}) {
		this.id = id;
		this.dn = `cn=${id},ou=services,${target.ldap.base}`;
		this.pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
		const jwks = JSON.stringify({ keys: [{ ...this.pair.publicKey.export({ format: 'jwk' }), kid: 'h1', alg: 'ES256', use: 'sig' }] });
		this.ldif = `dn: ${this.dn}\nchangetype: add\nobjectClass: csamService\nobjectClass: csamHost\ncn: ${id}\ncsamClientId: ${id}\n` +
			`csamClientJWKS: ${jwks}\n${level ? `csamServiceLevel: ${level}\n` : ''}${allow.map(a => `csamServiceAllow: ${a}\n`).join('')}${more}`;
	}
	async register() {
		ldapmodify(this.ldif);
		for (let i = 0; (await this.account('nobody-at-all')).status !== 200; i++) {	// content sync tells the daemon
			if (i > 1000) throw new Error(`the daemon does not know ${this.id}`);
			await pause(20);
		}
		return this;
	}
	assertion(claims = {}, { key = this.pair.privateKey, header = {} } = {}) {
		const t = Math.floor(Date.now() / 1000);
		const text = `${b64({ alg: 'ES256', kid: 'h1', ...header })}.${b64({ iss: this.id, sub: this.id, aud: issuer, jti: random(), iat: t, exp: t + 60, ...claims })}`;
		return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
	}
	post(path, form, { assertion = this.assertion(), ...options } = {}) {
		const all = { csam_profile: 1, client_id: this.id, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion, ...form };
		for (const [n, v] of Object.entries(all)) if (v === undefined) delete all[n];
		return send(at(path), { method: 'POST', form: all, ...options });
	}
	// Begins; the answer carries what redeem() needs.
	async begin(user, form = {}, options) {
		const verifier = random(32), nonce = random();
		const r = await this.post('/oidc/challenge', { response_type: 'code', scope: 'openid', nonce, code_challenge: sha256(verifier), code_challenge_method: 'S256',
			user, pam_service: 'sshd', can: 'secret code text choice show', ...form }, options);
		return Object.assign(r, { verifier, nonce });
	}
	async answer(turn, form, options) {
		const r = await this.post('/oidc/challenge', { auth_session: turn.json.auth_session ?? turn.json, ...form }, options);
		return Object.assign(r, { verifier: turn.verifier, nonce: turn.nonce });
	}
	redeem(turn, form = {}, options) {
		return this.post('/oidc/token', { grant_type: 'authorization_code', code: turn.json.authorization_code, code_verifier: turn.verifier, csam_profile: undefined, ...form }, options);
	}
	account(user, form = {}, { claims = {}, ...options } = {}) {
		return this.post('/oidc/challenge/account', { user, pam_service: 'sshd', ...form }, { assertion: this.assertion({ aud: at('/oidc/challenge/account'), jti: undefined, ...claims }), ...options });
	}
	remove() { ldapmodify(`dn: ${this.dn}\nchangetype: delete\n`); }
}
