/** A curve must begin and end at the very checkpoints it is named after. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import { rowsOf } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { rowsPerCall } from '../networks/evaluation.ts';
import { edgeTensors } from '../networks/edges.ts';
import { mathsOf } from '../networks/maths.ts';
import type { NamedArrays } from '../networks/permute.ts';
import { forward } from '../networks/run.ts';
import { stackArrays } from '../networks/stack-arrays.ts';
import { logitsAtPoints } from './points.ts';
import type { Point, PointSet } from './points.ts';

/** Rows the comparison runs on. A wrong end shows in the first row; float32 noise does not grow with their number. */
const mostRows = 256;
/** Largest logit difference relative to the largest logit; float32 sums in another order differ by about 1e-6. */
const tolerance = 1e-3;

export interface End {
  /** Place of the vertex that stands for the checkpoint, its permuted copy where it was aligned. */
  vertex: number;
  /** The checkpoint's own parameters as they act, never permuted. */
  arrays: NamedArrays<Float32Array>;
  name: string;
}

/**
 * Compares the logits at the ends of the curves, as the curves compute them, with those of each checkpoint evaluated
 * alone through the ordinary forward pass. Logits that are not finite alone have nothing to be compared with.
 * @throws Error (a defect, not a mistake of the person's) naming the checkpoint that a curve does not reach
 */
export function requireEndpoints(
  backend: Backend,
  set: Omit<PointSet, 'points'>,
  ends: readonly End[],
  examples: Examples,
): void {
  const rows = Math.min(mostRows, rowsPerCall(set.network, 1, 'eager'), examples.count);
  const points = ends.map(({ vertex }): Point => [{ vertex, weight: 1 }]);
  const onCurves = logitsAtPoints(backend, { ...set, points }, examples, rows);
  const size = onCurves.length / ends.length;
  const alone = new Map<End['arrays'], Float32Array>();
  ends.forEach(({ arrays, name }, i) => {
    const expected = alone.get(arrays) ?? logitsAlone(backend, set.network, arrays, { examples, rows });
    alone.set(arrays, expected);
    const { difference, scale } = compare(onCurves.subarray(i * size, (i + 1) * size), expected);
    if (difference <= tolerance * (1 + scale)) return;
    // Sums in another order: one may overflow where the other just does not.
    if (difference === Infinity && hasHugeEntries(arrays)) return;
    throw new Error(
      `the end of a curve is not ${name}: its logits differ by ${difference} from the checkpoint evaluated alone ` +
        `(largest logit ${scale})`,
    );
  });
}

function logitsAlone(
  backend: Backend,
  network: Network,
  arrays: End['arrays'],
  { examples, rows }: { examples: Examples; rows: number },
): Float32Array {
  const { tf } = backend;
  const [input] = network.graph.inputs;
  return tf.tidy(() => {
    const parameters = stackArrays(tf, [arrays]);
    const { edges } = examples;
    const called = edges ? examples.count : rows;
    const x = tf.tensor(rowsOf(examples, 0, called), [1, called, ...input!.shape]);
    const { output } = forward(mathsOf(backend), network, parameters, x, {
      edges: edges && edgeTensors(tf, edges),
    });
    return (output.dataSync() as Float32Array).subarray(0, (output.size / called) * rows);
  });
}

function compare(found: Float32Array, expected: Float32Array): { difference: number; scale: number } {
  let difference = 0;
  let scale = 0;
  for (let k = 0; k < expected.length; k++) {
    if (!Number.isFinite(expected[k])) continue;
    const gap = Math.abs(found[k]! - expected[k]!);
    difference = Math.max(difference, gap); // keeps NaN
    scale = Math.max(scale, Math.abs(expected[k]!));
  }
  return { difference: Number.isNaN(difference) ? Infinity : difference, scale };
}

/** No network that trained well has such weights; with them float32 may overflow inside. */
const huge = 1e6;

const hasHugeEntries = (arrays: End['arrays']): boolean =>
  [...arrays.values()].some(({ data }) => data.some((value) => Math.abs(value) > huge));
