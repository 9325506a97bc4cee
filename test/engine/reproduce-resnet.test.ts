/** `basin reproduce resnet` with real jobs, on images so small that they take seconds. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../src-main/compute/random.ts';
import { experiment } from '../../src-main/cli/reproduce/resnet.ts';
import { trainingParams } from '../../src-main/cli/training.ts';
import { basin } from '../support/cli.ts';
import { job } from '../support/job.ts';
import { newFolder } from './support/workspace.ts';

/** IDX files of 96 and 32 images of 8 x 8 pixels in ten classes. */
function writeImages(folder: string): void {
  mkdirSync(folder);
  const stream = new RandomStream(1, 'images');
  for (const [part, count] of [
    ['train', 96],
    ['t10k', 32],
  ] as const) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    const pixels = Uint8Array.from({ length: count * 64 }, (_, i) =>
      i % 64 === labels[Math.floor(i / 64)] ? 255 : stream.integer(60),
    );
    const head = (...sizes: number[]): Buffer => {
      const bytes = Buffer.alloc(4 + 4 * sizes.length);
      bytes.writeUInt32BE(0x800 + sizes.length, 0);
      sizes.forEach((size, i) => bytes.writeUInt32BE(size, 4 + 4 * i));
      return bytes;
    };
    writeFileSync(join(folder, `${part}-images-idx3-ubyte`), Buffer.concat([head(count, 8, 8), pixels]));
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), Buffer.concat([head(count), labels]));
  }
}

describe('reproduce resnet', () => {
  it('finds the same numbers when it is run twice', { timeout: 600_000 }, async () => {
    const workspace = newFolder();
    const images = join(workspace, 'images');
    writeImages(images);
    const tiny = ['dataset=idx', `dataset.data_dir=${images}`, 'dataset.batch_size=32'];
    const once = async () => {
      const { families } = await experiment.run({
        ...{ size: 'quick', seed: 3, limit: {} },
        train: async (source, overrides) => {
          const own = overrides.filter((override) => !override.startsWith('dataset.'));
          const request = { source, overrides: [...own, ...tiny, 'model.input_shape=[1,8,8]'] };
          return job('train', await trainingParams(request, workspace));
        },
        fork: () => Promise.reject(new Error('nothing is forked')),
        run: (kind, params) => job(kind, params),
      });
      return families!.map(({ run_directory: _, ...numbers }) => numbers);
    };
    const first = await once();
    expect(first.map(({ name }) => name)).toEqual([
      'standard',
      'W-asymmetric σ_F=0',
      'W-asymmetric σ_F=2',
      'SYRE σ_F=2',
    ]);
    expect(first.every(({ test_barrier_height: height }) => Number.isFinite(height.none.mean))).toBe(true);
    // Families differ from each other, so equality below is no accident.
    expect(new Set(first.map((family) => JSON.stringify(family.pairs))).size).toBeGreaterThan(1);
    expect(await once()).toEqual(first);
  });

  it(
    'at the paper size says how long it takes, and then how to get the data',
    { timeout: 120_000 },
    async () => {
      const outcome = await basin(['reproduce', 'resnet', '--size', 'paper', '--workspace', newFolder()]);
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(
        /about\s+2\.0\s+years\s+on\s+two\s+idle\s+cores[^]*basin data fetch cifar10/,
      );
    },
  );
});
