/** Escapes in the strings of Python. */

export function unescapeText(text: string): string {
  return text.replace(/\\(\r?\n|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/g, unescape);
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
  if (/^[xuU]/.test(code) && code.length > 1) {
    const point = parseInt(code.slice(1), 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  }
  if (code === '\\' || code === '"' || code === "'") return code;
  return simpleEscapes[code] ?? whole;
}
