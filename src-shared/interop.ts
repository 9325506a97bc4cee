/** What a scan of run folders tells the engine while it goes on. */
import { z } from 'zod';

export const foundCheckpointSchema = z.object({
  /** Relative to the run's folder. */
  file: z.string(),
  model: z.int().positive(),
  epoch: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  mtimeMs: z.number(),
  /** Hash of some blocks of the file (all of it if it is small); absent if they could not be read. */
  sample: z.string().optional(),
  /** SHA-256 of the file, if it had to be known to tell this run from another one. */
  sha256: z.string().optional(),
  /** Percent; null where the file says nothing. */
  valAccuracy: z.number().nullable(),
  /** Why the file cannot be used; null when its header reads well. */
  problem: z.string().nullable(),
});
export type FoundCheckpoint = z.infer<typeof foundCheckpointSchema>;

export const foundRunSchema = z.object({
  /** Absolute path of the folder, links resolved. */
  path: z.string(),
  /** The config as plain data, unknown keys kept; null where there is none or it cannot be read. */
  config: z.record(z.string(), z.unknown()).nullable(),
  /** SHA-256 of the config file as it lies on disk; '' without one. */
  configHash: z.string(),
  checkpoints: z.array(foundCheckpointSchema),
  /** What is wrong with the run, each a sentence that names the file. */
  problems: z.array(z.string()),
  /** No network can be built from the config: no analysis can use the run. */
  blocked: z.boolean().optional(),
});
export type FoundRun = z.infer<typeof foundRunSchema>;

/** A result (or figure) that an import read from a file; the engine keeps it, marked as imported. */
export const foundResultSchema = z.object({
  /** File it came from, and its place in it: the same one is taken once. */
  path: z.string(),
  sha256: z.string(),
  part: z.int().nonnegative(),
  /** Kind of job whose result it is; `data` is as that kind's schema says, matrices as typed arrays. */
  kind: z.string(),
  title: z.string(),
  params: z.unknown(),
  data: z.unknown(),
  /** As the file says; undefined for files of other programs. */
  provenance: z.unknown(),
  /** Its id where it was made: figures of the same file refer to it. */
  originalId: z.string().optional(),
});
export type FoundResult = z.infer<typeof foundResultSchema>;

export const foundFigureSchema = z.object({
  title: z.string(),
  /** Original ids. */
  resultIds: z.array(z.string()),
  recipe: z.unknown(),
});
export type FoundFigure = z.infer<typeof foundFigureSchema>;

export const hashedFileSchema = z.object({
  path: z.string(),
  bytes: z.int().nonnegative(),
  mtimeMs: z.number(),
  sha256: z.string(),
  /** As of a found checkpoint: files written in one tick of the clock have the same time. */
  sample: z.string().optional(),
});
export type HashedFile = z.infer<typeof hashedFileSchema>;
