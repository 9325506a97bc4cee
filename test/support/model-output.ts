/** A model's output, in double precision and as the tensor back end computes it. */
import type { Backend } from '../../src-main/compute/backend/index.ts';
import type { LoadedModel } from '../../src-main/compute/load-models.ts';
import { dataOf } from '../../src-main/compute/networks/check-symmetries.ts';
import { hostForward } from '../../src-main/compute/networks/host.ts';
import { mathsOf } from '../../src-main/compute/networks/maths.ts';
import { inDoubles } from '../../src-main/compute/networks/permute.ts';
import { forward } from '../../src-main/compute/networks/run.ts';
import { stackArrays } from '../../src-main/compute/networks/stack-arrays.ts';

/** @param inputs [rows, ...shape of one example] @returns [rows, ...shape of the output] */
export const exactOutput = (
  { run, acting }: Pick<LoadedModel, 'run' | 'acting'>,
  inputs: ArrayLike<number>,
): Float64Array => hostForward(run.graph, dataOf(inDoubles(acting)), Float64Array.from(inputs));

/** The same in float32, operation by operation. */
export function singleOutput(
  backend: Backend,
  { run, acting }: Pick<LoadedModel, 'run' | 'acting'>,
  inputs: ArrayLike<number>,
): Float32Array {
  const { tf } = backend;
  const { shape } = run.graph.graph.inputs[0]!;
  return tf.tidy(() => {
    const x = tf.reshape(tf.tensor1d(Float32Array.from(inputs)), [1, -1, ...shape]);
    return forward(
      mathsOf(backend),
      run.graph,
      stackArrays(tf, [acting]),
      x,
    ).output.dataSync() as Float32Array;
  });
}
