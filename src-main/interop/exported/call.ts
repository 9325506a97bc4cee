/** One node of an exported graph, and its arguments by PyTorch's names. */
import { UserError } from '../../../src-shared/errors.ts';
import type { ValueKind } from '../../../src-shared/networks/operations/torch.ts';
import { shapeText } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import { dtypeNamed } from '../../formats/exported/open-exported.ts';
import type { Argument, ExportedNode } from '../../formats/exported/schema.ts';
import type { Builder, Value } from './builder.ts';

/** What a node needs to know of the graph around it. */
export interface Scope {
  readonly builder: Builder;
  /** The file, for messages. */
  readonly where: string;
  /** Whether the state dict has it. */
  hasParameter(name: string): boolean;
  value(name: string): Value;
  size(name: string): Size;
  /** Of recorded values. */
  kindOf(name: string): ValueKind | undefined;
  /** How far apart the entries of each axis lie in PyTorch's memory, as recorded; undefined if that cannot be told. */
  stridesOf(name: string): readonly (Size | undefined)[] | undefined;
}

/** Values of a node's outputs in their order; undefined: one that is not computed, and must not be read. */
export type Outputs = readonly (Value | undefined)[];
export type Handler = (call: ExportedCall) => Value | Outputs;
export type Handlers = Readonly<Record<string, Handler>>;

export class ExportedCall {
  /** `conv2d` of torch.ops.aten.conv2d.default */
  readonly operation: string;
  readonly overload: string;
  readonly node: ExportedNode;
  readonly scope: Scope;
  readonly #arguments: ReadonlyMap<string, Argument>;

  constructor(
    node: ExportedNode,
    scope: Scope,
    { operation, overload }: { operation: string; overload: string },
  ) {
    this.node = node;
    this.scope = scope;
    this.operation = operation;
    this.overload = overload;
    this.#arguments = new Map(node.inputs.map(({ name, arg }) => [name, arg]));
  }

  get builder(): Builder {
    return this.scope.builder;
  }

  /** @throws UserError naming the node */
  fail(why: string, hint?: string): never {
    const { name, module } = this.builder.at;
    const place = module === undefined ? '' : ` in module "${module}"`;
    throw new UserError(
      `${this.scope.where}: ${name}${place} (${this.operation}.${this.overload}): ${why}.`,
      hint === undefined ? {} : { hint },
    );
  }

  #get(name: string): Argument | undefined {
    const found = this.#arguments.get(name);
    return found && 'as_none' in found ? undefined : found;
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  #wrong(name: string, expected: string): never {
    const found = this.#arguments.get(name);
    return this.fail(
      `the argument ${name} is ${found ? JSON.stringify(found).slice(0, 100) : 'missing'}; ${expected} was expected`,
    );
  }

  optional(name: string): Value | undefined {
    const found = this.#get(name);
    if (!found) return undefined;
    if ('as_tensor' in found) return this.scope.value((found.as_tensor as { name: string }).name);
    return this.#wrong(name, 'a tensor');
  }

  value(name: string): Value {
    return this.optional(name) ?? this.#wrong(name, 'a tensor');
  }

  /** Of the tensor that is given, as recorded. */
  strides(name: string): readonly (Size | undefined)[] | undefined {
    const found = this.#get(name);
    return found && 'as_tensor' in found
      ? this.scope.stridesOf((found.as_tensor as { name: string }).name)
      : undefined;
  }

  /** A list with gaps. */
  optionalValues(name: string): (Value | undefined)[] {
    const found = this.#get(name);
    if (found && 'as_tensors' in found)
      return (found.as_tensors as { name: string }[]).map((each) => this.scope.value(each.name));
    if (found && 'as_optional_tensors' in found)
      return (found.as_optional_tensors as ({ as_tensor: { name: string } } | { as_none: unknown })[]).map(
        (each) => ('as_tensor' in each ? this.scope.value(each.as_tensor.name) : undefined),
      );
    return this.#wrong(name, 'a list of tensors');
  }

  values(name: string): Value[] {
    return this.optionalValues(name).map(
      (value) => value ?? this.#wrong(name, 'a list of tensors without gaps'),
    );
  }

  /** @param standard PyTorch's own where the argument is not written; absent: it must be */
  size(name: string, standard?: Size): Size {
    const found = this.#get(name);
    if (!found) return standard ?? this.#wrong(name, 'a whole number');
    const size = this.#sizeIn(found);
    return size ?? this.#wrong(name, 'a whole number');
  }

  #sizeIn(found: Argument): Size | undefined {
    if ('as_int' in found) return found.as_int as number;
    if (!('as_sym_int' in found)) return undefined;
    return this.#symbol(found.as_sym_int as { as_name: string } | { as_int: number });
  }

  #symbol(symbol: { as_name: string } | { as_int: number }): Size {
    return 'as_int' in symbol ? symbol.as_int : this.scope.size(symbol.as_name);
  }

  int(name: string, standard?: number): number {
    const size = this.size(name, standard);
    if (typeof size === 'number') return size;
    return this.fail(`the argument ${name} depends on the size of the batch, which is not supported here`);
  }

  sizes(name: string, standard?: readonly Size[]): Size[] {
    const found = this.#get(name);
    if (!found) return standard ? [...standard] : this.#wrong(name, 'a list of whole numbers');
    if ('as_ints' in found) return [...(found.as_ints as number[])];
    if ('as_sym_ints' in found)
      return (found.as_sym_ints as ({ as_name: string } | { as_int: number })[]).map((each) =>
        this.#symbol(each),
      );
    const one = this.#sizeIn(found);
    return one === undefined ? this.#wrong(name, 'a list of whole numbers') : [one];
  }

  ints(name: string, standard?: readonly number[]): number[] {
    return this.sizes(name, standard).map((size) =>
      typeof size === 'number'
        ? size
        : this.fail(`the argument ${name} depends on the size of the batch, which is not supported here`),
    );
  }

  /** A pair of numbers, of which one may be written for both. */
  pair(name: string, standard?: readonly number[]): [number, number] {
    const found = this.ints(name, standard);
    if (found.length === 1) return [found[0]!, found[0]!];
    if (found.length === 2) return found as [number, number];
    return this.#wrong(name, 'two numbers');
  }

  number(name: string, standard?: number): number {
    const found = this.#get(name);
    if (!found) return standard ?? this.#wrong(name, 'a number');
    if ('as_float' in found) return Number(found.as_float);
    if ('as_int' in found) return found.as_int as number;
    if ('as_bool' in found) return Number(found.as_bool);
    const size = this.#sizeIn(found);
    if (typeof size === 'number') return size;
    if (size !== undefined || 'as_sym_float' in found)
      return this.fail(
        `${name} is computed from the number of examples, which would let them depend on each other`,
        'Take a mean over other axes, or let the caller divide by the size of the batch.',
      );
    return this.#wrong(name, 'a number');
  }

  optionalNumber(name: string): number | undefined {
    return this.has(name) ? this.number(name) : undefined;
  }

  bool(name: string, standard?: boolean): boolean {
    const found = this.#get(name);
    if (!found) return standard ?? this.#wrong(name, 'true or false');
    if ('as_bool' in found) return found.as_bool as boolean;
    return this.#wrong(name, 'true or false');
  }

  text(name: string, standard?: string): string {
    const found = this.#get(name);
    if (!found) return standard ?? this.#wrong(name, 'a word');
    if ('as_string' in found) return found.as_string as string;
    return this.#wrong(name, 'a word');
  }

  /** Of the scalar of a binary operation: Python's own type decides what it makes of whole numbers. */
  scalarKind(name: string): ValueKind {
    const found = this.#get(name);
    if (found && 'as_float' in found) return 'float';
    return found && 'as_bool' in found ? 'bool' : 'int';
  }

  isTensor(name: string): boolean {
    const found = this.#get(name);
    return found !== undefined && 'as_tensor' in found;
  }

  /** A type of elements that is asked for; undefined: none is. */
  elements(name: string): ValueKind | undefined {
    const found = this.#get(name);
    if (!found) return undefined;
    if (!('as_scalar_type' in found)) return this.#wrong(name, 'a type of elements');
    return (
      kindOfCode(found.as_scalar_type as number) ?? this.fail(unsupportedType(found.as_scalar_type as number))
    );
  }

  /** Counted from the front. */
  axis(name: string, rank: number, standard?: number): number {
    return this.axisOf(this.int(name, standard), rank, name);
  }

  axisOf(given: number, rank: number, name: string): number {
    const axis = given < 0 ? given + Math.max(rank, 1) : given;
    if (Number.isInteger(axis) && axis >= 0 && axis < Math.max(rank, 1)) return axis;
    return this.fail(`the argument ${name} is ${given}; an axis of ${rank} was expected`);
  }

  axes(name: string, rank: number, standard?: readonly number[]): number[] {
    return this.ints(name, standard).map((given) => this.axisOf(given, rank, name));
  }

  /** A length that does not depend on the batch. */
  fixed(value: Value, axis: number, what: string): number {
    const size = value.sizes[axis]!;
    if (typeof size === 'number') return size;
    return this.fail(
      `${what} goes along the examples (axis ${axis} of ${shapeText(value.sizes)}), which then see each other`,
    );
  }

  needFloat(value: Value): Value {
    if (value.kind === 'float') return value;
    return this.builder.entries({ call: 'cast', kind: 'float' }, [value], value.sizes, 'float');
  }
}

export function kindOfCode(code: number): ValueKind | undefined {
  const name = dtypeNamed(code);
  if (name === 'float32') return 'float';
  if (name === 'bool') return 'bool';
  return name !== undefined && /int/.test(name) ? 'int' : undefined;
}

/** Whole numbers of 8 or 16 bits: they wrap around where those that Basin computes with do not. */
export const isNarrow = (code: number): boolean => /int(8|16)$/.test(dtypeNamed(code) ?? '');

export const unsupportedType = (code: number): string =>
  `it computes with elements of type ${dtypeNamed(code) ?? code}; only float32, whole numbers and bool are supported: export the network in float32 (model.float())`;
