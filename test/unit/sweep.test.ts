import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellsOf, parseAxis, planOf, sweepSchema } from '../../src-shared/sweep.ts';

const none = { settings: [], seeds: null };

describe('an axis of a grid', () => {
  it.each([
    ['sigma_f=0,0.5,1', 'sigma_f', ['0', '0.5', '1']],
    ['optimizer.lr=1e-3,3e-4', 'optimizer.lr', ['1e-3', '3e-4']],
    ['seed=0-3', 'seed', ['0', '1', '2', '3']],
    ['training.num_epochs=10-30/10,50', 'training.num_epochs', ['10', '20', '30', '50']],
    ['model.widths=[16,16], [32,32]', 'model.widths', ['[16,16]', '[32,32]']],
    ['experiment_name="a,b",c', 'experiment_name', ['"a,b"', 'c']],
    ['x=a=b', 'x', ['a=b']],
  ])('%s', (text, key, values) => {
    expect(parseAxis(text)).toEqual({ key, values });
  });

  it.each([
    ['sigma_f', 'sigma_f has no values'],
    ['=1', 'the setting is missing'],
    ['sigma_f=', 'sigma_f has no values'],
    ['sigma_f=1,,2', 'a value between two commas is empty'],
    ['sigma_f=1,2,1', '1 appears twice'],
    ['seed=5-1', 'empty range'],
    ['seed=0-20000', 'at most 10000'],
  ])('%s is refused', (text, message) => {
    expect(() => parseAxis(text)).toThrow(message);
  });
});

describe('the runs of a sweep', () => {
  it('are all combinations, the last setting the fastest', () => {
    const grid = [parseAxis('sigma_f=0,1'), parseAxis('optimizer.lr=1e-3,1e-4')];
    const cells = cellsOf({ grid, settings: ['a=1'], seeds: 3 });
    expect(cells.map(({ name }) => name)).toEqual([
      'sigma_f=0+lr=1e-3',
      'sigma_f=0+lr=1e-4',
      'sigma_f=1+lr=1e-3',
      'sigma_f=1+lr=1e-4',
    ]);
    expect(cells[2]!.overrides).toEqual(['a=1', 'num_models=3', 'sigma_f=1', 'optimizer.lr=1e-3']);
  });

  it('are one without a grid', () => {
    expect(cellsOf({ ...none, grid: [] })).toEqual([{ name: 'run', values: {}, overrides: [] }]);
  });

  it('have folders of their own, whatever the values are', () => {
    const value = fc.string({ minLength: 1, maxLength: 8 });
    const axis = fc.record({
      key: fc.string({ minLength: 1, maxLength: 6 }),
      values: fc.uniqueArray(value, { minLength: 1, maxLength: 4 }),
    });
    const axes = fc.uniqueArray(axis, { selector: ({ key }) => key, maxLength: 3 });
    fc.assert(
      fc.property(axes, (grid) => {
        const cells = cellsOf({ ...none, grid });
        expect(cells).toHaveLength(grid.reduce((product, { values }) => product * values.length, 1));
        expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
        expect(new Set(cells.map(({ overrides }) => overrides.join('\n'))).size).toBe(cells.length);
        for (const { name } of cells) expect(name).toMatch(/^[\w.=+-]{1,140}$/);
      }),
    );
  });

  it.each([
    [{ grid: [parseAxis('a=1'), parseAxis('a=2')] }, 'varied twice'],
    [{ grid: [parseAxis('a=1')], settings: ['a=3'] }, 'a is varied by --grid'],
    [{ grid: [parseAxis('num_models=1,2')], seeds: 3 }, 'set the same thing'],
    [{ grid: [parseAxis('seed=0-199'), parseAxis('x=0-199')] }, '40000 combinations'],
  ])('%o is refused', (sweep, message) => {
    expect(() => cellsOf({ ...none, ...sweep })).toThrow(message);
  });
});

it('a title makes no other sweep, a value does', () => {
  const sweep = sweepSchema.parse({
    ...{ format: 'basin-sweep', version: 1, title: 'a', source: 'standard-small', settings: [] },
    ...{ grid: [{ key: 'x', values: ['1'] }], seeds: null, then: [], createdAt: '2026-01-01T00:00:00Z' },
  });
  expect(planOf({ ...sweep, title: 'b', createdAt: 'later' })).toBe(planOf(sweep));
  expect(planOf({ ...sweep, grid: [{ key: 'x', values: ['2'] }] })).not.toBe(planOf(sweep));
});
