/**
 * The dictionary of a file such as `checkpoint_directories.py`, read as data: assignments are followed from top to bottom,
 * nothing is executed. What decides an entry and is no constant is refused by name.
 */
import { UserError } from '../../../src-shared/errors.ts';
import { findOutside, statementsIn, tokenise, type Token } from './python-tokens.ts';
import { evaluate, PathValue, Refusal, Unread, type Dictionary, type Value } from './python-values.ts';

export type Literal = string | number | boolean | null | Literal[] | Map<string, Literal>;

/** As the published code calls it; wins over others of its form. */
const publishedName = 'checkpoint_directories_by_architecture';

const hint =
  'The dictionary is read as data and never executed: write the paths out, or build them from constants in the file (+, f-strings, os.path.join, pathlib).';

/**
 * The one dictionary architecture -> key -> folder of a Python file: a bare literal, or what a variable holds at the end.
 * @param file the file's path, for `__file__`
 * @throws UserError with the line, naming the entry, for what is not read; listing the names if there are several
 */
export function readPythonDictionary(text: string, file?: string): Map<string, Literal> {
  const module = new Module(file);
  for (const statement of statementsIn(tokenise(text))) module.take(statement);
  return new Map([...chosen(module)].map(([key, item]) => [key, literalOf(item, [key])]));
}

/** A module while its statements are followed. */
class Module {
  readonly values = new Map<string, Value>();
  /** Dictionaries that stand alone, not given to a name. */
  readonly bare: Dictionary[] = [];
  /** Why a statement that holds a dictionary is not read. */
  readonly refused: Unread[] = [];
  readonly #imports = new Map<string, string>();
  readonly #functions = new Set<string>();
  readonly #file: string | undefined;

  constructor(file: string | undefined) {
    this.#file = file;
  }

  take(statement: readonly Token[]): void {
    const [first] = statement;
    const word = first!.text;
    if (first!.column > 0) return this.#block(statement);
    if (word === 'import' || word === 'from') return this.#import(statement);
    if (word === 'def' || word === 'class' || word === 'async') {
      const name = statement[word === 'async' ? 2 : 1]?.text;
      if (name !== undefined) this.#functions.add(name);
      return;
    }
    const [, dot, method, bracket] = statement;
    if (dot?.text === '.' && method?.text === 'update' && bracket?.text === '(')
      return this.#update(statement);
    this.#mutated(statement);
    const equals = findOutside(statement, ['=', '+=', '|=']);
    if (equals > 0) return this.#assign(statement, equals);
    if (word === '{' || word === '(') return this.#alone(statement);
    this.#touched(statement, `it may be changed by an unsupported statement ("${word}")`);
  }

  #alone(statement: readonly Token[]): void {
    const value = this.#evaluate(statement);
    if (value instanceof Map) this.bare.push(value);
    if (value instanceof Unread) this.refused.push(value);
  }

  #assign(statement: readonly Token[], equals: number): void {
    const [target] = statement;
    const sign = statement[equals]!.text;
    const right = statement.slice(equals + 1);
    const behind = statement.slice(1, equals);
    const isPlain = behind.length === 0 || behind[0]!.text === ':';
    if (target!.type !== 'name' || findOutside(right, ['=']) >= 0 || !(isPlain || behind[0]!.text === '['))
      return this.#touched(statement, 'this form of assignment is not supported');
    const name = target!.text;
    if (!isPlain) return this.#setItem(name, behind, sign, right);
    const value = this.#evaluate(
      sign === '=' ? right : [target!, { ...statement[equals]!, text: sign[0]! }, ...right],
    );
    if (value instanceof Unread && right[0]?.text === '{') this.refused.push(value);
    this.values.set(name, value);
  }

  /** `D["mlp"] = {...}` and `D["mlp"]["key"] = "..."`. */
  #setItem(name: string, indices: readonly Token[], sign: string, right: readonly Token[]): void {
    const line = indices[0]!.line;
    const spoil = (why: string): void => {
      if (this.values.has(name)) this.values.set(name, new Unread(why, line));
    };
    const keys = splitIndices(indices).map((index) => this.#evaluate(index));
    let dictionary = this.values.get(name);
    for (const key of keys.slice(0, -1))
      dictionary = dictionary instanceof Map && typeof key === 'string' ? dictionary.get(key) : undefined;
    const last = keys.at(-1);
    if (sign !== '=' || typeof last !== 'string' || !(dictionary instanceof Map))
      return spoil('an assignment to one of its entries is not supported');
    dictionary.set(last, this.#evaluate(right));
  }

  #update(statement: readonly Token[]): void {
    const name = statement[0]!.text;
    const there = this.values.get(name);
    const given = this.#evaluate(statement.slice(3));
    if (there instanceof Map && given instanceof Map) for (const [key, value] of given) there.set(key, value);
    else this.#touched(statement, 'the argument of .update(...) is not supported');
  }

  /** `x = D.pop("mlp")`, or a loop in one line that fills D. */
  #mutated(statement: readonly Token[]): void {
    for (const [i, { type, text, line }] of statement.entries()) {
      const [dot, method] = [statement[i + 1]?.text, statement[i + 2]?.text];
      if (type === 'name' && this.values.has(text) && dot === '.' && mutators.has(method ?? ''))
        this.values.set(text, new Unread(`.${method}(...) may change it in an unsupported way`, line));
    }
  }

  /** Inside a block: executed or not, once or often. */
  #block(statement: readonly Token[]): void {
    const equals = findOutside(statement, ['=', '+=', '|=']);
    this.#mutated(statement);
    const changes =
      equals > 0 ||
      mutating.test(
        statement
          .slice(0, 3)
          .map(({ text }) => text)
          .join(''),
      );
    if (changes)
      this.#touched(
        statement.slice(0, Math.max(1, equals)),
        'it is set or changed in a block, which is not executed',
      );
  }

  /** Names that this statement may change are no constants any more. */
  #touched(statement: readonly Token[], why: string): void {
    const [first, second] = statement;
    const isHarmless =
      harmless.has(first!.text) || (second?.text === '(' && !this.#functions.has(first!.text));
    if (isHarmless && findOutside(statement, ['=']) < 0) return;
    for (const { type, text, line } of statement) {
      const isOwnCall = this.#functions.has(first!.text) && second?.text === '(';
      if (type === 'name' && (this.values.has(text) || text === first!.text))
        this.values.set(text, new Unread(why, line));
      // A function of the file may change what it is not given, too.
      if (isOwnCall)
        for (const [name, value] of this.values)
          if (value instanceof Map) this.values.set(name, new Unread(why, line));
    }
  }

  /** `import os.path as osp`, `from pathlib import Path as P`. */
  #import(statement: readonly Token[]): void {
    const words = statement.map(({ text }) => text).filter((text) => text !== '(' && text !== ')');
    const at = words.indexOf('import');
    const from = words[0] === 'from' ? `${words.slice(1, at).join('')}.` : '';
    for (const item of words
      .slice(at + 1)
      .join(' ')
      .split(',')) {
      const [name = '', alias] = item
        .trim()
        .split(/\s+as\s+/)
        .map((part) => part.replaceAll(' ', ''));
      if (alias !== undefined) this.#imports.set(alias, from + name);
      else if (from !== '') this.#imports.set(name, from + name);
      else this.#imports.set(name.split('.')[0]!, name.split('.')[0]!);
    }
  }

  #evaluate(tokens: readonly Token[]): Value {
    try {
      return evaluate(tokens, { values: this.values, imports: this.#imports, file: this.#file });
    } catch (thrown) {
      if (thrown instanceof Refusal) return new Unread(thrown.message, thrown.line);
      throw thrown;
    }
  }
}

const mutators = new Set(['update', 'setdefault', 'pop', 'popitem', 'clear']);
const mutating = /^\w+\[|^del/;
const harmless = new Set([
  'print',
  'assert',
  'pass',
  'if',
  'for',
  'while',
  'with',
  'try',
  'else',
  'elif',
  'except',
  'finally',
  '@',
  'return',
  'raise',
]);

/** `["a"]["b"]` as two lists of words. */
function splitIndices(tokens: readonly Token[]): Token[][] {
  const indices: Token[][] = [];
  for (let rest = tokens; rest[0]?.text === '[';) {
    const end = findOutside(rest, [']'], 1);
    if (end < 0) break;
    indices.push(rest.slice(1, end));
    rest = rest.slice(end + 1);
  }
  return indices;
}

/** The dictionary that was meant. */
function chosen(module: Module): Dictionary {
  const published = module.values.get(publishedName);
  if (published instanceof Map) return published;
  if (published instanceof Unread) throw refusal(published.why, published.line);
  const all: [string | undefined, Dictionary][] = [
    ...module.bare.map((value): [undefined, Dictionary] => [undefined, value]),
    ...[...module.values].flatMap(([name, value]): [string, Dictionary][] =>
      value instanceof Map ? [[name, value]] : [],
    ),
  ];
  const fitting = all.filter(
    ([, value]) =>
      value.size > 0 && [...value.values()].every((item) => item instanceof Map || item instanceof Unread),
  );
  const [first] = fitting.length > 0 ? fitting : all;
  const [refused] = module.refused;
  if (fitting.length > 1 || (fitting.length === 1 && refused)) {
    const names = fitting.map(([name]) => name ?? 'one without a name').join(', ');
    const other =
      fitting.length > 1 ? '' : `, and another, on line ${refused!.line}, cannot be read: ${refused!.why}`;
    throw new UserError(`The file holds several dictionaries of folders: ${names}${other}.`, {
      hint: `Name the right one ${publishedName}, or keep only that one in the file.`,
    });
  }
  const spoiled = [...module.values.values()].find((value) => value instanceof Unread);
  if (first && (fitting.length > 0 || !refused)) return first[1];
  if (refused) throw refusal(refused.why, refused.line);
  if (spoiled && module.values.size > 0) throw refusal(spoiled.why, spoiled.line);
  throw new UserError('There is no dictionary in the text.', {
    hint: 'Expected {"mlp": {"mlp_symmetry0": "/path/to/run"}}, alone or after NAME =.',
  });
}

function literalOf(value: Value, path: readonly string[]): Literal {
  if (value instanceof Unread)
    throw refusal(`${path.map((key) => `"${key}"`).join(' / ')}: ${value.why}`, value.line);
  if (value instanceof PathValue) return value.path;
  if (Array.isArray(value)) return value.map((item) => literalOf(item, path));
  if (!(value instanceof Map)) return value;
  return new Map([...value].map(([key, item]) => [key, literalOf(item, [...path, key])]));
}

const refusal = (why: string, line: number): UserError => new UserError(`Line ${line}: ${why}.`, { hint });
