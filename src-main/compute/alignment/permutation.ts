/** Of the units of a group: `perm[i]` is the unit of model b that is matched with unit i of model a. */
export type Permutation = Int32Array;

/** A group in messages: the P_1 of an MLP is "hidden layer 1"; others go by their names. */
export const groupLabel = (group: string): string => group.replace(/^P_(\d+)$/, 'hidden layer $1');

export function identityPermutation(size: number): Permutation {
  return Int32Array.from({ length: size }, (_, i) => i);
}

/** What permuting by `first`, then by `second`, comes to: composed[i] = first[second[i]]. */
export function composePermutations(first: Permutation, second: Permutation): Permutation {
  return second.map((i) => first[i]!);
}

export function isPermutation(values: ArrayLike<number>): boolean {
  const seen = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value) || value < 0 || value >= values.length || seen[value] === 1) return false;
    seen[value] = 1;
  }
  return true;
}

export function isIdentity(perm: Permutation): boolean {
  return perm.every((from, to) => from === to);
}
