/** The machine check of maps beyond permutations: changed by random ones, a network must compute the same function. */
import type { LinearMap } from '../../../../src-shared/networks/exported/linear-maps.ts';
import { UserError } from '../../../../src-shared/errors.ts';
import { RandomStream } from '../../random.ts';
import type { ChangeOf } from '../../networks/comparison.ts';
import { symmetryTolerance } from '../../networks/check-symmetries.ts';
import { mixed } from './ascent.ts';
import { randomInvertible, randomRotation } from './matrices.ts';
import { mixSides } from './units.ts';
import type { DoubleArrays } from './units.ts';

/** Changed by a random map: orthogonal, or any invertible one if the group allows that. */
export function randomlyMapped(arrays: DoubleArrays, map: LinearMap, stream: RandomStream): DoubleArrays {
  const { group, kind, keepsOnes } = map;
  if (kind === 'orthogonal') return mixed(arrays, group, randomRotation(stream, group.size, keepsOnes));
  return mixSides(arrays, map, randomInvertible(stream, group.size));
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
