/** The machine check of derived symmetries: a network whose units are permuted or rescaled must compute the same function. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';
import type { Rescaling } from '../../../src-shared/networks/rescalings.ts';
import { RandomStream } from '../random.ts';
import { ringOf } from './edges.ts';
import { hostForward } from './host.ts';
import type { Doubles } from './host.ts';
import { inDoubles, permuteArrays, rescaleArrays } from './permute.ts';
import type { NamedArray, NamedArrays } from './permute.ts';
import { movingOrders, tellingArrays } from './probe.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/** Largest change of the output, relative to its largest entry, that double precision explains. */
export const symmetryTolerance = 1e-9;

export interface GroupCheck {
  readonly group: string;
  readonly maxRelativeChange: number;
  readonly ok: boolean;
}

/**
 * Permutes the units of each group at random, one group at a time, and compares the outputs on random inputs in double
 * precision; constant parameters get other values first. The seed is fixed: the check is about the groups, not about the draw.
 * @param arrays acting parameters of one model
 */
export function checkGroups(
  network: Network,
  arrays: NamedArrays<Float64Array>,
  groups: readonly PermutationGroup[],
  rows = 4,
): GroupCheck[] {
  const stream = new RandomStream(0, 'symmetries');
  const x = randomInputs(network, stream, rows);
  const telling = tellingArrays(network, arrays);
  const before = valueOf(network, telling, x);
  const orders = movingOrders(groups, stream);
  return groups.map((group) => {
    const permuted = permuteArrays(telling, [group], orders);
    const maxRelativeChange = relativeChange(before, valueOf(network, permuted, x));
    return { group: group.name, maxRelativeChange, ok: maxRelativeChange <= symmetryTolerance };
  });
}

/** The relative change of the output if the units of all groups are permuted at once. */
function changeOfAll(
  network: Network,
  arrays: NamedArrays<Float64Array>,
  groups: readonly PermutationGroup[],
): number {
  const stream = new RandomStream(0, 'symmetries');
  const x = randomInputs(network, stream, 2);
  const telling = tellingArrays(network, arrays);
  const permuted = permuteArrays(telling, groups, movingOrders(groups, stream));
  return relativeChange(valueOf(network, telling, x), valueOf(network, permuted, x));
}

/** The output on these rows; if they are to be the nodes of a graph, they are a ring. */
function valueOf(network: Network, arrays: NamedArrays<Float64Array>, x: Doubles): Doubles {
  const features = sizeOf(network.graph.inputs[0]!.shape);
  return hostForward(network, dataOf(arrays), x, ringOf(x.length / features));
}

function randomInputs({ graph }: Network, stream: RandomStream, rows: number): Float64Array {
  const size = sizeOf(graph.inputs[0]!.shape);
  return Float64Array.from(stream.normals(rows * size));
}

/**
 * Multiplies the units of each rescaling by random factors, one rescaling at a time.
 * @param what the model, as messages name it
 * @throws UserError naming the rescalings that change the function
 */
export function requireRescalings(
  network: Network,
  arrays: NamedArrays<Float64Array>,
  what: string,
  rescalings: readonly Rescaling[],
): void {
  const stream = new RandomStream(0, 'rescalings');
  const x = randomInputs(network, stream, 4);
  const telling = tellingArrays(network, arrays);
  const before = valueOf(network, telling, x);
  const changes = rescalings.map((rescaling) => {
    const factors = stream.normals(rescaling.size).map((v) => Math.exp(v / 2));
    const after = valueOf(network, rescaleArrays(telling, rescaling, factors), x);
    return { name: rescaling.name, change: relativeChange(before, after) };
  });
  // NaN compares with nothing.
  const failed = changes.filter(({ change }) => !(change <= symmetryTolerance));
  if (failed.length === 0) return;
  const worst = Math.max(...failed.map(({ change }) => change));
  throw new UserError(
    `${what}: rescaling the units of ${failed.map(({ name }) => name).join(', ')} changes its output by ` +
      `${worst.toPrecision(3)} of the largest entry; at most ${symmetryTolerance} was expected. It is not rescaled.`,
    { hint },
  );
}

const hint = 'Its weights may hold NaN or be very large. If they do not, this is a bug: please report it.';

/**
 * @param what the model, as messages name it
 * @throws UserError naming the groups that change the function: aligning it would compare other functions
 */
export function requireGroups(
  network: Network,
  arrays: NamedArrays,
  what: string,
  groups: readonly PermutationGroup[] = symmetriesOf(network).groups,
): void {
  const doubles = inDoubles(arrays);
  const change = changeOfAll(network, doubles, groups);
  if (change <= symmetryTolerance) return;
  // Only to name those that fail is each tried.
  const failed = checkGroups(network, doubles, groups).filter(({ ok }) => !ok);
  const names = (failed.length > 0 ? failed.map(({ group }) => group) : groups.map(({ name }) => name)).join(
    ', ',
  );
  const worst = Math.max(change, ...failed.map(({ maxRelativeChange }) => maxRelativeChange));
  throw new UserError(
    `${what}: permuting the units of ${names} changes its output by ${worst.toPrecision(3)} of the largest entry; at ` +
      `most ${symmetryTolerance} was expected. It cannot be aligned.`,
    { hint },
  );
}

export const dataOf = (arrays: ReadonlyMap<string, NamedArray<Float64Array>>): Map<string, Doubles> =>
  new Map([...arrays].map(([name, { data }]) => [name, data]));

/** Largest difference relative to the largest entry; NaN where either is not a number. */
export function relativeChange(before: Doubles, after: Doubles): number {
  let [difference, scale] = [0, 0];
  before.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - after[i]!)); // Math.max keeps NaN
    scale = Math.max(scale, Math.abs(value));
  });
  return scale === 0 ? difference : difference / scale;
}
