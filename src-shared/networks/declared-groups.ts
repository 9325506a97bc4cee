/** Permutation groups as somebody writes them, compared with those that follow from the layers. */
import { didYouMean } from '../near-miss.ts';
import { declarationError } from './declaration.ts';
import type { DeclaredAxis, Place } from './declaration.ts';
import type { Network } from './network.ts';
import { symmetriesOf } from './symmetries.ts';
import type { PermutationGroup, Symmetries } from './symmetries.ts';

type Axes = ReadonlyMap<string, DeclaredAxis>;

const keyed = (axes: readonly DeclaredAxis[]): Axes =>
  new Map(axes.map((axis) => [JSON.stringify(axis), axis]));

const axesOf = ({ axes }: PermutationGroup): DeclaredAxis[] =>
  axes.map(({ parameter, axis }) => [parameter, axis]);

/** `[encoder.0.weight, 0], [encoder.3.weight, 1]` */
export const listedAxes = (axes: Iterable<DeclaredAxis>): string =>
  [...axes].map(([tensor, axis]) => `[${tensor}, ${axis}]`).join(', ');

/** The derived groups with their axes. A unit of a declared network is one entry of every axis it stands on. */
export const groupAxes = ({
  groups,
}: Pick<Symmetries, 'groups'>): { name: string; size: number; axes: DeclaredAxis[] }[] =>
  groups.map((group) => ({ name: group.name, size: group.size, axes: axesOf(group) }));

/**
 * @returns the names of the derived groups, by the node that opens each
 * @throws UserError naming the group, and what it lacks or has too much
 */
export function groupNamesOf(
  network: Network,
  written: ReadonlyMap<string, readonly DeclaredAxis[]>,
  place: Place,
): Record<string, string> {
  const symmetries = symmetriesOf(network);
  const derived = groupAxes(symmetries).map(({ name, axes }) => ({ name, axes: keyed(axes) }));
  const names = new Map<string, string>();
  for (const [name, members] of written) {
    const at = `permutations.${name}`;
    for (const member of members) checkMember(member, network, place, at);
    const own = keyed(members);
    const shared = ({ axes }: { axes: Axes }): number =>
      [...own.keys()].filter((key) => axes.has(key)).length;
    const [nearest] = derived.toSorted((a, b) => shared(b) - shared(a));
    if (!nearest || shared(nearest) === 0)
      throw declarationError(place, at, `none of its axes can move: ${reasons(members, symmetries)}.`);
    const lacks = [...nearest.axes].flatMap(([key, axis]) => (own.has(key) ? [] : [axis]));
    const surplus = [...own].flatMap(([key, axis]) => (nearest.axes.has(key) ? [] : [axis]));
    if (lacks.length + surplus.length > 0)
      throw declarationError(place, at, difference(lacks, surplus), leaveOut);
    const other = names.get(nearest.name);
    if (other !== undefined)
      throw declarationError(place, at, `it duplicates permutations.${other}.`, leaveOut);
    names.set(nearest.name, name);
  }
  const forgotten = derived.find(({ name }) => !names.has(name));
  if (forgotten)
    throw declarationError(
      place,
      'permutations',
      `there is no group for ${listedAxes(forgotten.axes.values())}, which move together.`,
      leaveOut,
    );
  return Object.fromEntries(names);
}

const leaveOut = 'Groups are optional: without "permutations" they are derived from the layers.';

function difference(lacks: readonly DeclaredAxis[], surplus: readonly DeclaredAxis[]): string {
  return [
    ...(lacks.length > 0 ? [`it lacks ${listedAxes(lacks)}`] : []),
    ...(surplus.length > 0 ? [`it should not have ${listedAxes(surplus)}`] : []),
  ]
    .join('; ')
    .concat('.');
}

function checkMember([tensor, axis]: DeclaredAxis, network: Network, place: Place, at: string): void {
  const parameter = network.parameters.get(tensor);
  if (!parameter)
    throw declarationError(
      place,
      at,
      `there is no tensor "${tensor}".${didYouMean(tensor, network.parameters.keys())}`,
    );
  if (axis >= parameter.shape.length)
    throw declarationError(
      place,
      at,
      `"${tensor}" has shape [${parameter.shape.join(', ')}] and no axis ${axis}.`,
    );
}

function reasons(members: readonly DeclaredAxis[], { fixed }: Symmetries): string {
  const known = members.map(([tensor, axis]) => {
    const found = fixed.find(({ parameter, axis: other }) => parameter === tensor && other === axis);
    return `[${tensor}, ${axis}] is ${found?.reason ?? 'fixed'}`;
  });
  return [...new Set(known)].join(', ');
}
