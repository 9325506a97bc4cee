/** What the engine is asked about sweeps: it trains and measures them, whoever asked for them. */
import { z } from 'zod';
import { runMeasuresSchema } from './run-measures.ts';
import { slurmSettingsSchema } from './slurm.ts';
import { sweepAxisSchema, sweepSchema } from './sweep.ts';

const id = z.string();
const name = z.string().min(1).max(200);

/** A sweep as it is asked for. */
export const sweepDraftSchema = z.object({
  /** A preset's name or the path of a config. */
  source: z.string().min(1),
  /** `key=value` of every run. */
  settings: z.array(z.string()).max(1000),
  grid: z.array(sweepAxisSchema).max(50),
  seeds: z.int().min(1).max(10_000).nullable(),
  then: z.array(z.string()).max(50),
  /** Of its folder; null: made of the source and what is varied. */
  name: name.nullable(),
});
export type SweepDraft = z.infer<typeof sweepDraftSchema>;

/**
 * Where its jobs run. `local`: on this machine. `slurm`: on a cluster, as basin.yaml in the workspace says; a command line
 * brings the settings that it has read itself.
 */
const placeSchema = z.union([z.enum(['local', 'slurm']), z.object({ slurm: slurmSettingsSchema })]);
export type SweepPlace = z.infer<typeof placeSchema>;

const failureSchema = z.object({
  jobId: id,
  /** Of the job: `train`, or what was to be measured. */
  kind: z.string(),
  /** How it ended. */
  state: z.enum(['failed', 'cancelled', 'interrupted']),
  message: z.string(),
});

export const sweepCellStates = ['missing', 'unfinished', 'trained', 'trashed'] as const;
const cellSchema = z.object({
  name: z.string(),
  values: z.record(z.string(), z.string()),
  /** Of its run folder. */
  path: z.string(),
  /** `trained`: to its end. `unfinished`: some epochs. `trashed`: its run is in the trash, and is left alone. */
  state: z.enum(sweepCellStates),
  runId: id.nullable(),
  measures: runMeasuresSchema.nullable(),
  /** Kinds of `then` that nothing has been measured with. */
  unmeasured: z.array(z.string()),
  /** What waits or is at work for it. */
  job: z.object({ id, kind: z.string(), state: z.enum(['queued', 'running']) }).nullable(),
  /** Jobs that ended without a result, if no later one brought it. */
  failures: z.array(failureSchema),
});
export type SweepStandingCell = z.infer<typeof cellSchema>;

const rowSchema = z.object({
  name: z.string(),
  folder: z.string(),
  sweep: sweepSchema,
  /** The engine is at work on it. */
  active: z.boolean(),
  /** It is at work on a cluster. */
  onSlurm: z.boolean(),
  runs: z.int(),
  trained: z.int(),
  /** Trained, and measured with every kind of `then`. */
  complete: z.int(),
  /** Runs of which something failed. */
  failed: z.int(),
});
export type SweepRow = z.infer<typeof rowSchema>;

const standingSchema = rowSchema.extend({ cells: z.array(cellSchema) });
export type SweepStanding = z.infer<typeof standingSchema>;

export const sweepRequests = {
  /** The newest first. `problems` are `sweep.json` files that cannot be read. */
  'sweeps.list': {
    args: z.object({}),
    response: z.object({ sweeps: z.array(rowSchema), problems: z.array(z.string()) }),
  },
  'sweeps.get': { args: z.object({ name }), response: standingSchema },
  /**
   * What a draft would do: its folder and its runs, and how far they are if it has been started before. Nothing is
   * made. Refused as `sweeps.start` would refuse it; with `thorough` every run's settings are checked, else a sample.
   */
  'sweeps.plan': {
    args: z.object({ draft: sweepDraftSchema, thorough: z.boolean() }),
    response: standingSchema.extend({
      /** It was started before. */
      exists: z.boolean(),
      /** What the first run trains, in words. */
      summary: z.string(),
      networks: z.int(),
      /** Of training, one run after the other; null until a network like these was trained here. */
      seconds: z.number().nullable(),
    }),
  },
  /**
   * Starts a sweep, or resumes the one of that name if its settings are the same. On a cluster: once its trainings
   * are submitted.
   */
  'sweeps.start': {
    args: z.object({ draft: sweepDraftSchema, on: placeSchema.default('local') }),
    response: rowSchema,
  },
  /** Does what is missing of it. */
  'sweeps.resume': { args: z.object({ name, on: placeSchema.default('local') }), response: rowSchema },
  /** Stops what is at work; what was trained and measured is kept. */
  'sweeps.cancel': { args: z.object({ name }), response: rowSchema },
  /** Its folder keeps its name. */
  'sweeps.rename': {
    args: z.object({ name, title: z.string().trim().min(1).max(200) }),
    response: rowSchema,
  },
  /** Forgets the sweep; with `runs` its runs go to the trash, a step that can be undone. */
  'sweeps.remove': {
    args: z.object({ name, runs: z.boolean() }),
    response: z.object({ trashed: z.int(), step: z.int().nullable() }),
  },
} as const;
