import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearMisses } from '../../src-shared/near-miss.ts';

test('counts edits', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('ab', 'ba')).toBe(1);
  expect(editDistance('', 'abc')).toBe(3);
});

test('is symmetric, and zero only for equal words', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
    }),
  );
});

test('offers near words, nearest first, and nothing far', () => {
  expect(nearMisses('interpolte', ['interpolate', 'import', 'jobs'])).toEqual(['interpolate']);
  expect(nearMisses('zzzzzz', ['interpolate', 'import'])).toEqual([]);
});
