/** Roots of the secular equation 1 / rho + sum_j z_j^2 / (d_j - x) = 0, one right of each pole. */

/** Root i is poles[origin[i]] + shift[i]; differences to poles are exact only when formed through the shift. */
export interface SecularRoots {
  readonly origin: Int32Array;
  readonly shift: Float64Array;
}

/** `poles` strictly rising, no weight 0, rho > 0. */
export function secularRoots(poles: Float64Array, weights: Float64Array, rho: number): SecularRoots {
  const count = poles.length;
  const squares = weights.map((z) => z * z);
  const origin = new Int32Array(count);
  const shift = new Float64Array(count);
  const gaps = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const search = new RootSearch(poles, squares, 1 / rho, i, gaps);
    shift[i] = search.find();
    origin[i] = search.origin;
  }
  return { origin, shift };
}

/** [i, j] = poles[j] - root i, to full relative accuracy. */
export function differences(poles: Float64Array, roots: SecularRoots): Float64Array {
  const count = poles.length;
  const out = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    const base = poles[roots.origin[i]!]!;
    const shift = roots.shift[i]!;
    for (let j = 0; j < count; j++) out[i * count + j] = poles[j]! - base - shift;
  }
  return out;
}

/** Bracketed iteration with the two-pole rational model of R.-C. Li ("middle way", LAPACK working note 89). */
class RootSearch {
  readonly #poles: Float64Array;
  readonly #squares: Float64Array;
  readonly #constant: number;
  readonly #index: number;
  /** poles - poles[origin] */
  readonly #gaps: Float64Array;
  origin: number;
  #low: number;
  #high: number;
  /** Value, slopes of the part left and right of the root, and the rounding error of the value. */
  #value = 0;
  #slopeLeft = 0;
  #slopeRight = 0;
  #noise = 0;

  constructor(
    poles: Float64Array,
    squares: Float64Array,
    constant: number,
    index: number,
    gaps: Float64Array,
  ) {
    this.#poles = poles;
    this.#squares = squares;
    this.#constant = constant;
    this.#index = index;
    this.#gaps = gaps;
    this.origin = index;
    this.#low = 0;
    this.#high = 0;
  }

  find(): number {
    const last = this.#index === this.#poles.length - 1;
    const width = last
      ? this.#sum() / this.#constant
      : this.#poles[this.#index + 1]! - this.#poles[this.#index]!;
    this.#measureFrom(this.#index);
    this.#evaluate(width / 2);
    this.#low = 0;
    this.#high = width;
    let x = width / 2;
    if (this.#value >= 0) this.#high = x;
    else if (last) this.#low = x;
    else {
      this.#measureFrom(this.#index + 1); // the root is nearer to the next pole
      this.#low = -x;
      this.#high = 0;
      x = -x;
      this.#evaluate(x);
    }
    for (let step = 0; step < 120; step++) {
      if (Math.abs(this.#value) <= this.#noise) return x;
      if (this.#value < 0) this.#low = x;
      else this.#high = x;
      const next = x + (last ? this.#onePoleStep(x) : this.#twoPoleStep(x));
      const inside = next > this.#low && next < this.#high;
      const moved = inside ? next : this.#bisected();
      if (moved === x || !(moved > this.#low && moved < this.#high)) return x;
      x = moved;
      this.#evaluate(x);
    }
    return x;
  }

  /** Arithmetic middle; geometric where the bracket spans decades beside the pole, where roots may hide. */
  #bisected(): number {
    const [low, high] = [this.#low, this.#high];
    const middle = (low + high) / 2;
    const [near, far] = low === 0 || high === 0 ? [0, 0] : [low, high];
    return near * far > 0 && Math.max(near / far, far / near) > 16
      ? Math.sign(near) * Math.sqrt(near * far)
      : middle;
  }

  #sum(): number {
    return this.#squares.reduce((total, square) => total + square, 0);
  }

  #measureFrom(origin: number): void {
    this.origin = origin;
    const base = this.#poles[origin]!;
    for (let j = 0; j < this.#poles.length; j++) this.#gaps[j] = this.#poles[j]! - base;
  }

  #evaluate(x: number): void {
    const gaps = this.#gaps;
    const squares = this.#squares;
    let left = 0;
    let slopeLeft = 0;
    for (let j = 0; j <= this.#index; j++) {
      const inverse = 1 / (gaps[j]! - x);
      const term = squares[j]! * inverse;
      left += term;
      slopeLeft += term * inverse;
    }
    let right = 0;
    let slopeRight = 0;
    for (let j = this.#index + 1; j < gaps.length; j++) {
      const inverse = 1 / (gaps[j]! - x);
      const term = squares[j]! * inverse;
      right += term;
      slopeRight += term * inverse;
    }
    this.#value = this.#constant + left + right;
    this.#slopeLeft = slopeLeft;
    this.#slopeRight = slopeRight;
    const size = 8 * (right - left) + this.#constant + Math.abs(x) * (slopeLeft + slopeRight);
    this.#noise = Number.EPSILON * size;
  }

  /** Root of c + p / (delta_i - h) + q / (delta_{i+1} - h), fitted to the slopes on both sides. */
  #twoPoleStep(x: number): number {
    const near = this.#gaps[this.#index]! - x;
    const next = this.#gaps[this.#index + 1]! - x;
    const slope = this.#slopeLeft + this.#slopeRight;
    const a = (near + next) * this.#value - near * next * slope;
    const b = near * next * this.#value;
    const c = this.#value - near * this.#slopeLeft - next * this.#slopeRight;
    const root = Math.sqrt(Math.abs(a * a - 4 * b * c));
    if (a > 0) return (2 * b) / (a + root);
    return c === 0 ? b / a : (a - root) / (2 * c);
  }

  /** Root of c + p / (delta_i - h). */
  #onePoleStep(x: number): number {
    const near = this.#gaps[this.#index]! - x;
    const c = this.#value - near * this.#slopeLeft;
    return near + (near * near * this.#slopeLeft) / c;
  }
}
