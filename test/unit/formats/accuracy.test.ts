import { describe, expect, it } from 'vitest';
import { accuracyPercent, accuracyUnit } from '../../../src-main/formats/accuracy.ts';

describe('the unit of stored accuracies', () => {
  const inPercent = (...stored: (number | undefined)[]): (number | undefined)[] => {
    const unit = accuracyUnit(stored);
    return stored.map((value) => accuracyPercent(value, unit));
  };

  it('values up to 1 are fractions', () => {
    expect(inPercent(0, 0.5, 1)).toEqual([0, 50, 100]);
    expect(inPercent(undefined)).toEqual([undefined]);
  });

  it('one value above 1, and the run is in percent: what could be either is unknown', () => {
    expect(inPercent(88.3, 89)).toEqual([88.3, 89]);
    expect(inPercent(0.8, 97.3)).toEqual([undefined, 97.3]);
    expect(inPercent(1, 1.5)).toEqual([undefined, 1.5]);
    expect(inPercent(0, 97.3, undefined)).toEqual([0, 97.3, undefined]);
  });

  it('a mean of float32 a little above 1 is all', () => {
    expect(inPercent(Math.fround(1 + 2 ** -23), 0.5)).toEqual([100, 50]);
  });

  it('what cannot be an accuracy is unknown, and does not make the others fractions', () => {
    expect(inPercent(-1, 0.5)).toEqual([undefined, 50]);
    expect(inPercent(NaN, 0.5)).toEqual([undefined, 50]);
    expect(inPercent(150, 0.5)).toEqual([undefined, undefined]);
    expect(inPercent(Infinity, 99)).toEqual([undefined, 99]);
  });
});
