import { expect, test } from 'vitest';
import { keepsMost, losesMost, repairs } from '../../../src-shared/verdicts/residual.ts';

test.each([
  [60, 'yes', 'no'],
  [40, 'no', 'yes'],
  [50, 'not clear', 'not clear'],
  [NaN, 'not clear', 'not clear'],
] as const)('%d %% lost: most of it? %s; most kept? %s', (lost, most, kept) => {
  expect([losesMost(lost), keepsMost(lost)]).toEqual([most, kept]);
});

test.each([
  [70, 65, 'yes'],
  [70, 67, 'not clear'],
  [70, 70, 'no'],
  [70, 80, 'no'],
  [70, NaN, 'not clear'],
] as const)('from %d to %d %% by aligning: repaired? %s', (unaligned, aligned, outcome) => {
  expect(repairs(unaligned, aligned)).toBe(outcome);
});
