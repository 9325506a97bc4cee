/**
 * A sweep of 1,600 small runs compared with one of 16: the catalog's first rows, frames while typing a filter and
 * scrolling, and the view of the sweep with its plot. `node test/bench/sweep.ts [--json] [--runs 1600]`. Headless Chromium
 * with software rendering, as the benchmark `renderer`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openEngine } from '../../src-main/engine/index.ts';
import { startChromium, type BarePage } from './support/bare-chromium.ts';
import { installProbe } from './support/page-probe.ts';
import { fillSweep } from './support/sweep-workspace.ts';
import {
  buildPages,
  catalogFrames,
  chromium,
  Figures,
  firstRows,
  framesDuring,
  noteFrames,
  repeat,
  reopen,
  serve,
} from './support/window.ts';

const given = process.argv.indexOf('--runs');
const many = given < 0 ? 1600 : Number(process.argv[given + 1]);
const root = mkdtempSync(join(tmpdir(), 'basin-bench-'));
const figures = new Figures();

/** What the requests behind the views take, without a window. */
async function requests(workspace: string, prefix: string): Promise<void> {
  const timed = async (what: string, ask: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await ask();
    figures.note(`${prefix}${what}`, [performance.now() - began], { unit: 'ms' });
  };
  const engine = await openEngine({ workspace, queue: 'own' });
  await timed('runs.measures, the first time', () => engine.call('runs.measures', {}));
  await timed('runs.measures, again', () => engine.call('runs.measures', {}));
  await timed('runs.list', () => engine.call('runs.list', {}));
  await timed('jobs.list', () => engine.call('jobs.list', {}));
  await timed('sweeps.get', () => engine.call('sweeps.get', { name: 'rates' }));
  await engine.close();
}

const isDrawn = (): boolean => document.querySelector('main .figure svg path') !== null;

/** From the click to the frame after the plot. */
async function sweepView(page: BarePage, url: string, prefix: string): Promise<void> {
  const times = await repeat(async () => {
    await reopen(page, url);
    await wait(1500);
    const began = await page.evaluate(() => {
      window.location.hash = '/sweeps?sweep=rates';
      return performance.now();
    });
    await page.until(isDrawn);
    return (
      (await page.evaluate(
        () => new Promise<number>((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      )) - began
    );
  });
  figures.note(`${prefix}sweep, from the click to the plot`, times, { unit: 'ms', target: 1000 });
  const turns = 30;
  await page.moveTo(700, 600);
  await noteFrames(
    figures,
    page,
    { what: `${prefix}sweep, scrolling its runs`, step: 'turn of the wheel', times: turns },
    async () => {
      await page.evaluate(() => document.querySelector('main')!.scrollTo(0, 0));
      for (let i = 0; i < turns; i++) await page.wheel(700, 600, 300);
    },
  );
}

async function measure(binary: string, runs: number): Promise<void> {
  const workspace = join(root, String(runs));
  const prefix = `${runs} runs: `;
  await fillSweep(workspace, runs);
  await requests(workspace, prefix);
  const { url, stop } = await serve(workspace);
  const { page, close } = await startChromium(binary, { width: 1360, height: 860 });
  try {
    await page.beforeScripts(installProbe);
    await firstRows(figures, page, url, prefix);
    await catalogFrames(figures, page, { typed: 'seed=3 optimizer.lr>=0.001', prefix });
    await sweepView(page, url, prefix);
    await reopen(page, url);
    const rest = await repeat(() => framesDuring(page, () => wait(1500)));
    figures.note(
      `${prefix}for comparison, longest frame of the page at rest`,
      rest.map(({ longest }) => longest),
      { unit: 'ms' },
    );
  } finally {
    await close();
    stop();
  }
}

try {
  const binary = chromium();
  buildPages();
  for (const runs of [16, many]) await measure(binary, runs);
  process.exitCode = figures.print() ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
