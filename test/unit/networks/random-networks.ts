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
const fields = {
  which: fc.nat({ max: 1000 }),
  other: fc.nat({ max: 1000 }),
  width: fc.integer({ min: 1, max: 5 }),
  kind: fc.nat({ max: 1000 }),
  affine: fc.boolean(),
};
const vectorOps = [
  ...['linear', 'linear', 'norm', 'activation', 'gate', 'add', 'multiply', 'concat', 'dropout', 'again'],
];
const drawn = (ops: readonly string[]) => fc.record({ op: fc.constantFrom(...ops), ...fields });
type Drawn = ReturnType<typeof drawn> extends fc.Arbitrary<infer T> ? T : never;

const chains = fc.array(drawn(vectorOps), { minLength: 1, maxLength: 12 }).map((choices) => build(choices));

/** Convolutions and all else on images, then a pooled or flattened image, then what `chains` have. */
const images = fc
  .record({
    images: fc.array(drawn([...vectorOps, 'conv2d', 'conv2d', 'conv2d']), { minLength: 1, maxLength: 6 }),
    flat: fc.boolean(),
    chain: fc.array(drawn(vectorOps), { maxLength: 4 }),
  })
  .map((choices) => buildOfImages(choices));

export const randomNetworks: fc.Arbitrary<RandomNetwork> = fc
  .tuple(fc.oneof({ weight: 2, arbitrary: chains }, { weight: 1, arbitrary: images }), fc.nat())
  .map(([graph, seed]) => {
    const network = readNetwork(graph);
    return { network, arrays: randomArrays(network, seed) };
  });

/** Numbers of one example. */
export const inputSize = ({ graph }: Network): number => graph.inputs[0]!.shape.reduce((a, b) => a * b, 1);

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

interface Known {
  id: string;
  shape: readonly number[];
}
const widthOf = ({ shape }: Known): number => shape.at(-1)!;
const vector = (width: number): number[] => [width];

/** Keeps values by id and shape; the last linear layer reads the newest. */
class Builder {
  readonly nodes: Node[] = [];
  readonly parameters: Parameter[] = [];
  readonly input: readonly number[];
  values: Known[];

  constructor(input: readonly number[]) {
    this.input = input;
    this.values = [{ id: 'x', shape: input }];
  }

  parameter(name: string, shape: number[], role: Parameter['role'] = 'trained'): string {
    this.parameters.push({ name, shape, role });
    return name;
  }

  push(op: string, takes: readonly Known[], shape: readonly number[], rest: Partial<Node> = {}): void {
    const id = rest.id ?? `n${this.nodes.length}`;
    const inputs = takes.map((value) => value.id);
    this.nodes.push({ op, inputs, parameters: {}, attributes: {}, ...rest, id });
    this.values.push({ id, shape });
  }

  linear(from: Known, width: number, bias: boolean): void {
    const id = `n${this.nodes.length}`;
    const parameters = {
      weight: this.parameter(`${id}.weight`, [width, widthOf(from)]),
      ...(bias && { bias: this.parameter(`${id}.bias`, [width]) }),
    };
    this.push('linear', [from], [...from.shape.slice(0, -1), width], { id, parameters });
  }

  convolution(from: Known, { width, kind, affine, other }: Drawn): void {
    const [high, wide] = from.shape as [number, number];
    const [kernel, stride, padding] = [
      [1 + (kind % 3), 1 + (other % 3)],
      [1 + (kind % 2), 1 + ((other >> 2) % 2)],
      [(kind >> 2) % 2, (other >> 4) % 2],
    ] as [number[], number[], number[]];
    const sizes = [high, wide].map((n, k) => Math.floor((n + 2 * padding[k]! - kernel[k]!) / stride[k]!) + 1);
    if (sizes.some((size) => size < 1)) return;
    const id = `n${this.nodes.length}`;
    const parameters = {
      weight: this.parameter(`${id}.weight`, [width, widthOf(from), ...kernel]),
      ...(affine && { bias: this.parameter(`${id}.bias`, [width]) }),
    };
    this.push('conv2d', [from], [...sizes, width], { id, parameters, attributes: { stride, padding } });
  }

  norm(from: Known, { kind: drawnKind, affine, other }: Drawn): void {
    const kind = normKinds[drawnKind % normKinds.length]!;
    const width = widthOf(from);
    const divisors = [1, 2, 3, 4, 5].filter((groups) => width % groups === 0);
    const id = `n${this.nodes.length}`;
    const own = (word: string, role: Parameter['role'] = 'trained') => ({
      [word]: this.parameter(`${id}.${word}`, vector(width), role),
    });
    const parameters = {
      ...(affine && { ...own('weight'), ...own('bias') }),
      ...(kind === 'batch' && { ...own('running_mean', 'statistics'), ...own('running_var', 'statistics') }),
      ...(kind === 'batch_linear' && own('scale', 'fixed')),
      ...(kind === 'layer_linear' && { scale: this.parameter(`${id}.scale`, [], 'fixed') }),
    };
    const groups = kind === 'group' && { groups: divisors[other % divisors.length]! };
    this.push('norm', [from], from.shape, { id, parameters, attributes: { kind, ...groups } });
  }
}

function build(choices: readonly Drawn[], builder = new Builder([3])): Graph {
  for (const choice of choices) add(builder, choice);
  builder.linear(builder.values.at(-1)!, 2, true);
  return {
    inputs: [{ id: 'x', shape: [...builder.input] }],
    parameters: builder.parameters,
    nodes: builder.nodes,
    output: builder.nodes.at(-1)!.id,
    groupNames: {},
  };
}

const imageInput = [2, 4, 3];

function buildOfImages(choices: { images: readonly Drawn[]; flat: boolean; chain: readonly Drawn[] }): Graph {
  const builder = new Builder(imageInput);
  builder.push('transpose', builder.values, [4, 3, 2], { attributes: { order: [1, 2, 0] } });
  builder.values = builder.values.slice(1);
  for (const choice of choices.images) add(builder, choice);
  const last = builder.values.at(-1)!;
  const size = last.shape.reduce((a, b) => a * b, 1);
  if (choices.flat) builder.push('flatten', [last], vector(size));
  else builder.push('pool', [last], vector(widthOf(last)), { attributes: { kind: 'global_average' } });
  builder.values = builder.values.slice(-1);
  return build(choices.chain, builder);
}

function add(builder: Builder, choice: Drawn): void {
  const { op, which, other, width, kind, affine } = choice;
  const { values } = builder;
  const from = values[values.length - 1 - (which % Math.min(values.length, 3))]!;
  const partners = values.filter(({ id, shape }) => shape.join() === from.shape.join() && id !== from.id);
  const partner = partners[other % Math.max(partners.length, 1)];
  switch (op) {
    case 'linear':
      return builder.linear(from, width, affine);
    case 'conv2d':
      return builder.convolution(from, choice);
    case 'norm':
      return builder.norm(from, choice);
    case 'activation':
      return builder.push('activation', [from], from.shape, {
        attributes: { kind: activationKinds[kind % activationKinds.length]! },
      });
    case 'gate': {
      const id = `n${builder.nodes.length}`;
      const parameters = { C: builder.parameter(`${id}.C`, [widthOf(from), widthOf(from)], 'fixed') };
      return builder.push('gate', [from], from.shape, { id, parameters });
    }
    case 'dropout':
      return builder.push('dropout', [from], from.shape, { attributes: { rate: 0.5 } });
    case 'again':
      return again(builder, from);
    case 'concat': {
      const front = from.shape.slice(0, -1);
      const alike = values.filter(({ shape }) => shape.slice(0, -1).join() === front.join());
      const second = alike[other % alike.length]!;
      return builder.push('concat', [from, second], [...front, widthOf(from) + widthOf(second)]);
    }
    default:
      if (partner) builder.push(op, [from, partner], from.shape);
  }
}

/** A linear layer whose weights another one uses already. */
function again(builder: Builder, from: Known): void {
  const known = builder.nodes.find((node) => {
    const weight = builder.parameters.find(({ name }) => name === node.parameters['weight']);
    return node.op === 'linear' && weight!.shape[1] === widthOf(from);
  });
  if (!known) return;
  const weight = builder.parameters.find(({ name }) => name === known.parameters['weight'])!;
  builder.push('linear', [from], [...from.shape.slice(0, -1), weight.shape[0]!], {
    parameters: known.parameters,
  });
}
