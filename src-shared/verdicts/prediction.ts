/** What a rank correlation over a few runs says about a measure that may predict the barrier. Rules: docs/verdicts.md. */
import { rankCorrelation } from '../figures/statistics.ts';
import type { Finding } from './rules.ts';

/** How the measure should go with the barrier, if it predicts it. */
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
  const kept = xs.map((x, i) => [x, ys[i] ?? NaN] as const).filter((pair) => pair.every(Number.isFinite));
  const firsts = kept.map(([x]) => x);
  let [all, strong] = [0, 0];
  for (const order of permutations(kept.map(([, y]) => y))) {
    all++;
    if (Math.abs(rankCorrelation(firsts, order).rho) >= Math.abs(rho) - 1e-12) strong++;
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

/** A correlation weaker than this is of no use for predicting. */
const useless = 0.5;

/** Whether 95 % of the correlations that may be behind `rho` (Fisher's interval) are weaker than `useless`. */
const surelyWeak = (rho: number, n: number): boolean =>
  n > 3 && Math.tanh(Math.atanh(Math.min(Math.abs(rho), 1 - 1e-9)) + 1.96 / Math.sqrt(n - 3)) < useless;

/**
 * "γ_out: the larger it is, the smaller the barrier; it predicts the barrier (ρ = −0.95, permutation test, p = 0.04)."
 * `yes`: p up to 0.05, in the expected direction; `no`: p up to 0.05 against it, or so many runs that a correlation of 0.5
 * is ruled out; else `not clear`. Runs with a number that is not finite do not count, and are said.
 */
export function predictionFinding(
  name: string,
  expected: Expected,
  xs: readonly number[],
  ys: readonly number[],
): Finding {
  const { rho, n } = rankCorrelation(xs, ys);
  const without = xs.length - n;
  const missing =
    without === 0 ? '' : ` ${without} of ${xs.length} runs have no finite value and are left out.`;
  const say = (outcome: Finding['outcome'], text: string): Finding => ({
    outcome,
    text: `${name}: ${text}${missing}`,
  });
  if (Number.isNaN(rho))
    return say(
      'not clear',
      n < 3
        ? 'not clear: a rank correlation needs at least three runs.'
        : 'not clear: the measure or the barrier is the same in all runs.',
    );
  const chance = chanceOf(xs, ys);
  const p = chance < 0.01 ? 'p < 0.01' : `p = ${chance.toFixed(2)}`;
  const test = n > mostExact ? 'normal approximation' : 'permutation test';
  const numbers = `(ρ = ${rho.toFixed(2).replace('-', '−')}, ${test}, ${p})`;
  const found = rho > 0 ? 'rises' : 'falls';
  const relation = `the larger it is, the ${found === 'rises' ? 'larger' : 'smaller'} the barrier`;
  if (chance <= 0.05)
    return found === expected
      ? say('yes', `${relation}; it predicts the barrier ${numbers}.`)
      : say('no', `${relation}, against expectation ${numbers}.`);
  if (surelyWeak(rho, n)) return say('no', `it does not predict the barrier ${numbers}.`);
  return say('not clear', `whether it predicts the barrier is not clear from ${n} runs ${numbers}.`);
}
