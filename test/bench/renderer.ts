/**
 * How quick the window is: `basin serve` with 10,000 checkpoints of 1,000 runs and large matrices, in headless
 * Chromium with software rendering. `node test/bench/renderer.ts [--json]`. BASIN_CHROMIUM names the browser, which is
 * watched as little as can be (support/bare-chromium.ts says why).
 *
 * Every figure is the median of its repetitions, "longest frame" the median of the longest of each. What a machine
 * without load would give is not guessed: the longest frame of a page at rest stands at the end of the table.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { startChromium, type BarePage } from './support/bare-chromium.ts';
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
async function settled(page: BarePage, name: keyof Marks): Promise<number> {
  for (let last: number | null = null; ;) {
    const now = await page.evaluate((key) => window.probe.marks[key], name).catch(() => null);
    if (now !== null && now === last) return now;
    last = now;
    await wait(400);
  }
}

async function framesDuring(page: BarePage, work: () => Promise<unknown>): Promise<Frames> {
  await page.evaluate(() => window.probe.startFrames());
  await work();
  return page.evaluate(() => window.probe.stopFrames());
}

async function repeat<T>(work: () => Promise<T>, times = repetitions): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await work());
  return results;
}

async function firstRows(page: BarePage, url: string): Promise<void> {
  const address = new URL(url);
  const starts = await repeat(async () => {
    await page.goto('about:blank');
    await page.until(() => location.href === 'about:blank');
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

/** Longest frame, and CPU time of the main thread for each of `times` steps, which other load hardly changes. */
async function noteFrames(
  page: BarePage,
  what: string,
  step: string,
  times: number,
  work: () => Promise<void>,
): Promise<void> {
  const runs = await repeat(async () => {
    const before = await page.cpu();
    const frames = await framesDuring(page, work);
    const after = await page.cpu();
    return { longest: frames.longest, each: (after.all - before.all) / times };
  });
  note(
    `catalog, longest frame while ${what}`,
    runs.map(({ longest }) => longest),
    'ms',
    50,
  );
  note(
    `catalog, the page's CPU time for each ${step}`,
    runs.map(({ each }) => each),
    'ms',
    null,
  );
}

async function catalogFrames(page: BarePage): Promise<void> {
  const clear = () =>
    page.evaluate(() => {
      const filter = document.querySelector<HTMLInputElement>('input[aria-label="Filter runs"]')!;
      filter.focus();
      filter.value = '';
      filter.dispatchEvent(new Event('input', { bubbles: true }));
    });
  const typed = 'run-01 symmetry:1 sigma_F>=0.5';
  await noteFrames(page, 'typing a filter', 'key', typed.length, async () => {
    await clear();
    await page.type(typed, 40);
  });
  await clear();
  const box = await page.evaluate(() => {
    const { left, top } = document.querySelector('[data-run]')!.getBoundingClientRect();
    return { x: left + 100, y: top + 10 };
  });
  await page.moveTo(box.x, box.y);
  const turns = 60;
  await noteFrames(page, 'scrolling', 'turn of the wheel', turns, async () => {
    await page.evaluate(() => document.querySelector('[role=rowgroup]')!.scrollTo(0, 0));
    for (let i = 0; i < turns; i++) await page.wheel(box.x, box.y, 400);
  });
}

/** Wheel and drag events of one frame after the other, as quick as frames come. */
function zoomAndPan(page: BarePage): Promise<Frames> {
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

const hasRows = () => document.querySelector('[data-run]') !== null;

/** The catalog in a page that has forgotten everything. */
async function reopen(page: BarePage, url: string): Promise<void> {
  await page.goto('about:blank');
  await page.until(() => location.href === 'about:blank');
  await page.goto(`${new URL(url).origin}/#/catalog`);
  await page.until(hasRows);
}

async function matrixViewer(
  page: BarePage,
  url: string,
  n: number,
  result: string,
  paint: number | null,
): Promise<void> {
  const times = await repeat(async () => {
    // A fresh page: the matrix comes from the engine, and nothing of it is painted yet.
    await reopen(page, url);
    await page.evaluate(() => window.probe.clear());
    await page.evaluate((id) => (window.location.hash = `/matrices?result=${id}`), result);
    const settledAt = await settled(page, 'painted');
    const { message, firstPainted } = await page.evaluate(() => window.probe.marks);
    const same = await page.evaluate(() => window.probe.asFirstPainted());
    const frames = await zoomAndPan(page);
    return { first: firstPainted! - message!, settled: settledAt - message!, same, frames };
  });
  note(
    `matrix ${n} x ${n}, data in the page to the first picture`,
    times.map(({ first }) => first),
    'ms',
    paint,
  );
  note(
    `matrix ${n} x ${n}, first pictures that are final, pixel by pixel`,
    times.map(() => (100 * times.filter(({ same }) => same).length) / times.length),
    '%',
    100,
    true,
  );
  note(
    `matrix ${n} x ${n}, data in the page to the last drawing`,
    times.map(({ settled }) => settled),
    'ms',
    null,
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

async function curves(page: BarePage): Promise<void> {
  const times = await repeat(async () => {
    await page.evaluate(() => (window.location.hash = '/catalog'));
    await page.until(hasRows);
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

try {
  if (binary === undefined) throw new Error('There is no Chromium here; BASIN_CHROMIUM names one.');
  execFileSync(process.execPath, [inClone('scripts/build.mjs')], { stdio: 'inherit' });
  const { results } = await fillWorkspace(root, 1000, [2048, 4096]);
  const { url, stop } = await serve(join(root, 'workspace'));
  const { page, close } = await startChromium(binary, { width: 1360, height: 860 });
  try {
    await page.beforeScripts(installProbe);
    await firstRows(page, url);
    await catalogFrames(page);
    await curves(page);
    await matrixViewer(page, url, 2048, results[2048]!, 200);
    await matrixViewer(page, url, 4096, results[4096]!, null);
    await reopen(page, url);
    const rest = await repeat(() => framesDuring(page, () => wait(1500)));
    note(
      'for comparison: longest frame of the page at rest',
      rest.map((frames) => frames.longest),
      'ms',
      null,
    );
  } finally {
    await close();
    stop();
  }
  print();
  process.exitCode = measured.every(isMet) ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
