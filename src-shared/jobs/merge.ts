import { z } from 'zod';
import { alignmentSchema, matchingModeSchema } from '../domain.ts';
import { defineJob } from './define.ts';
import { checkpointFormatSchema } from './export-checkpoints.ts';
import { normStatisticsSchema } from './interpolate.ts';
import { alignmentParams, analysisData, checkSelection, pairSelection, permutationsSchema } from './pairs.ts';

export const mergeJob = defineJob({
  kind: 'merge',
  version: 1,
  title: 'Merge models',
  summary:
    'Permutes models to the first one and writes their weighted mean (or each permuted model) as a new run, in the non-asymmetric form that any script can load.',
  params: z
    .object({
      run: pairSelection.run,
      models: pairSelection.models,
      epoch: pairSelection.epoch,
      checkpoints: pairSelection.checkpoints,
      ...alignmentParams,
      lambda: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe('two models: share of the second; absent: the plain mean of all')
        .meta({ label: 'Weight of the second model' }),
      write: z
        .enum(['merged', 'aligned'])
        .default('merged')
        .describe(
          'merged: one model, their mean; aligned: every model with its neurons in the order of the first',
        )
        .meta({ label: 'Models to write' }),
      format: checkpointFormatSchema
        .default('pt')
        .describe('pt opens with torch.load(weights_only=True)')
        .meta({ label: 'File format' }),
      directory: z
        .string()
        .min(1)
        .describe('folder to write to; it must not hold a run yet')
        .meta({ label: 'Output folder', path: true }),
      data: analysisData.meta({ label: 'Data' }),
    })
    .superRefine(checkSelection),
  result: z.object({
    /** Absolute path of the new run folder. */
    directory: z.string(),
    files: z.array(z.string()),
    /** The models that went in, the first one is the one the others were permuted to. */
    sources: z.array(z.string()),
    /** Share of each model; absent for `aligned`. */
    weights: z.array(z.number()).optional(),
    align: alignmentSchema,
    mode: matchingModeSchema.optional(),
    /** Of each model after the first; absent without alignment. */
    permutations: z.array(permutationsSchema).optional(),
    norm_statistics: normStatisticsSchema.optional(),
    notes: z.array(z.string()),
  }),
  lane: 'main',
  place: { view: 'catalog' },
  cacheable: false,
});
