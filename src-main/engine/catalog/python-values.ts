/**
 * Python expressions that come to a constant: text, numbers, lists, dictionaries, and paths put together of them with `+`,
 * f-strings, os.path and pathlib. Nothing is executed: a name that the file does not define as a constant, and any other
 * call, is refused.
 */
import { homedir } from 'node:os';
import { posix } from 'node:path';
import { expandUser, joinPaths, pathClasses, pathFunctions } from './python-paths.ts';
import { unescapeText } from './python-text.ts';
import { findOutside, tokenise, type Token } from './python-tokens.ts';

/** What stands for a value that is not read: kept until somebody asks for it, since most of a file does not matter. */
export class Unread {
  readonly why: string;
  readonly line: number;

  constructor(why: string, line: number) {
    this.why = why;
    this.line = line;
  }
}

/** A pathlib.Path. */
export class PathValue {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

export type Value = string | number | boolean | null | Value[] | Dictionary | PathValue | Unread;
export type Dictionary = Map<string, Value>;

/** Thrown where an expression is not read; `fatal` where the text is no Python at all. */
export class Refusal extends Error {
  readonly line: number;
  readonly fatal: boolean;

  constructor(why: string, line: number, fatal = false) {
    super(why);
    this.line = line;
    this.fatal = fatal;
  }
}

/** What names mean at this point of the file. */
export interface Scope {
  values: ReadonlyMap<string, Value>;
  /** Name in the file -> full name: `osp` -> `os.path`. */
  imports: ReadonlyMap<string, string>;
  /** The file itself, for `__file__`. */
  file: string | undefined;
}

const deepest = 50;

/** The value of all these tokens. Throws Refusal. */
export function evaluate(tokens: readonly Token[], scope: Scope): Value {
  const reader = new Reader(tokens, scope);
  const value = reader.expression(0);
  reader.end();
  return value;
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #scope: Scope;
  #at = 0;

  constructor(tokens: readonly Token[], scope: Scope) {
    this.#tokens = tokens.filter(({ type }) => type !== 'newline');
    this.#scope = scope;
  }

  end(): void {
    const token = this.#tokens[this.#at];
    if (token) throw this.#refusal(`"${token.text}" is not supported here`);
  }

  expression(depth: number): Value {
    if (depth > deepest) throw this.#refusal('it is nested too deep', true);
    let left = this.#operand(depth);
    for (;;) {
      const sign = this.#tokens[this.#at]?.text ?? '';
      if (!['+', '/', '%', '|'].includes(sign) || this.#tokens[this.#at]!.type !== 'sign') return left;
      this.#at++;
      left = this.#combine(left, sign, this.#operand(depth));
    }
  }

  #combine(left: Value, sign: string, right: Value): Value {
    if (sign === '+' && typeof left === 'string' && typeof right === 'string') return left + right;
    if (sign === '+' && Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
    if (sign === '|' && left instanceof Map && right instanceof Map) return new Map([...left, ...right]);
    if (sign === '/' && (left instanceof PathValue || right instanceof PathValue))
      return new PathValue(joinPaths([this.#text(left), this.#text(right)]));
    if (sign === '%' && typeof left === 'string') return this.#percent(left, right);
    throw this.#refusal(`"${sign}" between these two is not supported`);
  }

  #percent(format: string, value: Value): string {
    const values = Array.isArray(value) ? [...value] : [value];
    const text = format.replace(/%(.)/g, (_whole, letter: string) => {
      if (letter === '%') return '%';
      if (letter !== 's' || values.length === 0) throw this.#refusal('this use of "%" is not supported');
      return this.#text(values.shift()!);
    });
    if (values.length > 0) throw this.#refusal('this use of "%" is not supported');
    return text;
  }

  /** An atom with the calls, attributes and indices behind it. */
  #operand(depth: number): Value {
    const token = this.#next();
    if (token.type === 'string') return this.#behind(this.#strings(token), depth);
    if (token.type === 'number') return Number(token.text.replaceAll('_', ''));
    if (token.text === '-' || token.text === '+') {
      const value = this.#operand(depth);
      if (typeof value !== 'number') throw this.#refusal(`"${token.text}" before this is not supported`);
      return token.text === '-' ? -value : value;
    }
    if (token.text === '{') return this.#behind(this.#dictionary(depth), depth);
    if (token.text === '[') return this.#behind(this.#list(']', depth).items, depth);
    if (token.text === '(') {
      const { items, comma } = this.#list(')', depth);
      return this.#behind(items.length === 1 && !comma ? items[0]! : items, depth);
    }
    if (token.text === 'None') return null;
    if (token.text === 'True' || token.text === 'False') return token.text === 'True';
    if (token.type === 'name') return this.#named(token.text, depth);
    throw this.#refusal(`"${token.text}" is not supported here`);
  }

  /** A variable of the file, or a function or class of os.path and pathlib. */
  #named(first: string, depth: number): Value {
    if (this.#scope.values.has(first)) {
      const value = this.#scope.values.get(first)!;
      if (value instanceof Unread) throw this.#refusal(`${first} is not a constant: ${value.why}`);
      return this.#behind(value, depth);
    }
    if (first === '__file__') {
      if (this.#scope.file === undefined) throw this.#refusal('__file__ is not known here');
      return this.#scope.file;
    }
    let name = this.#scope.imports.get(first) ?? first;
    while (this.#tokens[this.#at]?.text === '.' && !pathClasses.has(name)) {
      this.#at++;
      name += `.${this.#next().text}`;
    }
    if (name === 'os.sep') return this.#behind('/', depth);
    if (pathClasses.has(name) && this.#tokens[this.#at]?.text === '.') return this.#classMethod(depth);
    if (!this.#takes('(')) {
      const isModule = this.#scope.imports.has(first);
      throw this.#refusal(isModule ? `${name} is not supported` : `${name} is not defined in the file`);
    }
    return this.#behind(this.#call(name, depth), depth);
  }

  /** `Path.home()`; `Path.cwd()` depends on where Python was started. */
  #classMethod(depth: number): Value {
    this.#expect('.');
    const method = this.#next().text;
    this.#expect('(');
    this.#arguments(depth);
    if (method === 'home') return this.#behind(new PathValue(homedir()), depth);
    throw this.#refusal(`Path.${method}() is not supported`);
  }

  #call(name: string, depth: number): Value {
    const line = this.#tokens[this.#at - 1]!.line;
    const { items, named } = this.#arguments(depth);
    if (name === 'dict' && items.length === 0) return named;
    const texts = (): string[] => items.map((item) => this.#text(item));
    if (named.size > 0) throw new Refusal(`${name}(...) with named arguments is not supported`, line);
    if (pathClasses.has(name)) return new PathValue(joinPaths(texts()));
    const make = Object.hasOwn(pathFunctions, name) ? pathFunctions[name] : undefined;
    if (make && (name === 'os.path.join' || items.length === 1)) return make(texts());
    throw new Refusal(`${name}(...) is not supported`, line);
  }

  #behind(value: Value, depth: number): Value {
    if (this.#takes('[')) {
      const index = this.expression(depth + 1);
      this.#expect(']');
      return this.#behind(this.#item(value, index), depth);
    }
    if (!this.#takes('.')) return value;
    const name = this.#next().text;
    if (value instanceof PathValue && name === 'parent')
      return this.#behind(new PathValue(posix.dirname(value.path)), depth);
    if (value instanceof PathValue && name === 'name') return this.#behind(posix.basename(value.path), depth);
    this.#expect('(');
    const { items, named } = this.#arguments(depth);
    return this.#behind(this.#method(value, name, items, named), depth);
  }

  #method(value: Value, name: string, items: readonly Value[], named: Dictionary): Value {
    if (value instanceof PathValue) {
      const texts = items.map((item) => this.#text(item));
      if (name === 'joinpath') return new PathValue(joinPaths([value.path, ...texts]));
      if (name === 'resolve' || name === 'absolute') return value;
      if (name === 'expanduser') return new PathValue(expandUser(value.path));
      if (name === 'as_posix') return value.path;
    }
    if (typeof value === 'string' && name === 'format') return this.#format(value, items, named);
    throw this.#refusal(`.${name}(...) is not supported`);
  }

  #format(text: string, items: readonly Value[], named: Dictionary): string {
    let next = 0;
    return text.replace(/\{\{|\}\}|\{([^{}]*)\}/g, (whole, key: string | undefined) => {
      if (key === undefined) return whole[0]!;
      const value = key === '' ? items[next++] : /^\d+$/.test(key) ? items[Number(key)] : named.get(key);
      if (value === undefined) throw this.#refusal('this use of .format(...) is not supported');
      return this.#text(value);
    });
  }

  #item(value: Value, index: Value): Value {
    const found =
      value instanceof Map && typeof index === 'string'
        ? value.get(index)
        : Array.isArray(value) && typeof index === 'number'
          ? value.at(index)
          : undefined;
    if (found === undefined) throw this.#refusal('there is no such key or index');
    if (found instanceof Unread) throw new Refusal(found.why, found.line);
    return found;
  }

  #arguments(depth: number): { items: Value[]; named: Dictionary } {
    const items: Value[] = [];
    const named: Dictionary = new Map();
    while (!this.#takes(')')) {
      const [name, sign] = [this.#tokens[this.#at], this.#tokens[this.#at + 1]];
      if (name?.type === 'name' && sign?.text === '=') {
        this.#at += 2;
        named.set(name.text, this.#entry(depth, ')'));
      } else items.push(this.expression(depth + 1));
      if (!this.#takes(',')) {
        this.#expect(')');
        break;
      }
    }
    return { items, named };
  }

  #dictionary(depth: number): Dictionary {
    const entries: Dictionary = new Map();
    while (!this.#takes('}')) {
      if (this.#takes('*')) {
        this.#expect('*');
        const other = this.expression(depth + 1);
        if (!(other instanceof Map)) throw this.#refusal('"**" before this is not supported');
        for (const [key, value] of other) entries.set(key, value);
      } else {
        const key = this.#key(depth);
        this.#expect(':');
        if (entries.has(key))
          throw this.#refusal(`the key "${key}" appears twice; Python would silently drop the first`, true);
        entries.set(key, this.#entry(depth, '}'));
      }
      if (!this.#takes(',')) {
        this.#expect('}');
        break;
      }
    }
    return entries;
  }

  #key(depth: number): string {
    const { text } = this.#tokens[this.#at] ?? { text: '' };
    let key: Value;
    try {
      key = this.expression(depth + 1);
    } catch (thrown) {
      if (!(thrown instanceof Refusal) || thrown.fatal) throw thrown;
      throw new Refusal(
        `a key in quotes was expected, found "${text}" (${thrown.message})`,
        thrown.line,
        true,
      );
    }
    if (typeof key === 'string') return key;
    throw this.#refusal(`a key in quotes was expected, found "${text}"`, true);
  }

  /** A value that is not read is kept as such, and reading goes on behind it. */
  #entry(depth: number, end: string): Value {
    const start = this.#at;
    const line = this.#line();
    try {
      const value = this.expression(depth + 1);
      const { text } = this.#tokens[this.#at] ?? { text: end };
      // A comprehension is no single entry.
      if (text === 'for') throw this.#refusal('comprehensions are not supported', true);
      if (text !== ',' && text !== end) throw this.#refusal(`"${text}" is not supported here`);
      return value;
    } catch (thrown) {
      if (!(thrown instanceof Refusal) || thrown.fatal) throw thrown;
      const behind = findOutside(this.#tokens, [',', end], start);
      if (behind < 0) throw this.#tooEarly();
      this.#at = behind;
      return new Unread(thrown.message, line);
    }
  }

  #list(end: string, depth: number): { items: Value[]; comma: boolean } {
    const items: Value[] = [];
    let comma = false;
    while (!this.#takes(end)) {
      items.push(this.expression(depth + 1));
      comma = this.#takes(',');
      if (!comma) {
        if (this.#tokens[this.#at]?.text === 'for') throw this.#refusal('comprehensions are not supported');
        this.#expect(end);
        break;
      }
    }
    return { items, comma };
  }

  /** Neighbouring strings are one, as in Python. */
  #strings(first: Token): string {
    let text = this.#unquote(first);
    while (this.#tokens[this.#at]?.type === 'string') text += this.#unquote(this.#next());
    return text;
  }

  #unquote({ text, line }: Token): string {
    const prefix = /^[a-z]*/i.exec(text)![0].toLowerCase();
    if (prefix.includes('b')) throw new Refusal(`${text.slice(0, 40)} is not plain text`, line);
    const body = text.slice(prefix.length);
    const quotes = body.startsWith('"""') || body.startsWith("'''") ? 3 : 1;
    const inner = body.slice(quotes, -quotes);
    const plain = (part: string): string => (prefix.includes('r') ? part : unescapeText(part));
    if (!prefix.includes('f')) return plain(inner);
    return inner
      .split(/(\{\{|\}\}|\{[^{}]*\})/)
      .map((part) => {
        if (part === '{{' || part === '}}') return part[0]!;
        return part.startsWith('{') ? this.#inserted(part.slice(1, -1), line) : plain(part);
      })
      .join('');
  }

  /** What stands in the braces of an f-string. */
  #inserted(source: string, line: number): string {
    const tokens = tokenise(source, line);
    if (findOutside(tokens, [':', '!', '=']) >= 0)
      throw new Refusal(`the format in {${source}} is not supported`, line);
    return this.#text(evaluate(tokens, this.#scope));
  }

  #text(value: Value): string {
    if (typeof value === 'string') return value;
    if (value instanceof PathValue) return value.path;
    if (typeof value === 'number' && Number.isInteger(value)) return String(value);
    throw this.#refusal('a string or a path was expected');
  }

  #takes(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.text !== sign || token.type === 'string') return false;
    this.#at++;
    return true;
  }

  #expect(sign: string): void {
    const token = this.#next();
    if (token.text !== sign || token.type === 'string')
      throw this.#refusal(`"${sign}" was expected, found "${token.text}"`);
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw this.#tooEarly();
    this.#at++;
    return token;
  }

  #line(): number {
    return (this.#tokens[this.#at] ?? this.#tokens.at(-1))?.line ?? 1;
  }

  #tooEarly(): Refusal {
    return new Refusal('the text ends unexpectedly', this.#tokens.at(-1)?.line ?? 1, true);
  }

  #refusal(why: string, fatal = false): Refusal {
    return new Refusal(why, this.#tokens[Math.max(0, this.#at - 1)]?.line ?? 1, fatal);
  }
}
