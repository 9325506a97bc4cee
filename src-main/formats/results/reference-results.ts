/** The result files of neuron-identifiability's scripts, recognised by their fields, as results of our own kinds. */
import { basename } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../../src-shared/errors.ts';
import { ridgePairSchema } from '../../../src-shared/jobs/realization-cost-ridge.ts';
import { ridgeMatrices } from '../../../src-shared/swap-costs.ts';
import { count, elsewhere, grouped, pairFields, whole } from './converted.ts';
import type { Converted, ConvertedFile, Row } from './converted.ts';
import { convertLmc, lmcRows } from './reference-curves.ts';

const common = { warnings: [], backend: elsewhere };

const row = z.record(z.string(), z.unknown());
const matchingRows = z.array(z.object({ ...pairFields, matching_results: z.array(row) })).min(1);
const coherenceRows = z
  .array(
    z.object({
      ...{ run_key: z.string(), model_index: whole, epoch: whole },
      coherence_results: z.array(row),
    }),
  )
  .min(1);
const realizationRows = z
  .array(
    z.object({
      checkpoint_path: z.string(),
      run_directory: z.string(),
      realization_cost_results: z.array(row),
      model_index: whole,
      epoch: whole.nullable(),
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
      model_index: whole.nullish(),
      epoch: whole.nullish(),
    }),
  )
  .min(1);
const synthetic = z.object({
  embedding_family: z.enum(['exact_copy', 'random_tight_frame']),
  outer_records: z.array(z.unknown()),
  aggregate: z.array(z.unknown()),
});

/**
 * By the content of a JSON file, or undefined for one of another kind.
 * @throws UserError naming row and field of a file of one of these kinds that is not as its script writes it
 */
export function convertJson(value: unknown): ConvertedFile | undefined {
  if (hasRows(value, 'interpolation_results_unaligned')) return convertLmc(checked(lmcRows, value));
  if (hasRows(value, 'matching_results')) return convertMatching(checked(matchingRows, value));
  if (hasRows(value, 'coherence_results')) return convertCoherence(checked(coherenceRows, value));
  const made = synthetic.safeParse(value);
  if (made.success) return convertSynthetic(made.data.embedding_family, value as Row);
  return undefined;
}

const hasRows = (value: unknown, field: string): boolean =>
  Array.isArray(value) && value.some((item) => row.safeParse(item).data?.[field] !== undefined);

function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}.`);
}

/** By the columns of a Parquet file, or undefined. int64 columns come as bigint. */
export function convertTable(rows: readonly Row[]): ConvertedFile | undefined {
  const plain = plainNumbers(rows);
  const costs = realizationRows.safeParse(plain);
  if (costs.success) return convertRealization(costs.data);
  const ridge = ridgeRows.safeParse(plain);
  return ridge.success ? convertRidge(ridge.data) : undefined;
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

/** Whole numbers of Parquet (bigint) as numbers: counts and indices, far below 2^53. */
export function plainNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainNumbers(item)]));
}
