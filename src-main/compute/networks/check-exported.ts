/** The machine check of permutation groups of networks exported from PyTorch, on TensorFlow's double kernels. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import type { Backend } from '../backend/index.ts';
import { RandomStream } from '../random.ts';
import { requireGroups, symmetryTolerance } from './check-symmetries.ts';
import { inputsOf, withComparison } from './comparison.ts';
import type { ChangeOf } from './comparison.ts';
import { isExported } from './parameters.ts';
import { inDoubles, permuteArrays } from './permute.ts';
import type { NamedArrays } from './permute.ts';
import { movingOrders, tellingArrays } from './probe.ts';

export interface SymmetryCheck {
  /** The largest change of an output when the units of all groups change places, relative to the largest output. */
  readonly maxRelativeChange: number;
  /** The groups that change the function by themselves. */
  readonly failed: readonly { readonly group: string; readonly maxRelativeChange: number }[];
  readonly ok: boolean;
}

/**
 * Permutes the units of all groups at random and compares the outputs on random inputs in double precision; each group by
 * itself only if that changes them. Constant parameters get other values first (`tellingArrays`).
 * @throws UserError without native TensorFlow
 */
export function checkExportedGroups(
  backend: Backend,
  network: Network,
  arrays: NamedArrays,
  groups: readonly PermutationGroup[],
): SymmetryCheck {
  const doubles = tellingArrays(network, inDoubles(arrays));
  const stream = new RandomStream(0, 'symmetries');
  const x = inputsOf(network, stream);
  const changed = movingOrders(groups, stream);
  const compare = (changeFrom: ChangeOf): SymmetryCheck => {
    const changeOf = (some: readonly PermutationGroup[]): number =>
      changeFrom(permuteArrays(doubles, some, changed));
    const maxRelativeChange = changeOf(groups);
    // NaN compares with nothing.
    const ok = maxRelativeChange <= symmetryTolerance;
    const each = ok
      ? []
      : groups.map((group) => ({ group: group.name, maxRelativeChange: changeOf([group]) }));
    const failed = each.filter((check) => !(check.maxRelativeChange <= symmetryTolerance));
    return { maxRelativeChange, failed, ok };
  };
  return withComparison(backend, network, doubles, compare, x);
}

/**
 * As `requireGroups`, for networks of any origin.
 * @throws UserError naming the groups that change the function
 */
export function requireCheckedGroups(
  backend: Backend,
  network: Network,
  arrays: NamedArrays,
  what: string,
  groups: readonly PermutationGroup[] = symmetriesOf(network).groups,
): void {
  if (!isExported(network)) {
    requireGroups(network, arrays, what, groups);
    return;
  }
  const { ok, failed, maxRelativeChange } = checkExportedGroups(backend, network, arrays, groups);
  if (ok) return;
  const names = (failed.length > 0 ? failed.map(({ group }) => group) : groups.map(({ name }) => name)).join(
    ', ',
  );
  throw new UserError(
    `${what}: permuting the units of ${names} changes its output by ${maxRelativeChange.toPrecision(3)} of the largest ` +
      `entry; at most ${symmetryTolerance} was expected. It cannot be aligned.`,
    { hint: 'Its weights may hold NaN or be very large. If they do not, this is a bug: please report it.' },
  );
}
