/** Findings about neurons and families, straight from their rules: numbers that give every outcome. */
import { describe, expect, test } from 'vitest';
import { judge } from '../../../src-main/compute/identifiability/verdict.ts';
import { swapSentence } from '../../../src-renderer/matrices/cost-words.ts';
import { familySentences, trapText, type FamilyLoss } from '../../../src-shared/verdicts/families.ts';
import {
  exchangesFinding,
  functionClassesFinding,
  layersFinding,
  ridgeFinding,
} from '../../../src-shared/verdicts/identifiability.ts';
import { patternsFinding } from '../../../src-shared/verdicts/patterns.ts';
import {
  matchWeightsFinding,
  placeBetween,
  placeOutcome,
  placesRise,
  placesText,
} from '../../../src-shared/verdicts/matching.ts';

describe('a layer’s neurons', () => {
  const evidence = (positive: number, negative: number, mean = 1) => ({
    transpositions: {
      count: 3,
      min: 0,
      min_pair: [0, 1] as [number, number],
      mean,
      median: 1,
      positive,
      negative,
    },
    cheapest: { delta: 0, moved: 0 },
    ...{ own: 3, neurons: 3, nothingFixed: false, leastRank: 4 },
  });

  test.each([
    ['yes', 'are identifiable', evidence(3, 0)],
    ['partly', 'only partly identifiable: 2 of 3', evidence(2, 0)],
    ['no', 'are not identifiable', evidence(0, 0)],
    // Swaps that would save something distinguish neurons as well as those that cost.
    ['partly', 'only partly identifiable: 0 of 3', evidence(0, 2)],
    ['not clear', 'not clear: a cost is not finite', evidence(3, 0, NaN)],
    // Their costs are zero for any function: neither "no" nor "partly" would be true.
    ['not clear', 'no free weights that act', { ...evidence(0, 0), leastRank: 0 }],
    ['not clear', 'no free weights that act', { ...evidence(2, 0), leastRank: 0 }],
  ] as const)('%s: %s', (outcome, words, given) => {
    const { told_apart, text } = judge(given);
    expect([told_apart, text]).toEqual([outcome, expect.stringContaining(words)]);
  });

  test('only where nothing is fixed is that the reason', () => {
    const [without, bare] = [false, true].map(
      (nothingFixed) => judge({ ...evidence(0, 0), nothingFixed }).text,
    );
    expect(without).toMatch(/costs anything\.$/);
    expect(bare).toMatch(/costs anything\. \w.*\.$/);
  });

  test('swaps of several layers: those with a neuron without free weights are left out', () => {
    const costly = { layer: 'a', swaps: [2, 4], largestCost: 5, leastRank: 3 };
    const without = { layer: 'b', swaps: [0, 0], largestCost: 5, leastRank: 0 };
    const found = exchangesFinding([costly, without]);
    expect(found.outcome).toBe('yes');
    expect(found.text).toMatch(
      /100\.0 % of all pairs, 3 on average\. Left out: some neurons of b have no free/,
    );
    expect(exchangesFinding([without])).toMatchObject({
      outcome: 'not clear',
      text: expect.stringMatching(/^Not clear: some neurons of b have no free weights/) as string,
    });
    expect(exchangesFinding([{ ...without, leastRank: 1 }]).outcome).toBe('no');
  });

  test('several layers', () => {
    expect(layersFinding(['yes', 'yes'])).toMatchObject({
      outcome: 'yes',
      text: expect.stringContaining('all 2 layers') as string,
    });
    expect(layersFinding(['no', 'no'])).toMatchObject({
      outcome: 'no',
      text: expect.stringContaining('In none') as string,
    });
    expect(layersFinding(['yes', 'no', 'partly', 'not clear'])).toEqual({
      outcome: 'partly',
      text: 'Neurons are identifiable in 1 of 4 layers, partly in 1, not in 1, not clear in 1.',
    });
    expect(layersFinding(['not clear', 'not clear']).outcome).toBe('not clear');
  });

  const costs = (swap: number) => ({
    ...{ own_first: 1, own_second: 1, first_realises_second: 2, second_realises_first: 2, swap },
  });
  test.each([
    [2, 'would cost 2 more'],
    [-2, 'would save 2'],
    [1e-12, 'costs nothing'],
    [NaN, 'not clear'],
  ])('exchanging two at a swap cost of %d: %s', (swap, words) => {
    expect(swapSentence(costs(swap) as never, [0, 1])).toContain(words);
  });

  test('exchanging two of which one has no free weights', () => {
    expect(swapSentence({ ...costs(0), min_gram_rank: 0 } as never, [0, 1])).toContain(
      'not clear: one has no',
    );
  });

  test.each([
    ['yes', [1, 2, 1], [9, 10, 11], ': 7.5 times as much'],
    ['no', [9, 10, 11], [1, 2, 1], 'which is less'],
    ['not clear', [1, 20, 1], [9, 10, 11], 'not clear: the difference is within two standard errors'],
    ['not clear', [1, 2], [9, 10], 'not clear: at least 3 of each'],
    ['not clear', [], [9, 10], 'no slot was fitted to its own'],
    ['not clear', [1, 2, NaN], [9, 10, 11], 'not finite'],
  ] as const)('%s: its own function at %j, another’s at %j', (outcome, own, other, words) => {
    expect(ridgeFinding(own, other)).toEqual({ outcome, text: expect.stringContaining(words) as string });
  });
});

describe('neurons of two models', () => {
  const objectives = (identity: number, optimal = 1, random = [0.1, 0, -0.1]) => ({
    ...{ identity, optimal, random, random_mean: 0, random_std: 0.1, random_max: 0.1 },
  });

  test.each([
    [0.95, 'yes', 'keep their slots: g (95 %)'],
    [0.6, 'partly', 'nearer to the best permutation than to chance: g (60 %)'],
    [0.3, 'partly', 'far from the best permutation: g (30 %)'],
    [0.02, 'no', 'do not keep their slots: g (2 %)'],
  ] as const)('the identity at %d: %s', (identity, outcome, words) => {
    const place = placeBetween([objectives(identity)] as never);
    expect(placeOutcome(place)).toBe(outcome);
    expect(placesText([{ subject: 'g', place }])).toContain(words);
  });

  test.each([
    ['no random permutations', objectives(0.5, 1, [])],
    ['a best permutation within the scatter of chance', objectives(0.1, 0.15)],
    ['a number that is not finite', objectives(NaN)],
  ])('not clear: %s', (_what, given) => {
    const place = placeBetween([given] as never);
    expect([place, placeOutcome(place)]).toEqual([null, 'not clear']);
    expect(placesText([{ subject: 'g', place }])).toBe(
      'Not clear, because the best permutation is hardly better than chance: g.',
    );
  });

  test.each([
    [
      'yes',
      [{ left: 0.5, moved: 0.9 }],
      'brings the second model to 50.0 % of the distance in weight space; 90.0 %',
    ],
    ['partly', [{ left: 0.95, moved: 0.2 }], 'not much closer'],
    ['no', [{ left: 0.995, moved: 0.1 }], 'hardly closer'],
    ['no', [{ left: 1, moved: 0 }], 'No permutation brings'],
    ['not clear', [{ left: NaN, moved: 0 }], 'not clear'],
  ] as const)('matching weights, %s: %j', (outcome, pairs, words) => {
    expect(matchWeightsFinding(pairs)).toEqual({ outcome, text: expect.stringContaining(words) as string });
  });

  test.each([
    [[0, 0.5, 1], 'yes'],
    [[0, 0.5, 0.3], 'no'],
    [[0.5, 0.4], 'no'],
    [[0.5, 0.55], 'not clear'],
    [[0, 0.5, 0.45], 'not clear'],
    [[0, NaN], 'not clear'],
  ] as const)('places %j rise towards the optimum: %s', (places, outcome) => {
    expect(placesRise(places)).toBe(outcome);
  });
});

describe('function classes', () => {
  const layer = (lower_quartile: number, median: number, own: number, count = 3) => ({
    ...{ layer: 'fc1', others: { median, lower_quartile } },
    own: { count, median: own / 2, upper_quartile: own },
  });

  test.each([
    ['yes', [layer(2, 3, 1), layer(9, 10, 1)], 'functions that the others cannot'],
    [
      'yes',
      [layer(2, 2, 0)],
      'lie 2 from those that another can compute (median per layer), from its own 0:',
    ],
    ['no', [layer(1, 1.9, 1), layer(0, 0, 0)], 'can compute the same functions'],
    ['partly', [layer(2, 3, 1), layer(1, 1, 1)], 'in some layers'],
    ['not clear', [layer(1.9, 2, 1)], 'is not clear'],
    ['not clear', [layer(9, 10, 1, 2)], 'is not clear'],
    ['not clear', [layer(9, 10, 1), layer(NaN, 1, 1)], 'not finite'],
  ] as const)('%s: %j', (outcome, layers, words) => {
    expect(functionClassesFinding(layers)).toEqual({
      outcome,
      text: expect.stringContaining(words) as string,
    });
  });
});

test.each([
  ['yes', [0.8, 0.6], 'are active on the same inputs'],
  ['partly', [0.7, 0.6], 'more often active'],
  ['no', [0.61, 0.6], 'little in common'],
  ['no', [0.3, 0.6], 'little in common'],
  ['not clear', [1, 1], 'no neuron ever changes its sign'],
  ['not clear', [NaN, 0.5], 'not finite'],
] as const)('signs of activations, %s: %j', (outcome, [agreement_ratio, chance_agreement_ratio], words) => {
  // A place at which nothing varies does not count.
  const still = { agreement_ratio: 1, chance_agreement_ratio: 1 };
  expect(patternsFinding(5, [{ agreement_ratio, chance_agreement_ratio }, still])).toEqual({
    outcome,
    text: expect.stringContaining(words) as string,
  });
});

describe('families of networks', () => {
  const sample = (mean: number, std = 1) => ({ mean, std, count: 6 });
  const family = (name: string, asTrained: number, std?: number, matched = 1, script = 30): FamilyLoss => ({
    ...{ name, asTrained: sample(asTrained, std), matched: sample(matched), script: sample(script) },
  });
  const said = (...families: FamilyLoss[]) => familySentences(families).join(' ');

  test('apart, together, and what lies between', () => {
    const words = said(family('a', 39), family('b', 2), family('c', 12));
    expect(words).toContain('a lose 39 % of their accuracy');
    expect(words).toContain('b lose only 2 %: with these fixed weights');
    expect(words).toContain('a lose only 1 %: the barrier was a matter of permutation');
    expect(words).toContain('Not clear for c');
  });

  test('a mean whose scatter reaches over the limit is not clear', () => {
    expect(said(family('a', 25, 20))).toMatch(/^Not clear: no family/);
    expect(said(family('a', 5, 6))).toMatch(/^Not clear: no family/);
    expect(said(family('a', NaN))).toMatch(/^Not clear: no family/);
  });

  test('what matching does not mend is not called a permutation', () => {
    expect(said(family('a', 39, 1, 15))).not.toContain('permutation');
  });

  test('the trap is named if it shows', () => {
    expect(trapText([family('a', 39)])).toContain('lose 30 %');
    expect(trapText([family('a', 39, 1, 29, 30)])).toMatch(/shown for comparison\.$/);
    expect(trapText([family('a', 39, 1, NaN)])).toMatch(/shown for comparison\.$/);
  });
});
