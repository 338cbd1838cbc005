// Opens each page of a running board in Chromium, wide and narrow, light and dark, and checks it with axe.
//   npm ci && node check.mjs http://127.0.0.1:9090 TOKEN
// Exits 1 if axe finds something serious, or a page scrolls sideways.
import { readFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const [base, token] = process.argv.slice(2);
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const pages = ['', '/jobs', '/jobs?state=failed', '/errors', '/quarantine', '/workers', '/activity'];
const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
let serious = 0;

async function check(path, width, scheme) {
  const page = await browser.newPage();
  await page.setBypassCSP(true);
  await page.setExtraHTTPHeaders({ authorization: `Bearer ${token}` });
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.goto(`${base}/board${path}`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  const found = violations.map(({ impact, id, nodes }) => `${impact} ${id}: ${nodes[0].html.slice(0, 120)}`);
  if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) found.push('serious: scrolls sideways');
  for (const what of found) console.log(`/board${path} ${width} px ${scheme}: ${what}`);
  serious += found.filter((what) => /^(serious|critical)/.test(what)).length;
  await page.close();
}

for (const path of pages) for (const width of [1280, 390]) for (const scheme of ['light', 'dark']) await check(path, width, scheme);
await browser.close();
console.log(`${pages.length} pages, ${serious} serious findings`);
process.exit(serious ? 1 : 0);
