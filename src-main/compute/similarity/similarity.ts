/** Kind `similarity`: do two models of a run train alike? Cosine of their updates, agreement of their predictions. */
import { basename, resolve } from 'node:path';
import type { Split } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { SimilarityRow, similarityJob } from '../../../src-shared/jobs/similarity.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { Backend } from '../backend/index.ts';
import { backendInfo } from '../backend/info.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import type { Examples } from '../data/index.ts';
import { loadPairs } from '../pairs.ts';
import type { PairIndices } from '../pairs.ts';
import { agreements, predictions } from './predictions.ts';
import { updateSimilarity } from './updates.ts';

type Params = ParamsOf<typeof similarityJob>;
type Result = ResultOf<typeof similarityJob>;

/** The epochs asked for, ascending, or those that every selected model has a checkpoint of. */
function epochsOf({ run, models, pairs, epochs }: Params): number[] {
  if (epochs) return [...new Set(epochs)].sort((a, b) => a - b);
  const { directory, checkpoints } = readRunDirectory(resolve(run));
  const wanted = models ?? pairs?.flat() ?? checkpoints.map(({ model }) => model);
  const saved = new Map<number, Set<number>>();
  for (const { epoch, model } of checkpoints) saved.set(epoch, (saved.get(epoch) ?? new Set()).add(model));
  const common = [...saved].filter(([, has]) => wanted.every((model) => has.has(model)));
  if (common.length > 0) return common.map(([epoch]) => epoch).sort((a, b) => a - b);
  throw new UserError(
    `${directory}: no epoch was saved for all of models ${[...new Set(wanted)].join(', ')}.`,
    {
      hint: 'Name the models to compare, e.g. --models 1,2.',
    },
  );
}

export const similarity: Compute<Params, Result> = async (params, context) => {
  const epochs = epochsOf(params);
  const select = (epoch: number) =>
    loadPairs({ run: params.run, epoch, models: params.models, pairs: params.pairs });
  let now = select(epochs[0]!);
  const data = await loadAnalysisData(now.models[0]!.run, params.data, params.splits);
  const backend = await context.backend();
  const meter = new ProgressMeter(context, epochs.length);
  const notes = new Set<string>();
  const rows = now.pairs.map((pair) => emptyRow(now.models, pair));
  let before: LoadedModel[] | undefined;
  for (const epoch of epochs) {
    if (before) now = select(epoch);
    now.warnings.forEach((warning) => notes.add(warning));
    if (before) addUpdates(rows, now.pairs, before, now.models);
    await addAgreements(rows, now.pairs, now.models, epoch, data.splits, backend, context);
    before = now.models;
    meter.advance(1, `epoch ${epoch}`);
  }
  if (epochs.length === 1) {
    notes.add(`Only epoch ${epochs[0]} is compared, so there are no updates to compare.`);
  }
  const common = {
    run_key: basename(resolve(params.run)),
    notes: [...notes],
    backend: backendInfo(backend),
  };
  return rows.length === 1 ? { ...rows[0]!, ...common } : { pairs: rows, ...common };
};

function emptyRow(models: readonly LoadedModel[], [a, b]: PairIndices): SimilarityRow {
  return {
    model1_index: models[a]!.index,
    model2_index: models[b]!.index,
    cosine_similarity: { all_epoch_results: [], num_epochs: 0 },
    functional_similarity: { all_epoch_results: [], num_epochs: 0 },
  };
}

function addUpdates(
  rows: SimilarityRow[],
  pairs: readonly PairIndices[],
  before: readonly LoadedModel[],
  after: readonly LoadedModel[],
): void {
  for (const [p, [a, b]] of pairs.entries()) {
    const update = (m: number) => ({ before: before[m]!.state, after: after[m]!.state });
    const found = rows[p]!.cosine_similarity;
    const [epoch, previous] = [after[a]!.epoch ?? 0, before[a]!.epoch ?? 0];
    const entry = updateSimilarity(after[a]!.spec, update(a), update(b));
    found.num_epochs = found.all_epoch_results.push({ epoch, previous_epoch: previous, ...entry });
  }
}

async function addAgreements(
  rows: SimilarityRow[],
  pairs: readonly PairIndices[],
  models: readonly LoadedModel[],
  epoch: number,
  splits: ReadonlyMap<Split, Examples>,
  backend: Backend,
  context: ComputeContext,
): Promise<void> {
  const networks = models.map(({ network }) => network);
  const answers: [Split, Int32Array[]][] = [];
  for (const [split, examples] of splits) {
    if (examples.count === 0) throw new UserError(`splits: the ${split} split of this run has no examples.`);
    answers.push([split, await predictions(backend, networks, examples, () => checkpointCancel(context))]);
  }
  for (const [p, [a, b]] of pairs.entries()) {
    const results: Record<string, number> = {};
    let sum = 0;
    for (const [split, answer] of answers) {
      const total = answer[a]!.length;
      const agreed = agreements(answer[a]!, answer[b]!);
      results[`${split}_funcsim`] = agreed / total;
      results[`${split}_agreement_count`] = agreed;
      results[`${split}_total_samples`] = total;
      sum += agreed / total;
    }
    const found = rows[p]!.functional_similarity;
    const entry = { epoch, split_results: results, aggregate_similarity: sum / answers.length };
    found.num_epochs = found.all_epoch_results.push(entry);
  }
}
