/**
 * A user's own architecture, declared in a small YAML file (docs/architectures.md): a chain of linear layers, each with
 * a norm and an activation behind it or not, under whatever names its weights have.
 */
import { z } from 'zod';
import { activations } from './domain.ts';
import { UserError } from './errors.ts';
import { didYouMean } from './near-miss.ts';

const tensorName = z.string().min(1);
const size = z.int().positive();
const linearSchema = z.strictObject({
  weight: tensorName,
  bias: tensorName.nullish(),
  /** [outputs, inputs], as PyTorch's Linear has it. */
  shape: z.tuple([size, size]),
});
const normSchema = z.strictObject({
  kind: z.enum(['layer', 'batch']),
  weight: tensorName.nullish(),
  bias: tensorName.nullish(),
  running_mean: tensorName.nullish(),
  running_var: tensorName.nullish(),
  shape: z.tuple([size]),
});
const fileSchema = z.strictObject({
  name: z.string().optional(),
  layers: z.array(z.record(z.string(), z.unknown())).min(1),
  permutations: z.record(z.string(), z.array(z.tuple([tensorName, z.int().min(0).max(1)])).min(1)),
  ignore: z.array(tensorName).default([]),
});

/** A linear layer and what follows it. */
export interface Block {
  linear: z.output<typeof linearSchema>;
  norm?: z.output<typeof normSchema>;
  activation?: (typeof activations)[number];
}

/** Axes of tensors (named as in the files) that have to move together. */
export interface PermutationGroup {
  name: string;
  members: [tensor: string, axis: number][];
}

export interface Architecture {
  name: string | undefined;
  blocks: Block[];
  groups: PermutationGroup[];
  /** Tensors of the files that the function does not depend on. */
  ignore: string[];
  /** Name in the files -> Basin's name and the shape. */
  tensors: Map<string, { own: string; shape: number[] }>;
  /** Basin's tensors that the files lack, and the number that they are filled with: a bias that is not there is 0. */
  constants: Map<string, number>;
}

const kinds = ['linear', 'norm', 'activation'] as const;
const supported =
  'Basin computes chains of linear layers, each with at most one norm and then at most one activation behind it.';

/**
 * @param value the parsed YAML
 * @param where names the file in messages
 * @throws UserError naming the field
 */
export function readArchitecture(value: unknown, where: string): Architecture {
  const file = parsed(fileSchema, value, where, '');
  const blocks = blocksOf(file.layers, where);
  const tensors = new Map<string, { own: string; shape: number[] }>();
  const constants = new Map<string, number>();
  blocks.forEach((block, i) => {
    for (const { own, name, shape, otherwise } of placesOf(block, i)) {
      if (name == null && otherwise === undefined)
        throw new UserError(
          `${where}: the norm behind ${block.linear.weight}: ${own.split('.')[2]} is missing.`,
        );
      if (name == null) constants.set(own, otherwise!);
      else if (tensors.has(name)) throw new UserError(`${where}: the tensor "${name}" is declared twice.`);
      else tensors.set(name, { own, shape });
    }
  });
  const groups = Object.entries(file.permutations).map(([name, members]) => ({ name, members }));
  for (const group of groups) checkMembers(group, tensors, where);
  return {
    name: file.name,
    blocks,
    groups,
    ignore: [...file.ignore, ...counters(blocks)],
    tensors,
    constants,
  };
}

/** How many batches a batch norm has seen stands beside its statistics, and matters to training alone. */
function counters(blocks: readonly Block[]): string[] {
  return blocks.flatMap(({ norm }) => {
    const name = norm?.running_mean?.replace(/running_mean$/, 'num_batches_tracked');
    return name === undefined || name === norm?.running_mean ? [] : [name];
  });
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, where: string, prefix: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = [prefix, ...issue.path.map(String)].filter((part) => part !== '').join('.');
  throw new UserError(`${where}: ${field === '' ? '' : `${field}: `}${issue.message}.`, {
    hint: 'docs/architectures.md has an example of such a file.',
  });
}

function blocksOf(layers: readonly Record<string, unknown>[], where: string): Block[] {
  const blocks: Block[] = [];
  layers.forEach((layer, i) => {
    const at = `layers.${i}`;
    const [kind, ...others] = Object.keys(layer);
    if (kind === undefined || others.length > 0 || !kinds.some((known) => known === kind)) {
      const found = Object.keys(layer).find((key) => !kinds.some((known) => known === key)) ?? 'nothing';
      throw new UserError(
        `${where}: ${at}: one of ${kinds.join(', ')} was expected, found ${found}.${didYouMean(found, kinds)}`,
        { hint: `${supported} Convolutions, attention and residual connections are not supported.` },
      );
    }
    const before = blocks.at(-1);
    if (kind === 'linear') {
      const linear = parsed(linearSchema, layer[kind], where, `${at}.linear`);
      const given = before?.linear.shape[0];
      if (given !== undefined && given !== linear.shape[1]) {
        throw new UserError(
          `${where}: ${at}.linear.shape is [${linear.shape.join(', ')}]: it takes ${linear.shape[1]} inputs, but the linear layer before gives ${given}.`,
        );
      }
      blocks.push({ linear });
      return;
    }
    if (!before || before.activation !== undefined || (kind === 'norm' && before.norm)) {
      const found = !before ? 'nothing' : before.activation === undefined ? 'a norm' : 'an activation';
      throw new UserError(
        `${where}: ${at}: ${kind === 'norm' ? 'a norm' : 'an activation'} after ${found}.`,
        { hint: supported },
      );
    }
    if (kind === 'activation')
      before.activation = parsed(z.enum(activations), layer[kind], where, `${at}.activation`);
    else before.norm = normOf(before, layer[kind], where, at);
  });
  if (blocks.length < 2)
    throw new UserError(`${where}: layers: two linear layers are needed, or there is no neuron to permute.`);
  const last = blocks.at(-1)!;
  if (last.norm || (last.activation ?? 'identity') !== 'identity') {
    throw new UserError(
      `${where}: layers: ${last.norm ? 'a norm' : 'an activation'} follows the last linear layer; its outputs must be the logits.`,
    );
  }
  return blocks;
}

function normOf(block: Block, value: unknown, where: string, at: string): NonNullable<Block['norm']> {
  const norm = parsed(normSchema, value, where, `${at}.norm`);
  const [outputs] = block.linear.shape;
  if (norm.shape[0] !== outputs) {
    throw new UserError(
      `${where}: ${at}.norm.shape is [${norm.shape[0]}], but the linear layer before gives ${outputs}.`,
    );
  }
  const extra = norm.kind === 'layer' ? (norm.running_mean ?? norm.running_var) : undefined;
  if (extra != null)
    throw new UserError(`${where}: ${at}.norm: "${extra}": a layer norm keeps no statistics.`);
  return norm;
}

interface Place {
  own: string;
  name: string | null | undefined;
  shape: number[];
  /** What stands for a tensor that is not declared; undefined: it has to be. */
  otherwise: number | undefined;
}

function placesOf({ linear, norm }: Block, index: number): Place[] {
  const [outputs] = linear.shape;
  const lins = `lins.${index}`;
  const norms = `norms.${index}`;
  const vector = (own: string, name: Place['name'], otherwise?: number): Place => ({
    ...{ own, name, shape: [outputs], otherwise },
  });
  return [
    { own: `${lins}.weight`, name: linear.weight, shape: [...linear.shape], otherwise: undefined },
    vector(`${lins}.bias`, linear.bias, 0),
    ...(norm ? [vector(`${norms}.weight`, norm.weight, 1), vector(`${norms}.bias`, norm.bias, 0)] : []),
    ...(norm?.kind === 'batch'
      ? [vector(`${norms}.running_mean`, norm.running_mean), vector(`${norms}.running_var`, norm.running_var)]
      : []),
  ];
}

/** Every member is a declared tensor with such an axis, and all are of one length. */
function checkMembers(
  { name, members }: PermutationGroup,
  tensors: Architecture['tensors'],
  where: string,
): void {
  const at = `${where}: permutations.${name}`;
  let first: { length: number; label: string } | undefined;
  for (const [tensor, axis] of members) {
    const known = tensors.get(tensor);
    if (!known)
      throw new UserError(`${at}: there is no tensor "${tensor}".${didYouMean(tensor, [...tensors.keys()])}`);
    const length = known.shape[axis];
    if (length === undefined)
      throw new UserError(`${at}: "${tensor}" has shape [${known.shape.join(', ')}] and no axis ${axis}.`);
    first ??= { length, label: `axis ${axis} of "${tensor}"` };
    if (first.length !== length)
      throw new UserError(
        `${at}: axis ${axis} of "${tensor}" has ${length} entries, but ${first.label} has ${first.length}.`,
      );
  }
}
