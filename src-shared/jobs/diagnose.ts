import { z } from 'zod';
import { backendInfoSchema } from '../domain.ts';
import { defineJob } from './define.ts';

export const diagnose = defineJob({
  kind: 'diagnose',
  version: 1,
  title: 'Diagnose',
  summary: 'Says which back end computes in a worker, why, and how fast a matrix product is on it.',
  params: z.object({
    size: z.int().min(64).max(8192).default(1024).describe('side of the square matrices multiplied'),
    seconds: z.number().min(0.05).max(60).default(0.5).describe('how long to measure'),
  }),
  result: z.object({
    backend: backendInfoSchema,
    /** `tensorflow 2.21.0 (CPU, 2 threads)` */
    label: z.string(),
    /** What would give a faster back end; null where the fastest is in use. */
    fix: z.string().nullable(),
    /** Of a float32 matrix product, best of the repetitions: 2 size^3 operations. */
    gigaflops: z.number(),
    repetitions: z.int(),
    node: z.string(),
  }),
  cacheable: false,
});
