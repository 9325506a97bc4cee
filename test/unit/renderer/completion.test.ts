/** Completion of the catalog's filter. */
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../../src-shared/api.ts';
import { completionsAt } from '../../../src-renderer/catalog/completion.ts';
import { fixedKeys, noMeasures } from '../../../src-renderer/catalog/filter.ts';
import { filterExamples, keyHelp } from '../../../src-renderer/catalog/filter-help.ts';
import { filterProblems } from '../../../src-renderer/catalog/filter-problems.ts';
import { parseFilter } from '../../../src-renderer/catalog/filter.ts';

const run = (name: string, more: Partial<RunRow> = {}): RunRow =>
  ({
    ...{ id: name, name, path: `/${name}`, family: 'syre', dataset: 'mnist', sigmaF: 1, tags: ['paper'] },
    ...{ groupIds: [], notes: '', state: 'ready', addedAt: 0, models: 2, epochs: [1], archived: false },
    properties: { 'model.norm': 'layer', 'optimizer.lr': 0.001 },
    ...more,
  }) as unknown as RunRow;
const runs = [run('a'), run('b', { dataset: 'my set' }), run('c')];
const names = [...new Set(runs.flatMap(({ properties }) => Object.keys(properties)))];
const known = { runs, names, groupNames: new Map<string, string>(), measure: noMeasures };
const at = (text: string, cursor = text.length) => completionsAt(text, cursor, known);
const inserts = (text: string, cursor?: number) => at(text, cursor).options.map(({ insert }) => insert);

describe('completion of the filter', () => {
  it('offers keys, with > for numbers, those that begin with what is typed first', () => {
    expect(inserts('dro')).toEqual(['drop>', 'aligned_drop>']);
    expect(inserts('nor')[0]).toBe('norm:');
    expect(inserts('tag:paper sig')).toEqual(['sigma_F>', 'kappa>']);
    expect(at('tag:paper sig').from).toBe(10);
    expect(at('-tag')).toMatchObject({ from: 1 });
    expect(inserts('zzz')).toEqual([]);
  });

  it('offers the values that runs have, the frequent ones first, quoted if need be', () => {
    expect(at('data:')).toEqual({
      from: 5,
      options: [
        { insert: 'mnist ', note: '2 runs' },
        { insert: '"my set" ', note: '1 run' },
      ],
    });
    expect(inserts('data:"my s')).toEqual(['"my set" ']);
    expect(inserts('norm:')).toEqual(['layer ']);
    expect(inserts('tag:p')).toEqual(['paper ']);
    expect(inserts('drop>')).toEqual([]);
  });

  it('offers nothing in the middle of a word, nor what stands there already', () => {
    expect(inserts('sigma', 3)).toEqual([]);
    expect(inserts('norm:layer')).toEqual([]);
  });
});

describe('the help of the filter', () => {
  it('has a line for every key that every run has, and no others', () => {
    expect(Object.keys(keyHelp).toSorted()).toEqual([...fixedKeys].toSorted());
  });

  it.each(filterExamples.map(({ text }) => [text]))('%s is right', (text) => {
    const measured = () => 1;
    expect(filterProblems(parseFilter(text), runs, measured)).toEqual([]);
  });
});
