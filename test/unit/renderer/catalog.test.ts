import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../../src-shared/api.ts';
import { fixedColumns, propertyColumn, sortRuns } from '../../../src-renderer/catalog/columns.ts';
import { filterProblems } from '../../../src-renderer/catalog/filter-problems.ts';
import { conditionText, filterOf, parseFilter } from '../../../src-renderer/catalog/filter.ts';

function run(name: string, more: Partial<RunRow> = {}): RunRow {
  return {
    id: name,
    name,
    path: `/data/${name}`,
    architecture: 'mlp',
    family: 'w-asymmetric',
    sigmaF: 1,
    runningStatistics: false,
    dataset: 'mnist',
    models: 4,
    epochs: [0, 100],
    checkpoints: 8,
    valAccuracy: { mean: 95, std: 1 },
    origin: 'imported',
    state: 'ready',
    problems: [],
    groupIds: [],
    addedAt: 0,
    properties: { 'model.symmetry': 1, 'model.norm': 'layer', 'training.note': null },
    ...{ title: null, notes: '', tags: [], starred: false, archived: false },
    ...more,
  };
}

const names = (runs: RunRow[]) => runs.map(({ name }) => name);
const holds = (text: string, row: RunRow, groups = new Map<string, string>()) =>
  filterOf(parseFilter(text), groups)(row);

describe('the filter line', () => {
  it.each([
    ['', true],
    ['symmetry:1', true],
    ['symmetry:10', false],
    ['model.symmetry=1', true],
    ['sigma_F>0', true],
    ['σ_F>=1', true],
    ['kappa>1', false],
    ['sigma_F!=1', false],
    ['norm:LAYER', true],
    ['epochs<=100 models>3', true],
    ['accuracy<95', false],
    ['nothing:1', false],
    ['nothing!=1', true],
    ['nothing>1', false],
    ['norm>1', false],
    ['note:null', true],
    ['demo', false],
    ['DATA/some', true],
    ['"some run" norm:layer', true],
    ['data:', false],
    ['-demo', true],
    ['-norm:layer', false],
    ['demo OR norm:layer', true],
    ['demo OR other', false],
    ['models>3 demo OR some', true],
    ['tag:paper', true],
    ['tag!=paper', false],
    ['tag!=other', true],
    ['is:archived', false],
    ['is:ready -is:starred', true],
    ['-1', false],
  ])('%s', (text, expected) => {
    expect(holds(text, run('some run', { tags: ['draft', 'paper'] }))).toBe(expected);
  });

  it('finds runs by the name of a group that they are in', () => {
    const groups = new Map([['g1', 'standard']]);
    expect(holds('group:stand', run('a', { groupIds: ['g1'] }), groups)).toBe(true);
    expect(holds('group:stand', run('a'), groups)).toBe(false);
  });

  it('has no value for a run without a fixed weight scale', () => {
    expect(holds('sigma_F:0', run('a', { sigmaF: null }))).toBe(false);
    expect(holds('sigma_F<5', run('a', { sigmaF: null }))).toBe(false);
    expect(holds('sigma_F:0', run('a', { sigmaF: 0 }))).toBe(true);
  });

  it('reads back what it writes', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
    const operator = fc.constantFrom('>=', '<=', '!=', '>', '<', ':', '=');
    fc.assert(
      fc.property(
        word,
        operator,
        fc.stringMatching(/^[a-z0-9][a-z0-9 .]{0,6}[a-z0-9]$/),
        (key, op, value) => {
          const [condition, ...rest] = parseFilter(`${key}${op}"${value}"`);
          expect(rest).toEqual([]);
          expect(parseFilter(conditionText(condition!))).toEqual([condition]);
          expect(condition).toEqual({ type: 'compare', key, operator: op, value });
        },
      ),
    );
  });
});

describe('a filter on measures and dates', () => {
  const measured = (key: string, id: string) => (key === 'drop' && id === 'a' ? 12.5 : undefined);
  const added = new Date(2026, 10, 28, 23, 59).getTime();
  const found = (text: string) =>
    [run('a', { addedAt: added }), run('b', { addedAt: new Date(2025, 0, 1).getTime() })]
      .filter(filterOf(parseFilter(text), new Map(), measured))
      .map(({ id }) => id);

  it.each([
    ['drop>12', ['a']],
    ['drop>13', []],
    ['drop<=12.5', ['a']],
    ['-drop>12', ['b']],
    ['barrier>0', []],
    ['val_accuracy>93', ['a', 'b']],
    ['val_accuracy>96', []],
    ['date:2026-11-28', ['a']],
    ['date>2026-11-28', []],
    ['date>=2026-11', ['a']],
    ['date<2026', ['b']],
    ['date>2025', ['a']],
    ['date!=2025', ['a']],
  ])('%s', (text, ids) => {
    expect(found(text)).toEqual(ids);
  });
});

describe('what is wrong with a filter', () => {
  const problems = (text: string) =>
    filterProblems(parseFilter(text), [run('a'), run('b', { sigmaF: null })]);
  it.each([
    ['symetry:1', 'No run has a property "symetry". Did you mean "symmetry"?'],
    ['norm>1', 'norm is text: use norm:1 or norm!=1.'],
    ['accuracy>high', 'accuracy>high: "high" is not a number.'],
    ['sigma_F>', '"sigma_f>" lacks a value.'],
    ['aligned_drop>1', 'No run has a value of aligned_drop yet: the view Interpolation measures it.'],
    ['date>yesterday', 'date>yesterday: dates are written 2026-11-28, 2026-11 or 2026.'],
  ])('%s', (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  it.each([
    '',
    'demo',
    'sigma_F>0',
    'val_accuracy>93',
    'tag:paper -syre',
    'norm:layer OR models>3',
    'is:starred',
  ])('none with "%s"', (text) => {
    expect(problems(text)).toEqual([]);
  });
});

describe('sorting', () => {
  const runs = [run('run-10', { sigmaF: 0.5 }), run('run-2', { sigmaF: null }), run('run-1', { sigmaF: 2 })];

  it('puts run-2 before run-10', () => {
    const sorted = sortRuns(runs, fixedColumns, { column: 'name', descending: false });
    expect(names(sorted)).toEqual(['run-1', 'run-2', 'run-10']);
    expect(names(runs)).toEqual(['run-10', 'run-2', 'run-1']);
  });

  it('keeps what has no value at the end, whatever the direction', () => {
    const by = (descending: boolean) => names(sortRuns(runs, fixedColumns, { column: 'sigmaF', descending }));
    expect(by(false)).toEqual(['run-10', 'run-1', 'run-2']);
    expect(by(true)).toEqual(['run-1', 'run-10', 'run-2']);
  });

  it('leaves the order alone without a column, or with one that is not shown', () => {
    expect(sortRuns(runs, fixedColumns, null)).toBe(runs);
    expect(sortRuns(runs, fixedColumns, { column: 'gone', descending: true })).toBe(runs);
  });

  it('sorts and shows any property of the config', () => {
    const column = propertyColumn('model.norm');
    expect(column.title).toBe('norm');
    expect(column.text(run('a'))).toBe('layer');
    expect(column.text(run('a', { properties: {} }))).toBe('–');
    expect(column.value(run('a', { properties: {} }))).toBeUndefined();
  });
});
