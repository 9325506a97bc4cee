/**
 * How quick the window is: `basin serve` with 10,000 checkpoints of 1,000 runs and large matrices, in headless
 * Chromium with software rendering. `node test/bench/renderer.ts [--json]`. BASIN_CHROMIUM names the browser.
 *
 * Every figure is the median of its repetitions, "longest frame" the median of the longest of each. What a machine
 * without load would give is not guessed: the longest frame of a page at rest stands at the end of the table.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { installProbe, type Frames, type Marks } from './support/page-probe.ts';
import { fillWorkspace } from './support/renderer-workspace.ts';

interface Measured {
  what: string;
  value: number;
  unit: string;
  /** Null where it is told only for comparison. */
  target: number | null;
  /** More is better. */
  least: boolean;
}

const inClone = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const binary = [process.env.BASIN_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
);
const repetitions = 3;
const root = mkdtempSync(join(tmpdir(), 'basin-bench-'));
const measured: Measured[] = [];
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function note(what: string, values: number[], unit: string, target: number | null, least = false): void {
  measured.push({ what, value: Math.round(median(values) * 10) / 10, unit, target, least });
}

async function serve(workspace: string): Promise<{ url: string; stop: () => void }> {
  const child = spawn(
    process.execPath,
    [inClone('src-main/cli/basin.mjs'), 'serve', '--port', '0', '--json', '--workspace', workspace],
    { env: { ...process.env, BASIN_SETUP_DONE: '1' }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
    child.once('exit', (code) => reject(new Error(`basin serve ended with ${code}`)));
  });
  const { url } = JSON.parse(line) as { url: string };
  return { url, stop: () => child.kill('SIGINT') };
}

/** Waits until a mark stands still: what it marks has come to its end. */
async function settled(page: Page, name: keyof Marks): Promise<number> {
  for (let last: number | null = null; ;) {
    const now = await page.evaluate((key) => window.probe.marks[key], name);
    if (now !== null && now === last) return now;
    last = now;
    await page.waitForTimeout(400);
  }
}

async function framesDuring(page: Page, work: () => Promise<unknown>): Promise<Frames> {
  await page.evaluate(() => window.probe.startFrames());
  await work();
  return page.evaluate(() => window.probe.stopFrames());
}

async function repeat<T>(work: () => Promise<T>, times = repetitions): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await work());
  return results;
}

async function firstRows(page: Page, url: string): Promise<void> {
  const address = new URL(url);
  const starts = await repeat(async () => {
    await page.goto(address.href);
    // The token of the first address is used up; from then on the cookie counts.
    address.search = '';
    const rows = await settled(page, 'rows');
    return { rows, connected: (await page.evaluate(() => window.probe.marks.connected))! };
  });
  note(
    'catalog, connection to first rows',
    starts.map(({ rows, connected }) => rows - connected),
    'ms',
    300,
  );
  note(
    'catalog, navigation to first rows',
    starts.map(({ rows }) => rows),
    'ms',
    null,
  );
}

async function catalogFrames(page: Page): Promise<void> {
  const filter = page.getByLabel('Filter runs');
  const typing = await repeat(async () => {
    await filter.fill('');
    await page.waitForTimeout(300);
    await filter.focus();
    return framesDuring(page, () => page.keyboard.type('run-01 symmetry:1 sigma_F>=0.5', { delay: 40 }));
  });
  note(
    'catalog, longest frame while typing a filter',
    typing.map((frames) => frames.longest),
    'ms',
    50,
  );
  await filter.fill('');
  await page.locator('[data-run]').first().hover();
  const scrolling = await repeat(async () => {
    const frames = await framesDuring(page, async () => {
      for (let i = 0; i < 60; i++) await page.mouse.wheel(0, 400);
    });
    await page.keyboard.press('Home');
    return frames;
  });
  note(
    'catalog, longest frame while scrolling',
    scrolling.map((frames) => frames.longest),
    'ms',
    50,
  );
}

/** Wheel and drag events of one frame after the other, as quick as frames come. */
function zoomAndPan(page: Page): Promise<Frames> {
  return framesDuring(page, () =>
    page.evaluate(async () => {
      const map = document.querySelector('main [role=application]')!;
      const box = map.getBoundingClientRect();
      const at = { bubbles: true, cancelable: true, pointerId: 1, isPrimary: true };
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 3];
      for (let i = 0; i < 150; i++) {
        await new Promise(requestAnimationFrame);
        const deltaY = i % 50 < 25 ? -40 : 40;
        map.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY, clientX: x, clientY: y }));
        const moved = { ...at, clientX: x + 4 * (i % 25), clientY: y + 3 * (i % 25) };
        map.dispatchEvent(new PointerEvent('pointermove', moved));
      }
    }),
  );
}

/** The catalog in a page that has forgotten everything. */
async function reopen(page: Page): Promise<void> {
  await page.evaluate(() => (window.location.hash = '/catalog'));
  await page.reload();
  await page.locator('[data-run]').first().waitFor();
}

async function matrixViewer(page: Page, n: number, result: string, paint: number | null): Promise<void> {
  const times = await repeat(async () => {
    // A fresh page: the matrix comes from the engine, and nothing of it is painted yet.
    await reopen(page);
    await page.evaluate(() => window.probe.clear());
    await page.evaluate((id) => (window.location.hash = `/matrices?result=${id}`), result);
    const painted = await settled(page, 'painted');
    const message = (await page.evaluate(() => window.probe.marks.message))!;
    const frames = await zoomAndPan(page);
    return { first: painted - message, frames };
  });
  note(
    `matrix ${n} x ${n}, data in the page to the finished picture`,
    times.map(({ first }) => first),
    'ms',
    paint,
  );
  note(
    `matrix ${n} x ${n}, zoom and pan`,
    times.map(({ frames }) => frames.rate),
    'frames/s',
    50,
    true,
  );
  note(
    `matrix ${n} x ${n}, longest frame of these`,
    times.map(({ frames }) => frames.longest),
    'ms',
    null,
  );
}

async function curves(page: Page): Promise<void> {
  const times = await repeat(async () => {
    await page.evaluate(() => (window.location.hash = '/catalog'));
    await page.locator('[data-run]').first().waitFor();
    await page.evaluate(() => window.probe.clear());
    await page.evaluate(() => (window.location.hash = '/figures'));
    const drawn = await settled(page, 'curves');
    return drawn - (await page.evaluate(() => window.probe.marks.message))!;
  });
  note('200 curves, data in the page to the frame that shows them', times, 'ms', 100);
}

function print(): void {
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify(measured));
    return;
  }
  for (const { what, value, unit, target, least } of measured) {
    const sign = target === null ? '    ' : isMet({ value, target, least }) ? 'ok  ' : 'OVER';
    const wanted = target === null ? '' : ` (target: ${least ? 'at least' : 'under'} ${target} ${unit})`;
    console.log(`${sign} ${what}: ${value} ${unit}${wanted}`);
  }
  console.log(`load ${loadavg()[0]!.toFixed(1)}`);
}

function isMet({ value, target, least }: Pick<Measured, 'value' | 'target' | 'least'>): boolean {
  return target === null || (least ? value >= target : value < target);
}

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
];
try {
  if (binary === undefined) throw new Error('There is no Chromium here; BASIN_CHROMIUM names one.');
  execFileSync(process.execPath, [inClone('scripts/build.mjs')], { stdio: 'inherit' });
  const { results } = await fillWorkspace(root, 1000, [2048, 4096]);
  const served = await serve(join(root, 'workspace'));
  const browser = await chromium.launch({ executablePath: binary, args });
  try {
    const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
    await page.addInitScript(installProbe);
    page.on('pageerror', (error) => {
      throw error;
    });
    await firstRows(page, served.url);
    await catalogFrames(page);
    await curves(page);
    await matrixViewer(page, 2048, results[2048]!, 200);
    await matrixViewer(page, 4096, results[4096]!, null);
    await reopen(page);
    const rest = await repeat(() => framesDuring(page, () => page.waitForTimeout(1500)));
    note(
      'for comparison: longest frame of the page at rest',
      rest.map((frames) => frames.longest),
      'ms',
      null,
    );
  } finally {
    await browser.close();
    served.stop();
  }
  print();
  process.exitCode = measured.every(isMet) ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
