import { describe, expect, it } from 'vitest';
import { boundHolds, costAppears, measuresAgree, rateAgrees } from '../../../src-shared/verdicts/costs.ts';
import { sampleOf } from '../../../src-shared/verdicts/rules.ts';

describe('a cost that is there with fixed weights, and none without them', () => {
  it.each([
    [0, 0.5, 'yes'],
    [-0.05, 0.5, 'yes'],
    [0.06, 0.5, 'not clear'],
    [0.5, 0.5, 'no'],
    [-0.6, 0.5, 'no'],
    [0, 0, 'no'],
    [0, -1, 'no'],
    [NaN, 1, 'not clear'],
    [0, Infinity, 'not clear'],
  ] as const)('%d without, %d with: %s', (without, withIt, outcome) => {
    expect(costAppears(without, withIt)).toBe(outcome);
  });
});

describe('two measures that order pairs alike', () => {
  it.each([
    [1, 'yes'],
    [0.8, 'yes'],
    [0.79, 'not clear'],
    [0.5, 'not clear'],
    [0.49, 'no'],
    [-1, 'no'],
    [NaN, 'not clear'],
  ] as const)('rank correlation %d: %s', (rho, outcome) => {
    expect(measuresAgree(rho)).toBe(outcome);
  });
});

describe('a fitted exponent beside the predicted one', () => {
  it.each([
    [[-0.24, -0.25, -0.26], -0.25, 'yes'],
    [[-0.19, -0.25, -0.31], -0.25, 'not clear'], // scatters too much
    [[-0.4, -0.4, -0.41], -0.25, 'no'],
    [[0, 0.001, -0.001], -0.06, 'no'], // flat is not a small power
    [[-0.25, -0.25], -0.25, 'not clear'], // too few
    [[-0.25, NaN, -0.25], -0.25, 'not clear'],
  ] as const)('%j beside %d: %s', (exponents, predicted, outcome) => {
    expect(rateAgrees(sampleOf(exponents), predicted)).toBe(outcome);
  });
});

describe('a bound that may fail with probability 0.1', () => {
  it.each([
    [100, 100, 'yes'],
    [90, 100, 'yes'],
    [85, 100, 'not clear'],
    [83, 100, 'no'],
    [8, 10, 'not clear'],
    [0, 0, 'not clear'],
    [NaN, 10, 'not clear'],
  ] as const)('%d of %d within: %s', (within, count, outcome) => {
    expect(boundHolds(within, count, 0.1)).toBe(outcome);
  });
});
