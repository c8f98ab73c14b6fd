// A real browser for the tests: people in contexts of their own, pictures of every page, and axe-core looking at each.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { freshCode, shots } from './csam.mjs';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });

// Keeps a picture, and lets axe look at the page. Pictures of one test stand together: its name, a number, the page.
const story = path.basename(process.argv[1], '.mjs');
let shot = 0;
export async function look(page, name) {
	await page.screenshot({ path: path.join(shots, `${story}-${String(++shot).padStart(2, '0')}-${name}.png`), fullPage: true });
	const session = await page.context().newCDPSession(page);
	const { result } = await session.send('Runtime.evaluate', { expression: `${axe}; axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(r => JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes[0].html)))`,
		awaitPromise: true, returnByValue: true });
	assert.deepEqual(JSON.parse(result.value), [], `${name}: accessibility`);
}

// Nothing is wider than the screen, nor than what it stands in.
export async function fits(page, name) {
	const wide = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('main *')]
		.filter(e => e.scrollWidth > e.clientWidth && getComputedStyle(e).display !== 'inline' && getComputedStyle(e).overflowX === 'visible').map(e => e.outerHTML.slice(0, 100)));
	assert.deepEqual(wide, [], `${name}: nothing is too wide`);
}

// The authority of the demonstration is in nobody's store.
export async function person(options = {}) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', viewport: { width: 1280, height: 900 }, ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(60000);
	return { context, page };
}

// Name and password, and the code when the kind has one; a name that is known is not asked. With the name of the key where there are several.
export async function signIn(page, who, { kind = 'app', label } = {}) {
	await page.waitForSelector('button[name=choice], [name=password]');
	if (await page.locator(`button[name=choice][value=${kind}]`).count()) await page.locator(`button[name=choice][value=${kind}]`).click();
	if (await page.locator('[name=username]').count()) await page.fill('[name=username]', who.username);
	await page.fill('[name=password]', who.password);
	await page.locator('button.go').click();
	if (kind === 'password') return;
	if (label) await page.locator('button.option', { hasText: label }).click();
	await page.fill('[name=code]', await freshCode(who.totp));
	await page.locator('button.go').click();
}
