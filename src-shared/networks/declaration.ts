/**
 * The file in which somebody declares a network (docs/architectures.md), as plain data: layers in order, each a linear
 * layer, a norm, an activation or a sum, under whatever names their tensors have. config.yaml uses the same words.
 */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { didYouMean } from '../near-miss.ts';
import { activationKinds } from './operations/activation.ts';
import type { ActivationKind } from './operations/activation.ts';

const name = z.string().min(1);
const size = z.int().positive();

const linearSchema = z.strictObject({
  weight: name,
  bias: name.nullish(),
  /** [outputs, inputs], as PyTorch's Linear has it. */
  shape: z.tuple([size, size]),
});

const normSchema = z.strictObject({
  kind: z.enum(['layer', 'batch', 'rms']),
  weight: name.nullish(),
  bias: name.nullish(),
  running_mean: name.nullish(),
  running_var: name.nullish(),
  shape: z.tuple([size]),
  /** PyTorch's of its kind, if left out. */
  eps: z.number().nonnegative().optional(),
});

const addSchema = z.union([name.transform((one) => [one]), z.array(name).min(1)], {
  error: 'the name of an earlier value was expected, or a list of such names',
});

const operations = {
  linear: linearSchema,
  norm: normSchema,
  activation: z.enum(activationKinds),
  add: addSchema,
};
type Kind = keyof typeof operations;
const kinds = Object.keys(operations) as Kind[];

export type DeclaredLinear = z.output<typeof linearSchema>;
export type DeclaredNorm = z.output<typeof normSchema>;

export type DeclaredLayer = {
  /** By which later layers call its value. */
  readonly name: string | undefined;
  /** Name of the value that it takes; undefined: that of the layer before. */
  readonly from: string | undefined;
} & (
  | { readonly op: 'linear'; readonly value: DeclaredLinear }
  | { readonly op: 'norm'; readonly value: DeclaredNorm }
  | { readonly op: 'activation'; readonly value: ActivationKind }
  /** Values that are added to the one it takes. */
  | { readonly op: 'add'; readonly value: readonly string[] }
);

/** An axis of a tensor, from 0. */
export type DeclaredAxis = readonly [tensor: string, axis: number];

export interface Declaration {
  readonly name: string | undefined;
  readonly layers: readonly DeclaredLayer[];
  /** Group name -> axes that move together; undefined: not written. */
  readonly permutations: ReadonlyMap<string, readonly DeclaredAxis[]> | undefined;
  readonly ignore: readonly string[];
}

const fileSchema = z.strictObject({
  name: z.string().nullish(),
  layers: z.array(z.record(z.string(), z.unknown())).min(1),
  permutations: z.record(name, z.array(z.tuple([name, z.int().min(0).max(1)])).min(1)).nullish(),
  ignore: z.array(name).default([]),
});

/** Where a declaration stands, for messages. */
export interface Place {
  /** The file. */
  readonly where: string;
  /** Before the name of every field: `model.`, or nothing. */
  readonly prefix: string;
}

/**
 * @param value parsed YAML
 * @throws UserError naming the file and the field
 */
export function parseDeclaration(value: unknown, place: Place): Declaration {
  const file = parsed(fileSchema, value, place, []);
  return {
    name: file.name ?? undefined,
    layers: file.layers.map((layer, i) => layerOf(layer, place, i)),
    permutations: file.permutations == null ? undefined : new Map(Object.entries(file.permutations)),
    ignore: file.ignore,
  };
}

/** @param path of the field; empty: the whole */
export function declarationError(place: Place, path: string, message: string, hint?: string): UserError {
  const field = path === '' ? place.prefix.replace(/\.$/, '') : place.prefix + path;
  return new UserError(`${place.where}: ${field === '' ? '' : `${field}: `}${message}`, {
    hint: hint ?? 'docs/architectures.md has an example.',
  });
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, place: Place, path: readonly string[]): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw declarationError(place, [...path, ...issue.path.map(String)].join('.'), `${issue.message}.`);
}

const layerWords = ['name', 'from'] as const;

function layerOf(layer: Record<string, unknown>, place: Place, index: number): DeclaredLayer {
  const at = `layers.${index}`;
  const words = Object.keys(layer);
  const unknown = words.find((word) => ![...kinds, ...layerWords].some((known) => known === word));
  const found = kinds.filter((kind) => words.includes(kind));
  const [op] = found;
  if (unknown !== undefined || op === undefined || found.length > 1) {
    const instead = unknown ?? (found.length > 1 ? found.join(' and ') : 'none of them');
    const meant = unknown === undefined ? '' : didYouMean(unknown, [...kinds, ...layerWords]);
    throw declarationError(
      place,
      at,
      `one of ${kinds.join(', ')} was expected, found ${instead}.${meant}`,
      'A layer is a linear layer, a norm, an activation or a sum of values; it may also have a name and a "from". ' +
        'Convolutions, attention and products are not supported.',
    );
  }
  const word = (key: (typeof layerWords)[number]): string | undefined =>
    key in layer ? parsed(name, layer[key], place, [at, key]) : undefined;
  const read = <T>(schema: z.ZodType<T>): T => parsed(schema, layer[op], place, [at, op]);
  const common = { name: word('name'), from: word('from') };
  switch (op) {
    case 'linear':
      return { ...common, op, value: read(operations[op]) };
    case 'norm':
      return { ...common, op, value: read(operations[op]) };
    case 'activation':
      return { ...common, op, value: read(operations[op]) };
    case 'add':
      return { ...common, op, value: read(operations[op]) };
  }
}
