/** Groups whose units are blocks with groups of their own inside: heads of attention, groups of channels. */
import { UserError } from '../../../src-shared/errors.ts';
import type { PermutationGroup } from '../../../src-shared/networks/symmetries.ts';

/** @throws UserError naming the groups if units are in blocks, which are not paired */
export function refuseBlocks(groups: readonly PermutationGroup[]): void {
  const within = groups.filter(
    ({ inside, axes }) => inside !== undefined || axes.some((axis) => axis.within),
  );
  if (within.length === 0) return;
  const blocks = groups.filter(({ name }) => within.some(({ inside }) => inside?.startsWith(`${name}.`)));
  const names = (blocks.length > 0 ? blocks : within).map(({ name }) => name);
  throw new UserError(
    `The units of ${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''} are blocks ` +
      '(heads of attention, or groups of channels), which cannot be aligned yet.',
    { hint: 'Compare the networks without alignment, or see the groups with basin run symmetries.' },
  );
}
