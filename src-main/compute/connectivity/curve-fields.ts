/** What results of `interpolate` say of points: losses and accuracies by split. */
import { finiteOrNull } from '../../../src-shared/barriers.ts';
import type { Split } from '../../../src-shared/domain.ts';
import { derivedOf } from '../../../src-shared/jobs/interpolate.ts';
import { lambdasOf } from './plan.ts';
import type { PointScores } from './points.ts';

/** Losses and accuracies along a line, and what is derived of them: chord, barrier. */
export function curveFields(split: Split, points: readonly PointScores[]) {
  const loss = points.map((point) => finiteOrNull(point.loss));
  const accuracy = accuracyOf(points);
  return {
    ...Object.fromEntries(entriesOf(split, points)),
    ...derivedOf(split, lambdasOf(points.length - 1), { loss, accuracy }),
  };
}

/** Undefined if there is none. */
function accuracyOf(points: readonly PointScores[]): (number | null)[] | undefined {
  if (points.some(({ accuracy }) => accuracy === undefined)) return undefined;
  return points.map(({ accuracy }) => finiteOrNull(accuracy!));
}

/** Loss and, if there is one, accuracy of some points on a split. */
export function entriesOf(split: Split, points: readonly PointScores[]): [string, (number | null)[]][] {
  const accuracy = accuracyOf(points);
  return [
    [`${split}_loss`, points.map(({ loss }) => finiteOrNull(loss))],
    ...(accuracy ? [[`${split}_accuracy`, accuracy] as [string, (number | null)[]]] : []),
  ];
}
