import { describe, expect, it } from 'vitest';
import { inverse } from '../../../src-main/compute/linalg/solve.ts';
import { multiply } from '../../../src-main/compute/linalg/multiply.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { pathBetween, pathTo } from '../../../src-main/compute/symmetry/group-path.ts';
import { retracted } from '../../../src-main/compute/symmetry/zero-loss-paths.ts';
import { drawLinearTask, linearLoss } from '../../../src-main/compute/symmetry/linear-task.ts';
import { Partition } from '../../../src-main/compute/symmetry/partition.ts';
import { leastSingularValue } from '../../../src-main/compute/symmetry/singular-crossing.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { cancelledContext, job } from '../../support/job.ts';
import { distance, randomMatrix, unitRows } from '../linalg/support.ts';

describe('partition', () => {
  it('joins transitively', () => {
    const partition = new Partition(6);
    partition.join(4, 1);
    partition.join(5, 4);
    partition.join(0, 3);
    expect(partition.sets()).toEqual([[0, 3], [1, 4, 5], [2]]);
    partition.join(3, 5);
    expect(partition.sets()).toEqual([[0, 1, 3, 4, 5], [2]]);
  });
});

describe('paths in GL', () => {
  it('lead from the identity to g through invertible matrices, by one exponential or by polar factors', () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const n = 2 + (seed % 4);
      const g = randomMatrix(n, n, seed);
      const end = pathBetween(unitRows(n), g, n);
      if (end === undefined) continue;
      const path = pathTo(g, n);
      kinds.add(path.kind);
      expect(distance(path.at(0), unitRows(n))).toBeLessThan(1e-12);
      expect(distance(path.at(1), g)).toBeLessThan(1e-7);
      expect(leastSingularValue(path.at, n, 40).value).toBeGreaterThan(1e-4);
    }
    expect([...kinds].sort()).toEqual(['exponential', 'polar']);
  });

  it('do not exist to a reflection; every straight or bent line there meets a singular matrix', () => {
    const reflection = Float64Array.from([1, 0, 0, -1]);
    expect(pathBetween(unitRows(2), reflection, 2)).toBeUndefined();
    const line = (t: number) => unitRows(2).map((x, k) => x + t * (reflection[k]! - x));
    expect(leastSingularValue(line, 2, 7)).toMatchObject({ value: 0, t: expect.closeTo(0.5, 12) as number });
  });
});

describe('zero-loss sets of linear networks', () => {
  it('solving for the last layer gives zero loss', () => {
    const task = drawLinearTask(4, 5, 0, new RandomStream(3, 'task'));
    const weights = Array.from({ length: 4 }, (_, i) =>
      randomMatrix(5, 5, i).map((x, k) => x + unitRows(5)[k]!),
    );
    expect(linearLoss(task, weights)).toBeGreaterThan(1e-3 * task.targetNorm);
    expect(linearLoss(task, retracted(task, weights))).toBeLessThan(1e-20 * task.targetNorm);
  });

  it('g on one layer and its inverse on the next leave the loss unchanged', () => {
    const task = drawLinearTask(2, 3, 0, new RandomStream(4, 'task'));
    const [a, b] = [randomMatrix(3, 3, 1), randomMatrix(3, 3, 2)];
    const g = randomMatrix(3, 3, 3).map((x, k) => x + 2 * unitRows(3)[k]!);
    const moved = [multiply(g, a, 3, 3, 3), multiply(b, inverse(g, 3), 3, 3, 3)];
    expect(linearLoss(task, moved)).toBeCloseTo(linearLoss(task, [a, b]), 10);
  });

  const sizes = [
    [2, 2],
    [2, 3],
    [3, 2],
    [3, 4],
    [4, 2],
  ] as const;
  it.each(sizes)(
    '%d layers of width %d have 2^(l - 1) components, found by joining',
    async (layers, width) => {
      const result = await job<JobResult<'linear-components'>>('linear-components', {
        layers,
        width,
        starts: 60,
      });
      expect(result.expected).toBe(2 ** (layers - 1));
      expect(result.found).toBe(result.expected);
      expect(result.converged).toBeGreaterThan(50);
      expect(result.converged + result.left_out.length).toBe(60);
      expect(result.classes_match_signs).toBe(true);
      expect(result.classes.reduce((sum, { count }) => sum + count, 0)).toBe(result.converged);
      expect(new Set(result.classes.map(({ signs }) => signs.join())).size).toBe(result.found);
      expect(result.max_loss_on_paths_within).toBeLessThan(1e-12);
      expect(result.min_singular_value_across).toBeLessThan(1e-12);
      expect(result.paths_across).toBeGreaterThan(0);
      expect(result.found_up_to_permutation).toBe(1);
    },
  );

  it('width 1: permutations have nothing to swap, so the components stay', async () => {
    const result = await job<JobResult<'linear-components'>>('linear-components', {
      layers: 3,
      width: 1,
      starts: 60,
    });
    expect(result).toMatchObject({ found: 4, found_up_to_permutation: 4, expected_up_to_permutation: 4 });
  });

  it('reports and leaves out networks that did not reach zero loss', async () => {
    const result = await job<JobResult<'linear-components'>>('linear-components', {
      layers: 3,
      width: 3,
      starts: 10,
      steps: 100,
    });
    expect(result).toMatchObject({ converged: 0, found: 0, classes: [], starts: 10 });
    expect(result.left_out).toHaveLength(10);
    expect(result.left_out[0]!.relative_loss).toBeGreaterThan(1e-12);
  });

  it('gives the same result for the same seed, another for another', async () => {
    const run = (seed: number) =>
      job('linear-components', { layers: 2, width: 2, starts: 20, steps: 1500, seed });
    const first = await run(5);
    expect(await run(5)).toEqual(first);
    expect(await run(6)).not.toEqual(first);
  });

  it('stops when cancelled', async () => {
    const { context, looks } = cancelledContext(5);
    const running = job('linear-components', { layers: 4, width: 6, starts: 500, steps: 100_000 }, context);
    await expect(running).rejects.toThrow(/cancel/);
    expect(looks()).toBe(5);
  });
});

describe('skip connections', () => {
  it('3 components with, 4 without in the scalar case, in training and in the plane', async () => {
    for (const skip of [0.5, -1]) {
      const result = await job<JobResult<'skip-connections'>>('skip-connections', {
        starts: 80,
        samples: 200,
        skip,
      });
      expect(result.with_skip).toMatchObject({ expected: 3, found: 3 });
      expect(result.without_skip).toMatchObject({ expected: 4, found: 4 });
      expect(result.plane).toMatchObject({ components: 3 });
      // The component that the skip has merged is the one around the origin: w1 takes both signs in it.
      const merged = result.with_skip.classes.filter(
        ({ first_layer_signs }) => first_layer_signs.length === 2,
      );
      expect(merged).toHaveLength(1);
      expect(merged[0]!.inner_signs).toEqual([Math.sign(skip)]);
      for (const { w1, w2, component } of result.plane!.points) {
        const same = result.plane!.points.find((p) => p.component === component)!;
        expect(Math.sign(w1 * w2 + skip)).toBe(Math.sign(same.w1 * same.w2 + skip));
      }
      for (const branch of result.plane!.boundary)
        for (const [w1, w2] of branch) expect(w1 * w2).toBeCloseTo(-skip, 12);
    }
  });

  it.each([2, 3])('2 components with, 4 without at width %d', async (width) => {
    const result = await job<JobResult<'skip-connections'>>('skip-connections', { width, starts: 60 });
    expect(result.with_skip).toMatchObject({ expected: 2, found: 2 });
    expect(result.without_skip).toMatchObject({ expected: 4, found: 4 });
    expect(result.with_skip.max_loss_on_paths_within).toBeLessThan(1e-12);
    for (const { inner_signs, first_layer_signs } of result.with_skip.classes) {
      expect(inner_signs).toHaveLength(1);
      expect(first_layer_signs).toHaveLength(2);
    }
  });

  it('refuses a skip of 0', async () => {
    await expect(job('skip-connections', { skip: 0 })).rejects.toThrow(/other than 0/);
  });
});

const whole = process.env.BASIN_FULL === '1' || process.env.CI === 'true';
describe.runIf(whole)('the whole matrix: 2, 4, 8 components at widths 2 to 6, 200 starts each', () => {
  for (const layers of [2, 3, 4]) {
    for (const width of [2, 3, 4, 5, 6]) {
      it(`${layers} layers, width ${width}`, { timeout: 600_000 }, async () => {
        const result = await job<JobResult<'linear-components'>>('linear-components', { layers, width });
        expect(result).toMatchObject({ starts: 200, found: 2 ** (layers - 1), classes_match_signs: true });
        expect(result.converged).toBeGreaterThanOrEqual(190);
      });
    }
  }
});
