/** Writes down the nodes of a network, one value after the other. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Node, Parameter } from '../../../src-shared/networks/graph.ts';
import type { CallSettings, ValueKind } from '../../../src-shared/networks/operations/torch.ts';
import { isPerExample, sizeAt } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/**
 * A value of the exported graph. Images may stand as PyTorch has them ([batch, channels, height, width]: `plain`), with their
 * channels last as TensorFlow computes with them (`last`), or both ways; `sizes` are PyTorch's.
 */
export interface Value {
  readonly sizes: readonly Size[];
  readonly kind: ValueKind;
  /** Ids of nodes; at least one of them is there. */
  plain?: string | undefined;
  last?: string | undefined;
  /** The parameter that it is. */
  readonly parameter?: string | undefined;
}

/** Numbers in one value of one example: the file decides about shapes, and memory is finite. */
const largestValue = 2 ** 28;
const mostNodes = 200_000;

export const lastSizes = ([batch, channels, ...inside]: readonly Size[]): Size[] => [
  batch!,
  ...inside,
  channels!,
];

export class Builder {
  readonly nodes: Node[] = [];
  /** What is written down now: the exported node's name and module. */
  at: { name: string; module?: string | undefined } = { name: 'value' };
  readonly #where: string;
  readonly #taken: Set<string>;
  readonly #parameters = new Map<string, Value>();

  /** @param where the file, for messages @param taken ids that nodes must not have */
  constructor(where: string, taken: Iterable<string>) {
    this.#where = where;
    this.#taken = new Set(taken);
  }

  #id(): string {
    const { name } = this.at;
    for (let count = 1; ; count++) {
      const id = count === 1 ? name : `${name}#${count}`;
      if (this.#taken.has(id)) continue;
      this.#taken.add(id);
      return id;
    }
  }

  node(node: Omit<Node, 'id' | 'parameters'> & { parameters?: Record<string, string> }): string {
    const id = this.#id();
    this.nodes.push({ parameters: {}, ...node, id });
    return id;
  }

  /** @param sizes of what comes out, in its own layout */
  #call(
    settings: CallSettings,
    inputs: readonly string[],
    sizes: readonly Size[],
    parameters: Record<string, string> = {},
  ): string {
    const { module } = this.at;
    const shape = exampleShape(sizes);
    if (!(sizeOf(shape) <= largestValue) || shape.length > 16 || this.nodes.length > mostNodes)
      throw new UserError(
        `${this.#where}: ${this.at.name}: a value [${shape.join(', ')}] of one example, or ${this.nodes.length} operations, are more than is computed; ${largestValue} numbers, 16 axes and ${mostNodes} operations are.`,
      );
    const attributes = { ...settings, shape, ...(module !== undefined && { module }) } as Node['attributes'];
    return this.node({ op: 'torch', inputs: [...inputs], attributes, parameters });
  }

  /** A call on values as PyTorch has them. */
  plain(settings: CallSettings, inputs: readonly Value[], sizes: readonly Size[], kind: ValueKind): Value {
    const ids = inputs.map((value) => this.plainId(value));
    return { sizes, kind, plain: this.#call(settings, ids, sizes) };
  }

  /** A call on images, channels last; what follows the images (weights) is taken as PyTorch has it. */
  image(
    settings: CallSettings,
    [image, ...others]: readonly [Value, ...Value[]],
    sizes: readonly Size[],
    kind: ValueKind = 'float',
  ): Value {
    const ids = [this.lastId(image), ...others.map((value) => this.plainId(value))];
    return { sizes, kind, last: this.#call(settings, ids, lastSizes(sizes)) };
  }

  /** A call that works entry by entry, so that the layout does not matter as long as it is one. */
  entries(settings: CallSettings, inputs: readonly Value[], sizes: readonly Size[], kind: ValueKind): Value {
    const images = inputs.filter((value) => value.sizes.length === 4);
    const isLast =
      sizes.length === 4 &&
      images.some((value) => value.plain === undefined) &&
      inputs.every((value) => value.sizes.length === 4 || value.sizes.length === 0);
    if (!isLast) return this.plain(settings, inputs, sizes, kind);
    const ids = inputs.map((value) => (value.sizes.length === 4 ? this.lastId(value) : this.plainId(value)));
    return { sizes, kind, last: this.#call(settings, ids, lastSizes(sizes)) };
  }

  /** Images that stand channels last, joined. @param axis of that layout */
  concatImages(values: readonly Value[], sizes: readonly Size[], axis: number): Value {
    const ids = values.map((value) => this.lastId(value));
    const { kind } = values[0]!;
    return { sizes, kind, last: this.#call({ call: 'concat', axis }, ids, lastSizes(sizes)) };
  }

  plainId(value: Value): string {
    value.plain ??= this.#call({ call: 'permute', order: [0, 3, 1, 2] }, [value.last!], value.sizes);
    return value.plain;
  }

  lastId(value: Value): string {
    if (value.sizes.length !== 4) throw new Error(`${this.at.name}: an image was expected`);
    value.last ??= this.#call(
      { call: 'permute', order: [0, 2, 3, 1] },
      [value.plain!],
      lastSizes(value.sizes),
    );
    return value.last;
  }

  parameter({ name, shape }: Parameter, kind: ValueKind): Value {
    const known = this.#parameters.get(name);
    if (known) return known;
    const before = this.at;
    this.at = { name };
    const plain = this.#call({ call: 'parameter', kind }, [], shape, { value: name });
    this.at = before;
    const value = { sizes: shape, kind, plain, parameter: name };
    this.#parameters.set(name, value);
    return value;
  }
}

/** Of one example; a value that is not one per example as a whole, as for one example. */
export const exampleShape = (sizes: readonly Size[]): number[] =>
  (isPerExample(sizes) ? sizes.slice(1) : sizes).map((size) => Math.max(0, sizeAt(size, 1)));
