/** Which norm statistics the points of a job have, as a person asked for them or left it open. */
import { UserError } from '../../../src-shared/errors.ts';
import {
  completeNormStatistics,
  defaultStatisticsWarning,
  graphStatisticsNote,
  normStatisticsNote,
} from '../../../src-shared/jobs/norm-statistics.ts';
import type { NormStatistics } from '../../../src-shared/jobs/norm-statistics.ts';
import type { Split } from '../../../src-shared/domain.ts';
import type { AnalysisData } from '../analysis-data.ts';
import type { Run } from '../load-models.ts';
import type { Examples } from '../data/index.ts';
import { fewestPerExample } from '../networks/batch-statistics.ts';
import { runningStatisticsOf } from '../networks/parameters.ts';
import type { PointNorms } from './points.ts';

/** What was decided. */
export interface NormPolicy {
  name: NormStatistics;
  /** Examples per batch; undefined if nothing goes by batches. */
  batch: number | undefined;
  /** Nobody chose it. */
  byDefault: boolean;
  /** The batch is a whole graph. */
  graph?: true;
}

interface Wish {
  normStatistics?: NormStatistics | undefined;
  statisticsBatch?: number | undefined;
}

/**
 * Undefined for networks without running statistics.
 * @throws UserError if something was chosen for such networks: it would have no effect
 */
export function normPolicyOf(wish: Wish, { graph, directory }: Run): NormPolicy | undefined {
  if (runningStatisticsOf(graph).length > 0) {
    const { normStatistics: name, statisticsBatch: batch } = completeNormStatistics(wish);
    return { name: name!, batch, byDefault: wish.normStatistics === undefined };
  }
  if (wish.normStatistics === undefined) return undefined;
  throw new UserError(
    `normStatistics is ${wish.normStatistics}, but the networks of ${directory} have no batch norm with running statistics: it would have no effect.`,
    { hint: 'Leave it out.' },
  );
}

/**
 * The nodes of a graph are one batch.
 * @throws UserError for a batch of another size that was asked for
 */
export function withWholeGraph(
  policy: NormPolicy | undefined,
  { statisticsBatch }: Wish,
  { splits }: AnalysisData,
): NormPolicy | undefined {
  const nodes = [...splits.values()].find(({ edges }) => edges)?.count;
  if (nodes === undefined || policy?.batch === undefined) return policy;
  if (statisticsBatch !== undefined && statisticsBatch !== nodes)
    throw new UserError(
      `statisticsBatch is ${statisticsBatch}, but all ${nodes} nodes of a graph are one batch.`,
      {
        hint: 'Leave it out.',
      },
    );
  return { ...policy, batch: nodes, graph: true };
}

/** Whether the order of the examples decides the numbers: then it is that of the data file. */
export const goesByBatches = (policy: NormPolicy | undefined): boolean => policy?.batch !== undefined;

/**
 * What points are evaluated with; undefined if statistics are mixed.
 * @param measured the splits that are evaluated
 * @throws UserError for a batch of one example, which has no variance
 */
export function pointNormsOf(
  policy: NormPolicy | undefined,
  { graph }: Pick<Run, 'graph'>,
  data: AnalysisData,
  measured: readonly Split[],
): PointNorms | undefined {
  if (policy?.batch === undefined) return undefined;
  const { name, batch } = policy;
  const used: readonly Split[] = name === 're-estimate' ? ['train'] : measured;
  const examples = used.map((split) => [split, data.splits.get(split)!] as const);
  if (fewestPerExample(graph) === 1) refuseSingles(examples, batch);
  // A batch that nothing fills would only take memory.
  const most = Math.max(...examples.map(([, { count }]) => count));
  return {
    batch: Math.min(batch, most),
    ...(name === 're-estimate' && { train: data.splits.get('train')! }),
  };
}

function refuseSingles(examples: readonly (readonly [Split, Examples])[], batch: number): void {
  const alone = examples.find(([, { count }]) => count === 1);
  if (alone)
    throw new UserError(
      `the ${alone[0]} split has a single example, which has no variance: a batch norm has no statistics of it.`,
      { hint: 'Interpolate the norm statistics.' },
    );
  const leavesOne = (size: number) => examples.find(([, { count }]) => count % size === 1);
  const found = leavesOne(batch);
  if (!found) return;
  const [split, { count }] = found;
  // Ends: batches larger than every split leave nothing over.
  let other = batch + 1;
  while (leavesOne(other)) other++;
  throw new UserError(
    `statisticsBatch: ${count} examples of the ${split} split in batches of ${batch} leave one example over, which has no variance.`,
    { hint: `Choose another size, such as ${other}.` },
  );
}

/** Fields of a result. */
export function normFields(policy: NormPolicy | undefined) {
  if (!policy) return {};
  const { name, batch } = policy;
  return { norm_statistics: name, ...(batch !== undefined && { statistics_batch: batch }) };
}

/** For captions. */
export function normNote(policy: NormPolicy | undefined, data?: AnalysisData): string | undefined {
  if (!policy) return undefined;
  const { name, batch = 0, graph } = policy;
  if (graph && name !== 'interpolate') return graphStatisticsNote(name, batch);
  return normStatisticsNote(name, { batch, train: data?.splits.get('train')?.count ?? 0 });
}

export const normWarnings = (policy: NormPolicy | undefined): string[] =>
  policy?.byDefault === true ? [defaultStatisticsWarning] : [];
