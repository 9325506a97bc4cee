import { describe, expect, test } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { lambdasOf, permutedVertex } from '../../../src-main/compute/connectivity/plan.ts';
import { rescalingOf, stateDistance } from '../../../src-main/compute/connectivity/distance.ts';
import { requireEndpoints } from '../../../src-main/compute/connectivity/endpoints.ts';
import { evaluatePoints } from '../../../src-main/compute/connectivity/points.ts';
import type { Point, PointScores, PointSet, Vertex } from '../../../src-main/compute/connectivity/points.ts';
import type { Examples } from '../../../src-main/compute/data/index.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import type { Way } from '../../../src-main/compute/networks/execution.ts';
import { dataOf } from '../../../src-main/compute/networks/check-symmetries.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { mixArrays } from '../../../src-main/compute/networks/lines.ts';
import { inDoubles, permuteArrays, rescaleArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { families } from '../../../src-shared/domain.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { givenFor } from '../../support/general-family.ts';
import { changed, randomModels, specOf } from '../networks/random-models.ts';
import type { Arrays } from '../networks/random-models.ts';
import { residualNetwork } from '../networks/small-networks.ts';

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

function exactScores(network: Network, arrays: Arrays, examples: Examples) {
  const logits = hostForward(network, dataOf(inDoubles(arrays)), Float64Array.from(examples.x));
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

/** The models as vertices, then the second one with its units in another order. */
function verticesWithCopy(network: Network, models: readonly Arrays[]): Vertex[] {
  const stream = new RandomStream(4, 'p');
  const { groups } = symmetriesOf(network);
  const permutations = new Map(groups.map(({ name, size }) => [name, stream.permutation(size)]));
  return [
    ...models.map((arrays) => ({ arrays })),
    permutedVertex(network, { vertex: 1, arrays: models[1]!, permutations }),
  ];
}

const mixes: Point[] = [
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

const go = () => Promise.resolve();

async function scoresOf(way: Way, set: PointSet, examples: Examples): Promise<PointScores[]> {
  const found = await evaluatePoints(await loadBackend(), set, way, new Map([['test', examples]]), go);
  return found.get('test')!;
}

describe.each(families)('points between %s networks', (family) => {
  test.each(['eager', 'xla', 'graph'] as const)(
    'match the float64 forward pass of the mixed network, permuted ends included (%s)',
    async (way) => {
      const { network, models } = randomModels({ family, norm: 'batch' }, [1, 2, 3]);
      const vertices = verticesWithCopy(network, models);
      const splits = new Map([
        ['val', examplesOf(301, 12, 5)],
        ['test', examplesOf(40, 12, 5)],
      ]);
      let done = 0;
      const scores = await evaluatePoints(
        await loadBackend(),
        { network, vertices, points: mixes },
        way,
        splits,
        (share) => {
          done += share;
          return Promise.resolve();
        },
      );
      expect(done).toBeCloseTo(341 * mixes.length, 6);
      for (const [split, examples] of splits) {
        mixes.forEach((point, p) => {
          const mixed = mixArrays(
            point.map(({ vertex, weight }) => ({ of: vertices[vertex]!.arrays, weight })),
          );
          const expected = exactScores(network, mixed, examples);
          const { loss, accuracy } = scores.get(split)![p]!;
          expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-5);
          expect(Math.abs(accuracy! - expected.accuracy)).toBeLessThan(100 / examples.count + 1e-9);
        });
      }
    },
  );

  test('interpolating parameters as they act is interpolating the models', () => {
    const spec = specOf({ family, norm: 'layer' });
    const network = readNetwork(mlpGraph(spec));
    const [a, b] = initialise(spec, { init: [5, 6], mask: 9, given: givenFor(spec) });
    const mixedState = new Map(
      [...a!].map(([name, { shape, data }]) => {
        const other = b!.get(name)!.data;
        return [name, { shape, data: data.map((value, k) => 0.25 * value + 0.75 * other[k]!) }];
      }),
    );
    const viaActing = mixArrays([
      { of: actingArrays(network, a!), weight: 0.25 },
      { of: actingArrays(network, b!), weight: 0.75 },
    ]);
    for (const [name, { data }] of actingArrays(network, mixedState)) {
      data.forEach((value, k) => {
        expect(Math.abs(viaActing.get(name)!.data[k]! - value)).toBeLessThan(1e-6);
      });
    }
  });
});

test.each(['eager', 'xla'] as const)(
  'many points are worked off in portions, with the same numbers (%s)',
  async (way) => {
    const { network, models } = randomModels({ family: 'standard', norm: 'layer' }, [1, 2]);
    const vertices = models.map((arrays) => ({ arrays }));
    const points = lambdasOf(240).map((weight): Point => [
      { vertex: 0, weight: 1 - weight },
      { vertex: 1, weight },
    ]);
    const examples = examplesOf(50, 12, 5);
    const together = await scoresOf(way, { network, vertices, points }, examples);
    const alone = await scoresOf(way, { network, vertices, points: points.slice(170, 171) }, examples);
    expect(together.length).toBe(241);
    expect(together[170]!.loss).toBeCloseTo(alone[0]!.loss, 6);
    const { loss } = exactScores(network, models[1]!, examples);
    expect(together[240]!.loss).toBeCloseTo(loss, 5);
  },
);

test.each(['eager', 'xla', 'graph'] as const)('the same bits when computed again (%s)', async (way) => {
  const { network, models } = randomModels({ family: 'syre', norm: 'batch' }, [1, 2, 3]);
  const set = { network, vertices: verticesWithCopy(network, models), points: mixes };
  const examples = examplesOf(700, 12, 5);
  expect(await scoresOf(way, set, examples)).toEqual(await scoresOf(way, set, examples));
});

test('a compiled evaluation that computes something else is an error', async () => {
  const backend = await loadBackend();
  const native = backend.native!;
  const wrong: typeof native.compiler.compile = (settings, body) =>
    native.compiler.compile(settings, ([x, labels], state) => body([backend.tf.mul(x!, 3), labels!], state));
  const broken = { ...backend, native: { ...native, compiler: { ...native.compiler, compile: wrong } } };
  const { network, models } = randomModels({ family: 'standard', norm: 'none' }, [1, 2]);
  const set = { network, vertices: models.map((arrays) => ({ arrays })), points: mixes.slice(0, 2) };
  const splits = new Map([['test', examplesOf(50, 12, 5)]]);
  await expect(evaluatePoints(broken, set, 'xla', splits, go)).rejects.toThrow(
    /compiled, network 1 has the loss .*; operation by operation/,
  );
});

test('a curve that does not end at its checkpoint is an error that names it', async () => {
  const backend = await loadBackend();
  const { network, models } = randomModels({ family: 'standard', norm: 'layer' }, [1, 2]);
  const [a, b] = models as [Arrays, Arrays];
  const set = { network, vertices: [{ arrays: a }, { arrays: b }] };
  const examples = examplesOf(20, 12, 5);
  const right = { vertex: 0, arrays: a, name: 'model 1' };
  requireEndpoints(backend, set, [right], examples);
  expect(() => {
    requireEndpoints(backend, set, [right, { vertex: 1, arrays: a, name: 'model 2' }], examples);
  }).toThrow(/end of a curve is not model 2/);
  // Logits that are no numbers, in front of others that are right.
  const bias = a.get('lins.3.bias')!;
  const broken = new Map(a).set('lins.3.bias', { ...bias, data: bias.data.with(0, NaN) as Float32Array });
  expect(() => {
    requireEndpoints(backend, { network, vertices: [{ arrays: broken }] }, [right], examples);
  }).toThrow(/end of a curve is not model 1/);
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

  test('a permuted network lies apart, and is not called rescaled', () => {
    const { network, models } = randomModels({ family: 'standard', norm: 'layer' }, [1]);
    const { groups } = symmetriesOf(network);
    const stream = new RandomStream(1, 'p');
    const perms = new Map(groups.map(({ name, size }) => [name, stream.permutation(size)]));
    const moved = permuteArrays(models[0]!, groups, perms);
    expect(stateDistance(models[0]!, models[0]!)).toBe(0);
    expect(stateDistance(models[0]!, moved)).toBeGreaterThan(1);
    expect(rescalingOf(network, models[0]!, moved).ratio).toBe(1);
  });

  test('rescaled hidden units of a relu network are noticed, and where', () => {
    const { network, models } = randomModels({ family: 'standard', norm: 'none', activation: 'relu' }, [1]);
    const model = models[0]!;
    const rescaling = symmetriesOf(network).rescalings.find(({ name }) => name === 'P_1')!;
    const factors = Float64Array.from({ length: 7 }, (_, j) => (j % 2 === 0 ? 6 : 1 / 6));
    const rescaled = rescaleArrays(model, rescaling, factors);
    const inputs = Float64Array.from(examplesOf(4, 12, 5).x);
    const [before, after] = [model, rescaled].map((arrays) =>
      hostForward(network, dataOf(inDoubles(arrays)), inputs),
    );
    before!.forEach((value, k) => {
      expect(after![k]).toBeCloseTo(value, 4);
    });
    const found = rescalingOf(network, model, rescaled);
    expect(found.ratio).toBeGreaterThan(2);
    expect(found.where).toMatch(/^(incoming|outgoing) weights of hidden layer 1$/);
  });

  test('of a residual network: a rescaled branch is named, the stream is measured over all its weights', () => {
    const network = residualNetwork();
    const model = new Map(
      [...network.parameters.values()].map(({ name, shape }) => {
        const size = shape.reduce((a, b) => a * b, 1);
        return [name, { shape, data: Float32Array.from(new RandomStream(4, name).normals(size)) }];
      }),
    );
    const times = (factors: Record<string, number>) =>
      changed(model, (name, { data }) => data.map((value) => value * (factors[name] ?? 1)));
    const { ratio, where } = rescalingOf(network, model, times({ 'up.1.weight': 3 }));
    expect(where).toBe('incoming weights of up.1');
    expect(ratio).toBeCloseTo(3, 5);
    const stream = rescalingOf(
      network,
      model,
      times({ 'norms.0.weight': 4, 'norms.1.weight': 4, 'norm.weight': 4 }),
    );
    expect(stream.where).toBe('affine norm of stream');
    expect(stream.ratio).toBeCloseTo(4, 5);
    // One of three that write to the stream: less than its own factor.
    const partly = rescalingOf(network, model, times({ 'embed.weight': 3 }));
    expect(partly.where).toBe('incoming weights of stream');
    expect(partly.ratio).toBeGreaterThan(1.2);
    expect(partly.ratio).toBeLessThan(2.5);
  });

  test('networks of one kind from different seeds are not called rescaled', () => {
    const { network, models } = randomModels(
      { family: 'standard', norm: 'none', widths: [30, 40, 40, 10] },
      [1, 2],
    );
    expect(rescalingOf(network, models[0]!, models[1]!).ratio).toBeLessThan(1.5);
  });
});
