// Looks at every page that test_web_pages drew (build/pages): axe-core (WCAG 2.2 AA), nothing wider than the screen, targets
// of 44 px; in light and dark, from 320 px up. With a folder as argument it also leaves pictures there.
// Needs playwright-core and axe-core where NODE_PATH finds them, and Debian's chromium.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const { chromium } = require('playwright-core');

const root = path.join(__dirname, '../..');
const pages = path.join(root, 'build/pages');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const pictures = process.argv[2];
const looks = [
	{ name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
	{ name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
	{ name: 'small', colorScheme: 'light', viewport: { width: 320, height: 640 } },
	{ name: 'small-dark', colorScheme: 'dark', viewport: { width: 320, height: 640 } },
];

const server = http.createServer((request, answer) => {
	const [, kind, name, file] = request.url.split('?')[0].split('/');
	const where = kind === 'static' ? path.join(root, 'share/css', path.basename(file)) : path.join(pages, path.basename(name));
	const type = { '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' }[path.extname(where)];
	if (!type || !fs.existsSync(where)) return answer.writeHead(404).end();
	answer.writeHead(200, { 'Content-Type': type }).end(fs.readFileSync(where));
});

async function look(page, name, dress) {
	const wrong = await page.evaluate(() => {
		const found = [];
		if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the screen');
		for (const e of document.querySelectorAll('main a, main button, main input:not([type=hidden]), header a, footer a'))
			if (!e.closest('p.small') && e.getBoundingClientRect().height < 43.9) found.push('small target: ' + e.outerHTML.slice(0, 80));
		return found;
	});
	await page.evaluate(axe);
	const result = await page.evaluate((only) => window.axe.run({ runOnly: only }), rules);
	for (const v of result.violations) wrong.push(`${v.id}: ${v.help}: ${v.nodes.map((n) => n.target).join(', ')}`);
	if (result.passes.length === 0) wrong.push('axe found nothing to check');
	for (const w of wrong) console.log(`${name} (${dress}): ${w}`);
	return wrong.length;
}

async function main() {
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const names = fs.readdirSync(pages).filter((f) => f.endsWith('.html'));
	const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
	let wrong = 0;
	for (const { name: dress, ...options } of looks) {
		const context = await browser.newContext({ ...options, bypassCSP: true });
		const page = await context.newPage();
		for (const name of names) {
			await page.goto(`http://127.0.0.1:${server.address().port}/page/${name}`);
			if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.${dress}.png`), fullPage: true });
			wrong += await look(page, name, dress);
		}
		await context.close();
	}
	await browser.close();
	server.close();
	console.log(`${names.length} pages in ${looks.length} dresses: ${wrong} faults`);
	return names.length > 0 && wrong === 0;
}

main().then((good) => process.exit(good ? 0 : 1), (e) => { console.error(e); process.exit(1); });
