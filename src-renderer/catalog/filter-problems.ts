/** Why a filter finds nothing although it looks right: keys that no run has, numbers compared with text. */
import type { RunRow } from '../../src-shared/api.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { fixedKeys, reader, termsOf, type Condition, type Term } from './filter.ts';

const ordering = new Set(['>', '<', '>=', '<=']);

/** One sentence for each; none for a catalog without runs. */
export function filterProblems(conditions: readonly Condition[], runs: readonly RunRow[]): string[] {
  if (runs.length === 0) return [];
  return [...new Set(termsOf(conditions).flatMap((term) => problemOf(term, runs) ?? []))];
}

function problemOf(term: Term, runs: readonly RunRow[]): string | undefined {
  if (term.type === 'word') {
    const operator = /[:=<>]$/.exec(term.text);
    return operator ? `"${term.text}" lacks a value.` : undefined;
  }
  const { key, operator, value } = term;
  const read = reader(key, new Map());
  const isFixed = fixedKeys.includes(key.toLowerCase()) || key.toLowerCase() === 'σ_f';
  const values = runs.map(read).filter((each) => each !== undefined);
  if (!isFixed && values.length === 0)
    return `No run has a property "${key}".${didYouMean(key, namesOf(runs))}`;
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
