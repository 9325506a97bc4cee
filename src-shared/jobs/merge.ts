import { z } from 'zod';
import { alignmentSchema, matchingModeSchema } from '../domain.ts';
import { defineJob } from './define.ts';
import { checkpointFormatSchema } from './export-checkpoints.ts';
import { checkNormStatistics, normStatisticsFields, normStatisticsParams } from './norm-statistics.ts';
import type { NormStatistics } from './norm-statistics.ts';
import { orthogonalSchema } from './orthogonal.ts';
import { alignmentParams, analysisData, checkSelection, pairSelection, permutationsSchema } from './pairs.ts';

function refusalOf(chosen: NormStatistics | undefined, write: 'merged' | 'aligned'): string | undefined {
  if (chosen === 'batch')
    return 'a file holds one set of statistics, and batch means those of whatever is evaluated; expected interpolate or re-estimate. The job interpolate computes with batch';
  return chosen !== undefined && write === 'aligned'
    ? 'has no effect on aligned models: nothing is mixed, and statistics move with their units'
    : undefined;
}

export const mergeJob = defineJob({
  kind: 'merge',
  version: 1,
  title: 'Merge models',
  summary:
    'Aligns models with the first one and writes their weighted mean (or each aligned model) as a new run, in the non-asymmetric form that any script can load.',
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
      ...normStatisticsParams,
      data: analysisData.meta({ label: 'Data' }),
    })
    .superRefine(checkSelection)
    .superRefine(checkNormStatistics)
    .superRefine(({ normStatistics, write }, context) => {
      const message = refusalOf(normStatistics, write);
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['normStatistics'], message });
    }),
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
    /** The same, aligned by more than permutations: the first model is changed as well, to coordinates that all share. */
    orthogonal: z.array(orthogonalSchema).optional(),
    ...normStatisticsFields,
    notes: z.array(z.string()),
  }),
  lane: 'main',
  place: { view: 'catalog' },
  cacheable: false,
});
