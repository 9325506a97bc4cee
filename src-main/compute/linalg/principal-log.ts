/** The principal logarithm of a quasi upper triangular matrix: inverse scaling and squaring (Higham 2008, 11.5). */
import { oneNorm } from './expm.ts';
import { solve } from './lu.ts';
import { identity } from './multiply.ts';
import { quasiTriangularRoot } from './sqrtm.ts';

/** Below this 1-norm of T - 1 the [7/7] Pade approximant of log is exact to rounding. */
const theta7 = 0.264;

/** log t [n, n], t without eigenvalues on the closed negative real axis. */
export function principalLog(t: Float64Array, n: number): Float64Array {
  const one = identity(n);
  let root = t;
  let squarings = 0;
  let distance = minus(root, one);
  while (oneNorm(distance, n) > theta7 && squarings < 100) {
    root = quasiTriangularRoot(root, n);
    squarings++;
    distance = minus(root, one);
  }
  const log = new Float64Array(n * n);
  // The approximant is Gauss-Legendre quadrature of log(1 + x) = int_0^1 x / (1 + s x) ds.
  for (const { node, weight } of gaussLegendre(7)) {
    const term = solve(
      distance.map((x, k) => node * x + one[k]!),
      n,
      distance,
      n,
    );
    for (let k = 0; k < log.length; k++) log[k]! += weight * 2 ** squarings * term[k]!;
  }
  return log;
}

function minus(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, k) => x - b[k]!);
}

/** Nodes and weights on [0, 1], by Newton's method on the Legendre polynomial. */
export function gaussLegendre(order: number): { node: number; weight: number }[] {
  return Array.from({ length: order }, (_, k) => {
    let x = Math.cos((Math.PI * (k + 0.75)) / (order + 0.5));
    let slope = 1;
    for (let step = 0; step < 50; step++) {
      let [previous, value] = [1, x];
      for (let d = 2; d <= order; d++)
        [previous, value] = [value, ((2 * d - 1) * x * value - (d - 1) * previous) / d];
      slope = (order * (x * value - previous)) / (x * x - 1);
      const moved = x - value / slope;
      if (Math.abs(moved - x) < 1e-16) break;
      x = moved;
    }
    return { node: (1 + x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
}
