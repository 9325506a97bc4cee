/** Residual networks: how they are drawn, trained, stopped and gone on with; what of them is refused. */
import { describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { refuseBeyondLinear } from '../../../src-main/compute/load-models.ts';
import type { Run } from '../../../src-main/compute/load-models.ts';
import type { Examples } from '../../../src-main/compute/data/index.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import type { StateDict } from '../../../src-main/compute/models/index.ts';
import { estimateStatistics } from '../../../src-main/compute/networks/batch-statistics.ts';
import { actingArrays } from '../../../src-main/compute/networks/effective.ts';
import { Evaluation } from '../../../src-main/compute/networks/evaluation.ts';
import { hostValues } from '../../../src-main/compute/networks/host.ts';
import { valuesOf } from '../../../src-main/compute/networks/doubles.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import type { OptimizerSettings } from '../../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../../src-main/compute/training/session.ts';
import type { Snapshot } from '../../../src-main/compute/training/session.ts';
import { readConfig, resolveModel, resolveTrainable } from '../../../src-shared/config.ts';
import type { ResnetSpec } from '../../../src-shared/model.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { resnetGraph } from '../../../src-shared/networks/resnet.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import estimated from '../../fixtures/norm-statistics/resnet.json' with { type: 'json' };

const backend = await loadBackend();
const small = { name: 'resnet_cifar', depth: 20, w: 1, num_classes: 3, input_shape: [2, 8, 8] };
const masks = {
  default: { mask_constant: 2, do_normal_mask: true },
  conv_f: { num_fixed: 4 },
  conv_1: { conv: { num_fixed: 36 }, skip: { num_fixed: 4 } },
  conv_2: { conv: { num_fixed: 54 }, skip: { num_fixed: 6, mask_constant: 3 } },
  conv_3: { conv: { num_fixed: 72 }, skip: { num_fixed: 8 } },
  linear: { num_fixed: 8 },
};

function specOf(change: Record<string, unknown> = {}): ResnetSpec {
  const spec = resolveModel(
    readConfig({ model: { ...small, symmetry: 0, mask_params: masks, ...change } }),
    'c.yaml',
  );
  if (spec.architecture !== 'resnet') throw new Error('no residual network');
  return spec;
}

const seeds = { init: [1, 2], mask: 3 };
const tensor = (state: StateDict, name: string): Float32Array => state.get(name)!.data;
const largest = (data: Float32Array): number => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

describe('a config', () => {
  it('gives every block its mask parameters; single entries win over the default', () => {
    const layer = (spec: ResnetSpec, module: string) => spec.layers.find((one) => one.module === module)!;
    const spec = specOf({ symmetry: 1 });
    expect(layer(spec, 'conv1')).toMatchObject({ numFixed: 4, sigmaF: 2 });
    expect(layer(spec, 'layer2.1.conv2')).toMatchObject({ numFixed: 54, sigmaF: 2 });
    expect(layer(spec, 'layer2.0.shortcut.0')).toMatchObject({ numFixed: 6, sigmaF: 3 });
    expect(layer(specOf({ symmetry: 1, n_mul: 1.5 }), 'layer1.0.conv1').numFixed).toBe(54);
    expect(layer(specOf({ symmetry: 3 }), 'linear')).toMatchObject({ numFixed: 0, sigmaF: 2 });
  });

  it.each([
    [{ symmetry: 2 }, /model\.symmetry is 2/],
    [{ depth: 21 }, /model\.depth is 21; expected one of 20, 32, 56, 110/],
    [{ norm: 'layer' }, /model\.norm is "layer"; a residual network has one of group, batch/],
    [{ num_classes: null }, /model\.num_classes is missing/],
    [
      { symmetry: 1, mask_params: { default: { num_fixed: 3 } } },
      /mask_params of conv1 .*mask_constant is missing/,
    ],
    [{ symmetry: 1, mask_params: { default: { mask_constant: 1 } } }, /num_fixed is missing/],
    [
      { family: { name: 'sparse', share: 0.5 } },
      /model\.family\.name is "sparse"; a residual network can have none/,
    ],
    [{ family: { name: 'given', file: '/f.npz' } }, /model\.family\.name is "given"; a residual network/],
  ])('with %j is refused', (change, message) => {
    expect(() => specOf(change)).toThrow(message);
  });

  it('with dropout is not trained', () => {
    const config = (dropout: number) => readConfig({ model: { ...small, symmetry: 0, dropout } });
    expect(() => resolveTrainable(config(0.2), 'c.yaml')).toThrow(
      'c.yaml: model.dropout is 0.2; residual networks have no dropout.',
    );
    expect(resolveTrainable(config(0), 'c.yaml').architecture).toBe('resnet');
  });

  it('that fixes whole channels can be read, but not trained', () => {
    const config = readConfig({ model: { ...small, symmetry: 1, mask_params: masks, n_mul: 3 } });
    expect(
      specOf({ symmetry: 1, n_mul: 3 }).layers.find(({ module }) => module === 'layer2.0.conv1')!.numFixed,
    ).toBe(144);
    expect(() => resolveTrainable(config, 'c.yaml')).toThrow(
      /c\.yaml: model\.mask_params of .*: all \d+ entries/,
    );
  });
});

describe('fresh models', () => {
  it('of W-asymmetric networks share mask and F, and start at sigma_F F where they are fixed', () => {
    const spec = specOf({ symmetry: 1 });
    const [a, b] = initialise(spec, seeds) as [StateDict, StateDict];
    expect([...a.keys()]).toEqual(graphOf(spec).parameters.map(({ name }) => name));
    for (const { module, numFixed, sigmaF, shape } of spec.layers) {
      const [mask, normal, weight] = ['mask', 'normal_mask', 'weight'].map((part) =>
        tensor(a, `${module}.${part}`),
      );
      expect(tensor(b, `${module}.mask`)).toBe(mask);
      expect(mask!.filter((x) => x === 0)).toHaveLength(numFixed * shape[0]!);
      mask!.forEach((kept, i) => {
        if (kept === 0) expect(weight![i]).toBe(Math.fround(sigmaF * normal![i]!));
      });
      const free = Float32Array.from(weight!.filter((_, i) => mask![i] === 1));
      const bound = 1 / Math.sqrt(shape.slice(1).reduce((x, y) => x * y, 1));
      // Convolutions are uniform; the linear layer is normal.
      if (module !== 'linear') expect(largest(free)).toBeLessThanOrEqual(Math.fround(bound));
      else expect(largest(free)).toBeGreaterThan(bound);
      expect(tensor(a, `${module}.weight`)).not.toEqual(tensor(b, `${module}.weight`));
    }
  });

  it.each([1, 3])(
    'only initialised like symmetry %i are standard networks of the same function',
    (symmetry) => {
      const only = specOf({ symmetry, asym_init_only: true });
      const [plain] = initialise(only, seeds) as [StateDict];
      expect([...plain.keys()].some((name) => /mask|noise/.test(name))).toBe(false);
      const whole = specOf({ symmetry });
      const [asymmetric] = initialise(whole, seeds) as [StateDict];
      const acting = (spec: ResnetSpec, state: StateDict) =>
        actingArrays(readNetwork(resnetGraph(spec)), state);
      const expected = acting(whole, asymmetric);
      for (const [name, { data }] of acting(only, plain))
        expect(data, name).toEqual(expected.get(name)!.data);
    },
  );
});

function examplesOf(count: number): Examples {
  const stream = new RandomStream(5, 'images');
  const features = 2 * 8 * 8;
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  return { count, features, x: stream.normals(count * features), labels, shape: [2, 8, 8] };
}

const optimizer: OptimizerSettings = {
  ...{ name: 'adamw', lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
};

const sessionOf = (spec: ResnetSpec, states: readonly StateDict[], examples: Examples): TrainingSession =>
  new TrainingSession(backend, { spec, optimizer, batchSize: 6, totalSteps: 4 }, states, examples);

/** Step `at` takes five examples: fewer than a batch holds. */
function step(session: TrainingSession, at: number): void {
  const rows = Array.from({ length: session.models }, (_, m) =>
    Int32Array.from({ length: 5 }, (_, i) => (at + m + i) % 8),
  );
  session.run([{ rows, learningRate: 1e-3 }]);
}

describe.skipIf(!backend.native).each([
  ['group', 1],
  ['batch', 3],
] as const)('training with norm %s', (norm, symmetry) => {
  it('goes on to the same bits from what was saved', () => {
    const spec = specOf({ norm, symmetry });
    const examples = examplesOf(8);
    const whole = sessionOf(spec, initialise(spec, seeds), examples);
    for (let at = 0; at < 2; at++) step(whole, at);
    const saved = [...whole.snapshots()];
    for (let at = 2; at < 4; at++) step(whole, at);
    const expected = [...whole.snapshots()];
    whole.dispose();
    const resumed = sessionOf(
      spec,
      saved.map(({ state }) => state),
      examples,
    );
    resumed.restore(
      2,
      saved.map(
        ({ slots }) =>
          new Map(
            [...slots].map(([slot, of]) => [slot, new Map([...of].map(([name, { data }]) => [name, data]))]),
          ),
      ),
    );
    for (let at = 2; at < 4; at++) step(resumed, at);
    const found = [...resumed.snapshots()];
    resumed.dispose();
    found.forEach(({ state }, m) => {
      for (const [name, { data }] of state) expect(data, name).toEqual(expected[m]!.state.get(name)!.data);
    });
    expect(tensor(found[0]!.state, 'conv1.weight')).not.toEqual(tensor(saved[0]!.state, 'conv1.weight'));
  });
});

it.skipIf(!backend.native)(
  'batch norms take mean and unbiased variance over the pixels of the rows that count',
  () => {
    const spec = specOf({ norm: 'batch' });
    const examples = examplesOf(8);
    const states = initialise(spec, { init: [1], mask: 3 });
    const network = readNetwork(resnetGraph(spec));
    const session = sessionOf(spec, states, examples);
    step(session, 0);
    const [{ state }] = [...session.snapshots()] as [Snapshot];
    session.dispose();
    const values = valuesOf(backend, { network, state: states[0]! }, ['conv1'], { rows: 5, count: 5 });
    values.each(examples.x.slice(0, 5 * examples.features), (value) => {
      const numbers = value instanceof Float64Array ? value : backend.native!.doubles.read(value);
      for (let channel = 0; channel < 16; channel++) {
        const own = numbers.filter((_, i) => i % 16 === channel);
        const mean = own.reduce((sum, x) => sum + x, 0) / own.length;
        const variance = own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (own.length - 1);
        expect(own).toHaveLength(5 * 64);
        expect(tensor(state, 'bn1.running_mean')[channel]).toBeCloseTo(0.1 * mean, 5);
        expect(tensor(state, 'bn1.running_var')[channel]).toBeCloseTo(0.9 + 0.1 * variance, 5);
      }
    });
    values.dispose();
    expect(tensor(state, 'layer2.0.shortcut.1.num_batches_tracked')).toEqual(Float32Array.of(1));
  },
);

describe('norm statistics that are estimated', () => {
  const ways = (['eager', 'graph'] as const).filter((way) => way === 'eager' || backend.native);

  it.each(ways)('are means over the batches, over pixels as well, %s', async (way) => {
    const network = readNetwork(resnetGraph(specOf({ norm: 'batch' })));
    const [state] = initialise(specOf({ norm: 'batch' }), { init: [1], mask: 3 }) as [StateDict];
    const examples = examplesOf(8);
    const plan = { network, count: 1, rows: 5, way, byBatch: 'statistics' as const };
    const evaluation = new Evaluation(backend, plan);
    for (const [name, { shape, data }] of actingArrays(network, state)) {
      if (!evaluation.parameters.includes(name)) continue;
      const value = backend.tf.tensor(data, [1, ...shape]);
      evaluation.setParameter(name, value);
      value.dispose();
    }
    const found = await estimateStatistics(evaluation, examples, () => Promise.resolve());
    evaluation.dispose();
    // Of the first convolution, in plain TypeScript, float64.
    const host = new Map([...state].map(([name, { data }]) => [name, Float64Array.from(data)] as const));
    const x = Float64Array.from(examples.x);
    const values = hostValues(network, host, x).get('conv1')!;
    for (const channel of [0, 7, 15]) {
      const own = values.filter((_, i) => i % 16 === channel);
      const parts = [own.slice(0, 5 * 64), own.slice(5 * 64)].map((part) => {
        const mean = part.reduce((sum, v) => sum + v, 0) / part.length;
        const square = part.reduce((sum, v) => sum + (v - mean) ** 2, 0);
        return { mean, variance: square / (part.length - 1) };
      });
      const half = (of: 'mean' | 'variance'): number => (parts[0]![of] + parts[1]![of]) / 2;
      expect(found.get('bn1.running_mean')![channel]).toBeCloseTo(half('mean'), 5);
      expect(found.get('bn1.running_var')![channel]).toBeCloseTo(half('variance'), 5);
    }
  });
});

/** As test/fixtures/norm-statistics/resnet.py has them. */
function sines(name: string, shape: readonly number[]): Float32Array {
  const fanIn = sizeOf(shape.slice(1));
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const value = Math.sin(((i * i) % 1000) + 1.7 * i + name.length);
    if (shape.length > 1) return value / Math.sqrt(fanIn);
    return name.endsWith('weight') ? 1 + value / 4 : value / 4;
  });
}

describe('norm statistics that are estimated, against PyTorch', () => {
  const ways = (['eager', 'graph'] as const).filter((way) => way === 'eager' || backend.native);

  it.each(ways)('of norms at every depth, with a last batch that is smaller, %s', async (way) => {
    const network = readNetwork(resnetGraph(specOf({ norm: 'batch' })));
    const features = 2 * 8 * 8;
    const x = Float32Array.from({ length: 8 * features }, (_, i) => Math.sin(((i * i) % 1000) + 0.3 * i));
    const examples = { count: 8, features, x, labels: new Int32Array(8), shape: [2, 8, 8] } as Examples;
    const plan = { network, count: 1, rows: 5, way, byBatch: 'statistics' as const };
    const evaluation = new Evaluation(backend, plan);
    for (const name of evaluation.parameters) {
      const { shape } = network.parameters.get(name)!;
      const value = backend.tf.tensor(sines(name, shape), [1, ...shape]);
      evaluation.setParameter(name, value);
      value.dispose();
    }
    const found = await estimateStatistics(evaluation, examples, () => Promise.resolve());
    evaluation.dispose();
    for (const [name, values] of Object.entries<number[]>(estimated)) {
      const scale = largest(Float32Array.from(values));
      values.forEach((value, i) => {
        expect(Math.abs(found.get(name)![i]! - value), `${name} ${i}`).toBeLessThan(2e-5 * scale);
      });
    }
  });
});

describe('what cannot be done with convolutions is refused', () => {
  it('training on wasm, by the back end', () => {
    const spec = specOf();
    const wasm = { ...backend, name: 'wasm' as const, reason: 'there is no library', fix: 'npm run setup' };
    expect(
      () =>
        new TrainingSession(
          wasm,
          { spec, optimizer, batchSize: 6, totalSteps: 1 },
          initialise(spec, seeds),
          examplesOf(8),
        ),
    ).toThrow(/cannot be trained on the back end wasm, which is in use because there is no library/);
  });

  it('measures of linear layers, by the run', () => {
    const run = { configPath: '/runs/r/config.yaml', graph: readNetwork(resnetGraph(specOf())) } as Run;
    expect(() => {
      refuseBeyondLinear(run, 'identifiability is measured');
    }).toThrow('/runs/r/config.yaml describes a network with convolutions; identifiability is measured');
  });
});
