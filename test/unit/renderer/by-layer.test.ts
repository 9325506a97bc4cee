import { expect, test } from 'vitest';
import { byLayer } from '../../../src-renderer/training/by-layer.ts';

test('numbers of a few layers stand one by one, of many layers equal neighbours are counted', () => {
  expect(byLayer([12, 12, 12, 32])).toBe('12 · 12 · 12 · 32');
  expect(byLayer(Array.from({ length: 22 }, () => 2))).toBe('2 (22 layers)');
  expect(byLayer([4, 36, 36, 36, 54, 6, 54, 54, 8])).toBe('4 · 36 (3 layers) · 54 · 6 · 54 (2 layers) · 8');
});
