/** Kind `merge`: permuted models, or their mean, as a run of their own in the non-asymmetric form. */
import { basename, join } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import { normStatisticsNote } from '../../../src-shared/jobs/interpolate.ts';
import type { mergeJob } from '../../../src-shared/jobs/merge.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import type { TensorValue } from '../../formats/tensor.ts';
import { alignmentNote, alignPairs, namedPermutations } from '../alignment/align-pairs.ts';
import type { PairAlignment } from '../alignment/align-pairs.ts';
import { hasRunningStatistics, mapArrays, namedArrays } from '../alignment/parameters.ts';
import { permuteNetwork } from '../alignment/spec.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { loadCheckpoint, readRun } from '../checkpoints.ts';
import { ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { linearScale } from '../models/effective.ts';
import { assertSameFixedPart } from '../models/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';
import { loadSeveral, requireSameShapes } from '../pairs.ts';
import { inNewRunFolder, refuseTaken } from './out-folder.ts';
import { completeForReference, derivedConfig } from './reference-config.ts';
import { writeInFormat } from './write-checkpoint.ts';

type Params = ParamsOf<typeof mergeJob>;
type Result = ResultOf<typeof mergeJob>;

export const merge: Compute<Params, Result> = async (params, context) => {
  refuseTaken(params.directory);
  const { models, warnings } = loadSeveral(params);
  const weights = params.write === 'merged' ? sharesOf(params, models.length) : undefined;
  requireSameShapes(models);
  for (const model of models.slice(1)) assertSameFixedPart(models[0]!, model);
  const alignments = await align(params, models, context);
  const networks = models.map(({ network }, i) => {
    const alignment = i === 0 ? undefined : alignments?.[i - 1];
    return alignment ? permuteNetwork(network, [...alignment.permutations.values()]) : network;
  });
  const outputs = weights ? [mixed(networks, weights)] : networks;
  const sources = models.map(({ path }) => path);
  const permutations = alignments?.map((alignment) => namedPermutations(alignment.permutations));
  const derived = {
    write: params.write,
    from: models.map(({ path, sha256 }) => ({ path, sha256 })),
    align: params.align,
    ...(params.align === 'activation' && { mode: params.mode, recording_point: params.recordingPoint }),
    ...(weights && { weights }),
    ...(permutations && { permutations }),
    ...(weights && hasRunningStatistics(outputs[0]!) && { norm_statistics: 'interpolate' }),
  };
  const written = await inNewRunFolder(params.directory, (directory) => ({
    directory,
    files: writeRun(params, models[0]!, { outputs, derived }, directory),
  }));
  const note = alignmentNote(params, isGated(outputs[0]!));
  const mixesStatistics = weights !== undefined && hasRunningStatistics(outputs[0]!);
  return {
    ...{ ...written, sources, align: params.align },
    ...(weights && { weights }),
    ...(params.align === 'activation' && { mode: params.mode }),
    ...(permutations && { permutations }),
    ...(mixesStatistics && { norm_statistics: 'interpolate' as const }),
    notes: [
      ...warnings,
      ...(note === undefined ? [] : [note]),
      ...(mixesStatistics ? [normStatisticsNote] : []),
    ],
  };
};

/** Checkpoints, config.yaml last, read back as any later job will. @returns the names of the checkpoints */
function writeRun(
  params: Params,
  first: LoadedModel,
  { outputs, derived }: { outputs: readonly EffectiveNetwork[]; derived: Record<string, unknown> },
  directory: string,
): string[] {
  const files = writeModels(params, first, outputs, directory);
  const { config } = readRunDirectory(first.run.directory);
  const activation = outputs[0]!.layers[0]!.activation;
  const text = derivedConfig(config, {
    symmetry: isGated(outputs[0]!) ? 2 : 0,
    activation: typeof activation === 'string' ? activation : undefined,
    models: outputs.length,
    derived,
  });
  writeFileAtomic(join(directory, 'config.yaml'), completeForReference(text));
  verify(directory, files, outputs);
  return files;
}

/** One share per model; they sum to 1. @throws UserError for a lambda where there are not two models */
function sharesOf({ lambda }: Params, count: number): number[] {
  if (lambda === undefined) return new Array<number>(count).fill(1 / count);
  if (count === 2) return [1 - lambda, lambda];
  throw new UserError(`lambda: ${lambda} divides a segment between two models, but ${count} are selected.`, {
    hint: 'Leave it out for the plain mean of all, or name two models.',
  });
}

/** Every model after the first, permuted to the first. */
async function align(
  params: Params,
  models: LoadedModel[],
  context: ComputeContext,
): Promise<PairAlignment[] | undefined> {
  if (params.align === 'none') return undefined;
  const backend = await context.backend();
  const pairs = models.slice(1).map((_, i) => [0, i + 1] as const);
  const meter = new ProgressMeter(context, 1);
  const examples =
    params.align === 'activation'
      ? (await loadAnalysisData(models[0]!.run, params.data, [params.alignSplit])).splits.get(
          params.alignSplit,
        )!
      : undefined;
  const inputs = examples && backend.tf.tensor2d(examples.x, [examples.count, examples.features]);
  try {
    return await alignPairs(params, {
      ...{ context, backend, models, pairs },
      inputs: () => inputs!,
      advance: (share) => {
        meter.advance(share, 'aligning');
      },
    });
  } finally {
    inputs?.dispose();
  }
}

/** The weighted mean of every array, summed in float64. */
function mixed(networks: readonly EffectiveNetwork[], weights: readonly number[]): EffectiveNetwork {
  const arrays = networks.map(namedArrays);
  return mapArrays(networks[0]!, ({ data }, index) =>
    data.map((_, k) => weights.reduce((sum, weight, m) => sum + weight * arrays[m]![index]!.data[k]!, 0)),
  );
}

function writeModels(
  params: Params,
  first: LoadedModel,
  networks: readonly EffectiveNetwork[],
  directory: string,
): string[] {
  return networks.map((network, i) => {
    const own = storedForm(network);
    // Under the names of the files that the models came from.
    const { fileNames, constants } = first.spec;
    const named = (name: string): string => fileNames?.[name] ?? name;
    const kept = [...own].filter(([name]) => constants?.[name] === undefined);
    const tensors = new Map(kept.map(([name, tensor]) => [named(name), tensor]));
    const isParameter = new Set(
      namedArrays(network).flatMap(({ role, name }) => (role === 'parameter' ? [name] : [])),
    );
    const path = writeInFormat(directory, params.format, {
      // Files of several epochs have none in common; 0 would claim an initialisation.
      epoch: first.epoch ?? 1,
      model: i + 1,
      step: 0,
      // In the order of the modules, as an optimizer is given them.
      trainable: kept.flatMap(([name]) => (isParameter.has(name) ? [named(name)] : [])),
      tensors,
    });
    return basename(path);
  });
}

const isGated = ({ layers }: EffectiveNetwork): boolean =>
  layers.some(({ activation }) => typeof activation === 'object');

/** The state dict of the non-asymmetric form, in PyTorch's order: linear layers, gates, norms. */
export function storedForm(network: EffectiveNetwork): Map<string, TensorValue> {
  const rank = (name: string): number => ['lins', 'activations', 'norms'].indexOf(name.split('.')[0]!);
  const arrays = namedArrays(network).toSorted((a, b) => rank(a.name) - rank(b.name));
  const tensors = new Map<string, TensorValue>();
  for (const { name, shape, data } of arrays) {
    const place = /^norms\.(\d+)\.(initial_variance|running_var)$/.exec(name);
    const norm = place ? network.layers[Number(place[1])]!.norm : undefined;
    if (norm?.kind === 'layer_linear' || norm?.kind === 'batch_linear') {
      const scale = linearScale(norm.kind, data) as Float32Array<ArrayBuffer>;
      const isLayer = norm.kind === 'layer_linear';
      const key = `norms.${place![1]}.${isLayer ? 'scale' : 'inv_std'}`;
      tensors.set(key, { dtype: 'float32', shape: isLayer ? [] : shape, data: scale });
      continue;
    }
    tensors.set(name, { dtype: 'float32', shape, data: data as Float32Array<ArrayBuffer> });
    // The statistics are those of no training: how many batches they saw has no answer.
    if (place?.[2] === 'running_var')
      tensors.set(`norms.${place[1]}.num_batches_tracked`, {
        dtype: 'int64',
        shape: [],
        data: BigInt64Array.of(0n),
      });
  }
  return tensors;
}

/** Reads back what was written, as any later job will. A difference is a defect. */
function verify(directory: string, files: readonly string[], networks: readonly EffectiveNetwork[]): void {
  const run = readRun(directory);
  networks.forEach((network, i) => {
    const { network: stored, path } = loadCheckpoint(run, join(directory, files[i]!));
    const arrays = namedArrays(stored);
    namedArrays(network).forEach(({ name, data }, k) => {
      const found = arrays[k]!;
      // A variance is stored as the factor it leads to: of a layer one number, whatever the single variances are.
      const exact = !name.endsWith('initial_variance');
      if (found.name !== name || (exact && data.some((value, j) => value !== found.data[j])))
        throw new Error(`${path}: "${name}" is not what was to be written`);
    });
  });
}
