/** The training step itself, recorded in float64, on the small networks of test/fixtures/training/make_steps.py. */
import { types } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { mathsOf } from '../../src-main/compute/networks/maths.ts';
import { slotNames, stepScalars } from '../../src-main/compute/training/optimizer.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { stepScalarCount, trainingStep } from '../../src-main/compute/training/step.ts';
import type { StatePlace } from '../../src-main/compute/training/step.ts';
import { resolveChain } from '../../src-shared/config.ts';
import type { RunConfig } from '../../src-shared/config.ts';
import { mlpGraph } from '../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';

export interface SmallCase {
  norm: string;
  activation: string;
  label_smoothing: number;
  clip_grad_norm: number | null;
}

const widths = [4, 6, 5, 3];
const [rows, batch, models] = [10, 4, 2];
const classes = widths.at(-1)!;

const configOf = ({ norm, activation }: SmallCase): RunConfig => ({
  model: {
    ...{ symmetry: 0, input_dim: widths[0]!, num_layers: 3, hidden_dim: 6, output_dim: classes },
    ...{ norm, activation },
  },
});

/** Its hidden layers differ in width, which no config says. */
function networkOf(each: SmallCase) {
  const spec = resolveChain(configOf(each));
  const layers = spec.layers.map((layer, i) => ({
    ...layer,
    inputs: widths[i]!,
    outputs: widths[i + 1]!,
  }));
  return readNetwork(mlpGraph({ ...spec, layers }));
}

const doubles = (shape: readonly number[]) => ({ dtype: types.float64, shape });
const whole = (shape: readonly number[]) => ({ dtype: types.int32, shape });

function programOf(backend: Backend, each: SmallCase, optimizer: OptimizerSettings) {
  const network = networkOf(each);
  const names = network.graph.parameters.map(({ name }) => name);
  const shapeOf = (name: string) => [models, ...network.parameters.get(name)!.shape];
  const slots = slotNames(optimizer);
  const places: StatePlace[] = [
    ...names.map((name): StatePlace => ({ kind: 'trained', name })),
    ...slots.flatMap((slot) => names.map((name): StatePlace => ({ kind: 'slot', name, slot }))),
    { kind: 'inputs', name: '' },
    { kind: 'labels', name: '' },
  ];
  const body = trainingStep(mathsOf(backend), {
    ...{ network, optimizer, classes, places, mayIdle: false, labelSmoothing: each.label_smoothing },
    ...(each.clip_grad_norm !== null && { clipNorm: each.clip_grad_norm }),
  });
  const program = backend.native!.compiler.compile(
    {
      ...{ mode: 'graph', precision: 'float64' },
      args: [whole([models, batch]), doubles([batch]), doubles([stepScalarCount])],
      state: places.map(({ kind, name }) =>
        kind === 'labels' ? whole([rows]) : doubles(kind === 'inputs' ? [rows, widths[0]!] : shapeOf(name)),
      ),
    },
    (args, state) => {
      const done = body(args, state);
      return { outputs: [...done.outputs, ...done.state.slice(0, names.length)], state: done.state };
    },
  );
  return { program, names, places, shapeOf };
}

export class DoubleSteps {
  readonly #backend: Backend;
  readonly #optimizer: OptimizerSettings;
  readonly #made: ReturnType<typeof programOf>;
  readonly #after = new Map<string, Float64Array>();
  #steps = 0;

  constructor(backend: Backend, each: SmallCase, optimizer: OptimizerSettings) {
    this.#backend = backend;
    this.#optimizer = optimizer;
    this.#made = programOf(backend, each, optimizer);
    const { program, places } = this.#made;
    places.forEach((place, i) => {
      if (place.kind === 'labels') {
        const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
        const tensor = backend.tf.tensor(labels, [rows], 'int32');
        program.set(i, tensor);
        tensor.dispose();
        return;
      }
      const { data, shape } = this.#start(place);
      const value = backend.native!.doubles.put(data, shape);
      program.set(i, value);
      backend.native!.doubles.free(value);
    });
  }

  /** As the script makes them: parameters are numbered in the order of their names. */
  #start({ kind, name }: StatePlace): { data: Float64Array; shape: number[] } {
    if (kind === 'inputs') {
      const [features] = widths as [number];
      const numbers = Float64Array.from({ length: rows * features }, (_, i) =>
        Math.sin(0.9 * Math.floor(i / features) + 1.1 * (i % features)),
      );
      return { data: numbers, shape: [rows, features] };
    }
    const shape = this.#made.shapeOf(name);
    const count = shape.reduce((product, size) => product * size, 1);
    if (kind === 'slot') return { data: new Float64Array(count), shape };
    const place = [...this.#made.names].sort().indexOf(name);
    const size = count / models;
    const data = Float64Array.from({ length: count }, (_, i) => {
      const model = Math.floor(i / size);
      return 0.7 * Math.sin(1.3 * (i % size) + place + 2 * model + 0.5);
    });
    return { data, shape };
  }

  /** @returns the loss of every model before the step */
  step(rate: number): number[] {
    const { tf, native } = this.#backend;
    const of = native!.doubles;
    const taken = Int32Array.from(
      { length: models * batch },
      (_, i) => (this.#steps * batch + (i % batch)) % rows,
    );
    this.#steps += 1;
    const scalars = [...stepScalars(this.#optimizer, rate, this.#steps), batch / (batch - 1), 1];
    const indices = tf.tensor(taken, [models, batch], 'int32');
    const weights = of.put(new Float64Array(batch).fill(1 / batch), [batch]);
    const numbers = of.put(Float64Array.from(scalars), [stepScalarCount]);
    const [losses, ...after] = this.#made.program.runDoubles([indices, weights, numbers]);
    this.#made.names.forEach((name, i) => this.#after.set(name, of.read(after[i]!)));
    const found = [...of.read(losses!)];
    indices.dispose();
    of.free(weights, numbers, losses!, ...after);
    return found;
  }

  parameter(name: string, model: number): number[] {
    const all = this.#after.get(name)!;
    const size = all.length / models;
    return [...all.subarray(model * size, (model + 1) * size)];
  }

  dispose(): void {
    this.#made.program.dispose();
  }
}
