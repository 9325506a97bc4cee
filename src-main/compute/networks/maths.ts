/** What the operations of networks compute with: plain tfjs, and numbers that are exact in the precision at hand. */
import { numberTensor } from '../backend/index.ts';
import type { Tensor, Tf } from '../backend/index.ts';

export interface Maths {
  readonly tf: Tf;
  /** A scalar; inside a float64 trace a double. */
  number(value: number): Tensor;
}

export const mathsOf = (tf: Tf): Maths => ({ tf, number: (value) => numberTensor(tf, value) });
