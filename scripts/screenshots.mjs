// Looks at the site that `npm run docs` makes in a real browser, on a desk and on a phone: takes a picture of each page, and
// fails where one throws, misses a file, is wider than the screen, or where the search finds nothing.
// CHROMIUM names the browser; without it, `chromium` from the PATH is taken.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { basename, extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

const SITE = 'docs/reference/api';
const PICTURES = 'docs/reference/screenshots';
const SCREENS = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const GROUPS = ['Start', 'Guides', 'Deploy', 'Migrate', 'Reference', 'Modules', 'Contribute', 'Decisions'];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const problems = [];
const pages = ['index.html', 'modules.html', ...htmlFilesIn('documents'), ...htmlFilesIn('modules')];
const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://site').pathname));
  try {
    const content = readFileSync(join(SITE, path));
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
try {
  rmSync(PICTURES, { recursive: true, force: true });
  mkdirSync(PICTURES, { recursive: true });
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    const tab = await browser.newPage({ viewport });
    tab.on('pageerror', (error) => problems.push(`${tab.url()} throws ${error.message}`));
    tab.on('response', (response) => {
      // Browsers ask for it by themselves.
      if (response.status() >= 400 && !response.url().endsWith('favicon.ico')) {
        problems.push(`${tab.url()} misses ${response.url()}`);
      }
    });
    for (const page of pages) {
      await tab.goto(`${origin}/${page}`, { waitUntil: 'load' });
      const wider = await tab.evaluate('document.scrollingElement.scrollWidth - innerWidth');
      if (wider > 0) problems.push(`${page} is ${wider} px wider than a ${screen}`);
      await tab.screenshot({ path: `${PICTURES}/${basename(page, '.html')}-${screen}.png` });
    }
    if (screen === 'desk') await lookAtNavigation(tab);
    await tab.close();
  }
} finally {
  await browser.close();
  server.close();
}
if (problems.length > 0) {
  console.error(problems.map((problem) => `- ${problem}`).join('\n'));
  process.exit(1);
}
console.log(`Site: ${pages.length} pages, on a desk and on a phone; pictures in ${PICTURES}.`);

async function lookAtNavigation(tab) {
  await tab.goto(`${origin}/index.html`);
  const navigation = tab.locator('.tsd-navigation .tsd-accordion-summary h3, .tsd-navigation summary span');
  await navigation.first().waitFor();
  const texts = new Set(await navigation.allTextContents());
  const shown = [...texts].filter((text) => GROUPS.includes(text));
  if (shown.join() !== GROUPS.join()) problems.push(`The navigation shows ${shown.join(', ')}`);
  for (const words of ['JWTResourceServerBackend', 'getting started', 'fastify']) {
    await tab.goto(`${origin}/index.html`);
    await tab.locator('#tsd-search-trigger').click();
    await tab.locator('#tsd-search-input').fill(words);
    const found = tab.locator('#tsd-search-results li').first();
    await found
      .waitFor({ timeout: 5000 })
      .catch(() => problems.push(`The search finds nothing for ${words}`));
  }
  await tab.screenshot({ path: `${PICTURES}/search-desk.png` });
}

function htmlFilesIn(folder) {
  return readdirSync(join(SITE, folder))
    .filter((file) => file.endsWith('.html'))
    .map((file) => `${folder}/${file}`);
}

function findChromium() {
  const named = process.env.CHROMIUM;
  if (named !== undefined) return named;
  return execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
}
