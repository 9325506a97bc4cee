/** Where a batch norm between models takes its mean and variance from: never chosen without a word. */
import { z } from 'zod';

export const normStatistics = ['interpolate', 're-estimate', 'batch'] as const;
/** What was done; absent in results about networks without running statistics. */
export const normStatisticsSchema = z.enum(normStatistics);
export type NormStatistics = z.infer<typeof normStatisticsSchema>;

/** What is done if a job names none of them: as the published scripts do. Results say so. */
export const defaultNormStatistics: NormStatistics = 'interpolate';
/** What forms offer first: the statistics that the mixed network has on data. */
export const recommendedNormStatistics: NormStatistics = 're-estimate';

export const defaultStatisticsBatch = 1000;

/** Both optional, so that a choice can be told from its absence: it is refused for networks that it says nothing to. */
export const normStatisticsParams = {
  normStatistics: normStatisticsSchema
    .optional()
    .describe(
      `networks whose batch norms keep running statistics: interpolate mixes them like weights; re-estimate averages them over the train split at every point, ends included; batch takes those of the batch that is evaluated. Absent: ${defaultNormStatistics}, with a note`,
    )
    .meta({ label: 'Norm statistics' }),
  statisticsBatch: z
    .int()
    .min(2)
    .max(1_000_000)
    .optional()
    .describe(
      `re-estimate and batch: examples per batch, in the order of the data file; absent: ${defaultStatisticsBatch}; of a graph all nodes`,
    )
    .meta({ label: 'Batch size of the norm statistics', advanced: true }),
};

interface Wish {
  normStatistics?: NormStatistics | undefined;
  statisticsBatch?: number | undefined;
}

/** Refuses a batch size without effect. */
export function checkNormStatistics(wish: Wish, context: z.RefinementCtx): void {
  if (wish.statisticsBatch === undefined) return;
  if (wish.normStatistics === 're-estimate' || wish.normStatistics === 'batch') return;
  context.addIssue({
    code: 'custom',
    path: ['statisticsBatch'],
    message: 'has no effect unless normStatistics is re-estimate or batch',
  });
}

/** The wish with its defaults: what names the question. */
export function completeNormStatistics({ normStatistics: chosen, statisticsBatch }: Wish): Wish {
  const name = chosen ?? defaultNormStatistics;
  if (name === 'interpolate') return { normStatistics: name };
  return { normStatistics: name, statisticsBatch: statisticsBatch ?? defaultStatisticsBatch };
}

/** Of results. */
export const normStatisticsFields = {
  norm_statistics: normStatisticsSchema.optional(),
  /** Examples per batch, of `re-estimate` and `batch`. */
  statistics_batch: z.int().optional(),
};

/** In a few words, behind the name of a curve. */
export const normStatisticsNames: Record<NormStatistics, string> = {
  interpolate: 'norm statistics interpolated',
  're-estimate': 'norm statistics re-estimated',
  batch: 'norm statistics of the batch',
};

const count = (n: number): string => n.toLocaleString('en-US');

export const interpolatedStatisticsNote =
  'The running statistics of BatchNorm are interpolated like the weights, not recomputed from data at each point: a barrier, or a part of it, may come from them alone.';

/** To be shown with every figure and table of a curve, and with a merged model. @param train examples of the train split */
export function normStatisticsNote(
  name: NormStatistics,
  { batch, train }: { batch: number; train: number },
): string {
  switch (name) {
    case 'interpolate':
      return interpolatedStatisticsNote;
    case 're-estimate':
      return `The statistics of BatchNorm are re-estimated at each point, ends included: means over the ${count(train)} examples of the train split, not augmented, in batches of ${count(batch)}.`;
    case 'batch':
      return `BatchNorm takes the statistics of the batch that is evaluated, at each point, ends included: batches of ${count(batch)} examples. Another batch size gives other numbers.`;
  }
}

/** The same, of the nodes of a graph. */
export const graphStatisticsNote = (name: 're-estimate' | 'batch', nodes: number): string =>
  name === 're-estimate'
    ? `The statistics of BatchNorm are re-estimated at each point, ends included: those of all ${count(nodes)} nodes of the graph, variances unbiased.`
    : `BatchNorm takes the statistics of all ${count(nodes)} nodes of the graph at each point, ends included, variances biased.`;

/** For whoever did not choose. */
export const defaultStatisticsWarning =
  'No norm statistics were requested, so those of BatchNorm were interpolated. The other choices are re-estimate (recommended) and batch.';
