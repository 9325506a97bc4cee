/** Shapes as PyTorch recorded them: numbers, and expressions in symbols. */
import { addSizes, timesSize } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { RecordedSize } from '../../formats/exported/schema.ts';

/** Symbol -> what it stands for. */
export type Symbols = ReadonlyMap<string, Size>;

/** The symbol that a size is, if it is one and nothing else. */
export function symbolOf(size: RecordedSize): string | undefined {
  if (!('as_expr' in size)) return undefined;
  return /^Symbol\('(\w+)'[^)]*\)$/.exec(size.as_expr.expr_str)?.[1];
}

/** The value for the example with which the network was exported. */
export const hintOf = (size: RecordedSize): number | undefined =>
  'as_int' in size ? size.as_int : (size.as_expr.hint?.as_int ?? undefined);

/** Undefined for an expression that is not made of sums and products, or has a symbol that stands for nothing. */
export function recordedSize(size: RecordedSize, symbols: Symbols): Size | undefined {
  if ('as_int' in size) return size.as_int;
  const reader = { text: size.as_expr.expr_str.replaceAll(' ', ''), at: 0 };
  const value = expression(reader, symbols, 0);
  return reader.at === reader.text.length ? value : undefined;
}

interface Reader {
  text: string;
  at: number;
}

const deepest = 50;

function expression(reader: Reader, symbols: Symbols, depth: number): Size | undefined {
  if (depth > deepest) return undefined;
  const rest = reader.text.slice(reader.at);
  const symbol = /^Symbol\('(\w+)'[^)]*\)/.exec(rest);
  if (symbol) {
    reader.at += symbol[0].length;
    return symbols.get(symbol[1]!);
  }
  const whole = /^Integer\((-?\d{1,15})\)/.exec(rest) ?? /^(-?\d{1,15})(?=[,)]|$)/.exec(rest);
  if (whole) {
    reader.at += whole[0].length;
    return Number(whole[1]);
  }
  const name = /^(Add|Mul)\(/.exec(rest);
  if (!name) return undefined;
  reader.at += name[0].length;
  let sum: Size | undefined = name[1] === 'Add' ? 0 : 1;
  for (;;) {
    const part = expression(reader, symbols, depth + 1);
    if (part === undefined || sum === undefined) return undefined;
    sum = name[1] === 'Add' ? addSizes(sum, part) : timesSize(sum, part);
    const next = reader.text[reader.at++];
    if (next === ')') return sum;
    if (next !== ',') return undefined;
  }
}
