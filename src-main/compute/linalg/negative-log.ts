/** A real logarithm of a matrix with a single negative eigenvalue, through its Jordan structure. */
import { UserError } from '../../../src-shared/errors.ts';
import { inverse } from './solve.ts';
import { identity, multiply } from './multiply.ts';
import { svd } from './svd.ts';

/** What counts as zero in powers of (a - mu), relative to max(|a|, 1)^power. */
const rankTolerance = 1e-9;

/**
 * A real L with exp(L) = a, for a [n, n] whose only eigenvalue is `mu` < 0. With N = a / mu - 1 nilpotent,
 * L = log|mu| + log(1 + N) + pi J where J commutes with N and J^2 = -1: J exchanges Jordan chains of equal length.
 *
 * @throws UserError where some size of Jordan block occurs an odd number of times.
 */
export function negativeClusterLog(a: Float64Array, n: number, mu: number): Float64Array {
  const one = identity(n);
  const nilpotent = a.map((x, k) => x / mu - one[k]!);
  const chains = jordanChains(nilpotent, n, mu);
  const turn = complexStructure(chains, n);
  const log = new Float64Array(n * n);
  let power: Float64Array = nilpotent;
  for (let k = 1; k < n; k++) {
    for (let i = 0; i < log.length; i++) log[i]! += (k % 2 === 1 ? 1 : -1) * (power[i]! / k);
    power = multiply(power, nilpotent, n, n, n);
  }
  return log.map((x, k) => x + Math.log(-mu) * one[k]! + Math.PI * turn[k]!);
}

/** Jordan chains v, N v, N^2 v .. of a nilpotent matrix, longest first; together they are a basis. */
function jordanChains(nilpotent: Float64Array, n: number, mu: number): Float64Array[][] {
  const norm = Math.max(1, Math.hypot(...nilpotent));
  const kernels: Float64Array[][] = [[]];
  let power = identity(n);
  while (kernels.at(-1)!.length < n && kernels.length <= n) {
    power = multiply(power, nilpotent, n, n, n);
    kernels.push(kernel(power, n, rankTolerance * norm ** kernels.length));
  }
  const dimension = (p: number) => kernels[Math.min(p, kernels.length - 1)]!.length;
  const longest = kernels.length - 1;
  if (dimension(longest) < n) throw undecided(mu);
  const chains: Float64Array[][] = [];
  for (let size = longest; size >= 1; size--) {
    const count = 2 * dimension(size) - dimension(size - 1) - dimension(size + 1);
    if (count < 0) throw undecided(mu);
    if (count % 2 === 1) throw noRealLog(mu, size, count);
    // New chain tops: in ker N^size, outside ker N^(size - 1) and what the longer chains already give at this depth.
    const known = [...kernels[size - 1]!, ...chains.map((chain) => chain[chain.length - size]!)];
    for (const top of complement(kernels[size]!, known, count)) {
      const chain = [top];
      for (let k = 1; k < size; k++) chain.push(multiply(nilpotent, chain[k - 1]!, n, n, 1));
      chains.push(chain);
    }
  }
  return chains;
}

/** An orthonormal basis of the vectors that `a` [n, n] takes to (nearly) zero. */
function kernel(a: Float64Array, n: number, tolerance: number): Float64Array[] {
  const { values, v } = svd(a, n, n);
  const basis: Float64Array[] = [];
  values.forEach((value, k) => {
    if (value <= tolerance) basis.push(Float64Array.from({ length: n }, (_, i) => v[i * n + k]!));
  });
  return basis;
}

/** `count` orthonormal vectors of span(space) at right angles to `known`: those that `known` leaves longest. */
function complement(
  space: readonly Float64Array[],
  known: readonly Float64Array[],
  count: number,
): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of known) pushOrthogonal(basis, vector, 1e-8);
  const found: Float64Array[] = [];
  const left = [...space];
  while (found.length < count) {
    const residuals = left.map((vector) => orthogonalised(basis, vector));
    const lengths = residuals.map((r) => Math.hypot(...r));
    const best = lengths.indexOf(Math.max(...lengths));
    const unit = residuals[best]!.map((x) => x / lengths[best]!);
    basis.push(unit);
    found.push(unit);
    left.splice(best, 1);
  }
  return found;
}

function pushOrthogonal(basis: Float64Array[], vector: Float64Array, smallest: number): void {
  const rest = orthogonalised(basis, vector);
  const length = Math.hypot(...rest);
  if (length > smallest * Math.hypot(...vector)) basis.push(rest.map((x) => x / length));
}

function orthogonalised(basis: readonly Float64Array[], vector: Float64Array): Float64Array {
  const rest = vector.slice();
  for (let pass = 0; pass < 2; pass++) {
    for (const b of basis) {
      let dot = 0;
      for (let j = 0; j < rest.length; j++) dot += b[j]! * rest[j]!;
      for (let j = 0; j < rest.length; j++) rest[j]! -= dot * b[j]!;
    }
  }
  return rest;
}

/** J with J v = w, J w = -v along each pair of chains of equal length. */
function complexStructure(chains: readonly Float64Array[][], n: number): Float64Array {
  const basis = new Float64Array(n * n);
  const turned = new Float64Array(n * n);
  let column = 0;
  for (let c = 0; c < chains.length; c += 2) {
    const [first, second] = [chains[c]!, chains[c + 1]!];
    first.forEach((v, k) => {
      const w = second[k]!;
      for (let i = 0; i < n; i++) {
        basis[i * n + column] = v[i]!;
        basis[i * n + column + 1] = w[i]!;
        turned[i * n + column] = w[i]!;
        turned[i * n + column + 1] = -v[i]!;
      }
      column += 2;
    });
  }
  return multiply(turned, inverse(basis, n), n, n, n);
}

function noRealLog(mu: number, size: number, count: number): UserError {
  const blocks = `${count} Jordan block${count === 1 ? '' : 's'} of size ${size}`;
  return new UserError(
    `no real logarithm: the negative eigenvalue ${Number(mu.toPrecision(8))} has ${blocks}, an even number is needed`,
    {
      hint: 'If the determinant is positive, use the product path (symmetric positive part, then rotation).',
    },
  );
}

function undecided(mu: number): UserError {
  return new UserError(
    `no real logarithm can be computed: the Jordan blocks of the negative eigenvalue ${Number(mu.toPrecision(8))} cannot be distinguished because of rounding`,
  );
}
