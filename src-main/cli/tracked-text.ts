/** What was tracked at an epoch, in a few words: means over the pairs of models. */
import type { Tracked } from '../../src-shared/tracking.ts';

export function trackedText(tracked: Tracked): string {
  const { lossBarriers, midpoint, updateCosine, agreement, cka, linearisationError } = tracked;
  const values: [name: string, value: number | null | undefined][] = [
    ['test loss barrier', meanOf(lossBarriers?.chord)],
    ['test loss of the mean above the models’', midpoint?.loss],
    ['cosine of updates', meanOf(updateCosine)],
    ['agreement', meanOf(agreement)],
    ['CKA with the first kernel', cka],
    ['error of the linearisation', linearisationError],
  ];
  return values
    .flatMap(([name, value]) => (value == null ? [] : [`${name} ${value.toFixed(4)}`]))
    .join('   ');
}

function meanOf(values: readonly (number | null)[] | undefined): number | null {
  const known = values?.filter((value) => value !== null) ?? [];
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
