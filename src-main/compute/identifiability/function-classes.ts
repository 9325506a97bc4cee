/** Kind `function-classes`: how far the functions of one neuron lie from those that another can compute. */
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { FunctionClassLayer, functionClassesJob } from '../../../src-shared/jobs/function-classes.ts';
import { matrix } from '../../../src-shared/matrix.ts';
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { Backend } from '../backend/index.ts';
import type { Examples } from '../data/index.ts';
import { refuseBeyondLinear } from '../load-models.ts';
import type { LoadedModel } from '../load-models.ts';
import { fixedDoubles } from '../networks/effective.ts';
import { RandomStream } from '../random.ts';
import { classDistances, precisionOf } from './function-class-descent.ts';
import type { ClassPairs, NeuronClasses, NeuronDraw } from './function-class-descent.ts';
import { activationBehind, hiddenLayers, inputsOf, refuseGates, sampled } from './hidden-layers.ts';
import { measuredLayer } from './layer-weights.ts';
import { measureCheckpoints, selectedLayers } from './measure.ts';

type Params = ParamsOf<typeof functionClassesJob>;

/** Outputs of a step, samples x pairs, and the weights of the pairs grow with these: chunks keep each below 16 MiB. */
const mostEntries = 2 ** 21;

export const functionClasses = measureCheckpoints(
  ({ params, model, examples }: { params: Params; model: LoadedModel; examples: Examples }) => {
    refuseBeyondLinear(model.run, 'function classes are compared');
    const hidden = hiddenLayers(model.run.graph);
    if (hidden.length === 0) {
      throw new UserError(
        `${model.run.configPath} describes a network without hidden layers: there are no neurons whose functions could be compared.`,
      );
    }
    const layers = selectedLayers(params.layers, hidden);
    return { layers, examples: sampled(examples, params, 'function-classes-samples') };
  },
  async ({ params, model, backend, between }, { layers, examples }) => {
    refuseGates(model);
    const inputs = inputsOf(backend, model, examples, layers);
    const asked = layers.map((layer) => ({
      neurons: neuronsOf(model, layer, params.numNeurons),
      x: inputs.get(layer)!,
      activation: activationBehind(model.run.graph, layer),
    }));
    const found: FunctionClassLayer[] = [];
    for (const { neurons, x, activation } of asked) {
      const question = { neurons, x, activation, samples: examples.count };
      const distance = await distancesOf(backend, params, question, (share) =>
        between(share / layers.length),
      );
      found.push(layerResult(neurons, distance));
    }
    return {
      function_class_results: found,
      num_outer_loop_samples: params.outerSamples,
      num_inner_descent_iterations: params.iterations,
      ...{ learning_rate: params.learningRate, weight_decay: params.weightDecay, draw_seed: params.drawSeed },
      samples: examples.count,
      precision: precisionOf(backend),
      warnings: [],
    };
  },
);

/** The neurons of one layer that are compared: what is fixed in each, and how its free entries begin. */
interface Neurons {
  layer: string;
  count: number;
  inputs: number;
  weight: Entries;
  /** Absent: the layer has none. */
  bias: Entries | undefined;
}

/** One parameter of some neurons, row by row. */
interface Entries {
  fixed: Float64Array;
  /** 1 where an entry is free. */
  free: Float64Array;
  initial: Extract<NonNullable<Parameter['initial']>, { kind: 'uniform' | 'normal' | 'constant' }>;
}

function neuronsOf(model: LoadedModel, layer: string, most: number): Neurons {
  const { weight, bias } = measuredLayer(model.run.graph, layer);
  const [outputs, ...fanIn] = weight.shape;
  const count = Math.min(most, outputs!);
  if (count < 2) {
    throw new UserError(
      `${layer} of ${model.name} has a single neuron: there is no other to compare it with.`,
    );
  }
  const inputs = sizeOf(fanIn);
  return {
    ...{ layer, count, inputs },
    weight: entriesOf(model, weight, count * inputs),
    bias: bias && entriesOf(model, bias, count),
  };
}

/** The first `count` entries of a parameter. @throws UserError if the network does not say how they begin */
function entriesOf({ run, name, state }: LoadedModel, parameter: Parameter, count: number): Entries {
  const { family, initial } = parameter;
  if (initial?.kind !== 'uniform' && initial?.kind !== 'normal' && initial?.kind !== 'constant') {
    throw new UserError(
      `${run.configPath} does not say how ${parameter.name} of ${name} begins, so its free entries cannot be drawn again.`,
      { hint: 'Function classes are compared for networks that Basin can train from the beginning.' },
    );
  }
  const mask = family?.mask === undefined ? undefined : state.get(family.mask)!.data;
  return {
    fixed: fixedDoubles(parameter, state)?.slice(0, count) ?? new Float64Array(count),
    free: mask ? Float64Array.from(mask.subarray(0, count)) : new Float64Array(count).fill(1),
    initial,
  };
}

interface Question extends Pick<ClassPairs, 'x' | 'samples' | 'activation'> {
  neurons: Neurons;
}

/** [i][j], row by row. */
async function distancesOf(
  backend: Backend,
  { outerSamples, iterations, learningRate, weightDecay, drawSeed }: Params,
  question: Question,
  between: (share: number) => Promise<void>,
): Promise<Float64Array> {
  const { neurons, ...given } = question;
  const { count, inputs } = neurons;
  const all = Array.from({ length: count ** 2 }, (_, p): Pair => [Math.floor(p / count), p % count]);
  const most = Math.max(1, Math.floor(mostEntries / Math.max(given.samples, inputs)));
  const size = Math.ceil(all.length / Math.ceil(all.length / most));
  const distance = new Float64Array(all.length);
  for (let start = 0; start < all.length; start += size) {
    const some = all.slice(start, start + size);
    const problem = {
      ...{ ...given, inputs, pairs: some.length },
      targets: classesOf(neurons, some, 0),
      slots: classesOf(neurons, some, 1),
    };
    const descent = { outerSamples, iterations, learningRate, weightDecay };
    const draw = (sample: number) => ({
      targets: drawn(neurons, some, { seed: drawSeed, sample, side: 'target' }),
      slots: drawn(neurons, some, { seed: drawSeed, sample, side: 'slot' }),
    });
    const found = await classDistances(backend, problem, descent, draw, (share) =>
      between((share * some.length) / all.length),
    );
    distance.set(found, start);
  }
  return distance;
}

/** Whose functions are drawn, and who is to reach them. */
type Pair = readonly [target: number, slot: number];

function classesOf(neurons: Neurons, pairs: readonly Pair[], side: 0 | 1): NeuronClasses {
  const { inputs, weight, bias } = neurons;
  const rows = (of: Float64Array, width: number): Float64Array => {
    const out = new Float64Array(pairs.length * width);
    pairs.forEach((pair, p) => {
      out.set(of.subarray(pair[side] * width, (pair[side] + 1) * width), p * width);
    });
    return out;
  };
  const none = new Float64Array(pairs.length);
  return {
    fixed: { weight: rows(weight.fixed, inputs), bias: bias ? rows(bias.fixed, 1) : none },
    free: { weight: rows(weight.free, inputs), bias: bias ? rows(bias.free, 1) : none },
  };
}

/** Every pair, draw and side has a stream of its own: asking for more pairs or draws never changes the rest. */
function drawn(
  { layer, inputs, weight, bias }: Neurons,
  pairs: readonly Pair[],
  { seed, sample, side }: { seed: number; sample: number; side: 'target' | 'slot' },
): NeuronDraw {
  const out = { weight: new Float64Array(pairs.length * inputs), bias: new Float64Array(pairs.length) };
  pairs.forEach(([i, j], p) => {
    const stream = new RandomStream(seed, 'function-classes', layer, i, j, sample, side);
    out.weight.set(begin(weight, stream, inputs), p * inputs);
    if (bias) out.bias.set(begin(bias, stream, 1), p);
  });
  return out;
}

function begin({ initial }: Entries, stream: RandomStream, count: number): Float32Array {
  switch (initial.kind) {
    case 'uniform':
      return stream.uniforms(count, initial.bound);
    case 'normal':
      return stream.normals(count, initial.deviation);
    case 'constant':
      return new Float32Array(count).fill(initial.value);
  }
}

function layerResult({ layer, count }: Neurons, distance: Float64Array): FunctionClassLayer {
  const isOwn = (_: number, p: number): boolean => Math.floor(p / count) === p % count;
  return {
    layer,
    neurons: Array.from({ length: count }, (_, i) => i),
    distance: matrix(count, count, distance),
    others: spreadOf(distance.filter((value, p) => !isOwn(value, p))),
    own: spreadOf(distance.filter(isOwn)),
  };
}

function spreadOf(values: Float64Array): FunctionClassLayer['own'] {
  const sorted = values.toSorted();
  const quantile = (share: number): number => {
    const at = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
    return low + (at - Math.floor(at)) * (high - low);
  };
  return {
    ...{ count: sorted.length, min: sorted[0]!, max: sorted.at(-1)! },
    ...{ lower_quartile: quantile(0.25), median: quantile(0.5), upper_quartile: quantile(0.75) },
  };
}
