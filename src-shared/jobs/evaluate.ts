import { z } from 'zod';
import { executionSchema } from '../domain.ts';
import { defineJob } from './define.ts';

export const evaluateJob = defineJob({
  kind: 'evaluate',
  version: 1,
  title: 'Evaluate on given inputs',
  summary:
    'Runs one model of a run on the examples of a .npy file and writes the outputs (logits) to another .npy file.',
  params: z.object({
    run: z.string().min(1).describe('folder of the run').meta({ label: 'Run', path: true }),
    model: z.int().positive().default(1).describe('model of the run, from 1').meta({ label: 'Model' }),
    epoch: z.int().nonnegative().describe('its epoch').meta({ label: 'Epoch' }),
    inputs: z
      .string()
      .min(1)
      .describe('.npy file of the examples: [examples, ...shape of one], or [examples, numbers of one]')
      .meta({ label: 'Inputs', path: true }),
    out: z
      .string()
      .min(1)
      .describe('.npy file to be written; one that is there is replaced')
      .meta({ label: 'Output file', path: true }),
    precision: z
      .enum(['float32', 'float64'])
      .default('float32')
      .describe('float64: everything in double precision, from the weights of the file on')
      .meta({ label: 'Precision' }),
  }),
  result: z.object({
    file: z.string(),
    /** Of what was written: examples, then the shape of one output. */
    shape: z.array(z.int()),
    precision: z.enum(['float32', 'float64']),
    /** Of all outputs, in absolute value; null if some are not finite. */
    largest: z.number().nullable(),
    seconds: z.number(),
    execution: executionSchema,
    notes: z.array(z.string()),
  }),
  lane: 'main',
  // It writes one file: no question that is asked of whole groups.
  place: null,
  cacheable: false,
  quiet: true,
});
