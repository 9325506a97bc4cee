/** CSV as pandas and spreadsheets read it (RFC 4180: commas, quotes doubled inside quotes; lines end with \n). */
export type CsvCell = string | number | bigint | boolean | null | undefined;

/**
 * A table as text: one line of column names, then a line per row. Numbers keep all their digits; null is an empty
 * cell; NaN and infinities are spelled as pandas reads them.
 */
export function formatCsv(columns: readonly string[], rows: Iterable<readonly CsvCell[]>): string {
  const lines = [columns.map(quote).join(',')];
  for (const row of rows) {
    if (row.length !== columns.length)
      throw new Error(`a row has ${row.length} cells, but there are ${columns.length} columns`);
    lines.push(row.map((cell) => quote(cellText(cell))).join(','));
  }
  return `${lines.join('\n')}\n`;
}

function cellText(cell: CsvCell): string {
  if (cell === null || cell === undefined) return '';
  if (cell === Infinity) return 'inf';
  if (cell === -Infinity) return '-inf';
  return String(cell);
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
