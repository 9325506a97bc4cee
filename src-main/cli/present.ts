/** A result for people: what fits a screen, with large parts named and not poured out. */
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { isMatrix } from '../../src-shared/matrix.ts';
import type { Terminal } from './terminal.ts';

const longList = 12;

export function number(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6)
    ? value.toExponential(4)
    : String(Number(value.toPrecision(6)));
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

function scalarText(value: unknown): string {
  return typeof value === 'number' ? number(value) : value === null ? '-' : String(value);
}

function listText(values: readonly unknown[]): string {
  const shown = values.slice(0, longList).map(scalarText).join('  ');
  return values.length > longList ? `${shown}  ... (${values.length} in all)` : shown;
}

function lines(value: unknown, indent: string): string[] {
  if (value === null || typeof value !== 'object') return [indent + scalarText(value)];
  return Object.entries(value).flatMap(([key, item]) =>
    entryLines(Array.isArray(value) ? `[${key}]` : key, item, indent),
  );
}

function entryLines(key: string, item: unknown, indent: string): string[] {
  if (isScalar(item)) return [`${indent}${key}  ${scalarText(item)}`];
  if (isMatrix(item)) return [`${indent}${key}  ${item.rows} x ${item.columns} matrix`];
  if (ArrayBuffer.isView(item))
    return [`${indent}${key}  ${listText(Array.from(item as unknown as ArrayLike<number>))}`];
  if (Array.isArray(item) && item.every(isScalar)) return [`${indent}${key}  ${listText(item)}`];
  return [`${indent}${key}`, ...lines(item, `${indent}  `)];
}

/** The result of a kind without a presentation of its own: indented names and values. */
export function presentResult(kind: AnyJobKind, result: unknown, terminal: Terminal): string {
  const title = terminal.style.bold(kind.title);
  const text = lines(result, '  ').join('\n');
  return `${title}\n${text}\n${terminal.style.dim('every number: the same command with --json, or --out FILE')}`;
}
