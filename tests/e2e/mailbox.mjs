// Mail as it leaves: the demonstration's server is a folder with one file for each.
import fs from 'node:fs';
import path from 'node:path';
import { demo } from './csam.mjs';

const folder = path.join(demo, 'mail');
const all = () => fs.existsSync(folder) ? fs.readdirSync(folder).filter(f => !f.startsWith('.')).map(f => path.join(folder, f))
	.map(f => ({ at: fs.statSync(f).mtimeMs, raw: fs.readFileSync(f, 'utf8') })).sort((a, b) => a.at - b.at).map(m => m.raw) : [];

// What went to that address so far, the oldest first.
export const mailsTo = address => all().filter(raw => new RegExp(`^To: .*${address.replace(/[.+]/g, '\\$&')}`, 'mi').test(raw));

// RFC 2047 and quoted-printable, as people read it.
export function subjectOf(raw) {
	const subject = raw.match(/^Subject: (.*(?:\r?\n .*)*)/m)[1], words = [...subject.matchAll(/=\?utf-8\?b\?([^?]*)\?=/gi)];
	return words.length ? words.map(m => Buffer.from(m[1], 'base64').toString()).join('') : subject;
}

// The code of the mail that comes after `before` others; a code's mail ends with "@host #code".
export async function codeMailed(address, before = 0) {
	for (let i = 0; i < 600; i++) {
		const code = mailsTo(address).slice(before).map(raw => raw.match(/#(\d{6})\b/)?.[1]).find(c => c);
		if (code) return code;
		await new Promise(r => setTimeout(r, 100));
	}
	throw new Error(`no code comes to ${address}`);
}
