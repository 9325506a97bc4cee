/**
 * Realization costs where a neuron has fewer fixed entries than the subspace has dimensions. With A^T = the rows of the
 * basis at the fixed entries F, S = I - A^T A and, after M. Woodbury (1950), S^-1 = I + A^T (I - A A^T)^-1 A: a system
 * of the size of F in place of one of the size of S. Both terms of
 * cost_ij = |d|^2 + |L^-1 A d|^2, d = a_j - v_i, L L^T = I - A A^T,
 * are positive, so no digits cancel.
 */
import { LowerSolver, panelsOf } from '../linalg/lower-solver.ts';
import { squaredDistances, transpose } from '../linalg/multiply.ts';
import type { multiply } from '../linalg/multiply.ts';
import type { Slots, Solved } from './slots.ts';

/** What all slots of a layer share, in memory that all threads see. */
export interface FixedSlots {
  /** Tells layers apart. */
  readonly id: number;
  readonly neurons: number;
  readonly full: number;
  readonly dimension: number;
  /** Fixed entries of the slot that has most of them. */
  readonly most: number;
  /** How many entries of each slot are fixed, [neurons], and which, [neurons, most]. */
  readonly counts: Int32Array;
  readonly places: Int32Array;
  /** U U^T, [full, full]: its entries at F x F are A A^T. */
  readonly projector: Float64Array;
  /** U a^T, [full, neurons], in panels: its rows at F are A a_j. */
  readonly targets: Float64Array;
  /** A v_i, [neurons, most]. */
  readonly shifts: Float64Array;
  /** a_j and v_i, [neurons, dimension] */
  readonly projected: Float64Array;
  readonly centers: Float64Array;
}

let layers = 0;

/**
 * @param fixed per slot, its fixed entries: fewer than the subspace has dimensions
 * @param times the product of two matrices
 */
export function fixedSlots(
  { space, projected, centers, neurons }: Slots,
  fixed: readonly Int32Array[],
  times: typeof multiply,
): FixedSlots {
  const { basis, full, dimension: k } = space;
  const most = Math.max(1, ...fixed.map((of) => of.length));
  const counts = new Int32Array(new SharedArrayBuffer(4 * neurons));
  const places = new Int32Array(new SharedArrayBuffer(4 * neurons * most));
  const shifts = shared(new Float64Array(neurons * most));
  const ofCenters = times(basis, transpose(centers, neurons, k), full, k, neurons);
  fixed.forEach((of, slot) => {
    counts[slot] = of.length;
    places.set(of, slot * most);
    of.forEach((place, p) => (shifts[slot * most + p] = ofCenters[place * neurons + slot]!));
  });
  const targets = times(basis, transpose(projected, neurons, k), full, k, neurons);
  return {
    ...{ id: (layers += 1), neurons, full, dimension: k, most, counts, places, shifts },
    projector: shared(times(basis, transpose(basis, full, k), full, k, full)),
    targets: panelsOf(targets, full, neurons),
    projected: shared(projected),
    centers: shared(centers),
  };
}

function shared(values: Float64Array): Float64Array {
  const out = new Float64Array(new SharedArrayBuffer(values.byteLength));
  out.set(values);
  return out;
}

/** Of the layers asked for last: a model's layers may be in hand at once. */
const solvers = new Map<number, LowerSolver>();
const mostBytes = 2 ** 26;

function solverOf({ id, targets, full, most }: FixedSlots): LowerSolver {
  const solver = solvers.get(id) ?? new LowerSolver(targets, full, most);
  solvers.delete(id);
  solvers.set(id, solver); // the one used last goes last
  let bytes = 0;
  for (const one of solvers.values()) bytes += one.bytes;
  for (const [oldest, one] of solvers) {
    if (bytes <= mostBytes || one === solver) break;
    solvers.delete(oldest);
    bytes -= one.bytes;
  }
  return solver;
}

/** Rows `from` to `to` of the costs; NaN as the trace of a slot whose matrix has no Cholesky factor. */
export function fixedCosts(slots: FixedSlots, from: number, to: number): Solved {
  const { neurons, dimension: k, full, most, counts, places, shifts, projected, centers } = slots;
  const solver = solverOf(slots);
  const gram = new Float64Array(most * most);
  const costs = squaredDistances(centers.subarray(from * k, to * k), projected, k);
  const traces = new Float64Array(to - from).fill(NaN);
  const waiting: number[] = [];
  for (let slot = from; slot < to; slot++) {
    const [at, count] = [slot * most, counts[slot]!];
    const picked = places.subarray(at, at + count);
    complement(gram, slots.projector, full, picked);
    const trace = solver.add(gram, count, picked, shifts.subarray(at, at + count));
    if (trace !== undefined) {
      traces[slot - from] = trace + k - count;
      waiting.push(slot - from);
    }
    if (waiting.length < solver.capacity && slot + 1 < to) continue;
    const squares = solver.solve();
    const width = squares.length / waiting.length;
    for (const [index, row] of waiting.splice(0).entries()) {
      for (let j = 0; j < neurons; j++) costs[row * neurons + j]! += squares[index * width + j]!;
    }
  }
  return { costs, traces };
}

/** The lower triangle of I - A A^T: the entries of the projector at the places named. */
function complement(to: Float64Array, projector: Float64Array, full: number, places: Int32Array): void {
  const size = places.length;
  for (let p = 0; p < size; p++) {
    const [row, start] = [p * size, places[p]! * full];
    for (let q = 0; q <= p; q++) to[row + q] = -projector[start + places[q]!]!;
    to[row + p]! += 1;
  }
}
