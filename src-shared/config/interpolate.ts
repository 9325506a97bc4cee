/**
 * OmegaConf's interpolations, which Hydra leaves unresolved in the configs that it saves: `${model.width}`, relative
 * ones, nested ones, ones inside a text, and those resolvers whose value lies in the file itself. The environment is
 * never asked: what it was when the network was trained is not known.
 */
import { isPlainObject } from './schema.ts';

type Path = readonly string[];
type Plain = Record<string, unknown>;

export interface Interpolated {
  /** A copy in which everything that can be resolved is; the rest stays as written. */
  config: Plain;
  /** Dotted key -> why its text stays. */
  unresolved: Map<string, string>;
  /** Dotted key -> `${oc.env:NAME,default}` whose default was taken. Never one of the section `model`. */
  assumed: Map<string, string>;
}

/** Values that may be built altogether, so that ten lines cannot unfold into gigabytes. */
const mostValues = 20_000;
const longestText = 64 * 1024;

/** Never shown: becomes a reason in `unresolved`. */
class Unresolvable extends Error {}

/** Resolves what can be. Resolving the result again changes nothing. */
export function resolveInterpolations(config: Plain): Interpolated {
  const resolver = new Resolver(config);
  const resolved = resolver.node(config, []) as Plain;
  withoutGuesses(resolved, config, resolver);
  const unresolved = new Map<string, string>();
  collectUnresolved(resolved, [], (path, text) => {
    const key = path.join('.');
    const reason = text === '???' ? 'it was never filled in' : resolver.reasons.get(key);
    unresolved.set(
      key,
      reason ?? resolver.reasons.get(text) ?? 'it refers to something that cannot be resolved',
    );
  });
  return { config: resolved, unresolved, assumed: resolver.assumed };
}

/**
 * What the network is must not hang on a variable that may have been set when it was trained: settings of the section
 * `model` that come from its default, by whatever way, are not resolved.
 */
function withoutGuesses(resolved: Plain, written: Plain, { guessed, reasons, assumed }: Resolver): void {
  for (const { path, variable, text } of guessed.values()) {
    const key = path.join('.');
    if (path[0] !== 'model') continue;
    // Below a section that is written as a reference there is nothing.
    const raw = path.reduce<unknown>((at, step) => (at as Plain | undefined)?.[step], written);
    if (typeof raw !== 'string') continue;
    const section = path.slice(0, -1).reduce<unknown>((at, step) => (at as Plain)[step], resolved);
    // The variable itself, so that resolving the result again comes to the same.
    (section as Plain)[path.at(-1)!] = text;
    reasons.set(
      key,
      `it depends on the environment variable ${variable} at training time, which is not recorded; its default is a guess`,
    );
    assumed.delete(key);
  }
}

/** True for a text that still has to be resolved, or that was never filled in. */
export function isUnresolved(value: unknown): value is string {
  return typeof value === 'string' && (value === '???' || interpolationAt(value, 0) >= 0);
}

function collectUnresolved(value: unknown, path: Path, found: (path: Path, text: string) => void): void {
  if (isUnresolved(value)) found(path, value);
  else if (Array.isArray(value))
    value.forEach((item, i) => collectUnresolved(item, [...path, `${i}`], found));
  else if (isPlainObject(value))
    for (const [key, item] of Object.entries(value)) collectUnresolved(item, [...path, key], found);
}

interface Guess {
  path: Path;
  variable: string;
  text: string;
}

class Resolver {
  /** By dotted key, and by text for copies of the same text elsewhere. */
  readonly reasons = new Map<string, string>();
  readonly assumed = new Map<string, string>();
  /** By place: the environment variable whose default its value comes from, and how that is written. */
  readonly guessed = new Map<string, Guess>();
  readonly #root: Plain;
  readonly #open = new Map<string, Path>();
  readonly #done = new Map<string, unknown>();
  #values = 0;

  constructor(root: Plain) {
    this.#root = root;
  }

  /** The value with all that can be resolved in it; texts that cannot be stay. */
  node(value: unknown, path: Path): unknown {
    if (Array.isArray(value)) return value.map((item, i) => this.node(item, [...path, `${i}`]));
    if (isPlainObject(value))
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, this.node(item, [...path, key])]),
      );
    if (typeof value !== 'string' || !isUnresolved(value) || value === '???') return value;
    try {
      return this.#at(path, value);
    } catch (thrown) {
      const isInside = thrown instanceof Circle && this.#open.size > 0;
      if (!(thrown instanceof Unresolvable) || isInside) throw thrown;
      this.reasons.set(path.join('.'), thrown.message);
      this.reasons.set(value, thrown.message);
      return value;
    }
  }

  /** The resolved value of the node at `path`, worked out once. Throws Unresolvable for a text that cannot be. */
  #at(path: Path, raw: unknown): unknown {
    const key = path.join('\0');
    const known = this.guessed.get(key);
    if (this.#done.has(key)) {
      if (known) this.#guess(known);
      return this.#done.get(key);
    }
    if (this.#open.has(key)) throw new Circle('it refers to itself');
    this.#open.set(key, path);
    try {
      const value = typeof raw === 'string' ? this.#text(raw, path) : this.node(raw, path);
      this.#done.set(key, value);
      return value;
    } finally {
      this.#open.delete(key);
    }
  }

  #text(text: string, path: Path): unknown {
    if (text === '???') throw new Unresolvable('it was never filled in');
    const parts: unknown[] = [];
    let from = 0;
    for (let at = interpolationAt(text, 0); at >= 0; at = interpolationAt(text, from)) {
      const end = closingBrace(text, at + 2);
      if (at > from) parts.push(text.slice(from, at));
      parts.push(this.#interpolation(text.slice(at + 2, end), path));
      from = end + 1;
    }
    if (from < text.length) parts.push(text.slice(from));
    return parts.length === 1 ? copyOf(parts[0], () => this.#count()) : joined(parts);
  }

  #interpolation(body: string, path: Path): unknown {
    const resolver = /^\s*([A-Za-z_][\w.]*)\s*:/.exec(body);
    if (!resolver) {
      const key = body.trim();
      return this.#lookUp(interpolationAt(key, 0) < 0 ? key : asText(this.#text(key, path)), path);
    }
    return this.#resolver(resolver[1]!, splitArguments(body.slice(resolver[0].length)), path);
  }

  #resolver(name: string, args: readonly string[], path: Path): unknown {
    const value = (index: number): unknown => this.#argument(args[index]!, path);
    if (name === 'oc.env' || name === 'env') {
      const variable = asText(value(0));
      if (args.length < 2)
        throw new Unresolvable(
          `it is the environment variable ${variable} at training time, which is not recorded`,
        );
      const fallback = value(1);
      const text = `\${${name}:${args.join(',')}}`;
      this.#guess({ variable, text });
      this.assumed.set(path.join('.'), text);
      return fallback === null ? null : asText(fallback);
    }
    if (name === 'oc.select') {
      const found = this.#select(asText(value(0)), path);
      return found ?? (args.length > 1 ? value(1) : null);
    }
    if (name === 'oc.decode') {
      const encoded = value(0);
      return typeof encoded === 'string' ? scalarOf(encoded) : encoded;
    }
    throw new Unresolvable(`only the program that wrote the config can compute "${name}"`);
  }

  /** An argument of a resolver: quoted, a number, a switch, or a text with interpolations in it. */
  #argument(text: string, path: Path): unknown {
    const trimmed = text.trim();
    if (interpolationAt(trimmed, 0) < 0) return scalarOf(trimmed);
    return this.#text(trimmed.replace(/^(["'])(.*)\1$/s, '$2'), path);
  }

  /** Everything that is being worked out now comes from the default of this variable. */
  #guess({ variable, text }: Omit<Guess, 'path'>): void {
    for (const [place, path] of this.#open) this.guessed.set(place, { path, variable, text });
  }

  #select(key: string, path: Path): unknown {
    try {
      return this.#lookUp(key, path);
    } catch (thrown) {
      if (thrown instanceof Missing) return undefined;
      throw thrown;
    }
  }

  #lookUp(key: string, from: Path): unknown {
    const [dots] = /^\.*/.exec(key)!;
    const steps = key
      .slice(dots.length)
      .replaceAll(/\[([^\]]*)\]/g, '.$1')
      .split('.')
      .filter((step) => step !== '');
    if (steps.length === 0 || dots.length > from.length)
      throw new Unresolvable('its syntax is not supported');
    const start = dots === '' ? [] : from.slice(0, from.length - dots.length);
    let [path, value]: [Path, unknown] = [[], this.#root];
    for (const step of [...start, ...steps]) {
      // A section may itself be given by an interpolation.
      if (isUnresolved(value)) value = this.#at(path, value);
      const inside = Array.isArray(value) || isPlainObject(value);
      if (!inside || !Object.hasOwn(value as object, step))
        throw new Missing(`it refers to "${key}", which the config does not have`);
      path = [...path, step];
      value = (value as Plain)[step];
    }
    try {
      if (typeof value === 'string' && !isUnresolved(value)) return value;
      return this.#at(path, value);
    } catch (thrown) {
      if (!(thrown instanceof Unresolvable)) throw thrown;
      if (value === '???') throw new Missing(`it refers to "${key}", which was never filled in`);
      if (thrown instanceof Circle) throw thrown;
      throw new Unresolvable(`it refers to "${key}": ${thrown.message}`);
    }
  }

  #count(): void {
    if (++this.#values > mostValues) throw new Unresolvable('its interpolations expand into too many values');
  }
}

/** A section around it cannot be resolved either. */
class Circle extends Unresolvable {}

/** What `oc.select` replaces with its default. */
class Missing extends Unresolvable {}

/** A copy, so that no two places of a config share a section. */
function copyOf(value: unknown, count: () => void): unknown {
  count();
  if (Array.isArray(value)) return value.map((item) => copyOf(item, count));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf(item, count)]));
}

/** Start of the next `${` that no backslash stands before; -1 if there is none. */
function interpolationAt(text: string, from: number): number {
  for (let at = text.indexOf('${', from); at >= 0; at = text.indexOf('${', at + 2)) {
    if (text[at - 1] !== '\\') return at;
  }
  return -1;
}

function closingBrace(text: string, from: number): number {
  let depth = 1;
  let quote = '';
  for (let i = from; i < text.length; i++) {
    const sign = text[i]!;
    if (quote !== '') quote = sign === quote ? '' : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === '{') depth++;
    else if (sign === '}' && --depth === 0) return i;
  }
  throw new Unresolvable('a closing brace is missing');
}

/** At commas outside quotes and brackets. */
function splitArguments(text: string): string[] {
  const args: string[] = [];
  let [depth, quote, from] = [0, '', 0];
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!;
    if (quote !== '') quote = sign === quote ? '' : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if ('{[('.includes(sign)) depth++;
    else if ('}])'.includes(sign)) depth--;
    else if (sign === ',' && depth === 0) {
      args.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return [...args, text.slice(from)];
}

function scalarOf(text: string): unknown {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted) return quoted[2];
  if (/^(?:null|none)$/i.test(text)) return null;
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return /^[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)
    ? Number(text.replaceAll('_', ''))
    : text;
}

function joined(parts: readonly unknown[]): string {
  const text = parts.map(asText).join('');
  if (text.length > longestText) throw new Unresolvable('its interpolations expand into too long a text');
  return text;
}

/** As Python writes it. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'number') return String(value);
  throw new Unresolvable('it puts a section or a list into a text');
}
