/** The machine check of permutation groups of networks exported from PyTorch, on TensorFlow's double kernels. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { TorchCall } from '../../../src-shared/networks/operations/torch.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { Backend } from '../backend/index.ts';
import { RandomStream } from '../random.ts';
import { relativeChange, requireGroups, symmetryTolerance } from './check-symmetries.ts';
import { valuesOfArrays } from './doubles.ts';
import { isExported } from './parameters.ts';
import { inDoubles, permuteArrays } from './permute.ts';
import type { NamedArray, NamedArrays } from './permute.ts';
import { movingOrders, tellingArrays } from './probe.ts';

export interface SymmetryCheck {
  /** The largest change of an output when the units of all groups change places, relative to the largest output. */
  readonly maxRelativeChange: number;
  /** The groups that change the function by themselves. */
  readonly failed: readonly { readonly group: string; readonly maxRelativeChange: number }[];
  readonly ok: boolean;
}

/** Examples that functions are compared on. */
export const rows = 2;

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
  const { output } = network.graph;
  const values = valuesOfArrays(backend, { network, arrays: doubles }, [output], { rows, count: rows });
  const outputOf = (own: NamedArrays<Float64Array>): Float64Array => {
    let found = new Float64Array();
    values.set(own);
    values.each(x, (value) => {
      found = Float64Array.from(value instanceof Float64Array ? value : backend.native!.doubles.read(value));
    });
    return found;
  };
  try {
    const before = outputOf(doubles);
    const changeOf = (some: readonly PermutationGroup[]): number =>
      relativeChange(before, outputOf(permuted(doubles, some, changed)));
    const maxRelativeChange = changeOf(groups);
    // NaN compares with nothing.
    const ok = maxRelativeChange <= symmetryTolerance;
    const each = ok
      ? []
      : groups.map((group) => ({ group: group.name, maxRelativeChange: changeOf([group]) }));
    const failed = each.filter((check) => !(check.maxRelativeChange <= symmetryTolerance));
    return { maxRelativeChange, failed, ok };
  } finally {
    values.dispose();
  }
}

const permuted = (
  arrays: NamedArrays<Float64Array>,
  groups: readonly PermutationGroup[],
  permutations: ReadonlyMap<string, Int32Array>,
): Map<string, NamedArray<Float64Array>> => permuteArrays(arrays, groups, permutations);

/** Numbers of any size; whole ones for tables of rows, as many as the smallest has. */
export function inputsOf({ graph, nodes, shapes }: Network, stream: RandomStream): Float64Array {
  const [input] = graph.inputs;
  const numbers = stream.normals(rows * sizeOf(input!.shape));
  const calls = nodes.filter(({ op }) => op === 'torch');
  const isWhole = calls.some(
    ({ takes, attributes }) =>
      takes.includes(input!.id) &&
      (attributes as TorchCall).call === 'cast' &&
      (attributes as { kind: string }).kind === 'int',
  );
  const tables = calls.flatMap(({ takes, attributes }) =>
    (attributes as TorchCall).call === 'embedding' ? [shapes.get(takes[0]!)![0]!] : [],
  );
  const most = Math.min(2 ** 10, ...tables);
  return Float64Array.from(numbers, (value) => (isWhole ? Math.floor(Math.abs(value) * 1000) % most : value));
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
