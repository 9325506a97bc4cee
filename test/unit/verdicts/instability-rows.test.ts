/** `basin reproduce instability`: which children are compared with which, and what its rows say in numbers. */
import { expect, test } from 'vitest';
import { experiment } from '../../../src-main/cli/reproduce/instability.ts';
import type { ExperimentWork } from '../../../src-main/cli/reproduce/experiment.ts';
import { derivedOf } from '../../../src-shared/jobs/interpolate.ts';
import { figureKinds } from '../../../src-shared/figures/index.ts';

const lambdas = [0, 0.5, 1];

/** Curves that lose `drop` points in the middle, and twice as many hundredths of a nat. */
function curves(drop: number, pairs: number) {
  return Array.from({ length: pairs }, (_, k) => {
    const own = drop + 0.01 * k;
    const accuracy = [95, 95 - own, 95];
    const loss = [0.3, 0.3 + 0.02 * own, 0.3];
    return {
      lambdas,
      ...derivedOf('test', lambdas, { loss, accuracy }),
      test_loss: loss,
      test_accuracy: accuracy,
    };
  });
}

test('compares the children of one parent, fork by fork', async () => {
  const asked: { checkpoints: string[]; pairs: [number, number][] }[] = [];
  const forked: unknown[] = [];
  const result = (value: unknown) => Promise.resolve(value as never);
  const work: ExperimentWork = {
    ...{ size: 'quick', seed: 3, limit: {} },
    train: () => result({ run_directory: '/parent' }),
    fork(fork) {
      forked.push(fork);
      return result({ run_directory: `/child-${fork.epoch}-${fork.child}` });
    },
    run(_kind, params) {
      asked.push(params as never);
      return result({ pairs: curves(10 / 2 ** asked.length, 4) });
    },
  };
  const { rows, expectations, figures } = await experiment.run(work);
  expect(forked.slice(0, 2)).toEqual(
    [1, 2].map((child) => ({
      ...{ parent: '/parent', epoch: 0, child },
      settings: ['seed=3', 'training.save_every=12'],
    })),
  );
  expect(asked[1]!.checkpoints.slice(0, 2)).toEqual([
    '/child-1-1/checkpoint_epoch_12_model_1.safetensors',
    '/child-1-2/checkpoint_epoch_12_model_1.safetensors',
  ]);
  expect(asked[1]!.pairs.slice(0, 2)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(rows.map(({ data }) => data!['fork_epoch'])).toEqual([0, 1, 2, 4, 8]);
  rows.forEach(({ data }, i) => {
    const drop = 10 / 2 ** (i + 1) + 0.015;
    expect(data!['accuracy_drop']).toBeCloseTo(drop, 9);
    expect(data!['loss_barrier']).toBeCloseTo(0.02 * drop, 9);
  });
  expect(expectations!.map(({ holds }) => holds)).toEqual(['yes', 'yes']);
  const { data } = figures['instability']!;
  expect(figureKinds['fork-barrier'].schema.parse(data)).toMatchObject({ epochs: [0, 1, 2, 4, 8] });
});
