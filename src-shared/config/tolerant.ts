/**
 * A config as other people's programs leave it: read as far as it can be. A value that cannot be read blocks only what
 * asks for it, since no analysis needs a learning rate; and it never turns into a default.
 */
import { UserError } from '../errors.ts';
import { expectationText } from '../expectation.ts';
import { resolveInterpolations } from './interpolate.ts';
import { isPlainObject, knownKeys, runConfigSchema } from './schema.ts';
import type { RunConfig } from './schema.ts';
import { understandValues } from './understand.ts';

type Plain = Record<string, unknown>;

/** A key whose value cannot be read. */
export interface ConfigProblem {
  /** Dotted. */
  key: string;
  /** `optimizer.lr is "???": it was never filled in`; a sentence without its full stop. */
  message: string;
}

export interface Understood {
  /** As plain data: interpolations resolved, values understood; unknown keys and what cannot be read stay as written. */
  config: Plain;
  /** Dotted key -> why its text could not be resolved. */
  unresolved: Map<string, string>;
  /** What was taken for granted, each a sentence: defaults of environment variables. */
  assumptions: string[];
}

/** What the config says once its interpolations are resolved. Understanding the result again changes nothing. */
export function understandConfig(raw: Plain): Understood {
  // A tracker's wrapping is taken off first: interpolations refer to what lies inside.
  const { config, unresolved, assumed } = resolveInterpolations(understandValues(raw));
  return {
    config: understandValues(config),
    unresolved,
    assumptions: [...assumed].map(
      ([key, text]) =>
        `${key} is ${text}: its default is used, because the environment at training time is not recorded.`,
    ),
  };
}

export interface TolerantConfig {
  /** Asking for a key that cannot be read throws a UserError that says why. */
  config: RunConfig;
  problems: ConfigProblem[];
}

/**
 * Reads a config for everything but training. Nothing is thrown here: a key that cannot be read throws when it is asked for.
 * @param where the file, for messages
 */
export function readTolerantly(raw: Plain, where = 'config'): TolerantConfig {
  const { config, unresolved } = understandConfig(raw);
  const problems = new Map<string, ConfigProblem & { path: string[] }>();
  const blame = (path: readonly PropertyKey[], reason: string): void => {
    let place = placeOf(config, path);
    // What is blamed a second time was not the whole trouble: the section around it is.
    while (problems.has(place.join('.')) && place.length > 1) place = place.slice(0, -1);
    const key = place.join('.');
    const found = place.reduce<unknown>((inner, step) => (inner as Plain)[step], config);
    const message = `${key} is ${JSON.stringify(found) ?? 'missing'}: ${reason}`;
    problems.set(key, { key, message, path: place });
  };
  for (const [key, reason] of unresolved) if (isKnown(key)) blame(key.split('.'), reason);
  if (listsWidths(config) && !problems.has('model.hidden_dim'))
    blame(
      ['model', 'hidden_dim'],
      'one width is expected, or num_layers - 1 equal ones; for other networks see `basin run adopt --help` (--architecture)',
    );
  const readable = without(config, [...problems.values()]);
  let parsed = runConfigSchema.safeParse(readable);
  // Each turn takes one value out, so this ends.
  while (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    blame(issue.path, expectationText(issue));
    parsed = runConfigSchema.safeParse(without(config, [...problems.values()]));
  }
  for (const { path, message } of problems.values()) poison(parsed.data, path, `${where}: ${message}.`);
  return {
    config: parsed.data,
    problems: [...problems.values()].map(({ key, message }) => ({ key, message })),
  };
}

/** A copy of a section in which values stand for those of these keys that cannot be read; the others stay as they are. */
export function replaceBlocked<T extends object>(section: T, values: Partial<T>): T {
  const fields = Object.getOwnPropertyDescriptors(section) as Record<string, PropertyDescriptor>;
  for (const [key, value] of Object.entries(values)) {
    if (fields[key]?.get) fields[key] = { value, enumerable: true, writable: true, configurable: true };
  }
  return Object.defineProperties({}, fields) as T;
}

/** Where a run was written and how it was called: Hydra leaves these unresolved in every config, and nothing needs them. */
export function isIncidental(key: string): boolean {
  return /^(?:device|output_dir|experiment_name|training\.save_path|dataset\.(?:num_workers|pin_memory))$/.test(
    key,
  );
}

function listsWidths(config: Plain): boolean {
  const model = config['model'];
  return isPlainObject(model) && Array.isArray(model['hidden_dim']);
}

/** A setting that Basin knows, or a value inside one. */
function isKnown(key: string): boolean {
  const steps = key.split('.');
  if (steps[0] === 'logging' || steps[0] === 'hydra') return false;
  if (key.startsWith('model.mask_params.')) return true;
  const known = knownKeys();
  if (known.has(key)) return true;
  const isSection = (prefix: string): boolean => [...known].some((other) => other.startsWith(`${prefix}.`));
  return steps.some((_, i) => {
    const prefix = steps.slice(0, i).join('.');
    return known.has(prefix) && !isSection(prefix);
  });
}

/** The path down to the last key that is no position in a list. */
function placeOf(config: Plain, path: readonly PropertyKey[]): string[] {
  const place: string[] = [];
  let value: unknown = config;
  for (const step of path) {
    if (!isPlainObject(value)) break;
    place.push(String(step));
    value = value[String(step)];
  }
  return place;
}

/** A copy without the values at these paths. */
function without(config: Plain, problems: readonly { path: readonly string[] }[]): Plain {
  const copy = structuredClone(config);
  for (const { path } of problems) {
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((inner, step) => (inner as Plain | undefined)?.[step], copy);
    if (isPlainObject(parent)) Reflect.deleteProperty(parent, path.at(-1)!);
  }
  return copy;
}

/** Enumerable, so that a copy of the section throws as well instead of going on without the value. */
function poison(config: Plain, path: readonly string[], message: string): void {
  let section = config;
  for (const step of path.slice(0, -1)) {
    const inner = section[step];
    if (!isPlainObject(inner)) return;
    section = inner;
  }
  Object.defineProperty(section, path.at(-1)!, {
    enumerable: true,
    get(): never {
      throw new UserError(message, { hint: 'Write the value itself into the config.' });
    },
  });
}
