/**
 * How quick the window is: `basin serve` with 10,000 checkpoints of 1,000 runs and large matrices, in headless
 * Chromium with software rendering. `node test/bench/renderer.ts [--json]`. BASIN_CHROMIUM names the browser, which is
 * watched as little as can be (support/bare-chromium.ts says why).
 *
 * Every figure is the median of its repetitions, "longest frame" the median of the longest of each. What a machine
 * without load would give is not guessed: the longest frame of a page at rest stands at the end of the table.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startChromium, type BarePage } from './support/bare-chromium.ts';
import { installProbe, type Frames } from './support/page-probe.ts';
import { fillWorkspace } from './support/renderer-workspace.ts';
import {
  buildPages,
  catalogFrames,
  chromium,
  Figures,
  firstRows,
  framesDuring,
  hasRows,
  repeat,
  reopen,
  serve,
  settled,
} from './support/window.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-bench-'));
const figures = new Figures();

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
  figures.note(
    `matrix ${n} x ${n}, data in the page to the first picture`,
    times.map(({ first }) => first),
    { unit: 'ms', target: paint },
  );
  figures.note(
    `matrix ${n} x ${n}, first pictures that are final, pixel by pixel`,
    times.map(() => (100 * times.filter(({ same }) => same).length) / times.length),
    { unit: '%', target: 100, least: true },
  );
  figures.note(
    `matrix ${n} x ${n}, data in the page to the last drawing`,
    times.map(({ settled }) => settled),
    { unit: 'ms' },
  );
  figures.note(
    `matrix ${n} x ${n}, zoom and pan`,
    times.map(({ frames }) => frames.rate),
    { unit: 'frames/s', target: 50, least: true },
  );
  figures.note(
    `matrix ${n} x ${n}, longest frame of these`,
    times.map(({ frames }) => frames.longest),
    { unit: 'ms' },
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
  figures.note('200 curves, data in the page to the frame that shows them', times, {
    unit: 'ms',
    target: 100,
  });
}

try {
  const binary = chromium();
  buildPages();
  const { results } = await fillWorkspace(root, 1000, [2048, 4096]);
  const { url, stop } = await serve(join(root, 'workspace'));
  const { page, close } = await startChromium(binary, { width: 1360, height: 860 });
  try {
    await page.beforeScripts(installProbe);
    await firstRows(figures, page, url);
    await catalogFrames(figures, page, { typed: 'run-01 symmetry:1 sigma_F>=0.5' });
    await curves(page);
    await matrixViewer(page, url, 2048, results[2048]!, 200);
    await matrixViewer(page, url, 4096, results[4096]!, null);
    await reopen(page, url);
    const rest = await repeat(() => framesDuring(page, () => wait(1500)));
    figures.note(
      'for comparison: longest frame of the page at rest',
      rest.map((frames) => frames.longest),
      { unit: 'ms' },
    );
  } finally {
    await close();
    stop();
  }
  process.exitCode = figures.print() ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
