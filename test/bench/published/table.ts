/** The table of whole jobs in docs/performance.md. */
import { digits, markdownTable } from '../support/report.ts';
import type { PublishedRow } from '../support/report.ts';
import { works } from './works.ts';

/** @param failed works without a row: the two sides found different numbers, or one of them ended in an error */
export function tableOf(rows: readonly PublishedRow[], failed: readonly string[]): string {
  const table = markdownTable(
    ['whole job', 'Basin', 'published way', 'times faster', 'target'],
    rows.map(({ work, basin_s, published_s, ratio }) => {
      const { title, target } = works[work]!;
      return [title, `${digits(basin_s)} s`, `${digits(published_s)} s`, digits(ratio), target];
    }),
  );
  if (failed.length === 0) return table;
  const titles = failed.map((name) => works[name]!.title).join('; ');
  return `${table}\n\nNo row, because the two sides found different numbers or one of them failed: ${titles}.`;
}
