/**
 * Whether compiled programs work on this machine: a small one with all that training has in it. State of both types, of
 * which some changes; int32 arguments; several passes in one call; a matrix product; functions that a GPU takes from
 * libdevice. Its numbers are compared with the right ones.
 */
import { messageOf } from '../../../../src-shared/errors.ts';
import type { ComputationBody } from '../computation.ts';
import { tf32Allowed } from '../environment.ts';
import { factor, permutation, product, productSize } from '../exact-product.ts';
import type { Tensor, Tf } from '../tensors.ts';
import type { CompileMode, Compiler } from './compiler.ts';
import { types } from './graph.ts';
import type { Program } from './program.ts';

const passes = 2;
/** Exact in TF32 as well: a person may have asked for it. */
const labels = [5, -3, 1000];
const rows = [
  [2, 0],
  [1, 1],
];
const inputs = [
  [0.5, -1.5],
  [2, 0.25],
];

/** Why this way does not work here; undefined if it does. */
export function probe(tf: Tf, compile: Compiler['compile'], mode: CompileMode): string | undefined {
  const float = (...shape: number[]) => ({ dtype: types.float32, shape });
  const whole = (...shape: number[]) => ({ dtype: types.int32, shape });
  const matrix = float(productSize, productSize);
  try {
    const program = compile(
      {
        ...{ mode, args: [whole(2), float(2)], state: [float(2), whole(3), matrix, matrix] },
        ...(mode === 'xla' && { steps: passes }),
      },
      bodyOf(tf),
    );
    try {
      return wrongOutput(tf, program, mode);
    } finally {
      program.dispose();
    }
  } catch (error) {
    return messageOf(error).split('\n')[0];
  }
}

/** Arguments: row numbers, x. State: a sum, labels, two matrices. */
const bodyOf =
  (tf: Tf): ComputationBody =>
  (args, state) => {
    const [at, x] = args as [Tensor, Tensor];
    const [total, table, left, right] = state as [Tensor, Tensor, Tensor, Tensor];
    const hot = tf.oneHot(at, labels.length, 1, 0, 'float32');
    const picked = tf.reshape(tf.matMul(hot, tf.expandDims(tf.cast(table, 'float32'), 1)), [2]);
    const next = tf.add(total, tf.mul(x, picked));
    const smooth = tf.add(
      tf.mul(tf.tanh(x), tf.erf(x)),
      tf.mul(tf.rsqrt(tf.add(tf.square(x), 1)), tf.log(tf.add(tf.exp(x), 1))),
    );
    return {
      outputs: [next, smooth, tf.matMul(left, right)],
      state: [next, tf.add(table, tf.scalar(1, 'int32')), left, right],
    };
  };

function wrongOutput(tf: Tf, program: Program, mode: CompileMode): string | undefined {
  return tf.tidy(() => {
    program.set(0, tf.tensor1d([10, 20]));
    program.set(1, tf.tensor1d(labels, 'int32'));
    program.set(2, tf.tensor2d(factor, [productSize, productSize]));
    program.set(3, tf.tensor2d(permutation, [productSize, productSize]));
    const calls =
      mode === 'xla'
        ? [program.run([tf.tensor2d(rows, [2, 2], 'int32'), tf.tensor2d(inputs, [2, 2])])]
        : rows.map((at, pass) => program.run([tf.tensor1d(at, 'int32'), tf.tensor1d(inputs[pass]!)]));
    const found = [0, 1, 2].map((k) => calls.flatMap((made) => Array.from(made[k]!.dataSync())));
    const state = Array.from(program.get(1).dataSync());
    const expected = expectedOutputs();
    const [sums, smooth] = [0, 1].map((k) => expected.flatMap((each) => each[k]!));
    const exact = found[2]!.every((value, i) => value === product[i % product.length]);
    return (
      differs('sums with int32 rows and labels', found[0]!, sums!, 1e-6) ??
      differs(
        'int32 state',
        state,
        labels.map((label) => label + passes),
        0,
      ) ??
      differs('tanh, erf, exp, log and roots', found[1]!, smooth!, 1e-5) ??
      (exact || tf32Allowed() ? undefined : 'compiled matrix products round float32 factors (TF32)')
    );
  });
}

/** For each pass the first two outputs. */
function expectedOutputs(): number[][][] {
  const total = [10, 20];
  return rows.map((at, pass) => {
    const x = inputs[pass]!;
    const sums = total.map((value, i) => value + x[i]! * (labels[at[i]!]! + pass));
    total.splice(0, 2, ...sums);
    const smooth = x.map((v) => Math.tanh(v) * erfAt[v]! + Math.log(Math.exp(v) + 1) / Math.sqrt(v ** 2 + 1));
    return [sums, smooth];
  });
}

/** erf, which JavaScript lacks, at the inputs. */
const erfAt: Record<number, number> = {
  0.5: 0.5204998778130465,
  [-1.5]: -0.9661051464753108,
  2: 0.9953222650189527,
  0.25: 0.2763263901682369,
};

function differs(
  what: string,
  found: readonly number[],
  expected: readonly number[],
  within: number,
): string | undefined {
  const right = expected.every((value, i) => Math.abs(found[i]! - value) <= within * Math.abs(value));
  if (right && found.length === expected.length) return undefined;
  return `in a compiled test, ${what} was ${found.join(', ')}; ${expected.join(', ')} was expected`;
}
