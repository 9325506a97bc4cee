/** Settings that a person gives for a training: each takes effect, or is refused with the reason. */
import { UserError } from '../errors.ts';
import { isOverruled, overruledNotes, reasonWithoutEffect } from './effects.ts';
import { fixedWeightSettings, isFixedWeightSetting, writtenFixedWeights } from './fixed-weights.ts';
import type { FixedWeightSetting } from './fixed-weights.ts';
import { applyOverrides, defaultConfig, mergeConfig, parseOverride, sectionChoice } from './overrides.ts';
import { neverRule } from './never-read.ts';
import { isPlainObject, leafKeys, readConfig, refuseUnknownKeys } from './schema.ts';
import type { RunConfig } from './schema.ts';
import { isIncidental, readTolerantly, understandConfig } from './tolerant.ts';

type Plain = Record<string, unknown>;

/** A config before and after overrides are laid over it. */
export interface Overridden {
  /** Without the overrides, as understood. */
  before: Plain;
  /** With them, values as text. */
  written: Plain;
  /** With them, as understood. */
  after: Plain;
  /** Dotted key of `after` -> why its text could not be resolved. */
  unresolved: ReadonlyMap<string, string>;
}

/**
 * Lays overrides over a config as it is written, since an override may be what an interpolation refers to.
 * @throws UserError for an override that is none, or whose key cannot be set
 */
export function withOverrides(base: Plain, overrides: readonly string[]): Overridden {
  const written = applyOverrides(base, overrides);
  const { config, unresolved } = understandConfig(written);
  return { before: understandConfig(base).config, written, after: config, unresolved };
}

/**
 * A config with overrides laid over it, understood and checked: no unknown key, no value of the wrong kind, no
 * interpolation that a training needs and that cannot be resolved, no override without effect.
 * @param where the preset or file, for messages
 * @throws UserError naming the override or key and the reason
 */
export function configWith(base: Plain, overrides: readonly string[], where = 'config'): RunConfig {
  const overridden = withOverrides(base, overrides);
  const named = overrides.length === 0 ? where : `${where} with overrides`;
  refuseUnknownKeys(overridden.after, named);
  refuseUnresolved(overridden, named);
  const read = readConfig(overridden.after, named);
  refuseIdleOverrides(overridden, overrides);
  return read;
}

/** @throws UserError naming the first setting that a training needs and that cannot be resolved */
export function refuseUnresolved(
  { after, unresolved }: Pick<Overridden, 'after' | 'unresolved'>,
  where = 'config',
): void {
  const blocked = readTolerantly(after).problems.find(({ key }) => unresolved.has(key) && !isIncidental(key));
  if (!blocked) return;
  throw new UserError(`${where}: ${blocked.message}.`, {
    hint: `Give the value itself: ${blocked.key}=VALUE.`,
  });
}

/**
 * Refuses an override that does nothing: another one undoes it, a value elsewhere in the config wins over it, or Basin
 * has no use for the key. What asks for nothing (null, false, the value that is there) may stay.
 * @throws UserError
 */
export function refuseIdleOverrides(
  { before, written, after }: Overridden,
  overrides: readonly string[],
): void {
  const given = new Set(overrides.map((override) => parseOverride(override).path.join('.')));
  const allSeeds = ['init_seed', 'optimization_seed', 'mask_seed'].every((key) => given.has(key));
  for (const [index, override] of overrides.entries()) {
    for (const leaf of leavesOf(override)) {
      const { key, value } = leaf;
      // A recorded run's seeds, given again all together: `seed` is one of them and is recorded again.
      if (key === 'seed' && allSeeds) continue;
      refuseUndone(override, leaf, { written, after, later: overrides.slice(index + 1) });
      // "device=cpu" is what the default config says, and yet no way to choose a back end.
      if (key !== 'device' && asksForNothing(key, value, before)) continue;
      const reason = value === null ? undefined : reasonWithoutEffect(key, after);
      if (reason !== undefined)
        throw new UserError(`override "${override}": ${key} has no effect: ${reason}`);
    }
  }
}

/** What the keys of a config file ask for that does not happen, one sentence for each reason. */
export function notesOnConfig(config: Plain): string[] {
  const idle = new Map<string, Set<string>>();
  for (const key of leafKeys(config)) {
    if (recorded.has(neverRule(key) ?? key) || asksForNothing(key, valueAt(config, key), shipped())) continue;
    const reason = reasonWithoutEffect(key, config);
    // A default that single layers win over is told with the values in use.
    if (reason === undefined || isOverruled(key, reason)) continue;
    const keys = idle.get(reason) ?? new Set();
    idle.set(reason, keys.add(neverRule(key) ?? key));
  }
  return [...[...idle].map(([reason, keys]) => idleNote([...keys], reason)), ...overruledNotes(config)];
}

function idleNote(keys: string[], reason: string): string {
  const more = keys.length > 3 ? ` and ${keys.length - 2} more` : '';
  const named = more === '' ? keys : keys.slice(0, 2);
  return `${named.join(', ')}${more} ${keys.length === 1 ? 'has' : 'have'} no effect: ${reason}`;
}

/** Written into configs by training, with all that was drawn from it, or by adopting a network. Nobody asked for it. */
const recorded = new Set([
  ...['seed', 'mask_seed', 'fork'],
  ...['model.network', 'model.description', 'adopted_from', 'adopted_as'],
]);

interface Leaf {
  key: string;
  value: unknown;
}

/** The leaf keys that an override sets. Removing a key asks for nothing. */
function leavesOf(override: string): Leaf[] {
  const { path, removes, value, choice } = parseOverride(override);
  if (removes) return [];
  const key = path.join('.');
  const set = choice === undefined ? value : sectionChoice(key, choice);
  if (!isPlainObject(set) || Object.keys(set).length === 0) return [{ key, value: set }];
  return leafKeys(set).map((inner) => ({ key: `${key}.${inner}`, value: valueAt(set, inner) }));
}

/** A later override of the very same key is a correction; of what is set as a section, single keys may be changed. */
function refuseUndone(
  override: string,
  { key, value }: Leaf,
  { written, after, later }: Pick<Overridden, 'written' | 'after'> & { later: readonly string[] },
): void {
  const path = parseOverride(override).path.join('.');
  if (path !== key || later.some((other) => parseOverride(other).path.join('.') === path)) return;
  if (isFixedWeightSetting(key) ? isInUse(key, value, after) : same(valueAt(written, key), value)) return;
  const undoing = later.filter((other) => undoes(other, key)).at(-1);
  throw new UserError(
    `override "${override}" has no effect: ${undoing === undefined ? 'what comes' : `"${undoing}" comes`} after it and sets ${key} again.`,
    { hint: 'Give sections first, and single keys after them.' },
  );
}

/** In at least one layer. */
function isInUse(setting: FixedWeightSetting, value: unknown, config: Plain): boolean {
  const used = writtenFixedWeights(config, setting) ?? [];
  if (used.length === 0) return true;
  return Array.isArray(value)
    ? value.some((item, i) => used[i] === item)
    : used.some((item) => item === value);
}

function undoes(override: string, key: string): boolean {
  const path = parseOverride(override).path.join('.');
  if (key.startsWith(`${path}.`)) return true;
  if (isFixedWeightSetting(key)) return path.startsWith('model.mask_params');
  return (
    isFixedWeightSetting(path) &&
    key.startsWith('model.mask_params.') &&
    key.endsWith(`.${fixedWeightSettings[path]}`)
  );
}

/** Null, what the baseline says already, and false for what is off anyway. */
function asksForNothing(key: string, value: unknown, baseline: Plain): boolean {
  if (value === null || value === undefined) return true;
  if (value === false && (neverRule(key) !== undefined || key === 'model.asym_init_only')) return true;
  // Per-layer values may win over a default that stays as it is: overruledDefault compares it with what is in use.
  if (key.startsWith('model.mask_params.default.')) return false;
  return same(valueAt(baseline, key), value);
}

let shippedCache: Plain | undefined;

/** What the published configs say whatever the run: not worth a note where it has no effect. */
function shipped(): Plain {
  const model = { n_mul: 1, elementwise_affine: true, activation: 'gelu' };
  const target = { _target_: 'src.models.mlp.create_mlp' };
  return (shippedCache ??= mergeConfig(defaultConfig(), {
    model: { ...target, ...model },
    output_dir: 'outputs',
  }));
}

function valueAt(config: Plain, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((inner, part) => (isPlainObject(inner) ? inner[part] : undefined), config);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
