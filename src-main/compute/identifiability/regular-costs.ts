/** Realization costs of many slots at once on TensorFlow's float64 kernels, where the Gram matrices are regular. */
import { attr } from '../backend/tensors.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import { identity, transpose } from '../linalg/multiply.ts';
import { keepRegular, placesWhere } from './slots.ts';
import type { Slots, Solved } from './slots.ts';

/** Numbers of the largest tensor of a batch: 2 MiB in float64, which stays in the processor's cache. */
const mostEntries = 2 ** 18;

/**
 * Fills the rows of `costs` [neurons, neurons] of slots whose Gram matrix S_i is safely regular, with
 * (a_j - v_i)^T S_i^-1 (a_j - v_i).
 * @param fixed per slot, its fixed entries
 * @returns the slots left over, see `keepRegular`
 */
export async function solveRegular(
  doubles: Doubles,
  slots: Slots,
  fixed: readonly Int32Array[],
  costs: Float64Array,
  between: (share: number) => Promise<void>,
): Promise<number[]> {
  const { neurons, mask, space } = slots;
  const sumFree = 2 * fixed.reduce((sum, of) => sum + of.length, 0) >= mask.length;
  const places = sumFree ? placesWhere(mask, neurons, space.full, 'free') : fixed;
  const solver = new GramSolver(doubles, slots, places, sumFree);
  const size = Math.max(1, Math.floor(mostEntries / solver.perSlot));
  const left: number[] = [];
  try {
    for (let from = 0; from < neurons; from += size) {
      const to = Math.min(neurons, from + size);
      const batch = Array.from({ length: to - from }, (_, i) => from + i);
      const singular = keepRegular(solver.solve(batch), from, to, costs, neurons);
      left.push(...singular);
      await between((to - from - singular.length) / neurons);
    }
    return left;
  } finally {
    solver.dispose();
  }
}

/** L with L L^T = S for every matrix S of a batch; undefined where one has none. */
function choleskyOf(doubles: Doubles, batch: Double): Double | undefined {
  try {
    return doubles.op('Cholesky', [batch]);
  } catch {
    return undefined;
  }
}

/** Factors the Gram matrices themselves: S_i = L L^T, cost_ij = |L^-1 (a_j - v_i)|^2. */
class GramSolver {
  /** Numbers that one slot takes in the largest tensor. */
  readonly perSlot: number;
  readonly #d: Doubles;
  readonly #slots: Slots;
  readonly #places: readonly Int32Array[];
  /** S is summed over the free entries, or is 1 minus the sum over the fixed ones: over the fewer. */
  readonly #sumFree: boolean;
  /** [d + 1, k], the last row zero. */
  readonly #basis: Double;
  /** [1, k, neurons] */
  readonly #targets: Double;
  /** [1, k, k] */
  readonly #one: Double;

  constructor(doubles: Doubles, slots: Slots, places: readonly Int32Array[], sumFree: boolean) {
    const { space, projected, neurons } = slots;
    const { basis, full, dimension: k } = space;
    this.#d = doubles;
    this.#slots = slots;
    this.#places = places;
    this.#sumFree = sumFree;
    this.perSlot = k * Math.max(neurons, full);
    const padded = new Float64Array((full + 1) * k);
    padded.set(basis);
    this.#basis = doubles.put(padded, [full + 1, k]);
    this.#targets = doubles.put(transpose(projected, neurons, k), [1, k, neurons]);
    this.#one = doubles.put(identity(k), [1, k, k]);
  }

  /** Undefined where a matrix of the batch has no Cholesky factor. */
  solve(batch: readonly number[]): Solved | undefined {
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
      const ofBatch = new Float64Array(batch.length * k);
      batch.forEach((slot, b) => ofBatch.set(centers.subarray(slot * k, slot * k + k), b * k));
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
    this.#d.free(this.#basis, this.#targets, this.#one);
  }

  #factor(batch: readonly number[], keep: (tensor: Double) => Double): Double | undefined {
    const d = this.#d;
    const rows = keep(this.#pickedRows(batch));
    const sum = keep(
      d.op('BatchMatMulV2', [rows, rows], { adj_x: attr.bool(true), adj_y: attr.bool(false) }),
    );
    const gram = this.#sumFree ? sum : keep(d.op('Sub', [this.#one, sum]));
    const factor = choleskyOf(d, gram);
    return factor && keep(factor);
  }

  /** [batch, most, k]: rows of the basis at the picked entries of each slot; rows of zeros fill up. */
  #pickedRows(batch: readonly number[]): Double {
    const most = Math.max(1, ...batch.map((slot) => this.#places[slot]!.length));
    const rows = new Int32Array(batch.length * most).fill(this.#slots.space.full);
    batch.forEach((slot, b) => rows.set(this.#places[slot]!, b * most));
    return this.#d.gather(this.#basis, rows, [batch.length, most]);
  }
}
