import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRun } from '../../../src-main/compute/checkpoints.ts';
import { requireChain } from '../../../src-shared/model.ts';
import { initialise, toEffective } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { planRescaling, rescaled } from '../../../src-main/compute/symmetry/checkpoint-rescaling.ts';
import {
  combined,
  crossEntropy,
  permutedNeurons,
  wideDistance,
  widened,
} from '../../../src-main/compute/symmetry/wide-network.ts';
import type { TensorValue } from '../../../src-main/formats/tensor.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
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

function moved(spec: MlpSpec, scope: 'neuron' | 'layer' = 'neuron') {
  const state = initialise(spec, { init: [3], mask: 4 })[0]!;
  const plan = planRescaling(spec, state, scope);
  const network = widened(toEffective(spec, state));
  const stream = new RandomStream(5, 'logs');
  const logs = plan.allowed.map((allowed) => Float64Array.from(allowed, () => stream.normal()));
  const before = crossEntropy(network, examples);
  const change = [0.3, 1].map((t) =>
    Math.abs(crossEntropy(rescaled(network, plan, logs, t), examples) - before),
  );
  const end = rescaled(network, plan, logs, 1);
  const free = plan.allowed.reduce((sum, layer) => sum + layer.reduce((s, x) => s + x, 0), 0);
  return {
    plan,
    before,
    change: Math.max(...change),
    distance: wideDistance(network, end),
    free,
    network,
    end,
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
      /sigma_F = 1.*fixed weights other than 0/,
    );
    // Behind a norm only the column above matters: with one fixed weight in four rows some columns are free.
    const spec = specOf({ family: 'w-asymmetric', norm: 'layer' }, 1, 1);
    const { change, before, free, plan } = moved(spec);
    expect(free).toBeGreaterThan(0);
    expect(free).toBeLessThan(17);
    expect(plan.notes.join()).toMatch(/neurons stay/);
    expect(change).toBeLessThan(1e-12 * before);
  });

  it.each(['gelu', 'tanh'] as const)('%s is refused per neuron, with the reason', (activation) => {
    expect(() => moved(specOf({ activation }))).toThrow(new RegExp(`${activation}\\(c z\\) is not c`));
  });

  it('sigma-asymmetric networks are refused', () => {
    expect(() => moved(specOf({ family: 'sigma-asymmetric' }))).toThrow(
      /sigma-asymmetric networks cannot be rescaled/,
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
    const { network, end, before } = moved(specOf({}));
    const middle = combined(network, end, (x, y) => (x + y) / 2);
    expect(Math.abs(crossEntropy(middle, examples) - before)).toBeGreaterThan(1e-3);
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

  it.each(['w-asymmetric', 'sigma-asymmetric'])(
    '%s checkpoints with fixed parts are refused with the reason',
    async (family) => {
      const other = fixtureRun(family === 'w-asymmetric' ? 'sym1_kappa1' : 'sym2');
      const params = {
        run: other,
        epoch: 5,
        scope: family === 'w-asymmetric' ? 'layer' : 'neuron',
        data: goldenData(),
      };
      await expect(job('symmetry-curve', params)).rejects.toThrow(new RegExp(`${family} network`, 'i'));
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
    expect(result.notes.join()).toMatch(/permutations only: networks with gelu/);
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
  const spec = requireChain(readRun(folder).spec, folder, 'neurons are rescaled');
  const state = initialise(spec, { init: [3], mask: 4 })[0]!;
  const network = widened(toEffective(spec, state));
  const stream = new RandomStream(8, 'hidden');
  const order = [12, 12].map((n) => stream.permutation(n));
  const logs = [12, 12].map((n) => Float64Array.from({ length: n }, () => stream.normal()));
  const plan = planRescaling(spec, state, 'neuron');
  const second = rescaled(permutedNeurons(network, order), plan, logs, 1);
  [network, second].forEach((wide, m) => {
    const tensors = new Map<string, TensorValue>(
      wide.layers.flatMap(({ weight, bias, outputs, inputs }, i) => [
        [
          `lins.${i}.weight`,
          { dtype: 'float32', shape: [outputs, inputs], data: Float32Array.from(weight) },
        ] as const,
        [`lins.${i}.bias`, { dtype: 'float32', shape: [outputs], data: Float32Array.from(bias) }] as const,
      ]),
    );
    writeSafetensors(join(folder, `checkpoint_epoch_1_model_${m + 1}.safetensors`), tensors);
  });
  return { folder, order, factors: logs.map((layer) => layer.map(Math.exp)) };
}
