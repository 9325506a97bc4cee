import { z } from 'zod';
import { defineJob } from './define.ts';

const brokenSchema = z.object({ path: z.string(), reason: z.string() });

/** A run of the catalog, as far as it takes to see whether a folder could hold the same checkpoints. */
const knownRunSchema = z.object({
  path: z.string(),
  fingerprint: z.string(),
  /** Hash over the samples of its checkpoints; null if they are not known. */
  contents: z.string().nullable(),
});
export type KnownRun = z.infer<typeof knownRunSchema>;

/** What the import changed in the catalog. */
export const importChangesSchema = z.object({
  added: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  /** Runs that were missing and were found again at another place. */
  relocated: z.int(),
  /** What a person should know: runs that moved, copies, what cannot be told. One sentence for each kind of thing. */
  notes: z.array(z.string()),
  /** The runs behind a note that is about several, one sentence each. */
  details: z.array(z.string()).default([]),
});
export type ImportChanges = z.infer<typeof importChangesSchema>;

export const importJob = defineJob({
  kind: 'import',
  version: 1,
  title: 'Import',
  summary:
    'Looks for run folders below a folder and adds them to the catalog. Copies no checkpoints and reads only their headers; result files and analysis archives, named or found below the folder, are imported as results.',
  params: z.object({
    /** Absolute paths of folders to search, or of single files: checkpoints, configs, results, analyses (.zip). */
    paths: z.array(z.string().min(1)).min(1).meta({ label: 'Files and folders', path: true }),
    /** Filled in by the engine: runs of the catalog, so that a folder that could be one of them is read in full. */
    known: z.array(knownRunSchema).optional().meta({ label: 'Known runs' }),
  }),
  result: z.object({
    runs: z.int(),
    checkpoints: z.int(),
    /** Files besides runs that were recognised, and what they hold. */
    recognised: z.array(z.object({ path: z.string(), what: z.string(), results: z.int() })).default([]),
    /** Files below a folder that could have been results by their ending and are not: the first, and how many. */
    passedOver: z.array(brokenSchema).default([]),
    passedOverCount: z.int().default(0),
    /** Runs that can be used, and what is worth knowing about them. */
    remarks: z.array(brokenSchema).default([]),
    /** Files and folders that cannot be used, with the reason. */
    broken: z.array(brokenSchema),
    /** Filled in by the engine; null where a worker ran without one. */
    changes: importChangesSchema.nullable(),
  }),
  lane: 'light',
  place: { view: 'catalog' },
  cacheable: false,
  quiet: true,
});
