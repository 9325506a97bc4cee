import { expect, test } from 'vitest';
import { reasonToStop } from '../../../src-main/compute/training/early-stopping.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';

const metrics = (...losses: (number[] | null)[]): EpochMetrics[] =>
  losses.map((valLoss, epoch) => ({ epoch, valLoss, trainLoss: null, valAccuracy: null }));

const watched = { patience: 2, minDelta: 0.1 };

test.each([
  ['one validation', metrics([1]), false],
  ['falling', metrics([1], [0.8], [0.6], [0.4]), false],
  ['two without a fall', metrics([1], [1.2], [0.95]), true],
  ['a fall of no more than the least that counts', metrics([1], [0.95], [0.91]), true],
  ['small falls that add up to one that counts', metrics([1], [0.95], [0.89]), false],
  ['one of two models falls', metrics([1, 1], [1, 0.8], [1, 0.6]), false],
  ['neither of two models falls', metrics([1, 1], [1, 0.8], [1, 0.9], [1, 0.9]), true],
  ['epochs without validation do not count', metrics([1], null, [1], null), false],
  ['nothing validated', metrics(null, null, null), false],
])('%s', (_, found, stops) => {
  expect(reasonToStop(found, watched) !== undefined).toBe(stops);
});

test('says which epochs were best', () => {
  expect(reasonToStop(metrics([1, 1], [1, 0.8], [1, 0.9], [1, 0.9]), watched)).toBe(
    "no model's validation loss fell by more than 0.1 in the last 2 validations; the best were those of epochs 0, 1",
  );
});
