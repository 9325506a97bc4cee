import type { Permutation } from '../../src-main/compute/alignment/permutation.ts';

export function inversePermutation(perm: Permutation): Permutation {
  const inverse = new Int32Array(perm.length);
  perm.forEach((from, to) => (inverse[from] = to));
  return inverse;
}
