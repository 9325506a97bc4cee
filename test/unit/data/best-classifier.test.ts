/** The accuracy that no classifier exceeds, against densities written out, and against cases that are known. */
import { describe, expect, it } from 'vitest';
import { bestClassifier, mostProbable } from '../../../src-main/compute/data/best-classifier.ts';
import { gaussianSample, gaussianStructure } from '../../../src-main/compute/data/subspace.ts';
import { inverse } from '../../../src-main/compute/linalg/solve.ts';
import { multiply } from '../../../src-main/compute/linalg/multiply.ts';
import { bestClassifierJob } from '../../../src-shared/jobs/best-classifier.ts';
import { testContext } from '../../support/job.ts';

const structureOf = (classes: number, k: number, separation: number) =>
  gaussianStructure({
    ...{
      num_classes: classes,
      d_intrinsic: k,
      d_ambient: k,
      class_separation: separation,
      structure_seed: 3,
    },
  });

describe('the most probable class', () => {
  it('is the one of the largest normal density, from covariances and their inverses', () => {
    const k = 3;
    const structure = structureOf(6, k, 0.7);
    const { latents } = gaussianSample(structure, 1, 'test', 50);
    for (let n = 0; n < 50; n++) {
      const z = latents.subarray(n * k, (n + 1) * k);
      const densities = Array.from({ length: 6 }, (_, c) => {
        const q = structure.rotations.slice(c * k * k, (c + 1) * k * k);
        const qs = q.map((x, i) => x * structure.scale[i % k]!);
        const transposed = qs.map((_, i) => qs[(i % k) * k + Math.floor(i / k)]!);
        const precision = inverse(multiply(qs, transposed, k, k, k), k);
        const d = Float64Array.from({ length: k }, (_, i) => z[i]! - structure.means[c * k + i]!);
        return Math.exp(-multiply(multiply(d, precision, 1, k, k), d, 1, k, 1)[0]! / 2);
      });
      const total = densities.reduce((sum, x) => sum + x, 0);
      const { best, probability } = mostProbable(structure, z);
      expect(best).toBe(densities.indexOf(Math.max(...densities)));
      expect(probability).toBeCloseTo(densities[best]! / total, 10);
    }
  });
});

describe('best-classifier', () => {
  const run = (params: Record<string, unknown>) =>
    bestClassifier(bestClassifierJob.params.parse({ examples: 2000, ...params }), testContext());

  it('knows far classes apart and hardly near ones, and its two numbers agree', async () => {
    const far = await run({ dimension: 8, separation: 100 });
    expect(far.accuracy).toBe(100);
    // Equal means, and shapes that are circles: nothing tells one class from another in one dimension.
    const near = await run({ dimension: 1, classes: 4, separation: 1e-9, examples: 20_000 });
    expect(near.expected_accuracy).toBeCloseTo(25, 5);
    const some = await run({ dimension: 2, separation: 1, examples: 20_000 });
    expect(Math.abs(some.accuracy - some.expected_accuracy)).toBeLessThan(1.5);
  });

  it('at the published separation leaves less to lose in two dimensions than the published drop', async () => {
    const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
    const found = await Promise.all(seeds.map((structureSeed) => run({ structureSeed, separation: 0.3 })));
    const sorted = found.map(({ accuracy }) => accuracy).sort((a, b) => a - b);
    expect(sorted[6]!).toBeLessThan(30);
  });
});
