/** Random networks from the whole vocabulary, with random parameters. */
import fc from 'fast-check';
import type { Graph, Node, Parameter } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { activationKinds } from '../../../src-shared/networks/operations/activation.ts';
import { normKinds } from '../../../src-shared/networks/operations/norm.ts';
import type { NamedArray } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';

export interface RandomNetwork {
  network: Network;
  arrays: Map<string, NamedArray<Float64Array>>;
}

/** One draw per node: what it is, which values it takes, how wide. */
const drawn = fc.record({
  op: fc.constantFrom(
    'linear',
    'linear',
    'norm',
    'activation',
    'gate',
    'add',
    'multiply',
    'concat',
    'dropout',
    'again',
  ),
  which: fc.nat({ max: 1000 }),
  other: fc.nat({ max: 1000 }),
  width: fc.integer({ min: 1, max: 5 }),
  kind: fc.nat({ max: 1000 }),
  affine: fc.boolean(),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

export const randomNetworks: fc.Arbitrary<RandomNetwork> = fc
  .tuple(fc.array(drawn, { minLength: 1, maxLength: 12 }), fc.nat())
  .map(([choices, seed]) => {
    const network = readNetwork(build(choices));
    return { network, arrays: randomArrays(network, seed) };
  });

export function randomArrays(network: Network, seed: number): Map<string, NamedArray<Float64Array>> {
  return new Map(
    [...network.parameters.values()].map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const values = Float64Array.from(new RandomStream(seed, name).normals(size));
      return [
        name,
        { shape, data: /running_var|scale/.test(name) ? values.map((v) => 0.5 + v * v) : values },
      ];
    }),
  );
}

/** Keeps values by id and width; the last linear layer reads the newest. */
class Builder {
  readonly nodes: Node[] = [];
  readonly parameters: Parameter[] = [];
  readonly values: { id: string; width: number }[] = [{ id: 'x', width: 3 }];

  parameter(name: string, shape: number[], role: Parameter['role'] = 'trained'): string {
    this.parameters.push({ name, shape, role });
    return name;
  }

  push(op: string, takes: { id: string; width: number }[], width: number, rest: Partial<Node> = {}): void {
    const id = rest.id ?? `n${this.nodes.length}`;
    const inputs = takes.map((value) => value.id);
    this.nodes.push({ op, inputs, parameters: {}, attributes: {}, ...rest, id });
    this.values.push({ id, width });
  }

  linear(from: { id: string; width: number }, width: number, bias: boolean): void {
    const id = `n${this.nodes.length}`;
    const parameters = {
      weight: this.parameter(`${id}.weight`, [width, from.width]),
      ...(bias && { bias: this.parameter(`${id}.bias`, [width]) }),
    };
    this.push('linear', [from], width, { id, parameters });
  }

  norm(from: { id: string; width: number }, kind: (typeof normKinds)[number], affine: boolean): void {
    const id = `n${this.nodes.length}`;
    const vector = (word: string, role: Parameter['role'] = 'trained') => ({
      [word]: this.parameter(`${id}.${word}`, [from.width], role),
    });
    const parameters = {
      ...(affine && { ...vector('weight'), ...vector('bias') }),
      ...(kind === 'batch' && {
        ...vector('running_mean', 'statistics'),
        ...vector('running_var', 'statistics'),
      }),
      ...(kind === 'batch_linear' && vector('scale', 'fixed')),
      ...(kind === 'layer_linear' && { scale: this.parameter(`${id}.scale`, [], 'fixed') }),
    };
    this.push('norm', [from], from.width, { id, parameters, attributes: { kind } });
  }
}

function build(choices: readonly Drawn[]): Graph {
  const builder = new Builder();
  for (const choice of choices) add(builder, choice);
  builder.linear(builder.values.at(-1)!, 2, true);
  return {
    inputs: [{ id: 'x', shape: [3] }],
    parameters: builder.parameters,
    nodes: builder.nodes,
    output: builder.nodes.at(-1)!.id,
    groupNames: {},
  };
}

function add(builder: Builder, { op, which, other, width, kind, affine }: Drawn): void {
  const { values } = builder;
  const from = values[values.length - 1 - (which % Math.min(values.length, 3))]!;
  const partners = values.filter((value) => value.width === from.width && value.id !== from.id);
  const partner = partners[other % Math.max(partners.length, 1)];
  switch (op) {
    case 'linear':
      return builder.linear(from, width, affine);
    case 'norm':
      return builder.norm(from, normKinds[kind % normKinds.length]!, affine);
    case 'activation':
      return builder.push('activation', [from], from.width, {
        attributes: { kind: activationKinds[kind % activationKinds.length]! },
      });
    case 'gate': {
      const id = `n${builder.nodes.length}`;
      const parameters = { C: builder.parameter(`${id}.C`, [from.width, from.width], 'fixed') };
      return builder.push('gate', [from], from.width, { id, parameters });
    }
    case 'dropout':
      return builder.push('dropout', [from], from.width, { attributes: { rate: 0.5 } });
    case 'again':
      return again(builder, from);
    case 'concat':
      return builder.push(
        'concat',
        [from, values[other % values.length]!],
        from.width + values[other % values.length]!.width,
      );
    default:
      if (partner) builder.push(op, [from, partner], from.width);
  }
}

/** A linear layer whose weights another one uses already. */
function again(builder: Builder, from: { id: string; width: number }): void {
  const known = builder.nodes.find((node) => {
    const weight = builder.parameters.find(({ name }) => name === node.parameters['weight']);
    return node.op === 'linear' && weight!.shape[1] === from.width;
  });
  if (!known) return;
  const width = builder.values.find(({ id }) => id === known.id)!.width;
  builder.push('linear', [from], width, { parameters: known.parameters });
}
