/** The form of a new sweep: what was typed, and what it asks for. */
import { messageOf } from '../../src-shared/errors.ts';
import type { SweepDraft } from '../../src-shared/sweep-requests.ts';
import { parseAxis, type SweepAxis } from '../../src-shared/sweep.ts';

export interface AxisText {
  /** Tells rows apart; never shown. */
  id: number;
  key: string;
  values: string;
}

export interface SweepForm {
  /** A preset's name; empty: the config file. */
  preset: string;
  /** Path of a config file. */
  file: string;
  axes: AxisText[];
  /** One `key=value` per line. */
  settings: string;
  seeds: string;
  then: string[];
  name: string;
  on: 'local' | 'slurm';
}

export const emptyForm = (): SweepForm => ({
  ...{ preset: '', file: '', axes: [{ id: 1, key: '', values: '' }], settings: '', seeds: '' },
  ...{ then: ['interpolate'], name: '', on: 'local' },
});

/** A row that nothing was typed into is none. */
const isBlank = ({ key, values }: AxisText): boolean => key.trim() === '' && values.trim() === '';

/** What is wrong with a row, in words; undefined if it can be used or is not filled in yet. */
export function axisProblem(row: AxisText): string | undefined {
  if (isBlank(row)) return undefined;
  if (row.key.trim() === '') return 'The setting is missing.';
  if (row.values.trim() === '') return 'Values are missing, such as 0, 0.5, 1 or 0-9.';
  try {
    axisOf(row);
    return undefined;
  } catch (error) {
    return messageOf(error).replace(/^--grid [^:]*: /, '');
  }
}

const axisOf = ({ key, values }: AxisText): SweepAxis => parseAxis(`${key.trim()}=${values}`);

/** A whole number above 0, or null for nothing; undefined if it is neither. */
function seedsOf(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= 10_000 ? value : undefined;
}

export const seedsProblem = (text: string): string | undefined =>
  seedsOf(text) === undefined ? 'A whole number from 1 to 10,000, or nothing, was expected.' : undefined;

/** What it asks for; null while something is missing or wrong, which the fields say. */
export function draftOf(form: SweepForm): SweepDraft | null {
  const source = form.preset === '' ? form.file.trim() : form.preset;
  const rows = form.axes.filter((row) => !isBlank(row));
  const seeds = seedsOf(form.seeds);
  if (source === '' || rows.length === 0 || seeds === undefined) return null;
  if (rows.some((row) => axisProblem(row) !== undefined)) return null;
  const settings = form.settings
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const name = form.name.trim() === '' ? null : form.name.trim();
  return { source, settings, grid: rows.map(axisOf), seeds, then: form.then, name };
}

/** `4 × 3 = 12 runs` */
export function countText(draft: SweepDraft): string {
  const sizes = draft.grid.map(({ values }) => values.length);
  const runs = sizes.reduce((product, size) => product * size, 1);
  const noun = runs === 1 ? 'run' : 'runs';
  return sizes.length > 1 ? `${sizes.join(' × ')} = ${runs} ${noun}` : `${runs} ${noun}`;
}
