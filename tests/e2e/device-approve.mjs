// Somebody with a telephone: reads orders from a folder and carries them out in Chromium. ORDER.ask holds {code, username, totp, answer}; what the page
// then shows goes into ORDER.done: the digits, or its words. Ends when the folder has a file "end".
import fs from 'node:fs';
import path from 'node:path';
import { browser, person, signIn } from './chromium.mjs';
import { shots, target } from './csam.mjs';

const dir = process.argv[2];
async function carryOut({ code, answer, ...who }, name) {
	const { page, context } = await person();
	await page.goto(`${target.issuer}/device?user_code=${code}`);
	await page.locator('button.go').click();
	if (await page.locator('button[name=choice], [name=password]').count()) await signIn(page, who);
	await page.screenshot({ path: path.join(shots, `device-ssh-${name}.png`), fullPage: true });
	const warned = await page.locator('.note.bad').count() > 0;
	if (answer && await page.locator('button[name=answer]').count()) await page.locator(`button[name=answer][value=${answer}]`).click();
	const digits = page.locator('#digits'), said = await digits.count() ? await digits.innerText() : await page.locator('main').innerText();
	await context.close();
	return (warned ? 'WARNED ' : '') + said.trim();
}

for (const ended = path.join(dir, 'end'); !fs.existsSync(ended); await new Promise(r => setTimeout(r, 100)))
	for (const file of fs.readdirSync(dir).filter(f => f.endsWith('.ask'))) {
		const at = path.join(dir, file), order = JSON.parse(fs.readFileSync(at, 'utf8')), name = path.basename(file, '.ask');
		fs.unlinkSync(at);
		const said = await carryOut(order, name).catch(e => `FAILED ${e.message}`);
		fs.writeFileSync(path.join(dir, `${name}.part`), said);
		fs.renameSync(path.join(dir, `${name}.part`), path.join(dir, `${name}.done`));
	}
await browser.close();
