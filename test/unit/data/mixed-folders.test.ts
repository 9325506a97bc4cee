/** A folder that is given without a name: the run's own data first, and no guess between several. */
import { copyFileSync, cpSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadDataset } from '../../../src-main/compute/data/index.ts';
import { inputFiles } from '../../../src-main/engine/inputs.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { add, fresh, home, npy } from '../../support/add-data.ts';

const embedded = fileURLToPath(new URL('../../../resources/data/mnist-10k', import.meta.url));

function cifarInto(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const file of ['data_batch_1.bin', 'test_batch.bin'])
    copyFileSync(fixturePath(`cifar/${file}`), join(folder, file));
  return folder;
}

describe('a data folder without a name', () => {
  const mixed = cifarInto(fresh('mixed'));
  cpSync(embedded, mixed, { recursive: true });

  it('with several kinds is read for the set that is preferred, and refused if there is none', async () => {
    const digits = await loadDataset({ dataDir: mixed, preferred: 'mnist-10k' });
    expect(digits.name).toBe('mnist-10k');
    expect((await loadDataset({ dataDir: mixed, preferred: 'idx' })).name).toBe('mnist-10k');
    const colours = await loadDataset({ dataDir: mixed, preferred: 'cifar10' });
    expect(colours.name).toMatch(/^cifar10-/);
    expect((await loadDataset({ dataDir: mixed, preferred: colours.name })).name).toBe(colours.name);
    for (const preferred of [undefined, 'cifar100', 'flowers'])
      await expect(loadDataset({ dataDir: mixed, preferred })).rejects.toThrow(
        /holds more than one data set: CIFAR-10, IDX files/,
      );
  });

  it('is looked through for an added set of the preferred name, in it and below it', async () => {
    const inputs = npy('float32', [4, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 9));
    const labels = npy('int32', [4], Int32Array.of(0, 1, 0, 1));
    const files = { inputs, labels, testInputs: inputs, testLabels: labels };
    const { directory, contents } = await add({ name: 'flowers', ...files });
    await add({ name: 'others', ...files, normalisation: 'none' });
    const parent = cifarInto(fresh('parent'));
    renameSync(directory, join(parent, 'flowers'));
    const found = await loadDataset({ dataDir: parent, preferred: 'flowers' });
    expect([found.name, found.contents]).toEqual(['flowers', contents]);
    const below = join(parent, 'flowers');
    expect((await loadDataset({ dataDir: below, preferred: 'flowers' })).contents).toBe(contents);
    // Another added set is not the one that is preferred.
    const other = await loadDataset({ dataDir: join(home, 'others'), preferred: 'flowers' });
    expect(other.name).toBe('others');
    // What may be read decides the result.
    expect(await inputFiles({ data: { dataDir: parent } })).toEqual(
      expect.arrayContaining([join(below, 'train-inputs.npy'), join(parent, 'test_batch.bin')]),
    );
  });
});
