/** Seeds of a study over several tasks: the given one and those after it. */
export const seedsFrom = (seed: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (seed + i) >>> 0);
