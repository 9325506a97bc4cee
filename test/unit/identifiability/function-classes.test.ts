/** Distances of function classes: against PyTorch from the same draws, and the whole kind against the plain definition. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { BackendName } from '../../../src-main/compute/backend/index.ts';
import { classDistances } from '../../../src-main/compute/identifiability/function-class-descent.ts';
import type {
  NeuronClasses,
  NeuronDraw,
} from '../../../src-main/compute/identifiability/function-class-descent.ts';
import { inputsOf } from '../../../src-main/compute/identifiability/hidden-layers.ts';
import { layerWeights } from '../../../src-main/compute/identifiability/layer-weights.ts';
import type { LayerWeights } from '../../../src-main/compute/identifiability/layer-weights.ts';
import { loadAnalysisData } from '../../../src-main/compute/analysis-data.ts';
import { selectExamples } from '../../../src-main/compute/data/index.ts';
import { loadModels } from '../../../src-main/compute/load-models.ts';
import { erf } from '../../../src-main/compute/networks/erf.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { DoubleOptimizer } from '../../../src-main/compute/training/double-optimizer.ts';
import { adamDefaults } from '../../../src-main/compute/training/optimizer.ts';
import type { Activation } from '../../../src-shared/domain.ts';
import type { FunctionClassRow } from '../../../src-shared/jobs/function-classes.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { fixturePath, fixtureRun } from '../../support/fixtures.ts';
import { cancelledContext, goldenData, job } from '../../support/job.ts';

type Lists<T> = { [K in keyof T]: T[K] extends Float64Array ? number[] : Lists<T[K]> };
interface Golden {
  inputs: number;
  samples: number;
  neurons: number;
  outerSamples: number;
  iterations: number;
  learningRate: number;
  weightDecay: number;
  x: number[];
  cases: {
    family: string;
    activation: Activation;
    /** Row by row of the neurons. */
    fixed: Lists<NeuronDraw>;
    free: Lists<NeuronDraw>;
    draws: { targets: Lists<NeuronDraw>; slots: Lists<NeuronDraw> }[];
    distances: number[];
  }[];
}
const golden = JSON.parse(readFileSync(fixturePath('function-classes/distances.json'), 'utf8')) as Golden;
const { native } = await loadBackend();

const doubles = ({ weight, bias }: Lists<NeuronDraw>): NeuronDraw => ({
  weight: Float64Array.from(weight),
  bias: Float64Array.from(bias),
});

/** Of every ordered pair, its target (0) or its slot (1). */
function classesOf({ fixed, free }: Golden['cases'][number], side: 0 | 1): NeuronClasses {
  const { inputs, neurons } = golden;
  const order = Array.from({ length: neurons ** 2 }, (_, p) =>
    side === 0 ? Math.floor(p / neurons) : p % neurons,
  );
  const rows = ({ weight, bias }: Lists<NeuronDraw>): NeuronDraw => ({
    weight: Float64Array.from(order.flatMap((n) => weight.slice(n * inputs, (n + 1) * inputs))),
    bias: Float64Array.from(order, (n) => bias[n]!),
  });
  return { fixed: rows(fixed), free: rows(free) };
}

async function found(prefer: BackendName, one: Golden['cases'][number]): Promise<Float64Array> {
  const { inputs, samples, neurons } = golden;
  return classDistances(
    await loadBackend({ prefer }),
    {
      ...{ inputs, samples, pairs: neurons ** 2, activation: one.activation },
      x: Float32Array.from(golden.x),
      ...{ targets: classesOf(one, 0), slots: classesOf(one, 1) },
    },
    golden,
    (sample) => ({
      targets: doubles(one.draws[sample]!.targets),
      slots: doubles(one.draws[sample]!.slots),
    }),
    () => Promise.resolve(),
  );
}

describe.each(golden.cases)('$family, $activation: as PyTorch finds it from the same draws', (one) => {
  test.skipIf(!native)('in float64', async () => {
    (await found('tensorflow', one)).forEach((value, p) => {
      expect(Math.abs(value / one.distances[p]! - 1), `pair ${p}: ${value}`).toBeLessThan(1e-11);
    });
  });

  test('without double kernels, in float32', async () => {
    (await found('wasm', one)).forEach((value, p) => {
      expect(Math.abs(value / one.distances[p]! - 1), `pair ${p}: ${value}`).toBeLessThan(1e-4);
    });
  });
});

const question = (name: string, more: object = {}) => ({
  ...{ run: fixtureRun(name), models: [1], epoch: 5, data: goldenData() },
  ...{ numNeurons: 3, outerSamples: 2, iterations: 4, samples: 20, drawSeed: 7, ...more },
});
const ask = (name: string, more?: object) => job<FunctionClassRow>('function-classes', question(name, more));

/** Inputs of a layer for the examples that the kind draws. */
async function inputsFor(name: string, layer: string): Promise<Float32Array> {
  const model = loadModels(fixtureRun(name), [1], 5)[0]!;
  const { splits } = await loadAnalysisData(model.run, goldenData(), ['val']);
  const all = splits.get('val')!;
  const chosen = new RandomStream(0, 'function-classes-samples').permutation(all.count).slice(0, 20).sort();
  const backend = await loadBackend();
  return inputsOf(backend, model, selectExamples(all, chosen), [layer]).get(layer)!;
}

/** GELU and its derivative. */
const gelu = (z: number): [value: number, slope: number] => {
  const below = (1 + erf(z * Math.SQRT1_2)) / 2;
  return [z * below, below + (z * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI)];
};

interface Layer {
  name: string;
  layer: string;
  x: Float32Array;
  weights: LayerWeights;
}

/** The definition in plain loops, for one pair of neurons. */
function plainDistance({ name, layer, x, weights }: Layer, pair: readonly [number, number]): number {
  const { inputs, mask, fixed } = weights;
  const bound = 1 / Math.sqrt(inputs);
  const free = (neuron: number, c: number): number => mask?.[neuron * inputs + c] ?? 1;
  const draw = (sample: number, side: string, neuron: number): Float64Array => {
    const stream = new RandomStream(7, 'function-classes', layer, ...pair, sample, side);
    const weight = name === 'sym0' ? stream.uniforms(inputs, bound) : stream.normals(inputs, bound);
    return Float64Array.of(
      ...weight.map((value, c) => value * free(neuron, c)),
      ...stream.uniforms(1, bound),
    );
  };
  const outputs = (values: Float64Array, neuron: number): [number, number][] => {
    const acting = Array.from({ length: inputs }, (_, c) => values[c]! + (fixed?.[neuron * inputs + c] ?? 0));
    return Array.from({ length: 20 }, (_, row) =>
      gelu(acting.reduce((sum, w, c) => sum + w * x[row * inputs + c]!, values[inputs]!)),
    );
  };
  const [target, slot] = pair;
  const settings = { name: 'adam', lr: 1e-3, weightDecay: 1e-3, ...adamDefaults } as const;
  const optimizer = new DoubleOptimizer(settings, inputs + 1);
  let largest = 0;
  for (let sample = 0; sample < 2; sample++) {
    const wanted = outputs(draw(sample, 'target', target), target);
    const values = draw(sample, 'slot', slot);
    let least = Infinity;
    for (let step = 1; step <= 4; step++) {
      const gradient = new Float64Array(inputs + 1);
      let error = 0;
      for (const [row, [value, slope]] of outputs(values, slot).entries()) {
        const difference = value - wanted[row]![0];
        error += difference ** 2 / 20;
        const back = (2 * difference * slope) / 20;
        for (let c = 0; c < inputs; c++) gradient[c]! += back * x[row * inputs + c]! * free(slot, c);
        gradient[inputs]! += back;
      }
      least = Math.min(least, error);
      optimizer.step(values, gradient, 1e-3, 4 * sample + step);
    }
    largest = Math.max(largest, least);
  }
  return largest;
}

/** Of float32 descents the rounding. */
const noise = native ? 1e-9 : 1e-3;

describe('the whole kind', { timeout: 120_000 }, () => {
  test.each(['sym0', 'sym1_kappa1', 'sym3_kappa1'])('%s: the plain definition, every layer', async (name) => {
    const row = await ask(name);
    expect(row.function_class_results.map(({ layer }) => layer)).toEqual(['lins.0', 'lins.1', 'lins.2']);
    expect(row).toMatchObject({ samples: 20, draw_seed: 7, precision: native ? 'float64' : 'float32' });
    for (const { layer, distance, others, own } of row.function_class_results) {
      expect([others.count, own.count]).toEqual([6, 3]);
      const [least, middle, most] = [0, 4, 8].map((p) => distance.data[p]!).sort((a, b) => a - b) as [
        ...[number, number, number],
      ];
      expect(own).toMatchObject({ min: least, median: middle, max: most });
      expect(own.lower_quartile).toBeCloseTo((least + middle) / 2, 12);
      expect(own.upper_quartile).toBeCloseTo((middle + most) / 2, 12);
      const weights = layerWeights(loadModels(fixtureRun(name), [1], 5)[0]!, layer);
      const plain = { name, layer, weights, x: await inputsFor(name, layer) };
      for (const pair of [[0, 2] as const, [1, 1] as const]) {
        const expected = plainDistance(plain, pair);
        const value = distance.data[pair[0] * 3 + pair[1]]!;
        expect(Math.abs(value / expected - 1), `${layer} ${pair.join()}: ${value}`).toBeLessThan(noise);
      }
    }
  });

  test('more neurons, draws or layers leave what was there as it is; another seed does not', async () => {
    const small = await ask('sym1_kappa1', { layers: ['lins.1'], numNeurons: 2, iterations: 2 });
    const large = await ask('sym1_kappa1', { numNeurons: 4, iterations: 2 });
    const [before] = small.function_class_results;
    const after = large.function_class_results[1]!;
    // Products of other shapes are summed up in another order.
    const close = native ? 1e-12 : 1e-4;
    [0, 1, 4, 5].forEach((p, i) => {
      expect(Math.abs(after.distance.data[p]! / before!.distance.data[i]! - 1)).toBeLessThan(close);
    });
    expect(await ask('sym1_kappa1', { numNeurons: 4, iterations: 2 })).toEqual(large);
    const other = await ask('sym1_kappa1', { numNeurons: 4, iterations: 2, drawSeed: 8 });
    expect(other.function_class_results[1]!.distance.data).not.toEqual(after.distance.data);
  });

  test('fixed parts tell neurons apart, and the presentation says so', async () => {
    const more = { layers: ['lins.1'], outerSamples: 1, iterations: 400, learningRate: 0.02, samples: 60 };
    const [plain, asymmetric] = [await ask('sym0', more), await ask('sym3_kappa1', more)];
    expect(asymmetric.function_class_results[0]!.others.min).toBeGreaterThan(
      10 * plain.function_class_results[0]!.others.max,
    );
    const shown = present('function-classes', asymmetric)!;
    expect(shown.verdict).toMatch(/each can compute functions that the others cannot/);
    expect(shown.table!.rows).toHaveLength(1);
    expect(shown.figures.map(({ recipe }) => recipe.kind)).toEqual(['matrix', 'boxes']);
  });

  test('a cancel is seen between two steps', async () => {
    const { context, looks } = cancelledContext(3);
    await expect(job('function-classes', question('sym0'), context)).rejects.toThrow(/cancel/i);
    expect(looks()).toBe(3);
  });

  test.each<[string, object, RegExp]>([
    ['sym2', {}, /σ-asymmetric: a neuron’s output depends on all neurons/],
    ['sym0', { layers: ['lins.3'] }, /no layer "lins.3"; there are lins.0, lins.1, lins.2/],
    ['sym0', { samples: 1_000_000 }, /1000000 were requested, but the split has/],
    ['sym0', { numNeurons: 1 }, /numNeurons/],
  ])('%s %j is refused', async (name, more, message) => {
    await expect(ask(name, more)).rejects.toThrow(message);
  });
});
