/** The requests for the data sets that can be trained on. */
import { z } from 'zod';
import { shapeText } from './images.ts';
import { taskSchema } from './objective.ts';

export const dataSetRowSchema = z.object({
  name: z.string(),
  /** `folder`: cannot be fetched, only read from a folder; `made`: from seeds or other data, as a config says. */
  state: z.enum(['embedded', 'fetched', 'not fetched', 'folder', 'added', 'made']),
  /** Numbers per example; null where the config decides. */
  features: z.int().nullable(),
  /** Of images: channels, height, width. */
  shape: z.array(z.int()).nullable(),
  /** What is learnt; absent: classification. */
  task: taskSchema.optional(),
  /** Of numbers to be predicted how many; of tokens one more than the largest to be predicted. */
  classes: z.int().nullable(),
  train: z.int().nullable(),
  test: z.int().nullable(),
  folder: z.string().nullable(),
  /** Why it cannot be used. */
  problem: z.string().nullable(),
});
export type DataSetRow = z.infer<typeof dataSetRowSchema>;

export const dataRequests = {
  'data.list': { args: z.object({}), response: z.array(dataSetRowSchema) },
  /** Removes a set that was added; `force`: also if runs of the catalog, which the result names, were trained on it. */
  'data.remove': {
    args: z.object({ name: z.string().min(1), force: z.boolean() }),
    response: z.object({ folder: z.string(), runs: z.array(z.string()) }),
  },
} as const;

/** "8000 + 2000 of 1 x 28 x 28, 10 classes"; empty if nothing is known. */
export function examplesText(row: DataSetRow): string {
  const { train, test, shape, features, classes, problem, task = 'classification' } = row;
  if (problem !== null) return problem;
  if (train === null || features === null) return '';
  const wanted = {
    classification: `${classes} classes`,
    'next-token': `the next of ${classes} tokens`,
    regression: `${classes} ${classes === 1 ? 'number' : 'numbers'} to predict`,
  }[task];
  const numbers = task === 'next-token' ? 'tokens' : 'numbers';
  return `${train} + ${test} of ${shape ? shapeText(shape) : `${features} ${numbers}`}, ${wanted}`;
}
