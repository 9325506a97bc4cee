/** What `basin reproduce` found, as it is kept: `report.json` beside the figures, and the files behind docs/experiments.md. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { z } from 'zod';
import { experimentSizes, limitNames } from './experiment.ts';
import type { ExperimentRow } from './experiment.ts';

const rowSchema = z.looseObject({
  what: z.string(),
  expected: z.string(),
  measured: z.string(),
  holds: z.enum(['yes', 'partly', 'no', 'not clear']).nullable(),
});

const machineSchema = z.object({
  processor: z.string(),
  /** That may be used, not that are built in. */
  cores: z.int().positive(),
  /** GiB. */
  memory: z.number(),
});

export const recordSchema = z.looseObject({
  format: z.literal('basin-experiment'),
  version: z.literal(1),
  name: z.string(),
  title: z.string(),
  size: z.enum(experimentSizes),
  seed: z.int(),
  /** Empty unless `--limit` was given. */
  limit: z.partialRecord(z.enum(limitNames), z.int().positive()),
  setting: z.string(),
  /** When it began, ISO 8601. */
  date: z.iso.datetime(),
  basin: z.string(),
  machine: machineSchema,
  seconds: z.number(),
  rows: z.array(rowSchema),
  expectations: z.array(rowSchema).optional(),
});
export type ExperimentRecord = z.infer<typeof recordSchema>;

/** The machine that this process runs on. */
export function thisMachine(): z.infer<typeof machineSchema> {
  const processor = cpus()[0]?.model.trim() ?? '';
  return {
    processor: processor === '' ? 'unknown processor' : processor,
    cores: availableParallelism(),
    memory: Math.round((10 * totalmem()) / 2 ** 30) / 10,
  };
}

/** A row as records and `--json` have it. */
export const plainRow = ({ data, ...row }: ExperimentRow): z.infer<typeof rowSchema> => ({ ...row, ...data });

export interface Tally {
  held: number;
  not: number;
  unclear: number;
}

/** How many of the expectations held, and did not. `partly` counts as not clear. */
export function tally({ rows, expectations = [] }: Pick<ExperimentRecord, 'rows' | 'expectations'>): Tally {
  const all = [...rows, ...expectations].map(({ holds }) => holds);
  const count = (...outcomes: string[]) => all.filter((one) => one !== null && outcomes.includes(one)).length;
  return { held: count('yes'), not: count('no'), unclear: count('not clear', 'partly') };
}

export function tallyText({ held, not, unclear }: Tally): string {
  if (held + not + unclear === 0) return 'nothing to judge';
  const parts = [
    `${held} held`,
    ...(not > 0 ? [`${not} did not hold`] : []),
    ...(unclear > 0 ? [`${unclear} not clear`] : []),
  ];
  return parts.join(', ');
}
