/** Swap costs looked at closely: the neurons of an entry, the epochs of a run, matrices beside each other, the figure. */
import { cpSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { basin } from '../support/cli.ts';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { fixturePath, fixtureRun, goldenNpy } from '../support/fixtures.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

/** Jobs and first results of a worker take their time on a slow machine. */
const patient = { timeout: 150_000 };

describe.skipIf(noBrowser)('matrices', () => {
  const workspace = newWorkspace();
  const unfixed = join(newWorkspace(), 'sym1_kappa0');
  let page: Page;

  async function run(...args: string[]): Promise<void> {
    const { code, stderr } = await basin([...args, '--workspace', workspace]);
    expect(code, stderr).toBe(0);
  }

  beforeAll(async () => {
    // A copy: one of its files goes away later.
    cpSync(fixtureRun('sym1_kappa0'), unfixed, { recursive: true });
    const digits = ['--data', 'mnist-10k', '--split-file', fixturePath('golden/data_split.json')];
    for (const folder of [unfixed, fixtureRun('sym1_kappa1')]) {
      await run('import', folder);
      const which = ['--run', folder, '--models', '1', '--epoch', '0,5'];
      await run('run', 'realization-cost', ...which, ...digits);
    }
    const app = await startServed(workspace);
    ({ page } = await openWindow(app, { acceptDownloads: true }));
    await goTo(page, 'matrices');
    await page.locator('.large canvas').waitFor(patient);
  }, 300_000);
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const canvas = () => page.locator('.large canvas');
  const heading = () => page.getByRole('main').getByRole('heading', { level: 1 }).textContent();
  const inspector = (i: number, j: number): Locator =>
    page.getByRole('region', { name: `Neurons ${i} and ${j}`, exact: true });
  /** The swap cost that the inspector shows, with all its digits, once it is that of these neurons. */
  async function swapIn(i: number, j: number): Promise<number> {
    const panel = inspector(i, j);
    await panel
      .getByText(new RegExp(`^cost of.*function of ${i}.*function of ${j}`))
      .first()
      .waitFor(patient);
    await expect.poll(() => panel.getAttribute('aria-busy'), patient).toBe('false');
    return Number(await panel.locator('strong[data-value]').getAttribute('data-value'));
  }

  const golden = goldenNpy('sym1_kappa1/rc_m1_lins.0_mahalanobis_squared_f64').data;
  const cost = (i: number, j: number) => golden[i * 64 + j]!;
  const swap = (i: number, j: number) => cost(i, j) + cost(j, i) - cost(i, i) - cost(j, j);
  const gap = (found: number, expected: number) => Math.abs(found / expected - 1);

  it('opens both neurons of an entry: their costs are those of the published code', async () => {
    await page.getByRole('combobox', { name: 'result' }).selectOption({ index: 0 });
    await expect.poll(heading).toBe('lins.0, swap cost, model 1, epoch 5');
    const [i, j] = [3, 41];
    await expect
      .poll(async () => {
        const box = (await canvas().boundingBox())!;
        await page.mouse.move(0, 0);
        await page.mouse.move(box.x + ((j + 0.5) / 64) * box.width, box.y + ((i + 0.5) / 64) * box.height);
        return page.locator('.head .reading').textContent();
      }, patient)
      .toMatch(`(${i}, ${j}) = `);
    await page.mouse.down();
    await page.mouse.up();
    expect(gap(await swapIn(i, j), swap(i, j))).toBeLessThan(1e-9);
    const panel = inspector(i, j);
    const entries = await panel.getByRole('table').getByRole('cell').allTextContents();
    const shown = [cost(i, i), cost(i, j), cost(j, i), cost(j, j)].map((v) =>
      String(Number(v.toPrecision(4))),
    );
    expect(entries.map((text) => text.trim())).toEqual(shown);
    // 28 x 28 pictures: weights, fixed part, center, function, of both; and what excites them.
    for (const name of ['Weights', 'Fixed part F', 'Center v', 'Function a']) {
      await panel.getByRole('img', { name: `${name} of neuron ${i}`, exact: true }).waitFor();
      await panel.getByRole('img', { name: `${name} of neuron ${j}`, exact: true }).waitFor();
    }
    expect(await panel.getByRole('img', { name: /^Example \d+ of class \d$/ }).count()).toBe(8);
    await panel.getByText('2,000 of 2,000 examples of the test split').waitFor();
  });

  it('finds twins: the pair that costs least to swap, and shows both', async () => {
    const twins = page.getByRole('region', { name: 'Twins' }).getByRole('button').first();
    const name = await twins.textContent();
    const [i, j] = /(\d+) and (\d+)/.exec(name!)!.slice(1).map(Number) as [number, number];
    const all = [...Array(64).keys()].flatMap((a) => [...Array(a).keys()].map((b) => swap(a, b)));
    expect(gap(swap(i, j), Math.min(...all))).toBeLessThan(1e-6);
    await twins.click();
    expect(gap(await swapIn(i, j), swap(i, j))).toBeLessThan(1e-9);
    await page.getByRole('button', { name: 'Fit' }).click();
  });

  it('is driven from the keyboard: crosshair, Enter, jump, close', async () => {
    await page.getByRole('spinbutton', { name: 'Row', exact: true }).fill('10');
    await page.getByRole('spinbutton', { name: 'Column', exact: true }).fill('20');
    await page.getByRole('spinbutton', { name: 'Column', exact: true }).press('Enter');
    expect(gap(await swapIn(10, 20), swap(10, 20))).toBeLessThan(1e-9);
    const map = page.getByRole('application', { name: /^lins\.0, swap cost/ });
    await map.focus();
    await map.press('ArrowDown');
    await map.press('ArrowLeft');
    await expect.poll(() => page.locator('.head .reading').textContent()).toMatch('(11, 19) = ');
    await map.press('Enter');
    expect(gap(await swapIn(11, 19), swap(11, 19))).toBeLessThan(1e-9);
    await map.press('Escape');
    await inspector(11, 19).waitFor({ state: 'hidden' });
    await map.press('Enter');
    await inspector(11, 19).waitFor();
    await page.getByRole('button', { name: 'Fit' }).click();
  });

  it.each(['light', 'dark'] as const)('has no serious accessibility problem, %s', async (scheme) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset.theme)).toBe(scheme);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const found = serious.map(
      ({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(' | ')}`,
    );
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    expect(found).toEqual([]);
  });

  it('steps over the epochs, and measures those that are missing', async () => {
    const slider = page.getByRole('slider', { name: 'Epoch' });
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('epoch 5');
    await slider.focus();
    await slider.press('ArrowLeft');
    await page.getByText('Epoch 1 is not measured yet').waitFor();
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('epoch 1, not measured yet');
    await page.getByRole('button', { name: 'Measure all 3 epochs' }).click();
    await expect.poll(heading, patient).toBe('lins.0, swap cost, model 1, epoch 1');
    await canvas().waitFor();
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toBe('epoch 1');
    const bar = page.getByRole('img', { name: /^swap cost, from/ });
    // The bar spans all epochs, so all must have arrived.
    const cells = page.getByRole('region', { name: 'Small multiples' }).locator('button.cell canvas');
    await expect.poll(() => cells.count(), patient).toBe(12);
    const at1 = await swapIn(11, 19);
    const scale = await bar.getAttribute('aria-label');
    await slider.press('ArrowRight');
    await expect.poll(heading).toBe('lins.0, swap cost, model 1, epoch 5');
    await expect
      .poll(() => swapIn(11, 19).then((found) => gap(found, swap(11, 19))), patient)
      .toBeLessThan(1e-9);
    expect(await bar.getAttribute('aria-label')).toBe(scale);
    expect(gap(at1, swap(11, 19))).toBeGreaterThan(1e-3);

    // What was shown, noted in the page itself: no step is too quick to be seen.
    await page.evaluate(() => {
      const title = document.querySelector('main h1')!;
      const seen: string[] = [];
      Object.assign(window, { seen });
      new MutationObserver(() => {
        const epoch = /epoch (\d+)$/.exec(title.textContent)?.[1] ?? '';
        if (seen.at(-1) !== epoch) seen.push(epoch);
      }).observe(title, { characterData: true, childList: true, subtree: true });
    });
    await page.getByRole('button', { name: 'Play' }).click();
    const seen = () => page.evaluate(() => (window as unknown as { seen: string[] }).seen.join(' '));
    await expect.poll(seen, patient).toBe('0 1 5');
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await page.getByRole('button', { name: 'Close the inspector' }).click();
    await inspector(11, 19).waitFor({ state: 'hidden' });
  });

  it('puts runs beside each other by layer and sigma_F, enlarges one, and exports the rows as a figure', async () => {
    await page.getByRole('button', { name: 'alongside: none' }).click();
    const zero = page.getByRole('checkbox', { name: /sym1_kappa0/ });
    await zero.check();
    await zero.press('Escape');
    await zero.waitFor({ state: 'hidden' });
    const multiples = page.getByRole('region', { name: 'Small multiples' });
    await multiples.getByRole('combobox', { name: 'columns' }).selectOption('sigmaF');
    await multiples.getByText('σ_F 0', { exact: true }).waitFor();
    await multiples.getByText('σ_F 1', { exact: true }).waitFor();
    const cells = multiples.locator('button.cell');
    await expect.poll(() => cells.count()).toBe(8);
    expect(await multiples.getByRole('img', { name: /^Colour bar of the row/ }).count()).toBe(4);
    await expect.poll(() => multiples.locator('button.cell canvas').count(), patient).toBe(8);
    await cells.nth(5).click();
    await expect.poll(heading).toBe('lins.2, swap cost, model 1, epoch 5');
    expect(await cells.nth(5).getAttribute('aria-pressed')).toBe('true');

    await page.getByRole('button', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export figure' });
    const download = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'SVG', exact: true }).click();
    const svg = readFileSync(await (await download).path(), 'utf8');
    expect(svg.match(/swap cost, signed square-root scale/g)).toHaveLength(4);
    const text = svg.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
    for (const layer of [0, 1, 2, 3]) {
      for (const sigma of [0, 1]) expect(text).toContain(`lins.${layer}, σ F ${sigma}`);
    }
    expect(svg.match(/<image /g)!.length).toBe(8 + 4);
    await dialog.getByRole('button', { name: 'Save to Figures' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await goTo(page, 'figures');
    await page.getByRole('heading', { name: /lins\.2, swap cost/ }).waitFor();
  });

  it('shows the neurons of two models for a similarity', async () => {
    await run(
      ...['run', 'match-activations', '--run', fixtureRun('sym1_kappa1'), '--models', '1,2', '--epoch', '5'],
      ...['--with-matrices', '--data', 'mnist-10k'],
    );
    await goTo(page, 'matrices');
    const result = page.getByRole('combobox', { name: 'result' });
    await expect.poll(() => result.textContent()).toMatch(/Match activations/);
    await result.selectOption({ index: 0 });
    await expect.poll(heading, patient).toMatch(/^P_0, similarity/);
    await page.getByRole('spinbutton', { name: 'Row', exact: true }).fill('4');
    await page.getByRole('button', { name: 'Go', exact: true }).click();
    // Whose neurons lie along the axes.
    await page.getByText('model 1, neuron i', { exact: true }).waitFor();
    await page.getByText('model 2, neuron j', { exact: true }).waitFor();
    const panel = inspector(4, 4);
    await panel.getByText('4 of model 1').first().waitFor(patient);
    await panel.getByText('4 of model 2').first().waitFor();
    expect(await panel.getByRole('table').count()).toBe(0);
    // One number, in the matrix and next to it: of the same examples of the same split.
    const entry = await panel
      .locator('p', { hasText: 'In the matrix: similarity' })
      .locator('strong')
      .textContent();
    const correlation = panel
      .locator('dt', { hasText: 'Correlation' })
      .locator('xpath=following-sibling::dd[1]');
    await expect.poll(() => correlation.textContent(), patient).toBe(entry);
    await panel.getByText(/examples of the train split/).waitFor();
    // In the matched order assigned neurons lie on the diagonal, marked large enough to be seen.
    const ring = page.locator('.large path.ring');
    expect(await ring.evaluate((path: SVGPathElement) => path.getBBox().width)).toBeGreaterThan(8);
  });

  it('small multiples follow order and threshold; reading off moves nothing', async () => {
    const cell = page.getByRole('region', { name: 'Small multiples' }).locator('button.cell canvas').first();
    const picture = () => cell.evaluate((element: HTMLCanvasElement) => element.toDataURL());
    const before = await picture();
    await page.getByLabel('order').selectOption('by value');
    await expect.poll(picture).not.toBe(before);
    const ordered = await picture();
    await page.getByRole('slider', { name: 'Grey out entries below' }).evaluate((input: HTMLInputElement) => {
      input.value = String(Number(input.max) / 3);
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await expect.poll(picture).not.toBe(ordered);
    const top = async () => (await canvas().boundingBox())!.y;
    await page.mouse.move(0, 0);
    const still = await top();
    await canvas().hover({ position: { x: 100, y: 100 } });
    await expect.poll(() => page.locator('.head .reading').textContent()).toMatch(/^\(\d+, \d+\) = /);
    expect(await top()).toBe(still);
    // Layers next to each other have their own ranges, unless they are to share one: then there is one bar.
    const bars = page.getByRole('img', { name: /^Colour bar of the row/ });
    expect(await page.getByLabel('colour range').inputValue()).toBe('own');
    expect(await bars.count()).toBe(0);
    await page.getByLabel('colour range').selectOption('shared by all');
    await expect.poll(() => bars.count()).toBe(1);
    await page.getByLabel('order').selectOption('as is');
  });

  it('says of a result that was measured without matrices that it holds none', async () => {
    const which = ['--run', fixtureRun('sym1_kappa1'), '--models', '1,3', '--epoch', '5'];
    await run('run', 'match-activations', ...which, '--data', 'mnist-10k');
    const result = page.getByRole('combobox', { name: 'result' });
    const without = result.locator('option', { hasText: 'Match activations' });
    await expect.poll(() => without.count(), patient).toBe(2);
    await result.selectOption({ index: 0 });
    await page.getByRole('heading', { name: 'This result holds no matrices' }).waitFor(patient);
  });

  it('says which checkpoint cannot be read, and tries again', async () => {
    const result = page.getByRole('combobox', { name: 'result' });
    const option = result.locator('option', { hasText: 'sym1_kappa0' });
    await result.selectOption(String(await option.getAttribute('value')));
    await expect.poll(heading, patient).toMatch(/swap cost, model 1, epoch 5$/);
    const file = join(unfixed, 'checkpoint_epoch_5_model_1.pt');
    renameSync(file, `${file}.away`);
    await page.getByRole('spinbutton', { name: 'Row', exact: true }).fill('1');
    await page.getByRole('spinbutton', { name: 'Column', exact: true }).fill('2');
    await page.getByRole('button', { name: 'Go', exact: true }).click();
    const alert = inspector(1, 2).getByRole('alert');
    await alert.waitFor(patient);
    expect(await alert.textContent()).toContain(file);
    renameSync(`${file}.away`, file);
    await alert.getByRole('button', { name: 'Try again' }).click();
    expect(await swapIn(1, 2)).toBeGreaterThan(-Infinity);
  });
});
