/**
 * Realization costs where a neuron has fewer fixed entries than the subspace has dimensions. With A^T = the rows of the
 * basis at the fixed entries F, S = I - A^T A and, after M. Woodbury (1950), S^-1 = I + A^T (I - A A^T)^-1 A: a system
 * of the size of F in place of one of the size of S. Both terms of
 * cost_ij = |d|^2 + |L^-1 A d|^2, d = a_j - v_i, L L^T = I - A A^T,
 * are positive, so no digits cancel.
 */
import { attr } from '../backend/types.ts';
import type { Double, Doubles } from '../backend/doubles.ts';
import { identity, squaredDistances } from '../linalg/multiply.ts';
import { choleskyOf } from './slot-solver.ts';
import type { Slots, SlotSolver, Solved } from './slot-solver.ts';

interface Gathered {
  /** [batch, most, most], lower triangles */
  gram: Float64Array;
  /** [batch, most] */
  rows: Int32Array;
  centers: Float64Array;
}

export class FixedSolver implements SlotSolver {
  readonly perSlot: number;
  readonly #d: Doubles;
  readonly #slots: Slots;
  /** Fixed entries of each slot. */
  readonly #places: readonly Int32Array[];
  readonly #most: number;
  /** |a_j - v_i|^2, [neurons, neurons] */
  readonly #distances: Float64Array;
  /** U U^T, [d, d]: its entries at F x F are A A^T. */
  readonly #projector: Float64Array;
  /** U a^T, [d + 1, neurons], the last row zero: its rows at F are A a_j. */
  readonly #targets: Double;
  /** U v^T, [d + 1, neurons]. */
  readonly #centers: Float64Array;
  /** [1, most, most] */
  readonly #one: Double;
  #held: Gathered | undefined;

  /** @param places per slot, its fixed entries: fewer than k */
  constructor(doubles: Doubles, slots: Slots, places: readonly Int32Array[]) {
    const { space, projected, centers, neurons } = slots;
    const { basis, full, dimension: k } = space;
    const most = Math.max(1, ...places.map((of) => of.length));
    this.#d = doubles;
    this.#slots = slots;
    this.#places = places;
    this.#most = most;
    this.#distances = squaredDistances(centers, projected, k);
    this.perSlot = most * neurons;
    const padded = new Float64Array((full + 1) * k);
    padded.set(basis);
    const u = doubles.put(padded, [full + 1, k]);
    const image = (right: Float64Array): Double => {
      const put = doubles.put(right, [right.length / k, k]);
      const product = doubles.matMul(u, put, false, true);
      doubles.free(put);
      return product;
    };
    const [projector, ofCenters] = [image(basis), image(centers)];
    this.#projector = doubles.read(projector);
    this.#centers = doubles.read(ofCenters);
    this.#targets = image(projected);
    this.#one = doubles.put(identity(most), [1, most, most]);
    doubles.free(u, projector, ofCenters);
  }

  solve(batch: readonly number[]): Solved | undefined {
    const d = this.#d;
    const { neurons, space } = this.#slots;
    const most = this.#most;
    const { gram, rows, centers } = this.#gathered(batch);
    const system = d.put(gram, [batch.length, most, most]);
    const factor = choleskyOf(d, system);
    d.free(system);
    if (!factor) return undefined;
    const held = [factor];
    const keep = (tensor: Double): Double => {
      held.push(tensor);
      return tensor;
    };
    const lower = { lower: attr.bool(true), adjoint: attr.bool(false) };
    const solved = (right: Double): Double => keep(d.op('MatrixTriangularSolve', [factor, right], lower));
    const columnSums = (tensor: Double): Double => keep(d.reduce('Sum', tensor, 1, true));
    try {
      const targets = keep(d.gather(this.#targets, rows, [batch.length, most]));
      const center = keep(d.put(centers, [batch.length, most, 1]));
      const squares = keep(d.op('SquaredDifference', [solved(targets), solved(center)]));
      const costs = d.read(columnSums(squares));
      const inverse = columnSums(keep(d.op('Square', [solved(this.#one)])));
      const traces = d.read(keep(d.reduce('Sum', inverse, 1, true)));
      batch.forEach((slot, b) => {
        for (let j = 0; j < neurons; j++) costs[b * neurons + j]! += this.#distances[slot * neurons + j]!;
      });
      return { costs, traces: traces.map((trace) => trace + space.dimension - most) };
    } finally {
      d.free(...held);
    }
  }

  dispose(): void {
    this.#d.free(this.#targets, this.#one);
  }

  /** Room for a batch, the same each time for batches of one size. */
  #room(size: number): Gathered {
    const most = this.#most;
    if (this.#held?.centers.length !== size * most) {
      this.#held = {
        rows: new Int32Array(size * most),
        centers: new Float64Array(size * most),
        gram: new Float64Array(size * most * most),
      };
    }
    this.#held.rows.fill(this.#slots.space.full);
    this.#held.centers.fill(0);
    this.#held.gram.fill(0);
    return this.#held;
  }

  /** I - A A^T, F and A v of each slot; a slot with fewer entries than the most is filled up with zero rows of A. */
  #gathered(batch: readonly number[]): Gathered {
    const { neurons, space } = this.#slots;
    const { full } = space;
    const most = this.#most;
    const { rows, centers, gram } = this.#room(batch.length);
    for (const [b, slot] of batch.entries()) {
      const places = this.#places[slot]!;
      rows.set(places, b * most);
      for (let p = 0; p < most; p++) gram[(b * most + p) * most + p] = 1;
      for (let p = 0; p < places.length; p++) {
        centers[b * most + p] = this.#centers[places[p]! * neurons + slot]!;
        subtractPicked(gram, (b * most + p) * most, this.#projector, places[p]! * full, places, p);
      }
    }
    return { gram, rows, centers };
  }
}

/** to[at + q] -= from[start + places[q]] for q up to `last`: the lower triangle is all that a Cholesky factor needs. */
function subtractPicked(
  to: Float64Array,
  at: number,
  from: Float64Array,
  start: number,
  places: Int32Array,
  last: number,
): void {
  for (let q = 0; q <= last; q++) to[at + q]! -= from[start + places[q]!]!;
}
