/** A curve must begin and end at the very checkpoints it is named after. */
import { namedArrays } from '../alignment/parameters.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { forwardStacked } from '../models/index.ts';
import type { EffectiveNetwork } from '../models/index.ts';
import { logitsAtPoints } from './points.ts';
import type { Point, Vertex } from './points.ts';

/** Rows the comparison runs on. A wrong end shows in the first row; float32 noise does not grow with their number. */
const mostRows = 256;
/** Largest logit difference relative to the largest logit; float32 sums in another order differ by about 1e-6. */
const tolerance = 1e-3;

export interface End {
  /** Place of the vertex that stands for the checkpoint, its permuted copy where it was aligned. */
  vertex: number;
  /** The checkpoint's own network, never permuted. */
  network: EffectiveNetwork;
  name: string;
}

/**
 * Compares the logits at the ends of the curves, as the curves compute them, with those of each checkpoint evaluated
 * alone through the ordinary forward pass. Logits that are not finite alone have nothing to be compared with.
 * @throws Error (a defect, not a mistake of the person's) naming the checkpoint that a curve does not reach
 */
export function requireEndpoints(
  backend: Backend,
  vertices: readonly Vertex[],
  ends: readonly End[],
  x: Tensor,
): void {
  const rows = Math.min(mostRows, x.shape[0]!);
  const points = ends.map(({ vertex }): Point => [{ vertex, weight: 1 }]);
  const onCurves = logitsAtPoints(backend, vertices, points, x, rows);
  const size = onCurves.length / ends.length;
  const alone = new Map<EffectiveNetwork, Float32Array>();
  ends.forEach(({ network, name }, i) => {
    const expected = alone.get(network) ?? logitsAlone(backend, network, x, rows);
    alone.set(network, expected);
    const { difference, scale } = compare(onCurves.subarray(i * size, (i + 1) * size), expected);
    if (difference <= tolerance * (1 + scale)) return;
    // Sums in another order: one may overflow where the other just does not.
    if (difference === Infinity && hasHugeEntries(network)) return;
    throw new Error(
      `the end of a curve is not ${name}: its logits differ by ${difference} from the checkpoint evaluated alone ` +
        `(largest logit ${scale})`,
    );
  });
}

function logitsAlone(backend: Backend, network: EffectiveNetwork, x: Tensor, rows: number): Float32Array {
  const batch = x.slice([0, 0], [rows, -1]);
  const { logits } = forwardStacked(backend, [network], batch);
  const values = logits.dataSync() as Float32Array;
  backend.tf.dispose([batch, logits]);
  return values;
}

function compare(found: Float32Array, expected: Float32Array): { difference: number; scale: number } {
  let difference = 0;
  let scale = 0;
  for (let k = 0; k < expected.length; k++) {
    if (!Number.isFinite(expected[k])) continue;
    const gap = Math.abs(found[k]! - expected[k]!);
    difference = gap <= difference ? difference : gap; // NaN stays
    scale = Math.max(scale, Math.abs(expected[k]!));
  }
  return { difference: Number.isNaN(difference) ? Infinity : difference, scale };
}

/** No network that trained well has such weights; with them float32 may overflow inside. */
const huge = 1e6;

const hasHugeEntries = (network: EffectiveNetwork): boolean =>
  namedArrays(network).some(({ data }) => data.some((value) => Math.abs(value) > huge));
