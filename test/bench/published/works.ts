/** The whole jobs of `npm run bench -- published`: what Basin is asked, and which of its numbers must agree with which. */
import type { JobKindName } from '../../../src-shared/jobs/index.ts';
import { interpolateJob, pairsOf } from '../../../src-shared/jobs/interpolate.ts';
import { rowsOf } from '../../../src-shared/jobs/layer-measures.ts';
import { matchActivationsJob } from '../../../src-shared/jobs/match-activations.ts';
import { realizationCostRidgeJob } from '../../../src-shared/jobs/realization-cost-ridge.ts';
import { realizationCostJob } from '../../../src-shared/jobs/realization-cost.ts';
import { subspaceCoherenceJob } from '../../../src-shared/jobs/subspace-coherence.ts';
import { syntheticCoherenceJob } from '../../../src-shared/jobs/synthetic-coherence.ts';
import { trainJob } from '../../../src-shared/jobs/train.ts';
import { splits } from '../../../src-shared/domain.ts';
import type { Matrix } from '../../../src-shared/matrix.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import type { Series, Tolerance } from './agreement.ts';

export interface Work {
  /** For people: what is computed, of how much. */
  title: string;
  kind: JobKindName;
  /** @param folder holds `run`, and may be written to */
  params(folder: string): object;
  /** Of the job's result, by the names that the script uses. */
  numbers(result: unknown): Series;
  agreement: Record<string, Tolerance>;
  /** Under published/, with what it takes after FOLDER and THREADS. */
  script: readonly [file: string, ...args: string[]];
  /** How many times faster Basin is meant to be. */
  target: number;
}

const epoch = 3;
const trained = 4;
/** Networks that the other works look at, all of one run. */
export const networks = 8;
const pairs = Array.from({ length: networks / 2 }, (_, p) => [2 * p + 1, 2 * p + 2]);
const models = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const runOf = (folder: string): string => `${folder}/run`;

/** A training of W-asymmetric networks as published, but on the embedded digits and for three epochs. */
export function trainingOf(count: number, run: string): { run: string; config: object } {
  const seeds = (from: number): string => `[${models(count).map((index) => from + index)}]`;
  const overrides = [
    ...[`num_models=${count}`, `training.num_epochs=${epoch}`, 'training.save_every=1'],
    ...['mask_seed=1', `init_seed=${seeds(0)}`, `optimization_seed=${seeds(1000)}`],
  ];
  return { run, config: loadTrainingConfig('w-asymmetric', overrides) };
}

const meanOf = ({ data }: Matrix): number => {
  let sum = 0;
  for (const value of data) sum += value;
  return sum / data.length;
};

/** Float32 sums in another order. */
const rounded: Tolerance = { relative: 1e-4 };

const curves = Object.fromEntries(
  splits.flatMap((split) => [
    [`${split} loss`, rounded],
    // An image or two whose two largest logits are all but equal, of 800.
    [`${split} accuracy`, { absolute: 0.26 }],
  ]),
) as Record<string, Tolerance>;

function curveNumbers(result: unknown): Series {
  const found = pairsOf(interpolateJob.result.parse(result));
  return Object.fromEntries(
    splits.flatMap((split) =>
      (['loss', 'accuracy'] as const).map((what) => [
        `${split} ${what}`,
        found.flatMap((pair) => pair[`${split}_${what}`]!.map((value) => value ?? NaN)),
      ]),
    ),
  );
}

const places = ['post_linear', 'post_norm', 'post_activation_function'] as const;
const measures = ['pearson_correlation_with_zero_for_constant', 'dot_product'] as const;

function matchingNumbers(result: unknown): Series {
  const parsed = matchActivationsJob.result.parse(result);
  const found = ('pairs' in parsed ? parsed.pairs : [parsed]).flatMap(({ matching_results: results }) =>
    places.flatMap((place) =>
      ['P_0', 'P_1', 'P_2'].flatMap((layer) =>
        measures.map(
          (measure) =>
            results.find(
              (each) =>
                each.matching_mode === place && each.layer === layer && each.correlation_mode === measure,
            )!.objectives,
        ),
      ),
    ),
  );
  return {
    optimal: found.map(({ optimal }) => optimal),
    identity: found.map(({ identity }) => identity),
  };
}

function realizationNumbers(result: unknown): Series {
  const layers = rowsOf(realizationCostJob.result.parse(result)).flatMap(
    (row) => row.realization_cost_results,
  );
  return {
    dimension: layers.map((layer) => layer.subspace_dimension),
    coherence: layers.map((layer) => layer.subspace_coherence),
    cost: layers.map((layer) => meanOf(layer.mahalanobis_distance_squared)),
    'swap cost': layers.map((layer) => meanOf(layer.transposition_cost_squared)),
    'distance of centers': layers.map((layer) => meanOf(layer.proj_center_distances)),
  };
}

function coherenceNumbers(result: unknown): Series {
  const layers = rowsOf(subspaceCoherenceJob.result.parse(result)).flatMap((row) => row.coherence_results);
  return {
    dimension: layers.map((layer) => layer.subspace_dimension),
    coherence: layers.map((layer) => layer.subspace_coherence),
    'mean anisotropy': layers.flatMap((layer) => layer.mean_anisotropy_operator_norm ?? []),
  };
}

function ridgeNumbers(result: unknown): Series {
  const [row] = rowsOf(realizationCostRidgeJob.result.parse(result));
  const costs = Object.values(row!.results)[0]![0]!.neuron_realization_costs;
  const [own, others] = [true, false].map((same) => costs.filter(({ id1, id2 }) => (id1 === id2) === same));
  return {
    objective: others!.map((cost) => cost.objective_full),
    error: others!.map((cost) => cost.objective_mse),
    length: others!.map((cost) => cost.objective_weight_regularization),
    'objective of itself': own!.map((cost) => cost.objective_full),
    'error of itself': own!.map((cost) => cost.objective_mse),
    'length of itself': own!.map((cost) => cost.objective_weight_regularization),
  };
}

function syntheticNumbers(result: unknown): Series {
  const family = syntheticCoherenceJob.result.parse(result).exact_copy!;
  const ends = family.aggregate.map((_, i) => {
    const curvesOfAll = family.outer_records.map(
      (record) => record.spread_records[i]!.interpolation.test_losses,
    );
    return (
      curvesOfAll.reduce((sum, losses) => sum + (losses[0]! + losses.at(-1)!) / 2, 0) / curvesOfAll.length
    );
  });
  return {
    'midpoint barrier': family.aggregate.map((each) => each.mean_midpoint_barrier),
    'loss at the ends': ends,
  };
}

const ridge = { layer: 'lins.1', neurons: 16, steps: 1000, beta: 0.01 };
const synthetic = { seeds: 5, pairs: 2 };

export const works: Record<string, Work> = {
  training: {
    title: `training, ${trained} W-asymmetric networks, ${epoch} epochs`,
    kind: 'train',
    params: (folder) => trainingOf(trained, `${folder}/trained-${process.pid}`),
    numbers(result) {
      const { train_loss: loss, test_accuracy: accuracy } = trainJob.result.parse(result);
      return { 'train loss': loss!, 'test accuracy': accuracy! };
    },
    // The images come in another order on either side; single networks differ by 0.006 and 0.3 from their mean.
    agreement: { 'train loss': { mean: 0.02 }, 'test accuracy': { mean: 0.75 } },
    script: ['training.py'],
    target: 2,
  },
  interpolation: {
    title: `interpolation, ${pairs.length} pairs, 9 points, 3 splits`,
    kind: 'interpolate',
    params: (folder) => ({ run: runOf(folder), epoch, pairs }),
    numbers: curveNumbers,
    agreement: curves,
    script: ['interpolation.py', 'unaligned'],
    target: 5,
  },
  'interpolation-aligned': {
    title: 'the same, aligned by activations',
    kind: 'interpolate',
    params: (folder) => ({
      ...{ run: runOf(folder), epoch, pairs },
      ...{ align: 'activation', mode: 'reference-lmc-script' },
    }),
    numbers: curveNumbers,
    agreement: curves,
    script: ['interpolation.py', 'aligned'],
    target: 5,
  },
  matching: {
    title: `matching objective, ${pairs.length} pairs, 3 places, 2 measures`,
    kind: 'match-activations',
    params: (folder) => ({
      ...{ run: runOf(folder), epoch, pairs },
      ...{ mode: measures, recordingPoint: places },
    }),
    numbers: matchingNumbers,
    // Each side draws its own random permutations: their means are computed and not compared.
    agreement: {
      optimal: rounded,
      identity: { relative: 1e-4, absolute: 1e-5 },
    },
    script: ['matching.py'],
    target: 5,
  },
  'realization-cost': {
    title: 'realization costs, 2 networks, all layers',
    kind: 'realization-cost',
    params: (folder) => ({ run: runOf(folder), epoch, models: models(2) }),
    numbers: realizationNumbers,
    agreement: {
      dimension: { absolute: 0 },
      coherence: { relative: 1e-3 },
      cost: { relative: 1e-3 },
      'swap cost': { relative: 1e-3 },
      'distance of centers': { relative: 1e-3 },
    },
    script: ['realization.py'],
    target: 4,
  },
  coherence: {
    title: `subspace coherence, ${networks} networks, all layers`,
    kind: 'subspace-coherence',
    params: (folder) => ({ run: runOf(folder), epoch, models: models(networks) }),
    numbers: coherenceNumbers,
    agreement: {
      dimension: { absolute: 0 },
      coherence: { relative: 1e-3 },
      'mean anisotropy': { relative: 1e-3 },
    },
    script: ['coherence.py'],
    target: 5,
  },
  ridge: {
    title: `ridge, one layer, ${ridge.neurons ** 2} pairs of neurons, ${ridge.steps} steps`,
    kind: 'realization-cost-ridge',
    params: (folder) => ({
      ...{ run: runOf(folder), epoch, models: [1], layers: [ridge.layer] },
      ...{ numNeurons: ridge.neurons, iterations: ridge.steps, betas: [ridge.beta] },
    }),
    numbers: ridgeNumbers,
    agreement: {
      objective: { relative: 1e-3 },
      error: { relative: 1e-3 },
      length: { relative: 1e-3 },
      // A neuron that learns itself starts where the error is zero. AdamW divides by the size of its gradients however
      // small they are, so it never comes to rest there: the error left over is the sway of the last steps, and rounding
      // decides how far that goes.
      'objective of itself': { mean: 0.1 },
      'error of itself': { mean: 0.1 },
      'length of itself': { relative: 1e-2 },
    },
    script: ['ridge.py', ridge.layer, ...[ridge.neurons, ridge.steps, ridge.beta].map(String)],
    target: 10,
  },
  synthetic: {
    title: 'synthetic coherence, 200 trainings',
    kind: 'synthetic-coherence',
    params: () => ({
      outerSeeds: Array.from({ length: synthetic.seeds }, (_, seed) => seed),
      ...{ numPairs: synthetic.pairs, embeddings: ['exact_copy'] },
    }),
    numbers: syntheticNumbers,
    // Other seeds on either side: five masks, two pairs each.
    agreement: { 'midpoint barrier': { mean: 0.02 }, 'loss at the ends': { mean: 0.01 } },
    script: ['synthetic.py', String(synthetic.seeds), String(synthetic.pairs)],
    target: 5,
  },
};
