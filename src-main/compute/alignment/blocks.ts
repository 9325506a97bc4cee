/** Groups whose units are blocks with groups inside: heads of attention, groups of channels. */
import { UserError } from '../../../src-shared/errors.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';

export const hasBlocks = (groups: readonly PermutationGroup[]): boolean =>
  groups.some(({ inside, axes }) => inside !== undefined || axes.some(({ within }) => within));

/** The group whose units these units are inside of. */
const blockAround = ({ inside }: PermutationGroup): string | undefined =>
  inside?.slice(0, inside.lastIndexOf('.'));

/** @throws UserError naming the groups if units are blocks, whose activations are not compared */
export function refuseBlocks(groups: readonly PermutationGroup[]): void {
  if (hasBlocks(groups))
    refuse(groups, groups, 'which cannot be aligned by activations yet', 'Align by weights, or not at all.');
}

/** @throws UserError naming the groups that are in blocks within blocks, or belong to grouped convolutions */
export function refuseDeepBlocks(groups: readonly PermutationGroup[]): void {
  const inner = new Set(groups.flatMap(({ name, inside }) => (inside === undefined ? [] : [name])));
  const deep = groups.filter((group) => {
    const around = blockAround(group);
    return group.axes.some(({ within }) => within) || (around !== undefined && inner.has(around));
  });
  if (deep.length > 0)
    refuse(
      groups,
      deep,
      'of grouped convolutions or within other blocks, which cannot be aligned yet',
      'Compare the networks without alignment, or see the groups with basin run symmetries.',
    );
}

function refuse(
  groups: readonly PermutationGroup[],
  within: readonly PermutationGroup[],
  why: string,
  hint: string,
): never {
  const around = new Set(within.map(blockAround));
  const blocks = groups.filter(({ name }) => around.has(name));
  const names = (blocks.length > 0 ? blocks : within).map(({ name }) => name);
  const more = names.length > 4 ? ` and ${names.length - 4} more` : '';
  throw new UserError(
    `The units of ${names.slice(0, 4).join(', ')}${more} are blocks (heads of attention, groups of channels), ${why}.`,
    { hint },
  );
}
