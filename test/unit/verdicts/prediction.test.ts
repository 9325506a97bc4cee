import { describe, expect, it } from 'vitest';
import { chanceOf, predictionFinding } from '../../../src-shared/verdicts/prediction.ts';

describe('what a rank correlation over a few runs says', () => {
  it('counts the orders that are as strong, exactly', () => {
    // Of 4! = 24 orders two are perfect, one either way.
    expect(chanceOf([1, 2, 3, 4], [9, 7, 5, 1])).toBeCloseTo(2 / 24, 12);
    // Of 5! orders 10 have |rho| >= 0.9: the two perfect ones, and each of them with two neighbours exchanged.
    expect(chanceOf([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])).toBeCloseTo(10 / 120, 12);
  });

  it('agrees with the exact share where it only approximates', () => {
    const xs = Array.from({ length: 9 }, (_, i) => i);
    // Two-sided 5 % point of Spearman for n = 9 is rho = 0.70.
    const ys = [2, 1, 0, 4, 3, 8, 5, 7, 6];
    expect(chanceOf(xs, ys)).toBeGreaterThan(0.005);
    expect(chanceOf(xs, ys)).toBeLessThan(0.06);
  });

  it.each([
    [
      'yes',
      [1, 2, 3, 4, 5],
      [9, 8, 7, 6, 5],
      'it predicts the barrier (ρ = −1.00, permutation test, p = 0.02)',
    ],
    ['no', [1, 2, 3, 4, 5], [5, 6, 7, 8, 9], 'against expectation (ρ = 1.00'],
    ['not clear', [1, 2, 3], [9, 8, 7], 'not clear from 3 runs (ρ = −1.00, permutation test, p = 0.33)'],
    ['not clear', [1, 2, 3, 4, 5], [1, 5, 3, 4, 2], 'not clear from 5 runs'],
    ['not clear', [1, 2], [1, 2], 'at least three runs'],
    ['not clear', [0, 0, 0], [1, 2, 3], 'the same in all runs'],
    ['not clear', [1, 2, NaN, 4], [4, 3, 2, Infinity], '2 of 4 runs have no finite value'],
  ] as const)('%s: %j against %j', (outcome, xs, ys, words) => {
    const found = predictionFinding('γ_out', 'falls', xs, ys);
    expect(found).toEqual({ outcome, text: expect.stringContaining(words) as string });
    if (outcome === 'not clear') expect(found.text).toMatch(/not clear/i);
  });

  it('denies a relation only if so many runs leave no room for one', () => {
    const xs = Array.from({ length: 60 }, (_, i) => i);
    const ys = xs.map((x) => (x * 37) % 61);
    expect(predictionFinding('γ_out', 'falls', xs, ys)).toMatchObject({
      outcome: 'no',
      text: expect.stringMatching(/does not predict the barrier .*normal approximation/) as string,
    });
    expect(predictionFinding('γ_out', 'falls', xs.slice(0, 12), ys.slice(0, 12)).outcome).toBe('not clear');
  });
});
