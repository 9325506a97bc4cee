import type { CheckedNode } from '../../../../src-shared/networks/network.ts';
import type { Tensor } from '../../backend/index.ts';
import type { EdgeTensors } from '../edges.ts';
import type { Maths } from '../maths.ts';

/** What differs while training: batch norms take the statistics of the batch's rows that count, dropout its masks. */
export interface TrainingPass {
  /** [B], summing to 1; 0 for rows that only fill up the batch. */
  readonly rowWeights: Tensor;
  /** Scalar n / (n - 1) of the n rows that count: from biased to unbiased variance. */
  readonly unbiased: Tensor;
  /** Of a dropout, [M, B, ...shape]: 0, or 1 / (1 - rate); undefined if it keeps everything. */
  mask(node: string): Tensor | undefined;
  /** The batch's share in the next running statistics; 1: its own alone. */
  readonly momentum: number;
  /** Takes the next value [M, ...] of a parameter of role `statistics`; with momentum 1 [M or 1, ...]. */
  track(parameter: string, value: Tensor): void;
}

export interface OperationContext {
  readonly maths: Maths;
  readonly node: CheckedNode;
  /** The acting value [M or 1, ...shape] of a parameter by the operation's word. */
  parameter(word: string): Tensor | undefined;
  readonly training: TrainingPass | undefined;
  /** Which rows are neighbours, if they are the nodes of a graph. */
  readonly edges: EdgeTensors | undefined;
  /** How many examples go through the network together. */
  readonly examples: number;
}

/** Values are [M or 1, B, ...shape of one example]. Pure: whoever calls it holds the tidy. */
export type RunOperation = (inputs: readonly Tensor[], context: OperationContext) => Tensor;

/** A parameter [M, n] as it broadcasts against values [M, B, ..., n]. */
export function alongLastAxis({ tf }: Maths, parameter: Tensor, value: Tensor): Tensor {
  const [models, units] = parameter.shape as [number, number];
  return tf.reshape(parameter, [models, ...value.shape.slice(1, -1).map(() => 1), units]);
}

/** x [M or 1, B, ..., inputs] times the transpose of weight [M or 1, outputs, inputs]: [M, B, ..., outputs]. */
export function overLastAxis({ tf }: Maths, x: Tensor, weight: Tensor): Tensor {
  const inside = x.shape.slice(1, -1);
  const flat = inside.length === 1 ? x : tf.reshape(x, [x.shape[0]!, -1, x.shape.at(-1)!]);
  const product: Tensor = tf.matMul(flat, weight, false, true);
  return inside.length === 1
    ? product
    : tf.reshape(product, [product.shape[0]!, ...inside, product.shape[2]!]);
}

/** @throws Error where a checked network lacks a parameter: a defect */
export function needed({ node, parameter }: OperationContext, word: string): Tensor {
  const found = parameter(word);
  if (!found) throw new Error(`${node.id} has no ${word}`);
  return found;
}
