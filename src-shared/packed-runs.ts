/**
 * The catalog for a window. Runs of one sweep differ in a few of their seventy settings: what they share travels once, and
 * sixteen hundred of them are a message of 1 MB instead of 4.
 */
import type { RunRow } from './api.ts';

type Properties = RunRow['properties'];

export interface PackedRuns {
  /** Settings of the first run of each kind: those whose configs have the same keys. */
  bases: Properties[];
  /** Which of `bases` each run has. */
  baseOf: number[];
  /** Their `properties` are only what differs from it. */
  runs: RunRow[];
}

export function packRuns(rows: readonly RunRow[]): PackedRuns {
  const bases: Properties[] = [];
  const kinds = new Map<string, number>();
  const baseOf: number[] = [];
  const runs = rows.map((row) => {
    const keys = Object.keys(row.properties);
    const kind = keys.join('\n');
    const base = kinds.get(kind) ?? bases.push(row.properties) - 1;
    kinds.set(kind, base);
    baseOf.push(base);
    const shared = bases[base]!;
    const properties: Properties = {};
    for (const key of keys) if (row.properties[key] !== shared[key]) properties[key] = row.properties[key]!;
    return { ...row, properties };
  });
  return { bases, baseOf, runs };
}

/** The rows of a message that nobody else holds: they are filled in where they are. */
export function unpackRuns({ bases, baseOf, runs }: PackedRuns): RunRow[] {
  for (const [i, row] of runs.entries()) row.properties = { ...bases[baseOf[i]!], ...row.properties };
  return runs;
}

/** Every property that any of the runs has, in the order of first sight. */
export const propertiesOf = ({ bases }: PackedRuns): string[] => [...new Set(bases.flatMap(Object.keys))];
