import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchLayers } from '../../../src-main/compute/alignment/activation-matching.ts';
import { mapArrays } from '../../../src-main/compute/alignment/parameters.ts';
import { momentsOf } from '../../../src-main/compute/alignment/moments.ts';
import { meanAndStd, objectiveOf, objectivesOf } from '../../../src-main/compute/alignment/objective.ts';
import { inversePermutation } from '../../../src-main/compute/alignment/permutation.ts';
import { recordMoments } from '../../../src-main/compute/alignment/record-moments.ts';
import { noteOf, similarityMatrix } from '../../../src-main/compute/alignment/similarity.ts';
import { permutationSpec, permuteNetwork } from '../../../src-main/compute/alignment/spec.ts';
import { matchWeights } from '../../../src-main/compute/alignment/weight-matching.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { EffectiveNetwork } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { correlationModes, families, recordingPoints } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { randomNetworks } from './networks.ts';

const names = { a: 'model 1', b: 'model 2' };

function permutedCopy(network: EffectiveNetwork, seed: number) {
  const stream = new RandomStream(seed, 'copy');
  const perms = permutationSpec(network).permutations.map(({ size }) => stream.permutation(size));
  return { copy: permuteNetwork(network, perms), answer: perms.map(inversePermutation) };
}

async function momentsBetween(a: EffectiveNetwork, b: EffectiveNetwork, rows = 200) {
  const backend = await loadBackend();
  const features = a.layers[0]!.inputs;
  const x = backend.tf.tensor2d(new RandomStream(9, 'x').normals(rows * features), [rows, features]);
  const [moments] = await recordMoments(backend, [a, b], [[0, 1]], recordingPoints, x, () =>
    Promise.resolve(),
  );
  x.dispose();
  return moments!;
}

describe.each(families)('a permuted copy of a %s network', (family) => {
  const wish = { family, norm: 'batch' as const, widths: [20, 24, 16, 12, 6] };

  test('is recovered exactly from its activations, at every recording point', async () => {
    const [network] = randomNetworks(wish, [21]);
    const { copy, answer } = permutedCopy(network!, 5);
    const moments = await momentsBetween(network!, copy);
    for (const point of recordingPoints) {
      for (const mode of ['pearson_correlation', 'pearson_correlation_with_zero_for_constant'] as const) {
        expect(matchLayers(moments[point]!, mode, point, names)).toEqual(answer);
      }
    }
  });

  test('is recovered exactly from its weights', async () => {
    const [network] = randomNetworks(wish, [21]);
    const { copy, answer } = permutedCopy(network!, 5);
    const found = await matchWeights(network!, copy, { restarts: 20, seed: 1 });
    expect(found.permutations).toEqual(answer);
    expect(found.sumOfNorms).toBe(0);
    expect(found.sumOfNormsIdentity).toBeGreaterThan(1);
  });
});

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
    const [network] = randomNetworks(
      { family: 'standard', norm: 'none', activation: 'identity', widths: [10, 8, 6] },
      [2],
    );
    const far = mapArrays(network!, ({ name, data: values }) =>
      name === 'lins.0.bias' ? values.map((v) => v + 1000) : values,
    );
    const near = (await momentsBetween(network!, network!, 3000)).post_linear![0]!;
    const offset = (await momentsBetween(far, network!, 3000)).post_linear![0]!;
    const where = { ...names, point: 'post_linear' };
    const [x, y] = [near, offset].map((moments) => similarityMatrix(moments, 'pearson_correlation', where));
    // float32 activations near 1000 are rounded by 3e-5 themselves.
    x!.forEach((value, k) => {
      expect(Math.abs(y![k]! - value)).toBeLessThan(2e-5);
    });
  });
});

describe('constant and broken neurons', () => {
  /** Hidden layer 1 with neuron 3 cut off from its input. */
  const [whole] = randomNetworks({ family: 'standard', norm: 'none' }, [6]);
  const dead = mapArrays(whole!, ({ name, data }) =>
    name === 'lins.1.weight' ? data.map((value, k) => (Math.floor(k / 9) === 3 ? 0 : value)) : data,
  );

  test.each(['pearson_correlation', 'pearson_uncorrelatedness'] as const)(
    '%s names layer and neuron',
    async (mode) => {
      const { post_linear: layers } = await momentsBetween(whole!, dead);
      expect(() => matchLayers(layers!, mode, 'post_linear', names)).toThrow(UserError);
      expect(() => matchLayers(layers!, mode, 'post_linear', names)).toThrow(
        /model 2, post_linear of hidden layer 1 \(P_1\): neuron 3 is constant/,
      );
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
    const { post_linear: layers } = await momentsBetween(whole!, dead);
    const where = { ...names, point: 'post_linear' };
    const zero = similarityMatrix(layers![1]!, 'pearson_correlation_with_zero_for_constant', where);
    const one = similarityMatrix(layers![1]!, 'pearson_uncorrelatedness_with_one_for_constant', where);
    for (let i = 0; i < 7; i++) {
      expect(zero[i * 7 + 3]).toBe(0);
      expect(one[i * 7 + 3]).toBe(1);
    }
  });

  test('NaN activations are named', async () => {
    const broken = mapArrays(whole!, ({ name, data }) =>
      name === 'lins.0.bias' ? data.map((value, k) => (k === 2 ? NaN : value)) : data,
    );
    const { post_linear: layers } = await momentsBetween(broken, whole!);
    for (const mode of correlationModes) {
      expect(() => matchLayers(layers!, mode, 'post_linear', names)).toThrow(
        /model 1.*P_0\): neuron 2 has activations that are not finite/,
      );
    }
  });
});

describe('objectives', () => {
  test('the best is at least as good as the identity and any random permutation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 1e6 }), (n, seed) => {
        const similarity = Float64Array.from(new RandomStream(seed, 's').normals(n * n));
        const stream = new RandomStream(seed, 'r');
        const best = matchLayers([fakeMoments(similarity, n)], 'dot_product', 'post_linear', names)[0]!;
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
  test('the sum of norms never exceeds that of the identity, and the same seed gives the same answer', async () => {
    const [a, b] = randomNetworks({ family: 'standard', norm: 'layer' }, [31, 32]);
    const first = await matchWeights(a!, b!, { restarts: 3, seed: 8 });
    const again = await matchWeights(a!, b!, { restarts: 3, seed: 8 });
    expect(again).toEqual(first);
    expect(first.sumOfNorms).toBeLessThan(first.sumOfNormsIdentity);
    const moved = permuteNetwork(b!, first.permutations);
    const after = await matchWeights(a!, moved, { restarts: 1, seed: 8 });
    expect(after.normsIdentity).toEqual(first.norms);
  });

  test('C pins the neurons of sigma-asymmetric models that share it', async () => {
    const [a, b] = randomNetworks(
      { family: 'sigma-asymmetric', norm: 'layer', widths: [20, 24, 16, 6] },
      [1, 2],
    );
    const found = await matchWeights(a!, b!, { restarts: 5, seed: 0 });
    expect(found.sumOfNorms).toBe(found.sumOfNormsIdentity);
    expect(found.restarts.every(({ converged }) => converged)).toBe(true);
  });

  test.each([[[0, 1]], [[0, 1, 1]], [[0, 1, 3]]])(
    'the order %j does not visit three layers once each',
    async (order) => {
      const [a, b] = randomNetworks({ family: 'standard', norm: 'layer' }, [1, 2]);
      await expect(matchWeights(a!, b!, { restarts: 1, seed: 0, order })).rejects.toThrow(UserError);
    },
  );
});
