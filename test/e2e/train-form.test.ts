/** The form for training: its settings reach the weights, and none is taken that does nothing. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

describe.skipIf(noBrowser)('the form for training', () => {
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

  /** As the first checkpoint has them: sigma_F, and how many weights of each neuron are fixed. */
  function fixedPart(run: string, layer: number): { scale: number; perNeuron: number } {
    const file = openCheckpoint(join(workspace, 'runs', run, 'checkpoint_epoch_0_model_1.safetensors'));
    try {
      const read = (name: string) => file.tensors.get(`lins.${layer}.${name}`)!.readFloat32();
      const [weight, mask, normal] = [read('weight'), read('mask'), read('normal_mask')];
      const fixed = [...mask.keys()].filter((i) => mask[i] === 0);
      const squares = (values: Float32Array) => fixed.reduce((sum, i) => sum + values[i]! ** 2, 0);
      const [neurons] = file.tensors.get(`lins.${layer}.mask`)!.shape;
      return { scale: Math.sqrt(squares(weight) / squares(normal)), perNeuron: fixed.length / neurons! };
    } finally {
      file.close();
    }
  }

  it('trains with the sigma_F and fixed weights of the form in every layer', async () => {
    await goTo(page, 'train');
    const preview = page.getByRole('region', { name: 'What will be trained' });
    const facts = () => preview.locator('dl').textContent();
    await page.getByLabel('Preset').selectOption('w-asymmetric-small');
    await expect.poll(() => page.getByLabel(/^σ_F/).inputValue()).toBe('1');
    expect(await page.getByLabel(/^Fixed weights per neuron/).inputValue()).toBe('[16,16,16,32]');
    await page.getByLabel(/^Models/).fill('1');
    await page.getByLabel(/^Epochs/).fill('0');
    await page.getByLabel(/^σ_F/).fill('0.5');
    await page.getByLabel(/^Fixed weights per neuron/).fill('12');
    await expect.poll(facts).toMatch(/σ_F by layer\s*0\.5 · 0\.5 · 0\.5 · 0\.5/);
    await expect.poll(facts).toMatch(/Fixed per neuron, by layer\s*12 · 12 · 12 · 12/);
    const changed = () => preview.getByRole('listitem').allTextContents();
    await expect
      .poll(changed)
      .toEqual(
        expect.arrayContaining(['sigma_f=0.5', 'num_fixed=12', 'num_models=1', 'training.num_epochs=0']),
      );
    expect(await preview.getByRole('listitem').first().getAttribute('title')).toMatch(/^instead of /);
    await page.getByRole('textbox', { name: 'Name of the run' }).fill('half');
    await page.getByRole('button', { name: 'Train half', exact: true }).click();
    await expect
      .poll(() => existsSync(join(workspace, 'runs', 'half', 'checkpoint_epoch_0_model_1.safetensors')), {
        timeout: 60_000,
      })
      .toBe(true);
    for (const layer of [0, 1, 2, 3])
      expect(fixedPart('half', layer)).toEqual({ scale: expect.closeTo(0.5, 6) as number, perNeuron: 12 });
  });

  it('shows what a setting of single layers wins over, and takes no setting that does nothing', async () => {
    const preview = page.getByRole('region', { name: 'What will be trained' });
    await page.getByText('All settings').click();
    const setting = (path: string) =>
      page.locator('label.setting', { has: page.getByText(path, { exact: true }) }).getByRole('textbox');
    await setting('model.mask_params.linear_mask_params_2.mask_constant').fill('0.25');
    await expect
      .poll(() => preview.locator('dl').textContent())
      .toMatch(/σ_F by layer\s*0\.5 · 0\.5 · 0\.25 · 0\.5/);
    await setting('model.mask_params.default.mask_constant').fill('7');
    await expect
      .poll(() => preview.getByRole('alert').allTextContents())
      .toEqual([expect.stringMatching(/every layer has its own value/)]);
    expect(await preview.getByRole('heading', { name: 'Changed from the preset' }).count()).toBe(0);
    await page.getByText('All settings').click();
    await page.getByLabel('Preset').selectOption('syre-small');
    await expect.poll(() => page.getByLabel(/^Fixed weights per neuron/).count()).toBe(0);
    await page.getByLabel('Preset').selectOption('standard-small');
    await expect.poll(() => page.getByLabel(/^σ_F/).count()).toBe(0);
  });
});
