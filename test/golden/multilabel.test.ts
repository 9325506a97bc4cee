/** Examples with several binary labels as PyTorch trains on them (test/fixtures/training/make_multilabel.py). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveChain, resolveTrainable } from '../../src-shared/config.ts';
import type { RunConfig } from '../../src-shared/config.ts';
import { mlpGraph } from '../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { multilabelLosses } from '../../src-shared/objective.ts';
import type { MultilabelLoss, Objective } from '../../src-shared/objective.ts';
import { accounted } from '../../src-main/compute/accounted.ts';
import { loadBackend, types } from '../../src-main/compute/backend/index.ts';
import type { Backend, Tensor } from '../../src-main/compute/backend/index.ts';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import type { Examples } from '../../src-main/compute/data/index.ts';
import type { StateDict } from '../../src-main/compute/models/index.ts';
import { DoubleLoss } from '../../src-main/compute/networks/double-loss.ts';
import { evaluationOf } from '../../src-main/compute/networks/evaluate.ts';
import { mathsOf } from '../../src-main/compute/networks/maths.ts';
import { scoreSums } from '../../src-main/compute/networks/score-sums.ts';
import { ScoreSum } from '../../src-main/compute/networks/scores.ts';
import { slotNames, stepScalars } from '../../src-main/compute/training/optimizer.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import { stepScalarCount, trainingStep } from '../../src-main/compute/training/step.ts';
import type { StatePlace } from '../../src-main/compute/training/step.ts';

interface Steps {
  losses: number[];
  weights: number[][];
  logits: number[];
  after: { loss: number; label_accuracy: number };
}
interface Golden {
  sizes: { rows: number; batch: number; inputs: number; hidden: number; labels: number };
  x: number[];
  y: number[];
  start: number[][];
  extreme: { logits: number[]; labels: number[]; losses: Record<MultilabelLoss, number> };
  steps: Record<MultilabelLoss, Record<'float64' | 'float32', Steps>>;
}

const golden = JSON.parse(
  readFileSync(new URL('../fixtures/training/multilabel.json', import.meta.url), 'utf8'),
) as Golden;
const { rows, batch, inputs, hidden, labels } = golden.sizes;
const config: RunConfig = {
  model: {
    ...{ symmetry: 0, input_dim: inputs, num_layers: 2, hidden_dim: hidden, output_dim: labels },
    ...{ norm: 'none', activation: 'relu' },
  },
};
const names = ['lins.0.weight', 'lins.0.bias', 'lins.1.weight', 'lins.1.bias'];
const shapes = [[hidden, inputs], [hidden], [labels, hidden], [labels]];
const adamw: OptimizerSettings = {
  ...{ name: 'adamw', lr: 0.05, weightDecay: 0.1, betas: [0.9, 0.999], eps: 1e-8 },
};
const examples: Examples = {
  ...{ count: rows, features: inputs, x: Float32Array.from(golden.x) },
  ...{ labels: Int32Array.from(golden.y), targets: { kind: 'binary', each: labels } },
};
const objectiveOf = (loss: MultilabelLoss): Objective => ({ loss, labels });
const networkOf = (loss: MultilabelLoss) => ({
  ...readNetwork(mlpGraph(resolveChain(config))),
  objective: objectiveOf(loss),
});
const rowsOf = (step: number): Int32Array =>
  Int32Array.from({ length: batch }, (_, i) => ((step * batch) % rows) + i);
const farthest = (found: ArrayLike<number>, expected: readonly number[]): number => {
  expect(found).toHaveLength(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
};

const native = hasBinding();
type Way = 'eager' | 'xla' | 'graph';
const ways: readonly Way[] = native ? ['eager', 'xla', 'graph'] : ['eager'];

let backend: Backend;
beforeAll(async () => {
  backend = await loadBackend();
});

describe.each(multilabelLosses)('%s', (loss) => {
  const { float64, float32 } = golden.steps[loss];

  it('is PyTorch’s of logits that are hard to take exponentials of', () => {
    const sum = new ScoreSum(1, objectiveOf(loss));
    sum.add(Float64Array.from(golden.extreme.logits), Int32Array.from(golden.extreme.labels));
    expect(sum.scores().loss[0]! / golden.extreme.losses[loss] - 1).toBeCloseTo(0, 12);
    // At 0 the prediction is no; 80, -90, 500 and -1000 (wanted: 1) and 0.5 (wanted: 0) follow.
    expect(sum.scores().accuracy).toEqual([37.5]);
  });

  it('of logits in float64, and the share of right labels', () => {
    const sum = new ScoreSum(1, objectiveOf(loss));
    sum.add(Float64Array.from(float64.logits), examples.labels);
    expect(sum.scores().loss[0]).toBeCloseTo(float64.after.loss, 12);
    expect(sum.scores().accuracy![0]).toBeCloseTo(float64.after.label_accuracy, 10);
  });

  it('no accuracy is given if a logit is not a finite number', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const sum = new ScoreSum(1, objectiveOf(loss));
      sum.add(
        Float64Array.from(golden.extreme.logits, (z, i) => (i === 2 ? bad : z)),
        Int32Array.from(golden.extreme.labels),
      );
      expect(sum.scores().accuracy).toEqual([NaN]);
    }
  });

  it.each(
    [
      [1, 'eager'],
      [2, 'eager'],
      [2, 'xla'],
      [2, 'graph'],
    ].filter(([, way]) => native || way === 'eager') as [number, Way][],
  )('trains %i model(s) as PyTorch in float32, %s', async (copies, way) => {
    const { losses, states } = await accounted(backend, 'steps', () => {
      const state = (): StateDict =>
        new Map(
          names.map((name, i) => [name, { shape: shapes[i]!, data: Float32Array.from(golden.start[i]!) }]),
        );
      const session = new TrainingSession(
        backend,
        {
          ...{ spec: resolveTrainable(config), optimizer: adamw, batchSize: batch, totalSteps: 12 },
          ...{ objective: objectiveOf(loss), execution: { way, steps_per_call: 1 } },
        },
        Array.from({ length: copies }, state),
        examples,
      );
      const losses = float32.losses.flatMap((_, step) =>
        session
          .run([{ rows: Array.from({ length: copies }, () => rowsOf(step)), learningRate: adamw.lr }])
          .map((each) => [...each]),
      );
      const states = [...session.snapshots()].map((snapshot) => snapshot.state);
      session.dispose();
      return Promise.resolve({ losses, states });
    });
    for (let m = 0; m < copies; m++) {
      for (const [step, expected] of float32.losses.entries())
        expect(Math.abs(losses[step]![m]! / expected - 1), `step ${step}`).toBeLessThan(1e-5);
      for (const [i, name] of names.entries())
        expect(farthest(states[m]!.get(name)!.data, float32.weights[i]!), name).toBeLessThan(1e-5);
    }
  });

  it.skipIf(!native)('trains as PyTorch in float64', () => {
    const { losses, weights } = doubleSteps(backend, loss);
    expect(farthest(losses, float64.losses)).toBeLessThan(1e-12);
    for (const [i, name] of names.entries())
      expect(farthest(weights[i]!, float64.weights[i]!), name).toBeLessThan(1e-12);
  });

  it.each(ways)('is evaluated exactly, %s, also in calls that are filled up', async (way) => {
    const network = networkOf(loss);
    const arrays = new Map(
      names.map((name, i) => [name, { shape: shapes[i]!, data: Float32Array.from(float64.weights[i]!) }]),
    );
    const evaluation = evaluationOf(backend, network, [arrays, arrays], way);
    try {
      const { loss: found, accuracy } = await evaluation.scores(examples, () => Promise.resolve());
      for (const m of [0, 1]) {
        expect(Math.abs(found[m]! / float64.after.loss - 1)).toBeLessThan(1e-6);
        expect(accuracy![m]).toBeCloseTo(float64.after.label_accuracy, 10);
      }
    } finally {
      evaluation.dispose();
    }
  });

  it.skipIf(!native)(
    'compiled sums leave out rows that fill up a call and predictions that are undecided',
    () => {
      const { compiler, doubles } = backend.native!;
      for (const [place, undecided] of [
        [8, 0],
        [1, 1],
      ] as const) {
        const logits = Float32Array.from([...golden.extreme.logits, 0, 0, 0, 0]);
        logits[place] = NaN;
        const program = compiler.compile(
          {
            mode: 'graph',
            args: [
              { dtype: types.float32, shape: [1, 3, labels] },
              { dtype: types.int32, shape: [3, labels] },
            ],
            state: [],
          },
          ([z, y]) => ({
            outputs: scoreSums(mathsOf(backend), backend.native!, {
              logits: z!,
              labels: y!,
              objective: objectiveOf(loss),
            }),
            state: [],
          }),
        );
        const args: Tensor[] = [
          backend.tf.tensor(logits, [1, 3, labels]),
          backend.tf.tensor([...golden.extreme.labels, -1, -1, -1, -1], [3, labels], 'int32'),
        ];
        const sums = program.runDoubles(args);
        const [found, right, bad] = sums.map((each) => doubles.read(each)[0]!);
        doubles.free(...sums);
        backend.tf.dispose(args);
        program.dispose();
        expect(bad).toBe(undecided);
        if (undecided > 0) continue;
        expect(found! / 2 / golden.extreme.losses[loss] - 1).toBeCloseTo(0, 12);
        expect(right! / 2).toBe(0.375);
      }
    },
  );

  it('in float64 is exact, and is asked for of no other labels', () => {
    const network = networkOf(loss);
    const arrays = new Map(
      names.map((name, i) => [name, { shape: shapes[i]!, data: Float64Array.from(float64.weights[i]!) }]),
    );
    const exact = new DoubleLoss(backend, network, examples, 1);
    expect(exact.of(arrays)).toBeCloseTo(float64.after.loss, 12);
    exact.dispose();
    const classes: Examples = { ...examples, targets: undefined, labels: new Int32Array(rows) };
    const wrong = new DoubleLoss(backend, network, classes, 1);
    expect(() => wrong.of(arrays)).toThrow(/examples with 4 binary labels each; these have one class each/);
    wrong.dispose();
  });
});

/** The training step itself, recorded in float64. */
function doubleSteps(device: Backend, loss: MultilabelLoss): { losses: number[]; weights: number[][] } {
  const { native, tf } = device;
  const { compiler, doubles } = native!;
  const double = (shape: readonly number[]) => ({ dtype: types.float64, shape });
  const slots = slotNames(adamw).flatMap((slot) =>
    names.map((name) => ({ kind: 'slot', name, slot }) as const),
  );
  const places: StatePlace[] = [
    ...names.map((name) => ({ kind: 'trained', name }) as const),
    ...slots,
    { kind: 'inputs', name: '' },
    { kind: 'labels', name: '' },
  ];
  const values = [
    ...names.map((_, i) => ({ shape: [1, ...shapes[i]!], data: Float64Array.from(golden.start[i]!) })),
    ...slots.map(({ name }) => {
      const shape = [1, ...shapes[names.indexOf(name)]!];
      return { shape, data: new Float64Array(shape.reduce((a, b) => a * b)) };
    }),
    { shape: [rows, inputs], data: Float64Array.from(golden.x) },
    { shape: [rows, labels], data: Float64Array.from(golden.y) },
  ];
  const plan = { network: networkOf(loss), optimizer: adamw, classes: labels, places, mayIdle: false };
  const body = trainingStep(mathsOf(device), plan);
  const program = compiler.compile(
    {
      ...{ mode: 'graph', precision: 'float64' },
      args: [{ dtype: types.int32, shape: [1, batch] }, double([batch]), double([stepScalarCount])],
      state: values.map(({ shape }) => double(shape)),
    },
    (args, state) => {
      const done = body(args, state);
      return { outputs: [...done.outputs, ...done.state.slice(0, names.length)], state: done.state };
    },
  );
  for (const [i, { data, shape }] of values.entries()) {
    const value = doubles.put(data, shape);
    program.set(i, value);
    doubles.free(value);
  }
  const losses: number[] = [];
  let weights: number[][] = [];
  for (const step of golden.steps[loss].float64.losses.keys()) {
    const scalars = [...stepScalars(adamw, adamw.lr, step + 1), batch / (batch - 1), 1];
    const taken = tf.tensor(rowsOf(step), [1, batch], 'int32');
    const shares = doubles.put(new Float64Array(batch).fill(1 / batch), [batch]);
    const numbers = doubles.put(Float64Array.from(scalars), [stepScalarCount]);
    const found = program.runDoubles([taken, shares, numbers]);
    const [value, ...after] = found.map((each) => [...doubles.read(each)]);
    losses.push(...value!);
    weights = after;
    taken.dispose();
    doubles.free(shares, numbers, ...found);
  }
  program.dispose();
  return { losses, weights };
}
