/** Kinds of job that exist only in tests: they do on purpose what jobs must never do. */
import { z } from 'zod';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import { defineJob, jobParts } from '../../../src-shared/jobs/define.ts';
import { hashJob } from '../../../src-shared/jobs/hash.ts';
import { importJob } from '../../../src-shared/jobs/import.ts';
import { matrixSchema } from '../../../src-shared/matrix.ts';

const behaviours = [
  'sleep',
  'stubborn',
  'eat',
  'heap',
  'segfault',
  'exit',
  'refuse',
  'throw',
  'talk',
] as const;

/** Does what `what` says; `ms` long where that means anything. */
export const actJob = defineJob({
  kind: 'act',
  version: 1,
  title: 'Act',
  summary: 'Behaves as told.',
  params: z.object({ what: z.enum(behaviours), ms: z.number().default(20), tag: z.string().default('') }),
  result: z.object({ said: z.string() }),
  lane: 'main',
  place: null,
  cacheable: false,
});

/** Multiplication table of n, as a matrix, plus the bytes of the checkpoints that it was asked about. */
export const tableJob = defineJob({
  kind: 'table',
  version: 1,
  title: 'Table',
  summary: 'A multiplication table.',
  params: z.object({
    n: z.int().positive(),
    run: z.string().optional().meta({ path: true }),
    models: z.array(z.int()).optional(),
    epoch: z.int().optional(),
    ms: z.number().default(0),
  }),
  result: z.object({ layers: z.array(z.object({ name: z.string(), products: matrixSchema })), pid: z.int() }),
  lane: 'main',
  place: null,
  cacheable: true,
});

/** Stands in for training: deterministic weights, one checkpoint per epoch, resumable. */
export const trainJob = defineJob({
  kind: 'train',
  version: 1,
  title: 'Train a run',
  summary: 'Pretends to train.',
  params: z.object({
    run: z.string().min(1).meta({ path: true }),
    epochs: z.int().positive().default(2),
    /** What real training would be told; not looked at. */
    config: z.record(z.string(), z.unknown()).optional(),
    ms: z.number().default(15),
    resume: z.boolean().default(false),
    /** Dies of SIGKILL once, after this epoch. */
    dieAfter: z.int().optional(),
  }),
  result: z.object({ epochs: z.int(), resumed_from: z.int().nullable() }),
  lane: 'main',
  place: null,
  cacheable: false,
});

const squareParams = z.object({
  run: z.string().min(1).meta({ path: true }),
  epochs: z.array(z.int()),
  size: z.int().positive().default(3),
  ms: z.number().default(0),
  /** `@` and a file (so that it is none that the result depends on) to which each computed part adds its epoch. */
  diary: z.string().min(1),
  /** Dies of SIGKILL when it comes to this epoch, as long as the file `trap` (written like `diary`) is there. */
  dieAt: z.int().optional(),
  trap: z.string().default('@'),
});
const squarePartial = z.object({ epoch: z.int(), squares: matrixSchema });
const squareResult = z.union([squarePartial, z.array(squarePartial).min(2)]);

/** A matrix for each epoch of a run: a question in parts. */
export const squaresJob = defineJob({
  kind: 'squares',
  version: 1,
  title: 'Squares',
  summary: 'Squares of epochs.',
  params: squareParams,
  result: squareResult,
  parts: jobParts(
    { params: squareParams, partial: squarePartial, result: squareResult },
    ['epoch', 'epochs'],
    (_params, partials) => (partials.length === 1 ? partials[0]! : partials),
  ),
  lane: 'main',
  place: null,
  cacheable: true,
});

/** Stands in for the real one: takes its question, gives nothing. */
export const interpolateJob = defineJob({
  kind: 'interpolate',
  version: 1,
  title: 'Interpolate',
  summary: 'Pretends to interpolate.',
  params: z.object({
    run: z.string().meta({ path: true }),
    epoch: z.int(),
    splits: z.array(z.string()).default(['test']),
    align: z.string().default('none'),
  }),
  result: z.object({ align: z.string() }),
  lane: 'main',
  place: null,
  cacheable: true,
});

export const testKinds: readonly AnyJobKind[] = [
  actJob,
  tableJob,
  squaresJob,
  trainJob,
  interpolateJob,
  importJob,
  hashJob,
];
