import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../src-main/compute/random.ts';
import {
  blended,
  denseGradient,
  denseLoss,
  drawRegression,
  drawWeights,
  trainDense,
} from '../../../src-main/compute/symmetry/dense.ts';
import { balanced, matchRelu, neuronNorms } from '../../../src-main/compute/symmetry/match-relu.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { job, testContext } from '../../support/job.ts';

type Curve = JobResult<'symmetry-curve'>;
type Rescaling = JobResult<'rescaling-barrier'>;
type Bound = JobResult<'curvature-bound'>;
type Detected = JobResult<'detect-symmetry'>;
type Decay = JobResult<'weight-decay-study'>;

describe('small networks', () => {
  it.each([1, 2])('gradients agree with central differences (sigma = max(0, z)^%d)', (power) => {
    const dims = [4, 5, 3, 2];
    const task = drawRegression(dims, 30, power, new RandomStream(1, 'task'));
    const weights = drawWeights(dims, new RandomStream(2, 'weights'), 1);
    const gradient = denseGradient(task, weights);
    weights.forEach((w, layer) => {
      w.forEach((_, k) => {
        const shifted = (by: number) =>
          denseLoss(
            task,
            weights.map((v, i) => (i === layer ? v.map((x, j) => (j === k ? x + by : x)) : v)),
          );
        const numeric = (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
        expect(gradient[layer]![k]!).toBeCloseTo(numeric, 5);
      });
    });
  });

  it('the gradient over batches that make up the whole is the whole gradient', () => {
    const dims = [3, 4, 2];
    const task = drawRegression(dims, 20, 1, new RandomStream(1, 'task'));
    const weights = drawWeights(dims, new RandomStream(2, 'weights'), 1);
    const rows = Int32Array.from({ length: 20 }, (_, k) => k);
    const halves = [rows.slice(0, 10), rows.slice(10)].map((part) => denseGradient(task, weights, part));
    denseGradient(task, weights).forEach((whole, i) =>
      whole.forEach((x, k) => expect((halves[0]![i]![k]! + halves[1]![i]![k]!) / 2).toBeCloseTo(x, 12)),
    );
  });
});

describe('symmetry curves', () => {
  const cases = [
    { layers: 2, width: 2 },
    { layers: 3, width: 4, seed: 1 },
    { layers: 4, width: 6, seed: 7 },
    { layers: 3, width: 5, group: 'gaussian', seed: 2 },
    { layers: 3, width: 6, activation: 'relu' },
  ];
  it.each(cases)('the loss is constant along the curve: %o', async (params) => {
    const result = await job<Curve>('symmetry-curve', params);
    expect(result.t[0]).toBe(0);
    expect(result.t.at(-1)).toBe(1);
    const spread = Math.max(...result.curve_loss) - Math.min(...result.curve_loss);
    expect(spread).toBeLessThanOrEqual(1e-9 * Math.max(...result.line_loss));
    expect(result.line_barrier).toBeGreaterThan(1e-3);
    expect(result.curve_length).toBeGreaterThan(result.distance);
  });

  it('a given g is the element used; without a real logarithm it is reached through its polar factors', async () => {
    const g = [
      [-1, 1],
      [0, -1],
    ];
    const result = await job<Curve>('symmetry-curve', { layers: 2, width: 2, g });
    expect(result.path).toBe('polar');
    expect(result.notes.join()).toMatch(/negative eigenvalue -1 has 1 Jordan block of size 2/);
    expect(result.group_elements).toEqual([g]);
    expect(result.relative_spread).toBeLessThan(1e-9);
    const half = await job<Curve>('symmetry-curve', {
      layers: 2,
      width: 2,
      g: [
        [-2, 0],
        [0, -2],
      ],
    });
    expect(half.path).toBe('exponential');
  });

  const bad: [object, RegExp][] = [
    [
      {
        layers: 2,
        width: 2,
        g: [
          [1, 2],
          [2, 4],
        ],
      },
      /g is singular/,
    ],
    [
      {
        layers: 2,
        width: 2,
        g: [
          [1, 0],
          [0, -1],
        ],
      },
      /negative determinant/,
    ],
    [
      {
        layers: 2,
        width: 2,
        g: [
          [-1, 1],
          [0, -1],
        ],
        path: 'exponential',
      },
      /no real logarithm: the negative eigenvalue -1/,
    ],
    [
      {
        layers: 2,
        width: 2,
        g: [
          [1, 0, 0],
          [0, 1, 0],
        ],
      },
      /2 x 2 matrix was expected for width 2, 2 x 3/,
    ],
    [
      {
        layers: 2,
        width: 2,
        position: 2,
        g: [
          [1, 0],
          [0, 1],
        ],
      },
      /position: 2/,
    ],
    [
      {
        layers: 2,
        width: 2,
        activation: 'relu',
        g: [
          [1, 0],
          [0, -1],
        ],
      },
      /factor 1 is -1, a positive number/,
    ],
    [
      {
        layers: 2,
        width: 2,
        activation: 'relu',
        g: [
          [1, 1],
          [0, 1],
        ],
      },
      /positive diagonal matrix only/,
    ],
    [{ run: '/nowhere', epoch: 1 }, /nowhere/],
    [{ run: '/nowhere' }, /epoch/],
  ];
  it.each(bad)('refuses %o', async (params, message) => {
    await expect(job('symmetry-curve', params)).rejects.toThrow(message);
  });
});

describe('rescaling barrier', () => {
  it.each([1, 2, 1.5])('measured as the closed form says, c up to 10,000, power %d', async (power) => {
    const params = { power, factors: [0.1, 1, 10, 100, 1000, 10_000], trainSteps: 300 };
    const result = await job<Rescaling>('rescaling-barrier', params);
    expect(result.rows.map(({ factor }) => factor)).toEqual(params.factors);
    for (const row of result.rows) {
      expect(Math.abs(row.measured_loss - row.closed_form_loss!)).toBeLessThan(1e-6 * row.closed_form_loss!);
      expect(row.relative_error!).toBeLessThan(1e-6);
    }
    expect(result.rows[1]!.barrier).toBe(0);
    expect(result.growth_exponent).toBeCloseTo(2 * power, 1);
    const { measured_loss, closed_form_loss } = result.random;
    expect(Math.abs(measured_loss - closed_form_loss!)).toBeLessThan(1e-6 * closed_form_loss!);
  });

  it('the worst point of a large factor is the middle, where outputs grow by (2 + c + 1/c) / 4', async () => {
    const { rows, base_loss } = await job<Rescaling>('rescaling-barrier', {
      factors: [1, 1000],
      trainSteps: 0,
    });
    expect(rows[1]!.lambda).toBe(0.5);
    expect(rows[0]!.measured_loss).toBeCloseTo(base_loss, 12);
  });

  it('gives the norm of each copy: |c W1|² + |W2 / c|²', async () => {
    const params = { factors: [1, 2, 3], trainSteps: 0 };
    const { rows } = await job<Rescaling>('rescaling-barrier', params);
    const [one, two, three] = rows.map(({ norm }) => norm! ** 2);
    // From two of them the norms of the layers, from these the third.
    const lower = (two! - one! / 4) / (4 - 1 / 4);
    expect(9 * lower + (one! - lower) / 9).toBeCloseTo(three!, 9);
    expect(lower).toBeGreaterThan(0);
    expect(lower).toBeLessThan(one!);
  });

  it.each([[[1, 0]], [[-2]], [[Infinity]], [[]]])('refuses factors %j', async (factors) => {
    await expect(job('rescaling-barrier', { factors })).rejects.toThrow(/factors/);
  });

  it('refuses an odd number of intervals, which leaves the middle out', async () => {
    await expect(job('rescaling-barrier', { steps: 7 })).rejects.toThrow(/even/);
  });
});

describe('curvature bound', () => {
  it.each([
    { layers: 2, width: 3 },
    { layers: 3, width: 4, seed: 4 },
    { layers: 2, width: 6, activation: 'relu' },
    { layers: 3, width: 4, activation: 'relu', seed: 2 },
  ])('is never below what is measured, and near it for short curves: %o', async (params) => {
    const result = await job<Bound>('curvature-bound', {
      ...params,
      steps: 200,
      scales: [0.01, 0.1, 0.5, 1.5],
    });
    expect(result.holds).toBe(true);
    for (const row of result.rows) {
      expect(row.deviation_bound).toBeGreaterThanOrEqual(row.chord_deviation);
      expect(row.barrier_bound).toBeGreaterThanOrEqual(row.measured_barrier);
    }
    // A short curve is nearly an arc of a circle: the bound on the deviation is then sharp.
    expect(result.rows[0]!.deviation_bound).toBeLessThan(1.2 * result.rows[0]!.chord_deviation);
    // Twice the length, four times the deviation.
    expect(result.rows[1]!.chord_deviation / result.rows[0]!.chord_deviation).toBeGreaterThan(80);
  });
});

describe('detecting symmetry', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'linear minima always share an orbit; the sign of det g tells the class (seed %d)',
    async (seed) => {
      const result = await job<Detected>('detect-symmetry', { layers: 2 + (seed % 2), width: 3, seed });
      expect(result.relative_residual).toBeLessThan(1e-9);
      expect(result.barrier_before).toBeGreaterThan(1e-3);
      expect(result.barrier_after).toBeLessThan(1e-12);
      expect(result.predicted_same_component).toBe(result.determinant_signs!.every((sign) => sign > 0));
      expect(result.path_found).toBe(result.predicted_same_component);
      if (result.path_found) expect(result.path_excess_loss!).toBeLessThan(1e-12);
      else expect(result.path_excess_loss).toBeNull();
    },
  );

  it('both classes occur over the seeds', async () => {
    const found = new Set<boolean>();
    for (let seed = 1; seed <= 8; seed++) {
      found.add((await job<Detected>('detect-symmetry', { width: 2, seed })).path_found);
    }
    expect(found.size).toBe(2);
  });

  it.each([2, 3, 4])(
    'recovers permutation and factors of a ReLU network on the orbit (%d layers)',
    async (layers) => {
      const params = { activation: 'relu', second: 'orbit', layers, width: 7 };
      const result = await job<Detected>('detect-symmetry', params);
      expect(result.residual_before).toBeGreaterThan(1);
      expect(result.relative_residual).toBeLessThan(1e-9);
      expect(result.barrier_before).toBeGreaterThan(10 * result.end_loss);
      expect(result.barrier_after).toBeLessThan(1e-9);
      for (const [factors] of result.group_elements) for (const c of factors!) expect(c).toBeGreaterThan(0);
    },
  );

  it('lowers distance and barrier of independently trained ReLU networks', async () => {
    const result = await job<Detected>('detect-symmetry', { activation: 'relu', width: 8 });
    expect(result.residual_after).toBeLessThan(0.8 * result.residual_before);
    expect(result.barrier_after).toBeLessThan(0.5 * result.barrier_before);
  });

  it('balancing leaves the function alone and equals the norms of every neuron', () => {
    const dims = [3, 6, 5, 2];
    const task = drawRegression(dims, 40, 1, new RandomStream(1, 'task'));
    const weights = drawWeights(dims, new RandomStream(2, 'weights'), 2);
    const even = balanced(weights, dims).weights;
    expect(denseLoss(task, even)).toBeCloseTo(denseLoss(task, weights), 10);
    for (const i of [0, 1]) {
      const { incoming, outgoing } = neuronNorms(even, dims, i);
      incoming.forEach((norm, j) => expect(norm).toBeCloseTo(outgoing[j]!, 10));
    }
  });

  it('never ends farther away than it began', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const dims = [3, 6, 6, 2];
      const [a, b] = [
        drawWeights(dims, new RandomStream(seed, 'a'), 1),
        drawWeights(dims, new RandomStream(seed, 'b'), 1),
      ];
      const before = Math.sqrt(
        blended(a, b, 0).reduce((sum, w, i) => sum + w.reduce((s, x, k) => s + (x - b[i]![k]!) ** 2, 0), 0),
      );
      const match = await matchRelu(a, b, dims, 3, new RandomStream(seed, 'matching'));
      expect(match.residual).toBeLessThan(before);
    }
  });
});

describe('weight decay', () => {
  it('L2 in SGD balances the layers and shortens the way along the orbit; AdamW does so less', async () => {
    const { rows, initial_imbalance } = await job<Decay>('weight-decay-study', {
      decays: [0, 0.01],
      width: 6,
      inputs: 4,
      steps: 3000,
      learningRateSgd: 0.1,
      pairs: 1,
    });
    const row = (optimizer: string, decay: number) =>
      rows.find((r) => r.optimizer === optimizer && r.decay === decay)!;
    expect(rows).toHaveLength(4);
    expect(row('sgd', 0.01).imbalance).toBeLessThan(0.7 * row('sgd', 0).imbalance);
    expect(row('sgd', 0.01).imbalance).toBeLessThan(row('adamw', 0.01).imbalance);
    expect(initial_imbalance).toBeGreaterThan(0.5);
    for (const { barrier_after, barrier_before, residual, distance } of rows) {
      expect(barrier_after).toBeLessThan(barrier_before);
      expect(residual).toBeLessThan(distance);
    }
  });

  it.each([0, 0.05])(
    '|in|^2 - |out|^2 of every neuron decays like exp(-2 decay t) under gradient descent (decay %d)',
    async (weightDecay) => {
      const dims = [4, 6, 2];
      const task = drawRegression(dims, 60, 1, new RandomStream(1, 'task'));
      const start = drawWeights(dims, new RandomStream(2, 'weights'), 1.5);
      const training = { steps: 4000, learningRate: 1e-3, optimizer: 'sgd', weightDecay } as const;
      const end = await trainDense(task, start, training, new RandomStream(3, 'order'), testContext());
      expect(denseLoss(task, end)).toBeLessThan(0.7 * denseLoss(task, start));
      // The step sizes fall along a half cosine: their sum is half of steps x first.
      const factor = Math.exp(-2 * weightDecay * ((4000 * 1e-3) / 2));
      const [before, after] = [neuronNorms(start, dims, 0), neuronNorms(end, dims, 0)];
      before.incoming.forEach((a, j) => {
        const difference = a ** 2 - before.outgoing[j]! ** 2;
        expect(after.incoming[j]! ** 2 - after.outgoing[j]! ** 2).toBeCloseTo(factor * difference, 2);
      });
    },
  );

  it('says so when training diverges', async () => {
    const params = { decays: [0], optimizers: ['sgd'], learningRateSgd: 5, steps: 400, pairs: 1 };
    await expect(job('weight-decay-study', params)).rejects.toThrow(/diverged by step \d+.*learning rate 5/);
  });
});
