import { z } from 'zod';
import { taskSchema } from '../objective.ts';
import { addedNameRule, isAddedName } from '../data-names.ts';
import { defineJob } from './define.ts';

const path = z.string().min(1);
const numbers = z.array(z.number()).min(1);

export const addDataJob = defineJob({
  kind: 'add-data',
  version: 1,
  title: 'Add a data set',
  summary:
    'Turns your own files into a data set that networks can be trained and measured on: NumPy arrays (.npy, .npz), CSV tables, IDX files, or a folder of images with one folder per class. The files are copied into the workspace.',
  params: z.object({
    name: z
      .string()
      .refine(isAddedName, addedNameRule)
      .describe('name used in configs and commands')
      .meta({ label: 'Name' }),
    inputs: path
      .describe(
        'training examples: .npy, .npz (FILE.npz:ARRAY names one of several), CSV, IDX, or a folder of images',
      )
      .meta({ label: 'Training inputs', path: true }),
    labels: path
      .optional()
      .describe(
        'their classes, one per example; with regression the numbers to predict, with next-token the tokens to predict (absent: each next token of the inputs); not needed for a folder of images, or with a column of labels',
      )
      .meta({ label: 'Training labels', path: true }),
    task: taskSchema
      .default('classification')
      .describe(
        'what is learnt: one class per example; the next token at every place of a sequence; or numbers (regression)',
      )
      .meta({ label: 'Task' }),
    tokens: z
      .boolean()
      .default(false)
      .describe(
        'the inputs are sequences of tokens: whole numbers that are looked up, not normalised; implied by the task next-token',
      )
      .meta({ label: 'Token sequences' }),
    ignore: z
      .int()
      .optional()
      .describe('of next-token: the number that stands for a token that does not count; -100 if absent')
      .meta({ label: 'Ignored token', advanced: true }),
    testInputs: path
      .optional()
      .describe('examples to test with; absent: a share of the training examples is set aside')
      .meta({ label: 'Test inputs', path: true }),
    testLabels: path.optional().describe('their labels').meta({ label: 'Test labels', path: true }),
    labelColumn: z
      .string()
      .min(1)
      .optional()
      .describe("if the CSV holds the labels: the column's name, or its number from 1")
      .meta({ label: 'Column of labels' }),
    testShare: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe('without test inputs: share of the examples that is set aside, 0.1 if absent')
      .meta({ label: 'Test share', advanced: true }),
    layout: z
      .enum(['channels-first', 'channels-last'])
      .optional()
      .describe('for arrays with four axes, if their sizes are ambiguous')
      .meta({ label: 'Order of the axes', advanced: true }),
    normalisation: z
      .enum(['channel', 'number', 'none'])
      .optional()
      .describe(
        'mean and deviation per channel (absent: of images), per number of a row (absent: of tables and flat arrays), or none',
      )
      .meta({ label: 'Normalisation', advanced: true }),
    mean: numbers
      .optional()
      .describe(
        'subtracted, one for all or one per channel; of bytes on the scale 0 to 1; absent: of the training examples',
      )
      .meta({ label: 'Mean', advanced: true }),
    std: numbers
      .optional()
      .describe('standard deviation to divide by; same length as the mean')
      .meta({ label: 'Standard deviation', advanced: true }),
    replace: z
      .boolean()
      .default(false)
      .describe(
        'replaces the data set of this name; runs that were trained on the old one will no longer find it',
      )
      .meta({ label: 'Replace', advanced: true }),
  }),
  result: z.object({
    name: z.string(),
    directory: z.string(),
    train: z.int(),
    test: z.int(),
    /** Numbers per example. */
    features: z.int(),
    /** Of images: channels, height, width. */
    shape: z.array(z.int()).nullable(),
    task: taskSchema,
    /** Of numbers to be predicted how many; of tokens one more than the largest to be predicted. */
    classes: z.int(),
    class_names: z.array(z.string()).nullable(),
    dtype: z.enum(['uint8', 'float32', 'int32']),
    /** One for all, one per channel, or one per number of a row. */
    mean: z.array(z.number()),
    std: z.array(z.number()),
    /** Hash of the contents, by which runs know it. */
    contents: z.string(),
    notes: z.array(z.string()),
  }),
  lane: 'main',
  place: { view: 'catalog' },
  cacheable: false,
  quiet: true,
});
