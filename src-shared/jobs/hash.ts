import { z } from 'zod';
import { defineJob } from './define.ts';

export const hashJob = defineJob({
  kind: 'hash',
  version: 1,
  title: 'Hash checkpoints',
  summary:
    'Computes the SHA-256 of every checkpoint in some run folders, so that results can be cached by content.',
  params: z.object({
    /** Absolute paths of run folders. */
    runs: z.array(z.string().min(1)).meta({ label: 'Runs', path: true }),
  }),
  result: z.object({ files: z.int(), bytes: z.number() }),
  lane: 'background',
  place: null,
  cacheable: false,
  quiet: true,
});
