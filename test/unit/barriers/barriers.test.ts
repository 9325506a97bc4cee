/** The four definitions of a barrier, by hand and by what must hold for every curve. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accuracyDrops,
  barrierHeight,
  barrierNames,
  barrierTexts,
  countNonFinite,
  isLinear,
  lossBarriers,
  nonFiniteText,
} from '../../../src-shared/barriers.ts';
import { lambdasOf } from '../../../src-main/compute/connectivity/plan.ts';

const quarters = [0, 0.25, 0.5, 0.75, 1];
/** Zod keeps it, JSON too: no -0 anywhere. */
const plain = (value: number | null): boolean => value === null || !Object.is(value, -0);

describe('barriers by hand', () => {
  it('of losses with unequal ends, where every definition gives another number', () => {
    // The chord from 1 to 3 is 1, 1.5, 2, 2.5, 3; the curve lies 0, 3.5, 2, 1.5, 0 above it.
    const found = lossBarriers(quarters, [1, 5, 4, 4, 3]);
    expect(found).toEqual({ chord: 3.5, mean_ends: 3, max_ends: 2, midpoint: 2 });
  });

  it('of accuracies, in points, positive where accuracy is lost', () => {
    // The chord from 90 to 80 is 90, 87.5, 85, 82.5, 80; the curve lies 0, 27.5, 35, 42.5, 0 below it.
    const found = accuracyDrops(quarters, [90, 60, 50, 40, 80]);
    expect(found).toEqual({ chord: 42.5, mean_ends: 45, max_ends: 40, midpoint: 35 });
  });

  it('where the middle is better than the ends: none, and a midpoint below 0', () => {
    expect(lossBarriers([0, 0.5, 1], [2, 1, 2])).toEqual({
      ...{ chord: 0, mean_ends: 0, max_ends: 0, midpoint: -1 },
    });
    expect(accuracyDrops([0, 0.5, 1], [80, 90, 90])).toEqual({
      ...{ chord: 0, mean_ends: 5, max_ends: 0, midpoint: -5 },
    });
  });

  it('where a curve hangs above its chord but below its higher end', () => {
    expect(lossBarriers(quarters, [0, 3, 3, 3.5, 4])).toEqual({
      ...{ chord: 2, mean_ends: 2, max_ends: 0, midpoint: 1 },
    });
  });

  it('have no midpoint, never one made up, if no point stands at 1/2', () => {
    const found = lossBarriers(lambdasOf(3), [1, 2, 2, 1]);
    expect(found).toMatchObject({ chord: 1, mean_ends: 1, max_ends: 1, midpoint: null });
    expect(found.reason).toMatch(/midpoint.*1\/2/);
  });

  it('know 1/2 and 1 in the rounding of another program', () => {
    const float32 = (values: number[]) => [...Float32Array.from(values)];
    expect(lossBarriers(float32([0, 0.1, 0.5, 0.9, 1]), [1, 1, 4, 1, 1]).midpoint).toBe(3);
    expect(lossBarriers([0, 0.49999999999999994, 1], [1, 4, 1]).midpoint).toBe(3);
    expect(lossBarriers([0, 0.499, 1], [1, 4, 1]).midpoint).toBeNull();
  });

  it.each([
    ['NaN inside', [1, NaN, 1, 2, 1], '1 of 5 points is not finite'],
    ['infinity at an end', [Infinity, 2, 1, 1, null], '2 of 5 points are not finite'],
    ['null', [1, null, null, null, 1], '3 of 5 points are not finite'],
  ])('of a curve that is not finite (%s) are null, with the reason', (_what, values, reason) => {
    for (const found of [lossBarriers(quarters, values), accuracyDrops(quarters, values)])
      expect(found).toEqual({ chord: null, mean_ends: null, max_ends: null, midpoint: null, reason });
    expect(barrierHeight(values)).toBeNull();
    expect(isLinear(values)).toBeNull();
  });

  it('of a curve that is no segment are null, with the reason', () => {
    expect(lossBarriers([0.1, 0.5, 0.9], [1, 2, 1])).toMatchObject({ chord: null, reason: /from 0 to 1/ });
    expect(lossBarriers([], [])).toMatchObject({ chord: null, mean_ends: null });
    expect(lossBarriers(quarters, [1, 2, 1])).toMatchObject({ chord: null, reason: /3 values at 5 points/ });
  });

  it('are named with formula and users, one sentence each', () => {
    for (const name of barrierNames) {
      expect(barrierTexts[name].usedBy).toMatch(/^[A-Z].*[.]$/s);
      expect(barrierTexts[name].formula).toContain('L(0)');
    }
    expect(nonFiniteText(2, 9)).toBe('2 of 9 points are not finite');
    expect(countNonFinite([1, null, NaN, -Infinity, 0])).toBe(3);
  });
});

const curve = fc
  .array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 2, maxLength: 30 })
  .map((values) => ({ values, lambdas: lambdasOf(values.length - 1) }));
const rounding = 1e-9;

describe('of every curve', () => {
  it('chord and mean_ends are at least max_ends, which is at least 0; none is below the midpoint', () => {
    fc.assert(
      fc.property(curve, ({ values, lambdas }) => {
        for (const found of [lossBarriers(lambdas, values), accuracyDrops(lambdas, values)]) {
          expect(found.max_ends).toBeGreaterThanOrEqual(0);
          expect(found.chord).toBeGreaterThanOrEqual(found.max_ends! - rounding);
          expect(found.mean_ends).toBeGreaterThanOrEqual(found.max_ends!);
          if (values.length % 2 === 0) expect(found.midpoint).toBeNull();
          else {
            expect(found.chord).toBeGreaterThanOrEqual(found.midpoint! - rounding);
            expect(found.mean_ends).toBeGreaterThanOrEqual(found.midpoint!);
          }
          expect(barrierNames.every((name) => plain(found[name]))).toBe(true);
        }
      }),
    );
  });

  it('the same comes out when it is walked the other way', () => {
    fc.assert(
      fc.property(curve, ({ values, lambdas }) => {
        const there = lossBarriers(lambdas, values);
        const back = lossBarriers(lambdas, values.toReversed());
        for (const name of barrierNames)
          if (there[name] === null) expect(back[name]).toBeNull();
          else expect(back[name]).toBeCloseTo(there[name], 9);
        expect(barrierHeight(values.toReversed())).toBe(barrierHeight(values));
      }),
    );
  });

  it('a constant added changes nothing, a factor scales; with equal ends the first three agree', () => {
    fc.assert(
      fc.property(curve, fc.integer({ min: -5, max: 5 }), ({ values, lambdas }, shift) => {
        const found = lossBarriers(lambdas, values);
        const moved = lossBarriers(
          lambdas,
          values.map((value) => 2 * (value + shift)),
        );
        for (const name of barrierNames)
          if (found[name] !== null) expect(moved[name]).toBeCloseTo(2 * found[name], 8);
        const level = lossBarriers(lambdas, [50, ...values.slice(1, -1), 50]);
        expect(level.chord).toBeCloseTo(level.max_ends!, 9);
        expect(level.mean_ends).toBeCloseTo(level.max_ends!, 9);
      }),
    );
  });

  it('an accuracy drop is the loss barrier of the error', () => {
    fc.assert(
      fc.property(curve, ({ values, lambdas }) => {
        const drops = accuracyDrops(lambdas, values);
        const ofErrors = lossBarriers(
          lambdas,
          values.map((accuracy) => 100 - accuracy),
        );
        for (const name of barrierNames)
          if (drops[name] !== null) expect(drops[name]).toBeCloseTo(ofErrors[name]!, 9);
      }),
    );
  });

  it("the reference's height is at most 0, at least -100, and 0 on a constant curve", () => {
    fc.assert(
      fc.property(curve, ({ values }) => {
        expect(barrierHeight(values)).toBeLessThanOrEqual(0);
        expect(barrierHeight(values)).toBeGreaterThanOrEqual(-100);
        expect(Math.abs(barrierHeight(values.map(() => values[0]!))!)).toBe(0);
      }),
    );
    expect(barrierHeight([])).toBe(0);
    expect(barrierHeight([0, 5, 0])).toBe(0);
  });
});

it('a straight line is linear, and so is anything too short to tell', () => {
  expect(isLinear([90, 91, 92, 93, 94])).toBe(true);
  expect(isLinear([90, 90.4, 90])).toBe(true);
  expect(isLinear([90, 90.6, 90])).toBe(false);
  expect(isLinear([0, 100])).toBe(true);
});
