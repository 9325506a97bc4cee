/**
 * Masks of dropout, drawn here and handed to a step as arguments: they are the same on every back end, compiled or not,
 * however many steps a call makes and wherever a run was interrupted.
 */
import type { Network } from '../../../src-shared/networks/network.ts';
import { types } from '../backend/index.ts';
import type { Spec, Tensor, Tf } from '../backend/index.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { RandomStream } from '../random.ts';

/** A node that drops entries. */
export interface Dropping {
  id: string;
  rate: number;
  /** Of its value, for one example. */
  shape: readonly number[];
}

/** In the order of computation; those of rate 0 drop nothing. */
export const droppingNodes = ({ nodes }: Network): Dropping[] =>
  nodes.flatMap(({ id, op, attributes, shape }) => {
    if (op !== 'dropout') return [];
    const { rate } = attributes as { rate: number };
    return rate === 0 ? [] : [{ id, rate, shape }];
  });

/**
 * Fills the masks [steps, M, batch, ...shape] of a node: 0 with probability `rate`, else 1 / (1 - rate). What is there
 * beyond `count` steps stays as it is.
 * @param seeds of the models @param call its first step, counted from 1 over the whole training, and how many it makes
 */
export function fillMasks(
  out: Float32Array,
  { id, rate, shape }: Dropping,
  seeds: readonly number[],
  { first, count, batch }: { first: number; count: number; batch: number },
): void {
  const each = batch * sizeOf(shape);
  for (let i = 0; i < count; i++)
    seeds.forEach((seed, m) => {
      const start = (i * seeds.length + m) * each;
      new RandomStream(seed, 'dropout', id, first + i).keeps(out.subarray(start, start + each), rate);
    });
}

/** The masks of all nodes of a training, as arguments of its steps. */
export class DropoutMasks {
  readonly #nodes: readonly Dropping[];
  readonly #seeds: readonly number[];
  readonly #batch: number;

  constructor(
    network: Network,
    { dropoutSeeds = [], batchSize }: { dropoutSeeds?: readonly number[]; batchSize: number },
    models: number,
  ) {
    this.#nodes = droppingNodes(network);
    this.#seeds = dropoutSeeds;
    this.#batch = batchSize;
    if (this.#nodes.length > 0 && dropoutSeeds.length !== models)
      throw new Error('dropout needs one seed per model');
  }

  #shape({ shape }: Dropping): number[] {
    return [this.#seeds.length, this.#batch, ...shape];
  }

  /** Of one step. */
  get specs(): Spec[] {
    return this.#nodes.map((node) => ({ dtype: types.float32, shape: this.#shape(node) }));
  }

  /** @param front [steps of a call], or [] if a call is one step @param call as for `fillMasks` */
  tensors(tf: Tf, front: readonly number[], call: { first: number; count: number }): Tensor[] {
    return this.#nodes.map((node) => {
      const shape = [...front, ...this.#shape(node)];
      const masks = new Float32Array(sizeOf(shape));
      fillMasks(masks, node, this.#seeds, { ...call, batch: this.#batch });
      return tf.tensor(masks, shape);
    });
  }
}
