/** A sweep submitted to a cluster from its form, as basin.yaml says; resumed there after it was cancelled. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workingSlurm } from '../engine/support/fake-slurm.ts';
import { closeBrowser, goTo, noBrowser, openWindow, takeComplaints } from '../support/browser.ts';
import { newWorkspace, startServed, stopAll } from '../support/served.ts';

const patient = { timeout: 280_000 };

describe.skipIf(noBrowser)('a sweep on Slurm', { timeout: 600_000 }, () => {
  const workspace = newWorkspace();
  const file = join(workspace, 'basin.yaml');
  const { PATH } = process.env;
  let page: Page;

  beforeAll(async () => {
    process.env['PATH'] = workingSlurm().path;
    ({ page } = await openWindow(await startServed(workspace)));
  });
  afterAll(async () => {
    process.env['PATH'] = PATH;
    await closeBrowser();
    await stopAll();
  });

  const place = () => page.getByRole('region', { name: 'Where it runs' });
  const cluster = () => place().getByRole('radio', { name: 'A cluster with Slurm' });
  const states = () => page.locator('[data-cell] .state > span').allTextContents();

  async function openForm(): Promise<void> {
    await goTo(page, 'sweeps?all=yes');
    await page.getByRole('button', { name: 'New sweep…' }).click();
    await page.getByRole('heading', { name: 'New sweep' }).waitFor();
  }

  it('is a choice with a basin.yaml that can be used; submitted, cancelled and resumed there', async () => {
    await openForm();
    await place().getByText('There is no basin.yaml in the workspace').waitFor();
    expect(await cluster().isDisabled()).toBe(true);

    writeFileSync(file, 'slurm: {partiton: gpu}');
    await openForm();
    await place().getByRole('alert').getByText('there is no setting "slurm.partiton"').waitFor();
    expect(await cluster().isDisabled()).toBe(true);

    writeFileSync(file, 'slurm: {partition: gpu, cpus: 1, poll: 0.3}');
    await openForm();
    await place().getByText('partition gpu, 1 CPU for each task').waitFor();
    await cluster().check();
    const axis = page.getByRole('group', { name: 'Varied setting 1', exact: true });
    await axis.getByRole('combobox', { name: 'Setting' }).fill('seed');
    await axis.getByLabel('Values').fill('1-2');
    await page
      .getByLabel('Other settings of every run')
      .fill('training.num_epochs=1\nmodel.hidden_dim=8\nnum_models=2');
    await page.getByRole('button', { name: 'Submit 2 runs to Slurm' }).click();
    await page.getByRole('status').getByText('running on Slurm').waitFor(patient);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Resume on this machine' }).waitFor(patient);
    await page.getByRole('button', { name: 'Resume on Slurm' }).click();
    await page.getByRole('status').getByText('all 2 done').waitFor(patient);
    expect(await states()).toEqual(['done', 'done']);
    expect(takeComplaints()).toEqual([]);
  });
});
