/** The columns of the run table: how each reads, sorts and aligns. */
import type { RunRow } from '../../src-shared/api.ts';
import { shareOf } from '../../src-shared/config.ts';
import { familyNames } from '../../src-shared/domain.ts';
import { moment, number, percentWithSpread } from '../format.ts';
import { reader } from './filter.ts';

export interface Column {
  id: string;
  title: string;
  /** A CSS grid track, its least width in px. */
  width: string;
  numeric: boolean;
  text: (run: RunRow) => string;
  /** Sorts by this; undefined comes last, whatever the direction. */
  value: (run: RunRow) => string | number | undefined;
  /** What stands under the pointer; absent: the text itself. */
  about?: (run: RunRow) => string | undefined;
  /** Why what is shown may be wrong; it is marked then. */
  doubt?: (run: RunRow) => string | undefined;
  /** In the list of columns: what it shows. */
  hint?: string;
}

const noGroups: ReadonlyMap<string, string> = new Map();

export const fixedColumns: Column[] = [
  {
    id: 'name',
    title: 'Run',
    width: 'minmax(170px, 1.6fr)',
    numeric: false,
    text: (run) => run.name,
    value: (run) => run.name,
  },
  {
    id: 'family',
    title: 'Family',
    width: 'minmax(116px, 0.7fr)',
    numeric: false,
    text: (run) => (run.family ? familyNames[run.family] : run.architecture),
    value: (run) => run.family ?? run.architecture,
  },
  {
    id: 'sigmaF',
    title: 'σ_F',
    width: '56px',
    numeric: true,
    text: (run) =>
      run.sigmaF === null ? '–' : Number.isInteger(run.sigmaF) ? run.sigmaF.toFixed(1) : number(run.sigmaF),
    value: (run) => run.sigmaF ?? undefined,
  },
  {
    id: 'data',
    title: 'Data',
    width: 'minmax(96px, 0.5fr)',
    numeric: false,
    text: (run) => run.dataset ?? '–',
    value: (run) => run.dataset ?? undefined,
  },
  {
    id: 'models',
    title: 'Models',
    width: '74px',
    numeric: true,
    text: (run) => String(run.models),
    value: (run) => run.models,
  },
  {
    id: 'epochs',
    title: 'Epochs',
    width: '74px',
    numeric: true,
    text: (run) => String(run.epochs.at(-1) ?? '–'),
    value: (run) => run.epochs.at(-1),
  },
  {
    id: 'accuracy',
    title: 'Val. accuracy',
    width: '116px',
    numeric: true,
    text: (run) => `${percentWithSpread(run.valAccuracy)}${run.valAccuracy ? shareOf(run) : ''}`,
    value: (run) => run.valAccuracy?.mean,
  },
];

/** What a person says of a run, and when it came. */
export const labelColumns: Column[] = [
  {
    id: 'tags',
    title: 'Tags',
    width: 'minmax(90px, 0.6fr)',
    numeric: false,
    text: (run) => run.tags.join(', '),
    value: (run) => (run.tags.length === 0 ? undefined : run.tags.join(', ')),
  },
  {
    id: 'date',
    title: 'Added',
    width: '128px',
    numeric: true,
    hint: 'when it was trained or imported',
    text: (run) => moment(run.addedAt),
    value: (run) => run.addedAt,
  },
  {
    id: 'notes',
    title: 'Notes',
    width: 'minmax(110px, 0.8fr)',
    numeric: false,
    text: (run) => run.notes.split('\n', 1)[0] ?? '',
    value: (run) => (run.notes === '' ? undefined : run.notes),
    about: (run) => run.notes,
  },
];

/** Drawn by the table itself, from the groups as they are now. */
export const groupsColumn: Column = {
  id: 'groups',
  title: 'Groups',
  width: 'minmax(110px, 1.1fr)',
  numeric: false,
  text: () => '',
  value: () => undefined,
};

/** A column for any property of the config, under its dotted name. */
export function propertyColumn(name: string): Column {
  const read = reader(name, noGroups);
  return {
    id: name,
    title: name.split('.').at(-1) ?? name,
    width: 'minmax(80px, 0.6fr)',
    numeric: false,
    text: (run) => String(read(run) ?? '–'),
    value: (run) => {
      const value = run.properties[name];
      return typeof value === 'number' || typeof value === 'string'
        ? value
        : value === undefined
          ? undefined
          : String(value);
    },
  };
}

/** px below which tracks would be cut off. */
export function leastWidth(tracks: readonly string[]): number {
  return tracks.reduce((sum, track) => sum + Number(/\d+(?=px)/.exec(track)?.[0] ?? 0), 0);
}

export interface Sorting {
  column: string;
  descending: boolean;
}

export function sortRuns(runs: RunRow[], columns: readonly Column[], sorting: Sorting | null): RunRow[] {
  const column = columns.find((candidate) => candidate.id === sorting?.column);
  if (!sorting || !column) return runs;
  const sign = sorting.descending ? -1 : 1;
  const keyed = runs.map((run) => ({ run, key: column.value(run) }));
  keyed.sort((a, b) => {
    if (a.key === undefined || b.key === undefined) return a.key === b.key ? 0 : a.key === undefined ? 1 : -1;
    if (typeof a.key === 'number' && typeof b.key === 'number') return sign * (a.key - b.key);
    return sign * collator.compare(String(a.key), String(b.key));
  });
  return keyed.map(({ run }) => run);
}

/** `run-2` before `run-10`. */
const collator = new Intl.Collator('en', { numeric: true });
