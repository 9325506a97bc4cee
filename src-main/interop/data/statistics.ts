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

/** @throws UserError if all numbers of all examples are the same */
function measured(examples: Shaped, groups: number): Statistics {
  const found = examples.data instanceof Uint8Array ? ofBytes(examples, groups) : ofNumbers(examples, groups);
  const constant = found.filter(({ std }) => std === 0).length;
  const { features } = examples;
  if (constant === groups) {
    throw new UserError(
      `the training examples are all the same: no ${groups === features ? 'number' : 'channel'} differs between them, so that they have no standard deviation.`,
      { hint: 'Check the file of the inputs, or add them with normalisation none.' },
    );
  }
  const what = groups === features ? 'numbers of a row' : 'channels';
  return {
    mean: found.map(({ mean }) => mean),
    std: found.map(({ std }) => std || 1),
    notes:
      constant === 0
        ? []
        : [
            `${constant} of ${groups} ${what} are the same in all training examples: their standard deviation is 0, and 1 is used instead; they become 0 there.`,
          ],
  };
}

interface Moments {
  mean: number;
  std: number;
}

/** Exact up to the last division: whole numbers are summed, so that equal bytes have a deviation of 0. */
function ofBytes({ data, count, features }: Shaped, groups: number): Moments[] {
  const plane = features / groups;
  const sums = new Float64Array(groups);
  const squares = new Float64Array(groups);
  for (let i = 0; i < data.length; i++) {
    const group = Math.floor((i % features) / plane);
    sums[group]! += data[i]!;
    squares[group]! += data[i]! ** 2;
  }
  const size = count * plane;
  return Array.from(sums, (sum, group) => {
    const spread = BigInt(size) * BigInt(squares[group]!) - BigInt(sum) ** 2n;
    return { mean: sum / size / 255, std: Math.sqrt(Number(spread)) / size / 255 };
  });
}

function ofNumbers({ data, count, features }: Shaped, groups: number): Moments[] {
  const plane = features / groups;
  const each = (work: (value: number, group: number) => void): void => {
    for (let row = 0, at = 0; row < count; row++) {
      for (let group = 0; group < groups; group++) {
        for (let i = 0; i < plane; i++) work(data[at++]!, group);
      }
    }
  };
  const sums = new Float64Array(groups);
  const lowest = new Float64Array(groups).fill(Infinity);
  const highest = new Float64Array(groups).fill(-Infinity);
  each((value, group) => {
    sums[group]! += value;
    lowest[group] = Math.min(lowest[group]!, value);
    highest[group] = Math.max(highest[group]!, value);
  });
  // The mean of equal numbers is that number, whatever the sum was rounded to.
  const mean = Array.from(sums, (sum, g) => (lowest[g] === highest[g] ? lowest[g]! : sum / (count * plane)));
  // In a second pass: the difference of two large numbers would lose the digits.
  const squares = new Float64Array(groups);
  each((value, group) => (squares[group]! += (value - mean[group]!) ** 2));
  return mean.map((value, group) => ({ mean: value, std: Math.sqrt(squares[group]! / (count * plane)) }));
}
