/** What differs between runs. */
import type { RunRow } from '../../src-shared/api.ts';
import type { Column } from './columns.ts';

export interface ComparedRow {
  name: string;
  /** One for each run. */
  values: string[];
  differs: boolean;
}

export interface ComparedSection {
  title: string;
  rows: ComparedRow[];
}

/** Where a run was written differs always and says nothing. */
const idle = /(^|\.)(run_directory|output_dir|experiment_name)$/;

/** Measures and configuration, line by line; only what differs unless `all`. */
export function comparisonOf(
  runs: readonly RunRow[],
  columns: readonly Column[],
  all: boolean,
): ComparedSection[] {
  const row = (name: string, values: string[]): ComparedRow => ({
    ...{ name, values },
    differs: new Set(values).size > 1,
  });
  const measured = columns
    .filter(({ id }) => id !== 'name' && id !== 'groups')
    .map((column) =>
      row(
        column.title,
        runs.map((run) => `${column.text(run)}${column.doubt?.(run) === undefined ? '' : ' (may be wrong)'}`),
      ),
    );
  const names = [...new Set(runs.flatMap(({ properties }) => Object.keys(properties)))].sort();
  const config = names
    .filter((name) => !idle.test(name))
    .map((name) =>
      row(
        name,
        runs.map(({ properties }) => (name in properties ? String(properties[name]) : '–')),
      ),
    );
  const shown = (rows: ComparedRow[]) => rows.filter(({ differs }) => all || differs);
  return [
    { title: 'Runs', rows: shown(measured) },
    { title: 'Configuration', rows: shown(config) },
  ];
}
