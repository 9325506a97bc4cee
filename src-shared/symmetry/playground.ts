/**
 * The smallest network that has the symmetry: W2 W1 = A with 2 x 2 (or scalar) weights, loss |A - W2 W1|^2. Points of
 * weight space are (W1, W2) as 8 numbers; g acts by (g W1, W2 g^-1) and keeps the loss (arXiv 2505.23681, Eq. 5).
 */
import { exponential2, inverse2, logarithm2, multiply2, scale2, type Matrix2 } from './two-by-two.ts';

export type Point = readonly number[];

export interface Plane {
  origin: Point;
  /** Orthonormal directions. */
  across: Point;
  up: Point;
}

const first = (w: Point): Matrix2 => [w[0]!, w[1]!, w[2]!, w[3]!];
const second = (w: Point): Matrix2 => [w[4]!, w[5]!, w[6]!, w[7]!];

export function lossAt(w: Point, target: Matrix2): number {
  const product = multiply2(second(w), first(w));
  return product.reduce((sum, value, i) => sum + (value - target[i]!) ** 2, 0);
}

export function act(g: Matrix2, w: Point): Point {
  return [...multiply2(g, first(w)), ...multiply2(second(w), inverse2(g))];
}

/** exp(t log g) . w for t from 0 to 1, or why there is no such curve. */
export function symmetryPath(g: Matrix2, w: Point, steps: number): { points: Point[] } | { reason: string } {
  const logarithm = logarithm2(g);
  if ('reason' in logarithm) return logarithm;
  const points = Array.from({ length: steps + 1 }, (_, i) =>
    act(exponential2(scale2(logarithm.log, i / steps)), w),
  );
  return { points };
}

export function segment(a: Point, b: Point, steps: number): Point[] {
  return Array.from({ length: steps + 1 }, (_, i) =>
    a.map((value, k) => value + (i / steps) * (b[k]! - value)),
  );
}

const minus = (a: Point, b: Point): number[] => a.map((value, i) => value - b[i]!);
const dot = (a: Point, b: Point): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** The plane through three points of weight space; a third point on their line is replaced by a fixed direction. */
export function planeThrough(a: Point, b: Point, third: Point): Plane {
  const across = normalised(minus(b, a)) ?? a.map((_, i) => (i === 0 ? 1 : 0));
  const away = (v: Point) =>
    minus(
      v,
      across.map((x) => x * dot(v, across)),
    );
  const upwards =
    normalised(away(minus(third, a))) ??
    normalised(away(a.map((_, i) => Math.cos(3 * i + 1)))) ??
    a.map((_, i) => (i === 1 ? 1 : 0));
  // Twice: of a third point that is almost on the line, what is left at first is mostly rounding.
  return { origin: a, across, up: normalised(away(upwards)) ?? upwards };
}

function normalised(v: Point): Point | undefined {
  const length = Math.sqrt(dot(v, v));
  return length < 1e-9 ? undefined : v.map((value) => value / length);
}

/** Coordinates of the orthogonal projection of a point onto the plane. */
export function onto({ origin, across, up }: Plane, w: Point): [number, number] {
  const offset = minus(w, origin);
  return [dot(offset, across), dot(offset, up)];
}

export function pointOf({ origin, across, up }: Plane, x: number, y: number): Point {
  return origin.map((value, i) => value + x * across[i]! + y * up[i]!);
}
