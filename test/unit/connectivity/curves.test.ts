import { describe, expect, test } from 'vitest';
import { mapArrays } from '../../../src-main/compute/alignment/parameters.ts';
import { hostForward } from '../../../src-main/compute/alignment/host-forward.ts';
import { permutationSpec, permuteNetwork } from '../../../src-main/compute/alignment/spec.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { lambdasOf } from '../../../src-main/compute/connectivity/plan.ts';
import {
  networkDistance,
  networkParameters,
  rescalingOf,
  stateDistance,
} from '../../../src-main/compute/connectivity/distance.ts';
import { requireEndpoints } from '../../../src-main/compute/connectivity/endpoints.ts';
import { evaluatePoints, mixNetworks } from '../../../src-main/compute/connectivity/points.ts';
import type { Point, Vertex } from '../../../src-main/compute/connectivity/points.ts';
import { initialise, toEffective } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { families } from '../../../src-shared/domain.ts';
import { randomNetworks, specOf } from '../alignment/networks.ts';

test('the factors hit both ends and the middle exactly', () => {
  expect(lambdasOf(8)).toEqual([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]);
  expect(lambdasOf(3).at(-1)).toBe(1);
  expect(lambdasOf(1)).toEqual([0, 1]);
  for (let steps = 2; steps <= 1000; steps += 2) expect(lambdasOf(steps)[steps / 2]).toBe(0.5);
});

/** Inputs and labels, and the exact loss and accuracy of a network on them in float64. */
function examplesOf(rows: number, features: number, classes: number) {
  const stream = new RandomStream(3, 'examples');
  const x = stream.normals(rows * features);
  return {
    count: rows,
    features,
    x,
    labels: Int32Array.from({ length: rows }, () => stream.integer(classes)),
  };
}

function exactScores(network: Vertex['network'], examples: ReturnType<typeof examplesOf>) {
  const logits = hostForward(network, Float64Array.from(examples.x), examples.count);
  const classes = logits.length / examples.count;
  let [loss, correct] = [0, 0];
  examples.labels.forEach((label, r) => {
    const row = Array.from(logits.subarray(r * classes, (r + 1) * classes));
    const top = Math.max(...row);
    loss += Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0)) + top - row[label]!;
    if (row.indexOf(top) === label) correct++;
  });
  return { loss: loss / examples.count, accuracy: (100 * correct) / examples.count };
}

describe.each(families)('points between %s networks', (family) => {
  const wish = { family, norm: 'batch' as const };

  test('match the float64 forward pass of the mixed network, permuted ends included', async () => {
    const backend = await loadBackend();
    const networks = randomNetworks(wish, [1, 2, 3]);
    const stream = new RandomStream(4, 'p');
    const perms = permutationSpec(networks[0]!).permutations.map(({ size }) => stream.permutation(size));
    const vertices: Vertex[] = [
      ...networks.map((network) => ({ network })),
      { network: permuteNetwork(networks[1]!, perms), permutedFrom: { vertex: 1, first: perms[0]! } },
    ];
    const points: Point[] = [
      [{ vertex: 0, weight: 1 }],
      [
        { vertex: 0, weight: 0.3 },
        { vertex: 1, weight: 0.7 },
      ],
      [
        { vertex: 0, weight: 0.5 },
        { vertex: 3, weight: 0.5 },
      ],
      [0, 1, 2].map((vertex) => ({ vertex, weight: 1 / 3 })),
      [
        { vertex: 0, weight: 1.5 },
        { vertex: 2, weight: -0.5 },
      ],
    ];
    const examples = examplesOf(301, 12, 5);
    const x = backend.tf.tensor2d(examples.x, [301, 12]);
    let done = 0;
    const scores = await evaluatePoints(backend, vertices, points, examples, x, (share) => {
      done += share;
      return Promise.resolve();
    });
    x.dispose();
    expect(done).toBeCloseTo(1, 9);
    points.forEach((point, p) => {
      const mixed = mixNetworks(
        point.map(({ vertex, weight }) => ({ network: vertices[vertex]!.network, weight })),
      );
      const expected = exactScores(mixed, examples);
      expect(Math.abs(scores[p]!.loss / expected.loss - 1)).toBeLessThan(1e-5);
      expect(Math.abs(scores[p]!.accuracy - expected.accuracy)).toBeLessThan(100 / 301 + 1e-9);
    });
  });

  test('interpolating effective weights is interpolating the models', () => {
    const spec = specOf({ family, norm: 'layer' });
    const [a, b] = initialise(spec, { init: [5, 6], mask: 9 });
    const mixedState = new Map(
      [...a!].map(([name, { shape, data }]) => {
        const other = b!.get(name)!.data;
        return [name, { shape, data: data.map((value, k) => 0.25 * value + 0.75 * other[k]!) }];
      }),
    );
    const viaState = toEffective(spec, mixedState);
    const viaEffective = mixNetworks([
      { network: toEffective(spec, a!), weight: 0.25 },
      { network: toEffective(spec, b!), weight: 0.75 },
    ]);
    viaState.layers.forEach(({ weight }, i) => {
      weight.forEach((value, k) => {
        expect(Math.abs(viaEffective.layers[i]!.weight[k]! - value)).toBeLessThan(1e-6);
      });
    });
  });
});

test('many points are worked off in portions, with the same numbers', async () => {
  const backend = await loadBackend();
  const vertices = randomNetworks({ family: 'standard', norm: 'layer' }, [1, 2]).map((network) => ({
    network,
  }));
  const points = lambdasOf(240).map((weight): Point => [
    { vertex: 0, weight: 1 - weight },
    { vertex: 1, weight },
  ]);
  const examples = examplesOf(50, 12, 5);
  const x = backend.tf.tensor2d(examples.x, [50, 12]);
  const together = await evaluatePoints(backend, vertices, points, examples, x, () => Promise.resolve());
  const alone = await evaluatePoints(backend, vertices, points.slice(170, 171), examples, x, () =>
    Promise.resolve(),
  );
  x.dispose();
  expect(together.length).toBe(241);
  expect(together[170]!.loss).toBeCloseTo(alone[0]!.loss, 6);
});

test('a curve that does not end at its checkpoint is an error that names it', async () => {
  const backend = await loadBackend();
  const [a, b] = randomNetworks({ family: 'standard', norm: 'layer' }, [1, 2]);
  const x = backend.tf.tensor2d(examplesOf(20, 12, 5).x, [20, 12]);
  const vertices = [{ network: a! }, { network: b! }];
  const right = { vertex: 0, network: a!, name: 'model 1' };
  requireEndpoints(backend, vertices, [right], x);
  expect(() => {
    requireEndpoints(backend, vertices, [right, { vertex: 1, network: a!, name: 'model 2' }], x);
  }).toThrow(/end of a curve is not model 2/);
  x.dispose();
});

describe('distances and scales', () => {
  test('distance over the state dict leaves the counter of batch norm out', () => {
    const [state] = initialise(specOf({ family: 'standard', norm: 'batch' }), { init: [1], mask: 1 });
    const other = new Map(
      [...state!].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
    );
    for (const [name, { data }] of other) if (name.endsWith('num_batches_tracked')) data[0] = 1e6;
    expect(stateDistance(state!, other)).toBe(0);
    other.get('lins.0.bias')!.data[0]! += 2;
    expect(stateDistance(state!, other)).toBeCloseTo(2, 6);
  });

  test('a permuted network lies apart, and has as many parameters', () => {
    const [network] = randomNetworks({ family: 'standard', norm: 'layer' }, [1]);
    const perms = permutationSpec(network!).permutations.map(({ size }) =>
      new RandomStream(1, 'p').permutation(size),
    );
    const moved = permuteNetwork(network!, perms);
    expect(networkDistance(network!, network!)).toBe(0);
    expect(networkDistance(network!, moved)).toBeGreaterThan(1);
    expect(networkParameters(moved)).toBe(networkParameters(network!));
    expect(rescalingOf(network!, moved).ratio).toBe(1);
  });

  test('rescaled hidden units of a relu network are noticed, and where', () => {
    const [network] = randomNetworks({ family: 'standard', norm: 'none', activation: 'relu' }, [1]);
    const factors = Float64Array.from({ length: 7 }, (_, j) => (j % 2 === 0 ? 6 : 1 / 6));
    const rescaled = mapArrays(network!, ({ name, shape, data }) => {
      const columns = shape[1] ?? 1;
      if (name === 'lins.1.weight' || name === 'lins.1.bias')
        return data.map((v, k) => v * factors[Math.floor(k / columns)]!);
      return name === 'lins.2.weight' ? data.map((v, k) => v / factors[k % columns]!) : data;
    });
    const inputs = Float64Array.from(examplesOf(4, 12, 5).x);
    hostForward(network!, inputs, 4).forEach((value, k) => {
      expect(hostForward(rescaled, inputs, 4)[k]).toBeCloseTo(value, 4);
    });
    const found = rescalingOf(network!, rescaled);
    expect(found.ratio).toBeGreaterThan(2);
    expect(found.where).toMatch(/hidden layer 1/);
  });

  test('networks of one kind from different seeds are not called rescaled', () => {
    const [a, b] = randomNetworks({ family: 'standard', norm: 'none', widths: [30, 40, 40, 10] }, [1, 2]);
    expect(rescalingOf(a!, b!).ratio).toBeLessThan(1.5);
  });
});
