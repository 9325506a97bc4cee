/** Ridge realization costs: the descent against the exact minimum, warm starts, choices of pairs and samples. */
import { describe, expect, test } from 'vitest';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import { descendRidge } from '../../../src-main/compute/identifiability/ridge-adam.ts';
import { solveRidge } from '../../../src-main/compute/identifiability/ridge-closed-form.ts';
import type {
  RidgeLayerProblem,
  RidgePairIds,
} from '../../../src-main/compute/identifiability/ridge-problem.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import type { RidgeRow } from '../../../src-shared/jobs/realization-cost-ridge.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

const [outputs, inputs, samples] = [4, 6, 80];
const pairs = Array.from({ length: 16 }, (_, p): RidgePairIds => [Math.floor(p / 4), p % 4]);

function problemOf(masked: boolean): RidgeLayerProblem {
  const stream = new RandomStream(4, 'ridge', String(masked));
  const raw = stream.normals(outputs * inputs);
  const mask = Float32Array.from(raw, () => (masked && stream.uniform() < 0.4 ? 0 : 1));
  const fixed = Float64Array.from(mask, (entry) => (entry === 0 ? stream.normal() : 0));
  const weight = Float64Array.from(raw, (value, k) => (mask[k] === 0 ? fixed[k]! : value));
  return {
    layer: { outputs, inputs, weight, sigmaF: masked ? 1 : 0, ...(masked && { fixed, mask }) },
    ...{
      raw,
      bias: stream.normals(outputs),
      x: stream.normals(samples * inputs),
      samples,
      activation: 'identity',
    },
  };
}

const descend = async (problem: RidgeLayerProblem, options: object, some = pairs) =>
  descendRidge(
    await loadBackend(),
    problem,
    some,
    { betas: [0.1], warmStart: true, iterations: 1500, learningRate: 0.02, ...options },
    () => Promise.resolve(),
  );

describe.each([false, true])('identity activation, masked: %s', (masked) => {
  test('the descent arrives at the exact minimum, and never below it', async () => {
    const problem = problemOf(masked);
    for (const beta of [0.05, 5]) {
      const [exact] = await solveRidge(problem, pairs, [beta]);
      const [found] = await descend(problem, { betas: [beta], iterations: 500, learningRate: 0.03 });
      for (const p of pairs.keys()) {
        const full = (of: typeof exact) => of!.mse[p]! / beta + of!.regularization[p]!;
        expect(full(found) / full(exact)).toBeGreaterThan(1 - 1e-5);
        expect(full(found) / full(exact)).toBeLessThan(1 + 1e-3);
        expect(found!.regularization[p]!).toBeCloseTo(exact!.regularization[p]!, 1);
        expect(found!.slotScale[p]!).toBeCloseTo(exact!.slotScale[p]!, 1);
      }
    }
  });
});

const { native } = await loadBackend();

describe.skipIf(!native)('compiled, the descent finds what it finds operation by operation', () => {
  // Pairs of a neuron with itself start at zero error, where AdamW only sways.
  const different = pairs.filter(([target, slot]) => target !== slot);

  test.each(['identity', 'relu', 'tanh', 'silu', 'gelu'] as const)('%s', async (activation) => {
    const backend = await loadBackend();
    const problem = { ...problemOf(activation !== 'relu'), activation };
    const options = { betas: [0.5, 0.1], iterations: 60 };
    const before = tensorCount(backend);
    const expected = await descend(problem, options, different);
    const found = await descend(problem, { ...options, way: 'xla' }, different);
    expect(tensorCount(backend)).toEqual(before);
    for (const [b, terms] of expected.entries())
      for (const name of ['mse', 'regularization', 'slotScale'] as const)
        for (const p of different.keys()) {
          const [one, other] = [terms[name][p]!, found[b]![name][p]!];
          expect(Math.abs(other - one)).toBeLessThan(1e-4 * (Math.abs(one) + 0.01));
        }
  });
});

describe('the exact minimum', () => {
  test('is the same by TensorFlow and by ml-matrix', async () => {
    const problem = problemOf(true);
    const backend = await loadBackend();
    const before = tensorCount(backend);
    const [host] = await solveRidge(problem, pairs, [0.1]);
    const [native] = await solveRidge(problem, pairs, [0.1], undefined, backend.native?.doubles);
    for (const name of ['mse', 'regularization', 'slotScale'] as const) {
      for (const p of pairs.keys()) expect(native![name][p]).toBeCloseTo(host![name][p]!, 11);
    }
    expect(tensorCount(backend)).toEqual(before);
  });

  test('tends to the least free weights that realise the function as beta falls', async () => {
    // Nothing fixed: the only way to be the target is to have its weights.
    const problem = problemOf(false);
    const [terms] = await solveRidge(problem, pairs, [1e-9]);
    for (const [p, [target]] of pairs.entries()) {
      const row = problem.layer.weight.subarray(target * inputs, (target + 1) * inputs);
      expect(terms!.regularization[p]).toBeCloseTo(
        row.reduce((sum, w) => sum + w * w, 0),
        5,
      );
      expect(terms!.mse[p]).toBeLessThan(1e-9);
    }
  });

  test('tends to nothing learned as beta grows', async () => {
    const [terms] = await solveRidge(problemOf(true), pairs, [1e9]);
    expect(Math.max(...terms!.regularization)).toBeLessThan(1e-9);
  });
});

describe('the descent', () => {
  test('pairs do not influence one another', async () => {
    const problem = { ...problemOf(true), activation: 'gelu' as const };
    const [together] = await descend(problem, { iterations: 50 });
    const [alone] = await descend(problem, { iterations: 50 }, [pairs[6]!]);
    expect(alone!.mse[0]! / together!.mse[6]!).toBeCloseTo(1, 5);
    expect(alone!.regularization[0]! / together!.regularization[6]!).toBeCloseTo(1, 5);
  });

  test('a cold start gives what the beta gives alone; a warm one starts where the last ended', async () => {
    const problem = { ...problemOf(true), activation: 'relu' as const };
    const [alone] = await descend(problem, { betas: [1], iterations: 40 });
    const [, cold] = await descend(problem, { betas: [0.01, 1], iterations: 40, warmStart: false });
    const [, warm] = await descend(problem, { betas: [0.01, 1], iterations: 40 });
    expect(Array.from(cold!.mse)).toEqual(Array.from(alone!.mse));
    expect(Array.from(warm!.mse)).not.toEqual(Array.from(alone!.mse));
  });
});

describe('the job', () => {
  const ask = (more: object) =>
    job<RidgeRow>('realization-cost-ridge', {
      ...{ run: fixtureRun('sym1_kappa1'), models: [1], epoch: 5, layers: ['lins.2'], data: goldenData() },
      ...{ numNeurons: 5, iterations: 20, ...more },
    });

  test('every pair gives matrices, slot by target; a choice of pairs does not', async () => {
    const row = await ask({});
    const { ridge_cost: cost, transposition_cost_squared: swaps } = row.matrices[0]!;
    const pair = row.results.sym1_kappa1![0]!.neuron_realization_costs.find(
      ({ id1, id2 }) => id1 === 3 && id2 === 1,
    )!;
    expect(cost.data[1 * 5 + 3]).toBe(pair.objective_full);
    const at = (i: number, j: number) => cost.data[i * 5 + j]!;
    expect(swaps.data[1 * 5 + 3]).toBeCloseTo(at(1, 3) + at(3, 1) - at(1, 1) - at(3, 3), 10);
    const some = await ask({ numPairs: 7 });
    expect(some.matrices).toEqual([]);
    expect(some.results.sym1_kappa1![0]!.neuron_realization_costs).toHaveLength(7);
  });

  test('linear outputs in closed form; sampled examples; no closed form after gelu; σ-asymmetric refused', async () => {
    const row = await ask({ compare: 'linear', method: 'closed-form', samples: 300 });
    expect(row.samples).toBe(300);
    for (const { id1, id2, objective_mse } of row.results.sym1_kappa1![0]!.neuron_realization_costs) {
      expect(objective_mse >= 0 && (id1 === id2 || objective_mse > 1e-6)).toBe(true);
    }
    await expect(ask({ method: 'closed-form' })).rejects.toThrow(/gelu.*no closed form/);
    await expect(ask({ samples: 100_000 })).rejects.toThrow(/100000.*800/);
    await expect(ask({ run: fixtureRun('sym2') })).rejects.toThrow(/σ-asymmetric/);
  });
});

test('a long descent is compiled, a short one is not, and the result says so', async () => {
  const run = fixtureRun('sym0');
  const params = { run, models: [1], epoch: 5, layers: ['lins.1'], data: goldenData() };
  const row = (more: object) =>
    job<RidgeRow>('realization-cost-ridge', { ...params, numNeurons: 2, ...more });
  const short = await row({ iterations: 2 });
  expect(short.execution).toMatchObject({ way: 'eager', reason: expect.any(String) as string });
  expect((await row({ method: 'closed-form', compare: 'linear' })).execution).toBeUndefined();
  if (!native) return;
  const long = await row({ numNeurons: 32, iterations: 250 });
  expect(long.execution).toEqual({ way: 'xla' });
});
