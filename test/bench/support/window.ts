/** What benchmarks of the window share: a served workspace, times and frames in a page of Chromium, the table of figures. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import type { BarePage } from './bare-chromium.ts';
import type { Frames, Marks } from './page-probe.ts';

export interface Measured {
  what: string;
  value: number;
  unit: string;
  /** Null where it is told only for comparison. */
  target: number | null;
  /** More is better. */
  least: boolean;
}

const inClone = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** @throws Error if there is none */
export function chromium(): string {
  const found = [process.env.BASIN_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
    (path) => path !== undefined && existsSync(path),
  );
  if (found === undefined) throw new Error('There is no Chromium here; BASIN_CHROMIUM names one.');
  return found;
}

export function buildPages(): void {
  execFileSync(process.execPath, [inClone('scripts/build.mjs')], { stdio: ['ignore', 2, 'inherit'] });
}

export interface Note {
  unit: string;
  target?: number | null;
  least?: boolean;
}

/** The figures that were taken, each the median of its repetitions. */
export class Figures {
  readonly measured: Measured[] = [];

  note(what: string, values: number[], { unit, target = null, least = false }: Note): void {
    this.measured.push({ what, value: Math.round(median(values) * 10) / 10, unit, target, least });
  }

  /** @returns whether all targets were met */
  print(): boolean {
    if (process.argv.includes('--json')) console.log(JSON.stringify(this.measured));
    else {
      for (const { what, value, unit, target, least } of this.measured) {
        const sign = target === null ? '    ' : isMet({ value, target, least }) ? 'ok  ' : 'OVER';
        const wanted = target === null ? '' : ` (target: ${least ? 'at least' : 'under'} ${target} ${unit})`;
        console.log(`${sign} ${what}: ${value} ${unit}${wanted}`);
      }
      console.log(`load ${loadavg()[0]!.toFixed(1)}`);
    }
    return this.measured.every(isMet);
  }
}

function isMet({ value, target, least }: Pick<Measured, 'value' | 'target' | 'least'>): boolean {
  return target === null || (least ? value >= target : value < target);
}

export async function serve(workspace: string): Promise<{ url: string; stop: () => void }> {
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
export async function settled(page: BarePage, name: keyof Marks): Promise<number> {
  for (let last: number | null = null; ;) {
    const now = await page.evaluate((key) => window.probe.marks[key], name).catch(() => null);
    if (now !== null && now === last) return now;
    last = now;
    await wait(400);
  }
}

export async function framesDuring(page: BarePage, work: () => Promise<unknown>): Promise<Frames> {
  await page.evaluate(() => window.probe.startFrames());
  await work();
  return page.evaluate(() => window.probe.stopFrames());
}

export async function repeat<T>(work: () => Promise<T>, times = 3): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await work());
  return results;
}

export async function firstRows(figures: Figures, page: BarePage, url: string, prefix = ''): Promise<void> {
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
  figures.note(
    `${prefix}catalog, connection to first rows`,
    starts.map(({ rows, connected }) => rows - connected),
    { unit: 'ms', target: 300 },
  );
  figures.note(
    `${prefix}catalog, navigation to first rows`,
    starts.map(({ rows }) => rows),
    { unit: 'ms' },
  );
}

/** Longest frame, and CPU time of the main thread for each of `times` steps, which other load hardly changes. */
export async function noteFrames(
  figures: Figures,
  page: BarePage,
  { what, step, times }: { what: string; step: string; times: number },
  work: () => Promise<void>,
): Promise<void> {
  const runs = await repeat(async () => {
    const before = await page.cpu();
    const frames = await framesDuring(page, work);
    const after = await page.cpu();
    return { longest: frames.longest, each: (after.all - before.all) / times };
  });
  figures.note(
    `${what}, longest frame`,
    runs.map(({ longest }) => longest),
    { unit: 'ms', target: 50 },
  );
  figures.note(
    `${what}, the page's CPU time for each ${step}`,
    runs.map(({ each }) => each),
    { unit: 'ms' },
  );
}

export async function catalogFrames(
  figures: Figures,
  page: BarePage,
  { typed, prefix = '' }: { typed: string; prefix?: string },
): Promise<void> {
  const clear = () =>
    page.evaluate(() => {
      const filter = document.querySelector<HTMLInputElement>('input[aria-label="Filter runs"]')!;
      filter.focus();
      filter.value = '';
      filter.dispatchEvent(new Event('input', { bubbles: true }));
    });
  await noteFrames(
    figures,
    page,
    { what: `${prefix}catalog, typing a filter`, step: 'key', times: typed.length },
    async () => {
      await clear();
      // Nobody types in the frame in which the whole list comes back.
      await wait(100);
      await page.type(typed, 40);
    },
  );
  await clear();
  const box = await page.evaluate(() => {
    const { left, top } = document.querySelector('[data-run]')!.getBoundingClientRect();
    return { x: left + 100, y: top + 10 };
  });
  await page.moveTo(box.x, box.y);
  const turns = 60;
  await noteFrames(
    figures,
    page,
    { what: `${prefix}catalog, scrolling`, step: 'turn of the wheel', times: turns },
    async () => {
      await page.evaluate(() => document.querySelector('[role=rowgroup]')!.scrollTo(0, 0));
      for (let i = 0; i < turns; i++) await page.wheel(box.x, box.y, 400);
    },
  );
}

export const hasRows = () => document.querySelector('[data-run]') !== null;

/** The catalog in a page that has forgotten everything. */
export async function reopen(page: BarePage, url: string): Promise<void> {
  await page.goto('about:blank');
  await page.until(() => location.href === 'about:blank');
  await page.goto(`${new URL(url).origin}/#/catalog`);
  await page.until(hasRows);
}
