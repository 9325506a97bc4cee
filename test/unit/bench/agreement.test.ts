import { expect, it } from 'vitest';
import { disagreements } from '../../bench/published/agreement.ts';

it('numbers agree up to an absolute and a relative difference', () => {
  const tolerances = { cost: { absolute: 0.1, relative: 0.01 } };
  expect(disagreements({ cost: [0, 100] }, { cost: [0.1, 101] }, tolerances)).toEqual([]);
  expect(disagreements({ cost: [0, 100, 3] }, { cost: [0.2, 100, 4] }, tolerances)).toEqual([
    'cost: 2 of 3 numbers differ, at place 0 0 here and 0.2 there',
  ]);
});

it('means agree where each side draws its own numbers', () => {
  const tolerances = { loss: { mean: 0.1 } };
  expect(disagreements({ loss: [1, 3] }, { loss: [2.5, 1.6] }, tolerances)).toEqual([]);
  expect(disagreements({ loss: [1, 3] }, { loss: [3, 1.5] }, tolerances)).toEqual([
    'loss: the mean is 2 here, 2.25 there',
  ]);
});

it('what is no number, missing, or more than asked for never agrees', () => {
  const each = { a: { relative: 1 } };
  const mean = { a: { mean: 1 } };
  for (const tolerances of [each, mean]) {
    expect(disagreements({ a: [NaN] }, { a: [NaN] }, tolerances)).toHaveLength(1);
    expect(disagreements({ a: [] }, { a: [] }, tolerances)).toHaveLength(1);
    expect(disagreements({}, { a: [1] }, tolerances)).toHaveLength(1);
    expect(disagreements({ a: [1, 1] }, { a: [1] }, tolerances)).toHaveLength(1);
    expect(disagreements({ a: [1], b: [1] }, { a: [1] }, tolerances)).toHaveLength(1);
  }
});
