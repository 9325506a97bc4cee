/** The rules by which findings are told apart from chance: every outcome of each. */
import { describe, expect, test } from 'vitest';
import {
  falls,
  isAbove,
  isBelow,
  isNear,
  leeway,
  rises,
  risesByFactor,
  sampleOf,
  together,
} from '../../../src-shared/verdicts/rules.ts';

const sample = (mean: number, std = 0, count = 4) => ({ mean, std, count });

test('a sample, and its leeway of two standard errors', () => {
  expect(sampleOf([1, 2, 3, 6])).toEqual({ mean: 3, std: Math.sqrt(14 / 3), count: 4 });
  expect(leeway(sample(9, 3, 9))).toBe(2);
  expect(leeway(sampleOf([1, 2]))).toBeNaN();
});

describe('a mean beside a limit', () => {
  test.each([
    [sample(4, 0.5), 'yes', 'no'],
    [sample(6, 0.5), 'no', 'yes'],
    [sample(4, 3), 'not clear', 'not clear'],
    [sample(4, 0, 2), 'not clear', 'not clear'],
    [sample(NaN), 'not clear', 'not clear'],
  ] as const)('%j: below 5 %s, above 5 %s', (given, below, above) => {
    expect([isBelow(given, 5), isAbove(given, 5)]).toEqual([below, above]);
  });

  test('a single number near another', () => {
    expect([isNear(1, 1.1, 0.2), isNear(1, 2, 0.2), isNear(NaN, 1, 1)]).toEqual(['yes', 'no', 'not clear']);
  });
});

describe('a trend', () => {
  test.each([
    [[1, 2, 3], 0.1, 'yes', 'no'],
    // A step within its leeway does not spoil a clear rise.
    [[1, 3, 2.99], 0.1, 'yes', 'no'],
    [[3, 2, 1], 0.1, 'no', 'yes'],
    [[1, 3, 2], 0.1, 'no', 'no'],
    [[1, 1.01], 0.1, 'not clear', 'not clear'],
    [[1], 0.1, 'not clear', 'not clear'],
    [[1, NaN], 0.1, 'not clear', 'not clear'],
  ] as const)('%j scattered by %d: rises %s, falls %s', (means, std, up, down) => {
    const samples = means.map((mean) => sample(mean, std));
    expect([rises(samples), falls(samples)]).toEqual([up, down]);
  });

  test('means of one or two values tell nothing', () => {
    expect(rises([sample(1, 0, 1), sample(9, 0, 1)])).toBe('not clear');
  });

  test.each([
    [[1, 2, 4], 'yes'],
    [[0, 3], 'yes'],
    [[4, 1], 'no'],
    [[1, 1.1], 'not clear'],
    [[0, 0], 'not clear'],
    [[1, Infinity], 'not clear'],
  ] as const)('%j by a factor of 1.5: %s', (values, outcome) => {
    expect(risesByFactor(values, 1.5)).toBe(outcome);
  });
});

test('several outcomes as one', () => {
  expect(together(['yes', 'yes'])).toBe('yes');
  expect(together(['no', 'no'])).toBe('no');
  expect(together(['yes', 'no'])).toBe('partly');
  expect(together(['yes', 'not clear'])).toBe('not clear');
  expect(together([])).toBe('not clear');
});
