import { beforeAll, describe, expect, it } from 'vitest';
import { activations, families, generalFamilies, norms } from '../../../src-shared/domain.ts';
import type { Activation, Family, Norm } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { accounted } from '../../../src-main/compute/accounted.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Backend, Tensor } from '../../../src-main/compute/backend/index.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import type { StateDict } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { mathsOf } from '../../../src-main/compute/networks/maths.ts';
import { DoubleOptimizer } from '../../../src-main/compute/training/double-optimizer.ts';
import { slotNames, stepScalars, update } from '../../../src-main/compute/training/optimizer.ts';
import type { OptimizerSettings } from '../../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../../src-main/compute/training/session.ts';
import { asFamily, givenFor } from '../../support/general-family.ts';
import { hostLoss, toFloat64 } from '../../support/host-loss.ts';
import { largestDifference } from '../../support/reference-run.ts';

const models = 2;
const batch = 7;

function smallSpec(family: Family, norm: Norm, activation: Activation, affine = true): MlpSpec {
  const widths = [6, 5, 5, 4];
  const asymmetric = family === 'w-asymmetric' || family === 'syre';
  const layers = widths.slice(1).map((outputs, index) => ({
    index,
    inputs: widths[index]!,
    outputs,
    sigmaF: asymmetric ? 0.5 + 0.25 * index : 0,
    numFixed: family === 'w-asymmetric' ? 2 : 0,
    normalMask: true,
  }));
  return asFamily({
    architecture: 'mlp',
    family,
    layers,
    norm,
    elementwiseAffine: affine,
    activation,
    asymInitOnly: false,
  });
}

const cases: MlpSpec[] = families.flatMap((family) =>
  norms.flatMap((norm) => {
    if (family === 'sigma-asymmetric')
      return norm.endsWith('linear') ? [] : [smallSpec(family, norm, 'gelu')];
    if (generalFamilies.some((name) => name === family))
      return norm === 'layer' || norm === 'none' ? [smallSpec(family, norm, 'gelu')] : [];
    return activations.map((activation) => smallSpec(family, norm, activation));
  }),
);
cases.push(...norms.map((norm) => smallSpec('w-asymmetric', norm, 'gelu', false)));

/** Random, also where initialisation gives ones and zeros: a wrong sign must show. */
function randomStates(spec: MlpSpec): StateDict[] {
  const states = initialise(spec, { init: [1, 2], mask: 3, given: givenFor(spec) });
  for (const [m, state] of states.entries()) {
    const stream = new RandomStream(m, 'shake');
    for (const [name, { data }] of state) {
      if (/^norms\.\d+\.(weight|bias)$/.test(name) && spec.elementwiseAffine)
        data.set(stream.normals(data.length, 0.7));
    }
  }
  return states;
}

interface Batch {
  x: Float32Array;
  labels: number[];
}

function randomBatch(spec: MlpSpec): Batch {
  const stream = new RandomStream(11, 'batch');
  const classes = spec.layers.at(-1)!.outputs;
  return {
    x: stream.normals(models * batch * spec.layers[0]!.inputs),
    labels: Array.from({ length: models * batch }, () => stream.integer(classes)),
  };
}

interface Pass {
  losses: number[];
  gradients: Map<string, { data: Float32Array }>[];
}

/** One pass, from a momentum buffer after one step: the gradients to the bit. */
async function onBackend(
  backend: Backend,
  spec: MlpSpec,
  states: StateDict[],
  { x, labels }: Batch,
): Promise<Pass> {
  return accounted(backend, 'one pass', () => {
    const features = spec.layers[0]!.inputs;
    const examples = {
      ...{ count: models * batch, features },
      x: Float32Array.from(x),
      labels: Int32Array.from(labels),
    };
    const optimizer: OptimizerSettings = { name: 'sgd', lr: 0, momentum: 0.9, weightDecay: 0 };
    // Two rows more than the batch has: what fills up a batch must not count.
    const plan = { spec, optimizer, batchSize: batch + 2, totalSteps: 1 };
    const session = new TrainingSession(backend, plan, states, examples);
    const rows = states.map((_, m) => Int32Array.from({ length: batch }, (_row, b) => m * batch + b));
    const [losses] = session.run([{ rows, learningRate: 0 }]);
    const gradients = [...session.snapshots()].map(({ slots }) => slots.get('momentum_buffer')!);
    session.dispose();
    return Promise.resolve({ losses: Array.from(losses!), gradients });
  });
}

const title = (spec: MlpSpec): string =>
  `${spec.family}, ${spec.norm}, ${spec.activation}${spec.elementwiseAffine ? '' : ', no affine'}`;

describe.each(['tensorflow', 'wasm', 'cpu'] as const)(
  'gradients on %s against central differences in float64',
  (name) => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await loadBackend({ prefer: name });
      expect(backend.name).toBe(name);
    });

    it.each(cases.map((spec) => [title(spec), spec] as const))('%s', async (_, spec) => {
      const states = randomStates(spec);
      const data = randomBatch(spec);
      const { losses, gradients } = await onBackend(backend, spec, states, data);
      const width = spec.layers[0]!.inputs;
      for (let m = 0; m < models; m++) {
        const rows = Array.from({ length: batch }, (_row, b) =>
          Array.from(data.x.subarray((m * batch + b) * width, (m * batch + b + 1) * width)),
        );
        const labels = data.labels.slice(m * batch, (m + 1) * batch);
        const state = toFloat64(states[m]!);
        const loss = (): number => hostLoss(spec, state, rows, labels);
        expect(Math.abs(losses[m]! - loss())).toBeLessThan(2e-6 * Math.max(1, loss()));
        for (const [parameter, { data: found }] of gradients[m]!) {
          const values = state.get(parameter)!;
          const expected = Float64Array.from(values, (value, i) => {
            const h = 1e-5;
            values[i] = value + h;
            const above = loss();
            values[i] = value - h;
            const below = loss();
            values[i] = value;
            return (above - below) / (2 * h);
          });
          expect(largestDifference(found, expected), parameter).toBeLessThan(1e-5);
        }
      }
    });
  },
);

/** One parameter vector under a made-up gradient, on doubles, whose steps PyTorch confirms (test/golden). */
function doubleSteps(
  settings: OptimizerSettings,
  start: number[],
  gradientAt: (step: number) => number[],
  steps = 10,
): number[] {
  const w = Float64Array.from(start);
  const optimizer = new DoubleOptimizer(settings, w.length);
  for (let step = 1; step <= steps; step++)
    optimizer.step(w, Float64Array.from(gradientAt(step)), settings.lr, step);
  return [...w];
}

const rmsprop = { name: 'rmsprop', lr: 0.01, alpha: 0.9, eps: 1e-8, weightDecay: 0.01 } as const;
const optimizers: OptimizerSettings[] = [
  { name: 'adamw', lr: 0.01, weightDecay: 0.1, betas: [0.9, 0.999], eps: 1e-8 },
  { name: 'adamw', lr: 0.01, weightDecay: 0, betas: [0.8, 0.95], eps: 1e-3 },
  { name: 'adam', lr: 0.01, weightDecay: 0.1, betas: [0.9, 0.999], eps: 1e-8 },
  { name: 'sgd', lr: 0.05, momentum: 0.9, weightDecay: 0.01 },
  { name: 'sgd', lr: 0.05, momentum: 0, weightDecay: 0.01 },
  { name: 'sgd', lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
  { ...rmsprop, momentum: 0, centered: false },
  { ...rmsprop, momentum: 0.9, centered: false },
  { ...rmsprop, momentum: 0.5, centered: true },
];

describe.each(['tensorflow', 'wasm', 'cpu'] as const)(
  'optimizers on %s make the steps of torch.optim',
  (name) => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await loadBackend({ prefer: name });
    });

    it.each(optimizers.map((settings) => [JSON.stringify(settings), settings] as const))(
      '%s',
      async (_, settings) => {
        const size = 24;
        const gradientAt = (step: number): number[] =>
          Array.from({ length: size }, (_entry, i) => Math.sin(step * 1.7 + i) * 10 ** -(i % 4));
        const start = Array.from({ length: size }, (_entry, i) => Math.cos(i));
        await accounted(backend, 'ten steps', () => {
          const { tf } = backend;
          const found = tf.tidy(() => {
            let parameter = {
              value: tf.tensor1d(start) as Tensor,
              slots: slotNames(settings).map(() => tf.zeros([size])),
            };
            for (let step = 1; step <= 10; step++) {
              const scalars = stepScalars(settings, settings.lr, step).map((value) => tf.scalar(value));
              const gradient = tf.tensor1d(gradientAt(step));
              parameter = update(mathsOf(backend), settings, parameter, gradient, scalars);
            }
            return parameter.value.dataSync();
          });
          expect(largestDifference(found, doubleSteps(settings, start, gradientAt))).toBeLessThan(1e-6);
          return Promise.resolve();
        });
      },
    );

    it('also while the moments are young and the gradients tiny', async () => {
      const settings: OptimizerSettings = {
        ...{ name: 'adam', lr: 1e-3, weightDecay: 0, betas: [0.9, 0.999], eps: 1e-8 },
      };
      // Gradients down to the size of epsilon: there the order of "+ epsilon" and bias correction shows.
      const gradientAt = (step: number): number[] =>
        [0.3, -0.2 * step, 1e-4, 3e-8, -1e-8].map((g) => g * (1 + 0.1 * Math.sin(step)));
      await accounted(backend, 'ten steps', () => {
        const { tf } = backend;
        tf.tidy(() => {
          // Weights start at 0, so that float32 rounding of the weights themselves does not hide the update.
          let parameter = { value: tf.zeros([5]), slots: [tf.zeros([5]), tf.zeros([5])] };
          for (let step = 1; step <= 10; step++) {
            const scalars = stepScalars(settings, settings.lr, step).map((value) => tf.scalar(value));
            const gradient = tf.tensor1d(gradientAt(step));
            parameter = update(mathsOf(backend), settings, parameter, gradient, scalars);
            const expected = doubleSteps(settings, [0, 0, 0, 0, 0], gradientAt, step);
            parameter.value.dataSync().forEach((value, i) => {
              expect(Math.abs(value / expected[i]! - 1), `step ${step}, weight ${i}`).toBeLessThan(2e-6);
            });
          }
        });
        return Promise.resolve();
      });
    });
  },
);
