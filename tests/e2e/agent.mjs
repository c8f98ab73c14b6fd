// A browser without a screen: cookies, redirects, forms. For tests that want many sign-ins or a look at the wire.
import { freshCode } from './csam.mjs';

export class Agent {
	cookies = new Map();
	// One request; cookies kept, redirects not followed.
	async send(url, { method = 'GET', form, headers = {} } = {}) {
		const cookie = [...this.cookies].map(([n, v]) => `${n}=${v}`).join('; ');
		const r = await fetch(url, { method, redirect: 'manual', body: form && new URLSearchParams(form).toString(),
			headers: { ...(cookie && { cookie }), ...(form && { 'content-type': 'application/x-www-form-urlencoded' }), ...headers } });
		for (const line of r.headers.getSetCookie()) {
			const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
			if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(name);
			else this.cookies.set(name, value);
		}
		return { status: r.status, location: r.headers.get('location') && new URL(r.headers.get('location'), url).href, headers: r.headers, text: await r.text(), url };
	}
	// Follows redirects until a page, or until an address that `stop` accepts (then it is returned unvisited).
	async visit(url, options = {}, stop = () => false) {
		for (let i = 0; i < 12; i++) {
			const r = await this.send(url, options);
			if (!r.location) return r;
			if (stop(r.location)) return { ...r, callback: r.location };
			url = r.location;
			options = {};
		}
		throw new Error(`too many redirects at ${url}`);
	}
	static field(page, name) {
		return page.text.match(new RegExp(`<input[^>]*name="${name}"[^>]*value="([^"]*)"`))?.[1] ?? page.text.match(new RegExp(`<input[^>]*value="([^"]*)"[^>]*name="${name}"`))?.[1];
	}
	static has(page, name) { return page.text?.includes(`name="${name}"`); }
	// Answers whatever the login asks, as this person with this kind of key, until the service's callback or a page without a form.
	async signIn(page, person, { kind = 'app', stop, code } = {}) {
		for (let i = 0; i < 6 && !page.callback; i++) {
			const origin = new URL(page.url).origin, ticket = Agent.field(page, 'ticket');
			const post = (path, form) => this.visit(origin + path, { method: 'POST', form, headers: { origin } }, stop);
			if (Agent.has(page, 'code')) page = await post('/login', { ticket, code: code ?? await freshCode(person.totp) });
			else if (Agent.has(page, 'password')) page = await post('/login', { ticket, username: person.username, password: person.password });
			else if (Agent.has(page, 'consent')) page = await post(page.text.match(/<form[^>]*action="([^"]*)"/)[1], { request: Agent.field(page, 'request'), csrf_token: Agent.field(page, 'csrf_token'), consent: 'yes' });
			else if (Agent.has(page, 'choice')) page = await post('/login', { ticket, choice: kind });
			else break;
		}
		return page;
	}
}
