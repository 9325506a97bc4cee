/** What one job computed, shown as a group of its own. */
import type { Group } from '../../src-shared/api.ts';
import { coloursOf } from '../../src-shared/series-colours.ts';

const ofResult = 'result-';

/** Shows what one job computed, and asks for nothing. */
export function groupOfResult(resultId: string, title: string): Group {
  // `Interpolate, aligned by weights: NAME`
  const key = title.replace(/^Interpolate[^:]*: /, '');
  return {
    id: `${ofResult}${resultId}`,
    architecture: 'mlp',
    key,
    colour: coloursOf([{ label: key }])[0]!,
    notes: '',
    members: [],
  };
}

/** The result that a group made by `groupOfResult` stands for. */
export function resultOfGroup({ id, members }: Group): string | undefined {
  return members.length === 0 && id.startsWith(ofResult) ? id.slice(ofResult.length) : undefined;
}
