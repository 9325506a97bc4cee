/** Householder reduction of a symmetric matrix to tridiagonal form, in panels (LAPACK dsytrd; Golub, Van Loan 8.3.1). */
import { addProduct, multiply, subView, transposedView, view } from './multiply.ts';
import { Simd } from './simd.ts';

export interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
  /** Row k holds reflector k, I - tau_k y y^T, nonzero from entry k + 1 on where it is 1. */
  readonly reflectors: Float64Array;
  readonly taus: Float64Array;
}

const panelWidth = 32;

/** Holds the part not reduced yet; let go of when it has grown beyond `mostKept`. */
let simd = new Simd();
const mostKept = 2 ** 22;

/** The upper triangle in rows of `stride` numbers, of which those from n on stay zero, and room for a product with it. */
interface Workspace {
  readonly n: number;
  readonly stride: number;
  readonly memory: Float64Array;
  /** Where the vectors x and a x, and the sums of four rows, lie in `memory`. */
  readonly atX: number;
  readonly atProduct: number;
  readonly atSums: number;
}

function workspaceOf(a: Float64Array, n: number): Workspace {
  const stride = n + 2 + (n & 1);
  const atX = n * stride;
  const atProduct = atX + stride;
  const atSums = atProduct + stride;
  const memory = simd.numbers(atSums + 8);
  memory.fill(0, 0, atSums);
  for (let i = 0; i < n; i++) memory.set(a.subarray(i * n + i, (i + 1) * n), i * stride + i);
  return { n, stride, memory, atX, atProduct, atSums };
}

/**
 * Reduces `a` [n, n], of which the upper triangle is read: Q^T a Q = T with Q the product of the reflectors. The entries
 * should be of order 1 (the caller scales).
 */
export function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const steps = Math.max(0, n - 2);
  const out = {
    diagonal: new Float64Array(n),
    off: new Float64Array(Math.max(0, n - 1)),
    reflectors: new Float64Array(steps * n),
    taus: new Float64Array(steps),
  };
  const work = workspaceOf(a, n);
  const panel = new Float64Array(panelWidth * n);
  for (let start = 0; start < steps; start += panelWidth) {
    const width = Math.min(panelWidth, steps - start);
    for (let i = 0; i < width; i++) reduceColumn(work, start, i, panel, out);
    updateTrailing(work, start, width, panel, out.reflectors);
  }
  const { memory, stride } = work;
  for (let k = steps; k < n; k++) {
    out.diagonal[k] = memory[k * stride + k]!;
    if (k + 1 < n) out.off[k] = memory[k * stride + k + 1]!;
  }
  if (memory.length > mostKept) simd = new Simd();
  return out;
}

/** One column of a panel: bring it up to date, reflect it, and form the vector w of the rank-two update. */
function reduceColumn(work: Workspace, start: number, i: number, w: Float64Array, out: Tridiagonal): void {
  const k = start + i;
  const { n, stride } = work;
  const { reflectors, taus } = out;
  const row = work.memory.subarray(k * stride, k * stride + n);
  for (let p = 0; p < i; p++) {
    const y = (start + p) * n;
    const yk = reflectors[y + k]!;
    const wk = w[p * n + k]!;
    for (let j = k; j < n; j++) row[j]! -= reflectors[y + j]! * wk + w[p * n + j]! * yk;
  }
  out.diagonal[k] = row[k]!;
  const y = reflectors.subarray(k * n, (k + 1) * n);
  const { tau, beta } = reflector(row, y, k + 1, n);
  taus[k] = tau;
  out.off[k] = beta;
  const wi = w.subarray(i * n, (i + 1) * n);
  wi.fill(0);
  if (tau === 0) return;
  symmetricTimes(work, k + 1, y, wi);
  for (let p = 0; p < i; p++) {
    const yp = reflectors.subarray((start + p) * n, (start + p + 1) * n);
    const wp = w.subarray(p * n, (p + 1) * n);
    let wy = 0;
    let yy = 0;
    for (let j = k + 1; j < n; j++) {
      wy += wp[j]! * y[j]!;
      yy += yp[j]! * y[j]!;
    }
    for (let j = k + 1; j < n; j++) wi[j]! -= yp[j]! * wy + wp[j]! * yy;
  }
  let dot = 0;
  for (let j = k + 1; j < n; j++) dot += wi[j]! * y[j]!;
  const half = (tau * tau * dot) / 2;
  for (let j = k + 1; j < n; j++) wi[j] = tau * wi[j]! - half * y[j]!;
}

/** I - tau y y^T takes x[from..] to (beta, 0 .. 0); y[from] = 1. */
function reflector(x: Float64Array, y: Float64Array, from: number, n: number): { tau: number; beta: number } {
  let tail = 0;
  for (let j = from + 1; j < n; j++) tail += x[j]! * x[j]!;
  const head = x[from]!;
  y[from] = 1;
  // The matrix is scaled to entries of order 1: what is below this is not there, and its square root has no digits.
  if (tail < 1e-290) return { tau: 0, beta: head };
  const norm = Math.sqrt(head * head + tail);
  const beta = head > 0 ? -norm : norm;
  const scale = 1 / (head - beta);
  for (let j = from + 1; j < n; j++) y[j] = x[j]! * scale;
  return { tau: (beta - head) / beta, beta };
}

/** out = a x over indices [from, n). */
function symmetricTimes(work: Workspace, from: number, x: Float64Array, out: Float64Array): void {
  const { n, stride, memory, atX, atProduct } = work;
  memory.set(x.subarray(from), atX + from);
  memory.fill(0, atProduct + from, atProduct + n);
  for (let i = from; i < n; i += 4) {
    const rows = Math.min(4, n - i);
    for (let r = i; r < i + rows; r++) {
      const xr = memory[atX + r]!;
      memory[atProduct + r]! += memory[r * stride + r]! * xr;
      for (let j = r + 1; j < i + rows; j++) {
        const entry = memory[r * stride + j]!;
        memory[atProduct + r]! += entry * memory[atX + j]!;
        memory[atProduct + j]! += entry * xr;
      }
    }
    if (i + 4 < n) rightOfDiagonal(work, i);
  }
  out.set(memory.subarray(atProduct + from, atProduct + n), from);
}

/** What rows i to i + 3, right of their square on the diagonal, add to the product. */
function rightOfDiagonal({ n, stride, memory, atX, atProduct, atSums }: Workspace, i: number): void {
  const right = i + 4;
  const [x, xEnd, product] = [atX + right, atX + n, atProduct + right];
  simd.run.fourRows(
    8 * (i * stride + right),
    8 * stride,
    8 * x,
    8 * xEnd,
    8 * product,
    8 * (atX + i),
    8 * atSums,
  );
  for (let r = 0; r < 4; r++) {
    memory[atProduct + i + r]! += memory[atSums + 2 * r]! + memory[atSums + 2 * r + 1]!;
  }
}

/** a -= Y W^T + W Y^T on the upper triangle of the part not reduced yet. */
function updateTrailing(
  { n, stride, memory }: Workspace,
  start: number,
  width: number,
  w: Float64Array,
  reflectors: Float64Array,
): void {
  const from = start + width;
  const size = n - from;
  const left = new Float64Array(size * 2 * width);
  const right = new Float64Array(size * 2 * width);
  for (let p = 0; p < width; p++) {
    for (let j = 0; j < size; j++) {
      const y = reflectors[(start + p) * n + from + j]!;
      const x = w[p * n + from + j]!;
      left[j * 2 * width + p] = y;
      left[j * 2 * width + width + p] = x;
      right[j * 2 * width + p] = x;
      right[j * 2 * width + width + p] = y;
    }
  }
  const rows = 128;
  const target = view(memory, stride, from * stride + from);
  const factor = view(left, 2 * width);
  const other = transposedView(view(right, 2 * width));
  for (let i = 0; i < size; i += rows) {
    const count = Math.min(rows, size - i);
    const [to, x, y] = [subView(target, i, i), subView(factor, i, 0), subView(other, 0, i)];
    addProduct(to, x, y, count, 2 * width, size - i, -1);
  }
}

/** Replaces each row x of `rows` [count, n] by Q x, Q being the product of the reflectors, a panel at a time. */
export function applyReflectors(rows: Float64Array, count: number, n: number, of: Tridiagonal): void {
  const steps = of.taus.length;
  const lastStart = steps === 0 ? -1 : Math.floor((steps - 1) / panelWidth) * panelWidth;
  for (let start = lastStart; start >= 0; start -= panelWidth) {
    const width = Math.min(panelWidth, steps - start);
    const size = n - start;
    const y = view(of.reflectors, n, start * n + start); // [width, size]
    const x = view(rows, n, start);
    const projected = new Float64Array(count * width);
    addProduct(view(projected, width), x, transposedView(y), count, size, width, 1);
    const mixed = multiply(projected, blockFactor(of, start, width, n), count, width, width);
    addProduct(x, view(mixed, width), y, count, width, size, -1);
  }
}

/** transpose(T) of the compact form H_0 H_1 .. = I - Y T Y^T (R. Schreiber and C. Van Loan, 1989). */
function blockFactor(of: Tridiagonal, start: number, width: number, n: number): Float64Array {
  const t = new Float64Array(width * width); // lower triangular: transposed
  for (let i = 0; i < width; i++) {
    const tau = of.taus[start + i]!;
    t[i * width + i] = tau;
    const yi = (start + i) * n;
    const dots = new Float64Array(i);
    for (let p = 0; p < i; p++) {
      const yp = (start + p) * n;
      let dot = 0;
      for (let j = start + i + 1; j < n; j++) dot += of.reflectors[yp + j]! * of.reflectors[yi + j]!;
      dots[p] = dot;
    }
    for (let r = 0; r < i; r++) {
      let sum = 0;
      for (let p = r; p < i; p++) sum += t[p * width + r]! * dots[p]!;
      t[i * width + r] = -tau * sum;
    }
  }
  return t;
}
