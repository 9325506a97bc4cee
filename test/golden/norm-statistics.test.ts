/** Networks with batch norms between two models, by each of the three ways, against PyTorch in float64. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { splits } from '../../src-shared/domain.ts';
import { job } from '../support/job.ts';

const folder = fileURLToPath(new URL('../fixtures/norm-statistics/', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'basin-norm-statistics-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

type Curves = Record<string, (number | null)[]>;
type Ways = Record<string, Curves> & { merged: Record<string, number | number[]> };
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
  batch: number;
  mlp: Ways;
  declared: Ways;
};
const { batch } = expected;

interface Result {
  norm_statistics: string;
  statistics_batch?: number;
  stored_ends?: Curves;
  midpoint: Record<string, number>;
}
const ask = (run: string, more: object): Promise<Result> =>
  job<Result>('interpolate', { run: join(folder, run), epoch: 1, steps: 4, midpoint: true, ...more });

function expectCurves(found: Curves, golden: Curves, places = [0, 1, 2, 3, 4]): void {
  for (const split of splits) {
    const [loss, accuracy] = [`${split}_loss`, `${split}_accuracy`];
    places.forEach((place, i) => {
      const wanted = golden[loss]![place]!;
      expect(Math.abs(found[loss]![i]! - wanted) / wanted, `${loss} ${place}`).toBeLessThan(1e-5);
      expect(found[accuracy]![i], `${accuracy} ${place}`).toBeCloseTo(golden[accuracy]![place]!, 9);
    });
  }
}

const ways = [
  ['interpolate', { normStatistics: 'interpolate' }],
  ['re-estimate', { normStatistics: 're-estimate', statisticsBatch: batch }],
  ['re-estimate 1000', { normStatistics: 're-estimate' }],
  ['batch', { normStatistics: 'batch', statisticsBatch: batch }],
  ['batch 1000', { normStatistics: 'batch' }],
] as const;

describe.each(['mlp', 'declared'] as const)('%s', (name) => {
  test.each(ways)('%s: curves, midpoint, and ends as stored', async (way, params) => {
    const found = await ask(name, params);
    const golden = expected[name][way]!;
    expectCurves(found as unknown as Curves, golden);
    const middle = Object.fromEntries(Object.entries(found.midpoint).map(([key, value]) => [key, [value]]));
    expectCurves(middle, golden, [2]);
    expect(found.norm_statistics).toBe(params.normStatistics);
    expect(found.midpoint).toMatchObject({ norm_statistics: params.normStatistics });
    if (params.normStatistics === 'interpolate') {
      expect(found).not.toHaveProperty('stored_ends');
      expect(found).not.toHaveProperty('statistics_batch');
    } else {
      expectCurves(found.stored_ends!, expected[name]['interpolate']!, [0, 4]);
      expect(found.statistics_batch).toBe('statisticsBatch' in params ? batch : 1000);
    }
  });

  test('aligned, the ends are those of the models, and the middle is another', async () => {
    const params = { normStatistics: 're-estimate', statisticsBatch: batch, align: 'weight', restarts: 2 };
    const found = (await ask(name, params)) as unknown as Curves;
    const golden = expected[name]['re-estimate']!;
    const ends = Object.fromEntries(
      Object.entries(golden).map(([key]) => [key, [found[key]![0], found[key]![4]] as number[]]),
    );
    expectCurves(ends, golden, [0, 4]);
  });

  test('merged with re-estimated statistics: as PyTorch leaves them, counters included', async () => {
    const directory = join(root, name);
    await job('merge', {
      ...{ run: join(folder, name), epoch: 1, directory, format: 'safetensors' },
      ...{ normStatistics: 're-estimate', statisticsBatch: batch },
    });
    const file = openCheckpoint(join(directory, 'checkpoint_epoch_1_model_1.safetensors'));
    for (const [tensor, values] of Object.entries(expected[name].merged)) {
      const found = file.tensors.get(tensor)!.read();
      if (typeof values === 'number') expect(found, tensor).toEqual(BigInt64Array.of(BigInt(values)));
      else values.forEach((value, i) => expect(Number(found[i]), `${tensor} ${i}`).toBeCloseTo(value, 5));
    }
    file.close();
    const config = readFileSync(join(directory, 'config.yaml'), 'utf8');
    expect(config).toMatch(/norm_statistics: re-estimate\n\s+statistics_batch: 40/);
  });
});
