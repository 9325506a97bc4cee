/** The columns of the run table: which are shown in what order and width, and what those of measures say. */
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../../src-shared/api.ts';
import type { InterpolationMeasure, RunMeasures } from '../../../src-shared/run-measures.ts';
import type { Standing } from '../../../src-shared/standing.ts';
import {
  defaultColumns,
  fitting,
  movedBy,
  movedTo,
  resized,
  shownColumns,
  toggled,
  type ChosenColumn,
} from '../../../src-renderer/catalog/column-layout.ts';
import {
  fixedColumns,
  groupsColumn,
  labelColumns,
  leastWidth,
} from '../../../src-renderer/catalog/columns.ts';
import { measureColumns } from '../../../src-renderer/catalog/measure-columns.ts';

const builtIn = [
  ...fixedColumns,
  ...labelColumns,
  ...measureColumns({ known: () => true, of: () => undefined, standing: () => undefined }),
  groupsColumn,
];
const columnOf = (id: string) => builtIn.find((column) => column.id === id);
const idsOf = (columns: readonly { id: string }[]) => columns.map(({ id }) => id);
const chosen = (...ids: string[]): ChosenColumn[] => ids.map((id) => ({ id }));

describe('the columns of the run table', () => {
  it('by default have the drop, so that one click finds the largest, and all exist', () => {
    expect(idsOf(shownColumns(defaultColumns, columnOf))).toEqual(idsOf(defaultColumns));
    expect(columnOf('drop')!.numeric).toBe(true);
  });

  it('begin with the name; what no run has is left out', () => {
    expect(idsOf(shownColumns(chosen('groups', 'gone', 'name', 'tags'), columnOf))).toEqual([
      'name',
      'groups',
      'tags',
    ]);
  });

  it('are added before the groups and taken away', () => {
    const more = toggled(chosen('name', 'groups'), 'date');
    expect(idsOf(more)).toEqual(['name', 'date', 'groups']);
    expect(idsOf(toggled(more, 'date'))).toEqual(['name', 'groups']);
    expect(idsOf(toggled(chosen('name', 'groups', 'tags'), 'date'))).toEqual([
      'name',
      'groups',
      'tags',
      'date',
    ]);
  });

  it('are moved onto the place of another, never before the name', () => {
    const all = chosen('name', 'a', 'b', 'c');
    expect(idsOf(movedTo(all, 'a', 'c'))).toEqual(['name', 'b', 'c', 'a']);
    expect(idsOf(movedTo(all, 'c', 'a'))).toEqual(['name', 'c', 'a', 'b']);
    expect(idsOf(movedTo(all, 'b', 'name'))).toEqual(idsOf(all));
    expect(idsOf(movedTo(all, 'name', 'b'))).toEqual(idsOf(all));
    // Over one that the window has no room for.
    expect(idsOf(movedBy(all, [{ id: 'name' }, { id: 'a' }, { id: 'c' }], 'a', 1))).toEqual([
      'name',
      'b',
      'c',
      'a',
    ]);
    expect(idsOf(movedBy(all, all, 'a', -1))).toEqual(idsOf(all));
    expect(idsOf(movedBy(all, all, 'c', 1))).toEqual(idsOf(all));
  });

  it('are as wide as chosen, within bounds, and as before when the width is taken back', () => {
    const wide = resized(chosen('name', 'family', 'groups'), { family: 300.4, name: 1e6 });
    expect(wide).toEqual([{ id: 'name', width: 900 }, { id: 'family', width: 300 }, { id: 'groups' }]);
    const [, family] = shownColumns(wide, columnOf);
    expect(family!.width).toBe('minmax(116px, 300px)');
    const narrow = shownColumns(resized(chosen('name', 'family'), { family: 1 }), columnOf);
    expect(narrow[1]!.width).toBe('40px');
    expect(resized(wide, { family: undefined })[1]).toEqual({ id: 'family' });
  });

  it('that have no room go, the least telling first; name, accuracy and groups stay', () => {
    const all = shownColumns(toggled(defaultColumns, 'tags'), columnOf);
    const needed = leastWidth(all.map(({ width }) => width));
    expect(fitting(all, 0).left).toEqual([]);
    expect(fitting(all, needed).left).toEqual([]);
    expect(idsOf(fitting(all, needed - 1).left)).toEqual(['models']);
    const tight = fitting(all, 500);
    expect(idsOf(tight.fit)).toContain('tags');
    expect(leastWidth(tight.fit.map(({ width }) => width))).toBeLessThanOrEqual(500);
    expect(idsOf(fitting(all, 10).fit)).toEqual(['name', 'accuracy', 'groups']);
    expect(idsOf(fitting(all, 10, 'drop').fit)).toEqual(['name', 'accuracy', 'drop', 'groups']);
  });
});

describe('a column of a measure', () => {
  const run = { id: 'r', epochs: [0, 10] } as unknown as RunRow;
  const measure = (more: Partial<InterpolationMeasure> = {}): InterpolationMeasure => ({
    ...{ resultId: 'result', measuredAt: 0, epoch: 10, imported: false, filesNewer: false },
    ...{ align: 'none', split: 'test', normStatistics: null },
    barrier: { mean: 1.23456, std: 0.1, n: 3, missing: 0 },
    drop: { mean: 20, std: 1, n: 3, missing: 0 },
    ...more,
  });
  const shown = (unaligned: InterpolationMeasure | null, standing?: Standing) => {
    const measures: RunMeasures = { runId: 'r', test: null, unaligned, aligned: null };
    const columns = measureColumns({ known: () => true, of: () => measures, standing: () => standing });
    const column = columns.find(({ id }) => id === 'barrier')!;
    return { text: column.text(run), doubt: column.doubt!(run), about: column.about!(run), column };
  };

  it('shows mean and spread, says where they are from, and nothing for nothing', () => {
    const { text, doubt, about, column } = shown(measure());
    expect([text, doubt, column.value(run)]).toEqual(['1.235 ± 0.100', undefined, 1.23456]);
    expect(about).toMatch(/nats over 3 pairs.*test split, epoch 10, unaligned; measured/);
    const unread = measureColumns({ known: () => false, of: () => undefined, standing: () => undefined });
    expect(unread.map(({ text: of }) => of(run))).toEqual(unread.map(() => '…'));
    expect(shown(null)).toMatchObject({ text: '–', doubt: undefined, about: undefined });
    expect(shown(measure({ barrier: null })).column.value(run)).toBeUndefined();
  });

  it('says so if it is not of the test split at the last epoch', () => {
    expect(shown(measure({ split: 'val', epoch: 0 })).text).toBe('1.235 ± 0.100 (val., epoch 0)');
    expect(shown(measure({ epoch: null })).text).toBe('1.235 ± 0.100 (mixed epochs)');
  });

  it('is marked if its files have changed, by their contents if these were compared', () => {
    const old: Standing = { state: 'outdated', reason: 'r/a changed after it was measured.' };
    expect(shown(measure(), old).doubt).toBe('Outdated: r/a changed after it was measured.');
    expect(shown(measure({ filesNewer: true })).doubt).toMatch(/^Outdated: checkpoints were written after/);
    // Touched only.
    expect(shown(measure({ filesNewer: true }), { state: 'current', reason: null }).doubt).toBeUndefined();
    expect(shown(measure({ barrier: { mean: 1, std: null, n: 1, missing: 2 } })).doubt).toBe(
      'Only 1 of 3 pairs have a finite number.',
    );
  });
});
