// A browser without a screen: cookies, redirects, forms. For tests that want many sign-ins or a look at the wire.
import https from 'node:https';
import { ca, freshCode, target } from './csam.mjs';

const pools = new Map();
function pool(from) {
	if (!pools.has(from)) pools.set(from, new https.Agent({ keepAlive: true, maxSockets: 256, ca, servername: 'localhost', localAddress: from }));
	return pools.get(from);
}
// After a restart of the daemon the old connections are dead.
export function hangUp() {
	for (const p of pools.values()) p.destroy();
	pools.clear();
}

// One request as it is written: the path is not tidied, any header may be given. `from`: an address of 127.0.0.0/8 to come from;
// `port`: another than the address says (a second daemon of the same name).
export function send(url, { method, form, body, headers = {}, from, port } = {}) {
	const u = new URL(url), path = url.slice(u.origin.length) || '/';
	body ??= form && (typeof form === 'string' ? form : new URLSearchParams(form).toString());
	method ??= body === undefined ? 'GET' : 'POST';
	return new Promise((resolve, reject) => {
		const r = https.request({ host: '127.0.0.1', port: port ?? u.port, path: path.replace(/#.*/, ''), method, agent: pool(from), setHost: false,
			headers: { host: u.host, ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }), ...headers } }, answer => {
			const parts = [];
			answer.on('data', d => parts.push(d)).on('error', reject).on('end', () => {
				const bytes = Buffer.concat(parts), text = bytes.toString(), location = answer.headers.location;
				let json;
				try { json = JSON.parse(text); } catch { /* a page */ }
				resolve({ status: answer.statusCode, headers: new Headers(answer.rawHeaders.reduce((l, v, i, all) => (i % 2 ? l : [...l, [v, all[i + 1]]]), [])), raw: answer.rawHeaders,
					location: location && (URL.canParse(location, url) ? new URL(location, url).href : location), text, json, url });
			});
		}).on('error', reject);
		r.setTimeout(30000, () => r.destroy(new Error(`no answer from ${method} ${url.slice(0, 200)}`)));
		r.end(body);
	});
}

// For .catch(): a connection that was closed without a word is an answer to what is too long; silence is none.
// (libmicrohttpd 0.9.75 begins its own 431 twice before it closes.)
export function cut(e) {
	if (!['ECONNRESET', 'EPIPE', 'HPE_CLOSED_CONNECTION'].includes(e.code)) throw e;
	return { status: 400, text: '', headers: new Headers(), cut: true };
}

export class Agent {
	cookies = new Map();
	constructor(options = {}) { this.options = options; }
	// One request; cookies kept, redirects not followed. Only the provider's own addresses are ever asked.
	async send(url, options = {}) {
		const cookie = [...this.cookies].map(([n, v]) => `${n}=${v}`).join('; ');
		const r = await send(url, { ...this.options, ...options, headers: { ...(cookie && { cookie }), ...options.headers } });
		for (const line of r.headers.getSetCookie()) {
			const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
			if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name);
			else this.cookies.set(name, value);
		}
		return r;
	}
	// Follows redirects until a page, or until an address that `stop` accepts (then it is returned unvisited).
	async visit(url, options = {}, stop = () => false) {
		for (let i = 0; i < 12; i++) {
			const r = await this.send(url, options);
			if (!r.location) return r;
			if (stop(r.location) || !r.location.startsWith(target.issuer)) return { ...r, callback: r.location };
			url = r.location;
			options = {};
		}
		throw new Error(`too many redirects at ${url}`);
	}
	static field(page, name) {
		return page.text.match(new RegExp(`<input[^>]*name="${name}"[^>]*value="([^"]*)"`))?.[1] ?? page.text.match(new RegExp(`<input[^>]*value="([^"]*)"[^>]*name="${name}"`))?.[1];
	}
	static has(page, name) { return page.text?.includes(`name="${name}"`); }
	// The one form of a login page, filled in and sent.
	answer(page, form, { stop, headers } = {}) {
		const origin = new URL(page.url).origin;
		return this.visit(origin + '/login', { method: 'POST', form: { ticket: Agent.field(page, 'ticket'), c: Agent.field(page, 'c') ?? '', ...form }, headers: { origin, ...headers } }, stop);
	}
	// Answers whatever the login asks, as this person with this kind of key, until the service's callback or a page without a form.
	async signIn(page, person, { kind = 'app', stop, code } = {}) {
		for (let i = 0; i < 6 && !page.callback; i++) {
			const origin = new URL(page.url).origin;
			if (Agent.has(page, 'code')) page = await this.answer(page, { code: code ?? await freshCode(person.totp) }, { stop });
			else if (Agent.has(page, 'password')) {
				if (kind === 'app' && person.totp) code ??= await freshCode(person.totp);	// waited for now: auth_time is the password's
				page = await this.answer(page, { ...(Agent.has(page, 'username') && { username: person.username }), password: person.password }, { stop });
			}
			else if (Agent.has(page, 'consent')) page = await this.visit(origin + page.text.match(/<form[^>]*action="([^"]*)"/)[1], { method: 'POST', headers: { origin },
				form: { request: Agent.field(page, 'request'), csrf_token: Agent.field(page, 'csrf_token'), consent: 'yes' } }, stop);
			else if (Agent.has(page, 'choice')) page = await this.answer(page, { choice: kind }, { stop });
			else break;
		}
		return page;
	}
}
