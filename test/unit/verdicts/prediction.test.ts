import { describe, expect, it } from 'vitest';
import { chanceOf, inWords } from '../../../src-renderer/identifiability/rank-words.ts';

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

  it('says whether a measure foretells, might, or does not', () => {
    const say = (xs: number[], ys: number[]) => inWords('γ_out', 'falls', xs, ys);
    expect(say([1, 2, 3, 4, 5], [9, 8, 7, 6, 5])).toContain('it foretells the barrier (ρ = −1.00');
    expect(say([1, 2, 3], [9, 8, 7])).toContain(
      'too few runs to be sure (ρ = −1.00, as strong by chance in 33 %',
    );
    expect(say([1, 2, 3, 4, 5], [5, 6, 7, 8, 9])).toContain('against expectation');
    expect(say([1, 2, 3, 4, 5], [1, 5, 3, 4, 2])).toContain('does not go with the barrier');
    expect(say([1, 2], [1, 2])).toContain('at least three runs');
    expect(say([0, 0, 0], [1, 2, 3])).toContain('the same in all runs');
  });
});
