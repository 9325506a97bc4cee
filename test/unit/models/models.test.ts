import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { norms } from '../../../src-shared/domain.ts';
import type { Family } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import type { Node } from '../../../src-shared/networks/graph.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { accounted } from '../../../src-main/compute/accounted.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import {
  assertSameFixedPart,
  initialise,
  numParameters,
  stateDictFromCheckpoint,
} from '../../../src-main/compute/models/index.ts';
import type { StateDict } from '../../../src-main/compute/models/index.ts';
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import { evaluationOf } from '../../../src-main/compute/networks/evaluate.ts';
import { Evaluation } from '../../../src-main/compute/networks/evaluation.ts';
import type { NamedArray } from '../../../src-main/compute/networks/permute.ts';
import { stackArrays } from '../../../src-main/compute/networks/stack-arrays.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { goldenJson } from '../../support/fixtures.ts';
import { largestDifference, referenceSpec, referenceState } from '../../support/reference-run.ts';

function specOf(family: Family, change: Partial<MlpSpec> = {}, width = 40): MlpSpec {
  const widths = [30, width, width, 10];
  const layers = widths.slice(1).map((outputs, index) => ({
    index,
    inputs: widths[index]!,
    outputs,
    sigmaF: family === 'w-asymmetric' || family === 'syre' ? 1 + index : 0,
    numFixed: family === 'w-asymmetric' ? 5 + index : 0,
    normalMask: true,
  }));
  return {
    architecture: 'mlp',
    family,
    layers,
    norm: 'layer',
    elementwiseAffine: true,
    activation: 'gelu',
    asymInitOnly: false,
    ...change,
  };
}

const seeds = { init: [1, 2, 3], mask: 9 };
const tensor = (state: StateDict, name: string): Float32Array => state.get(name)!.data;
const deviation = (x: Float32Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);

describe('fresh models', () => {
  it('of a run share their fixed part and nothing else; exactly num_fixed entries of every row are fixed', () => {
    const spec = specOf('w-asymmetric');
    const states = initialise(spec, seeds);
    for (const { index, inputs, outputs, numFixed, sigmaF } of spec.layers) {
      const mask = tensor(states[0]!, `lins.${index}.mask`);
      for (const state of states) expect(tensor(state, `lins.${index}.mask`)).toEqual(mask);
      for (let row = 0; row < outputs; row++) {
        const kept = mask.subarray(row * inputs, (row + 1) * inputs).reduce((sum, value) => sum + value, 0);
        expect(inputs - kept).toBe(numFixed);
      }
      const [first, second] = states.map((state) => tensor(state, `lins.${index}.weight`));
      const normal = tensor(states[0]!, `lins.${index}.normal_mask`);
      for (const [i, value] of mask.entries()) {
        if (value === 0) expect(first![i]).toBe(Math.fround(sigmaF * normal[i]!));
        else expect(first![i]).not.toBe(second![i]);
      }
    }
    const again = initialise(spec, seeds);
    expect(again).toEqual(states);
    expect(initialise(spec, { ...seeds, mask: 10 })[0]!.get('lins.0.mask')).not.toEqual(
      states[0]!.get('lins.0.mask'),
    );
  });

  it('follow the distributions of the reference', () => {
    const wide = specOf('standard', {}, 400);
    const uniform = tensor(initialise(wide, seeds)[0]!, 'lins.1.weight');
    expect(uniform.every((w) => Math.abs(w) <= 1 / 20)).toBe(true);
    expect(deviation(uniform)).toBeCloseTo(1 / 20 / Math.sqrt(3), 3);
    const noise = initialise(specOf('syre', {}, 400), seeds)[0]!;
    expect(deviation(tensor(noise, 'lins.1.weight'))).toBeCloseTo(1 / 20, 3);
    expect(deviation(tensor(noise, 'lins.1.noise'))).toBeCloseTo(1, 1);
    const bias = tensor(noise, 'lins.1.bias');
    expect(Math.max(...bias.map(Math.abs))).toBeLessThanOrEqual(1 / 20);
    expect(tensor(noise, 'norms.0.weight').every((value) => value === 1)).toBe(true);
  });

  it('adding a model or a layer changes no other draw', () => {
    const spec = specOf('w-asymmetric');
    const more = initialise(spec, { ...seeds, init: [1, 2, 3, 4] });
    expect(more.slice(0, 3)).toEqual(initialise(spec, seeds));
  });

  it('without normal_mask the fixed entries are sigma_F itself', () => {
    const spec = specOf('w-asymmetric');
    spec.layers.forEach((layer) => (layer.normalMask = false));
    const state = initialise(spec, seeds)[0]!;
    const weight = tensor(state, 'lins.1.weight');
    for (const [i, value] of tensor(state, 'lins.1.mask').entries())
      if (value === 0) expect(weight[i]).toBe(2);
  });

  it.each(['w-asymmetric', 'syre'] as const)(
    'asym_init_only keeps the effective weights of %s as a standard model',
    (family) => {
      const spec = specOf(family);
      const only: MlpSpec = { ...spec, asymInitOnly: true };
      const [standard] = initialise(only, seeds);
      expect([...standard!.keys()].some((name) => /mask|noise/.test(name))).toBe(false);
      const acting = (of: MlpSpec, state: StateDict) => actingArrays(readNetwork(mlpGraph(of)), state);
      expect(acting(only, standard!)).toEqual(acting(spec, initialise(spec, seeds)[0]!));
    },
  );
});

describe('state dicts', () => {
  const spec = specOf('w-asymmetric');
  const stored = (state: StateDict) =>
    new Map([...state].map(([name, { shape, data }]) => [name, { shape, readFloat32: () => data }]));

  it.each(norms)('of every family hold what their graph says, with norm %s', (norm) => {
    for (const family of ['standard', 'w-asymmetric', 'syre', 'sigma-asymmetric'] as const) {
      if (family === 'sigma-asymmetric' && norm.endsWith('linear')) continue;
      for (const elementwiseAffine of family === 'sigma-asymmetric' ? [true] : [true, false]) {
        const some = specOf(family, { norm, elementwiseAffine });
        const state = initialise(some, seeds)[0]!;
        expect([...state.keys()]).toEqual(mlpGraph(some).parameters.map(({ name }) => name));
        expect(stateDictFromCheckpoint(stored(state), some, 'file')).toEqual(state);
      }
    }
  });

  it('of another shape, with a tensor missing or too many, are refused by file and tensor', () => {
    const good = stored(initialise(spec, seeds)[0]!);
    const wrong = new Map(good).set('lins.1.weight', {
      shape: [40, 41],
      readFloat32: () => new Float32Array(1),
    });
    expect(() => stateDictFromCheckpoint(wrong, spec, 'm.pt')).toThrow(
      /m\.pt: tensor "lins\.1\.weight" has shape \[40, 41\]; \[40, 40\] was expected/,
    );
    const missing = new Map(good);
    missing.delete('lins.2.normal_mask');
    expect(() => stateDictFromCheckpoint(missing, spec, 'm.pt')).toThrow(/"lins\.2\.normal_mask" is missing/);
    const extra = new Map(good).set('lins.9.weight', good.get('lins.0.weight')!);
    expect(() => stateDictFromCheckpoint(extra, spec, 'm.pt')).toThrow(/"lins\.9\.weight" does not belong/);
  });

  it('no tensor is read before all names and shapes are right', () => {
    const lazy = new Map(
      mlpGraph(spec).parameters.map(({ name, shape }) => [
        name,
        {
          shape: name === 'norms.1.bias' ? [1] : shape,
          readFloat32: (): Float32Array => expect.fail('read'),
        },
      ]),
    );
    expect(() => stateDictFromCheckpoint(lazy, spec, 'f')).toThrow(/norms\.1\.bias/);
  });

  it('of one run have the same fixed part; of two, not', () => {
    const [a, b] = initialise(spec, seeds).map((state, m) => ({ spec, state, name: `model ${m}` }));
    expect(() => assertSameFixedPart(a!, b!)).not.toThrow();
    const other = { spec, state: initialise(spec, { ...seeds, mask: 10 })[0]!, name: 'other' };
    expect(() => assertSameFixedPart(a!, other)).toThrow(
      /model 0 and other cannot be compared: the fixed tensor "lins\.0\.mask" differs/,
    );
    const wider = specOf('w-asymmetric', {}, 41);
    const wide = { spec: wider, state: initialise(wider, seeds)[0]!, name: 'wide' };
    expect(() => assertSameFixedPart(a!, wide)).toThrow(/architectures differ.*30-40-40-10.*30-41-41-10/);
    const scaled: MlpSpec = { ...spec, layers: spec.layers.map((layer) => ({ ...layer, sigmaF: 7 })) };
    expect(() => assertSameFixedPart(a!, { spec: scaled, state: a!.state, name: 'scaled' })).toThrow(
      /sigma_F of lins\.0 is 1 and 7/,
    );
    const looser: MlpSpec = { ...spec, layers: spec.layers.map((layer) => ({ ...layer, numFixed: 3 })) };
    expect(() => assertSameFixedPart(a!, { spec: looser, state: a!.state, name: 'looser' })).toThrow(
      /num_fixed of lins\.0 is \d and 3/,
    );
    const standard = specOf('standard');
    const plain = { spec: standard, state: initialise(standard, seeds)[0]!, name: 'plain' };
    expect(() => assertSameFixedPart(a!, plain)).toThrow(/sigma_F of lins\.0 is 1 and not set/);
  });

  it('numbers of parameters leave fixed entries out', () => {
    expect(numParameters(spec)).toEqual({
      total: 30 * 40 + 40 + 40 * 40 + 40 + 400 + 10 + 160,
      free: 3450 - 40 * 5 - 40 * 6 - 10 * 7,
    });
  });
});

interface UnitGolden {
  norms: { v: number[]; z: number[][]; layer_linear: number[][]; batch_linear: number[][] };
  asym_swiglu: { C: number[][]; x: number[][]; output?: number[][]; out?: number[][] };
}

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('evaluation on %s', (name) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await loadBackend({ prefer: name });
    expect(backend.name).toBe(name);
  });
  afterAll(async () => {
    await loadBackend();
  });

  /** A network of one node. */
  function bare(
    node: Omit<Node, 'id' | 'inputs'>,
    width: number,
    values: Record<string, number | number[] | number[][]>,
  ): Model {
    const shapeOf = (value: unknown): number[] =>
      Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
    const arrays = new Map(
      Object.entries(values).map(([name, value]) => [
        name,
        { shape: shapeOf(value), data: Float32Array.from([value].flat(2)) },
      ]),
    );
    const parameters = [...arrays].map(([name, { shape }]) => ({ name, shape, role: 'fixed' as const }));
    const nodes = [{ id: 'y', inputs: ['x'], ...node }];
    const graph = { inputs: [{ id: 'x', shape: [width] }], parameters, nodes, output: 'y' };
    return { network: readNetwork(graph), arrays };
  }

  function outputOf({ network, arrays }: Model, rows: number[][]): Promise<Float32Array> {
    return accounted(backend, 'one pass', () => Promise.resolve(logitsOf(network, [arrays], rows)));
  }

  /** [M, rows, classes] */
  function logitsOf(network: Network, models: Model['arrays'][], rows: number[][]): Float32Array {
    const evaluation = evaluationOf(backend, network, models, 'eager');
    const x = Float32Array.from(rows.flat());
    const labels = new Int32Array(rows.length);
    const logits = evaluation.logits(
      { count: rows.length, features: rows[0]!.length, x, labels },
      0,
      rows.length,
    );
    evaluation.dispose();
    return logits;
  }

  it("linearised norms and the sigma-asymmetric activation are the reference's", async () => {
    const golden = goldenJson<UnitGolden>('unit');
    const { v, z } = golden.norms;
    const scales = {
      layer_linear: 1 / Math.sqrt((1 - 1 / v.length) * (v.reduce((a, b) => a + b) / v.length) + 1e-12),
      batch_linear: v.map((variance) => 1 / Math.sqrt(variance + 1e-12)),
    };
    for (const kind of ['layer_linear', 'batch_linear'] as const) {
      const model = bare({ op: 'norm', parameters: { scale: 'scale' }, attributes: { kind } }, v.length, {
        scale: scales[kind],
      });
      const found = await outputOf(model, z);
      expect(largestDifference(found, golden.norms[kind].flat())).toBeLessThan(1e-6);
    }
    const { C, x } = golden.asym_swiglu;
    const expected = Object.entries(golden.asym_swiglu).find(
      ([key]) => key !== 'C' && key !== 'x',
    )![1] as number[][];
    const found = await outputOf(
      bare({ op: 'gate', parameters: { C: 'C' }, attributes: {} }, C.length, { C }),
      x,
    );
    expect(largestDifference(found, expected.flat())).toBeLessThan(1e-6);
  });

  it('batch norm uses its running statistics', async () => {
    const values = { weight: [2, 3], bias: [1, -1], running_mean: [0.5, -0.5], running_var: [4, 0.25] };
    const words = Object.fromEntries(Object.keys(values).map((word) => [word, word]));
    const model = bare({ op: 'norm', parameters: words, attributes: { kind: 'batch' } }, 2, values);
    const rows = [
      [1, 1],
      [3, -2],
    ];
    const expected = rows.flatMap(([a, b]) => [
      ((a! - 0.5) / Math.sqrt(4 + 1e-5)) * 2 + 1,
      ((b! + 0.5) / Math.sqrt(0.25 + 1e-5)) * 3 - 1,
    ]);
    expect(largestDifference(await outputOf(model, rows), expected)).toBeLessThan(1e-6);
  });

  it("the non-asymmetric form keeps the function with each layer's own sigma_F, and a stack equals its networks alone", async () => {
    const rows = Array.from({ length: 5 }, (_, i) => Array.from(new RandomStream(i, 'x').normals(30)));
    for (const family of ['standard', 'w-asymmetric', 'sigma-asymmetric', 'syre'] as const) {
      const spec = specOf(family);
      const network = readNetwork(mlpGraph(spec));
      const models = initialise(spec, seeds).map((state) => actingArrays(network, state));
      const alone = await Promise.all(models.map((arrays) => outputOf({ network, arrays }, rows)));
      await accounted(backend, 'a stack', () => {
        const all = logitsOf(network, models, rows);
        for (const [m, one] of alone.entries())
          expect(largestDifference(all.slice(m * 50, (m + 1) * 50), one)).toBeLessThan(1e-5);
        return Promise.resolve();
      });
    }
  });

  it('agrees with the reference on a trained network, split into passes', async () => {
    const network = readNetwork(mlpGraph(referenceSpec('sym1_kappa1')));
    const arrays = actingArrays(network, referenceState('sym1_kappa1', 5, 1));
    const golden = goldenJson<{ models: { logits16_f64: number[][] }[] }>('sym1_kappa1');
    const { loadDataset } = await import('../../../src-main/compute/data/index.ts');
    const { test } = await loadDataset({ name: 'mnist-10k' });
    const rows = Array.from({ length: 16 }, (_, i) => Array.from(test.x.subarray(i * 784, (i + 1) * 784)));
    const found = await outputOf({ network, arrays }, rows);
    expect(largestDifference(found, golden.models[0]!.logits16_f64.flat())).toBeLessThan(3e-5);
  });

  // The others are too slow for so many models.
  if (name === 'tensorflow') {
    it.each(['eager', 'xla'] as const)(
      'exact loss and accuracy do not depend on how the examples are cut into passes (%s)',
      async (way) => {
        const spec = specOf('standard');
        const network = readNetwork(mlpGraph(spec));
        const count = 1000;
        const stream = new RandomStream(4, 'examples');
        const examples = {
          ...{ count, features: 30, x: stream.normals(count * 30) },
          labels: Int32Array.from({ length: count }, () => stream.integer(10)),
        };
        const scores = async (models: number, rows: number) => {
          const state = initialise(spec, { ...seeds, init: [1] })[0]!;
          const stacked = stackArrays(
            backend.tf,
            Array.from({ length: models }, () => actingArrays(network, state)),
          );
          const evaluation = new Evaluation(backend, { network, count: models, rows, way });
          for (const each of evaluation.parameters) evaluation.setParameter(each, stacked.get(each)!);
          const found = await evaluation.scores(examples, () => Promise.resolve());
          backend.tf.dispose([...stacked.values()]);
          evaluation.dispose();
          return found;
        };
        await accounted(backend, 'scores', async () => {
          const [a, b] = [await scores(1, 1000), await scores(20, 37)];
          expect(b.accuracy![17]).toBe(a.accuracy![0]);
          expect(b.loss[17]!).toBeCloseTo(a.loss[0]!, 6);
        });
      },
    );
  }
});

interface Model {
  network: Network;
  arrays: Map<string, NamedArray<Float32Array>>;
}
