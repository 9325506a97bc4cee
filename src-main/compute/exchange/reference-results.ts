/** The result files of neuron-identifiability's scripts, recognised by their fields, as results of our own kinds. */
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import type { JobKindName } from '../../../src-shared/jobs/index.ts';
import { ridgePairSchema } from '../../../src-shared/jobs/realization-cost-ridge.ts';
import { noteOf } from '../alignment/similarity.ts';
import { lossBarrier } from '../connectivity/barrier.ts';
import { ridgeMatrices } from '../identifiability/ridge-matrices.ts';

/** Data not yet checked against the kind's schema. */
export interface Converted {
  kind: JobKindName;
  title: string;
  params: Record<string, unknown>;
  data: unknown;
}

export interface ConvertedFile {
  /** In a person's words, naming the script. */
  what: string;
  results: Converted[];
}

type Row = Record<string, unknown>;

/** What imported rows cannot say: which machine computed them. */
const elsewhere = { name: 'pytorch', version: 'unknown', device: 'cpu', threads: 1 } as const;
const common = { warnings: [], backend: elsewhere };

const row = z.record(z.string(), z.unknown());
const pair = { run_key: z.string(), model1_index: z.int(), model2_index: z.int(), epoch: z.int() };
const lmcRows = z
  .array(
    z.object({
      ...pair,
      checkpoint_path_1: z.string(),
      checkpoint_path_2: z.string(),
      interpolation_results_unaligned: row,
      interpolation_results_activation_aligned: row.optional(),
      interpolation_results_weight_aligned: row.optional(),
    }),
  )
  .min(1);
const matchingRows = z.array(z.object({ ...pair, matching_results: z.array(row) })).min(1);
const coherenceRows = z
  .array(
    z.object({ run_key: z.string(), model_index: z.int(), epoch: z.int(), coherence_results: z.array(row) }),
  )
  .min(1);
const realizationRows = z
  .array(
    z.object({
      checkpoint_path: z.string(),
      run_directory: z.string(),
      realization_cost_results: z.array(row),
      model_index: z.coerce.number().int(),
      epoch: z.coerce.number().int().nullable(),
      run_key: z.string().optional(),
    }),
  )
  .min(1);
const ridgeLayer = z.object({
  layer: z.string(),
  beta: z.number(),
  neuron_realization_costs: z.array(row),
});
/** The script writes one row with all runs; Basin one row per checkpoint, which says of which. */
const ridgeRows = z
  .array(
    z.object({
      num_inner_descent_iterations: z.int(),
      results: z.record(z.string(), z.array(ridgeLayer).nullable()),
      checkpoint_path: z.string().nullish(),
      run_directory: z.string().nullish(),
      model_index: z.int().nullish(),
      epoch: z.int().nullish(),
    }),
  )
  .min(1);
const synthetic = z.object({
  embedding_family: z.enum(['exact_copy', 'random_tight_frame']),
  outer_records: z.array(z.unknown()),
  aggregate: z.array(z.unknown()),
});

/** By the content of a JSON file, or undefined. */
export function convertJson(value: unknown): ConvertedFile | undefined {
  const lmc = lmcRows.safeParse(value);
  if (lmc.success) return convertLmc(lmc.data);
  const matching = matchingRows.safeParse(value);
  if (matching.success) return convertMatching(matching.data);
  const coherence = coherenceRows.safeParse(value);
  if (coherence.success) return convertCoherence(coherence.data);
  const made = synthetic.safeParse(value);
  if (made.success) return convertSynthetic(made.data.embedding_family, value as Row);
  return undefined;
}

/** By the columns of a Parquet file, or undefined. int64 columns come as bigint. */
export function convertTable(rows: readonly Row[]): ConvertedFile | undefined {
  const plain = plainNumbers(rows);
  const costs = realizationRows.safeParse(plain);
  if (costs.success) return convertRealization(costs.data);
  const ridge = ridgeRows.safeParse(plain);
  return ridge.success ? convertRidge(ridge.data) : undefined;
}

/**
 * `interpolation_results.pt`: curves by pair of models, as train.py writes them into the run's folder. They are of the
 * last epoch (train.py:1110); the params are those with which Basin would compute the same, so that they answer
 * whoever asks for it.
 */
export function convertInterpolationDict(
  curves: readonly { models: [number, number]; curve: Row }[],
  { directory: runDirectory, epoch, models, checkpoint }: RunOfCurves,
): ConvertedFile {
  const pairs = curves.map(({ models: [one, two], curve }) => ({
    ...{ model1_index: one, model2_index: two, epoch },
    ...{ checkpoint_path_1: checkpoint(one), checkpoint_path_2: checkpoint(two) },
    ...curveFields(curve),
    align: 'none',
  }));
  const name = basename(runDirectory);
  const chosen = curves.map((curve) => curve.models);
  const data =
    pairs.length === 1 ? { ...pairs[0], ...common, split_sizes: {} } : { pairs, ...common, split_sizes: {} };
  const params = {
    ...{ run: runDirectory, ...(epoch !== null && { epoch }), runKey: name },
    ...(pairs[0] && stepsOf(pairs[0])),
    ...(chosen.length !== (models * (models - 1)) / 2 && { pairs: chosen }),
    align: 'none',
  };
  return {
    what: `interpolation_results.pt of train.py, ${count(pairs.length, 'pair')}`,
    results: [{ kind: 'interpolate', title: `Interpolate: ${name}`, params, data }],
  };
}

/** What the folder of `interpolation_results.pt` says about its curves. */
export interface RunOfCurves {
  directory: string;
  /** Null where nothing says it. */
  epoch: number | null;
  /** How many the run has. */
  models: number;
  /** The file of a model at that epoch. */
  checkpoint: (model: number) => string;
}

/** Points to intervals, where there are as many as in every other curve of the file. */
function stepsOf(curve: Row): { steps?: number } {
  const lambdas = z.array(z.number()).min(2).safeParse(curve['lambdas']);
  return lambdas.success ? { steps: lambdas.data.length - 1 } : {};
}

const alignments = [
  ['interpolation_results_unaligned', 'none'],
  ['interpolation_results_activation_aligned', 'activation'],
  ['interpolation_results_weight_aligned', 'weight'],
] as const;

function convertLmc(rows: z.output<typeof lmcRows>): ConvertedFile {
  const results = grouped(rows).flatMap(([key, members]) =>
    alignments.flatMap(([field, align]): Converted[] => {
      const pairs = members.flatMap((member) => {
        const curve = member[field];
        const { model1_index, model2_index, epoch, checkpoint_path_1, checkpoint_path_2 } = member;
        const names = { model1_index, model2_index, epoch, checkpoint_path_1, checkpoint_path_2 };
        return curve ? [{ ...names, ...curveFields(curve), align, ...matchingOf(align) }] : [];
      });
      if (pairs.length === 0) return [];
      const run = dirname(members[0]!.checkpoint_path_1);
      const shared = { ...common, split_sizes: {} };
      const data = pairs.length === 1 ? { ...pairs[0], ...shared } : { pairs, ...shared };
      const epochs = [...new Set(members.map(({ epoch }) => epoch))];
      const { note: _note, recording_point: recordingPoint, ...mode } = matchingOf(align);
      const params = {
        ...{ run, runKey: key, ...(epochs.length === 1 && { epoch: epochs[0] }), ...stepsOf(pairs[0]!) },
        pairs: pairs.map((pair) => [pair.model1_index, pair.model2_index]),
        ...{ align, ...mode, ...(recordingPoint !== undefined && { recordingPoint }) },
      };
      return [{ kind: 'interpolate', title: `Interpolate: ${key}`, params, data }];
    }),
  );
  return { what: `curves of measure_lmc_unaligned_aligned.py, ${count(rows.length, 'pair')}`, results };
}

/** The script pairs the least correlated neurons; every figure of its curves has to say so. */
function matchingOf(align: string): Row {
  if (align !== 'activation') return {};
  const mode = 'reference-lmc-script';
  return { mode, recording_point: 'post_activation_function', note: noteOf(mode) };
}

function curveFields(curve: Row): Row {
  // NaN of a split that was not evaluated is no number here.
  const known = Object.entries(curve).filter(([, value]) => value !== null && !Number.isNaN(value));
  const barriers = ['train', 'val', 'test'].flatMap((split) => {
    const loss = z.array(z.number()).min(1).safeParse(curve[`${split}_loss`]);
    return loss.success ? [[`${split}_loss_barrier`, lossBarrier(loss.data)] as const] : [];
  });
  return { ...Object.fromEntries(known), ...Object.fromEntries(barriers) };
}

function convertMatching(rows: z.output<typeof matchingRows>): ConvertedFile {
  const results = grouped(rows).map(([key, members]): Converted => {
    const pairs = members.map(({ run_key: _key, ...rest }) => ({
      ...{ checkpoint_path_1: '', checkpoint_path_2: '' },
      ...rest,
    }));
    // The script leaves its random permutations unseeded.
    const shared = { ...common, matching_seed: 0 };
    const data = pairs.length === 1 ? { ...pairs[0], ...shared } : { pairs, ...shared };
    return { kind: 'match-activations', title: `Match activations: ${key}`, params: { runKey: key }, data };
  });
  return {
    what: `matching objectives of measure_activation_matching_objective.py, ${count(rows.length, 'pair')}`,
    results,
  };
}

const layerCommon = { ...common, split: 'train', data: 'the training data of the run (imported)' };

function convertCoherence(rows: z.output<typeof coherenceRows>): ConvertedFile {
  const results = grouped(rows).map(([key, members]): Converted => {
    const data = members.map((member) => ({
      ...{ checkpoint_path: '', run_directory: '' },
      ...member,
      ...layerCommon,
    }));
    return {
      ...{ kind: 'subspace-coherence', title: `Subspace coherence: ${key}`, params: { runKey: key } },
      data: data.length === 1 ? data[0] : data,
    };
  });
  return {
    what: `coherences of measure_subspace_coherence.py, ${count(rows.length, 'checkpoint')}`,
    results,
  };
}

function convertRealization(rows: z.output<typeof realizationRows>): ConvertedFile {
  const named = rows.map((member) => ({
    ...member,
    run_key: member.run_key ?? basename(member.run_directory),
  }));
  const results = grouped(named).map(([key, members]): Converted => {
    const data = members.map((member) => ({ ...member, ...layerCommon }));
    return {
      kind: 'realization-cost',
      title: `Realization cost: ${key}`,
      params: { run: members[0]!.run_directory, runKey: key },
      data: data.length === 1 ? data[0] : data,
    };
  });
  return { what: `costs of measure_realization_cost.py, ${count(rows.length, 'checkpoint')}`, results };
}

function convertRidge(rows: z.output<typeof ridgeRows>): ConvertedFile {
  const named = rows.flatMap(({ results, ...rest }) =>
    Object.entries(results).flatMap(([run_key, found]) => (found ? [{ ...rest, run_key, found }] : [])),
  );
  const results = grouped(named).map(([key, members]): Converted => {
    const data = members.map(({ run_key, found, ...rest }) => ({
      ...{ run_key, num_inner_descent_iterations: rest.num_inner_descent_iterations },
      ...{ checkpoint_path: rest.checkpoint_path ?? '', run_directory: rest.run_directory ?? '' },
      // The script measures model 1 and does not write down the epoch.
      ...{ model_index: rest.model_index ?? 1, epoch: rest.epoch ?? null },
      results: { [run_key]: found },
      matrices: found.flatMap(({ layer, beta, neuron_realization_costs: costs }) => {
        const pairs = z.array(ridgePairSchema).safeParse(costs);
        return (pairs.success && ridgeMatrices(layer, beta, pairs.data)) || [];
      }),
      ...{ method: 'adam', compare: 'activation', warm_start: true, samples: null },
      ...layerCommon,
      ...{ split: 'val', data: 'the validation data of the run (imported)' },
    }));
    return {
      kind: 'realization-cost-ridge',
      title: `Realization cost, ridge: ${key}`,
      params: { run: members[0]!.run_directory ?? '', runKey: key },
      data: data.length === 1 ? data[0] : data,
    };
  });
  return {
    what: `costs of measure_realization_cost_ridge_regression.py, ${count(results.length, 'run')}`,
    results,
  };
}

function convertSynthetic(family: 'exact_copy' | 'random_tight_frame', value: Row): ConvertedFile {
  const data = { [family]: value, seconds: 0 };
  return {
    what: `synthetic coherence experiment of train.py (${family})`,
    results: [
      {
        kind: 'synthetic-coherence',
        title: `Coherence and barriers: ${family}`,
        params: { embeddings: [family] },
        data,
      },
    ],
  };
}

function grouped<T extends { run_key: string }>(rows: readonly T[]): [string, T[]][] {
  return [...Map.groupBy(rows, (member) => member.run_key)];
}

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;

/** Whole numbers of Parquet (bigint) as numbers: counts and indices, far below 2^53. */
export function plainNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainNumbers(item)]));
}
