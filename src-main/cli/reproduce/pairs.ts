/** 1-2, 3-4, ...: pairs that share no network, so that what is measured on them are independent draws. */
export const disjointPairs = (models: number): [number, number][] =>
  Array.from({ length: Math.floor(models / 2) }, (_, i) => [2 * i + 1, 2 * i + 2]);
