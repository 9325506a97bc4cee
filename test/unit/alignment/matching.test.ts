import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { momentsOf, pooledMoments } from '../../../src-main/compute/alignment/moments.ts';
import { meanAndStd, objectiveOf, objectivesOf } from '../../../src-main/compute/alignment/objective.ts';
import { similarityMatrix } from '../../../src-main/compute/alignment/neuron-similarity.ts';
import { noteOf } from '../../../src-shared/matching-modes.ts';
import { matchWeights } from '../../../src-main/compute/alignment/weight-matching.ts';
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { correlationModes } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { changed, randomModels } from '../networks/random-models.ts';
import { groupsOf, momentsBetween } from './recorded.ts';
import { matchGroups } from '../../support/matched-groups.ts';

const names = { a: 'model 1', b: 'model 2' };

describe('moments', () => {
  const columns = 5;
  const data = fc.array(fc.float({ noNaN: true, min: -50, max: 50 }), {
    minLength: 4 * columns,
    maxLength: 30 * columns,
  });

  test('agree with the sums they stand for', () => {
    fc.assert(
      fc.property(data, (values) => {
        const rows = Math.floor(values.length / columns);
        const a = Float64Array.from(values.slice(0, rows * columns));
        const b = a.map((value, k) => 0.3 * value - Math.cos(k));
        const moments = momentsOf(a, b, rows, columns, columns);
        for (let i = 0; i < columns; i++) {
          for (let j = 0; j < columns; j++) {
            const mean = (x: Float64Array, c: number): number =>
              Array.from({ length: rows }, (_, r) => x[r * columns + c]!).reduce((s, v) => s + v, 0) / rows;
            let expected = 0;
            for (let r = 0; r < rows; r++) {
              expected += (a[r * columns + i]! - mean(a, i)) * (b[r * columns + j]! - mean(b, j));
            }
            expect(Math.abs(moments.cross[i * columns + j]! - expected)).toBeLessThan(
              1e-8 * Math.max(1, Math.abs(expected)),
            );
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test('chunks of activations far from zero lose nothing: correlation to 1e-6 at an offset of 1000 deviations', async () => {
    const { network, models } = randomModels(
      { family: 'standard', norm: 'none', activation: 'identity', widths: [10, 8, 6] },
      [2],
    );
    const model = models[0]!;
    const far = changed(model, (name, { data: values }) =>
      name === 'lins.0.bias' ? values.map((v) => v + 1000) : values,
    );
    const near = (await momentsBetween(network, model, model, 3000)).post_linear![0]!;
    const offset = (await momentsBetween(network, far, model, 3000)).post_linear![0]!;
    const where = { ...names, point: 'post_linear' };
    const [x, y] = [near, offset].map((moments) => similarityMatrix(moments, 'pearson_correlation', where));
    // float32 activations near 1000 are rounded by 3e-5 themselves.
    x!.forEach((value, k) => {
      expect(Math.abs(y![k]! - value)).toBeLessThan(2e-5);
    });
  });
});

describe('rows of several places', () => {
  const [rows, columns] = [40, 5];
  const part = (seed: number, mean: number) =>
    Float64Array.from(new RandomStream(seed, 'part').normals(rows * columns).map((v) => v + mean));
  const joined = (x: Float64Array, y: Float64Array) => Float64Array.from([...x, ...y]);

  test('count as rows of one, whatever the mean of each place', () => {
    const [a, b, c, d] = [part(1, 0), part(2, 3), part(3, -2), part(4, 100)];
    const pooled = pooledMoments([
      momentsOf(a, b, rows, columns, columns),
      momentsOf(c, d, rows, columns, columns),
    ]);
    const whole = momentsOf(joined(a, c), joined(b, d), 2 * rows, columns, columns);
    expect(pooled.rows).toBe(80);
    for (const key of ['meanA', 'meanB', 'cross', 'squaresA', 'squaresB', 'constantA'] as const)
      whole[key].forEach((value, k) => {
        expect(Math.abs(pooled[key][k]! - value), key).toBeLessThan(1e-9 * Math.max(1, Math.abs(value)));
      });
  });

  test('are constant only if they hold the same value everywhere', () => {
    const zeros = new Float64Array(rows * columns);
    const ones = zeros.map((_, k) => (k % columns === 2 ? 1 : 0));
    const of = (x: Float64Array) => momentsOf(x, x, rows, columns, columns);
    expect(Array.from(pooledMoments([of(zeros), of(ones)]).constantA)).toEqual([1, 1, 0, 1, 1]);
    expect(Array.from(pooledMoments([of(ones), of(ones)]).constantB)).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('constant and broken neurons', () => {
  /** Hidden layer 1 with neuron 3 cut off from its input. */
  const { network, models } = randomModels({ family: 'standard', norm: 'none' }, [6]);
  const whole = models[0]!;
  const dead = changed(whole, (name, { data }) =>
    name === 'lins.1.weight' ? data.map((value, k) => (Math.floor(k / 9) === 3 ? 0 : value)) : data,
  );

  test.each(['pearson_correlation', 'pearson_uncorrelatedness'] as const)(
    '%s names layer and neuron',
    async (mode) => {
      const { post_linear: layers } = await momentsBetween(network, whole, dead);
      const match = () => matchGroups(groupsOf(network), layers!, mode, { point: 'post_linear', names });
      expect(match).toThrow(UserError);
      expect(match).toThrow(/model 2, post_linear of hidden layer 1 \(P_1\): neuron 3 is constant/);
    },
  );

  test.each([
    [[3], [], /model 1, here: neuron 3 is constant over all inputs; pearson_correlation is not/],
    [[0, 2, 3], [], /model 1, here: neuron 0 is constant over all inputs \(as are 2 others of it\);/],
    [[1, 2], [0, 1, 3], /model 1, here: neuron 1 .* \(as are 1 other of it and 3 of model 2\)/],
    [[1], [2], /model 1, here: neuron 1 .* \(as is 1 of model 2\)/],
    [[], [2, 3], /model 2, here: neuron 2 .* \(as is 1 other of it\)/],
  ])('constant in one model %j, in the other %j: each is counted by itself', (inA, inB, message) => {
    const flags = (at: number[]) => Uint8Array.from({ length: 4 }, (_, i) => (at.includes(i) ? 1 : 0));
    const moments = { ...fakeMoments(new Float64Array(16), 4), constantA: flags(inA), constantB: flags(inB) };
    const where = { ...names, point: 'here' };
    expect(() => similarityMatrix(moments, 'pearson_correlation', where)).toThrow(message);
  });

  test('the tolerant modes give 0 and 1 there', async () => {
    const { post_linear: layers } = await momentsBetween(network, whole, dead);
    const where = { ...names, point: 'post_linear' };
    const zero = similarityMatrix(layers![1]!, 'pearson_correlation_with_zero_for_constant', where);
    const one = similarityMatrix(layers![1]!, 'pearson_uncorrelatedness_with_one_for_constant', where);
    for (let i = 0; i < 7; i++) {
      expect(zero[i * 7 + 3]).toBe(0);
      expect(one[i * 7 + 3]).toBe(1);
    }
  });

  test('NaN activations are named', async () => {
    const broken = changed(whole, (name, { data }) =>
      name === 'lins.0.bias' ? data.map((value, k) => (k === 2 ? NaN : value)) : data,
    );
    const { post_linear: layers } = await momentsBetween(network, broken, whole);
    for (const mode of correlationModes) {
      const match = () => matchGroups(groupsOf(network), layers!, mode, { point: 'post_linear', names });
      expect(match).toThrow(/model 1.*P_0\): neuron 2 has activations that are not finite/);
    }
  });
});

describe('objectives', () => {
  test('the best is at least as good as the identity and any random permutation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 1e6 }), (n, seed) => {
        const similarity = Float64Array.from(new RandomStream(seed, 's').normals(n * n));
        const stream = new RandomStream(seed, 'r');
        const at = { point: 'post_linear', names } as const;
        const best = matchGroups(['P_0'], [fakeMoments(similarity, n)], 'dot_product', at).get('P_0')!;
        const objectives = objectivesOf(similarity, best, { count: 20, stream });
        expect(objectives.random.length).toBe(20);
        for (const value of [objectives.identity, ...objectives.random]) {
          expect(objectives.optimal).toBeGreaterThanOrEqual(value - 1e-12);
        }
        expect(objectives.optimal).toBe(objectiveOf(similarity, best));
      }),
    );
  });

  test('spread divides by count - 1, and is unknown for a single draw', () => {
    expect(meanAndStd([1, 2, 3, 6])).toEqual({ mean: 3, std: Math.sqrt(14 / 3) });
    expect(meanAndStd([5])).toEqual({ mean: 5, std: null });
  });

  test('only the modes that anti-align carry a note', () => {
    expect(noteOf('pearson_correlation')).toBeUndefined();
    expect(noteOf('dot_product')).toBeUndefined();
    expect(noteOf('reference-lmc-script')).toMatch(/published LMC script.*LEAST correlated/);
    expect(noteOf('pearson_uncorrelatedness')).toMatch(/LEAST correlated/);
  });
});

/** Moments whose dot product similarity is the given matrix. */
function fakeMoments(similarity: Float64Array, n: number) {
  const zeros = new Float64Array(n);
  const flags = new Uint8Array(n);
  return {
    ...{ rows: 1, columnsA: n, columnsB: n, cross: similarity, meanA: zeros, meanB: zeros },
    ...{ squaresA: zeros, squaresB: zeros, constantA: flags, constantB: flags },
  };
}

describe('weight matching', () => {
  test('the sum of norms never exceeds that of the identity, and the same seed gives the same result', async () => {
    const { network, models } = randomModels({ family: 'standard', norm: 'layer' }, [31, 32]);
    const [a, b] = models;
    const first = await matchWeights(network, a!, b!, { restarts: 3, seed: 8 });
    const again = await matchWeights(network, a!, b!, { restarts: 3, seed: 8 });
    expect(again).toEqual(first);
    expect(first.sumOfNorms).toBeLessThan(first.sumOfNormsIdentity);
    const moved = permuteArrays(b!, symmetriesOf(network).groups, first.permutations);
    const after = await matchWeights(network, a!, moved, { restarts: 1, seed: 8 });
    expect(after.normsIdentity).toEqual(first.norms);
  });

  test('C pins the neurons of sigma-asymmetric models that share it', async () => {
    const { network, models } = randomModels(
      { family: 'sigma-asymmetric', norm: 'layer', widths: [20, 24, 16, 6] },
      [1, 2],
    );
    const found = await matchWeights(network, models[0]!, models[1]!, { restarts: 5, seed: 0 });
    expect(found.sumOfNorms).toBe(found.sumOfNormsIdentity);
    expect(found.restarts.every(({ converged }) => converged)).toBe(true);
  });

  test.each([[[0, 1]], [[0, 1, 1]], [[0, 1, 3]]])(
    'the order %j does not visit three layers once each',
    async (order) => {
      const { network, models } = randomModels({ family: 'standard', norm: 'layer' }, [1, 2]);
      const matching = matchWeights(network, models[0]!, models[1]!, { restarts: 1, seed: 0, order });
      await expect(matching).rejects.toThrow(UserError);
      await expect(matching).rejects.toThrow(/each of the 3 groups \(P_0, P_1, P_2\) once/);
    },
  );
});
