/** Networks exported from PyTorch, adopted and evaluated, beside what PyTorch itself gives for the same inputs. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { loadBackend, types } from '../../src-main/compute/backend/index.ts';
import type { Spec } from '../../src-main/compute/backend/index.ts';
import { mathsOf } from '../../src-main/compute/networks/maths.ts';
import { readParameters } from '../../src-main/compute/networks/parameters.ts';
import { slotNames, stepScalars } from '../../src-main/compute/training/optimizer.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { stepScalarCount, trainingStep } from '../../src-main/compute/training/step.ts';
import type { StatePlace } from '../../src-main/compute/training/step.ts';
import { openExported } from '../../src-main/formats/exported/open-exported.ts';
import { readNpy } from '../../src-main/formats/npy.ts';
import { isCounter } from '../../src-main/formats/tensor-names.ts';
import { lowerExported } from '../../src-main/interop/exported/lower.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { sizeOf } from '../../src-shared/shapes.ts';
import type { JobResult } from '../../src-shared/jobs/index.ts';
import { job } from './job.ts';

export const numbersOf = (path: string): Float64Array =>
  Float64Array.from([...(readNpy(path).data as Iterable<number | bigint>)], Number);

export const largestOf = (values: Float64Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

export const furthest = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

/**
 * Adopts FOLDER/NAME.pt2, evaluates it in both precisions, and compares with FOLDER/BASE_float32.npy and _float64.npy.
 * @returns the run's folder
 */
export async function expectPyTorchsNumbers(folder: string, name: string, base = name): Promise<string> {
  const run = join(folder, `run-${name}`);
  await job('adopt', { network: join(folder, `${name}.pt2`), directory: run });
  const evaluated = async (precision: 'float32' | 'float64'): Promise<Float64Array> => {
    const out = join(run, `${precision}.npy`);
    const inputs = join(folder, `${base}_x.npy`);
    const { shape } = await job<JobResult<'evaluate'>>('evaluate', { run, epoch: 1, inputs, out, precision });
    expect(shape).toEqual(readNpy(join(folder, `${base}_${precision}.npy`)).shape);
    return numbersOf(out);
  };
  const [single, double] = [
    numbersOf(join(folder, `${base}_float32.npy`)),
    numbersOf(join(folder, `${base}_float64.npy`)),
  ];
  const largest = largestOf(double);
  expect(largest, name).toBeGreaterThan(0.01);
  const own = furthest(single, double);
  expect(furthest(await evaluated('float32'), double), `${name} in float32`).toBeLessThanOrEqual(
    4 * own + 1e-6 * largest,
  );
  expect(furthest(await evaluated('float64'), double), `${name} in float64`).toBeLessThanOrEqual(
    1e-9 * largest,
  );
  return run;
}

/** What a step of training does in double precision, the step itself recorded: gradients, and next running statistics. */
export async function doubleStep(
  path: string,
  x: Float32Array,
  labels: readonly number[],
): Promise<{
  loss: number;
  gradient: (name: string) => Float64Array;
  statistic: (name: string) => Float64Array;
}> {
  const backend = await loadBackend();
  const { tf } = backend;
  const { compiler, doubles: of } = backend.native!;
  const file = openExported(path);
  const { graph } = lowerExported(file);
  const network = readNetwork(graph, path);
  const stored = new Map([...file.weights].map(([name, { tensor }]) => [name, tensor.readFloat64()]));
  file.close();
  const batch = labels.length;
  // One step of plain descent at rate 1 takes the gradient off.
  const optimizer: OptimizerSettings = { name: 'sgd', lr: 1, weightDecay: 0, momentum: 0 };
  const read = readParameters(network).filter(({ name }) => !isCounter(name));
  const places: StatePlace[] = [
    ...read.map(({ name, role }): StatePlace => ({ kind: role, name })),
    ...slotNames(optimizer).flatMap((slot) =>
      read
        .filter(({ role }) => role === 'trained')
        .map(({ name }): StatePlace => ({ kind: 'slot', name, slot })),
    ),
    { kind: 'inputs', name: '' },
    { kind: 'labels', name: '' },
  ];
  const double = (shape: readonly number[]): Spec => ({ dtype: types.float64, shape: [...shape] });
  const whole = (shape: readonly number[]): Spec => ({ dtype: types.int32, shape: [...shape] });
  const shapeOf = ({ kind, name }: StatePlace): number[] =>
    kind === 'inputs' ? [batch, ...graph.inputs[0]!.shape] : [1, ...network.parameters.get(name)!.shape];
  const classes = network.shapes.get(graph.output)![0]!;
  const body = trainingStep(mathsOf(backend), { network, optimizer, classes, places, mayIdle: false });
  const program = compiler.compile(
    {
      ...{ mode: 'graph', precision: 'float64' },
      args: [whole([1, batch]), double([batch]), double([stepScalarCount])],
      state: places.map((place) => (place.kind === 'labels' ? whole([batch]) : double(shapeOf(place)))),
    },
    (args, state) => {
      const done = body(args, state);
      return { outputs: [...done.outputs, ...done.state.slice(0, read.length)], state: done.state };
    },
  );
  places.forEach((place, i) => {
    if (place.kind === 'labels') {
      const tensor = tf.tensor([...labels], [batch], 'int32');
      program.set(i, tensor);
      tensor.dispose();
      return;
    }
    const shape = shapeOf(place);
    const values =
      place.kind === 'inputs'
        ? Float64Array.from(x)
        : place.kind === 'slot'
          ? new Float64Array(sizeOf(shape))
          : stored.get(place.name)!;
    const value = of.put(values, shape);
    program.set(i, value);
    of.free(value);
  });
  const rows = tf.tensor([...labels.keys()], [1, batch], 'int32');
  const weights = of.put(new Float64Array(batch).fill(1 / batch), [batch]);
  const scalars = [...stepScalars(optimizer, 1, 1), batch / (batch - 1), 1];
  const numbers = of.put(Float64Array.from(scalars), [stepScalarCount]);
  const [losses, ...after] = program.runDoubles([rows, weights, numbers]);
  const next = new Map(read.map(({ name }, i) => [name, of.read(after[i]!)]));
  const [loss] = of.read(losses!);
  rows.dispose();
  of.free(weights, numbers, losses!, ...after);
  program.dispose();
  return {
    loss: loss!,
    statistic: (name) => next.get(name)!,
    gradient: (name) => stored.get(name)!.map((value, i) => value - next.get(name)![i]!),
  };
}
