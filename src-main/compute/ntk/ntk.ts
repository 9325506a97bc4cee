/** Kind `ntk`: the neural tangent kernel of one model over its training. */
import { basename, resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { NtkEpoch, ntkJob } from '../../../src-shared/jobs/ntk.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import { loadAnalysisData, requireOneClass } from '../analysis-data.ts';
import { backendInfo } from '../backend/info.ts';
import type { Backend } from '../backend/index.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { requireFitting, rowsOf, selectExamples } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { loadModels, refuseGraphNetworks } from '../load-models.ts';
import type { LoadedModel } from '../load-models.ts';
import { valuesOf } from '../networks/doubles.ts';
import { hasConvolutions } from '../networks/parameters.ts';
import { refuseUntrainable } from '../training/execution.ts';
import { layoutOf, weightsOf, withGradients } from './gradients.ts';
import type { Gradients, Layout } from './gradients.ts';
import { chunkOf, kernelOf } from './kernel.ts';
import { balancedSample, firstSample } from './sample.ts';
import { compareKernels, kernelStats, linearisationError } from './statistics.ts';

type Params = ParamsOf<typeof ntkJob>;

const topEigenvalues = 10;

/** One model at several epochs, and the examples. */
interface Subject {
  models: readonly LoadedModel[];
  chunks: readonly Float32Array[];
  layout: Layout;
}

export const ntk: Compute<Params, ResultOf<typeof ntkJob>> = async (params, context) => {
  const backend = await context.backend();
  const models = modelsOf(params);
  const [first] = models;
  requireOneClass(first!.run, 'predictions are compared with those of the linearisation');
  refuseGraphNetworks(first!.run, 'tangent kernels are computed');
  refuseUntrainable(backend, first!.run.graph, 'differentiated');
  const data = await loadAnalysisData(first!.run, params.data, [params.split]);
  const all = data.splits.get(params.split)!;
  const { classBalanced, samples, sampleSeed, split } = params;
  const places = classBalanced
    ? balancedSample(all.labels, samples, sampleSeed)
    : firstSample(all.count, samples);
  const layout = layoutOf(first!.run.graph);
  const chunk = chunkOf(layout, samples, hasConvolutions(first!.run.graph));
  const chunks = chunksOf(first!, selectExamples(all, places), chunk);
  const { epochs, precision } = await withGradients(
    backend,
    { network: first!.run.graph, chunk },
    async (gradients) => ({
      epochs: await epochsOf(gradients, { models, chunks, layout }, { params, backend, context }),
      precision: gradients.precision,
    }),
  );
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
function chunksOf({ run }: LoadedModel, examples: Examples, size: number): Float32Array[] {
  requireFitting(examples, run.graph.graph.inputs[0]!.shape);
  const starts = Array.from({ length: Math.ceil(examples.count / size) }, (_, i) => i * size);
  return starts.map((start) => rowsOf(examples, start, Math.min(start + size, examples.count)).slice());
}

async function epochsOf<T>(
  gradients: Gradients<T>,
  subject: Subject,
  { params, backend, context }: { params: Params; backend: Backend; context: ComputeContext },
): Promise<NtkEpoch[]> {
  const { models, chunks, layout } = subject;
  const doubles = backend.native?.doubles;
  const meter = new ProgressMeter(context, models.length);
  const results: NtkEpoch[] = [];
  let start: Start | undefined;
  let before: { kernel: Float64Array; epoch: number } | undefined;
  for (const [m, model] of models.entries()) {
    const epoch = model.epoch ?? 0;
    gradients.set(model.state);
    const outputs = outputsOf(backend, model, chunks);
    const directions = m === 0 ? directionsFrom(model, models.slice(1), layout) : [];
    const { kernel, changes } = await kernelOf(gradients, subject, directions, async (share) => {
      meter.advance(share, `epoch ${epoch}`);
      await checkpointCancel(context);
    });
    const { stats, eigenvalues } = kernelStats(kernel, params.samples, doubles);
    results.push({
      ...{ epoch, ntk_stats: stats, top_eigenvalues: [...eigenvalues.subarray(0, topEigenvalues)] },
      init: start ? compareKernels(start, kernel, params.samples) : null,
      prev: before ? compareKernels(before, kernel, params.samples) : null,
      linearization_agreement: start
        ? linearisationError(outputs, sum(start.outputs, start.changes[m - 1]!), layout.outputs)
        : null,
      ...(params.withMatrices && { ntk_matrix: matrix(params.samples, params.samples, kernel) }),
    });
    start ??= { kernel, epoch, outputs, changes };
    before = { kernel, epoch };
  }
  return results;
}

/** The first epoch, which later ones are compared with. */
interface Start {
  kernel: Float64Array;
  epoch: number;
  /** f_0, [samples, outputs] */
  outputs: Float64Array;
  /** J_0 (theta - theta_0) per later epoch, [samples, outputs] each. */
  changes: Float64Array[];
}

/** theta - theta_0 per later model. */
function directionsFrom(first: LoadedModel, later: readonly LoadedModel[], layout: Layout): Float64Array[] {
  const start = weightsOf(layout, first.state);
  return later.map(({ state }) => weightsOf(layout, state).map((value, i) => value - start[i]!));
}

const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]!);

/** Logits in float64, [samples, outputs]. */
function outputsOf(backend: Backend, model: LoadedModel, chunks: readonly Float32Array[]): Float64Array {
  const network = model.run.graph;
  const rows = chunks[0]!.length / layoutOf(network).features;
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
