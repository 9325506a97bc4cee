/** Householder reduction of a symmetric matrix to tridiagonal form, in panels (LAPACK dsytrd; Golub, Van Loan 8.3.1). */
import { addProduct, multiply, multiplyTransposedRight, subView, transposedView, view } from './multiply.ts';
import { Simd } from './simd.ts';

export interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly off: Float64Array;
  /** Row k holds reflector k, I - tau_k y y^T, nonzero from entry k + 1 on where it is 1. */
  readonly reflectors: Float64Array;
  readonly taus: Float64Array;
}

const panelWidth = 32;

/** Holds what is being reduced; let go of when it has grown beyond `mostKept` numbers. */
let simd = new Simd();
const mostKept = 2 ** 22;

/**
 * Reduces `a` [n, n], of which the upper triangle is read: Q^T a Q = T with Q the product of the reflectors. The entries
 * should be of order 1 (the caller scales).
 */
export function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const reduction = new Reduction(a, n);
  for (let start = 0; start < n - 2; start += panelWidth) reduction.panel(start);
  const out = reduction.finish();
  if (simd.numbers(0).length > mostKept) simd = new Simd();
  return out;
}

/**
 * The matrix while it is reduced, in the memory of the kernels: rows of `stride` numbers, of which those from n on stay
 * zero, since the kernels go by twos. After it three times `panelWidth` rows: reflectors Y, vectors W, and Y once more, so
 * that a -= Y W^T + W Y^T is one product.
 */
class Reduction {
  readonly #n: number;
  readonly #stride: number;
  readonly #memory: Float64Array;
  readonly #atFactors: number;
  readonly #atSums: number;
  readonly #out: Tridiagonal;

  constructor(a: Float64Array, n: number) {
    const steps = Math.max(0, n - 2);
    this.#n = n;
    this.#stride = n + 2 + (n & 1);
    this.#atFactors = this.#stride * (n + 3 * panelWidth);
    this.#atSums = this.#atFactors + panelWidth;
    this.#memory = simd.numbers(this.#atSums + 8);
    this.#memory.fill(0, 0, this.#atFactors);
    for (let i = 0; i < n; i++) this.#memory.set(a.subarray(i * n + i, (i + 1) * n), i * this.#stride + i);
    this.#out = {
      diagonal: new Float64Array(n),
      off: new Float64Array(Math.max(0, n - 1)),
      reflectors: new Float64Array(steps * n),
      taus: new Float64Array(steps),
    };
  }

  /** Where row p of Y lies; W is `panelWidth` rows further on. */
  #y(p: number): number {
    return (this.#n + p) * this.#stride;
  }

  #w(p: number): number {
    return this.#y(p + panelWidth);
  }

  panel(start: number): void {
    const n = this.#n;
    const memory = this.#memory;
    const width = Math.min(panelWidth, n - 2 - start);
    memory.fill(0, this.#y(0), this.#y(3 * panelWidth));
    for (let i = 0; i < width; i++) this.#reduceColumn(start, i);
    memory.copyWithin(this.#y(2 * panelWidth), this.#y(0), this.#y(panelWidth));
    for (let i = 0; i < width; i++) {
      this.#out.reflectors.set(memory.subarray(this.#y(i), this.#y(i) + n), (start + i) * n);
    }
    this.#updateTrailing(start + width);
  }

  /** One column of a panel: bring it up to date, reflect it, and form the vector w of the rank-two update. */
  #reduceColumn(start: number, i: number): void {
    const k = start + i;
    const n = this.#n;
    const memory = this.#memory;
    const row = k * this.#stride;
    this.#combine(this.#y(0), i, row, k, (p) => memory[this.#w(p) + k]!);
    this.#combine(this.#w(0), i, row, k, (p) => memory[this.#y(p) + k]!);
    const [y, w] = [this.#y(i), this.#w(i)];
    const { tau, beta } = reflector(memory, row, y, k + 1, n);
    this.#out.diagonal[k] = memory[row + k]!;
    this.#out.taus[k] = tau;
    this.#out.off[k] = beta;
    if (tau === 0) return;
    this.#multiply(k + 1, y, w);
    const ofW = this.#dots(this.#w(0), i, y, k + 1);
    const ofY = this.#dots(this.#y(0), i, y, k + 1);
    this.#combine(this.#y(0), i, w, k + 1, (p) => ofW[p]!);
    this.#combine(this.#w(0), i, w, k + 1, (p) => ofY[p]!);
    let dot = 0;
    for (let j = k + 1; j < n; j++) dot += memory[w + j]! * memory[y + j]!;
    const half = (tau * tau * dot) / 2;
    for (let j = k + 1; j < n; j++) memory[w + j] = tau * memory[w + j]! - half * memory[y + j]!;
  }

  /** Over indices [from, n): x -= sum_{p < count} factor(p) row p. */
  #combine(rows: number, count: number, x: number, from: number, factor: (p: number) => number): void {
    const stride = this.#stride;
    for (let p = 0; p < count; p += 4) {
      for (let r = 0; r < 4; r++) this.#memory[this.#atFactors + r] = p + r < count ? -factor(p + r) : 0;
      const [first, end] = [8 * (x + from), 8 * (x + this.#n)];
      simd.run.combine(8 * (rows + p * stride + from), 8 * stride, first, end, 8 * this.#atFactors);
    }
  }

  /** Over indices [from, n): row p times x, for p < count at least. */
  #dots(rows: number, count: number, x: number, from: number): Float64Array {
    const stride = this.#stride;
    const out = new Float64Array(panelWidth);
    for (let p = 0; p < count; p += 4) {
      const [first, end] = [8 * (x + from), 8 * (x + this.#n)];
      simd.run.dots(8 * (rows + p * stride + from), 8 * stride, first, end, 8 * this.#atSums);
      for (let r = 0; r < 4; r++) out[p + r] = this.#sum(r);
    }
    return out;
  }

  #sum(r: number): number {
    return this.#memory[this.#atSums + 2 * r]! + this.#memory[this.#atSums + 2 * r + 1]!;
  }

  /** Over indices [from, n): product = a x; zero before. */
  #multiply(from: number, x: number, product: number): void {
    const n = this.#n;
    const stride = this.#stride;
    const memory = this.#memory;
    for (let i = from; i < n; i += 4) {
      const rows = Math.min(4, n - i);
      for (let r = i; r < i + rows; r++) {
        const xr = memory[x + r]!;
        memory[product + r]! += memory[r * stride + r]! * xr;
        for (let j = r + 1; j < i + rows; j++) {
          const entry = memory[r * stride + j]!;
          memory[product + r]! += entry * memory[x + j]!;
          memory[product + j]! += entry * xr;
        }
      }
      const right = i + 4;
      if (right >= n) return;
      const [first, end] = [8 * (x + right), 8 * (x + n)];
      const to = 8 * (product + right);
      const row = 8 * (i * stride + right);
      simd.run.symmetric(row, 8 * stride, first, end, 8 * this.#atSums, to, 8 * (x + i));
      for (let r = 0; r < 4; r++) memory[product + i + r]! += this.#sum(r);
    }
  }

  /** a -= Y W^T + W Y^T on the upper triangle of the part not reduced yet. */
  #updateTrailing(from: number): void {
    const stride = this.#stride;
    const size = this.#n - from;
    const target = view(this.#memory, stride, from * stride + from);
    const left = transposedView(view(this.#memory, stride, this.#y(0) + from));
    const right = view(this.#memory, stride, this.#w(0) + from);
    const rows = 128;
    for (let i = 0; i < size; i += rows) {
      const [to, x, y] = [subView(target, i, i), subView(left, i, 0), subView(right, 0, i)];
      addProduct(to, x, y, Math.min(rows, size - i), 2 * panelWidth, size - i, -1);
    }
  }

  finish(): Tridiagonal {
    const { diagonal, off } = this.#out;
    const n = this.#n;
    for (let k = Math.max(0, n - 2); k < n; k++) {
      diagonal[k] = this.#memory[k * this.#stride + k]!;
      if (k + 1 < n) off[k] = this.#memory[k * this.#stride + k + 1]!;
    }
    return this.#out;
  }
}

/** I - tau y y^T takes x[from..n) to (beta, 0 .. 0); y[from] = 1. x and y begin at places of `memory`. */
function reflector(
  memory: Float64Array,
  x: number,
  y: number,
  from: number,
  n: number,
): { tau: number; beta: number } {
  let tail = 0;
  for (let j = from + 1; j < n; j++) tail += memory[x + j]! * memory[x + j]!;
  const head = memory[x + from]!;
  memory[y + from] = 1;
  // The matrix is scaled to entries of order 1: what is below this is not there, and its square root has no digits.
  if (tail < 1e-290) return { tau: 0, beta: head };
  const norm = Math.sqrt(head * head + tail);
  const beta = head > 0 ? -norm : norm;
  const scale = 1 / (head - beta);
  for (let j = from + 1; j < n; j++) memory[y + j] = memory[x + j]! * scale;
  return { tau: (beta - head) / beta, beta };
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
  const rows = of.reflectors.subarray(start * n, (start + width) * n);
  const dots = multiplyTransposedRight(rows, rows, width, n, width);
  for (let i = 0; i < width; i++) {
    const tau = of.taus[start + i]!;
    t[i * width + i] = tau;
    for (let r = 0; r < i; r++) {
      let sum = 0;
      for (let p = r; p < i; p++) sum += t[p * width + r]! * dots[p * width + i]!;
      t[i * width + r] = -tau * sum;
    }
  }
  return t;
}
