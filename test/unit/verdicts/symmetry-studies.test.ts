/** Rules of the studies of parameter-space symmetry: outcomes that their entries' tests do not reach. */
import { expect, test } from 'vitest';
import {
  barrierRemoved,
  budgetForHalf,
  countAsExpected,
  decaysAsTheory,
  deviationBounded,
  fallsWithNorm,
  fasterEverywhere,
  fewerWithSkip,
  movesAsExpected,
  orbitFound,
  pathsAsSigns,
  powerBetween,
  powerOf,
  shareAsTheory,
} from '../../../src-shared/verdicts/symmetry-studies.ts';

const count = (found: number, converged = 9) => ({ found, converged });

test('too little, or numbers that are not finite, are not clear', () => {
  expect([
    fewerWithSkip([]),
    fewerWithSkip([{ on: count(1, 0), off: count(4) }]),
    deviationBounded([]),
    deviationBounded([{ chord_deviation: NaN, deviation_bound: 1 }]),
    decaysAsTheory([NaN], 1),
    barrierRemoved([]),
    orbitFound([{ relative_residual: NaN }]),
    pathsAsSigns([]),
    shareAsTheory(4, 8, 0.5),
    countAsExpected({ free: 0, all: 0 }, 'none'),
    movesAsExpected({ free: 0, all: 0 }, 'all'),
    fasterEverywhere([
      { fewer: 1, more: 2 },
      { fewer: 1, more: 2 },
      { fewer: null, more: null },
    ]),
    fallsWithNorm([]),
  ]).toEqual(Array(13).fill('not clear'));
});

test('between yes and no', () => {
  expect(orbitFound([{ relative_residual: 1e-9 }, { relative_residual: 0.2 }])).toBe('partly');
  expect(barrierRemoved([0.05, 0.3])).toBe('partly');
  expect(countAsExpected({ free: 3, all: 9 }, 'all')).toBe('partly');
  expect(movesAsExpected({ free: 3, all: 9 }, 'all')).toBe('partly');
  expect(movesAsExpected({ free: 1, all: 9 }, 'none')).toBe('partly');
  const falling = [
    { norm: 2, barrier: 2 },
    { norm: 1, barrier: 1 },
  ];
  expect(
    fallsWithNorm([
      falling,
      [
        { norm: 2, barrier: 1 },
        { norm: 1, barrier: 2 },
      ],
    ]),
  ).toBe('partly');
  expect(
    fasterEverywhere([
      { fewer: 1, more: 2 },
      { fewer: 1, more: null },
      { fewer: 3, more: 2 },
    ]),
  ).toBe('partly');
});

test('a share within two standard errors of the theory, and beyond three', () => {
  expect([50, 61, 75].map((n) => shareAsTheory(n, 100, 0.5))).toEqual(['yes', 'not clear', 'no']);
});

test('the budget for half of the starts is interpolated, and may lie below or beyond what was tried', () => {
  expect(budgetForHalf([100, 400], [0, 1])).toBeCloseTo(200, 9);
  expect([budgetForHalf([100, 400], [0.6, 1]), budgetForHalf([100, 400], [0, 0.4])]).toEqual([100, null]);
});

test('powers between two points', () => {
  expect(powerOf([1, 3], [10, 300])).toBeCloseTo(2, 12);
  expect([powerOf([1, 0], [2, 1]), powerOf([1, 1], [1, 2])]).toEqual([null, null]);
  const chord = (length: number, measured_barrier: number) => ({ length, measured_barrier });
  expect(powerBetween(chord(1, 1), chord(2, 16))).toBeCloseTo(4, 12);
  expect([powerBetween(chord(1, 0), chord(2, 1)), powerBetween(chord(1, 1), undefined)]).toEqual([
    null,
    null,
  ]);
});
