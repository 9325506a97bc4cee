/** Mean and standard deviation of examples, by group of numbers. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Shaped } from './shape.ts';

export type NormalisationKind = 'channel' | 'number' | 'none';

export interface Statistics {
  mean: number[];
  std: number[];
  notes: string[];
}

interface Given {
  mean?: readonly number[] | undefined;
  std?: readonly number[] | undefined;
  normalisation?: NormalisationKind | undefined;
}

/**
 * Those that are given, else those of the examples (the deviation with 1/n); bytes count from 0 to 1.
 * @throws UserError if their number does not fit the examples
 */
export function statisticsOf(examples: Shaped, { mean, std, normalisation }: Given): Statistics {
  if (mean === undefined && std === undefined) {
    if (normalisation === 'none') return { mean: [0], std: [1], notes: [] };
    const perNumber = (normalisation ?? (examples.shape ? 'channel' : 'number')) === 'number';
    return measured(examples, perNumber ? examples.features : (examples.shape?.[0] ?? 1));
  }
  if (normalisation !== undefined)
    throw new UserError(
      'normalisation says how mean and std are found, and they are given; leave one of them out.',
    );
  if (mean === undefined || std === undefined)
    throw new UserError(
      `${mean === undefined ? 'mean' : 'std'} is missing: give both mean and std, or neither.`,
    );
  const fitting = [...new Set([1, examples.shape?.[0] ?? 1, examples.features])];
  for (const [name, values] of [
    ['mean', mean],
    ['std', std],
  ] as const) {
    if (fitting.includes(values.length) && values.length === mean.length) continue;
    throw new UserError(
      `${name}: ${values.length} values; ${fitting.join(' or ')} were expected${values.length === mean.length ? '' : `, as many as of mean (${mean.length})`}.`,
    );
  }
  const bad = std.findIndex((value) => !(value > 0));
  if (bad >= 0) throw new UserError(`std: value ${bad + 1} is ${std[bad]}; a number above 0 was expected.`);
  return { mean: [...mean], std: [...std], notes: [] };
}

function measured({ data, count, features }: Shaped, groups: number): Statistics {
  const scale = data instanceof Uint8Array ? 255 : 1;
  const plane = features / groups;
  const each = (work: (value: number, group: number) => void): void => {
    for (let row = 0, at = 0; row < count; row++) {
      for (let group = 0; group < groups; group++) {
        for (let i = 0; i < plane; i++) work(data[at++]! / scale, group);
      }
    }
  };
  const sums = new Float64Array(groups);
  each((value, group) => (sums[group]! += value));
  const mean = Array.from(sums, (sum) => sum / (count * plane));
  // In a second pass: the difference of two large numbers would lose the digits.
  const squares = new Float64Array(groups);
  each((value, group) => (squares[group]! += (value - mean[group]!) ** 2));
  const std = Array.from(squares, (sum) => Math.sqrt(sum / (count * plane)));
  const constant = std.filter((value) => value === 0).length;
  const what = groups === features ? 'numbers of a row are' : groups === 1 ? 'numbers are' : 'channels are';
  return {
    mean,
    std: std.map((value) => value || 1),
    notes:
      constant === 0
        ? []
        : [`${constant} of ${groups} ${what} the same in all training examples; they become 0.`],
  };
}
