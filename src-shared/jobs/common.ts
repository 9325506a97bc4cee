/** Pieces that several kinds of job share. */
import { z } from 'zod';
import { dataSourceSchema } from '../domain.ts';

/** Which checkpoints of which run. Models count from 1, as in the file names. */
export const runSelectionSchema = z.object({
  /** Absolute path of the run directory. */
  run: z.string().min(1),
  models: z.array(z.int().positive()).min(1),
  /** 0 is the initialisation. */
  epoch: z.int().nonnegative(),
});

/** Data of an analysis; absent: the run's own data and split, as recorded in its config. */
export const analysisDataSchema = dataSourceSchema.partial();

export const seedSchema = z.int().min(0).max(0xffffffff);
