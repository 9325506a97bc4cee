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

/** Dual variables of an assignment: what an ascent keeps of one solution to start the next, similar one from. */
export interface Potentials {
  rows: Float64Array;
  columns: Float64Array;
}

/**
 * The permutation with the largest objective. The solver's dual certificate is checked: a wrong optimum throws.
 * @param potentials of an earlier, similar matrix. Taking them off the similarity leaves the best permutation what it is
 * (every permutation loses the same) and most of the solver's work done; they are brought up to date in place.
 */
export function bestPermutation(similarity: Float64Array, n: number, potentials?: Potentials): Permutation {
  const reduced = potentials ? lessPotentials(similarity, n, potentials) : similarity;
  const result = solveAssignment(reduced, n, n, { maximize: true });
  let scale = 1;
  for (let k = 0; k < similarity.length; k++) scale = Math.max(scale, Math.abs(similarity[k]!));
  const certificate = certify(reduced, n, n, result, 1e-9 * scale, { maximize: true });
  if (!certificate.optimal) {
    throw new Error(`assignment of ${n} x ${n} fails its certificate: ${JSON.stringify(certificate)}`);
  }
  if (potentials) {
    const { u, v } = result.duals;
    for (let i = 0; i < n; i++) {
      potentials.rows[i]! += u[i]!;
      potentials.columns[i]! += v[i]!;
    }
  }
  return result.rowToCol;
}

function lessPotentials(similarity: Float64Array, n: number, { rows, columns }: Potentials): Float64Array {
  const reduced = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = rows[i]!;
    const base = i * n;
    for (let j = 0; j < n; j++) reduced[base + j] = similarity[base + j]! - row - columns[j]!;
  }
  return reduced;
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
