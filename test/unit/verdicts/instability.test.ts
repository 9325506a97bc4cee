import { expect, test } from 'vitest';
import { barrierFades, barrierFalls } from '../../../src-shared/verdicts/instability.ts';
import { sampleOf } from '../../../src-shared/verdicts/rules.ts';

const drops = (...means: number[]) => means.map((mean) => sampleOf([mean - 0.1, mean, mean + 0.1]));

test.each([
  ['falls below 2 points', drops(9, 4, 0.5), 'yes'],
  ['stays above', drops(9, 8, 7), 'no'],
  ['had not far to fall', drops(0.4, 0.3, 0.1), 'not clear'],
  ['ends at the threshold', drops(9, 4, 2), 'not clear'],
  ['one fork only', drops(9), 'not clear'],
  ['two pairs only', [sampleOf([9, 9.1]), sampleOf([0.1, 0.2])], 'not clear'],
  ['not finite', drops(9, NaN), 'not clear'],
] as const)('barrierFades: %s', (_, samples, expected) => {
  expect(barrierFades(samples)).toBe(expected);
});

test.each([
  ['falls', drops(9, 12, 3), 'yes'],
  ['rises', drops(3, 9), 'no'],
  ['stays', drops(3, 3.05), 'not clear'],
  ['one fork only', drops(3), 'not clear'],
  ['not finite', drops(NaN, 3), 'not clear'],
] as const)('barrierFalls: %s', (_, samples, expected) => {
  expect(barrierFalls(samples)).toBe(expected);
});
