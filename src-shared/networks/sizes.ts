/** Lengths of axes that may depend on how many examples go through a network together. */
import { z } from 'zod';

/** A number, or `per` times the number of examples, plus `plus`. */
export const sizeSchema = z.union([z.int(), z.strictObject({ per: z.int(), plus: z.int() })]);
export type Size = z.output<typeof sizeSchema>;

const partsOf = (size: Size): { per: number; plus: number } =>
  typeof size === 'number' ? { per: 0, plus: size } : size;

const sizeFrom = (per: number, plus: number): Size => (per === 0 ? plus : { per, plus });

/** As many as there are examples. */
export const batchSize: Size = { per: 1, plus: 0 };

/** Its value for so many examples. */
export function sizeAt(size: Size, examples: number): number {
  const { per, plus } = partsOf(size);
  return per * examples + plus;
}

export function sameSize(a: Size, b: Size): boolean {
  const [own, other] = [partsOf(a), partsOf(b)];
  return own.per === other.per && own.plus === other.plus;
}

export const sameSizes = (a: readonly Size[], b: readonly Size[]): boolean =>
  a.length === b.length && a.every((size, i) => sameSize(size, b[i]!));

export function addSizes(a: Size, b: Size): Size {
  const [own, other] = [partsOf(a), partsOf(b)];
  return sizeFrom(own.per + other.per, own.plus + other.plus);
}

/** Undefined if it would need the square of the number of examples. */
export function timesSize(a: Size, b: Size): Size | undefined {
  const [own, other] = [partsOf(a), partsOf(b)];
  if (own.per !== 0 && other.per !== 0) return undefined;
  return sizeFrom(own.per * other.plus + own.plus * other.per, own.plus * other.plus);
}

/** Undefined if it does not divide for every number of examples. */
export function divideSize(a: Size, b: Size): Size | undefined {
  const [own, other] = [partsOf(a), partsOf(b)];
  if (other.per === 0) {
    if (other.plus === 0 || own.per % other.plus !== 0 || own.plus % other.plus !== 0) return undefined;
    return sizeFrom(own.per / other.plus, own.plus / other.plus);
  }
  const share = own.per / other.per;
  return Number.isInteger(share) && own.plus === share * other.plus ? share : undefined;
}

/** Elements of a value of this shape; undefined as of `timesSize`. */
export const productOf = (sizes: readonly Size[]): Size | undefined =>
  sizes.reduce<Size | undefined>((sum, size) => sum && timesSize(sum, size), 1) ?? zeroOf(sizes);

const zeroOf = (sizes: readonly Size[]): Size | undefined => (sizes.includes(0) ? 0 : undefined);

/** `3`, `batch`, `4 x batch + 1`, for messages. */
export function sizeText(size: Size): string {
  if (typeof size === 'number') return String(size);
  const times = size.per === 1 ? 'batch' : `${size.per} x batch`;
  return size.plus === 0 ? times : `${times} + ${size.plus}`;
}

export const shapeText = (sizes: readonly Size[]): string => `[${sizes.map(sizeText).join(', ')}]`;

/** One axis for each example, in front, and no other that depends on their number. */
export const isPerExample = (sizes: readonly Size[]): boolean =>
  sizes.length > 0 &&
  sameSize(sizes[0]!, batchSize) &&
  sizes.slice(1).every((size) => typeof size === 'number');
