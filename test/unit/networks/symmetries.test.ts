/** Symmetries derived from a network leave its function alone, whatever the network; wrong rules are caught. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkGroups,
  dataOf,
  relativeChange,
  requireGroups,
  requireRescalings,
} from '../../../src-main/compute/networks/check-symmetries.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { permuteArrays, rescaleArrays } from '../../../src-main/compute/networks/permute.ts';
import { movingOrders } from '../../../src-main/compute/networks/probe.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { CheckedNode, Network } from '../../../src-shared/networks/network.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Axes, AxisRules, Operation } from '../../../src-shared/networks/operation.ts';
import { rescalingsBeforeNorms } from '../../../src-shared/networks/rescalings.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { inputSize, randomArrays, randomNetworks } from './random-networks.ts';
import type { RandomNetwork } from './random-networks.ts';

const inputs = (network: Network, seed: number, rows = 5): Float64Array =>
  Float64Array.from(new RandomStream(seed, 'x').normals(rows * inputSize(network)));

test('permuting any group, and all of them, changes no output', () => {
  let groupsSeen = 0;
  fc.assert(
    fc.property(randomNetworks, fc.nat(), ({ network, arrays }, seed) => {
      const { groups } = symmetriesOf(network);
      groupsSeen += groups.filter(({ size }) => size > 1).length;
      for (const { ok, maxRelativeChange } of checkGroups(network, arrays, groups))
        expect(ok, String(maxRelativeChange)).toBe(true);
      const stream = new RandomStream(seed, 'all');
      const all = new Map(groups.map(({ name, size }) => [name, stream.permutation(size)]));
      const permuted = permuteArrays(arrays, groups, all);
      const x = inputs(network, seed);
      const change = relativeChange(
        hostForward(network, dataOf(arrays), x),
        hostForward(network, dataOf(permuted), x),
      );
      expect(change).toBeLessThan(1e-9);
    }),
    { numRuns: 300 },
  );
  expect(groupsSeen).toBeGreaterThan(100);
});

test('rescaling any units by any positive factors changes no output', () => {
  let seen = 0;
  fc.assert(
    fc.property(randomNetworks, fc.nat(), ({ network, arrays }, seed) => {
      const { rescalings } = symmetriesOf(network);
      const x = inputs(network, seed);
      const before = hostForward(network, dataOf(arrays), x);
      for (const rescaling of rescalings) {
        seen += 1;
        const factors = new RandomStream(seed, rescaling.name)
          .normals(rescaling.size)
          .map((v) => Math.exp(v / 2));
        const after = hostForward(network, dataOf(rescaleArrays(arrays, rescaling, factors)), x);
        expect(relativeChange(before, after)).toBeLessThan(1e-9);
      }
    }),
    { numRuns: 300 },
  );
  expect(seen).toBeGreaterThan(50);
});

/** The same network with norms that divide by the deviation itself. */
function withoutEpsilons(network: Network): Network {
  const nodes = network.graph.nodes.map((node) =>
    node.op === 'norm' ? { ...node, attributes: { ...node.attributes, epsilon: 0 } } : node,
  );
  return readNetwork({ ...network.graph, nodes });
}

test('one factor before a norm changes no output, up to the epsilon of the norm', () => {
  let seen = 0;
  fc.assert(
    fc.property(randomNetworks, fc.nat(), (random, seed) => {
      const network = withoutEpsilons(random.network);
      const x = inputs(network, seed);
      const before = hostForward(network, dataOf(random.arrays), x);
      // A layer norm of one unit divides 0 by 0.
      fc.pre(before.every(Number.isFinite));
      // A norm of what is constant but for rounding enlarges the rounding to any size.
      const close = x.map((value, i) => value * (1 + (i % 2 === 0 ? 1e-13 : -1e-13)));
      fc.pre(relativeChange(before, hostForward(network, dataOf(random.arrays), close)) < 1e-10);
      for (const rescaling of rescalingsBeforeNorms(network).rescalings) {
        expect(rescaling.size).toBe(1);
        seen += 1;
        const after = hostForward(network, dataOf(rescaleArrays(random.arrays, rescaling, [1.7])), x);
        expect(relativeChange(before, after)).toBeLessThan(1e-9);
      }
    }),
    { numRuns: 2000 },
  );
  expect(seen).toBeGreaterThan(20);
});

describe('the check before rescaling', () => {
  const sketch = (kind: string) =>
    readNetwork({
      inputs: [{ id: 'x', shape: [3] }],
      parameters: [
        { name: 'a', shape: [4, 3], role: 'trained' },
        { name: 'b', shape: [2, 4], role: 'trained' },
      ],
      nodes: [
        { id: 'first', op: 'linear', inputs: ['x'], parameters: { weight: 'a' } },
        { id: 'act', op: 'activation', inputs: ['first'], attributes: { kind } },
        { id: 'last', op: 'linear', inputs: ['act'], parameters: { weight: 'b' } },
      ],
      output: 'last',
    });

  test('lets ReLU pass, and names the rescaling that another activation does not allow', () => {
    const network = sketch('relu');
    const arrays = randomArrays(network, 1);
    const { rescalings } = symmetriesOf(network);
    expect(rescalings.map(({ name, size }) => [name, size])).toEqual([['first', 4]]);
    requireRescalings(network, arrays, 'model 3', rescalings);
    expect(() => {
      requireRescalings(sketch('tanh'), arrays, 'model 3', rescalings);
    }).toThrow(/^model 3: rescaling the units of first changes its output by /);
  });

  test('axes that take no factor come with the reason', () => {
    expect(symmetriesOf(sketch('tanh')).rescalings).toEqual([]);
    expect(symmetriesOf(sketch('tanh')).closed).toContainEqual({
      ...{ parameter: 'a', axis: 0, reason: 'act: tanh(c z) is not c tanh(z)' },
    });
  });
});

test('a permuted group really moves something', () => {
  fc.assert(
    fc.property(randomNetworks, ({ network, arrays }) => {
      for (const group of symmetriesOf(network).groups.filter(({ size }) => size > 1)) {
        const reversed = Int32Array.from({ length: group.size }, (_, i) => group.size - 1 - i);
        const moved = permuteArrays(arrays, [group], new Map([[group.name, reversed]]));
        const changed = [...arrays].some(([name, { data }]) =>
          moved.get(name)!.data.some((value, i) => value !== data[i]),
        );
        expect(changed).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

describe('a wrong rule is caught by the check', () => {
  const wrongRules: Record<string, [op: string, axes: Operation['axes']]> = {
    'a norm whose bias stays': [
      'norm',
      (_node, values, rules) => {
        rules.parameter('weight', [values[0]!.at(-1)!]);
        return values[0]!;
      },
    ],
    'a sum that ties nothing': ['add', (_node, values) => values[0]!],
    'a gate whose columns stay': [
      'gate',
      (_node, values, rules) => {
        rules.parameter('C', [values[0]!.at(-1)!, rules.open(values[0]!.at(-1)!.length)]);
        return values[0]!;
      },
    ],
    'a linear layer whose bias stays': [
      'linear',
      (node, values, rules) => {
        const out = rules.open(node.parameters['weight']!.shape[0]!);
        rules.parameter('weight', [out, values[0]!.at(-1)!]);
        return [out];
      },
    ],
  };

  test.each(Object.entries(wrongRules))('%s', (_name, [op, axes]) => {
    const { network, arrays } = residual();
    const groups = symmetriesOf(network).groups;
    expect(checkGroups(network, arrays, groups).every(({ ok }) => ok)).toBe(true);
    const wrong = withRule(network, op, axes);
    expect(checkGroups(wrong, arrays, symmetriesOf(wrong).groups).every(({ ok }) => ok)).toBe(false);
  });
});

describe('a wrong rule for images is caught by the check', () => {
  const wrongRules: Record<string, [op: string, axes: Operation['axes']]> = {
    'a convolution whose bias stays': [
      'conv2d',
      (node, values, rules) => {
        const { shape } = node.parameters['weight']!;
        const [out, ...places] = [shape[0]!, ...shape.slice(2), 3, 2].map((size) => rules.open(size));
        for (const axis of places) rules.fix(axis, 'a place');
        rules.parameter('weight', [out!, values[0]!.at(-1)!, ...places.slice(0, 2)]);
        return [...places.slice(2), out!];
      },
    ],
    'pixels of a flattened image before its channels': [
      'flatten',
      (_node, values) => {
        const [high, wide, channels] = values[0]!;
        return [Array.from({ length: high!.length * wide!.length }, () => channels!).flat()];
      },
    ],
    'a norm of groups that lets its channels change places': [
      'norm',
      (_node, values, rules) => {
        for (const word of ['weight', 'bias']) rules.parameter(word, [values[0]!.at(-1)!]);
        return values[0]!;
      },
    ],
  };

  test.each(Object.entries(wrongRules))('%s', (_name, [op, axes]) => {
    const groups = op === 'norm' ? 2 : 1;
    const { network, arrays } = ofImages(groups);
    const right = symmetriesOf(network).groups;
    expect(right.map(({ size }) => size)).toEqual(groups === 1 ? [8] : []);
    expect(checkGroups(network, arrays, right).every(({ ok }) => ok)).toBe(true);
    const wrong = withRule(network, op, axes);
    expect(checkGroups(wrong, arrays, symmetriesOf(wrong).groups).every(({ ok }) => ok)).toBe(false);
  });
});

test('a unit of a flattened image owns a block of what reads it; pixels stay where they are', () => {
  const { groups, fixed } = symmetriesOf(ofImages(1).network);
  const [group] = groups;
  expect(named(group!)).toEqual(['a.b 0', 'a.w 0', 'c.w 1', 'n.b 0', 'n.w 0']);
  expect(group!.axes.find(({ parameter }) => parameter === 'c.w')).toMatchObject({ block: 6 });
  expect(fixed).toContainEqual({ parameter: 'a.w', axis: 2, reason: 'a place in an image' });
});

/** A convolution, a group norm, ReLU, flattened, linear. */
function ofImages(groups: number): RandomNetwork {
  const vector = (name: string, size: number) => ({ name, shape: [size], role: 'trained' });
  const network = readNetwork({
    inputs: [{ id: 'x', shape: [4, 3, 2] }],
    parameters: [
      { name: 'a.w', shape: [8, 2, 2, 2], role: 'trained' },
      { name: 'c.w', shape: [2, 48], role: 'trained' },
      ...[vector('a.b', 8), vector('n.w', 8), vector('n.b', 8)],
    ],
    nodes: [
      {
        ...{ id: 'a', op: 'conv2d', inputs: ['x'], parameters: { weight: 'a.w', bias: 'a.b' } },
        attributes: { stride: [1, 1], padding: [0, 0] },
      },
      {
        ...{ id: 'n', op: 'norm', inputs: ['a'], parameters: { weight: 'n.w', bias: 'n.b' } },
        attributes: { kind: 'group', groups },
      },
      { id: 'act', op: 'activation', inputs: ['n'], attributes: { kind: 'relu' } },
      { id: 'flat', op: 'flatten', inputs: ['act'] },
      { id: 'c', op: 'linear', inputs: ['flat'], parameters: { weight: 'c.w' } },
    ],
    output: 'c',
  });
  return { network, arrays: randomArrays(network, 1) };
}

function withRule(
  network: Network,
  op: string,
  axes: (node: CheckedNode, inputs: readonly Axes[], rules: AxisRules) => Axes,
): Network {
  const nodes = network.nodes.map((node) =>
    node.op === op ? { ...node, operation: { ...node.operation, axes: axes as Operation['axes'] } } : node,
  );
  return { ...network, nodes };
}

/** Two layers with a skip around the second, a layer norm, a gate. */
function residual(): RandomNetwork {
  const linear = (id: string, from: string, outputs: number, inputs: number) => ({
    node: { id, op: 'linear', inputs: [from], parameters: { weight: `${id}.w`, bias: `${id}.b` } },
    parameters: [
      { name: `${id}.w`, shape: [outputs, inputs], role: 'trained' },
      { name: `${id}.b`, shape: [outputs], role: 'trained' },
    ],
  });
  const [first, second, last] = [linear('a', 'x', 6, 3), linear('b', 'gate', 6, 6), linear('c', 'act', 2, 6)];
  const network = readNetwork({
    inputs: [{ id: 'x', shape: [3] }],
    parameters: [
      ...[first, second, last].flatMap(({ parameters }) => parameters),
      { name: 'n.w', shape: [6], role: 'trained' },
      { name: 'n.b', shape: [6], role: 'trained' },
      { name: 'C', shape: [6, 6], role: 'fixed' },
    ],
    nodes: [
      first.node,
      { id: 'gate', op: 'gate', inputs: ['a'], parameters: { C: 'C' } },
      second.node,
      { id: 'sum', op: 'add', inputs: ['gate', 'b'] },
      {
        id: 'n',
        op: 'norm',
        inputs: ['sum'],
        parameters: { weight: 'n.w', bias: 'n.b' },
        attributes: { kind: 'layer' },
      },
      { id: 'act', op: 'activation', inputs: ['n'], attributes: { kind: 'relu' } },
      last.node,
    ],
    output: 'c',
  });
  return { network, arrays: randomArrays(network, 1) };
}

test('a residual stream is one group through every layer that writes to it', () => {
  const { groups, fixed } = symmetriesOf(residual().network);
  expect(groups.map(({ name, size }) => [name, size])).toEqual([['a', 6]]);
  expect(named(groups[0]!)).toEqual([
    'C 0',
    'C 1',
    'a.b 0',
    'a.w 0',
    'b.b 0',
    'b.w 0',
    'b.w 1',
    'c.w 1',
    'n.b 0',
    'n.w 0',
  ]);
  expect(groups[0]!.movesFixed).toEqual(['C']);
  expect(fixed).toContainEqual({ parameter: 'a.w', axis: 1, reason: 'input of the network' });
  expect(fixed).toContainEqual({ parameter: 'c.b', axis: 0, reason: 'output of the network' });
});

const named = ({ axes }: PermutationGroup): string[] =>
  axes.map(({ parameter, axis }) => `${parameter} ${axis}`).sort();

describe('the check before aligning', () => {
  const { network, arrays } = residual();

  test('lets a network pass, and names the group and the model that it refuses', () => {
    requireGroups(network, arrays, 'model 3');
    const group = symmetriesOf(network).groups[0]!;
    const forgotten = { ...group, axes: group.axes.filter(({ parameter }) => parameter !== 'n.b') };
    expect(() => {
      requireGroups(network, arrays, 'model 3', [forgotten]);
    }).toThrow(/^model 3: permuting the units of a changes its output/);
  });

  test('sees a forgotten axis of a tensor whose entries are all the same, as before training', () => {
    const bias = arrays.get('n.b')!;
    const untrained = new Map(arrays).set('n.b', { ...bias, data: new Float64Array(bias.data.length) });
    requireGroups(network, untrained, 'model 3');
    const group = symmetriesOf(network).groups[0]!;
    const forgotten = { ...group, axes: group.axes.filter(({ parameter }) => parameter !== 'n.b') };
    expect(checkGroups(network, untrained, [forgotten])[0]!.ok).toBe(false);
    expect(() => {
      requireGroups(network, untrained, 'model 3', [forgotten]);
    }).toThrow(/^model 3: permuting the units of a changes its output/);
  });

  test('moves units of every group, of groups of two as well', () => {
    const [group] = symmetriesOf(network).groups as [PermutationGroup];
    const pairs = Array.from({ length: 40 }, (_, i) => ({ ...group, name: String(i), size: 2 }));
    for (const order of movingOrders(pairs, new RandomStream(1, 'pairs')).values())
      expect([...order]).toEqual([1, 0]);
  });

  test('refuses NaN in any row, whatever follows it', () => {
    expect(relativeChange(Float64Array.of(1, 2, 3), Float64Array.of(NaN, 2, 3))).toBeNaN();
    expect(relativeChange(Float64Array.of(1, NaN, 3), Float64Array.of(1, NaN, 3))).toBeNaN();
    const broken = new Map(arrays).set('b.b', { shape: [6], data: new Float64Array(6).fill(NaN) });
    expect(() => {
      requireGroups(network, broken, 'model 3');
    }).toThrow(UserError);
  });
});

test('what is no permutation of a group’s units is refused by its name', () => {
  const { network, arrays } = residual();
  const { groups } = symmetriesOf(network);
  for (const wrong of [
    [0, 0, 2, 3, 4, 5],
    [0, 1, 2],
  ])
    expect(() => permuteArrays(arrays, groups, new Map([['a', Int32Array.from(wrong)]]))).toThrow(
      /a: .*not a permutation of its 6 units/,
    );
});

test('symmetries are derived once per network', () => {
  const { network } = residual();
  expect(symmetriesOf(network)).toBe(symmetriesOf(network));
});
