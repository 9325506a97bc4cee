/** The form of a new sweep, its runs as the table shows them, and the plot of a measure over what was varied. */
import { describe, expect, it } from 'vitest';
import { groupsOf, stateOf } from '../../../src-renderer/sweeps/cells.ts';
import {
  axisProblem,
  countText,
  draftOf,
  emptyForm,
  seedsProblem,
} from '../../../src-renderer/sweeps/form.ts';
import { csvOfSweep, figureOfSweep } from '../../../src-shared/sweep-figures.ts';
import type { SweepStandingCell } from '../../../src-shared/sweep-requests.ts';

const row = (key: string, values: string) => ({ id: 1, key, values });

function cell(lr: string, seed: string, accuracy: number | null): SweepStandingCell {
  const origin = { resultId: 'r', measuredAt: 0, epoch: 1, imported: false, filesNewer: false };
  const spread = accuracy === null ? null : { mean: accuracy, std: 1, n: 2, missing: 0 };
  const test = spread && { ...origin, source: 'training' as const, accuracy: spread };
  return {
    ...{ name: `lr=${lr}+seed=${seed}`, values: { lr, seed }, path: `/runs/${lr}-${seed}` },
    ...{ state: test ? 'trained' : 'missing', runId: test && 'run', unmeasured: [], job: null, failures: [] },
    measures: test && { runId: 'run', test, unaligned: null, aligned: null },
  };
}

const sweep = {
  grid: [
    { key: 'lr', values: ['0.1', '0.2'] },
    { key: 'seed', values: ['1', '2'] },
  ],
};
const cells = [cell('0.1', '1', 90), cell('0.1', '2', 94), cell('0.2', '1', 80), cell('0.2', '2', null)];

describe('the form of a sweep', () => {
  it('asks for nothing until a setting has values', () => {
    const form = { ...emptyForm(), preset: 'standard-small' };
    expect(draftOf(form)).toBeNull();
    const draft = draftOf({
      ...form,
      axes: [row(' lr ', '1, 2'), row('', ''), row('seed', '1-3')],
      seeds: '4',
    });
    expect(draft).toMatchObject({ source: 'standard-small', seeds: 4, name: null, then: ['interpolate'] });
    expect(draft!.grid).toEqual([
      { key: 'lr', values: ['1', '2'] },
      { key: 'seed', values: ['1', '2', '3'] },
    ]);
    expect(countText(draft!)).toBe('2 × 3 = 6 runs');
  });

  it.each([
    [row('', '1'), 'The setting is missing.'],
    [row('lr', ''), 'Values are missing, such as 0, 0.5, 1 or 0-9.'],
    [row('lr', '1,1'), '1 appears twice.'],
    [row('lr', '5-1'), '"5-1" is an empty range.'],
    [row('', ''), undefined],
  ])('%o: %s', (axis, problem) => {
    expect(axisProblem(axis)).toBe(problem);
  });

  it('takes a number of networks, or none', () => {
    expect([seedsProblem(''), seedsProblem('3')]).toEqual([undefined, undefined]);
    for (const text of ['0', '1.5', 'x']) expect(seedsProblem(text)).toContain('whole number');
  });
});

describe('the runs of a sweep', () => {
  it('say what they wait for, what they do and how they ended', () => {
    const [done, , , missing] = cells as [
      SweepStandingCell,
      SweepStandingCell,
      SweepStandingCell,
      SweepStandingCell,
    ];
    const failure = { jobId: 'j', kind: 'train', state: 'failed' as const, message: 'no' };
    expect(stateOf(done, true, undefined).text).toBe('done');
    expect(stateOf({ ...done, unmeasured: ['interpolate'] }, false, undefined).text).toBe(
      'trained, not measured',
    );
    expect(stateOf(missing, true, undefined).text).toBe('waiting');
    expect(stateOf(missing, false, undefined).text).toBe('not begun');
    expect(stateOf({ ...missing, failures: [failure] }, false, undefined)).toEqual({
      ...{ tone: 'failed', text: 'training failed' },
    });
    const job = { id: 'j', kind: 'train', state: 'running' as const };
    expect(stateOf({ ...missing, job }, true, undefined).text).toBe('training, 0 %');
  });

  it('are grouped in the order of the grid', () => {
    expect(groupsOf(cells, 'seed').map(({ value, cells: of }) => [value, of.length])).toEqual([
      ['1', 2],
      ['2', 2],
    ]);
    expect(groupsOf(cells, undefined)).toHaveLength(1);
  });
});

describe('a measure over what was varied', () => {
  it('has a line for each seed, or one point for all seeds with the spread of the runs', () => {
    const apart = figureOfSweep(sweep, cells, { over: 'lr' }).data.panels[0]!.series;
    expect(apart.map(({ label, points }) => [label, points.length])).toEqual([
      ['seed = 1', 2],
      ['seed = 2', 1],
    ]);
    const recipe = figureOfSweep(sweep, cells, { over: 'lr', pool: ['seed'] });
    expect(recipe.data.panels[0]!.series[0]!.points).toEqual([
      { x: 0.1, mean: 92, std: Math.sqrt(8), n: 2 },
      // One run speaks for itself: the spread is that of its networks.
      { x: 0.2, mean: 80, std: 1, n: 2 },
    ]);
    expect(recipe.caption).toContain('1 of 4 runs are not trained yet');
  });

  it.each([
    [{ over: 'lr', pool: ['lr'] }, 'along the x axis'],
    [{ over: 'lr', pool: ['width'] }, '--pool width: the sweep varies lr, seed.'],
    [{ over: 'width' }, 'the sweep varies lr, seed'],
  ])('%o is refused', (choice, message) => {
    expect(() => figureOfSweep(sweep, cells, choice)).toThrow(message);
  });

  it('is exported with a row for each run', () => {
    expect(csvOfSweep(sweep, cells).split('\n').slice(0, 2)).toEqual([
      'lr,seed,run,state,outdated,test_accuracy,test_accuracy_std,test_accuracy_n,unaligned_split,unaligned_epoch,aligned_by,aligned_split,aligned_epoch',
      '0.1,1,/runs/0.1-1,trained,false,90,1,2,,,,,',
    ]);
  });

  it('says of what the accuracy is, and joins no numbers of different kinds', () => {
    const told = (lossName: 'next-token' | 'binary-cross-entropy', of = cells) =>
      of.map((cell) =>
        cell.measures?.test
          ? { ...cell, measures: { ...cell.measures, test: { ...cell.measures.test, lossName } } }
          : cell,
      );
    const recipe = figureOfSweep(sweep, told('next-token'), { over: 'lr' });
    expect(recipe.data.panels[0]!.label).toBe('test token accuracy (%)');
    const mixed = [...told('next-token', cells.slice(0, 1)), ...cells.slice(1)];
    expect(() => figureOfSweep(sweep, mixed, { over: 'lr' })).toThrow('measured in different ways');
  });
});
