/** Kind `ntk`: the neural tangent kernel of one model over its training. */
import { requireScored } from '../networks/objective.ts';
import { basename, resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { NtkEpoch, ntkJob, NtkLinearisation } from '../../../src-shared/jobs/ntk.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import { loadAnalysisData, requireOneClass } from '../analysis-data.ts';
import { backendInfo } from '../backend/info.ts';
import type { Backend } from '../backend/index.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { requireFitting, rowsOf, selectExamples } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { loadModels, refuseGraphNetworks } from '../load-models.ts';
import type { LoadedModel, Run } from '../load-models.ts';
import { valuesOf } from '../networks/doubles.ts';
import { hasConvolutions } from '../networks/parameters.ts';
import { refuseUntrainable } from '../training/execution.ts';
import { layoutOf, weightsOf, withGradients } from './gradients.ts';
import type { Gradients } from './gradients.ts';
import { chunkOf, kernelOf } from './kernel.ts';
import type { Examined } from './kernel.ts';
import { balancedSample, firstSample } from './sample.ts';
import { compareKernels, kernelStats, linearisationError } from './statistics.ts';

type Params = ParamsOf<typeof ntkJob>;

const topEigenvalues = 10;

/** What a kernel is of. */
export interface ExaminedNetwork extends Examined {
  network: Network;
  /** Where the examples are in the split. */
  places: Int32Array;
  /** Examples per call. */
  chunk: number;
}

/** @throws UserError if the split has too few examples */
export function examinedOf(
  { graph: network }: Run,
  all: Examples,
  { classBalanced, samples, sampleSeed }: Pick<Params, 'classBalanced' | 'samples' | 'sampleSeed'>,
): ExaminedNetwork {
  const places = classBalanced
    ? balancedSample(all.labels, samples, sampleSeed)
    : firstSample(all.count, samples);
  const layout = layoutOf(network);
  const chunk = chunkOf(layout, samples, hasConvolutions(network));
  return { network, places, layout, chunk, chunks: chunksOf(network, selectExamples(all, places), chunk) };
}

export const ntk: Compute<Params, ResultOf<typeof ntkJob>> = async (params, context) => {
  const backend = await context.backend();
  const models = modelsOf(params);
  const [first] = models;
  requireOneClass(first!.run, 'predictions are compared with those of the linearisation');
  refuseGraphNetworks(first!.run, 'tangent kernels are computed');
  requireScored(first!.run.graph);
  refuseUntrainable(backend, first!.run.graph, 'differentiated');
  const data = await loadAnalysisData(first!.run, params.data, [params.split]);
  const { classBalanced, samples, sampleSeed, split } = params;
  const examined = examinedOf(first!.run, data.splits.get(split)!, params);
  const { layout, places } = examined;
  const { epochs, precision } = await withGradients(backend, examined, async (gradients) => ({
    epochs: await epochsOf(gradients, { models, examined }, { params, backend, context }),
    precision: gradients.precision,
  }));
  return {
    ...{ run_key: basename(first!.run.directory), model_index: params.model },
    ...{ all_epoch_results: epochs, num_epochs: epochs.length },
    ...{ data: data.description, split, num_samples: samples, class_balanced: classBalanced },
    sample_seed: classBalanced ? sampleSeed : null,
    examples: [...places],
    ...{ num_weights: layout.weights, num_outputs: layout.outputs, precision },
    notes: [...data.warnings, ...(epochs.length === 1 ? [onlyOne(epochs[0]!.epoch)] : [])],
    backend: backendInfo(backend),
  };
};

const onlyOne = (epoch: number): string =>
  `Only epoch ${epoch} was requested, so there is nothing to compare its kernel with.`;

/** The model at the epochs asked for, ascending. @throws UserError naming those that are saved */
function modelsOf({ run, model, epochs }: Params): LoadedModel[] {
  const { directory, checkpoints } = readRunDirectory(resolve(run));
  const saved = checkpoints.filter((file) => file.model === model).map(({ epoch }) => epoch);
  if (saved.length === 0) {
    const others = [...new Set(checkpoints.map((file) => file.model))].sort((a, b) => a - b);
    throw new UserError(`${directory}: no checkpoint of model ${model} is saved.`, {
      hint: others.length > 0 ? `It has the models ${others.join(', ')}.` : 'Is it the right folder?',
    });
  }
  const wanted = [...new Set(epochs ?? saved)].sort((a, b) => a - b);
  return wanted.flatMap((epoch) => loadModels(run, [model], epoch));
}

/** Inputs as the network takes them. */
function chunksOf({ graph }: Network, examples: Examples, size: number): Float32Array[] {
  requireFitting(examples, graph.inputs[0]!.shape);
  const starts = Array.from({ length: Math.ceil(examples.count / size) }, (_, i) => i * size);
  return starts.map((start) => rowsOf(examples, start, Math.min(start + size, examples.count)).slice());
}

async function epochsOf<T>(
  gradients: Gradients<T>,
  { models, examined }: { models: readonly LoadedModel[]; examined: ExaminedNetwork },
  { params, backend, context }: { params: Params; backend: Backend; context: ComputeContext },
): Promise<NtkEpoch[]> {
  const meter = new ProgressMeter(context, models.length);
  const results: NtkEpoch[] = [];
  let start: (Earlier & { outputs: Float64Array; changes: Float64Array[] }) | undefined;
  let before: Earlier | undefined;
  for (const [m, model] of models.entries()) {
    const epoch = model.epoch ?? 0;
    gradients.set(model.state);
    const outputs = outputsOf(backend, model, examined);
    const directions = m === 0 ? models.slice(1).map((later) => directionOf(model, later, examined)) : [];
    const { kernel, changes } = await kernelOf(gradients, examined, directions, async (share) => {
      meter.advance(share, `epoch ${epoch}`);
      await checkpointCancel(context);
    });
    results.push({
      ...kernelEntry({ epoch, kernel }, { start, before }, backend),
      linearization_agreement: start ? linearEntry(outputs, start, start.changes[m - 1]!, examined) : null,
      ...(params.withMatrices && { ntk_matrix: matrix(params.samples, params.samples, kernel) }),
    });
    start ??= { kernel, epoch, outputs, changes };
    before = { kernel, epoch };
  }
  return results;
}

/** A kernel that later ones are compared with. */
export interface Earlier {
  /** [examples, examples] */
  kernel: Float64Array;
  epoch: number;
}

/** What is said of a kernel. @param earlier absent for the first epoch */
export function kernelEntry(
  { epoch, kernel }: Earlier,
  { start, before }: { start?: Earlier | undefined; before?: Earlier | undefined },
  backend: Backend,
): Omit<NtkEpoch, 'linearization_agreement'> {
  const samples = Math.sqrt(kernel.length);
  const { stats, eigenvalues } = kernelStats(kernel, samples, backend.native?.doubles);
  return {
    ...{ epoch, ntk_stats: stats, top_eigenvalues: [...eigenvalues.subarray(0, topEigenvalues)] },
    init: start ? compareKernels(start, kernel, samples) : null,
    prev: before ? compareKernels(before, kernel, samples) : null,
  };
}

/**
 * Outputs compared with those of the linearisation at the first epoch.
 * @param outputs, start.outputs [samples, outputs] @param change J_0 (theta - theta_0)
 */
export function linearEntry(
  outputs: Float64Array,
  start: { outputs: Float64Array },
  change: Float64Array,
  { layout }: ExaminedNetwork,
): NtkLinearisation {
  const linear = start.outputs.map((value, i) => value + change[i]!);
  return linearisationError(outputs, linear, layout.outputs);
}

/** theta - theta_0 */
export function directionOf(
  first: LoadedModel,
  later: LoadedModel,
  { layout }: ExaminedNetwork,
): Float64Array {
  const start = weightsOf(layout, first.state);
  return weightsOf(layout, later.state).map((value, i) => value - start[i]!);
}

/** Logits in float64, [samples, outputs]. */
export function outputsOf(
  backend: Backend,
  model: LoadedModel,
  { network, chunks, layout }: ExaminedNetwork,
): Float64Array {
  const rows = chunks[0]!.length / layout.features;
  const values = valuesOf(backend, { network, state: model.state }, [network.graph.output], {
    ...{ rows, count: rows * chunks.length },
  });
  try {
    const all: number[] = [];
    for (const x of chunks)
      values.each(x, (logits) => {
        all.push(...(logits instanceof Float64Array ? logits : backend.native!.doubles.read(logits)));
      });
    return Float64Array.from(all);
  } finally {
    values.dispose();
  }
}
