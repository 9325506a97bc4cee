/** Values to pixels, in tight loops: millions of entries must become colours within one frame or two. */
import { levels, palette, transformValue, type ColourScale } from '../../src-shared/figures/colour.ts';
import type { Matrix } from '../../src-shared/matrix.ts';
import type { Arrangement } from './order.ts';

export interface Paint {
  scale: ColourScale;
  /** Entries whose absolute value is below are greyed out. */
  threshold: number;
  missing: string;
  faint: string;
}

/** Pixels as a canvas has them (RGBA in memory), row by row. */
export interface Pixels {
  width: number;
  height: number;
  /** Signed: 32-bit integers stay integers in compiled code, unsigned ones become floating-point numbers. */
  data: Int32Array<ArrayBuffer>;
}

/** Part of the arranged matrix: from (x, y), in places on screen. */
export interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Places in the table of colours beside the levels 0..levels-1 of the scale. */
const missing = levels;
const faint = levels + 1;

/** Entries per pixel and direction, at most: sums of two channels share one 32-bit number. */
export const mostPerPixel = 16;

const opaque = 255 << 24;

/** Chromium runs on little-endian machines only. */
const packed = ([red, green, blue]: readonly number[]): number =>
  opaque | (blue! << 16) | (green! << 8) | red!;

/** Colour of each level, of missing values and of those below the threshold. */
function tableOf(paint: Paint): Int32Array {
  const colours = palette(paint.scale.map, paint.missing).map(packed);
  return Int32Array.from([...colours, packed(palette(paint.scale.map, paint.faint).at(-1)!)]);
}

/** As `levelOf` says, for `count` values from `from` on. */
function linearLevels(
  values: Float64Array | Float32Array,
  from: number,
  count: number,
  low: number,
  perUnit: number,
  out: Uint16Array,
): void {
  for (let j = 0; j < count; j++) {
    const t = Math.min(levels - 1, Math.max(0, (values[from + j]! - low) * perUnit + 0.5));
    out[j] = Number.isNaN(t) ? missing : t | 0;
  }
}

/** The same for values that were transformed first. */
function transformedLevels(
  transform: ColourScale['transform'],
  values: Float64Array | Float32Array,
  from: number,
  count: number,
  low: number,
  perUnit: number,
  out: Uint16Array,
): void {
  for (let j = 0; j < count; j++) {
    const v = values[from + j]!;
    const forward = transform === 'log' ? Math.log10(v) : v < 0 ? -Math.sqrt(-v) : Math.sqrt(v);
    const t = Math.min(levels - 1, Math.max(0, (forward - low) * perUnit + 0.5));
    out[j] = Number.isNaN(t) ? missing : t | 0;
  }
}

/** Colours a matrix as it is arranged, whole or in parts, in full or averaged over blocks of entries. */
export class Colouring {
  readonly rows: number;
  readonly columns: number;
  readonly #matrix: Matrix;
  readonly #arrangement: Arrangement;
  readonly #paint: Paint;
  readonly #table: Int32Array;
  readonly #low: number;
  readonly #perUnit: number;
  /** The columns stand as they are in the matrix. */
  readonly #inOrder: boolean;

  constructor(matrix: Matrix, arrangement: Arrangement, paint: Paint) {
    this.rows = arrangement.rows.length;
    this.columns = arrangement.columns.length;
    this.#matrix = matrix;
    this.#arrangement = arrangement;
    this.#paint = paint;
    this.#table = tableOf(paint);
    const [from, to] = paint.scale.domain;
    this.#low = transformValue(paint.scale.transform, from);
    this.#perUnit = (levels - 1) / (transformValue(paint.scale.transform, to) - this.#low);
    this.#inOrder = arrangement.columns.every((column, place) => column === place);
  }

  /**
   * One pixel for each block of `perPixel` x `perPixel` entries (a power of two, at most `mostPerPixel`), the mean of
   * their colours; blocks at the right and lower edge may be smaller.
   */
  pixels(part: Part, perPixel: number): Pixels {
    const width = Math.ceil(part.width / perPixel);
    const height = Math.ceil(part.height / perPixel);
    const data = new Int32Array(width * height);
    const buffer = new Uint16Array(part.width);
    const values = this.#inOrder ? undefined : new Float64Array(part.width);
    if (perPixel === 1) {
      for (let y = 0; y < height; y++) {
        this.#levels(part.y + y, part.x, buffer, values);
        for (let x = 0; x < width; x++) data[y * width + x] = this.#table[buffer[x]!]!;
      }
      return { width, height, data };
    }
    // Red and blue, each with 16 bits, and green.
    const [redBlue, green] = [new Int32Array(width), new Int32Array(width)];
    for (let y = 0; y < height; y++) {
      const deep = Math.min(perPixel, part.height - y * perPixel);
      redBlue.fill(0);
      green.fill(0);
      for (let i = 0; i < deep; i++) {
        this.#levels(part.y + y * perPixel + i, part.x, buffer, values);
        addColours(buffer, this.#table, perPixel, redBlue, green);
      }
      meanColours(redBlue, green, perPixel, deep, part.width, data.subarray(y * width, (y + 1) * width));
    }
    return { width, height, data };
  }

  /** Levels of a row from place `x` on, as many as `out` takes. */
  #levels(y: number, x: number, out: Uint16Array, values: Float64Array | undefined): void {
    const { data, columns } = this.#matrix;
    const start = this.#arrangement.rows[y]! * columns;
    const { scale, threshold } = this.#paint;
    if (values) {
      const order = this.#arrangement.columns;
      for (let j = 0; j < out.length; j++) values[j] = data[start + order[x + j]!]!;
    }
    const [from, at] = values ? [values, 0] : [data, start + x];
    if (scale.transform === 'linear') linearLevels(from, at, out.length, this.#low, this.#perUnit, out);
    else transformedLevels(scale.transform, from, at, out.length, this.#low, this.#perUnit, out);
    if (threshold > 0) {
      for (let j = 0; j < out.length; j++) if (Math.abs(from[at + j]!) < threshold) out[j] = faint;
    }
  }
}

function addColours(
  row: Uint16Array,
  table: Int32Array,
  perPixel: number,
  redBlue: Int32Array,
  green: Int32Array,
): void {
  const n = row.length;
  for (let x = 0, j = 0; j < n; x++) {
    const end = j + perPixel < n ? j + perPixel : n;
    let rb = 0;
    let g = 0;
    for (; j < end; j++) {
      const colour = table[row[j]!]!;
      rb += colour & 0xff00ff;
      g += (colour >>> 8) & 0xff;
    }
    redBlue[x]! += rb;
    green[x]! += g;
  }
}

/** Sums over blocks `perPixel` wide and `deep` high, of a row of `entries`, to their means. */
function meanColours(
  redBlue: Int32Array,
  green: Int32Array,
  perPixel: number,
  deep: number,
  entries: number,
  out: Int32Array,
): void {
  const whole = deep === perPixel ? Math.floor(entries / perPixel) : 0;
  // Whole blocks are powers of two: both channels are rounded and divided at once.
  const shift = 2 * Math.log2(perPixel);
  const half = (1 << shift) >> 1;
  const halves = (half << 16) | half;
  for (let x = 0; x < whole; x++) {
    const rb = ((redBlue[x]! + halves) >>> shift) & 0xff00ff;
    out[x] = opaque | rb | ((((green[x]! + half) >>> shift) & 0xff) << 8);
  }
  for (let x = whole; x < out.length; x++) {
    const share = 1 / (deep * Math.min(perPixel, entries - x * perPixel));
    const red = Math.round((redBlue[x]! & 0xffff) * share);
    const blue = Math.round((redBlue[x]! >>> 16) * share);
    out[x] = opaque | (blue << 16) | (Math.round(green[x]! * share) << 8) | red;
  }
}

/** Half as wide and high, each pixel the mean of four; the last row and column stand for themselves where they are odd. */
export function halve({ width, height, data }: Pixels): Pixels {
  const [w, h] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const out = new Int32Array(w * h);
  const even = width >> 1;
  for (let y = 0; y < h; y++) {
    const upper = 2 * y * width;
    const lower = 2 * y + 1 < height ? upper + width : upper;
    for (let x = 0; x < even; x++) {
      const at = 2 * x;
      out[y * w + x] = mean4(
        data[upper + at]!,
        data[upper + at + 1]!,
        data[lower + at]!,
        data[lower + at + 1]!,
      );
    }
    if (even < w) {
      const [above, below] = [data[upper + width - 1]!, data[lower + width - 1]!];
      out[y * w + even] = mean4(above, above, below, below);
    }
  }
  return { width: w, height: h, data: out };
}

function mean4(a: number, b: number, c: number, d: number): number {
  const redBlue = (a & 0xff00ff) + (b & 0xff00ff) + (c & 0xff00ff) + (d & 0xff00ff);
  const green = ((a >>> 8) & 0xff) + ((b >>> 8) & 0xff) + ((c >>> 8) & 0xff) + ((d >>> 8) & 0xff);
  return opaque | (((redBlue + 0x20002) >>> 2) & 0xff00ff) | (((green + 2) >>> 2) << 8);
}
