/** Rules for looking for the setting behind published numbers. */
import { expect, test } from 'vitest';
import { dropReachable, nearestTo } from '../../../src-shared/verdicts/setting-search.ts';

test('nobody loses more than the best classifier has', () => {
  expect([dropReachable(46.4, 17), dropReachable(46.4, 84), dropReachable(46.4, NaN)]).toEqual([
    'no',
    'yes',
    'not clear',
  ]);
});

test('the nearest of the settings tried, whether it is near enough or not', () => {
  const target = [46, 16, 6];
  expect(
    nearestTo(target, [
      [0, 0, 0],
      [43, 19, 6],
    ]),
  ).toEqual({ index: 1, distance: 2, outcome: 'yes' });
  expect(
    nearestTo(target, [
      [40, 16, 0],
      [0, 0, 0],
    ]),
  ).toEqual({ index: 0, distance: 4, outcome: 'no' });
  expect(
    nearestTo(target, [
      [NaN, 1, 2],
      [46, 16],
    ]),
  ).toMatchObject({ index: null, outcome: 'not clear' });
});
