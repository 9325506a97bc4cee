/** Why a filter finds nothing although it looks right: keys that no run has, numbers compared with text. */
import type { RunRow } from '../../src-shared/api.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import {
  fixedKeys,
  isDate,
  noMeasures,
  reader,
  termsOf,
  type Condition,
  type MeasureReader,
  type Term,
} from './filter.ts';
import { measureKeys } from './measure-keys.ts';

const ordering = new Set(['>', '<', '>=', '<=']);

/** One sentence for each; none for a catalog without runs. */
export function filterProblems(
  conditions: readonly Condition[],
  runs: readonly RunRow[],
  measure: MeasureReader = noMeasures,
): string[] {
  if (runs.length === 0) return [];
  return [...new Set(termsOf(conditions).flatMap((term) => problemOf(term, runs, measure) ?? []))];
}

function problemOf(term: Term, runs: readonly RunRow[], measure: MeasureReader): string | undefined {
  if (term.type === 'word') {
    const operator = /[:=<>]$/.exec(term.text);
    return operator ? `"${term.text}" lacks a value.` : undefined;
  }
  const { key, operator, value } = term;
  const name = key.toLowerCase();
  if (name === 'date' && !isDate(value))
    return `${key}${operator}${value}: dates are written 2026-11-28, 2026-11 or 2026.`;
  if (name === 'date') return undefined;
  const read = reader(key, new Map(), measure);
  const isFixed = fixedKeys.includes(name) || name === 'σ_f';
  const values = runs.map(read).filter((each) => each !== undefined);
  if (!isFixed && values.length === 0)
    return `No run has a property "${key}".${didYouMean(key, namesOf(runs))}`;
  if ((measureKeys as readonly string[]).includes(name) && values.length === 0)
    return `No run has a value of ${name} yet: the view Interpolation measures it.`;
  if (!ordering.has(operator)) return undefined;
  if (value.trim() === '' || Number.isNaN(Number(value)))
    return `${key}${operator}${value}: "${value}" is not a number.`;
  const isText = values.length > 0 && values.every((each) => Number.isNaN(Number(each)));
  return isText ? `${key} is text: use ${key}:${value} or ${key}!=${value}.` : undefined;
}

/** What a key can be: fixed ones, and the last parts of the config's names. */
function namesOf(runs: readonly RunRow[]): string[] {
  const properties = new Set(runs.flatMap(({ properties: each }) => Object.keys(each)));
  return [...fixedKeys, ...[...properties].map((name) => name.split('.').at(-1)!)];
}
