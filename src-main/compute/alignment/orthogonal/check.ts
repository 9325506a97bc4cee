/** The machine check of maps beyond permutations: changed by random ones, a network must compute the same function. */
import type { LinearMap } from '../../../../src-shared/networks/exported/linear-maps.ts';
import type { Network } from '../../../../src-shared/networks/network.ts';
import { UserError } from '../../../../src-shared/errors.ts';
import type { Backend } from '../../backend/index.ts';
import { RandomStream } from '../../random.ts';
import { inputsOf, rows } from '../../networks/check-exported.ts';
import { relativeChange, symmetryTolerance } from '../../networks/check-symmetries.ts';
import { valuesOfArrays } from '../../networks/doubles.ts';
import { mixed } from './ascent.ts';
import { randomInvertible, randomRotation } from './matrices.ts';
import { allParts, mixUnits } from './units.ts';
import type { DoubleArray, DoubleArrays } from './units.ts';

/** The largest change of an output relative to the largest output, in double precision. */
export type ChangeOf = (arrays: DoubleArrays) => number;

/**
 * Compares models with one model on random inputs, in double precision.
 * @param use may call its argument any number of times
 */
export function withComparison<T>(
  backend: Backend,
  network: Network,
  arrays: DoubleArrays,
  use: (changeOf: ChangeOf) => T,
): T {
  const x = inputsOf(network, new RandomStream(0, 'symmetries'));
  const values = valuesOfArrays(backend, { network, arrays }, [network.graph.output], { rows, count: rows });
  const outputOf = (own: DoubleArrays): Float64Array => {
    let found = new Float64Array();
    values.set(own);
    values.each(x, (value) => {
      found = Float64Array.from(value instanceof Float64Array ? value : backend.native!.doubles.read(value));
    });
    return found;
  };
  try {
    const before = outputOf(arrays);
    return use((own) => relativeChange(before, outputOf(own)));
  } finally {
    values.dispose();
  }
}

/** Changed by a random map: orthogonal, or any invertible one if the group allows that. */
export function randomlyMapped(arrays: DoubleArrays, map: LinearMap, stream: RandomStream): DoubleArrays {
  const { group, kind, keepsOnes, sides } = map;
  if (kind === 'orthogonal') return mixed(arrays, group, randomRotation(stream, group.size, keepsOnes));
  const { matrix, opposite } = randomInvertible(stream, group.size);
  const found = new Map<string, DoubleArray>(arrays);
  group.axes.forEach((axis, k) => {
    for (const part of allParts(axis)) {
      const array = found.get(axis.parameter);
      const own = sides[k]![part] === 1 ? matrix : opposite;
      if (array) found.set(axis.parameter, mixUnits(array, axis, own, [part]));
    }
  });
  return found;
}

/** @returns the groups whose maps change the function, and by how much all of them together do */
export function failedMaps(
  arrays: DoubleArrays,
  maps: readonly LinearMap[],
  changeOf: ChangeOf,
): { change: number; failed: string[] } {
  const stream = new RandomStream(0, 'linear-maps');
  const change = changeOf(maps.reduce((found, map) => randomlyMapped(found, map, stream), arrays));
  // NaN compares with nothing.
  if (change <= symmetryTolerance) return { change, failed: [] };
  const failed = maps.filter(
    (map) =>
      !(changeOf(randomlyMapped(arrays, map, new RandomStream(1, 'linear-maps'))) <= symmetryTolerance),
  );
  return { change, failed: (failed.length > 0 ? failed : maps).map(({ group }) => group.name) };
}

/** @throws UserError if the change is more than double precision explains */
export function requireSame(change: number, what: string): void {
  if (change <= symmetryTolerance) return;
  throw new UserError(
    `${what} changes its output by ${change.toPrecision(3)} of the largest entry; at most ${symmetryTolerance} was ` +
      'expected. It cannot be aligned by orthogonal maps.',
    {
      hint: 'Its weights may hold NaN or be very large. If they do not, this is a bug: please report it. Alignment by weights does not need these maps.',
    },
  );
}
