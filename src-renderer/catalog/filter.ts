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

/** The property that a key of the filter means for this run; undefined where the run has none of that name. */
export function propertyOf(run: RunRow, key: string, groupNames: Map<string, string>): unknown {
  switch (key.toLowerCase()) {
    case 'sigma_f':
    case 'σ_f':
    case 'kappa':
      return run.sigmaF ?? undefined;
    case 'family':
      return run.family ?? undefined;
    case 'name':
      return run.name;
    case 'data':
      return run.dataset ?? undefined;
    case 'models':
      return run.models;
    case 'epochs':
      return run.epochs.at(-1);
    case 'state':
      return run.state;
    case 'origin':
      return run.origin;
    case 'accuracy':
      return run.valAccuracy?.mean;
    case 'group':
      return run.groupIds.map((id) => groupNames.get(id) ?? '');
  }
  if (key in run.properties) return run.properties[key] ?? 'null';
  const suffix = `.${key}`.toLowerCase();
  const found = Object.keys(run.properties).find((name) => name.toLowerCase().endsWith(suffix));
  return found === undefined ? undefined : (run.properties[found] ?? 'null');
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

export function matches(run: RunRow, conditions: Condition[], groupNames: Map<string, string>): boolean {
  return conditions.every((condition) =>
    condition.type === 'word'
      ? `${run.name}\n${run.path}\n${run.family ?? ''}`.toLowerCase().includes(condition.text)
      : holds(propertyOf(run, condition.key, groupNames), condition.operator, condition.value),
  );
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
