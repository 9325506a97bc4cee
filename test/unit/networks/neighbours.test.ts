/** Networks over a graph: tensors against plain doubles on every back end, and what their gates do to the groups. */
import { describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Backend, Tensor } from '../../../src-main/compute/backend/index.ts';
import { undirected } from '../../../src-main/compute/data/graph.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import { dataOf, requireGroups } from '../../../src-main/compute/networks/check-symmetries.ts';
import { edgeTensors, ringOf } from '../../../src-main/compute/networks/edges.ts';
import { actingArrays, actingDoubles } from '../../../src-main/compute/networks/effective.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { recordingPlaces } from '../../../src-main/compute/networks/recording-places.ts';
import { forward } from '../../../src-main/compute/networks/run.ts';
import { stackArrays } from '../../../src-main/compute/networks/stack-arrays.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { readConfig, resolveModel } from '../../../src-shared/config.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';

const nodes = 7;
/** Two nodes without neighbours, one that is its own, one edge that is listed twice. */
const edges = undirected(Int32Array.of(0, 1, 0, 2, 2, 0, 0, 3, 1, 2, 3, 3, 4, 1), nodes);
const x = new RandomStream(3, 'x').normals(nodes * 4);

const model = {
  ...{ name: 'gnn_arxiv', in_channels: 4, hidden_channels: 5, out_channels: 3, num_layers: 2 },
  mask_params: { default: { mask_constant: 0.5, num_fixed: 2 } },
};
const variants: [string, Record<string, unknown>][] = [
  ['standard', { symmetry: 0 }],
  ['W-asymmetric', { symmetry: 1 }],
  ['sigma-asymmetric', { symmetry: 2 }],
  ['sigma-asymmetric with gelu', { symmetry: 2, model_type: 'asym_gelu_gnn' }],
  ['SYRE', { symmetry: 3 }],
];

function madeOf(change: Record<string, unknown>) {
  const spec = resolveModel(readConfig({ model: { ...model, ...change } }), 'c.yaml');
  const network = readNetwork(graphOf(spec));
  return { network, states: initialise(spec, { init: [1, 2], mask: 3 }) };
}

it('a ring has two neighbours each, of two nodes one, of one none', () => {
  expect(ringOf(3)).toEqual({
    sources: Int32Array.of(2, 1, 0, 2, 1, 0),
    targets: Int32Array.of(0, 0, 1, 1, 2, 2),
  });
  expect(ringOf(2).sources).toEqual(Int32Array.of(1, 0));
  expect(ringOf(1).sources).toHaveLength(0);
});

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('on %s', (name) => {
  const load = async (): Promise<Backend | undefined> => {
    const backend = await loadBackend({ prefer: name });
    // Only the native library may be missing.
    if (name !== 'tensorflow') expect(backend.name).toBe(name);
    return backend.name === name ? backend : undefined;
  };

  it.each(variants)('two models of a %s network have the values of plain doubles', async (_, change) => {
    const on = await load();
    if (!on) return;
    const { network, states } = madeOf(change);
    const { tf } = on;
    const found = tf.tidy(() => {
      const parameters = stackArrays(
        tf,
        states.map((state) => actingArrays(network, state)),
      );
      const input = tf.tensor(x, [1, nodes, 4]);
      return forward(mathsOf(on), network, parameters, input, {
        edges: edgeTensors(tf, edges),
      }).output.dataSync();
    });
    const expected = states.flatMap((state) => [
      ...hostForward(network, dataOf(actingDoubles(network, state)), Float64Array.from(x), edges),
    ]);
    expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(1e-5));
  });

  it('the gradient of a mean over neighbours is a mean back along the edges', async () => {
    const on = await load();
    if (!on) return;
    const { tf } = on;
    const weights = new RandomStream(4, 'w').normals(nodes * 4);
    const gradient = tf.tidy(() => {
      const ends = edgeTensors(tf, edges);
      const loss = (values: Tensor): Tensor =>
        tf.sum(tf.mul(mathsOf(on).neighbourMean(values, ends), tf.tensor(weights, [nodes, 4])));
      return tf
        .grad(loss)(tf.tensor(x, [nodes, 4]))
        .dataSync();
    });
    const degree = new Int32Array(nodes);
    for (const target of edges.targets) degree[target]!++;
    const expected = new Float64Array(nodes * 4);
    edges.targets.forEach((target, k) => {
      for (let unit = 0; unit < 4; unit++)
        expected[edges.sources[k]! * 4 + unit]! += weights[target * 4 + unit]! / degree[target]!;
    });
    expected.forEach((value, i) => expect(Math.abs(gradient[i]! - value)).toBeLessThan(1e-5));
  });
});

describe('permutation groups', () => {
  it.each(variants)('of a %s network leave its function alone', (_, change) => {
    const { network, states } = madeOf(change);
    requireGroups(network, actingArrays(network, states[0]!), 'model 1');
  });

  it('of gates gelu(gelu(x) C) are those before and those behind', () => {
    const { network } = madeOf({ symmetry: 2, model_type: 'asym_gelu_gnn' });
    const { groups } = symmetriesOf(network);
    expect(groups.map(({ name }) => name)).toEqual(['P_0', 'convs.0.mlp.2', 'P_1', 'convs.1.mlp.2']);
    expect(groups.map(({ movesFixed }) => movesFixed)).toEqual(
      [0, 0, 1, 1].map((i) => [`convs.${i}.mlp.2.C`]),
    );
    expect(
      groups.map((group) => recordingPlaces(network, group).post_activation_function.map(({ node }) => node)),
    ).toEqual([['convs.0.mlp.1'], ['convs.0.mlp.2'], ['convs.1.mlp.1'], ['convs.1.mlp.2']]);
  });
});
