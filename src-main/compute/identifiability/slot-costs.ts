/**
 * Realization costs of the slots of a layer whose Gram matrix S_i is regular, by Cholesky factors. With d = a_j - v_i,
 * cost_ij = d^T S_i^-1 d takes one of two forms:
 *
 * - `gram`: S_i = L L^T, cost_ij = |L^-1 d|^2.
 * - `fixed`, if every neuron has fewer fixed entries than the subspace has dimensions: with A^T = the rows of the basis
 *   at the fixed entries, S = I - A^T A and, after M. Woodbury (1950), S^-1 = I + A^T (I - A A^T)^-1 A: a smaller system.
 *   Both terms of cost_ij = |d|^2 + |L^-1 A d|^2, L L^T = I - A A^T, are positive, so no digits cancel.
 *
 * Either way it is many small systems, each solved against all neurons: a task for threads.
 */
import { LowerSolver, panelsOf } from '../linalg/lower-solver.ts';
import { squaredDistances, transpose } from '../linalg/multiply.ts';
import type { multiply } from '../linalg/multiply.ts';
import { taskOf } from '../threads/tasks.ts';
import { GramMatrices } from './gram-matrices.ts';
import type { Slots, Solved } from './slots.ts';

/** What all slots of a layer share, in memory that all threads see. */
export interface LayerSystems {
  /** Tells layers apart. */
  readonly id: number;
  readonly neurons: number;
  readonly dimension: number;
  /** Rows of the largest system. */
  readonly most: number;
  /** Right-hand sides of all neurons, [rows, neurons], in panels: a^T for `gram`, U a^T for `fixed`. */
  readonly targets: Float64Array;
  readonly rows: number;
  /** a_j and v_i, [neurons, dimension] */
  readonly projected: Float64Array;
  readonly centers: Float64Array;
  readonly form: GramForm | FixedForm;
}

interface GramForm {
  readonly kind: 'gram';
  /** [full, dimension] */
  readonly basis: Float64Array;
  /** [neurons, full] */
  readonly mask: Float32Array;
}

interface FixedForm {
  readonly kind: 'fixed';
  readonly full: number;
  /** How many entries of each slot are fixed, [neurons], and which, [neurons, most]. */
  readonly counts: Int32Array;
  readonly places: Int32Array;
  /** U U^T, [full, full]: its entries at fixed x fixed are A A^T. */
  readonly projector: Float64Array;
  /** A v_i, [neurons, most]. */
  readonly shifts: Float64Array;
}

let layers = 0;

/**
 * @param fixed per slot, its fixed entries
 * @param times the product of two matrices
 */
export function systemsOf(slots: Slots, fixed: readonly Int32Array[], times: typeof multiply): LayerSystems {
  const { space, mask, projected, centers, neurons } = slots;
  const { basis, full, dimension: k } = space;
  const common = {
    ...{ id: (layers += 1), neurons, dimension: k },
    ...{ projected: shared(projected), centers: shared(centers) },
  };
  const ofNeurons = transpose(projected, neurons, k);
  if (fixed.some((of) => of.length >= k)) {
    const form: GramForm = { kind: 'gram', basis: shared(basis), mask: shared(mask) };
    return { ...common, most: k, rows: k, targets: panelsOf(ofNeurons, k, neurons), form };
  }
  const form = fixedForm(slots, fixed, times);
  const targets = panelsOf(times(basis, ofNeurons, full, k, neurons), full, neurons);
  return { ...common, most: form.places.length / neurons, rows: full, targets, form };
}

function fixedForm(
  { space, centers, neurons }: Slots,
  fixed: readonly Int32Array[],
  times: typeof multiply,
): FixedForm {
  const { basis, full, dimension: k } = space;
  const most = Math.max(1, ...fixed.map((of) => of.length));
  const counts = shared(Int32Array.from(fixed, (of) => of.length));
  const places = shared(new Int32Array(neurons * most));
  const shifts = shared(new Float64Array(neurons * most));
  const ofCenters = times(basis, transpose(centers, neurons, k), full, k, neurons);
  fixed.forEach((of, slot) => {
    places.set(of, slot * most);
    of.forEach((place, p) => (shifts[slot * most + p] = ofCenters[place * neurons + slot]!));
  });
  const projector = shared(times(basis, transpose(basis, full, k), full, k, full));
  return { kind: 'fixed', full, counts, places, projector, shifts };
}

function shared<Values extends Float64Array | Float32Array | Int32Array>(values: Values): Values {
  const make = values.constructor as new (buffer: SharedArrayBuffer) => Values;
  const out = new make(new SharedArrayBuffer(values.byteLength));
  out.set(values);
  return out;
}

/** Of the layers asked for last: a model's layers may be in hand at once. */
const solvers = new Map<number, LowerSolver>();
const mostBytes = 2 ** 26;

function solverOf({ id, targets, rows, most }: LayerSystems): LowerSolver {
  const solver = solvers.get(id) ?? new LowerSolver(targets, rows, most);
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
export function slotCosts(systems: LayerSystems, from: number, to: number): Solved {
  const { neurons, dimension: k, projected, centers, form } = systems;
  const solver = solverOf(systems);
  const system = form.kind === 'gram' ? gramSystems(systems, form) : fixedSystems(systems, form);
  const costs =
    form.kind === 'gram'
      ? new Float64Array((to - from) * neurons)
      : squaredDistances(centers.subarray(from * k, to * k), projected, k);
  const traces = new Float64Array(to - from).fill(NaN);
  const waiting: number[] = [];
  for (let slot = from; slot < to; slot++) {
    const { matrix, places, shift } = system(slot);
    const trace = solver.add(matrix, places.length, places, shift);
    if (trace !== undefined) {
      traces[slot - from] = trace + k - places.length;
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

export const slotCostsTask = taskOf(import.meta.url, slotCosts);

/** S x = places of the targets - shift; of S the lower triangle counts. */
interface System {
  matrix: Float64Array;
  places: Int32Array;
  shift: Float64Array;
}

function gramSystems(
  { neurons, dimension: k, centers }: LayerSystems,
  { basis, mask }: GramForm,
): (slot: number) => System {
  const grams = new GramMatrices({ basis, full: mask.length / neurons, dimension: k }, mask);
  const places = Int32Array.from({ length: k }, (_, i) => i);
  return (slot) => ({ matrix: grams.of(slot), places, shift: centers.subarray(slot * k, (slot + 1) * k) });
}

function fixedSystems({ most }: LayerSystems, form: FixedForm): (slot: number) => System {
  const matrix = new Float64Array(most * most);
  return (slot) => {
    const [at, count] = [slot * most, form.counts[slot]!];
    const places = form.places.subarray(at, at + count);
    complement(matrix, form, places);
    return { matrix, places, shift: form.shifts.subarray(at, at + count) };
  };
}

/** The lower triangle of I - A A^T: the entries of the projector at the places named. */
function complement(to: Float64Array, { projector, full }: FixedForm, places: Int32Array): void {
  const size = places.length;
  for (let p = 0; p < size; p++) {
    const [row, start] = [p * size, places[p]! * full];
    for (let q = 0; q <= p; q++) to[row + q] = -projector[start + places[q]!]!;
    to[row + p]! += 1;
  }
}
