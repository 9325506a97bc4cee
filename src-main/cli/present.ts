/** A result for people: what fits a screen, with large parts named and not poured out. */
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { isMatrix } from '../../src-shared/matrix.ts';
import { present } from '../../src-shared/presentations/index.ts';
import type { Presentation } from '../../src-shared/presentations/index.ts';
import { formatTable } from './table.ts';
import type { Column } from './table.ts';
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

/** In words and as a table where the kind says how; else indented names and values. */
export function presentResult(kind: AnyJobKind, result: unknown, terminal: Terminal): string {
  const { bold, dim } = terminal.style;
  const presentation = present(kind.kind, result);
  const text = presentation ? presented(presentation, terminal) : lines(result, '  ').join('\n');
  return `${bold(kind.title)}\n${text}\n${dim('for all numbers, add --json or --out FILE')}`;
}

/** Longer ones are cut: the whole stands in --json and --out. */
const mostRows = 60;

function presented({ verdict, facts, table, notes, figures }: Presentation, { style }: Terminal): string {
  const { columns: names = [], rows = [] } = table ?? {};
  const columns: Column<(string | number)[]>[] = names.map((title, i) => ({
    title,
    align: i === 0 ? 'left' : 'right',
    text: (row) => String(row[i] ?? ''),
  }));
  const more = rows.length - mostRows;
  return [
    verdict,
    '',
    ...facts.map(([label, value]) => `${style.dim(`${label}:`)} ${value}`),
    ...(rows.length > 0 ? ['', formatTable(rows.slice(0, mostRows), columns, style)] : []),
    ...(more > 0 ? [`... and ${more} rows more`] : []),
    ...(notes.length > 0 ? ['', ...notes] : []),
    ...(figures.length > 0
      ? ['', style.dim(`figures (\`basin figure\`): ${figures.map(({ title }) => title).join('; ')}`)]
      : []),
  ].join('\n');
}
