/** Completes the catalog's filter at the cursor: first keys, then the values that runs have for a key. */
import type { RunRow } from '../../src-shared/api.ts';
import { fixedKeys, reader, type MeasureReader } from './filter.ts';
import { keyHelp } from './filter-help.ts';
import { measureKeys } from './measure-keys.ts';

export interface Completion {
  /** What is put in place of the characters from `from` to the cursor. */
  insert: string;
  note: string;
}

export interface Completions {
  from: number;
  options: Completion[];
}

interface Known {
  runs: readonly RunRow[];
  /** Every property that any of them has. */
  names: readonly string[];
  groupNames: ReadonlyMap<string, string>;
  measure: MeasureReader;
}

const most = 12;
const none: Completions = { from: 0, options: [] };

/** Keys that are numbers: completed with `>` rather than `:`. */
const numeric = new Set<string>([
  ...['sigma_f', 'kappa', 'models', 'epochs', 'accuracy', 'val_accuracy'],
  ...measureKeys,
]);

/** @param at the cursor, in characters */
export function completionsAt(text: string, at: number, known: Known): Completions {
  const [token = ''] = /(?:[^\s"]|"[^"]*"?)*$/u.exec(text.slice(0, at)) ?? [];
  // Only what stands before the cursor is completed; in the middle of a word nothing is.
  if (/^[^\s]/u.test(text.slice(at))) return none;
  const sign = token.startsWith('-') ? 1 : 0;
  const match = /^([\w.σ-]+?)(>=|<=|!=|>|<|:|=)(.*)$/u.exec(token.slice(sign));
  const from = at - token.length + sign;
  if (!match) return { from, options: keysFor(token.slice(sign), known.names) };
  const [, key = '', operator = '', value = ''] = match;
  return {
    from: from + key.length + operator.length,
    options: valuesFor(key, value.replaceAll('"', ''), known),
  };
}

function keysFor(typed: string, names: readonly string[]): Completion[] {
  const wanted = typed.toLowerCase();
  const fixed = fixedKeys.map((key) => ({
    insert: key === 'sigma_f' ? 'sigma_F' : key,
    note: keyHelp[key] ?? '',
  }));
  const own = names.map((name) => ({ insert: name.split('.').at(-1)!, note: name }));
  const seen = new Set<string>();
  const all = [...fixed, ...own].filter(({ insert }) => {
    const isNew = !seen.has(insert.toLowerCase());
    seen.add(insert.toLowerCase());
    return isNew;
  });
  const starts = all.filter(({ insert }) => insert.toLowerCase().startsWith(wanted));
  const inside = all.filter(
    ({ insert, note }) =>
      wanted.length > 1 &&
      !insert.toLowerCase().startsWith(wanted) &&
      `${insert} ${note}`.toLowerCase().includes(wanted),
  );
  return [...starts, ...inside].slice(0, most).map(({ insert, note }) => ({
    insert: `${insert}${numeric.has(insert.toLowerCase()) ? '>' : ':'}`,
    note,
  }));
}

/** The most frequent values first. */
function valuesFor(key: string, typed: string, { runs, groupNames, measure }: Known): Completion[] {
  if ((measureKeys as readonly string[]).includes(key.toLowerCase())) return [];
  const read = reader(key, groupNames, measure);
  const counts = new Map<string, number>();
  for (const run of runs)
    for (const value of new Set([read(run) ?? []].flat().map(String)))
      if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1);
  const wanted = typed.toLowerCase();
  return [...counts]
    .filter(([value]) => value.length <= 60 && value.toLowerCase().includes(wanted) && value !== typed)
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([value, count]) => ({
      insert: `${/[\s"]/u.test(value) ? `"${value.replaceAll('"', '')}"` : value} `,
      note: count === 1 ? '1 run' : `${count} runs`,
    }));
}
