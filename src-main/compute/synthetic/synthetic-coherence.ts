/**
 * Kind `synthetic-coherence`: barriers between networks trained on the same two numbers, spread over 2, 4, ... inputs
 * (neuron-identifiability, train.py:1220-1513). Random draws come from Basin's own streams under the reference's seeds.
 */
import type { ResultOf } from '../../../src-shared/jobs/define.ts';
import type {
  EmbeddingFamily,
  SyntheticCurve,
  SyntheticFamily,
  syntheticCoherenceJob,
} from '../../../src-shared/jobs/synthetic-coherence.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute } from '../context.ts';
import { RandomStream } from '../random.ts';
import { embeddingBasis } from './embedding.ts';
import type { Frame } from './embedding.ts';
import { lossesBetween } from './scalar-network.ts';
import type { ScalarExamples, ScalarNetwork, ScalarTask } from './scalar-network.ts';
import { trainNetworks } from './train-networks.ts';
import type { Params, Watch } from './train-networks.ts';

type Result = ResultOf<typeof syntheticCoherenceJob>;
type OuterRecord = SyntheticFamily['outer_records'][number];
type SpreadRecord = OuterRecord['spread_records'][number];

/** Milliseconds between two looks whether the job was cancelled. */
const lookEvery = 100;

export const syntheticCoherence: Compute<Params, Result> = async (params, context) => {
  const began = performance.now();
  const embeddings = [...new Set(params.embeddings)];
  const perFamily = params.outerSeeds.length * params.copies * params.numPairs * 2;
  const meter = new ProgressMeter(context, embeddings.length * perFamily);
  const result: Partial<Record<EmbeddingFamily, SyntheticFamily>> = {};
  for (const family of embeddings) {
    let looked = performance.now();
    const watch: Watch = {
      async epochDone() {
        if (performance.now() - looked < lookEvery) return;
        await checkpointCancel(context);
        looked = performance.now();
      },
      async networkDone() {
        meter.advance(1, `${family === 'exact_copy' ? 'exact copies' : 'random frame'}: training pairs`);
        await this.epochDone();
      },
    };
    result[family] = await measureFamily(params, family, watch);
  }
  return { ...result, seconds: (performance.now() - began) / 1000 };
};

async function measureFamily(
  params: Params,
  family: EmbeddingFamily,
  watch: Watch,
): Promise<SyntheticFamily> {
  const records: OuterRecord[] = [];
  for (const seed of params.outerSeeds) records.push(await measureSeed(params, family, seed, watch));
  return {
    config: configOf(params),
    embedding_family: family,
    anchor_aligned_endpoint: params.anchorAlignedEndpoint,
    num_pairs_per_outer_seed: params.numPairs,
    outer_records: records,
    aggregate: aggregateOf(records),
  };
}

function configOf(params: Params): SyntheticFamily['config'] {
  return {
    copies: params.copies,
    width: params.width,
    active_prob: params.activeProb,
    n_train: params.nTrain,
    n_test: params.nTest,
    batch_size: params.batchSize,
    epochs: params.epochs,
    lr: params.learningRate,
    weight_decay: params.weightDecay,
    bias_weight_decay: params.biasWeightDecay,
    outer_seeds: params.outerSeeds,
    interpolation_steps: params.interpolationSteps,
    optimizer_name: 'adamw',
    train_hidden_bias: params.trainHiddenBias,
    num_pairs_per_outer_seed: params.numPairs,
    num_runs: params.outerSeeds.length * params.numPairs,
  };
}

/** Numbers that one outer seed decides, in the reference's numbering. */
const seedsOf = (outer: number) => ({
  mask: 10_000 + outer,
  dataset: 20_000 + outer,
  frame: 30_000 + outer,
  models: (pair: number): [number, number] => [
    40_000 + 1000 * outer + 2 * pair,
    40_000 + 1000 * outer + 2 * pair + 1,
  ],
});

async function measureSeed(
  params: Params,
  family: EmbeddingFamily,
  outer: number,
  watch: Watch,
): Promise<OuterRecord> {
  const seeds = seedsOf(outer);
  const shared = sharedOf(params, seeds);
  const spreads: SpreadRecord[] = [];
  for (let active = 1; active <= params.copies; active++) {
    const basis = embeddingBasis(family, params.copies, active, shared.frame, params.anchorAlignedEndpoint);
    const task: ScalarTask = { ...shared.task, basis };
    spreads.push(await measureSpread(params, task, active, seeds.models, watch));
  }
  return {
    outer_seed: outer,
    mask_seed: seeds.mask,
    dataset_seed: seeds.dataset,
    ...(family === 'random_tight_frame' && { frame_seed: seeds.frame }),
    num_pairs: params.numPairs,
    spread_records: spreads,
  };
}

function sharedOf(params: Params, seeds: ReturnType<typeof seedsOf>) {
  const { copies, width, activeProb } = params;
  const inputs = 2 * copies;
  const masks = new RandomStream(seeds.mask, 'synthetic-coherence', 'mask');
  const mask = Float64Array.from({ length: width * inputs }, () => (masks.uniform() < activeProb ? 1 : 0));
  const frames = new RandomStream(seeds.frame, 'synthetic-coherence', 'frame');
  const frame: Frame = {
    order: frames.permutation(inputs),
    angles: Float64Array.from({ length: copies }, () => Math.PI * frames.uniform()),
  };
  const train = drawExamples(seeds.dataset, 'train', params.nTrain);
  const test = drawExamples(seeds.dataset, 'test', params.nTest);
  return { frame, task: { width, inputs, mask, train, test } };
}

function drawExamples(seed: number, part: string, count: number): ScalarExamples {
  const stream = new RandomStream(seed, 'synthetic-coherence', part);
  return scalarExamples(Float64Array.from({ length: 2 * count }, () => stream.normal()));
}

/** Two numbers per example, [count, 2]; the target is relu of their sum. */
export function scalarExamples(latents: ArrayLike<number>): ScalarExamples {
  const count = latents.length / 2;
  const first = Float64Array.from({ length: count }, (_, n) => latents[2 * n]!);
  const second = Float64Array.from({ length: count }, (_, n) => latents[2 * n + 1]!);
  return { first, second, targets: first.map((z, n) => Math.max(0, z + second[n]!)) };
}

async function measureSpread(
  params: Params,
  task: ScalarTask,
  active: number,
  seedsOfPair: (pair: number) => [number, number],
  watch: Watch,
): Promise<SpreadRecord> {
  const seeds = Array.from({ length: params.numPairs }, (_, pair) => seedsOfPair(pair));
  const networks = await trainNetworks(task, params, seeds.flat(), watch);
  const pairs = seeds.map((own, pair): SpreadRecord['pair_records'][number] => ({
    pair_index: pair,
    seeds: own,
    interpolation: curveBetween(
      task,
      networks[2 * pair]!,
      networks[2 * pair + 1]!,
      params.interpolationSteps,
    ),
  }));
  return {
    active_copies: active,
    support_dims: 2 * active,
    coherence: 1 / active,
    num_pairs: pairs.length,
    pair_records: pairs,
    interpolation: meanCurve(pairs.map(({ interpolation }) => interpolation)),
  };
}

/** Test losses at `count` even places; barriers against the worse end. */
export function curveBetween(
  task: ScalarTask,
  a: ScalarNetwork,
  b: ScalarNetwork,
  count: number,
): SyntheticCurve {
  const lambdas = Array.from({ length: count }, (_, i) => i / (count - 1));
  const losses = lossesBetween(task, a, b, lambdas);
  const worse = Math.max(losses[0]!, losses.at(-1)!);
  return {
    lambdas,
    test_losses: losses,
    peak_barrier: Math.max(...losses) - worse,
    midpoint_barrier: losses[Math.floor(count / 2)]! - worse,
  };
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function meanCurve(curves: readonly SyntheticCurve[]): SyntheticCurve {
  const { lambdas } = curves[0]!;
  return {
    lambdas,
    test_losses: lambdas.map((_, i) => meanOf(curves.map(({ test_losses }) => test_losses[i]!))),
    peak_barrier: meanOf(curves.map(({ peak_barrier }) => peak_barrier)),
    midpoint_barrier: meanOf(curves.map(({ midpoint_barrier }) => midpoint_barrier)),
  };
}

function aggregateOf(records: readonly OuterRecord[]): SyntheticFamily['aggregate'] {
  return records[0]!.spread_records.map(({ active_copies, support_dims, coherence }, i) => {
    const barriers = records.flatMap(({ spread_records }) =>
      spread_records[i]!.pair_records.map(({ interpolation }) => interpolation.midpoint_barrier),
    );
    const mean = meanOf(barriers);
    const squares = barriers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return {
      active_copies,
      support_dims,
      coherence,
      mean_midpoint_barrier: mean,
      std_midpoint_barrier: barriers.length < 2 ? null : Math.sqrt(squares / (barriers.length - 1)),
      midpoint_barriers: barriers,
    };
  });
}
