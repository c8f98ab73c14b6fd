// A server of the test's own: csam-agent beside idpd, and people who sign in through libpam, pam_csam.so and that agent.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { folder, issuer, until } from './own.mjs';

const build = process.env.BUILD, running = new Set();
process.on('exit', () => running.forEach(p => p.kill('SIGKILL')));

export class Server {
	constructor(directory, idpd, { name = 'server', level = 400, allow = '(objectClass=posixAccount)' } = {}) {
		Object.assign(this, { dir: path.join(folder, name), name });
		fs.mkdirSync(path.join(this.dir, 'pam.d'), { recursive: true });
		directory.modify(idpd.csamctl('host', 'new', '--id', name, '--name', name, '--level', String(level), '--allow', allow, '--out', path.join(this.dir, 'host')));
		this.socket = path.join(this.dir, 'agent.sock');
		this.logFile = path.join(this.dir, 'agent.log');
		fs.writeFileSync(this.conf = path.join(this.dir, 'csam.conf'), `idp {\n\tissuer = "${issuer}"\n\tca_file = "${folder}/ca.pem"\n\tclient_id = "${name}"\n\tkey_file = "host/host.key"\n}\n` +
			`people {\n\tlevel = ${level}\n\taccount_grace = 0\n}\nagent {\n\tsockets = {"${this.socket} 0666"}\n\tservices = {"${process.env.USER || 'root'} door"}\n}\n`);
		fs.writeFileSync(path.join(this.dir, 'pam.d', 'door'), ['auth', 'account', 'password'].map(k => `${k} required ${build}/pam_csam.so socket=${this.socket}\n`).join(''));
	}
	start() {
		this.process = spawn(`${build}/csam-agent`, ['-c', this.conf], { stdio: ['ignore', 'ignore', fs.openSync(this.logFile, 'a')] });
		const p = this.process;
		running.add(p);
		this.ended = new Promise(r => p.on('exit', (code, sig) => { running.delete(p); r(sig ?? code); }));
		return this;
	}
	// It listens, and idpd knows the host.
	ready() { return until('the agent answers', 60, async () => /answers at/.test(await this.check())); }
	check() {
		return new Promise(r => {
			const p = spawn(`${build}/csamctl`, ['check', '--host', '-c', this.conf]);
			let text = '';
			p.stdout.on('data', d => { text += d; });
			p.on('close', () => r(text));
		});
	}
	kill() { this.process.kill('SIGKILL'); return this.ended; }
	stop() { this.process.kill('SIGTERM'); return this.ended; }
	get log() { return fs.readFileSync(this.logFile, 'utf8'); }
}

// Somebody who signs in there, again and again, one login at a time.
export class Door {
	constructor(server) {
		this.process = spawn(`${build}/tools/pam-door`, [path.join(server.dir, 'pam.d'), 'door'], { stdio: ['pipe', 'pipe', 'inherit'] });
		running.add(this.process);
		this.lines = readline.createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
	}
	// { rc: PAM's code, us, shown }
	async login(...words) {
		this.process.stdin.write(words.map(w => encodeURIComponent(w)).join(' ') + '\n');
		const { value, done } = await this.lines.next();
		if (done) throw new Error('pam-door ended');
		const [rc, us, ...shown] = value.split(' ');
		return { rc: Number(rc), us: Number(us), shown: shown.join(' ') };
	}
	end() { running.delete(this.process); this.process.stdin.end(); }
}
