/** Sweeps: one config trained once for every combination of some settings, each time with several seeds. */
import { z } from 'zod';
import { UserError } from './errors.ts';
import { shellWord } from './shell-word.ts';

/** Beside the run folders of a sweep: the folder that holds it is the sweep. */
export const sweepFileName = 'sweep.json';

export const sweepAxisSchema = z.strictObject({
  /** As in `basin train`: `sigma_f`, `optimizer.lr`. */
  key: z.string().min(1),
  /** As they are typed. */
  values: z.array(z.string().min(1)).min(1),
});
export type SweepAxis = z.infer<typeof sweepAxisSchema>;

export const sweepSchema = z.strictObject({
  format: z.literal('basin-sweep'),
  version: z.literal(1),
  title: z.string().min(1),
  /** A preset's name or the path of a config. */
  source: z.string().min(1),
  /** `key=value` of every run. */
  settings: z.array(z.string()),
  grid: z.array(sweepAxisSchema),
  /** Networks of each run, one per seed; null: as the config says. */
  seeds: z.int().min(1).nullable(),
  /** Job kinds that measure every run at its last epoch. */
  then: z.array(z.string()),
  /** ISO 8601. */
  createdAt: z.string(),
});
export type Sweep = z.infer<typeof sweepSchema>;

/** One combination, which is one run. */
export interface SweepCell {
  /** Name of its run folder in the folder of the sweep: `sigma_f=0.5+lr=1e-3`. */
  name: string;
  /** In the order of the grid, by key. */
  values: Record<string, string>;
  /** `key=value`, all of them. */
  overrides: string[];
}

/** More runs than this are a slip of the hand: every one would be a folder. */
export const mostCells = 10_000;

/** Commas outside of brackets and quotation marks part values. */
function parted(text: string): string[] {
  const parts = [''];
  let depth = 0;
  let quote = '';
  for (const sign of text) {
    if (quote !== '') quote = sign === quote ? '' : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if ('[{'.includes(sign)) depth++;
    else if (']}'.includes(sign)) depth--;
    if (sign === ',' && depth === 0 && quote === '') parts.push('');
    else parts[parts.length - 1] += sign;
  }
  return parts.map((part) => part.trim());
}

/** `0-9` and `0-100/10`: whole numbers, both ends included. */
function rangeOf(text: string): string[] | undefined {
  const match = /^(\d+)-(\d+)(?:\/(\d+))?$/.exec(text);
  if (!match) return undefined;
  const [from, to, step] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 1)];
  if (to < from || step < 1) throw new UserError(`"${text}" is an empty range.`);
  const count = Math.floor((to - from) / step) + 1;
  if (count > mostCells)
    throw new UserError(`"${text}" are ${count} values; at most ${mostCells} are taken.`);
  return Array.from({ length: count }, (_, i) => String(from + i * step));
}

/**
 * One `--grid`: `sigma_f=0,0.5,1`, `seed=0-9`, `scheduler.milestones=[30,60],[50,80]`.
 * @throws UserError for a key without values, an empty value or one that appears twice
 */
export function parseAxis(text: string): SweepAxis {
  const at = text.indexOf('=');
  const [key, rest] = at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1)];
  const fail = (what: string): never => {
    throw new UserError(`--grid ${text}: ${what}`, {
      hint: 'It is a setting and its values, such as --grid sigma_f=0,0.5,1 or --grid seed=0-9.',
    });
  };
  if (key === '') fail('the setting is missing.');
  if (rest.trim() === '') fail(`${key} has no values.`);
  const values = parted(rest).flatMap((part) => rangeOf(part) ?? [part]);
  if (values.includes('')) fail('a value between two commas is empty.');
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) fail(`${twice} appears twice.`);
  return { key, values };
}

/** Keys by their last part if that tells them apart. */
export function shortKeys(keys: readonly string[]): string[] {
  const last = keys.map((key) => key.split('.').at(-1)!);
  return keys.map((key, i) => (last.indexOf(last[i]!) === last.lastIndexOf(last[i]!) ? last[i]! : key));
}

/** What a folder's name can hold everywhere. */
const safe = (text: string): string => text.replace(/[^\w.=+-]+/g, '_');

/**
 * All combinations, the last axis the fastest.
 * @throws UserError for two axes of one key, a setting that is also varied, or too many combinations
 */
export function cellsOf({ grid, settings, seeds }: Pick<Sweep, 'grid' | 'settings' | 'seeds'>): SweepCell[] {
  const keys = grid.map(({ key }) => key);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) throw new UserError(`--grid ${twice}: the setting is varied twice.`);
  const keyOf = (setting: string): string => setting.replace(/^\++/, '').split('=')[0]!;
  const fixed = settings.find((setting) => keys.includes(keyOf(setting)));
  if (fixed !== undefined)
    throw new UserError(
      `${fixed}: ${keyOf(fixed)} is varied by --grid, so it cannot have one value as well.`,
    );
  const models = [...settings.map(keyOf), ...keys].includes('num_models');
  if (seeds !== null && models)
    throw new UserError('--seeds and num_models set the same thing; give only one of them.');
  const count = grid.reduce((product, { values }) => product * values.length, 1);
  if (count > mostCells)
    throw new UserError(`The grid has ${count} combinations; at most ${mostCells} are taken.`);
  const short = shortKeys(keys);
  const names = new Set<string>();
  return Array.from({ length: count }, (_, i) => {
    let rest = i;
    const chosen = [...grid].reverse().map(({ values }) => {
      const value = values[rest % values.length]!;
      rest = Math.floor(rest / values.length);
      return value;
    });
    chosen.reverse();
    const own = chosen.map((value, k) => `${keys[k]}=${value}`);
    const name = safe(chosen.map((value, k) => `${short[k]}=${value}`).join('+')).slice(0, 120) || 'run';
    const free = names.has(name) ? `${name}-${i + 1}` : name;
    names.add(free);
    return {
      name: free,
      values: Object.fromEntries(chosen.map((value, k) => [keys[k]!, value])),
      overrides: [...settings, ...(seeds === null ? [] : [`num_models=${seeds}`]), ...own],
    };
  });
}

/** What must be equal for one to go on with the other; the title and the time are not part of it. */
export const planOf = ({ source, settings, grid, seeds }: Sweep): string =>
  JSON.stringify({ source, settings, grid, seeds });

/** The words to type for it. */
export const commandOfSweep = ({ source, settings, grid, seeds, then }: Sweep, name: string): string =>
  [
    'basin sweep',
    ...[
      ...[source, ...settings],
      ...grid.flatMap(({ key, values }) => ['--grid', `${key}=${values.join(',')}`]),
      ...(seeds === null ? [] : ['--seeds', String(seeds)]),
      ...(then.length === 0 ? [] : ['--then', then.join(',')]),
      ...['--name', name],
    ].map(shellWord),
  ].join(' ');
