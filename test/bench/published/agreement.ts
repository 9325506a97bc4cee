/** Whether two sides of a comparison computed the same thing. */

/** Series of numbers, by name. */
export type Series = Record<string, readonly number[]>;

/**
 * How far numbers at one place may lie apart: by `absolute` plus `relative` times the larger of the two. Or, if the two
 * sides draw their own random numbers, how far the means of the series may lie apart.
 */
export type Tolerance = { relative?: number; absolute?: number } | { mean: number };

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** What differs by more than it may, a sentence each; empty if the two sides agree. */
export function disagreements(
  ours: Series,
  theirs: Series,
  tolerances: Readonly<Record<string, Tolerance>>,
): string[] {
  const foreign = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter(
    (name) => !Object.hasOwn(tolerances, name),
  );
  return [
    ...foreign.map((name) => `${name}: nothing says how closely the two sides must agree`),
    ...Object.entries(tolerances).flatMap(([name, tolerance]) =>
      differences(name, ours[name] ?? [], theirs[name] ?? [], tolerance),
    ),
  ];
}

function differences(
  name: string,
  ours: readonly number[],
  theirs: readonly number[],
  tolerance: Tolerance,
): string[] {
  if (ours.length === 0 || ours.length !== theirs.length)
    return [`${name}: ${ours.length} numbers here, ${theirs.length} there`];
  if ('mean' in tolerance) {
    const [a, b] = [meanOf(ours), meanOf(theirs)];
    return Math.abs(a - b) <= tolerance.mean ? [] : [`${name}: the mean is ${a} here, ${b} there`];
  }
  const { relative = 0, absolute = 0 } = tolerance;
  // Written so that NaN counts as too far.
  const far = ours.flatMap((a, i) => {
    const b = theirs[i]!;
    return Math.abs(a - b) <= absolute + relative * Math.max(Math.abs(a), Math.abs(b)) ? [] : [i];
  });
  const [first] = far;
  if (first === undefined) return [];
  return [
    `${name}: ${far.length} of ${ours.length} numbers differ, at place ${first} ${ours[first]} here and ${theirs[first]} there`,
  ];
}
