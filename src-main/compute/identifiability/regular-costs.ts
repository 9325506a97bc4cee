/** Realization costs of many slots at once on TensorFlow's float64 kernels, where the Gram matrices are regular. */
import { attr } from '../backend/types.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import { mostInverseTrace } from './gram-matrices.ts';
import type { Subspace } from './subspace.ts';

interface Slots {
  space: Pick<Subspace, 'basis' | 'full' | 'dimension'>;
  /** [neurons, d] */
  mask: Float32Array;
  /** a_j, [neurons, k] */
  projected: Float64Array;
  /** v_i, [neurons, k] */
  centers: Float64Array;
  neurons: number;
}

/** Numbers of the largest tensor of a batch: 32 MiB in float64. */
const mostEntries = 2 ** 22;

/**
 * Fills the rows of `costs` [neurons, neurons] of slots whose Gram matrix S_i = L L^T is safely regular, with
 * |L^-1 (a_j - v_i)|^2.
 * @returns the slots left over: their matrix is singular, or nearly so (trace of S_i^-1 too large)
 */
export async function solveRegular(
  doubles: Doubles,
  slots: Slots,
  costs: Float64Array,
  between: (share: number) => Promise<void>,
): Promise<number[]> {
  const { neurons, space } = slots;
  const k = space.dimension;
  const size = Math.max(1, Math.floor(mostEntries / (k * Math.max(neurons, space.full))));
  const solver = new BatchSolver(doubles, slots);
  const left: number[] = [];
  try {
    for (let start = 0; start < neurons; start += size) {
      const batch = Array.from({ length: Math.min(size, neurons - start) }, (_, i) => start + i);
      const found = solver.solve(batch);
      const before = left.length;
      for (const [b, slot] of batch.entries()) {
        // NaN, where the factor is that of a matrix that rounding has made indefinite, is left over too.
        if (found && found.traces[b]! < mostInverseTrace) {
          costs.set(found.costs.subarray(b * neurons, (b + 1) * neurons), slot * neurons);
        } else left.push(slot);
      }
      await between((batch.length - left.length + before) / neurons);
    }
    return left;
  } finally {
    solver.dispose();
  }
}

class BatchSolver {
  readonly #d: Doubles;
  readonly #slots: Slots;
  /** S is summed over the free entries, or is 1 minus the sum over the fixed ones: over the fewer. */
  readonly #sumFree: boolean;
  /** [1, k, neurons] */
  readonly #targets: Double;
  /** [1, k, k] */
  readonly #one: Double;

  constructor(doubles: Doubles, slots: Slots) {
    const { space, projected, neurons, mask } = slots;
    const k = space.dimension;
    const free = mask.reduce((sum, entry) => sum + (entry === 0 ? 0 : 1), 0);
    this.#d = doubles;
    this.#slots = slots;
    this.#sumFree = 2 * free <= mask.length;
    const transposed = new Float64Array(projected.length);
    for (let j = 0; j < neurons; j++) {
      for (let c = 0; c < k; c++) transposed[c * neurons + j] = projected[j * k + c]!;
    }
    const one = new Float64Array(k * k);
    for (let c = 0; c < k; c++) one[c * k + c] = 1;
    this.#targets = doubles.put(transposed, [1, k, neurons]);
    this.#one = doubles.put(one, [1, k, k]);
  }

  /** Undefined where a matrix of the batch has no Cholesky factor. */
  solve(batch: readonly number[]): { costs: Float64Array; traces: Float64Array } | undefined {
    const held: Double[] = [];
    const keep = (tensor: Double): Double => {
      held.push(tensor);
      return tensor;
    };
    const d = this.#d;
    const columnSums = (tensor: Double): Double =>
      keep(d.reduce('Sum', keep(d.op('Square', [tensor])), 1, true));
    const { centers, space } = this.#slots;
    const k = space.dimension;
    try {
      const factor = this.#factor(batch, keep);
      if (!factor) return undefined;
      const ofBatch = Float64Array.from(
        batch.flatMap((slot) => Array.from(centers.subarray(slot * k, slot * k + k))),
      );
      const center = keep(d.put(ofBatch, [batch.length, k, 1]));
      const apart = keep(d.op('Sub', [this.#targets, center]));
      const solved = (right: Double): Double =>
        keep(
          d.op('MatrixTriangularSolve', [factor, right], {
            lower: attr.bool(true),
            adjoint: attr.bool(false),
          }),
        );
      const costs = d.read(columnSums(solved(apart)));
      const inverse = columnSums(solved(this.#one));
      const traces = d.read(keep(d.reduce('Sum', inverse, 1, true)));
      return { costs, traces };
    } finally {
      d.free(...held);
    }
  }

  dispose(): void {
    this.#d.free(this.#targets, this.#one);
  }

  #factor(batch: readonly number[], keep: (tensor: Double) => Double): Double | undefined {
    const d = this.#d;
    const rows = keep(this.#pickedRows(batch));
    const sum = keep(
      d.op('BatchMatMulV2', [rows, rows], { adj_x: attr.bool(true), adj_y: attr.bool(false) }),
    );
    const gram = this.#sumFree ? sum : keep(d.op('Sub', [this.#one, sum]));
    try {
      return keep(d.op('Cholesky', [gram]));
    } catch {
      return undefined;
    }
  }

  /** [batch, most, k]: rows of the basis at the picked entries of each slot; rows of zeros fill up. */
  #pickedRows(batch: readonly number[]): Double {
    const { space, mask } = this.#slots;
    const { basis, full, dimension: k } = space;
    const picked = batch.map((slot) => {
      const places: number[] = [];
      for (let r = 0; r < full; r++) if ((mask[slot * full + r] !== 0) === this.#sumFree) places.push(r);
      return places;
    });
    const most = Math.max(1, ...picked.map((places) => places.length));
    const rows = new Float64Array(batch.length * most * k);
    picked.forEach((places, b) => {
      places.forEach((r, at) => rows.set(basis.subarray(r * k, (r + 1) * k), (b * most + at) * k));
    });
    return this.#d.put(rows, [batch.length, most, k]);
  }
}
