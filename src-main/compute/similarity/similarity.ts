/** Kind `similarity`: do two models of a run train alike? Cosine of their updates, agreement of their predictions. */
import { basename, resolve } from 'node:path';
import type { Split } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { EpochSimilarity, similarityJob } from '../../../src-shared/jobs/similarity.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import { loadAnalysisData, requireOneClass } from '../analysis-data.ts';
import type { AnalysisData } from '../analysis-data.ts';
import type { Backend } from '../backend/index.ts';
import { backendInfo } from '../backend/info.ts';
import type { LoadedModel } from '../load-models.ts';
import { scoredCount } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { loadPairs } from '../pairs.ts';
import type { PairIndices, SelectedPairs } from '../pairs.ts';
import type { PartContext, PartedCompute } from '../parts.ts';
import { agreements, predictions } from './predictions.ts';
import { updateSimilarity } from './updates.ts';

type Params = ParamsOf<typeof similarityJob>;

/** The epochs asked for, ascending, or those that every selected model has a checkpoint of. */
export function epochsOf({
  run,
  models,
  pairs,
  epochs,
}: Pick<Params, 'run' | 'models' | 'pairs' | 'epochs'>): number[] {
  if (epochs) return [...new Set(epochs)].sort((a, b) => a - b);
  const { directory, checkpoints } = readRunDirectory(resolve(run));
  const wanted = models ?? pairs?.flat() ?? checkpoints.map(({ model }) => model);
  const saved = new Map<number, Set<number>>();
  for (const { epoch, model } of checkpoints) saved.set(epoch, (saved.get(epoch) ?? new Set()).add(model));
  const common = [...saved].filter(([, has]) => wanted.every((model) => has.has(model)));
  if (common.length > 0) return common.map(([epoch]) => epoch).sort((a, b) => a - b);
  throw new UserError(
    `${directory}: no epoch is saved for all of the models ${[...new Set(wanted)].join(', ')}.`,
    {
      hint: 'Name the models to compare, e.g. --models 1,2.',
    },
  );
}

/** The same question about one epoch; where there is one before it, that too, for the updates between them. */
type EpochPart = Params & { epochs: [epoch: number] | [previous: number, epoch: number] };

export const similarity: PartedCompute<Params, EpochPart, EpochSimilarity> = {
  plan: (params) =>
    epochsOf(params).map((epoch, i, all) => ({
      ...params,
      epochs: i === 0 ? [epoch] : [all[i - 1]!, epoch],
    })),

  async *measure(parts, context) {
    const backend = await context.backend();
    let data: AnalysisData | undefined;
    let now: SelectedPairs | undefined;
    let loaded: number | undefined;
    for (const part of parts) {
      const epoch = part.epochs.at(-1)!;
      const previous = part.epochs.length === 2 ? part.epochs[0] : undefined;
      const before = previous === undefined ? undefined : loaded === previous ? now! : select(part, previous);
      now = select(part, epoch);
      loaded = epoch;
      requireOneClass(now.models[0]!.run, 'predictions agree or not');
      data ??= await loadAnalysisData(now.models[0]!.run, part.data, part.splits);
      yield await epochSimilarity({ before, now, epoch }, data, backend, context);
    }
  },
};

const select = ({ run, models, pairs }: Params, epoch: number): SelectedPairs =>
  loadPairs({ run, epoch, models, pairs });

async function epochSimilarity(
  { before, now, epoch }: { before: SelectedPairs | undefined; now: SelectedPairs; epoch: number },
  data: AnalysisData,
  backend: Backend,
  context: PartContext,
): Promise<EpochSimilarity> {
  const agreed = await agreementsOf(now, { epoch, splits: data.splits }, backend, context);
  return {
    epoch,
    pairs: now.pairs.map(([a, b], p) => ({
      model1_index: now.models[a]!.index,
      model2_index: now.models[b]!.index,
      agreement: agreed[p]!,
      update: before ? updateOf([a, b], before.models, now.models) : null,
    })),
    run_key: basename(now.models[0]!.run.directory),
    notes: now.warnings,
    backend: backendInfo(backend),
  };
}

/** How alike a pair was moved between two epochs. @param a, b places in both lists */
export function updateOf([a, b]: PairIndices, before: readonly LoadedModel[], after: readonly LoadedModel[]) {
  const update = (m: number) => ({ before: before[m]!.state, after: after[m]!.state });
  const [epoch, previous] = [after[a]!.epoch ?? 0, before[a]!.epoch ?? 0];
  return { epoch, previous_epoch: previous, ...updateSimilarity(after[a]!.run.graph, update(a), update(b)) };
}

/** How often predictions agree, per pair. @throws UserError for a split without examples */
export async function agreementsOf(
  { models, pairs }: Pick<SelectedPairs, 'models' | 'pairs'>,
  { epoch, splits }: { epoch: number; splits: ReadonlyMap<Split, Examples> },
  backend: Backend,
  context: Pick<PartContext, 'between'>,
): Promise<EpochSimilarity['pairs'][number]['agreement'][]> {
  const { graph } = models[0]!.run;
  const arrays = models.map(({ acting }) => acting);
  const bySplit: [Split, Int32Array[]][] = [];
  for (const [split, examples] of splits) {
    if (scoredCount(examples) === 0)
      throw new UserError(`splits: the ${split} split of this run has no examples.`);
    const message = `epoch ${epoch}, ${split} split`;
    const between = () => context.between(0, message);
    bySplit.push([split, await predictions(backend, graph, arrays, examples, between)]);
    await context.between(1 / splits.size, message);
  }
  return pairs.map(([a, b]) => {
    const results: Record<string, number> = {};
    let sum = 0;
    for (const [split, predicted] of bySplit) {
      const total = predicted[a]!.length;
      const agreed = agreements(predicted[a]!, predicted[b]!);
      results[`${split}_funcsim`] = agreed / total;
      results[`${split}_agreement_count`] = agreed;
      results[`${split}_total_samples`] = total;
      sum += agreed / total;
    }
    return { epoch, split_results: results, aggregate_similarity: sum / bySplit.length };
  });
}
