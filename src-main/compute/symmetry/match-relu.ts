/** The permutation and positive rescaling that best take one bias-free ReLU network to another. */
import { identityPermutation } from '../alignment/permutation.ts';
import { solveAssignment } from '../assignment/solve.ts';
import type { RandomStream } from '../random.ts';
import type { DenseWeights } from './dense.ts';
import { weightDistance } from './dense.ts';

export interface ReluMatch {
  /** permutation[i][j]: the neuron of the first network that takes place j of hidden layer i. */
  readonly permutations: readonly Int32Array[];
  /** factors[i][j] > 0, for the neuron at place j: its row times the factor, the column above divided by it. */
  readonly factors: readonly Float64Array[];
  /** The first network, permuted and rescaled. */
  readonly image: Float64Array[];
  /** Distance of the image from the second network. */
  readonly residual: number;
  readonly sweeps: number;
}

/**
 * Coordinate descent on the distance: for one hidden layer after the other, with the rest held, the permutation is an
 * assignment problem whose costs |c r_j - r'_i|^2 + |k_j / c - k'_i|^2 are already least in c, so permutation and
 * factors are found together. Started from networks balanced neuron by neuron, in `restarts` orders of the layers; the
 * best is refined on the networks as they are. `onVisit` is called between layers; throw there to stop.
 */
export async function matchRelu(
  from: DenseWeights,
  to: DenseWeights,
  dims: readonly number[],
  restarts: number,
  stream: RandomStream,
  onVisit: () => Promise<void> = () => Promise.resolve(),
): Promise<ReluMatch> {
  const [here, there] = [balanced(from, dims), balanced(to, dims)];
  let best: ReluMatch | undefined;
  for (let restart = 0; restart < restarts; restart++) {
    const { permutations, factors } = await descend(
      here.weights,
      there.weights,
      dims,
      stream,
      undefined,
      onVisit,
    );
    // Carried over to the networks as they are: out of one balance, into the other.
    const carried = factors.map((c, i) =>
      c.map((x, place) => (here.factors[i]![permutations[i]![place]!]! * x) / there.factors[i]![place]!),
    );
    const match = await descend(from, to, dims, stream, { permutations, factors: carried }, onVisit);
    if (best === undefined || match.residual < best.residual) best = match;
  }
  return best!;
}

async function descend(
  from: DenseWeights,
  to: DenseWeights,
  dims: readonly number[],
  stream: RandomStream,
  start: Pick<ReluMatch, 'permutations' | 'factors'> | undefined,
  onVisit: () => Promise<void>,
): Promise<ReluMatch> {
  const hidden = from.length - 1;
  const permutations = Array.from(
    { length: hidden },
    (_, i) => start?.permutations[i] ?? identityPermutation(dims[i + 1]!),
  );
  const factors = Array.from(
    { length: hidden },
    (_, i) => start?.factors[i] ?? new Float64Array(dims[i + 1]!).fill(1),
  );
  let image = apply(from, permutations, factors, dims);
  let residual = weightDistance(image, to);
  for (let sweep = 1; ; sweep++) {
    const before = residual;
    for (const i of stream.permutation(hidden)) {
      await onVisit();
      const step = bestForLayer(image, to, dims, i);
      permutations[i] = step.permutation.map((j) => permutations[i]![j]!);
      factors[i] = Float64Array.from(step.permutation, (j, place) => factors[i]![j]! * step.factors[place]!);
      image = apply(from, permutations, factors, dims);
    }
    residual = weightDistance(image, to);
    if (sweep === 200 || before - residual <= 1e-12 * before)
      return { permutations, factors, image, residual, sweeps: sweep };
  }
}

/** Permutation and factors of one hidden layer that bring `from` nearest to `to`, all other layers held. */
function bestForLayer(from: DenseWeights, to: DenseWeights, dims: readonly number[], i: number) {
  const [inputs, width, outputs] = [dims[i]!, dims[i + 1]!, dims[i + 2]!];
  const cost = new Float64Array(width * width);
  const scale = new Float64Array(width * width);
  for (let place = 0; place < width; place++) {
    for (let j = 0; j < width; j++) {
      let [rr, rs, kk, ks] = [0, 0, 0, 0];
      for (let p = 0; p < inputs; p++) {
        const r = from[i]![j * inputs + p]!;
        rr += r * r;
        rs += r * to[i]![place * inputs + p]!;
      }
      for (let q = 0; q < outputs; q++) {
        const k = from[i + 1]![q * width + j]!;
        kk += k * k;
        ks += k * to[i + 1]![q * width + place]!;
      }
      const c = bestFactor(rr, rs, kk, ks);
      scale[place * width + j] = c;
      cost[place * width + j] = value(c, rr, rs, kk, ks);
    }
  }
  const permutation = solveAssignment(cost, width, width).rowToCol;
  return { permutation, factors: Float64Array.from(permutation, (j, place) => scale[place * width + j]!) };
}

/** |c r - r'|^2 + |k / c - k'|^2 without its constant part. */
function value(c: number, rr: number, rs: number, kk: number, ks: number): number {
  return c * (rr * c - 2 * rs) + (kk / c - 2 * ks) / c;
}

/**
 * The c > 0 that makes |c r - r'|^2 + |k / c - k'|^2 least, given |r|^2, <r, r'>, |k|^2 and <k, k'>: Newton's method in
 * log c from the minima of its parts. 1 where r or k is zero.
 */
export function bestFactor(rr: number, rs: number, kk: number, ks: number): number {
  if (rr === 0 || kk === 0) return 1;
  const starts = [(kk / rr) ** 0.25];
  if (rs > 0) starts.push(rs / rr);
  if (ks > 0) starts.push(kk / ks);
  let best = { c: 1, value: Infinity };
  for (const start of starts) {
    let u = Math.log(start);
    for (let step = 0; step < 60; step++) {
      const c = Math.exp(u);
      // First and second derivative with respect to u = log c.
      const slope = 2 * rr * c * c - 2 * rs * c - (2 * kk) / (c * c) + (2 * ks) / c;
      const bend = 4 * rr * c * c - 2 * rs * c + (4 * kk) / (c * c) - (2 * ks) / c;
      const move = bend > 0 ? -slope / bend : -Math.sign(slope) * 0.5;
      u += Math.max(-1, Math.min(1, move));
      if (Math.abs(move) < 1e-15) break;
    }
    const c = Math.exp(u);
    const found = value(c, rr, rs, kk, ks);
    if (found < best.value) best = { c, value: found };
  }
  return best.c;
}

/** Neuron permutations[i][j] moves to place j of hidden layer i, then takes factor factors[i][j]. */
function apply(
  from: DenseWeights,
  permutations: readonly Int32Array[],
  factors: readonly Float64Array[] | undefined,
  dims: readonly number[],
): Float64Array[] {
  return from.map((w, i) => {
    const [rows, cols] = [dims[i + 1]!, dims[i]!];
    const out = new Float64Array(w.length);
    for (let r = 0; r < rows; r++) {
      const row = permutations[i]?.[r] ?? r;
      const up = factors?.[i]?.[r] ?? 1;
      for (let c = 0; c < cols; c++) {
        const column = permutations[i - 1]?.[c] ?? c;
        out[r * cols + c] = (w[row * cols + column]! * up) / (factors?.[i - 1]?.[c] ?? 1);
      }
    }
    return out;
  });
}

/**
 * The network rescaled so that every hidden neuron's incoming and outgoing weights have the same norm, and the factors
 * that do it. With several hidden layers the norms depend on each other: layers are balanced in turn until they settle.
 */
export function balanced(
  weights: DenseWeights,
  dims: readonly number[],
): { weights: Float64Array[]; factors: Float64Array[] } {
  const hidden = weights.length - 1;
  const identities = dims.slice(1, -1).map(identityPermutation);
  const factors = identities.map((p) => new Float64Array(p.length).fill(1));
  let current: Float64Array[] = weights.map((w) => w.slice());
  for (let round = 0, moved = 1; round < 2000 && moved > 1e-15; round++) {
    moved = 0;
    for (let i = 0; i < hidden; i++) {
      const { incoming, outgoing } = neuronNorms(current, dims, i);
      const step = incoming.map((norm, j) =>
        norm > 0 && outgoing[j]! > 0 ? Math.sqrt(outgoing[j]! / norm) : 1,
      );
      moved = step.reduce((most, c) => Math.max(most, Math.abs(c - 1)), moved);
      factors[i] = factors[i]!.map((c, j) => c * step[j]!);
      const only = identities.map((p, k) => (k === i ? step : new Float64Array(p.length).fill(1)));
      current = apply(current, identities, only, dims);
    }
  }
  return { weights: current, factors };
}

/** Norms of each hidden neuron's incoming row and outgoing column. */
export function neuronNorms(
  weights: DenseWeights,
  dims: readonly number[],
  i: number,
): { incoming: Float64Array; outgoing: Float64Array } {
  const [inputs, width, outputs] = [dims[i]!, dims[i + 1]!, dims[i + 2]!];
  const incoming = new Float64Array(width);
  const outgoing = new Float64Array(width);
  for (let j = 0; j < width; j++) {
    for (let p = 0; p < inputs; p++) incoming[j]! += weights[i]![j * inputs + p]! ** 2;
    for (let q = 0; q < outputs; q++) outgoing[j]! += weights[i + 1]![q * width + j]! ** 2;
  }
  return { incoming: incoming.map(Math.sqrt), outgoing: outgoing.map(Math.sqrt) };
}
