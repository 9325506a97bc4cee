/** Blocks within blocks, and groups of channels: weight matching knows them, maps inside them are not looked for. */
import { UserError } from '../../../../src-shared/errors.ts';
import type { PermutationGroup } from '../../../../src-shared/networks/symmetries.ts';

/** The group whose units these units are inside of. */
const blockAround = ({ inside }: PermutationGroup): string | undefined =>
  inside?.slice(0, inside.lastIndexOf('.'));

/** @throws UserError naming the blocks */
export function refuseDeepBlocks(groups: readonly PermutationGroup[]): void {
  const inner = new Set(groups.flatMap(({ name, inside }) => (inside === undefined ? [] : [name])));
  const deep = groups.filter((group) => {
    const around = blockAround(group);
    return group.axes.some(({ within }) => within) || (around !== undefined && inner.has(around));
  });
  if (deep.length === 0) return;
  const around = new Set(deep.map(blockAround));
  const blocks = groups.filter(({ name }) => around.has(name));
  const names = (blocks.length > 0 ? blocks : deep).map(({ name }) => name);
  const more = names.length > 4 ? ` and ${names.length - 4} more` : '';
  throw new UserError(
    `The units of ${names.slice(0, 4).join(', ')}${more} are blocks of grouped convolutions or within other blocks, which orthogonal alignment does not know.`,
    { hint: 'Align by weights or by activations.' },
  );
}
