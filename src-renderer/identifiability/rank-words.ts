/** What a rank correlation over a few runs says, in words. */
import { rankCorrelation } from '../../src-shared/figures/statistics.ts';

/** How the measure should go with the barrier, if it foretells it. */
export type Expected = 'falls' | 'rises';

/** More points are too many to try every order of them. */
const mostExact = 8;

/**
 * The share of all orders of the points that correlate as strongly, either way. Exact up to 8 points, then by the
 * normal approximation of rho sqrt(n - 1). NaN where there is no correlation to speak of.
 */
export function chanceOf(xs: readonly number[], ys: readonly number[]): number {
  const { rho, n } = rankCorrelation(xs, ys);
  if (Number.isNaN(rho)) return NaN;
  if (n > mostExact) return Math.min(1, 2 * upperTail(Math.abs(rho) * Math.sqrt(n - 1)));
  let [all, strong] = [0, 0];
  for (const order of permutations(ys)) {
    all++;
    if (Math.abs(rankCorrelation(xs, order).rho) >= Math.abs(rho) - 1e-12) strong++;
  }
  return strong / all;
}

function* permutations(values: readonly number[]): Generator<number[]> {
  if (values.length <= 1) return yield [...values];
  for (const [i, first] of values.entries()) {
    for (const rest of permutations(values.filter((_, j) => j !== i))) yield [first, ...rest];
  }
}

/** Of the normal distribution (Abramowitz and Stegun 26.2.17; error below 1e-7). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = series.reduceRight((rest, factor) => t * (factor + rest), 0);
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}

const percent = (share: number): string =>
  share < 0.01 ? 'in less than 1 %' : `in ${Math.round(100 * share)} %`;

/** "γ_out: the larger, the smaller the barrier (ρ = −0.95 ...)." */
export function inWords(
  name: string,
  expected: Expected,
  xs: readonly number[],
  ys: readonly number[],
): string {
  const { rho, n } = rankCorrelation(xs, ys);
  if (Number.isNaN(rho))
    return `${name}: ${n < 3 ? 'at least three runs are needed for a rank correlation' : 'it is the same in all runs'}.`;
  const sign = `ρ = ${rho.toFixed(2).replace('-', '−')}`;
  const chance = chanceOf(xs, ys);
  const luck = `as strong by chance ${percent(chance)} of all orders`;
  if (Math.abs(rho) < 0.3) return `${name} does not go with the barrier (${sign}, ${luck}).`;
  const found = rho > 0 ? 'rises' : 'falls';
  const foretells =
    found === expected
      ? chance <= 0.05
        ? 'it foretells the barrier'
        : 'as expected, but too few runs to be sure'
      : 'against expectation';
  return `${name}: where it is larger, the barrier is ${found === 'rises' ? 'larger' : 'smaller'}; ${foretells} (${sign}, ${luck}).`;
}
