/** Tensor operations against plain doubles, and gradients of every operation against central differences. */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { loadBackend, tensorCount, types } from '../../../src-main/compute/backend/index.ts';
import type { CompileMode, Tensor } from '../../../src-main/compute/backend/index.ts';
import { undirected } from '../../../src-main/compute/data/graph.ts';
import { dataOf } from '../../../src-main/compute/networks/check-symmetries.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { edgeTensors } from '../../../src-main/compute/networks/edges.ts';
import { crossEntropy } from '../../../src-main/compute/networks/loss.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import type { TrainingPass } from '../../../src-main/compute/networks/operations/context.ts';
import type { NamedArray } from '../../../src-main/compute/networks/permute.ts';
import { overGraph, runsAlone } from '../../../src-main/compute/networks/parameters.ts';
import { forward } from '../../../src-main/compute/networks/run.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { readConfig, resolveModel } from '../../../src-shared/config.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { operationNames } from '../../../src-shared/networks/operations.ts';
import { activationKinds } from '../../../src-shared/networks/operations/activation.ts';
import { normKinds } from '../../../src-shared/networks/operations/norm.ts';
import { inputSize, randomArrays, randomNetworks } from './random-networks.ts';
import type { RandomNetwork } from './random-networks.ts';

const backend = await loadBackend();
const { tf } = backend;
const native = backend.native;
const maths = mathsOf(backend);
const before = tensorCount(backend);
afterAll(() => {
  expect(tensorCount(backend)).toEqual(before);
});

test('random networks: the tensors of two models are the doubles of each', () => {
  fc.assert(
    fc.property(randomNetworks, fc.nat(), ({ network, arrays }, seed) => {
      const models = [arrays, randomArrays(network, seed)];
      const x = Float64Array.from(new RandomStream(seed, 'x').normals(4 * inputSize(network)));
      const values = tf.tidy(() => {
        const stacked = new Map(
          [...arrays.keys()].map((name) => [name, stack(models.map((model) => model.get(name)!))]),
        );
        const input = tf.tensor(Float32Array.from(x), [1, 4, ...network.graph.inputs[0]!.shape]);
        return Array.from(forward(maths, network, stacked, input).output.dataSync());
      });
      const expected = models.flatMap((model) => Array.from(hostForward(network, dataOf(model), x)));
      // Products of several large values lose digits that the network then cancels.
      const scale = Math.max(1, ...expected.map(Math.abs));
      values.forEach((value, i) => expect(Math.abs(value - expected[i]!) / scale).toBeLessThan(1e-3));
    }),
    { numRuns: 60 },
  );
});

const stack = (arrays: readonly NamedArray[]): Tensor =>
  tf.stack(arrays.map(({ shape, data }) => tf.tensor(Float32Array.from(data), [...shape])));

/** One network for every operation and kind: linear, the operation, linear. */
const cases: [string, Network][] = [
  ...activationKinds.map((kind): [string, Network] => [
    `activation ${kind}`,
    around({ op: 'activation', attributes: { kind } }),
  ]),
  ...normKinds.map((kind): [string, Network] => [
    `norm ${kind}`,
    around({ op: 'norm', attributes: { kind } }),
  ]),
  ['dropout', around({ op: 'dropout', attributes: { rate: 0.3 } })],
  ['gate', around({ op: 'gate', parameters: { C: 'C' } })],
  ['gate of gelus', around({ op: 'gate', parameters: { C: 'C' }, attributes: { kind: 'gelu' } })],
  ['neighbours', around({ op: 'neighbours' })],
  ['log_softmax', around({ op: 'log_softmax' })],
  // Their norms and activations keep less for the gradient.
  ['a graph network', overNodes({ symmetry: 0 })],
  ['a graph network with gates of gelus', overNodes({ symmetry: 2, model_type: 'asym_gelu_gnn' })],
  ['add', around({ op: 'add', inputs: ['a', 'b'] })],
  ['multiply', around({ op: 'multiply', inputs: ['a', 'b'] })],
  ['concat', around({ op: 'concat', inputs: ['a', 'b'] }, 10)],
  ...normKinds.map((kind): [string, Network] => [`norm ${kind} of images`, ofImages({ kind })]),
  ['norm of two groups of channels', ofImages({ kind: 'group', groups: 2 })],
  ['convolutions, flattened', ofImages(undefined, true)],
];

test('every operation of the vocabulary has a case here', () => {
  const covered = new Set(cases.flatMap(([, { nodes }]) => nodes.map(({ op }) => op)));
  // Those of exported networks have real PyTorch to be compared with (golden/exported.test.ts).
  const own = operationNames.filter((name) => name !== 'torch');
  expect([...covered].sort()).toEqual([...own].sort());
});

test.each(cases)('%s: of all values on the way only the wanted ones stay', (_, network) => {
  const { arrays } = draw(network);
  const parameters = new Map(
    [...arrays].map(([name, each]) => [name, tf.tidy(() => stack([each]))] as const),
  );
  const x = tf.ones([1, rows, ...network.graph.inputs[0]!.shape]);
  const seen = overGraph(network) ? { edges: edgeTensors(tf, edges) } : {};
  const tapped = network.nodes[0]!.id;
  const held = tf.memory().numTensors;
  const { output, taps } = forward(maths, network, parameters, x, { taps: [tapped], ...seen });
  expect(tf.memory().numTensors - held).toBe(2);
  expect([output, taps.get(tapped)!, x].map(({ isDisposed }) => isDisposed)).toEqual([false, false, false]);
  tf.dispose([output, taps.get(tapped)!, x, ...parameters.values(), ...Object.values(seen.edges ?? {})]);
});

function around(
  middle: {
    op: string;
    inputs?: string[];
    parameters?: Record<string, string>;
    attributes?: { kind?: string; rate?: number };
  },
  width = 5,
): Network {
  const kind = middle.attributes?.kind ?? '';
  const vector = (name: string, role = 'trained') => ({ name: `m.${name}`, shape: [5], role });
  const isNorm = middle.op === 'norm';
  const own = [
    ...(isNorm ? [vector('weight'), vector('bias')] : []),
    ...(kind === 'batch' ? [vector('running_mean', 'statistics'), vector('running_var', 'statistics')] : []),
    ...(kind === 'batch_linear' ? [vector('scale', 'fixed')] : []),
    ...(kind === 'layer_linear' ? [{ name: 'm.scale', shape: [], role: 'fixed' }] : []),
    ...(middle.op === 'gate' ? [{ name: 'C', shape: [5, 5], role: 'fixed' }] : []),
  ];
  const words = Object.fromEntries(own.map(({ name }) => [name.replace('m.', ''), name]));
  const linear = (name: string, outputs: number, inputs: number) => [
    { name: `${name}.weight`, shape: [outputs, inputs], role: 'trained' },
    { name: `${name}.bias`, shape: [outputs], role: 'trained' },
  ];
  const node = (id: string, from: string) => ({
    ...{ id, op: 'linear', inputs: [from] },
    parameters: { weight: `${id}.weight`, bias: `${id}.bias` },
  });
  const two = middle.inputs !== undefined;
  return readNetwork({
    inputs: [{ id: 'x', shape: [3] }],
    parameters: [...linear('a', 5, 3), ...(two ? linear('b', 5, 3) : []), ...own, ...linear('c', 2, width)],
    nodes: [
      node('a', 'x'),
      ...(two ? [node('b', 'x')] : []),
      { id: 'm', inputs: ['a'], parameters: words, ...middle },
      node('c', 'm'),
    ],
    output: 'c',
  });
}

function overNodes(change: object): Network {
  const sizes = { in_channels: 3, hidden_channels: 4, out_channels: 2, num_layers: 2 };
  const spec = resolveModel(readConfig({ model: { name: 'gnn_arxiv', ...sizes, ...change } }));
  return readNetwork(graphOf(spec));
}

/** Two convolutions, one with stride and uneven padding, a norm between; a pooled or flattened image; linear. */
function ofImages(attributes?: { kind: string; groups?: number }, flat = false): Network {
  const kind = attributes?.kind ?? '';
  const vector = (name: string, role = 'trained') => ({ name: `m.${name}`, shape: [4], role });
  const norm = attributes
    ? [
        ...[vector('weight'), vector('bias')],
        ...(kind === 'batch'
          ? [vector('running_mean', 'statistics'), vector('running_var', 'statistics')]
          : []),
        ...(kind === 'batch_linear' ? [vector('scale', 'fixed')] : []),
        ...(kind === 'layer_linear' ? [{ name: 'm.scale', shape: [], role: 'fixed' }] : []),
      ]
    : [];
  const words = Object.fromEntries(norm.map(({ name }) => [name.replace('m.', ''), name]));
  const weight = (name: string, shape: number[]) => ({ name, shape, role: 'trained' });
  const layer = (id: string, op: string, from: string, rest: object = {}) => ({
    ...{ id, op, inputs: [from], parameters: { weight: `${id}.weight`, bias: `${id}.bias` } },
    ...rest,
  });
  return readNetwork({
    inputs: [{ id: 'x', shape: [2, 4, 3] }],
    parameters: [
      ...[weight('a.weight', [4, 2, 3, 2]), weight('a.bias', [4]), ...norm],
      ...[weight('b.weight', [3, 4, 2, 3]), weight('b.bias', [3])],
      ...[weight('c.weight', [2, flat ? 18 : 3]), weight('c.bias', [2])],
    ],
    nodes: [
      { id: 'last', op: 'transpose', inputs: ['x'], attributes: { order: [1, 2, 0] } },
      layer('a', 'conv2d', 'last', { attributes: { stride: [1, 1], padding: [1, 0] } }),
      ...(attributes ? [{ id: 'm', op: 'norm', inputs: ['a'], parameters: words, attributes }] : []),
      { id: 'act', op: 'activation', inputs: [attributes ? 'm' : 'a'], attributes: { kind: 'tanh' } },
      layer('b', 'conv2d', 'act', { attributes: { stride: [2, 2], padding: [1, 2] } }),
      flat
        ? { id: 'end', op: 'flatten', inputs: ['b'] }
        : { id: 'end', op: 'pool', inputs: ['b'], attributes: { kind: 'global_average' } },
      layer('c', 'linear', 'end'),
    ],
    output: 'c',
  });
}

const rows = 6;
const batchOf = ({ graph }: Network): number[] => [1, rows, ...graph.inputs[0]!.shape];
const labels = [0, 1, 1, 0, 1, 0];
/** Of rows that are the nodes of a graph; two have no neighbours, one is its own. */
const edges = undirected(Int32Array.of(0, 1, 0, 2, 0, 3, 1, 2, 3, 3), rows);

interface Draw extends RandomNetwork {
  names: string[];
  x: Float64Array;
}

function draw(network: Network): Draw {
  const names = network.graph.parameters.filter(({ role }) => role === 'trained').map(({ name }) => name);
  return {
    network,
    arrays: randomArrays(network, 4),
    names,
    x: Float64Array.from(new RandomStream(4, 'x').normals(rows * inputSize(network))),
  };
}

/** Mean cross entropy of one model in training mode. */
function loss(
  { network, arrays, names }: Draw,
  trained: readonly Tensor[],
  rest: readonly Tensor[],
  x: Tensor,
): Tensor {
  const others = [...arrays.keys()].filter((name) => !names.includes(name));
  const parameters = new Map([
    ...names.map((name, i) => [name, trained[i]!] as const),
    ...others.map((name, i) => [name, rest[i]!] as const),
  ]);
  const training: TrainingPass = {
    rowWeights: tf.div(tf.ones([rows]), maths.number(rows)),
    unbiased: maths.number(rows / (rows - 1)),
    momentum: 0.1,
    mask: (id) => {
      const shape = [1, rows, ...network.shapes.get(id)!];
      const size = shape.reduce((product, each) => product * each, 1);
      return tf.tensor(
        Array.from({ length: size }, (_, i) => (i % 3 === 0 ? 0 : 2)),
        shape,
      );
    },
    track: () => undefined,
  };
  const { output } = forward(maths, network, parameters, x, {
    training,
    ...(overGraph(network) && { edges: edgeTensors(tf, edges) }),
  });
  const hot = tf.reshape(tf.oneHot(tf.tensor1d(labels, 'int32'), 2), [1, rows, 2]);
  return tf.mean(crossEntropy(maths, output, tf.cast(hot, 'float32')));
}

/** Tensors [1, ...shape]: trained ones, the others, the input. */
const shapesOf = ({ arrays, names }: Draw) => {
  const others = [...arrays.keys()].filter((name) => !names.includes(name));
  const shape = (name: string) => [1, ...arrays.get(name)!.shape];
  return { trained: names.map(shape), rest: others.map(shape), others };
};

/** Values and gradients in double precision, through a compiled graph. */
function inDoubles(drawn: Draw, mode: CompileMode) {
  const { trained, rest, others } = shapesOf(drawn);
  const specs = [...trained, ...rest, batchOf(drawn.network)].map((shape) => ({
    dtype: types.float64,
    shape,
  }));
  const settings = { mode, precision: 'float64' as const, args: specs, state: [] };
  const split = (all: readonly Tensor[]) =>
    [all.slice(0, trained.length), all.slice(trained.length, -1), all.at(-1)!] as const;
  const value = native!.compiler.compile(settings, (all) => ({
    outputs: [loss(drawn, ...split(all))],
    state: [],
  }));
  const gradient = native!.compiler.compile(settings, (all) => {
    const [own, fixed, x] = split(all);
    return { outputs: tf.grads((...at: Tensor[]) => loss(drawn, at, fixed, x))([...own]), state: [] };
  });
  const { doubles } = native!;
  const run = (program: typeof value, at: ReadonlyMap<string, NamedArray<Float64Array>>): Float64Array[] => {
    const feeds = [...drawn.names, ...others].map((name, i) =>
      doubles.put(at.get(name)!.data, specs[i]!.shape),
    );
    feeds.push(doubles.put(drawn.x, batchOf(drawn.network)));
    const out = program.runDoubles(feeds);
    const values = out.map((tensor) => doubles.read(tensor));
    doubles.free(...feeds, ...out);
    return values;
  };
  return {
    loss: (at: ReadonlyMap<string, NamedArray<Float64Array>>) => run(value, at)[0]![0]!,
    gradients: () => run(gradient, drawn.arrays),
    dispose: () => [value, gradient].forEach((program) => program.dispose()),
  };
}

describe.skipIf(!native).each(cases)('gradients of %s', (name, network) => {
  const drawn = draw(network);
  const { trained, rest, others } = shapesOf(drawn);

  test('in double precision, compiled, are central differences', () => {
    const exact = inDoubles(drawn, 'graph');
    const gradients = exact.gradients();
    const step = 1e-5;
    for (const [k, parameter] of drawn.names.entries()) {
      const { shape, data } = drawn.arrays.get(parameter)!;
      data.forEach((value, i) => {
        const [above, below] = [step, -step].map((by) =>
          exact.loss(new Map([...drawn.arrays, [parameter, { shape, data: data.with(i, value + by) }]])),
        ) as [number, number];
        expect(
          Math.abs(gradients[k]![i]! - (above - below) / (2 * step)),
          `${name} ${parameter}`,
        ).toBeLessThan(1e-6);
      });
    }
    exact.dispose();
  });

  test('in single precision, compiled in every way and eagerly, are those', () => {
    const exact = inDoubles(drawn, 'graph');
    const expected = exact.gradients();
    exact.dispose();
    const largest = Math.max(...expected.flatMap((values) => Array.from(values, Math.abs)));
    const specs = [...trained, ...rest, batchOf(network)].map((shape) => ({ dtype: types.float32, shape }));
    const step = (all: readonly Tensor[]): Tensor[] => {
      const fixed = all.slice(trained.length, -1);
      return tf.grads((...at: Tensor[]) => loss(drawn, at, fixed, all.at(-1)!))(all.slice(0, trained.length));
    };
    const feeds = [...drawn.names, ...others].map((parameter, i) =>
      tf.tensor(Float32Array.from(drawn.arrays.get(parameter)!.data), specs[i]!.shape as number[]),
    );
    feeds.push(tf.tensor(Float32Array.from(drawn.x), batchOf(network)));
    const check = (found: readonly Tensor[]): void =>
      found.forEach((tensor, k) => {
        const values = Float64Array.from(tensor.dataSync());
        tensor.dispose();
        // A bias before a batch norm has no gradient: what is small is so beside the others.
        const difference = Math.max(...values.map((value, i) => Math.abs(value - expected[k]![i]!)));
        expect(difference / largest).toBeLessThan(1e-3);
      });
    // XLA aborts the process at some convolutions backwards, and knows no means over neighbours: plain graphs only.
    for (const mode of runsAlone(network) ? (['graph'] as const) : (['xla', 'graph'] as const)) {
      const program = native!.compiler.compile({ mode, args: specs, state: [] }, (all) => ({
        outputs: step(all),
        state: [],
      }));
      check(program.run(feeds));
      program.dispose();
    }
    check(tf.tidy(() => step(feeds)));
    tf.dispose(feeds);
  });
});
