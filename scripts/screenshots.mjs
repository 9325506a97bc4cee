/**
 * `node scripts/screenshots.mjs [WORKSPACE]`: a picture of every view, light and dark, into docs/screens. Without a
 * workspace one is made first by the demo and a sweep (some minutes). Needs Chromium (BASIN_CHROMIUM, or one in the PATH).
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment, foreground, inClone, script } from './lib/launch.mjs';
import { basinNode } from './lib/paths.mjs';

const basin = inClone('src-main', 'cli', 'basin.mjs');
const out = inClone('docs', 'screens');
const size = { width: 1360, height: 860 };
const sweep = 'sigma-and-rate';
const places = [
  'catalog',
  'train',
  'new-sweep',
  'sweeps',
  'jobs',
  'interpolation',
  'matrices',
  'identifiability',
  'symmetry',
  'figures',
];

function chromiumPath() {
  const candidates = [process.env.BASIN_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];
  const found = candidates.find((path) => path && existsSync(path));
  if (!found) throw new Error('No Chromium here: name one with BASIN_CHROMIUM.');
  return found;
}

function serve(workspace) {
  const args = [basin, 'serve', '--port', '0', '--json', '--workspace', workspace];
  const child = spawn(basinNode(), args, { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve({ child, url: JSON.parse(line).url }));
    child.once('exit', () => reject(new Error('basin serve did not start')));
  });
}

/** Where a place is, if its name does not say so. */
const addresses = { 'new-sweep': 'sweeps?new=yes', sweeps: `sweeps?sweep=${sweep}` };

const go = (page, hash) => page.evaluate((to) => (globalThis.location.hash = to), hash);

/** What the demo leaves out: measures of single networks, and matrices to look at. */
async function measure(page) {
  for (const kind of ['permutation-sensitivity', 'realization-cost']) {
    await go(page, `/identifiability?kind=${kind}`);
    await page
      .getByRole('combobox', { name: 'Run' })
      .selectOption({ label: await runWithFixedWeights(page) });
    for (const model of ['3', '4']) await page.getByRole('button', { name: model, exact: true }).click();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('.verdict').waitFor({ timeout: 120_000 });
  }
}

/** The demo's W-asymmetric run with sigma_F = 1: there neurons can be told apart. */
async function runWithFixedWeights(page) {
  const options = page.getByRole('combobox', { name: 'Run' }).locator('option');
  await options.first().waitFor({ state: 'attached' });
  const names = await options.allTextContents();
  return names.find((name) => /^w-asymmetric-small/.test(name)) ?? names[0];
}

/** Two neurons side by side, beside the matrix. */
async function inspectNeurons(page) {
  const canvas = page.locator('.large canvas');
  await canvas.waitFor({ timeout: 60_000 });
  const { width, height } = await canvas.boundingBox();
  await canvas.click({ position: { x: 0.62 * width, y: 0.3 * height } });
  await page.getByRole('heading', { name: 'What they do on the data' }).waitFor({ timeout: 60_000 });
}

/** A form that is half filled in says more than an empty one. */
async function describeSweep(page) {
  const axis = page.getByRole('group', { name: 'Varied setting 1', exact: true });
  await page.getByLabel('Preset').selectOption('w-asymmetric-small');
  await axis.getByRole('combobox', { name: 'Setting' }).fill('sigma_f');
  await axis.getByLabel('Values').fill('0, 0.25, 0.5, 1');
}

async function take(page, scheme) {
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
  for (const place of places) {
    await go(page, `/${addresses[place] ?? place}`);
    if (place === 'new-sweep') await describeSweep(page);
    if (place === 'matrices') await inspectNeurons(page);
    await page.waitForTimeout(1500);
    await page.screenshot({ path: join(out, `${place}-${scheme}.png`) });
  }
}

async function main() {
  let workspace = process.argv[2];
  const own = workspace === undefined;
  if (own) {
    workspace = mkdtempSync(join(tmpdir(), 'basin-screens-'));
    const grid = ['--grid', 'sigma_f=0,0.25,0.5,1', '--grid', 'optimizer.lr=1e-3,3e-3', '--seeds', '3'];
    const asked = ['sweep', 'w-asymmetric-small', ...grid, '--then', 'interpolate', '--name', sweep];
    for (const words of [['demo'], asked]) {
      const code = await foreground([basin, ...words, '--workspace', workspace]);
      if (code !== 0) return code;
    }
  }
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: ['--no-sandbox', '--disable-gpu'],
  });
  const { child, url } = await serve(workspace);
  try {
    mkdirSync(out, { recursive: true });
    const page = await (await browser.newContext({ viewport: size })).newPage();
    await page.goto(url);
    await page.getByRole('main').getByRole('heading').first().waitFor();
    await page.locator('[role=row][data-run]').first().click();
    await measure(page);
    for (const scheme of ['light', 'dark']) await take(page, scheme);
  } finally {
    await browser.close();
    child.kill('SIGINT');
    if (own) rmSync(workspace, { recursive: true, force: true });
  }
  return 0;
}

script(main);
