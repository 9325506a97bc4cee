/**
 * The contract between the engine and whoever asks it: the renderer (Electron IPC or WebSocket) and the command line.
 * Two verbs: call a request, listen to events. Arguments are parsed by the engine before anything runs.
 */
import { z } from 'zod';
import { dataRequests } from './data-list.ts';
import { backendInfoSchema, familySchema } from './domain.ts';
import { groupEditSchema, groupsStateSchema, groupSuggestionSchema } from './groups.ts';
import { slurmSettingsSchema } from './slurm.ts';
import { inspectNeuronsJob } from './jobs/inspect-neurons.ts';
import { matrixSchema } from './matrix.ts';
import { partsRequests } from './partial-results.ts';
import { epochMetricsSchema, progressSchema } from './progress.ts';
import { runEditSchema, runLabelsSchema } from './run-labels.ts';
import { measureRequests } from './run-measures.ts';
import { savedFilterRequests, savedFilterSchema } from './saved-filters.ts';
import { serverRequests } from './server-address.ts';
import { standingRequests } from './standing.ts';
import { sweepRequests } from './sweep-requests.ts';
import { trainFormRequests } from './train-preview.ts';

const id = z.string().min(1).max(200);
const time = z.number().describe('milliseconds since 1970');

// --- Runs and checkpoints -------------------------------------------------------------------------------------

/** One row of the catalog; everything the table shows, so that filtering and sorting never leave the renderer. */
export const runRowSchema = z.object({
  id,
  /** The person's own name for it; else the folder's, with more of the path if two runs share it. */
  name: z.string(),
  path: z.string(),
  architecture: z.string(),
  family: familySchema.nullable(),
  /** sigma_F of layer 0; null where the family has none. */
  sigmaF: z.number().nullable(),
  /** Batch norms of its network keep running statistics, as its config says: lines between its models need a choice. */
  runningStatistics: z.boolean(),
  dataset: z.string().nullable(),
  models: z.int(),
  /** Distinct saved epochs, ascending. */
  epochs: z.array(z.int()),
  checkpoints: z.int(),
  /** Percent at the last epoch, over the models; null where the checkpoints say nothing. */
  /** Percent, over the models whose accuracy is known; `std` null for a single one. */
  valAccuracy: z.object({ mean: z.number(), std: z.number().nullable() }).nullable(),
  /** `trained` by Basin or `imported`. */
  origin: z.enum(['trained', 'imported']),
  /** `missing`: the folder is not where it was. `broken`: see problems. */
  state: z.enum(['ready', 'training', 'interrupted', 'missing', 'broken']),
  problems: z.array(z.string()),
  groupIds: z.array(id),
  addedAt: time,
  /** The run's config.yaml flattened to dotted keys, for filters and columns. */
  properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  ...runLabelsSchema.shape,
});
export type RunRow = z.infer<typeof runRowSchema>;

export const checkpointRowSchema = z.object({
  id,
  runId: id,
  model: z.int(),
  epoch: z.int(),
  path: z.string(),
  bytes: z.int(),
  /** SHA-256 of the file; null while the background hashing has not reached it. */
  sha256: z.string().nullable(),
  /** Percent. */
  valAccuracy: z.number().nullable(),
  state: z.enum(['ready', 'missing', 'broken']),
  problem: z.string().nullable(),
});
export type CheckpointRow = z.infer<typeof checkpointRowSchema>;

export const runDetailSchema = runRowSchema.extend({
  config: z.record(z.string(), z.unknown()),
  configHash: z.string(),
  /** Widths from input to output, where the architecture is a known one. */
  widths: z.array(z.int()).nullable(),
  checkpointRows: z.array(checkpointRowSchema),
  /** Training curves, where the run has them (metrics.json). */
  metrics: z.array(epochMetricsSchema),
});
export type RunDetail = z.infer<typeof runDetailSchema>;

export * from './groups.ts';

// --- Jobs, results, figures -----------------------------------------------------------------------------------

export const jobStates = ['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted'] as const;

/** Waits or runs: its state will change. */
export const isActive = <Job extends { state: (typeof jobStates)[number] }>(
  job: Job,
): job is Job & { state: 'queued' | 'running' } => job.state === 'queued' || job.state === 'running';
export const jobSchema = z.object({
  id,
  kind: z.string(),
  title: z.string(),
  state: z.enum(jobStates),
  params: z.unknown(),
  progress: progressSchema.nullable(),
  backend: backendInfoSchema.nullable(),
  /** Why it failed or was interrupted, one or two sentences. */
  error: z.string().nullable(),
  hint: z.string().nullable(),
  /** The result was already there: nothing was computed again. */
  cached: z.boolean(),
  resumable: z.boolean(),
  resultId: id.nullable(),
  createdAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  attempt: z.int(),
});
export type Job = z.infer<typeof jobSchema>;

export const resultRowSchema = z.object({
  id,
  kind: z.string(),
  title: z.string(),
  jobId: id.nullable(),
  origin: z.enum(['computed', 'imported']),
  runIds: z.array(id),
  path: z.string(),
  createdAt: time,
});
export type ResultRow = z.infer<typeof resultRowSchema>;

/** Where a result's matrix lies, in the place of its numbers. Fetch it with `results.matrix`. */
export const matrixRefSchema = z.object({
  $matrix: z.string(),
  rows: z.int(),
  columns: z.int(),
});
export type MatrixRef = z.infer<typeof matrixRefSchema>;

export const figureRecipeSchema = z.object({
  kind: z.string(),
  data: z.unknown(),
  options: z.record(z.string(), z.unknown()),
  caption: z.string().optional(),
  provenance: z.unknown().optional(),
});

export const figureRowSchema = z.object({
  id,
  title: z.string(),
  kind: z.string(),
  resultIds: z.array(id),
  recipe: figureRecipeSchema,
  createdAt: time,
});
export type FigureRow = z.infer<typeof figureRowSchema>;

export const figureFormats = ['svg', 'pdf', 'png', 'csv', 'json'] as const;

export const engineInfoSchema = z.object({
  version: z.string(),
  workspace: z.string(),
  host: z.string(),
  pid: z.int(),
  node: z.string(),
  /** Null until the first worker has loaded it. */
  backend: backendInfoSchema.nullable(),
  workers: z.object({ limit: z.int(), busy: z.int(), threadsEach: z.int() }),
  /** Where `basin serve` shows this engine to browsers, without a token: `http://127.0.0.1:7077`; null if it does not. */
  served: z.string().nullable(),
  counts: z.object({
    runs: z.int(),
    checkpoints: z.int(),
    groups: z.int(),
    results: z.int(),
    figures: z.int(),
  }),
});
export type EngineInfo = z.infer<typeof engineInfoSchema>;

const nothing = z.object({});
const bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);

/** name -> its arguments, its response. */
export const requests = {
  'engine.info': { args: nothing, response: engineInfoSchema },

  'runs.list': { args: nothing, response: z.array(runRowSchema) },
  /** The same for a window: packed-runs.ts. */
  'runs.packed': {
    args: nothing,
    response: z.object({
      bases: z.array(runRowSchema.shape.properties),
      baseOf: z.array(z.int()),
      runs: z.array(runRowSchema),
    }),
  },
  /** Runs in the trash, the last one first. */
  'runs.trash': { args: nothing, response: z.array(runRowSchema) },
  ...measureRequests,
  ...savedFilterRequests,
  /** One step of undo, as a change to the groups is. */
  'runs.edit': {
    args: z.object({ edit: runEditSchema }),
    response: groupsStateSchema.extend({ step: z.int().nullable() }),
  },
  'runs.get': { args: z.object({ runId: id }), response: runDetailSchema },
  /** Forgets the run for good; its files stay. */
  'runs.remove': { args: z.object({ runIds: z.array(id) }), response: nothing },
  /** Points a missing run to its new folder. */
  'runs.relocate': { args: z.object({ runId: id, path: z.string() }), response: runRowSchema },

  'groups.get': { args: nothing, response: groupsStateSchema },
  /** `step` names the change to `groups.undo`; null if nothing changed. */
  'groups.edit': {
    args: z.object({ edit: groupEditSchema }),
    response: groupsStateSchema.extend({ step: z.int().nullable() }),
  },
  /** Takes back the last change, or the one named: refused if a later change builds on it. */
  'groups.undo': { args: z.object({ step: z.int().optional() }), response: groupsStateSchema },
  'groups.redo': { args: nothing, response: groupsStateSchema },
  'groups.suggest': { args: nothing, response: z.array(groupSuggestionSchema) },
  'groups.export': {
    args: z.object({ format: z.enum(['python', 'json']) }),
    response: z.object({ filename: z.string(), text: z.string() }),
  },
  /** Reads a `checkpoint_directories.py` dictionary or our JSON; unknown folders are listed, not guessed. */
  'groups.import': {
    /** `file`: absolute path that the text was read from, if the client knows it. */
    args: z.object({
      format: z.enum(['python', 'json']),
      text: z.string().max(10_000_000),
      file: z.string().optional(),
    }),
    /** Folders that the catalog does not know, as written; groups that no run was left for: not made. */
    response: z.object({
      state: groupsStateSchema,
      unknownPaths: z.array(z.string()),
      leftOut: z.array(z.string()),
    }),
  },

  /** With `done` only so many of the jobs that are done, the newest: a large sweep leaves thousands. */
  'jobs.list': { args: z.object({ done: z.int().nonnegative().optional() }), response: z.array(jobSchema) },
  'jobs.get': { args: z.object({ jobId: id }), response: jobSchema },
  /** Params are parsed by the kind's own schema. */
  'jobs.submit': { args: z.object({ kind: z.string(), params: z.unknown() }), response: jobSchema },
  /** All of them as job arrays of the cluster that the engine's machine belongs to. Refused to windows: it runs commands. */
  'jobs.submitOnSlurm': {
    args: z.object({
      jobs: z.array(z.object({ kind: z.string(), params: z.unknown() })).min(1),
      settings: slurmSettingsSchema,
    }),
    response: z.array(jobSchema),
  },
  /** The cluster of the basin.yaml in the workspace; null: there is no such file. `problem`: why it cannot be used. */
  'slurm.cluster': {
    args: z.object({}),
    response: z
      .object({ path: z.string(), settings: slurmSettingsSchema.nullable(), problem: z.string().nullable() })
      .nullable(),
  },
  'jobs.cancel': { args: z.object({ jobId: id }), response: jobSchema },
  'jobs.retry': { args: z.object({ jobId: id }), response: jobSchema },
  /** Puts a queued job at this place of the queue, 0 is next. */
  'jobs.move': {
    args: z.object({ jobId: id, position: z.int().nonnegative() }),
    response: z.array(jobSchema),
  },
  'jobs.remove': { args: z.object({ jobId: id }), response: nothing },
  'jobs.log': { args: z.object({ jobId: id }), response: z.array(z.string()) },
  /** Live curves of a training job so far. */
  'jobs.metrics': { args: z.object({ jobId: id }), response: z.array(epochMetricsSchema) },

  'results.list': { args: z.object({ kind: z.string().optional() }), response: z.array(resultRowSchema) },
  /** The result with every matrix replaced by a MatrixRef. */
  'results.get': {
    args: z.object({ resultId: id }),
    response: z.object({
      row: resultRowSchema,
      params: z.unknown(),
      data: z.unknown(),
      provenance: z.unknown(),
    }),
  },
  ...standingRequests,
  'results.matrix': { args: z.object({ resultId: id, name: z.string() }), response: matrixSchema },
  'results.export': {
    args: z.object({ resultId: id, format: z.enum(['json', 'csv', 'parquet', 'npy']) }),
    response: z.object({ filename: z.string(), bytes }),
  },
  /**
   * Two neurons side by side, computed from their checkpoints by a worker that long jobs do not keep waiting. The
   * newest question of an client (a name it has made up for itself) cancels its one before. Params are parsed by the
   * kind's own schema; nothing is kept as a job or a result.
   */
  'neurons.inspect': {
    args: z.object({ client: id, params: z.unknown() }),
    response: inspectNeuronsJob.result,
  },
  'neurons.stop': { args: z.object({ client: id }), response: nothing },
  /** Results (all of them if none is named), the figures made of them and the configs of their runs, as one zip. */
  'results.bundle': {
    args: z.object({ resultIds: z.array(id).optional() }),
    response: z.object({ filename: z.string(), bytes, results: z.int(), figures: z.int() }),
  },
  'results.remove': { args: z.object({ resultId: id }), response: nothing },

  ...partsRequests,

  'figures.list': { args: nothing, response: z.array(figureRowSchema) },
  'figures.save': {
    args: z.object({ title: z.string(), resultIds: z.array(id), recipe: figureRecipeSchema }),
    response: figureRowSchema,
  },
  /** Another title or recipe for a saved figure; the results behind it stay. */
  'figures.update': {
    args: z.object({
      figureId: id,
      title: z.string().trim().min(1).optional(),
      recipe: figureRecipeSchema.optional(),
    }),
    response: figureRowSchema,
  },
  'figures.remove': { args: z.object({ figureId: id }), response: nothing },
  /** Draws a recipe (saved or not) into a file's bytes. `dpi` concerns png. */
  'figures.export': {
    args: z.object({
      recipe: figureRecipeSchema,
      format: z.enum(figureFormats),
      dpi: z.number().min(36).max(2400).optional(),
    }),
    response: z.object({
      filename: z.string(),
      bytes,
      /** What the file does not show as the figure has it, such as characters that the fonts lack. */
      warnings: z.array(z.string()),
    }),
  },

  ...trainFormRequests,
  ...sweepRequests,
  ...dataRequests,

  /** Trains the demo's families, groups them and measures them; every step is a job. Asking twice starts it once. */
  'demo.start': { args: nothing, response: z.object({ jobIds: z.array(id) }) },

  ...serverRequests,

  /** Folders below which the engine may be asked to look, for choosing a folder in a browser. */
  'files.browse': {
    args: z.object({ path: z.string().optional() }),
    response: z.object({
      path: z.string(),
      parent: z.string().nullable(),
      folders: z.array(z.object({ name: z.string(), path: z.string(), isRun: z.boolean() })),
    }),
  },
} as const satisfies Record<string, { args: z.ZodType; response: z.ZodType }>;

export type RequestName = keyof typeof requests;
export type ArgsOf<N extends RequestName> = z.input<(typeof requests)[N]['args']>;
export type ParsedArgsOf<N extends RequestName> = z.output<(typeof requests)[N]['args']>;
export type ResponseOf<N extends RequestName> = z.output<(typeof requests)[N]['response']>;

/** The whole engine, as its callers see it. */
export type Handlers = {
  [N in RequestName]: (args: ParsedArgsOf<N>) => Promise<ResponseOf<N>> | ResponseOf<N>;
};

export const engineEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('runs-changed') }),
  /** More is known of files of runs (their hashes); the rows of the catalog are as they were. */
  z.object({ type: z.literal('files-changed') }),
  z.object({ type: z.literal('groups-changed'), state: groupsStateSchema }),
  z.object({ type: z.literal('job-changed'), job: jobSchema }),
  z.object({ type: z.literal('job-removed'), jobId: id }),
  z.object({ type: z.literal('job-progress'), jobId: id, progress: progressSchema }),
  z.object({ type: z.literal('job-log'), jobId: id, line: z.string() }),
  z.object({ type: z.literal('job-epoch'), jobId: id, metrics: epochMetricsSchema }),
  z.object({ type: z.literal('results-changed') }),
  z.object({ type: z.literal('figures-changed') }),
  /** Of this sweep, or of any if it names none. */
  z.object({ type: z.literal('sweeps-changed'), name: z.string().optional() }),
  z.object({ type: z.literal('filters-changed'), filters: z.array(savedFilterSchema) }),
  z.object({ type: z.literal('engine-info'), info: engineInfoSchema }),
]);
export type EngineEvent = z.infer<typeof engineEventSchema>;
