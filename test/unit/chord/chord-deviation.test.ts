/** Deviation from the chord: by brute force in full space, in closed form, and its power of beta. */
import { describe, expect, test } from 'vitest';
import { drawLayers, layerPair, subspaceRoot } from '../../../src-main/compute/chord/layers.ts';
import { ChordSums, exactDeviation, logSlope } from '../../../src-main/compute/chord/measure.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import type { chordDeviationJob } from '../../../src-shared/jobs/chord-deviation.ts';
import type { ResultOf } from '../../../src-shared/jobs/define.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { job } from '../../support/job.ts';

type Result = ResultOf<typeof chordDeviationJob>;

const sizes = { width: 5, ambient: 12, intrinsic: 3, numFixed: 6, sigmaF: 0.7 };
const lambdas = [0, 0.25, 0.5, 0.75, 1];

const frobenius = (a: Float64Array) => Math.sqrt(a.reduce((sum, x) => sum + x * x, 0));

describe('one pair of layers', () => {
  const root = subspaceRoot(sizes.ambient, sizes.intrinsic, 4);
  const layers = drawLayers(sizes, 4, 0);
  const pair = layerPair(layers, root, sizes);

  test('fixed and trained places never meet, and every neuron has its number of fixed ones', () => {
    for (let j = 0; j < sizes.width; j++) {
      const row = (a: Float64Array) => a.subarray(j * sizes.ambient, (j + 1) * sizes.ambient);
      expect(row(layers.fixed).filter((w) => w !== 0)).toHaveLength(sizes.numFixed);
      expect(row(layers.first).every((w, i) => (w === 0) !== (row(layers.fixed)[i] === 0))).toBe(true);
    }
  });

  test('beta 1 means: the larger trained part is as large as the fixed part', () => {
    const largest = Math.max(frobenius(pair.first), frobenius(pair.second));
    expect(largest).toBeCloseTo(frobenius(pair.fixed), 12);
  });

  test('the same as all weights and inputs written out', () => {
    const stream = new RandomStream(9, 'examples');
    const count = 40;
    const latents = Float64Array.from({ length: count * sizes.intrinsic }, () => stream.normal());
    const beta = 0.8;
    const sums = new ChordSums([0.1, beta], lambdas);
    sums.add(pair, latents, count, sizes.intrinsic);
    const factor =
      frobenius(pair.fixed) /
      Math.max(...[layers.first, layers.second].map((w) => frobenius(times(w, root, sizes))));
    const squares = lambdas.map((t) => {
      let sum = 0;
      for (let n = 0; n < count; n++) {
        const x = Array.from({ length: sizes.ambient }, (_, i) =>
          dot(root.subarray(i * sizes.intrinsic), latents.subarray(n * sizes.intrinsic), sizes.intrinsic),
        );
        for (let j = 0; j < sizes.width; j++) {
          const weights = (part: Float64Array) =>
            x.map((_, i) => {
              const at = j * sizes.ambient + i;
              return layers.fixed[at]! + beta * factor * part[at]!;
            });
          const [u, v] = [weights(layers.first), weights(layers.second)];
          const w = u.map((value, i) => (1 - t) * value + t * v[i]!);
          const relu = (row: number[]) => Math.max(0, dot(row, x, x.length));
          sum += (relu(w) - (1 - t) * relu(u) - t * relu(v)) ** 2;
        }
      }
      return sum / count;
    });
    const found = sums.largest(1, sizes.width);
    expect(found.deviation).toBeCloseTo(Math.sqrt(Math.max(...squares)), 10);
    expect(found.lambda).toBe(lambdas[squares.indexOf(Math.max(...squares))]);
    expect(found.deviation).toBeGreaterThan(0);
  });

  test('closed form: zero at both ends and for equal layers', () => {
    expect(exactDeviation(pair, 0.5, sizes.intrinsic, [0, 1])).toBeLessThan(1e-7);
    expect(exactDeviation({ ...pair, second: pair.first }, 0.5, sizes.intrinsic, lambdas)).toBeLessThan(1e-7);
  });
});

function times(weights: Float64Array, root: Float64Array, { width, ambient, intrinsic }: typeof sizes) {
  return Float64Array.from({ length: width * intrinsic }, (_, at) => {
    const [j, k] = [Math.floor(at / intrinsic), at % intrinsic];
    let sum = 0;
    for (let i = 0; i < ambient; i++) sum += weights[j * ambient + i]! * root[i * intrinsic + k]!;
    return sum;
  });
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[i]! * b[i]!;
  return sum;
}

test('slope of a power law', () => {
  expect(
    logSlope(
      [1, 2, 4, 8],
      [3, 6, 12, 24].map((y) => y ** 2),
    ),
  ).toBeCloseTo(2, 12);
});

test('power 3/2 at 100,000 examples, and the closed form is met', async () => {
  const result = await job<Result>('chord-deviation', { pairs: 1, width: 32 });
  expect(result.samples).toBe(100_000);
  expect([result.betas[0], result.betas.at(-1)]).toEqual([0.003, 0.1]);
  expect(Math.abs(result.slope - 1.5)).toBeLessThan(0.1);
  expect(Math.abs(result.exact_slope - 1.5)).toBeLessThan(0.05);
  const [curve] = result.curves;
  for (const [i, exact] of curve!.exact_deviations.entries()) {
    expect(Math.abs(curve!.deviations[i]! / exact - 1), `beta ${result.betas[i]}`).toBeLessThan(0.05);
    expect(curve!.lambdas[i]).toBeGreaterThan(0.2);
    expect(curve!.lambdas[i]).toBeLessThan(0.8);
  }
  const shown = present('chord-deviation', result)!;
  expect(shown.tone).toBe('good');
  for (const { recipe } of shown.figures) expect(drawFigure(recipe).svg).toContain('<svg');
}, 30_000);

test('the same seed gives the same numbers, another seed others', async () => {
  const small = {
    width: 4,
    ambient: 8,
    intrinsic: 2,
    numFixed: 4,
    samples: 3000,
    betas: [0.2, 0.5],
    pairs: 2,
  };
  const [a, b, other] = [
    await job<Result>('chord-deviation', small),
    await job<Result>('chord-deviation', small),
    await job<Result>('chord-deviation', { ...small, seed: 2 }),
  ];
  expect(a.curves).toEqual(b.curves);
  expect(other.curves).not.toEqual(a.curves);
});

test('more fixed weights than inputs are refused', async () => {
  await expect(job('chord-deviation', { ambient: 8, numFixed: 8 })).rejects.toThrow(/numFixed: is 8/);
});

test('nothing to measure is said, not drawn as zero', async () => {
  const tiny = {
    width: 1,
    ambient: 4,
    intrinsic: 2,
    numFixed: 2,
    samples: 100,
    betas: [1e-9, 0.1],
    pairs: 1,
  };
  await expect(job('chord-deviation', tiny)).rejects.toThrow(/1e-9, no sign changes/);
});
