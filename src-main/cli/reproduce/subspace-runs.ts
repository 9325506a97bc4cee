/** Runs on Gaussian subspace data, as the experiments on intrinsic dimension and swap costs need them. */
import { geometryDefaults } from '../../../src-shared/config.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import type { ExperimentSize, ExperimentWork } from './experiment.ts';

export const dimensions = [2, 8, 32] as const;
export const scales = [1, 0] as const;

export interface SubspaceSetting {
  width: number;
  /** Fixed weights per neuron, layer by layer. */
  numFixed: readonly [number, number, number, number];
  train: number;
  test: number;
  separation: number;
  /** 0: the networks stay as they are drawn. */
  epochs: number;
  models: number;
  /** Of the networks; absent: that of the experiment. */
  seed?: number;
}

export const subspaceSettings: Record<ExperimentSize, SubspaceSetting> = {
  quick: {
    width: 128,
    numFixed: [64, 16, 16, 64],
    ...{ train: 10_000, test: 2000, separation: 1, epochs: 10, models: 8 },
  },
  paper: {
    width: 512,
    numFixed: [64, 64, 64, 256],
    ...{ train: 50_000, test: 10_000, separation: 0.3, epochs: 100, models: 4 },
  },
};

/** A seed of its own for one member of a sweep, which follows from that of the experiment. */
export const networkSeed = (seed: number, member: number): number => (seed * 1_000_003 + member) >>> 0;

export interface SubspaceRun {
  dimension: number;
  sigmaF: number;
  trained: JobResult<'train'>;
  epochs: number;
}

/** W-asymmetric networks on 20 classes of Gaussians on `dimension` of 512 dimensions; AdamW 1e-3, batches of 128. */
export async function trainOnSubspace(
  work: ExperimentWork,
  setting: SubspaceSetting,
  dimension: number,
  sigmaF: number,
  share: number,
): Promise<SubspaceRun> {
  const section = 'dataset.gaussian_subspace_dataset';
  const { width, numFixed, train, test, separation, epochs, models, seed = work.seed } = setting;
  const overrides = [
    'dataset=gaussian-subspace',
    'optimizer=adamw',
    ...['model.input_dim=512', `model.hidden_dim=${width}`, 'model.output_dim=20'],
    ...[`sigma_f=${sigmaF}`, `num_fixed=[${numFixed.join()}]`],
    ...[`${section}.num_samples_train=${train}`, `${section}.num_samples_test=${test}`],
    ...[`${section}.d_intrinsic=${dimension}`, `${section}.class_separation=${separation}`],
    ...[
      `training.num_epochs=${epochs}`,
      `training.save_every=${Math.max(1, epochs)}`,
      'training.val_every=0',
    ],
    ...[`num_models=${models}`, `seed=${seed}`, `experiment_name=subspace-k${dimension}-sigma${sigmaF}`],
  ];
  // Seed 1 gives the seeds that neuron-identifiability ships.
  const seeds = geometryDefaults.gaussian_subspace_dataset;
  for (const key of ['structure_seed', 'sampling_seed_train', 'sampling_seed_test'] as const) {
    overrides.push(`${section}.${key}=${(seeds[key] + work.seed - 1) >>> 0}`);
  }
  const what = epochs === 0 ? 'drawing weights' : `training ${models} networks`;
  const message = `${what}, k = ${dimension}, σ_F = ${sigmaF}`;
  const trained = await work.train('w-asymmetric', overrides, message, share);
  return { dimension, sigmaF, trained, epochs };
}
