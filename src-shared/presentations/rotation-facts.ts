/** What is shown of pairs that were aligned by more than permutations. */
import type { Interpolation } from '../jobs/interpolate.ts';
import type { OrthogonalRecord } from '../jobs/orthogonal.ts';
import type { Presentation } from './present.ts';

const number = (value: number): string => value.toPrecision(4);

function names(groups: readonly { group: string; size: number }[]): string {
  const shown = groups.slice(0, 3).map(({ group, size }) => `${group} (${size})`);
  const more = groups.length > 3 ? [`${groups.length - 3} more`] : [];
  return [...shown, ...more].join(', ') || 'none';
}

export function rotationFacts(pairs: readonly Interpolation[]): Presentation['facts'] {
  const found = pairs.flatMap(({ orthogonal }) => orthogonal ?? []);
  const [first] = found;
  if (!first) return [];
  const ofKind = (kind: OrthogonalRecord['maps'][number]['kind']) =>
    first.maps.filter((map) => map.kind === kind);
  const unbalanced = [...new Set(found.flatMap((each) => each.unbalanced))];
  const change = Math.max(...found.map(({ max_relative_change: most }) => most));
  const stopped = found.flatMap(({ restarts }) => restarts).filter(({ converged }) => !converged).length;
  return [
    ['Orthogonal maps', names(ofKind('orthogonal'))],
    ['Invertible maps', names(ofKind('invertible'))],
    ...found.map((each, i): [string, string] => [
      found.length > 1 ? `Distance of the weights, pair ${i + 1}` : 'Distance of the weights',
      `${number(each.distance_unaligned)} unaligned, ${number(each.distance_permuted)} permuted, ${number(each.distance_aligned)} by orthogonal maps`,
    ]),
    ...first.permuted
      .filter(({ reason }) => !reason.startsWith('its units are blocks'))
      .map(({ group, reason }): [string, string] => [`Only permuted: ${group}`, reason]),
    ...first.untied.map(([reader, other]): [string, string] => [
      `Untied: ${reader}`,
      `one tensor with ${other} in the files`,
    ]),
    ...(unbalanced.length > 0
      ? [['Heads with a singular side', unbalanced.join(', ')] as [string, string]]
      : []),
    ...(stopped > 0 ? [['Ascents given up', String(stopped)] as [string, string]] : []),
    ['Largest change of an output', `${change.toPrecision(2)} of the largest, in double precision`],
  ];
}
