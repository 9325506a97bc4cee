/** Training from the form and its place in the queue: seen live, stopped, gone on with, re-ordered. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('training', () => {
  const workspace = newWorkspace();
  let page: Page;

  beforeAll(async () => {
    ({ page } = await openWindow(await startServed(workspace)));
  });
  afterAll(async () => {
    await closeBrowser();
    await stopAll();
  });
  afterEach(() => {
    expect(takeComplaints()).toEqual([]);
  });

  const button = (within: Page | Locator, name: string) => within.getByRole('button', { name, exact: true });
  const underWay = () => page.getByRole('region', { name: 'Running training jobs' });
  const stopped = () => page.getByRole('region', { name: 'Stopped training jobs' });
  const folder = (run: string) => join(workspace, 'runs', run);

  /** Epochs of which the first model's checkpoint is there. */
  function epochsOnDisk(run: string): number[] {
    const names = readdirSync(folder(run)).map((name) => /^checkpoint_epoch_(\d+)_model_1\.\w+$/.exec(name));
    return names.flatMap((match) => (match ? [Number(match[1])] : [])).sort((a, b) => a - b);
  }

  async function train(run: string): Promise<void> {
    await page.getByRole('textbox', { name: 'Name of the run' }).fill(run);
    await button(page, `Train ${run}`).click();
  }

  it('says what will be trained, and what cannot be', async () => {
    await goTo(page, 'train');
    const preview = page.getByRole('region', { name: 'What will be trained' });
    await page.getByLabel(/^Hidden units/).fill('-3');
    await preview.getByRole('alert').first().waitFor();
    await page.getByLabel(/^Hidden units/).fill('16');
    await page.getByLabel(/^Models/).fill('2');
    await page.getByLabel(/^Epochs/).fill('3000');
    await page.getByLabel(/^Save every/).fill('1');
    await expect.poll(() => preview.locator('dl').textContent()).toMatch(/784-16-/);
    await expect.poll(() => preview.getByRole('alert').count()).toBe(0);
    await expect.poll(() => preview.getByRole('listitem').allTextContents()).toContain('model.hidden_dim=16');
  });

  it('draws the curves of a training while it runs, stops it, and goes on where it stopped', async () => {
    await train('first');
    const curves = underWay().getByRole('img', { name: /^Training loss and validation metrics/ });
    await curves.waitFor({ timeout: 120_000 });
    const before = await curves.innerHTML();
    await expect.poll(() => curves.innerHTML()).not.toBe(before);

    await button(underWay(), 'Cancel').click();
    await button(stopped(), 'Resume').waitFor();
    await underWay().waitFor({ state: 'hidden' });
    const files = readdirSync(folder('first')).filter((name) => name.startsWith('checkpoint_')).length;
    // Counted without loading the page again.
    const head = () => page.getByRole('banner').textContent();
    await expect
      .poll(async () => (await head())?.replaceAll(',', ''))
      .toContain(`1 run · ${files} checkpoints`);
    const reached = epochsOnDisk('first');
    const last = reached.at(-1)!;
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThan(3000);
    const early = readdirSync(folder('first')).find((name) =>
      name.startsWith('checkpoint_epoch_1_model_1.'),
    )!;
    const written = () => statSync(join(folder('first'), early)).mtimeMs;
    const firstWritten = written();

    await button(stopped(), 'Resume').click();
    await expect.poll(() => epochsOnDisk('first').at(-1), { timeout: 120_000 }).toBeGreaterThan(last + 1);
    // Nothing that was there is trained again.
    expect(written()).toBe(firstWritten);
    await button(underWay(), 'Cancel').waitFor();
    await stopped().waitFor({ state: 'hidden' });
  });

  it('keeps waiting jobs in the order that the person gives them', async () => {
    const limit = Number(/Up to (\d+) at a time/.exec(await limitLine())![1]);
    await goTo(page, 'train');
    await page.getByLabel(/^Hidden units/).fill('16');
    await page.getByLabel(/^Epochs/).fill('3000');
    const fillers = Array.from({ length: limit - 1 }, (_, i) => `filler${i}`);
    for (const run of [...fillers, 'one', 'two', 'three']) await train(run);
    await goTo(page, 'jobs');
    const waiting = page.getByRole('region', { name: 'Waiting' });
    const card = (run: string) => page.getByRole('article', { name: `Train a run: ${run}`, exact: true });
    const order = async () =>
      (await waiting.getByRole('article').locator('strong').allTextContents()).map((title) =>
        title.replace('Train a run: ', ''),
      );
    await expect.poll(order).toEqual(['one', 'two', 'three']);
    await expect.poll(() => button(card('one'), 'Earlier').isDisabled()).toBe(true);
    await expect.poll(() => button(card('three'), 'Later').isDisabled()).toBe(true);
    await button(card('three'), 'Earlier').click();
    await expect.poll(order).toEqual(['one', 'three', 'two']);
    await button(card('one'), 'Later').click();
    await expect.poll(order).toEqual(['three', 'one', 'two']);
    // The engine's order, not only the page's.
    await page.reload();
    await expect.poll(order).toEqual(['three', 'one', 'two']);

    await button(card('one'), 'Cancel').click();
    await expect.poll(order).toEqual(['three', 'two']);
    await expect.poll(() => card('one').locator('.state').textContent()).toBe('cancelled');

    // A place that becomes free goes to the first in line.
    await button(card('first'), 'Log').click();
    await expect.poll(() => card('first').locator('pre').textContent()).toMatch(/epoch \d+/i);
    await button(card('first'), 'Cancel').click();
    await button(card('first'), 'Resume').waitFor();
    await expect.poll(order).toEqual(['two']);
    await expect.poll(() => card('three').locator('.state').textContent()).toBe('running');
    for (const run of ['two', 'three', ...fillers]) await button(card(run), 'Cancel').click();
    await expect.poll(() => page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
  });

  it('takes a stopped training off the list for good, and nothing else of it', async () => {
    await goTo(page, 'train');
    const names = () => stopped().locator('strong').allTextContents();
    await expect.poll(names).toContain('first');
    const before = await names();
    await button(stopped(), 'Dismiss first').click();
    await expect.poll(names).toEqual(before.filter((name) => name !== 'first'));
    await page.reload();
    await expect.poll(names).toEqual(before.filter((name) => name !== 'first'));
    expect(epochsOnDisk('first').length).toBeGreaterThan(0);
    await goTo(page, 'jobs');
    await button(page.getByRole('article', { name: 'Train a run: first', exact: true }), 'Resume').waitFor();
  });

  it('draws what is tracked while a run trains, and keeps it with the run', async () => {
    await goTo(page, 'train');
    await page.getByLabel('Preset').selectOption('standard-small');
    await page.getByLabel(/^Hidden units/).fill('8');
    await page.getByLabel(/^Models/).fill('2');
    await page.getByLabel(/^Epochs/).fill('3000');
    const preview = page.getByRole('region', { name: 'What will be trained' });
    await page.getByLabel(/^Tracking of tangent kernels/).selectOption('true');
    // As the config stands, nothing of a kernel is asked for.
    await expect
      .poll(() => preview.getByRole('alert').allTextContents())
      .toContainEqual(expect.stringMatching(/nothing would be tracked/));
    await page.getByLabel(/^Eigenvalues and CKA/).selectOption('true');
    await page.getByLabel(/^Error of the linearisation/).selectOption('true');
    await page.getByLabel(/^Tracking of barriers/).selectOption('true');
    await page.getByLabel(/^Interpolate every/).fill('1');
    for (const what of ['updates', 'predictions'])
      await page.getByLabel(new RegExp(`^Tracking of ${what}`)).selectOption('true');
    await expect.poll(() => preview.getByRole('alert').count()).toBe(0);
    await preview.getByText(/The time does not include tracking/).waitFor();
    await train('tracked');

    const names = [
      'Barriers between the models while they train',
      'Similarity of the models while they train',
      'Tangent kernel of model 1 while it trains',
      'Change of model 1 since its first kernel',
    ];
    const figure = (within: Page | Locator, name: string) => within.getByRole('img', { name, exact: true });
    for (const name of names) await figure(underWay(), name).waitFor({ timeout: 120_000 });
    // Long names of axes are broken into lines.
    const text = async (name: string) =>
      (await figure(underWay(), name).textContent())?.replaceAll(/\s+/g, ' ');
    for (const axis of ['largest eigenvalues', 'CKA with epoch 0'])
      await expect.poll(() => text(names[2]!)).toContain(axis);
    await expect.poll(() => text(names[3]!)).toContain('error of the linearisation');
    await expect.poll(() => text(names[1]!)).toContain('cosine of updates');
    const before = await figure(underWay(), names[0]!).innerHTML();
    await expect.poll(() => figure(underWay(), names[0]!).innerHTML(), { timeout: 60_000 }).not.toBe(before);
    await button(underWay(), 'Cancel').click();
    await button(stopped(), 'Dismiss tracked').waitFor();

    await goTo(page, 'catalog');
    await page.getByRole('row', { name: /tracked/ }).click();
    const details = page.getByRole('complementary', { name: 'Details' });
    for (const panel of ['test loss barrier (chord)', 'drop of test accuracy (points)'])
      await figure(details, `${names[0]}: ${panel}`).waitFor();
    for (const panel of ['largest eigenvalues', 'CKA with epoch 0'])
      await figure(details, `${names[2]}: ${panel}`).waitFor();
  });

  async function limitLine(): Promise<string> {
    await goTo(page, 'jobs');
    const line = page.getByText(/Up to \d+ at a time/);
    await line.waitFor();
    return (await line.textContent()) ?? '';
  }
});
