/** Where the eigenproblems of subspaces are solved: by TensorFlow if it is there, else in threads. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Doubles } from '../backend/doubles.ts';
import { inThread } from '../threads/pool.ts';
import { subspaceOf, subspaceTask } from './subspace.ts';
import type { Moments, Subspace } from './subspace.ts';

/**
 * The subspaces of several places, see `subspaceOf`. On TensorFlow one is found after the other: who waits for the first
 * gets threads to work before the next is begun. Places that read one value share its moments: threads get copies.
 */
export function findSubspaces(
  moments: readonly Moments[],
  target: number,
  doubles: Doubles | undefined,
): Promise<Subspace>[] {
  let before: Promise<unknown> = Promise.resolve();
  return moments.map((one) => {
    const space = doubles
      ? before.then(() => turn()).then(() => subspaceOf(one, target, doubles))
      : inThread(subspaceTask, [one, target]);
    // Whoever waits for it hears of a failure; nobody may be waiting yet, or any more.
    before = space.catch(() => undefined);
    return space;
  });
}
