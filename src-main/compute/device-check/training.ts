/** A few steps of training for the check: losses, and the gradients of the first step. */
import type { DeviceItem } from '../../../src-shared/device-check.ts';
import type { Activation, Norm } from '../../../src-shared/domain.ts';
import type { Backend } from '../backend/index.ts';
import { RandomStream } from '../random.ts';
import type { OptimizerSettings } from '../training/optimizer.ts';
import { adamDefaults, slotNames } from '../training/optimizer.ts';
import { TrainingSession } from '../training/session.ts';
import { examplesOf, forwardRoundings, models, networkOf, specOf, statesOf } from './networks.ts';
import type { Way } from '../networks/execution.ts';

const steps = 6;
const batchSize = 16;
const images = 200;

/** Smooth activations: at a kink two right results may be far apart. */
const cases: { norm: Norm; activation: Activation; optimizer: OptimizerSettings }[] = [
  {
    ...{ norm: 'layer', activation: 'gelu' },
    optimizer: { name: 'adamw', lr: 1e-3, weightDecay: 0.01, ...adamDefaults },
  },
  {
    ...{ norm: 'batch', activation: 'tanh' },
    optimizer: { name: 'sgd', lr: 0.05, momentum: 0.9, weightDecay: 1e-4 },
  },
];

export const trainingItems = (backend: Backend, way: Way): DeviceItem[] =>
  cases.flatMap((each) => itemsOf(backend, way, each));

function itemsOf(backend: Backend, way: Way, { norm, activation, optimizer }: (typeof cases)[number]) {
  const spec = specOf(norm, activation);
  // Several steps in a call, where training would do so.
  const stepsPerCall = way === 'xla' ? 3 : 1;
  const session = new TrainingSession(
    backend,
    { spec, optimizer, batchSize, totalSteps: steps, execution: { way, steps_per_call: stepsPerCall } },
    statesOf(networkOf(spec)),
    examplesOf(images),
  );
  try {
    const stream = new RandomStream(7, 'device check', 'rows');
    const inputs = Array.from({ length: steps }, () => ({
      rows: Array.from({ length: models }, () =>
        Int32Array.from({ length: batchSize }, () => stream.integer(images)),
      ),
      learningRate: optimizer.lr,
    }));
    const losses = session.run(inputs.slice(0, 1));
    // What an optimizer keeps of its first gradient is a multiple of it (SGD: with the weight decay added).
    const [slot] = slotNames(optimizer);
    const gradients = [...session.snapshots()].map(({ slots }) => slots.get(slot!)!);
    for (let done = 1; done < steps; done += stepsPerCall)
      losses.push(...session.run(inputs.slice(done, done + stepsPerCall)));
    const name = `training, norm ${norm}, ${activation}, ${optimizer.name}`;
    const item = { way, precision: 'float32' as const };
    const all = gradients.flatMap((model) => [...model.values()].flatMap(({ data }) => [...data]));
    // Backward is twice as long as forward.
    const roundings = 3 * forwardRoundings + batchSize;
    return [
      { ...item, name: `${name}: gradients of the first step`, roundings, values: Float64Array.from(all) },
      {
        ...{ ...item, name: `${name}: losses of ${steps} steps`, roundings: steps * roundings },
        values: Float64Array.from(losses.flatMap((each) => [...each])),
      },
    ];
  } finally {
    session.dispose();
  }
}
