import { z } from 'zod';
import { backendInfoSchema } from '../domain.ts';
import { defineJob } from './define.ts';

export const diagnose = defineJob({
  kind: 'diagnose',
  version: 2,
  title: 'Diagnose',
  summary:
    'Reports which back end a worker uses, on which device and why, whether compiled execution works, and the speed of a matrix product.',
  params: z.object({
    size: z
      .int()
      .min(64)
      .max(8192)
      .default(1024)
      .describe('side of the square matrices multiplied')
      .meta({ label: 'Matrix size' }),
    seconds: z
      .number()
      .min(0.05)
      .max(60)
      .default(0.5)
      .describe('how long to measure')
      .meta({ label: 'Measuring time in seconds' }),
  }),
  result: z.object({
    backend: backendInfoSchema,
    /** `tensorflow 2.21.0 (CPU, 2 threads)` */
    label: z.string(),
    /** What would give a faster back end; null where the fastest is in use. */
    fix: z.string().nullable(),
    /** The GPU's name, or the processor's model. */
    device: z.string(),
    /** Whether compiled execution works, by its modes. */
    compiled: z.array(
      z.object({
        mode: z.enum(['xla', 'graph']),
        works: z.boolean(),
        /** Why not. */
        reason: z.string().nullable(),
        fix: z.string().nullable(),
      }),
    ),
    /** Of a float32 matrix product, best of the repetitions: 2 size^3 operations. */
    gigaflops: z.number(),
    repetitions: z.int(),
    node: z.string(),
  }),
  lane: 'main',
  place: null,
  cacheable: false,
});
