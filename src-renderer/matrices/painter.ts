/**
 * Paints a matrix on a canvas. The colours of all entries are computed once into a picture (and smaller, averaged
 * copies of it); zooming and panning only draw a part of the fitting copy, which stays fast for 4096 x 4096.
 */
import { levelOf, palette, type ColourScale } from '../../src-shared/figures/colour.ts';
import type { Matrix } from '../../src-shared/matrix.ts';
import type { Arrangement } from './order.ts';

/** The shown part, in entries: from (x, y), `span` entries wide per `size` pixels. */
export interface Viewport {
  x: number;
  y: number;
  /** Pixels per entry. */
  zoom: number;
}

export interface Paint {
  scale: ColourScale;
  /** Entries whose absolute value is below are greyed out. */
  threshold: number;
  missing: string;
  faint: string;
}

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function packed(red: number, green: number, blue: number): number {
  return littleEndian
    ? ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0
    : ((red << 24) | (green << 16) | (blue << 8) | 255) >>> 0;
}

/** Full-size picture of the arranged matrix. */
function colourAll(matrix: Matrix, { rows, columns }: Arrangement, paint: Paint): ImageData {
  const image = new ImageData(columns.length, rows.length);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = Uint32Array.from(palette(paint.scale.map, paint.missing), ([r, g, b]) => packed(r, g, b));
  const [red, green, blue] = palette(paint.scale.map, paint.faint).at(-1)!;
  const faint = packed(red, green, blue);
  const level = levelOf(paint.scale);
  const width = columns.length;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]! * matrix.columns;
    for (let j = 0; j < width; j++) {
      const value = matrix.data[row + columns[j]!]!;
      pixels[i * width + j] =
        paint.threshold > 0 && Math.abs(value) < paint.threshold ? faint : colours[level(value)]!;
    }
  }
  return image;
}

/** Copies at 1, 1/2, 1/4 ... of the size, down to a small map's. */
function shrinking(image: ImageData): HTMLCanvasElement[] {
  const full = document.createElement('canvas');
  full.width = image.width;
  full.height = image.height;
  full.getContext('2d')?.putImageData(image, 0, 0);
  const levels = [full];
  for (let last = full; Math.max(last.width, last.height) > 512;) {
    const half = document.createElement('canvas');
    half.width = Math.max(1, last.width >> 1);
    half.height = Math.max(1, last.height >> 1);
    const context = half.getContext('2d');
    if (context) context.imageSmoothingQuality = 'low';
    context?.drawImage(last, 0, 0, half.width, half.height);
    levels.push(half);
    last = half;
  }
  return levels;
}

/** The last picture of an arrangement: the large map and its small multiple show the same. */
const pictures = new WeakMap<Arrangement, { matrix: Matrix; look: string; levels: HTMLCanvasElement[] }>();

export class MatrixPainter {
  #levels: HTMLCanvasElement[] = [];

  prepare(matrix: Matrix, arrangement: Arrangement, paint: Paint): void {
    const look = JSON.stringify(paint);
    let picture = pictures.get(arrangement);
    if (picture?.matrix !== matrix || picture.look !== look) {
      picture = { matrix, look, levels: shrinking(colourAll(matrix, arrangement, paint)) };
      pictures.set(arrangement, picture);
    }
    this.#levels = picture.levels;
  }

  /** Draws the part that the viewport shows into the whole canvas. */
  draw(canvas: HTMLCanvasElement, view: Viewport, background: string): void {
    const context = canvas.getContext('2d');
    const full = this.#levels[0];
    if (!context || !full) return;
    context.fillStyle = background;
    context.fillRect(0, 0, canvas.width, canvas.height);
    const level = Math.max(0, Math.min(this.#levels.length - 1, Math.floor(Math.log2(1 / view.zoom))));
    const source = this.#levels[level]!;
    const shrink = source.width / full.width;
    context.imageSmoothingEnabled = view.zoom < 1;
    const [width, height] = [canvas.width / view.zoom, canvas.height / view.zoom];
    const left = Math.max(0, view.x);
    const top = Math.max(0, view.y);
    const right = Math.min(full.width, view.x + width);
    const bottom = Math.min(full.height, view.y + height);
    if (right <= left || bottom <= top) return;
    context.drawImage(
      source,
      left * shrink,
      top * shrink,
      (right - left) * shrink,
      (bottom - top) * shrink,
      (left - view.x) * view.zoom,
      (top - view.y) * view.zoom,
      (right - left) * view.zoom,
      (bottom - top) * view.zoom,
    );
  }
}
