import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { readRun } from '../../../src-main/compute/load-models.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import { dataOf } from '../../../src-main/compute/networks/check-symmetries.ts';
import { DoubleLoss } from '../../../src-main/compute/networks/double-loss.ts';
import { actingDoubles } from '../../../src-main/compute/networks/effective.ts';
import { hostForward } from '../../../src-main/compute/networks/host.ts';
import { arrayDistance, blendedArrays } from '../../../src-main/compute/networks/lines.ts';
import { permuteArrays } from '../../../src-main/compute/networks/permute.ts';
import type { NamedArrays } from '../../../src-main/compute/networks/permute.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { countOf, planRescaling, rescaled } from '../../../src-main/compute/symmetry/checkpoint-rescaling.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { temporaryFolder } from '../../support/cli.ts';
import { goldenData, job } from '../../support/job.ts';

function specOf(change: Partial<MlpSpec>, sigmaF = 0, numFixed = 0): MlpSpec {
  const dims = [6, 9, 8, 4];
  const layers = dims.slice(1).map((outputs, index) => ({
    index,
    inputs: dims[index]!,
    outputs,
    sigmaF,
    numFixed,
    normalMask: true,
  }));
  return {
    architecture: 'mlp',
    family: 'standard',
    layers,
    norm: 'none',
    elementwiseAffine: true,
    activation: 'relu',
    asymInitOnly: false,
    ...change,
  };
}

const examples = (() => {
  const stream = new RandomStream(9, 'examples');
  return {
    count: 40,
    features: 6,
    x: stream.normals(240),
    labels: Int32Array.from({ length: 40 }, () => stream.integer(4)),
  };
})();

/** Mean cross entropy over the examples, written out. */
function lossOf(network: Network, arrays: NamedArrays<Float64Array>): number {
  const logits = hostForward(network, dataOf(arrays), Float64Array.from(examples.x));
  const classes = logits.length / examples.count;
  const losses = Array.from(examples.labels, (label, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    return Math.log(own.reduce((sum, z) => sum + Math.exp(z), 0)) - own[label]!;
  });
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}

function moved(spec: MlpSpec, scope: 'neuron' | 'layer' = 'neuron') {
  const state = initialise(spec, { init: [3], mask: 4 })[0]!;
  const network = readNetwork(mlpGraph(spec));
  const plan = planRescaling({ network, state, name: 'model 1' }, scope);
  const start = actingDoubles(network, state);
  const stream = new RandomStream(5, 'logs');
  const logs = plan.allowed.map((allowed) => Float64Array.from(allowed, () => stream.normal()));
  const before = lossOf(network, start);
  const change = [0.3, 1].map((t) => Math.abs(lossOf(network, rescaled(start, plan, logs, t)) - before));
  const end = rescaled(start, plan, logs, 1);
  return {
    ...{ plan, before, network, start, end },
    change: Math.max(...change),
    distance: arrayDistance(network, start, end),
    free: countOf(plan.allowed),
  };
}

describe('rescaling whole checkpoints', () => {
  const exact: [string, MlpSpec, number][] = [
    ['ReLU', specOf({}), 17],
    ['no activation', specOf({ activation: 'identity' }), 17],
    ['ReLU behind LayerNorm', specOf({ norm: 'layer' }), 17],
    ['ReLU behind BatchNorm', specOf({ norm: 'batch' }), 17],
    ['ReLU behind the linearised norms', specOf({ norm: 'layer_linear' }), 17],
    ['W-asymmetric, sigma_F 0', specOf({ family: 'w-asymmetric' }, 0, 3), 17],
    ['SYRE, sigma_F 1', specOf({ family: 'syre' }, 1), 17],
  ];
  it.each(exact)('%s: every neuron takes a factor and the loss stays', (_, spec, count) => {
    const { change, before, distance, free } = moved(spec);
    expect(free).toBe(count);
    expect(distance).toBeGreaterThan(1);
    expect(change).toBeLessThan(1e-12 * before);
  });

  it('W-asymmetric with sigma_F 1: only neurons without fixed weights other than 0 move; refused where there are none', () => {
    expect(() => moved(specOf({ family: 'w-asymmetric' }, 1, 3))).toThrow(
      /sigma_F = 1.*nonzero fixed weights/,
    );
    // Behind a norm only the column above matters: with one fixed weight in four rows some columns are free.
    const spec = specOf({ family: 'w-asymmetric', norm: 'layer' }, 1, 1);
    const { change, before, free, plan } = moved(spec);
    expect(free).toBeGreaterThan(0);
    expect(free).toBeLessThan(17);
    expect(plan.notes.join()).toMatch(/neurons are not rescaled/);
    expect(change).toBeLessThan(1e-12 * before);
  });

  it.each(['gelu', 'tanh'] as const)('%s is refused per neuron, with the reason', (activation) => {
    expect(() => moved(specOf({ activation }))).toThrow(new RegExp(`${activation}\\(c z\\) is not c`));
  });

  it('sigma-asymmetric networks are refused', () => {
    expect(() => moved(specOf({ family: 'sigma-asymmetric' }))).toThrow(
      /^model 1: no neuron can be rescaled: activations\.0: a gate does not pass a factor on/,
    );
  });

  it('before a norm one factor per layer goes, whatever the activation, up to epsilon', () => {
    for (const norm of ['layer', 'batch'] as const) {
      const { change, before, distance, free } = moved(specOf({ norm, activation: 'gelu' }), 'layer');
      expect(free).toBe(2);
      expect(distance).toBeGreaterThan(0.3);
      expect(change).toBeLessThan(1e-3 * before);
      expect(change).toBeGreaterThan(0);
    }
    expect(() => moved(specOf({}), 'layer')).toThrow(/needs a norm/);
    expect(() => moved(specOf({ norm: 'layer', family: 'w-asymmetric' }, 1, 2), 'layer')).toThrow(
      /fixed weights/,
    );
  });

  it('the straight line to the rescaled network is another matter', () => {
    const { network, start, end, before } = moved(specOf({}));
    expect(Math.abs(lossOf(network, blendedArrays(start, end, 0.5)) - before)).toBeGreaterThan(1e-3);
    expect(lossOf(network, blendedArrays(start, end, 1))).toBe(lossOf(network, end));
  });

  it('hidden layers of different kinds: what can be rescaled is, the others are named with the reason', () => {
    const { layers } = specOf({});
    const mixed = layers.map((layer, i) => ({ ...layer, activation: i === 0 ? 'relu' : 'tanh' }) as const);
    const { change, before, free, plan } = moved(specOf({ layers: mixed }));
    expect(free).toBe(9);
    expect(plan.notes).toContain(
      'P_1 is not rescaled: activations.1: tanh(c z) is not c tanh(z); activations.1: a factor does not pass through tanh',
    );
    expect(change).toBeLessThan(1e-12 * before);
  });

  it('the loss of one model after another is that of plain doubles', async () => {
    const { network, start, end } = moved(specOf({ norm: 'batch' }));
    const loss = new DoubleLoss(await loadBackend(), network, examples, 3);
    for (const arrays of [start, blendedArrays(start, end, 0.5), start])
      expect(Math.abs(loss.of(arrays) - lossOf(network, arrays))).toBeLessThan(1e-13);
    loss.dispose();
  });
});

describe('symmetry curves of checkpoints', () => {
  const run = fixtureRun('sym0');

  it('GELU is refused, with what can be done instead', async () => {
    await expect(job('symmetry-curve', { run, epoch: 5, data: goldenData() })).rejects.toThrow(/gelu\(c z\)/);
    await expect(job('rescaling-barrier', { run, epoch: 5, data: goldenData() })).rejects.toThrow(
      /gelu\(c z\)/,
    );
  });

  it('one factor per layer of a reference checkpoint: the curve is flat up to epsilon', async () => {
    const params = { run, epoch: 5, scope: 'layer', steps: 2, scale: 0.5, data: goldenData() };
    const result = await job<JobResult<'symmetry-curve'>>('symmetry-curve', params);
    expect(result.curve_loss).toHaveLength(3);
    expect(result.curve_spread).toBeLessThan(1e-4 * result.curve_loss[0]!);
    expect(result.notes.join()).toMatch(/2000 images/);
  });

  it.each([
    ['sym1_kappa1', 'layer', /with sigma_F = 1 every layer has nonzero fixed weights/],
    ['sym2', 'neuron', /activations\.0: a gate does not pass a factor on/],
  ] as const)(
    'checkpoints of %s, whose fixed parts cannot follow, are refused with the reason',
    async (name, scope, reason) => {
      const other = fixtureRun(name);
      const params = { run: other, epoch: 5, scope, data: goldenData() };
      await expect(job('symmetry-curve', params)).rejects.toThrow(reason);
      await expect(job('symmetry-curve', params)).rejects.toThrow(`model 1 of ${other} at epoch 5`);
    },
  );
});

describe('detecting symmetry between checkpoints', () => {
  it('permutes what can be permuted and says why nothing is rescaled', async () => {
    const params = {
      run: fixtureRun('sym0'),
      models: [1, 2],
      epoch: 5,
      steps: 2,
      restarts: 2,
      data: goldenData(),
    };
    const result = await job<JobResult<'detect-symmetry'>>('detect-symmetry', params);
    expect(result.residual_after).toBeLessThan(result.residual_before);
    expect(result.barrier_after).toBeLessThan(result.barrier_before);
    expect(result.rescaling_distance).toBe(0);
    expect(result.notes.join()).toMatch(/permutations only: .*gelu\(c z\) is not c gelu\(z\)/);
    expect(result.path_excess_loss!).toBeLessThan(1e-9);
  });

  it('finds permutation and factors between two files of a ReLU run', async () => {
    const { folder, order, factors } = reluRun();
    const params = {
      checkpoints: [1, 2].map((m) => join(folder, `checkpoint_epoch_1_model_${m}.safetensors`)),
      steps: 2,
    };
    const result = await job<JobResult<'detect-symmetry'>>('detect-symmetry', {
      ...params,
      data: goldenData(),
    });
    expect(result.relative_residual).toBeLessThan(1e-6);
    expect(result.permutations).toEqual(order.map((p) => Array.from(p)));
    result.group_elements.forEach(([found], i) =>
      found!.forEach((c, j) => expect(c).toBeCloseTo(factors[i]![j]!, 4)),
    );
    expect(result.barrier_after).toBeLessThan(1e-6);
  });

  it('refuses checkpoints of different architectures, and one model alone', async () => {
    const { folder } = reluRun();
    const other = join(fixtureRun('sym0'), 'checkpoint_epoch_5_model_1.pt');
    const checkpoints = [join(folder, 'checkpoint_epoch_1_model_1.safetensors'), other];
    await expect(job('detect-symmetry', { checkpoints })).rejects.toThrow(/different architectures/);
    await expect(job('detect-symmetry', { run: folder, models: [1], epoch: 1 })).rejects.toThrow(
      /two are needed/,
    );
  });
});

/** A run of two ReLU networks 784-12-12-10, the second being the first with its neurons permuted and rescaled. */
function reluRun() {
  const folder = temporaryFolder();
  const config = `dataset:\n  name: mnist-10k\nmodel:\n  name: mlp_mnist\n  input_dim: 784\n  hidden_dim: 12\n  output_dim: 10\n  num_layers: 3\n  symmetry: 0\n  norm: null\n  activation: relu\nnum_models: 2\n`;
  writeFileSync(join(folder, 'config.yaml'), config);
  const { graph: network, spec } = readRun(folder);
  const state = initialise(spec as MlpSpec, { init: [3], mask: 4 })[0]!;
  const first = actingDoubles(network, state);
  const stream = new RandomStream(8, 'hidden');
  const { groups } = symmetriesOf(network);
  const order = groups.map(({ size }) => stream.permutation(size));
  const logs = groups.map(({ size }) => Float64Array.from({ length: size }, () => stream.normal()));
  const plan = planRescaling({ network, state, name: 'model 1' }, 'neuron');
  const permuted = permuteArrays(first, groups, new Map(groups.map(({ name }, i) => [name, order[i]!])));
  [first, rescaled(permuted, plan, logs, 1)].forEach((arrays, m) => {
    const tensors = new Map<string, TensorValue>(
      [...arrays].map(([name, { shape, data }]) => [
        name,
        { dtype: 'float32', shape: [...shape], data: Float32Array.from(data) },
      ]),
    );
    writeSafetensors(join(folder, `checkpoint_epoch_1_model_${m + 1}.safetensors`), tensors);
  });
  return { folder, order, factors: logs.map((layer) => layer.map(Math.exp)) };
}
