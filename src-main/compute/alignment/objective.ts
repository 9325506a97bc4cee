/** What a matching is worth, and the matching that is worth most. */
import { certify } from '../assignment/certify.ts';
import { solveAssignment } from '../assignment/solve.ts';
import type { RandomStream } from '../random.ts';
import { identityPermutation } from './permutation.ts';
import type { Permutation } from './permutation.ts';

/** mean over neurons i of similarity[i, perm[i]]; the similarity is [n, n], row-major. */
export function objectiveOf(similarity: Float64Array, perm: Permutation): number {
  const n = perm.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += similarity[i * n + perm[i]!]!;
  return sum / n;
}

export interface Objectives {
  optimal: number;
  identity: number;
  random: number[];
  random_mean: number;
  /** Over the random permutations, divided by count - 1; null below two of them. */
  random_std: number | null;
}

/** The permutation with the largest objective. The solver's dual certificate is checked: a wrong optimum throws. */
export function bestPermutation(similarity: Float64Array, n: number): Permutation {
  const result = solveAssignment(similarity, n, n, { maximize: true });
  const scale = similarity.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const certificate = certify(similarity, n, n, result, 1e-9 * scale, { maximize: true });
  if (!certificate.optimal) {
    throw new Error(`assignment of ${n} x ${n} fails its certificate: ${JSON.stringify(certificate)}`);
  }
  return result.rowToCol;
}

/** The objective of the best, of the identity, and of `random.count` random permutations drawn from `random.seed`. */
export function objectivesOf(
  similarity: Float64Array,
  optimal: Permutation,
  random: { count: number; stream: RandomStream },
): Objectives {
  const n = optimal.length;
  const values = Array.from({ length: random.count }, () =>
    objectiveOf(similarity, random.stream.permutation(n)),
  );
  const { mean, std } = meanAndStd(values);
  return {
    optimal: objectiveOf(similarity, optimal),
    identity: objectiveOf(similarity, identityPermutation(n)),
    random: values,
    random_mean: mean,
    random_std: std,
  };
}

/** Mean, and standard deviation with ddof = 1. */
export function meanAndStd(values: readonly number[]): { mean: number; std: number | null } {
  const n = values.length;
  const mean = n === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, std: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (n - 1)) };
}
