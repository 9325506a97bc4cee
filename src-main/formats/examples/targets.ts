/** What examples are labelled with beside classes: tokens and numbers; and token sequences as inputs. */
import { UserError } from '../../../src-shared/errors.ts';
import type { TensorValue } from '../tensor.ts';
import { largestExact, newArray } from './arrays.ts';
import type { ExampleArray } from './arrays.ts';

/** Numbers that label examples, [count, each]. */
export interface TargetArray {
  each: number;
  data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  source: string;
}

const place = (index: number, each: number): string =>
  `row ${Math.floor(index / each)} (the first is 0), number ${index % each}`;

/**
 * Sequences of tokens, [examples, length].
 * @param ignored a number that stands for a token that does not count, which becomes -1; absent: there is none
 * @throws UserError naming the row and the value that is no token
 */
export function tokenNumbers(
  { dtype, shape, data }: TensorValue,
  source: string,
  ignored?: number,
): ExampleArray & { data: Int32Array<ArrayBuffer> } {
  const [count = 0, length = 0] = shape;
  if (shape.length !== 2 || count === 0 || length === 0)
    throw new UserError(
      `${source}: an array of shape [${shape.join(', ')}]; token sequences of one length, [examples, tokens], were expected.`,
      {
        ...(shape.length === 1 && {
          hint: 'Cut a long text into pieces: tokens[: n * length].reshape(n, length).',
        }),
      },
    );
  const tokens = newArray(4 * data.length, source, () => new Int32Array(data.length));
  for (let i = 0; i < tokens.length; i++) {
    const value = Number(data[i]!);
    const isToken = Number.isInteger(value) && value >= 0 && value <= largestExact;
    if (!isToken && value !== ignored)
      throw new UserError(
        `${source}: ${place(i, length)}: ${value} (${dtype}); a token, a whole number from 0 to ${largestExact}, was expected${ignored === undefined ? '' : `, or ${ignored} for one that does not count`}.`,
      );
    tokens[i] = value === ignored ? -1 : value;
  }
  return { shape: [count, length], data: tokens, source };
}

/** Numbers to be predicted, [examples] or [examples, each]. @throws UserError naming the row and the value that is not finite */
export function targetNumbers({ shape, data }: TensorValue, source: string): TargetArray {
  if (shape.length < 1 || shape.length > 2 || shape.includes(0))
    throw new UserError(
      `${source}: numbers of shape [${shape.join(', ')}]; [examples], or [examples, numbers] if each has several, was expected.`,
    );
  const each = shape[1] ?? 1;
  const numbers = newArray(4 * data.length, source, () => new Float32Array(data.length));
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = Number(data[i]!);
    if (Number.isFinite(numbers[i])) continue;
    throw new UserError(
      `${source}: ${place(i, each)}: ${String(data[i])}; a number that float32 can hold was expected.`,
    );
  }
  return { each, data: numbers, source };
}
