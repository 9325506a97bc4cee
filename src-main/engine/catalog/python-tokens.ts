/** Python source as words, and as statements. Nothing is judged here. */

export interface Token {
  type: 'name' | 'string' | 'number' | 'sign' | 'newline';
  text: string;
  line: number;
  /** From 0: a statement whose first token stands at 0 is not part of a block. */
  column: number;
}

const tokenPattern =
  /(?<space>[ \t\r\f]+|\\\r?\n|#[^\n]*)|(?<newline>\n)|(?<string>[rRuUbBfF]{0,2}(?:"""[^]*?(?<!\\)"""|'''[^]*?(?<!\\)'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'))|(?<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_]\w*)|(?<sign>->|[+|]=|[=!<>]=|[^])/gy;

const types = ['newline', 'string', 'number', 'name', 'sign'] as const;

export function tokenise(text: string, firstLine = 1): Token[] {
  const tokens: Token[] = [];
  let line = firstLine;
  let lineStart = 0;
  for (const match of text.replace(/^\uFEFF/, '').matchAll(tokenPattern)) {
    const [token] = match;
    const groups = match.groups ?? {};
    const type = types.find((name) => groups[name] !== undefined);
    if (type) tokens.push({ type, text: token, line, column: match.index - lineStart });
    const breaks = token.split('\n').length - 1;
    line += breaks;
    if (breaks > 0) lineStart = match.index + token.lastIndexOf('\n') + 1;
  }
  return tokens;
}

const pairs: Record<string, string> = { '(': ')', '[': ']', '{': '}' };
const closing = new Set(Object.values(pairs));

/** Lines as Python counts them: a bracket that is open goes on to the next one, a semicolon ends one. */
export function statementsIn(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = [];
  let current: Token[] = [];
  let depth = 0;
  const end = (): void => {
    if (current.length > 0) statements.push(current);
    current = [];
  };
  for (const token of tokens) {
    if (token.type === 'sign' && token.text in pairs) depth++;
    if (token.type === 'sign' && closing.has(token.text)) depth = Math.max(0, depth - 1);
    if (token.type === 'newline') {
      if (depth === 0) end();
    } else if (token.text === ';' && depth === 0) end();
    else current.push(token);
  }
  end();
  return statements;
}

/** Position of the first of these signs outside brackets, from `from` on; -1 if there is none. */
export function findOutside(tokens: readonly Token[], signs: readonly string[], from = 0): number {
  let depth = 0;
  for (let i = from; i < tokens.length; i++) {
    const { type, text } = tokens[i]!;
    if (type === 'string') continue;
    if (depth === 0 && signs.includes(text)) return i;
    if (text in pairs) depth++;
    else if (closing.has(text)) depth--;
  }
  return -1;
}
