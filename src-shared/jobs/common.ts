/** Pieces that several kinds of job share. */
import { z } from 'zod';
import { dataSourceSchema, splitSchema } from '../domain.ts';

/** Data of an analysis; absent: the run's own data and split, as recorded in its config. */
export const analysisDataSchema = dataSourceSchema.partial();

export const seedSchema = z.int().min(0).max(0xffffffff);

/** Of kinds that train many small linear networks from random starts. */
export const randomTrainings = {
  starts: z
    .int()
    .min(2)
    .max(5000)
    .default(200)
    .describe('networks trained from independent random starts')
    .meta({ label: 'Random starts' }),
  steps: z
    .int()
    .min(100)
    .max(200_000)
    .default(4000)
    .describe('steps of Adam, full batch')
    .meta({ label: 'Training steps' }),
  learningRate: z
    .number()
    .positive()
    .max(1)
    .default(0.02)
    .describe('at the start; falls to 0 along a half cosine')
    .meta({ label: 'Learning rate' }),
};

/** Which model of the param `run`, if there is one. */
export const modelOfRun = {
  model: z
    .int()
    .positive()
    .default(1)
    .describe('with run: model of the run, from 1')
    .meta({ label: 'Model' }),
  epoch: z.int().nonnegative().optional().describe('with run: its epoch').meta({ label: 'Epoch' }),
};

export const lossSplit = splitSchema
  .default('test')
  .describe('with run: split that the loss is taken over')
  .meta({ label: 'Split' });
