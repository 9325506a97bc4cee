/** Reads dictionaries of text from Python source as data. Nothing is executed; what is no literal is refused. */
import { UserError } from '../../../src-shared/errors.ts';

export type Literal = string | number | boolean | null | Literal[] | Map<string, Literal>;

const deepest = 50;

interface Token {
  type: 'name' | 'string' | 'number' | 'sign' | 'newline';
  text: string;
  line: number;
}

const tokenPattern =
  /(?<space>[ \t\r\f]+|\\\r?\n|#[^\n]*)|(?<newline>\n)|(?<string>[rRuUbBfF]{0,2}(?:"""[^]*?(?<!\\)"""|'''[^]*?(?<!\\)'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'))|(?<number>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_]\w*)|(?<sign>->|[^])/gy;

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const match of text.matchAll(tokenPattern)) {
    const [token] = match;
    const groups = match.groups ?? {};
    for (const type of ['newline', 'string', 'number', 'name', 'sign'] as const) {
      if (groups[type] !== undefined) tokens.push({ type, text: token, line });
    }
    line += token.split('\n').length - 1;
  }
  return tokens;
}

/**
 * The first dictionary in a file such as `checkpoint_directories.py`: a bare literal or `NAME = {...}` (type hints,
 * imports, comments and doc strings around it are passed over). Throws UserError with the line for anything else.
 */
export function readPythonDictionary(text: string): Map<string, Literal> {
  const tokens = tokenise(text);
  const start = tokens.findIndex((token, i) => token.text === '{' && startsValue(tokens, i));
  if (start < 0) {
    throw new UserError('There is no dictionary in the text.', {
      hint: 'Expected {"mlp": {"mlp_symmetry0": "/path/to/run"}}, alone or after NAME =.',
    });
  }
  const reader = new Reader(tokens, start);
  const value = reader.value(0);
  return value as Map<string, Literal>;
}

function startsValue(tokens: readonly Token[], index: number): boolean {
  const before = tokens.slice(0, index).findLast((token) => token.type !== 'newline');
  return (
    before === undefined ||
    before.text === '=' ||
    before.type === 'string' ||
    before.line < tokens[index]!.line
  );
}

class Reader {
  readonly #tokens: readonly Token[];
  #at: number;

  constructor(tokens: readonly Token[], at: number) {
    this.#tokens = tokens.filter((token, i) => i < at || token.type !== 'newline');
    this.#at = at;
  }

  value(depth: number): Literal {
    if (depth > deepest) throw this.#refuse('it is nested too deep');
    const token = this.#next();
    if (token.text === '{') return this.#dictionary(depth);
    if (token.text === '[') return this.#list(']', depth);
    if (token.text === '(') return this.#list(')', depth);
    if (token.type === 'string') return this.#strings(token);
    if (token.type === 'number') return Number(token.text.replaceAll('_', ''));
    if (token.text === 'None') return null;
    if (token.text === 'True' || token.text === 'False') return token.text === 'True';
    throw this.#refuse(
      `"${token.text}" is not a literal; only text, numbers, lists and dictionaries are read`,
    );
  }

  #dictionary(depth: number): Map<string, Literal> {
    const entries = new Map<string, Literal>();
    while (!this.#takes('}')) {
      const token = this.#next();
      if (token.type !== 'string') throw this.#refuse(`a key in quotes was expected, found "${token.text}"`);
      const key = this.#strings(token);
      this.#expect(':');
      const value = this.value(depth + 1);
      if (entries.has(key))
        throw this.#refuse(`the key "${key}" stands twice; Python would silently drop the first`);
      entries.set(key, value);
      if (!this.#takes(',')) {
        this.#expect('}');
        break;
      }
    }
    return entries;
  }

  #list(end: string, depth: number): Literal[] {
    const items: Literal[] = [];
    while (!this.#takes(end)) {
      items.push(this.value(depth + 1));
      if (!this.#takes(',')) {
        this.#expect(end);
        break;
      }
    }
    return items;
  }

  /** Neighbouring strings are one, as in Python. */
  #strings(first: Token): string {
    let text = this.#unquote(first);
    while (this.#tokens[this.#at]?.type === 'string') text += this.#unquote(this.#next());
    return text;
  }

  #unquote({ text }: Token): string {
    const prefix = /^[a-z]*/i.exec(text)![0].toLowerCase();
    if (prefix.includes('f') || prefix.includes('b'))
      throw this.#refuse(`${text.slice(0, 40)} is not plain text`);
    const body = text.slice(prefix.length);
    const quotes = body.startsWith('"""') || body.startsWith("'''") ? 3 : 1;
    const inner = body.slice(quotes, -quotes);
    return prefix.includes('r')
      ? inner
      : inner.replace(/\\(\r?\n|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/g, unescape);
  }

  #takes(sign: string): boolean {
    if (this.#tokens[this.#at]?.text !== sign) return false;
    this.#at++;
    return true;
  }

  #expect(sign: string): void {
    const token = this.#next();
    if (token.text !== sign) throw this.#refuse(`"${sign}" was expected, found "${token.text}"`);
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw this.#refuse('the text ends too early');
    this.#at++;
    return token;
  }

  #refuse(why: string): UserError {
    const line = this.#tokens[Math.max(0, this.#at - 1)]?.line ?? 1;
    return new UserError(`Line ${line}: ${why}.`, {
      hint: 'The dictionary is read as data and never executed: write the paths out.',
    });
  }
}

const simpleEscapes: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '0': '\0',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

function unescape(whole: string, code: string): string {
  if (code === '\n' || code === '\r\n') return '';
  if (/^[xuU]/.test(code) && code.length > 1) return String.fromCodePoint(parseInt(code.slice(1), 16));
  if (code === '\\' || code === '"' || code === "'") return code;
  return simpleEscapes[code] ?? whole;
}
