/** Results side by side. */
import { describe, expect, it } from 'vitest';
import {
  cellText,
  compareValues,
  differenceText,
  valuesIn,
} from '../../../src-renderer/results/compare-results.ts';

const pair = (first: number, second: number, chord: number, epoch = 10) => ({
  ...{ model1_index: first, model2_index: second, epoch, checkpoint_path_1: '/a' },
  ...{ test_loss_barriers: { chord }, lambdas: Array.from({ length: 60 }, (_, i) => i) },
});

describe('the values of a result', () => {
  it('have names that say what they are of; paths, matrices and long curves are left out', () => {
    const values = valuesIn({
      pairs: [pair(1, 2, 0.5), pair(1, 3, 0.25)],
      costs: { $matrix: 'costs', rows: 2, columns: 2 },
      sizes: [3, null],
      run_directory: '/x',
    });
    expect([...values]).toEqual([
      ['pairs · models 1, 2, epoch 10.model1_index', 1],
      ['pairs · models 1, 2, epoch 10.model2_index', 2],
      ['pairs · models 1, 2, epoch 10.epoch', 10],
      ['pairs · models 1, 2, epoch 10.test_loss_barriers.chord', 0.5],
      ['pairs · models 1, 3, epoch 10.model1_index', 1],
      ['pairs · models 1, 3, epoch 10.model2_index', 3],
      ['pairs · models 1, 3, epoch 10.epoch', 10],
      ['pairs · models 1, 3, epoch 10.test_loss_barriers.chord', 0.25],
      ['sizes[0]', 3],
      ['sizes[1]', null],
    ]);
  });

  it('are kept apart if entries have the same name', () => {
    expect([
      ...valuesIn({
        all: [
          { name: 'a', x: 1 },
          { name: 'a', x: 2 },
        ],
      }).keys(),
    ]).toEqual(['all · a.name', 'all · a.x', 'all · a (2).name', 'all · a (2).x']);
  });
});

describe('a comparison', () => {
  it('finds entries whatever their order, and says how far later results are from the first', () => {
    const compared = compareValues([
      { pairs: [pair(1, 2, 0.5), pair(1, 3, 1)], kept: true },
      { pairs: [pair(1, 3, 1.5), pair(1, 2, 0.25)], kept: true },
      { pairs: [pair(1, 2, 0.5)], extra: 'x' },
    ]);
    const of = (name: string) => compared.find((value) => value.name.endsWith(name));
    expect(of('models 1, 2, epoch 10.test_loss_barriers.chord')).toMatchObject({
      values: [0.5, 0.25, 0.5],
      differences: [-0.25, 0],
      differs: true,
    });
    expect(of('models 1, 3, epoch 10.test_loss_barriers.chord')).toMatchObject({
      values: [1, 1.5, undefined],
      differences: [0.5, undefined],
      differs: true,
    });
    expect(of('kept')).toMatchObject({ values: [true, true, undefined], differs: true });
    expect(of('extra')).toMatchObject({ values: [undefined, undefined, 'x'], differs: true });
    expect(compareValues([{ a: 1 }, { a: 1 }])[0]).toMatchObject({ differs: false, differences: [0] });
  });

  it('shows signs, and what is missing', () => {
    expect([0.25, -0.25, 0, undefined].map(differenceText)).toEqual(['+0.25', '−0.25', '0', '']);
    expect([undefined, null, true, 1.23456].map(cellText)).toEqual(['–', 'none', 'true', '1.235']);
  });
});
