/** Pieces that several kinds of job share. */
import { z } from 'zod';
import { dataSourceSchema } from '../domain.ts';

/** Data of an analysis; absent: the run's own data and split, as recorded in its config. */
export const analysisDataSchema = dataSourceSchema.partial();

export const seedSchema = z.int().min(0).max(0xffffffff);
