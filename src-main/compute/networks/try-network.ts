/** A network that came from elsewhere, tried on a few examples before anything is computed with it. */
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import { takesWholes } from '../../../src-shared/networks/tokens.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import type { StateDict } from '../models/index.ts';
import { RandomStream } from '../random.ts';
import { actingArrays } from './effective.ts';
import { mathsOf } from './maths.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import { forward } from './run.ts';
import { stackArrays } from './stack-arrays.ts';

/** How far outputs may differ between an example alone and among others, relative to the largest. */
const tolerance = 1e-3;
const rows = 3;

/**
 * Runs the network on random examples: together, and the first and the last alone (the last then stands in the first place).
 * @throws UserError if an operation cannot be computed, or examples see each other
 */
export function tryNetwork(
  backend: Backend,
  network: Network,
  state: StateDict,
  where: string,
): { output: number[] } {
  const { tf } = backend;
  const arrays = new Map([...actingArrays(network, state)].filter(([name]) => !isCounter(name)));
  const parameters = stackArrays(tf, [arrays]);
  const [input] = network.graph.inputs;
  const size = sizeOf(input!.shape);
  // Whole numbers from 0 on are something for any input: places in a table of two entries, too.
  const numbers = new RandomStream(1, 'trial')
    .normals(rows * size, 1)
    .map((value) => (takesWholes(network) ? Number(value > 0) : value));
  const run = (start: number, count: number): { values: Float32Array; shape: number[] } => {
    const output: Tensor = tf.tidy(() => {
      const x = tf.tensor(numbers.slice(start * size, (start + count) * size), [1, count, ...input!.shape]);
      return forward(mathsOf(backend), network, parameters, x).output;
    });
    const values = output.dataSync() as Float32Array;
    output.dispose();
    return { values, shape: output.shape };
  };
  try {
    const whole = run(0, rows);
    const largest = whole.values.reduce(
      (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
      0,
    );
    const length = whole.values.length / rows;
    const changeOf = (place: number): number =>
      run(place, 1).values.reduce(
        (most, value, i) => Math.max(most, difference(value, whole.values[place * length + i]!)),
        0,
      );
    const change = Math.max(changeOf(0), changeOf(rows - 1));
    // What is not finite in one of the two only changes by NaN, which compares with nothing.
    if (!(change <= tolerance * largest))
      throw new UserError(
        `${where}: the output for an example depends on the other examples of its batch, or on its place among them (by ${change.toPrecision(3)} of ${largest.toPrecision(3)}).`,
        { hint: 'Only networks that see each example by itself are supported.' },
      );
    return { output: whole.shape.slice(2) };
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`${where}: the network cannot be computed: ${messageOf(thrown)}.`, {
      hint: 'Part of it has a form that this version of Basin does not support.',
      cause: thrown,
    });
  } finally {
    tf.dispose([...parameters.values()]);
  }
}

const difference = (a: number, b: number): number => (Object.is(a, b) ? 0 : Math.abs(a - b));
