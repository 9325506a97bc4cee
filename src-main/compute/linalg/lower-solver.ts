/** Many small Cholesky factors, each solved against rows picked from the same columns. */
import { Simd } from './simd.ts';

/** Rows of a factor, and columns solved for, at a time. */
const block = 4;
/** Bytes of a row of a panel. */
const rowBytes = 8 * block;

/** Where the factor's block of rows I begins, in numbers: before it lie 4 (4 I' + 4) for every block I' above. */
const blockStart = (i: number): number => 8 * i * (i + 1);

/** Numbers that the factors held take at most together (half a MiB), unless one alone takes more. */
const mostFactors = 2 ** 16;
/** Numbers of the panels that all systems are solved against before the next (128 KiB): they stay in the cache. */
const panelGroup = 2 ** 14;

/**
 * B [rows, count] in panels of four columns, as `LowerSolver` takes them: each has a row of zeros at its end, and
 * columns beyond the last are zero. In memory that threads share.
 */
export function panelsOf(
  columns: Float64Array,
  rows: number,
  count: number,
): Float64Array<SharedArrayBuffer> {
  const panels = Math.ceil(count / block);
  const out = new Float64Array(new SharedArrayBuffer(8 * panels * panelSize(rows)));
  for (let panel = 0; panel < panels; panel++) {
    const [start, first] = [panel * panelSize(rows), panel * block];
    const some = Math.min(block, count - first);
    for (let i = 0; i < rows; i++) {
      for (let c = 0; c < some; c++) out[start + i * block + c] = columns[i * count + first + c]!;
    }
  }
  return out;
}

const panelSize = (rows: number): number => (rows + 1) * block;

/**
 * Holds B [rows, count]. Systems S = L L^T are added one after the other; then |L^-1 (rows of B - shift)|^2 is found for
 * every system and all columns of B. Memory: B once more, half a MiB, and four times the largest factor.
 */
export class LowerSolver {
  /** Systems that can be held at once. */
  readonly capacity: number;
  readonly #panels: number;
  readonly #rows: number;
  readonly #padded: number;
  readonly #simd = new Simd();
  readonly #memory: Float64Array;
  readonly #integers: Int32Array;
  readonly #at: Layout;
  /** Per system held, its rows rounded up to whole blocks. */
  readonly #held: number[] = [];

  /** @param panels see `panelsOf`. @param rows of B. @param most rows that a factor has at most */
  constructor(panels: Float64Array, rows: number, most: number) {
    this.#panels = panels.length / panelSize(rows);
    this.#rows = rows;
    this.#padded = paddedSize(most);
    const factor = Math.max(1, blockStart(this.#padded / block));
    this.capacity = Math.max(1, Math.floor(mostFactors / factor));
    this.#at = layoutOf(panels.length, this.#panels, this.#padded, this.capacity);
    this.#memory = this.#simd.numbers(this.#at.end);
    this.#integers = new Int32Array(this.#memory.buffer);
    this.#memory.set(panels);
    const { unit, offsets } = this.#at;
    for (let i = 0; i < this.#padded; i++) {
      this.#memory[unit + ((i >> 2) * this.#padded + i) * block + (i & 3)] = 1;
      this.#integers[2 * offsets + i] = i * rowBytes;
    }
  }

  /** Bytes of memory that this takes. */
  get bytes(): number {
    return this.#memory.byteLength;
  }

  /** How many systems are held. */
  get held(): number {
    return this.#held.length;
  }

  /**
   * Factors S [size, size], of which the lower triangle is read, and holds it.
   * @param places rows of B, one per row of S. @param shift as many numbers, taken from every column
   * @returns trace(S^-1) = |L^-1|_F^2; undefined, and nothing is held, unless S is positive definite, to rounding
   * @throws RangeError where no more can be held: `solve` first
   */
  add(lower: Float64Array, size: number, places: Int32Array, shift: Float64Array): number | undefined {
    if (this.held === this.capacity) throw new RangeError(`no more than ${this.held} can be held at once`);
    const system = this.#system(this.held);
    const padded = paddedSize(size);
    for (let i = 0; i < padded / block; i++) {
      if (!this.#factorRows(system.factor, lower, size, i)) return undefined;
    }
    for (let p = 0; p < padded; p++) {
      this.#integers[2 * system.offsets + p] = (p < size ? places[p]! : this.#rows) * rowBytes;
      this.#memory[system.shift + p] = p < size ? shift[p]! : 0;
    }
    this.#held.push(padded);
    return this.#inverseSquares(system.factor, size);
  }

  /**
   * Solves the systems held, and lets go of them.
   * @returns per system and column of B, |L^-1 (B[places] - shift)|^2: [held, 4 ceil(count / 4)]; the next call of any
   * method overwrites it
   */
  solve(): Float64Array {
    const { out, x } = this.#at;
    const { run } = this.#simd;
    const width = block * this.#panels;
    const size = panelSize(this.#rows);
    const group = Math.max(1, Math.floor(panelGroup / size));
    for (let from = 0; from < this.#panels; from += group) {
      const to = Math.min(this.#panels, from + group);
      for (const [index, padded] of this.#held.entries()) {
        const { factor, offsets, shift } = this.#system(index);
        const result = out + index * width + block * from;
        if (padded === 0) this.#memory.fill(0, result, result + block * (to - from));
        else {
          const [panels, end] = [8 * from * size, 8 * to * size];
          const xEnd = 8 * x + padded * rowBytes;
          run.solve(panels, end, 8 * size, 8 * offsets, 8 * factor, 8 * x, xEnd, 8 * shift, 8 * result);
        }
      }
    }
    return this.#memory.subarray(out, out + this.#held.splice(0).length * width);
  }

  #system(index: number): { factor: number; shift: number; offsets: number } {
    const { factors, shifts, places } = this.#at;
    return {
      factor: factors + index * blockStart(this.#padded / block),
      shift: shifts + index * this.#padded,
      offsets: places + (index * this.#padded) / 2,
    };
  }

  /** Rows 4 I to 4 I + 3 of L: L^-1 of those columns of S, as far as they lie above, then the block on the diagonal. */
  #factorRows(factor: number, lower: Float64Array, size: number, i: number): boolean {
    const { panel, sums, offsets, zeros, out } = this.#at;
    const memory = this.#memory;
    const [first, above] = [i * block, factor + blockStart(i)];
    for (let c = 0; c < block; c++) {
      const row = (first + c) * size;
      const real = first + c < size;
      for (let p = 0; p < first; p++) memory[panel + block * p + c] = real ? lower[row + p]! : 0;
    }
    if (i === 0) memory.fill(0, sums, sums + block ** 2);
    else {
      const { run } = this.#simd;
      const [x, depth] = [8 * above, first * rowBytes];
      run.solve(8 * panel, 8 * panel + 1, 1, 8 * offsets, 8 * factor, x, x + depth, 8 * zeros, 8 * out);
      run.products(x, x, depth, x + depth, 8 * sums);
    }
    const tile = above + first * block;
    for (let c = 0; c < block; c++) {
      for (let r = c; r < block; r++) {
        const [row, column] = [first + r, first + c];
        const given = row < size ? lower[row * size + column]! : row === column ? 1 : 0;
        memory[tile + block * c + r] = given - memory[sums + block * r + c]!;
      }
    }
    return this.#factorTile(tile);
  }

  /** The factor of one tile, column by column, with the reciprocals of its diagonal. */
  #factorTile(tile: number): boolean {
    const memory = this.#memory;
    for (let c = 0; c < block; c++) {
      for (let r = c; r < block; r++) {
        let sum = memory[tile + block * c + r]!;
        for (let p = 0; p < c; p++) sum -= memory[tile + block * p + r]! * memory[tile + block * p + c]!;
        if (r > c) memory[tile + block * c + r] = sum * memory[tile + (block + 1) * c]!;
        else if (sum > 0) memory[tile + (block + 1) * c] = 1 / Math.sqrt(sum);
        else return false;
      }
    }
    return true;
  }

  #inverseSquares(factor: number, size: number): number {
    const { unit, offsets, x, zeros, out } = this.#at;
    const bytes = this.#padded * rowBytes;
    const padded = paddedSize(size);
    if (padded === 0) return 0;
    const [first, end] = [8 * unit, 8 * unit + (padded / block) * bytes];
    const xEnd = 8 * x + padded * rowBytes;
    this.#simd.run.solve(first, end, bytes, 8 * offsets, 8 * factor, 8 * x, xEnd, 8 * zeros, 8 * out);
    let sum = 0;
    for (let p = 0; p < size; p++) sum += this.#memory[out + p]!;
    return sum;
  }
}

/** Where what lies in the memory, in numbers; B lies first. */
interface Layout {
  /** Of all systems, one after the other. */
  factors: number;
  shifts: number;
  places: number;
  /** Room for one solved panel, and for one panel of S. */
  x: number;
  panel: number;
  /** The identity, in panels of four columns, its offsets, and no shift. */
  unit: number;
  offsets: number;
  zeros: number;
  sums: number;
  out: number;
  end: number;
}

function layoutOf(afterColumns: number, panels: number, padded: number, capacity: number): Layout {
  const factors = afterColumns;
  const shifts = factors + capacity * blockStart(padded / block);
  const places = shifts + capacity * padded;
  const x = places + (capacity * padded) / 2;
  const panel = x + block * padded;
  const unit = panel + block * padded;
  const offsets = unit + padded ** 2;
  const zeros = offsets + padded / 2;
  const sums = zeros + padded;
  const out = sums + block ** 2;
  const end = out + Math.max(capacity * block * panels, padded);
  return { factors, shifts, places, x, panel, unit, offsets, zeros, sums, out, end };
}

const paddedSize = (size: number): number => block * Math.ceil(size / block);
