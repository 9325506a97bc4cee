/** Plain text tables for a terminal: one header, numbers to the right, no lines but the one under the header. */
import type { Style } from './terminal.ts';

export interface Column<Row> {
  title: string;
  align?: 'left' | 'right';
  text(row: Row): string;
}

const escape = String.fromCharCode(27);
const zeroWidth = new RegExp(`\\p{Mark}|${escape}\\[\\d+m`, 'gu');

/** Characters a terminal shows: without colour codes and combining marks. */
function shownLength(text: string): number {
  return [...text.replace(zeroWidth, '')].length;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - shownLength(text)));
  return align === 'left' ? text + space : space + text;
}

export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  style: Style,
): string {
  const cells = rows.map((row) => columns.map((column) => column.text(row)));
  const widths = columns.map((column, i) =>
    Math.max(shownLength(column.title), ...cells.map((line) => shownLength(line[i]!))),
  );
  const line = (texts: string[]): string =>
    texts
      .map((text, i) => pad(text, widths[i]!, columns[i]!.align ?? 'left'))
      .join('   ')
      .trimEnd();
  const header = style.bold(line(columns.map((column) => column.title)));
  const rule = style.dim('─'.repeat(widths.reduce((sum, width) => sum + width + 3, -3)));
  return [header, rule, ...cells.map(line)].join('\n');
}
