/** What results say of whole runs, for the columns and filters of the catalog. */
import { z } from 'zod';
import { alignmentSchema, splitSchema } from './domain.ts';
import { lossNameSchema } from './objective.ts';

const id = z.string();

/** Over models or pairs; `std` (n - 1) is null for a single one, `missing` counts those without a finite number. */
const spreadSchema = z.object({
  mean: z.number(),
  std: z.number().nullable(),
  n: z.int(),
  missing: z.int(),
});
export type MeasuredSpread = z.infer<typeof spreadSchema>;

export function spreadOf(values: readonly (number | null)[]): MeasuredSpread | null {
  const known = values.filter((value) => value !== null && Number.isFinite(value)) as number[];
  if (known.length === 0) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const std = known.length > 1 ? Math.sqrt(squares / (known.length - 1)) : null;
  return { mean, std, n: known.length, missing: values.length - known.length };
}

/** Which result a number is from, and whether it can still be trusted at a glance. */
const originFields = {
  resultId: id,
  /** Milliseconds since 1970. */
  measuredAt: z.number(),
  /** Null for models of different epochs. */
  epoch: z.int().nullable(),
  imported: z.boolean(),
  /** Checkpoints of that epoch were written after it was measured. `results.standing` compares contents. */
  filesNewer: z.boolean(),
};

const interpolationMeasureSchema = z.object({
  ...originFields,
  align: alignmentSchema,
  /** Test if it was evaluated there; else validation, else training. */
  split: splitSchema,
  /** What the running statistics of batch norms were between the models; null without a choice. */
  normStatistics: z.string().nullable(),
  /** Loss barrier above the chord, in nats or the unit of `lossName`; null if no pair has a number. */
  barrier: spreadSchema.nullable(),
  /** Largest accuracy below the chord, in percentage points. */
  drop: spreadSchema.nullable(),
  /** What barrier and drop are of; absent: cross entropy and accuracy of one class per example. */
  lossName: lossNameSchema.optional(),
});
export type InterpolationMeasure = z.infer<typeof interpolationMeasureSchema>;

const testMeasureSchema = z.object({
  ...originFields,
  /** `interpolation`: the ends of an unaligned curve. */
  source: z.enum(['training', 'interpolation']),
  /** Percent, over the models. */
  accuracy: spreadSchema,
  /** Says what it is the share of; absent: of examples. */
  lossName: lossNameSchema.optional(),
});
export type TestMeasure = z.infer<typeof testMeasureSchema>;

export const runMeasuresSchema = z.object({
  runId: id,
  test: testMeasureSchema.nullable(),
  /** Of the newest interpolation between the models of the run, without alignment and with one. */
  unaligned: interpolationMeasureSchema.nullable(),
  aligned: interpolationMeasureSchema.nullable(),
});
export type RunMeasures = z.infer<typeof runMeasuresSchema>;

export const measureRequests = {
  /** Runs that nothing was measured of are left out. */
  'runs.measures': { args: z.object({}), response: z.array(runMeasuresSchema) },
} as const;
