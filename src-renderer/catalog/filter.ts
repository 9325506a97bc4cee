/**
 * The catalog's filter line: `symmetry:1 sigma_F>0 norm:layer demo`. Words are looked for in the run's name and path;
 * `key:value` compares text, `key>=number` numbers. Keys are the columns' names or the config's dotted names, of
 * which the last part is enough (`symmetry` for `model.symmetry`).
 */
import type { Group, RunRow } from '../../src-shared/api.ts';

export const operators = ['>=', '<=', '!=', '>', '<', ':', '='] as const;
export type Operator = (typeof operators)[number];

export type Condition =
  { type: 'word'; text: string } | { type: 'compare'; key: string; operator: Operator; value: string };

/** Splits at blanks outside quotes: `data:"my set"` is one token. */
export function parseFilter(text: string): Condition[] {
  const tokens = text.match(/(?:[^\s"]+|"[^"]*")+/g) ?? [];
  return tokens.map((token) => {
    const match = /^([\w.σ-]+?)(>=|<=|!=|>|<|:|=)(.*)$/u.exec(token);
    const value = match?.[3]?.replaceAll('"', '') ?? '';
    if (!match?.[1] || value === '') return { type: 'word', text: token.replaceAll('"', '').toLowerCase() };
    return { type: 'compare', key: match[1], operator: match[2] as Operator, value };
  });
}

export function conditionText(condition: Condition): string {
  if (condition.type === 'word') return condition.text;
  const value = /\s/.test(condition.value) ? `"${condition.value}"` : condition.value;
  return `${condition.key}${condition.operator}${value}`;
}

type Reader = (run: RunRow) => unknown;

const fixedReaders = (groupNames: ReadonlyMap<string, string>): Record<string, Reader> => {
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
    group: (run) => run.groupIds.map((id) => groupNames.get(id) ?? ''),
  };
};

/**
 * Reads the property that a key of the filter means; undefined where a run has none of that name. Meant to be made
 * once for many runs: the names of their configs are the same ones over and over.
 */
export function reader(key: string, groupNames: ReadonlyMap<string, string>): Reader {
  const fixed = fixedReaders(groupNames);
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
  if (Array.isArray(value)) return value.some((item) => holds(item, operator, wanted));
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
): (run: RunRow) => boolean {
  const tests = conditions.map((condition) => {
    if (condition.type === 'word') return (run: RunRow) => searchedText(run).includes(condition.text);
    const read = reader(condition.key, groupNames);
    return (run: RunRow) => holds(read(run), condition.operator, condition.value);
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
