/** Kind `inspect-neurons`: two neurons of a layer side by side, from their checkpoints. */
import { resolve } from 'node:path';
import { geometryKindOf } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { InspectedNeurons, inspectNeuronsJob } from '../../../src-shared/jobs/inspect-neurons.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import { runFolderOf } from '../../formats/run-layout.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import { backendInfo } from '../backend/info.ts';
import type { Backend } from '../backend/index.ts';
import { loadCheckpoint, readRun, refuseBeyondLinear } from '../load-models.ts';
import type { LoadedModel } from '../load-models.ts';
import type { ComputeContext } from '../context.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import { selectExamples } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import {
  binCounts,
  columnOf,
  correlationOf,
  largestPlaces,
  layerActivations,
  meanAndStd,
} from './activations.ts';
import { layerWeights, measuredLayer, measuredLayers } from './layer-weights.ts';
import type { LayerWeights } from './layer-weights.ts';
import { SubspaceRecorder } from './measure.ts';
import { costsOfPair, pairOf } from './neuron-pair.ts';
import { warnings } from './realization-cost.ts';
import { Recent } from './recent.ts';
import { isData, placesOf } from './input-moments.ts';
import type { Subspace } from './subspace.ts';

type Params = ParamsOf<typeof inspectNeuronsJob>;
type Between = (share: number) => Promise<void>;

/** Width of a digit. */
const side = 28;

/** One layer of one model on the data. */
interface Recorded {
  /** [examples, neurons] */
  values: Float64Array;
  examples: Examples;
  /** Examples in the whole split. */
  of: number;
  data: string;
}

/** Whoever looks at one pair looks at the next: what is dear to make is kept while the worker lives. */
const subspaces = new Recent<Subspace>(6);
const recordings = new Recent<Recorded>(6);

/** @throws UserError for a layer, neuron or file that is not there */
export async function inspectNeurons(asked: Params, context: ComputeContext): Promise<InspectedNeurons> {
  const [first, second] = modelsOf(asked);
  const params = { ...asked, layer: moduleOf(first, asked.layer) };
  const layers = [layerOf(first, params), layerOf(second, params)] as const;
  requireNeurons(params, layers);
  const backend = await context.backend();
  const meter = new ProgressMeter(context, 3);
  const during =
    (message: string): Between =>
    async (share) => {
      meter.advance(share, message);
      await checkpointCancel(context);
    };
  const record = (model: LoadedModel) => recorded(params, model, backend, during('recording activations'));
  const one = await record(first);
  const two = first === second ? one : await record(second);
  const withCosts = params.withCosts && first === second;
  const space = withCosts
    ? await subspaceFor(params, first, backend, during('finding the subspace of the inputs'))
    : undefined;
  const pair = pairOf([...layers], params.neurons);
  const images = hasImages(params, first, one.examples);
  const rows = (data: Float64Array | Float32Array | undefined) =>
    data ? matrix(2, pair.inputs, data) : null;
  return {
    layer: params.layer,
    picture: images && readsData(first, params.layer) ? [side, side] : null,
    sigma_f: pair.sigmaF,
    neurons: [neuronOf(params, first, layers[0], 0), neuronOf(params, second, layers[1], 1)],
    weights: matrix(2, pair.inputs, pair.weight),
    fixed: rows(pair.fixed),
    masks: rows(pair.mask),
    costs: space ? await costsOfPair(pair, space, params.split) : null,
    activations: activationsOf(params, [one, two], [layers[0].outputs, layers[1].outputs], images),
    data: one.data,
    warnings: withCosts ? warnings(first) : [],
    backend: backendInfo(backend),
  };
}

function modelsOf({ checkpoints }: Params): [LoadedModel, LoadedModel] {
  const load = (path: string): LoadedModel => {
    const run = readRun(runFolderOf(path));
    refuseBeyondLinear(run, 'neurons are inspected');
    return loadCheckpoint(run, path);
  };
  const [one, two] = checkpoints.map((path) => resolve(path));
  const first = load(one!);
  return [first, two === undefined || two === one ? first : load(two)];
}

/** A matching names layers by their permutations, such as P_0. */
function moduleOf({ run }: LoadedModel, layer: string): string {
  const named = Object.entries(run.graph.graph.groupNames).find(([, name]) => name === layer);
  return named?.[0] ?? layer;
}

function layerOf(model: LoadedModel, { layer }: Params): LayerWeights {
  const layers = measuredLayers(model.run.graph).map(({ id }) => id);
  if (layers.includes(layer)) return layerWeights(model, layer);
  throw new UserError(`layer: ${model.name} has no layer "${layer}"; there are ${layers.join(', ')}`);
}

/** Whether a layer's inputs are the data themselves. */
const readsData = ({ run: { graph } }: LoadedModel, layer: string): boolean =>
  placesOf(graph).some((place) => place.layer === layer && isData(graph, place));

function biasOf({ run, acting }: LoadedModel, layer: string, neuron: number): number {
  const { bias } = measuredLayer(run.graph, layer);
  return bias ? acting.get(bias.name)!.data[neuron]! : 0;
}

function requireNeurons({ neurons, layer }: Params, layers: readonly [LayerWeights, LayerWeights]): void {
  if (layers[0].inputs !== layers[1].inputs) {
    throw new UserError(
      `checkpoints: neurons of ${layer} take ${layers[0].inputs} inputs in one model and ${layers[1].inputs} in the other, so they cannot be compared`,
    );
  }
  layers.forEach(({ outputs }, i) => {
    if (neurons[i]! < outputs) return;
    throw new UserError(`neurons: ${layer} has neurons 0 to ${outputs - 1}, not ${neurons[i]}`);
  });
}

function neuronOf({ neurons, layer }: Params, model: LoadedModel, { inputs, mask }: LayerWeights, i: number) {
  const neuron = neurons[i]!;
  const entries = mask?.subarray(neuron * inputs, (neuron + 1) * inputs);
  const fixed = entries?.reduce((count, entry) => count + (entry === 0 ? 1 : 0), 0) ?? 0;
  return {
    checkpoint_path: model.path,
    run_directory: model.run.directory,
    model_index: model.index,
    epoch: model.epoch,
    neuron,
    bias: biasOf(model, layer, neuron),
    free: inputs - fixed,
    fixed,
  };
}

/** Whether inputs are digits as they were scanned: rotated ones have the same size and are no images. */
function hasImages({ data }: Params, { run }: LoadedModel, { features }: Examples): boolean {
  const name = data.name ?? run.config.dataset?.name ?? '';
  return features === side * side && geometryKindOf(name) === undefined;
}

/**
 * What a thing kept is made from: the weights, what the config makes of them, and the data, all by contents. Not the
 * config itself: a value of it that cannot be read blocks only what asks for it.
 */
async function keyOf(model: LoadedModel, wish: Params['data'], rest: readonly unknown[]): Promise<string> {
  const { contents, description } = await loadAnalysisData(model.run, wish, []);
  return JSON.stringify([model.sha256, model.spec, contents, description, ...rest]);
}

async function recorded(
  { layer, recordingPoint, activationSplit, examples: most, data: wish }: Params,
  model: LoadedModel,
  backend: Backend,
  between: Between,
): Promise<Recorded> {
  const key = await keyOf(model, wish, [layer, recordingPoint, activationSplit, most]);
  return recordings.get(key, async () => {
    const data = await loadAnalysisData(model.run, wish, [activationSplit]);
    const whole = data.splits.get(activationSplit)!;
    const count = Math.min(most, whole.count);
    const examples = selectExamples(
      whole,
      Int32Array.from({ length: count }, (_, i) => i),
    );
    const values = await layerActivations(
      backend,
      model,
      { layer, point: recordingPoint },
      examples,
      between,
    );
    return { values, examples, of: whole.count, data: data.description };
  });
}

async function subspaceFor(
  { layer, split, explainedVariance, data: wish }: Params,
  model: LoadedModel,
  backend: Backend,
  between: Between,
): Promise<Subspace> {
  // The data's own subspace is the same for all models of a run.
  const whose = readsData(model, layer) ? { ...model, sha256: '' } : model;
  const key = await keyOf(whose, wish, [layer, split, explainedVariance]);
  return subspaces.get(key, async () => {
    const data = await loadAnalysisData(model.run, wish, [split]);
    const recorder = new SubspaceRecorder(backend, data.splits.get(split)!, [layer], explainedVariance);
    return (await recorder.subspaces(model, between))[0]!;
  });
}

function activationsOf(
  { neurons, recordingPoint, activationSplit, strongest, bins }: Params,
  recordings: readonly [Recorded, Recorded],
  widths: readonly [number, number],
  images: boolean,
): InspectedNeurons['activations'] {
  const { examples, of } = recordings[0];
  const columns = [0, 1].map((i) => columnOf(recordings[i]!.values, widths[i]!, neurons[i]!));
  const [a, b] = columns as [Float64Array, Float64Array];
  const low = Math.min(...columns.map((values) => values.reduce((x, y) => Math.min(x, y), Infinity)));
  const high = Math.max(...columns.map((values) => values.reduce((x, y) => Math.max(x, y), -Infinity)));
  const both = <T>(of: (values: Float64Array) => T): [T, T] => [of(a), of(b)];
  const places = both((values) => largestPlaces(values, strongest));
  const picked = (at: readonly number[]) => {
    const { x, count, features } = selectExamples(examples, Int32Array.from(at));
    return matrix(count, features, x);
  };
  const [inA, inB] = both(meanAndStd);
  return {
    recording_point: recordingPoint,
    split: activationSplit,
    examples: examples.count,
    of,
    low,
    high,
    counts: both((values) => binCounts(values, low, high, bins)),
    means: [inA.mean, inB.mean],
    stds: [inA.std, inB.std],
    correlation: correlationOf(a, b),
    strongest: [0, 1].map((i) =>
      places[i]!.map((index) => ({
        ...{ index, value: columns[i]![index]! },
        label: examples.targets === undefined ? examples.labels[index]! : null,
      })),
    ) as InspectedNeurons['activations']['strongest'],
    images: images ? [picked(places[0]), picked(places[1])] : null,
  };
}
