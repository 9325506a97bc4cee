/**
 * The catalog's filter line: `sigma_F>0 tag:paper -syre`. All conditions must hold; `a OR b` is one condition that holds if
 * either does, and `-` in front turns one around. Words are looked for in the run's name and path; `key:value` compares text,
 * `key>=number` numbers. Keys are the columns' names or the config's dotted names, of which the last part is enough
 * (`symmetry` for `model.symmetry`).
 */
import type { Group, RunRow } from '../../src-shared/api.ts';
import { measureKeys, type MeasureKey } from './measure-keys.ts';

export const operators = ['>=', '<=', '!=', '>', '<', ':', '='] as const;
export type Operator = (typeof operators)[number];

export type Term =
  | { type: 'word'; text: string; not?: true }
  | { type: 'compare'; key: string; operator: Operator; value: string; not?: true };
export type Condition = Term | { type: 'any'; of: Term[] };

function parseTerm(token: string): Term {
  const not = /^-./u.test(token) && !/^-\d/u.test(token) ? { not: true as const } : {};
  const text = 'not' in not ? token.slice(1) : token;
  const match = /^([\w.σ-]+?)(>=|<=|!=|>|<|:|=)(.*)$/u.exec(text);
  const value = match?.[3]?.replaceAll('"', '') ?? '';
  if (!match?.[1] || value === '')
    return { type: 'word', text: text.replaceAll('"', '').toLowerCase(), ...not };
  return { type: 'compare', key: match[1], operator: match[2] as Operator, value, ...not };
}

/** Splits at blanks outside quotes: `data:"my set"` is one token. */
export function parseFilter(text: string): Condition[] {
  const tokens = text.match(/(?:[^\s"]+|"[^"]*")+/g) ?? [];
  const conditions: Condition[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const alternatives = [parseTerm(tokens[at]!)];
    while (tokens[at + 1] === 'OR' && tokens[at + 2] !== undefined) {
      alternatives.push(parseTerm(tokens[at + 2]!));
      at += 2;
    }
    conditions.push(alternatives.length === 1 ? alternatives[0]! : { type: 'any', of: alternatives });
  }
  return conditions;
}

export function conditionText(condition: Condition): string {
  if (condition.type === 'any') return condition.of.map(conditionText).join(' OR ');
  const sign = condition.not ? '-' : '';
  const quoted = (text: string): string => (/\s/.test(text) ? `"${text}"` : text);
  if (condition.type === 'word') return `${sign}${quoted(condition.text)}`;
  return `${sign}${condition.key}${condition.operator}${quoted(condition.value)}`;
}

/** The terms of all conditions. */
export const termsOf = (conditions: readonly Condition[]): Term[] =>
  conditions.flatMap((condition) => (condition.type === 'any' ? condition.of : condition));

type Reader = (run: RunRow) => unknown;

/** What was measured of a run, under the names that a filter has for it. */
export type MeasureReader = (key: MeasureKey, runId: string) => number | undefined;

export const noMeasures: MeasureReader = () => undefined;

const fixedReaders = (
  groupNames: ReadonlyMap<string, string>,
  measure: MeasureReader,
): Record<string, Reader> => {
  const measures = measureKeys.map((key): [string, Reader] => [key, (run) => measure(key, run.id)]);
  const sigmaF: Reader = (run) => run.sigmaF ?? undefined;
  return {
    sigma_f: sigmaF,
    σ_f: sigmaF,
    kappa: sigmaF,
    family: (run) => run.family ?? undefined,
    name: (run) => run.name,
    data: (run) => run.dataset ?? undefined,
    models: (run) => run.models,
    epochs: (run) => run.epochs.at(-1),
    state: (run) => run.state,
    origin: (run) => run.origin,
    accuracy: (run) => run.valAccuracy?.mean,
    val_accuracy: (run) => run.valAccuracy?.mean,
    tag: (run) => run.tags,
    notes: (run) => run.notes,
    date: (run) => day(run.addedAt),
    ...Object.fromEntries(measures),
    is: (run) => [run.state, ...(run.starred ? ['starred'] : []), ...(run.archived ? ['archived'] : [])],
    group: (run) => run.groupIds.map((id) => groupNames.get(id) ?? ''),
  };
};

/** `2026-11-29`, here: so dates compare as text. */
function day(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** A day, a month or a year. */
export const isDate = (text: string): boolean => /^\d{4}(-\d{2}){0,2}$/.test(text);

/** Keys that every run has, beside those of its config. */
export const fixedKeys = Object.keys(fixedReaders(new Map(), noMeasures)).filter((key) => key !== 'σ_f');

/**
 * Reads the property that a key of the filter means; undefined where a run has none of that name. Meant to be made
 * once for many runs: the names of their configs are the same ones over and over.
 */
export function reader(
  key: string,
  groupNames: ReadonlyMap<string, string>,
  measure: MeasureReader = noMeasures,
): Reader {
  const fixed = fixedReaders(groupNames, measure);
  const name = key.toLowerCase();
  if (Object.hasOwn(fixed, name)) return fixed[name]!;
  const ends = new Map<string, boolean>();
  const isMeant = (property: string): boolean => {
    const known = ends.get(property);
    if (known !== undefined) return known;
    const meant = property.toLowerCase().endsWith(`.${name}`);
    ends.set(property, meant);
    return meant;
  };
  return ({ properties }) => {
    if (Object.hasOwn(properties, key)) return properties[key] ?? 'null';
    for (const property in properties) if (isMeant(property)) return properties[property] ?? 'null';
    return undefined;
  };
}

function holds(value: unknown, operator: Operator, wanted: string): boolean {
  if (Array.isArray(value)) {
    if (operator === '!=') return value.every((item) => holds(item, operator, wanted));
    return value.some((item) => holds(item, operator, wanted));
  }
  const ordered = operator !== ':' && operator !== '=' && operator !== '!=';
  if (value === undefined) return operator === '!=';
  const [a, b] = [Number(value), Number(wanted)];
  if (ordered) {
    if (Number.isNaN(a) || Number.isNaN(b)) return false;
    return operator === '>' ? a > b : operator === '<' ? a < b : operator === '>=' ? a >= b : a <= b;
  }
  const bothNumbers = typeof value === 'number' && wanted.trim() !== '' && !Number.isNaN(b);
  const equal = bothNumbers ? a === b : String(value).toLowerCase().includes(wanted.toLowerCase());
  return operator === '!=' ? !equal : equal;
}

/** `date>=2026-11`: what is as exact as the wanted date is compared. */
function holdsOfDate(value: unknown, operator: Operator, wanted: string): boolean {
  const text = String(value).slice(0, wanted.length);
  switch (operator) {
    case '>':
      return text > wanted;
    case '<':
      return text < wanted;
    case '>=':
      return text >= wanted;
    case '<=':
      return text <= wanted;
    case '!=':
      return text !== wanted;
    default:
      return text === wanted;
  }
}

/** Where words are looked for; made once per row. */
const searched = new WeakMap<RunRow, string>();

function searchedText(run: RunRow): string {
  const known = searched.get(run);
  if (known !== undefined) return known;
  const text = `${run.name}\n${run.path}\n${run.family ?? ''}`.toLowerCase();
  searched.set(run, text);
  return text;
}

/** Says of any run whether all conditions hold. */
export function filterOf(
  conditions: readonly Condition[],
  groupNames: ReadonlyMap<string, string>,
  measure: MeasureReader = noMeasures,
): (run: RunRow) => boolean {
  const testOf = (term: Term): ((run: RunRow) => boolean) => {
    if (term.type === 'word') return (run) => searchedText(run).includes(term.text) !== (term.not ?? false);
    const read = reader(term.key, groupNames, measure);
    const test = term.key.toLowerCase() === 'date' ? holdsOfDate : holds;
    return (run) => test(read(run), term.operator, term.value) !== (term.not ?? false);
  };
  const tests = conditions.map((condition) => {
    if (condition.type !== 'any') return testOf(condition);
    const any = condition.of.map(testOf);
    return (run: RunRow) => any.some((test) => test(run));
  });
  return (run) => tests.every((test) => test(run));
}

export function groupNamesById(groups: Group[]): Map<string, string> {
  return new Map(groups.map((group) => [group.id, group.key]));
}

/** The groups that each run is in, in the groups' order. */
export function groupsByRun(groups: Group[]): Map<string, Group[]> {
  const found = new Map<string, Group[]>();
  for (const group of groups) {
    for (const { runId } of group.members) {
      const known = found.get(runId);
      if (known) known.push(group);
      else found.set(runId, [group]);
    }
  }
  return found;
}
