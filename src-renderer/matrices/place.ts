/** Where the neurons of a result's matrix are: which checkpoints, which layer, and on what data they were measured. */
import { z } from 'zod';
import { recordingPointSchema, splitSchema } from '../../src-shared/domain.ts';
import { analysisDataSchema } from '../../src-shared/jobs/common.ts';
import type { inspectNeuronsJob } from '../../src-shared/jobs/inspect-neurons.ts';
import type { ParamsInputOf } from '../../src-shared/jobs/define.ts';

export type Plain = Record<string, unknown>;
export const isPlain = (value: unknown): value is Plain =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The nearest value of this name around a matrix. */
export function near(holders: readonly Plain[], name: string): unknown {
  return holders.findLast((holder) => name in holder)?.[name];
}

/** Params of `inspect-neurons`, but for the neurons. */
export interface NeuronPlace {
  params: Omit<ParamsInputOf<typeof inspectNeuronsJob>, 'neurons'>;
  /** Folder of the run (of the first neuron). */
  runDirectory: string;
}

const folderOf = (path: string): string => path.replace(/[/\\][^/\\]*$/, '');

/** Folder of the run that a matrix is about. */
export function runDirectoryOf(holders: readonly Plain[]): string | undefined {
  const named = near(holders, 'run_directory');
  if (typeof named === 'string') return named;
  const path = near(holders, 'checkpoint_path_1') ?? near(holders, 'checkpoint_path');
  return typeof path === 'string' ? folderOf(path) : undefined;
}

/** How the matrix was measured; what is absent or of another kind is left to the defaults. */
const measuredSchema = z.object({
  data: analysisDataSchema.optional().catch(undefined),
  split: splitSchema.optional().catch(undefined),
  explainedVariance: z.number().optional().catch(undefined),
  /** Of a matching. */
  alignSplit: splitSchema.default('train').catch('train'),
});

/** Examples of two models' activations: of a small data set all, so that both numbers are the same. */
const mostExamples = 10_000;

/** Undefined where the result does not say which checkpoints it is about. */
export function placeOf(holders: readonly Plain[], params: unknown): NeuronPlace | undefined {
  const layer = near(holders, 'layer');
  const runDirectory = runDirectoryOf(holders);
  if (typeof layer !== 'string' || runDirectory === undefined) return undefined;
  const paths = ['checkpoint_path_1', 'checkpoint_path_2'].map((name) => near(holders, name));
  const own = near(holders, 'checkpoint_path');
  const checkpoints = (paths[0] === undefined ? [own] : paths).filter((path) => typeof path === 'string');
  if (checkpoints.length === 0) return undefined;
  const measured = measuredSchema.safeParse(params ?? {}).data ?? measuredSchema.parse({});
  const point = recordingPointSchema.safeParse(near(holders, 'matching_mode')).data;
  return {
    runDirectory,
    params: {
      ...{ checkpoints, layer, withCosts: checkpoints.length === 1 },
      ...(measured.data && { data: measured.data }),
      // A matching's split is that of its activations, not that of a subspace.
      ...(checkpoints.length === 2 && {
        activationSplit: measured.alignSplit,
        examples: mostExamples,
      }),
      ...(checkpoints.length === 1 && measured.split && { split: measured.split }),
      ...(measured.explainedVariance !== undefined && { explainedVariance: measured.explainedVariance }),
      ...(point && { recordingPoint: point }),
    },
  };
}
