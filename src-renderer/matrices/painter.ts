/**
 * Paints a matrix on a canvas. A picture of the whole, no larger than a screen needs, is made at once (and smaller
 * copies of it); finer pictures are made in tiles where one looks closer. So the first picture of 2048 x 2048 comes
 * within a frame or two, and zooming and panning stay fast for 4096 x 4096.
 */
import type { Matrix } from '../../src-shared/matrix.ts';
import { Colouring, halve, mostPerPixel, type Paint, type Pixels } from './colouring.ts';
import type { Arrangement } from './order.ts';

/** The shown part, in entries: from (x, y) on. */
export interface Viewport {
  x: number;
  y: number;
  /** Pixels per entry. */
  zoom: number;
}

/** The picture of the whole is at most this wide and high, in pixels; that of one beyond 16384 entries is larger. */
const overviewSize = 1024;
const tileSize = 512;
/** Of a megabyte each. */
const mostTiles = 96;
/** ms of one frame that may go into new tiles; the overview stands in for those that come later. */
const tileBudget = 8;

function canvasOf({ width, height, data }: Pixels): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const bytes = new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength);
  canvas.getContext('2d')?.putImageData(new ImageData(bytes, width, height), 0, 0);
  return canvas;
}

/** Pictures of one matrix in one look, at 1, 1/2, 1/4 ... of its size. */
class Picture {
  readonly matrix: Matrix;
  readonly look: string;
  readonly colouring: Colouring;
  /** The first size that is there as a whole: 2^first entries per pixel and direction. */
  readonly first: number;
  readonly overviews: HTMLCanvasElement[];
  readonly #tiles = new Map<string, HTMLCanvasElement>();

  constructor(matrix: Matrix, arrangement: Arrangement, paint: Paint, look: string) {
    this.matrix = matrix;
    this.look = look;
    this.colouring = new Colouring(matrix, arrangement, paint);
    const { rows, columns } = this.colouring;
    const size = Math.max(rows, columns, 1);
    this.first = Math.min(Math.log2(mostPerPixel), Math.max(0, Math.ceil(Math.log2(size / overviewSize))));
    let pixels = this.colouring.pixels({ x: 0, y: 0, width: columns, height: rows }, 2 ** this.first);
    this.overviews = [canvasOf(pixels)];
    while (Math.max(pixels.width, pixels.height) > 128) {
      pixels = halve(pixels);
      this.overviews.push(canvasOf(pixels));
    }
  }

  get sizes(): number {
    return this.first + this.overviews.length;
  }

  tile(level: number, column: number, row: number, make: boolean): HTMLCanvasElement | undefined {
    const key = `${level}/${column}/${row}`;
    const known = this.#tiles.get(key);
    // The one looked at last goes last.
    this.#tiles.delete(key);
    const tile = known ?? (make ? this.#make(level, column, row) : undefined);
    if (!tile) return undefined;
    this.#tiles.set(key, tile);
    const oldest = this.#tiles.keys().next();
    if (this.#tiles.size > mostTiles && !oldest.done) this.#tiles.delete(oldest.value);
    return tile;
  }

  #make(level: number, column: number, row: number): HTMLCanvasElement {
    const entries = tileSize * 2 ** level;
    const [x, y] = [column * entries, row * entries];
    const width = Math.min(entries, this.colouring.columns - x);
    const height = Math.min(entries, this.colouring.rows - y);
    return canvasOf(this.colouring.pixels({ x, y, width, height }, 2 ** level));
  }
}

/** The last picture of an arrangement: the large map and its small multiple show the same. */
const pictures = new WeakMap<Arrangement, Picture>();

export class MatrixPainter {
  #picture: Picture | undefined;

  prepare(matrix: Matrix, arrangement: Arrangement, paint: Paint): void {
    const look = JSON.stringify(paint);
    let picture = pictures.get(arrangement);
    if (picture?.matrix !== matrix || picture.look !== look) {
      picture = new Picture(matrix, arrangement, paint, look);
      pictures.set(arrangement, picture);
    }
    this.#picture = picture;
  }

  /**
   * Draws the part that the viewport shows into the whole canvas. False while some of it is coarser than the canvas
   * could show: drawing again goes on.
   */
  draw(canvas: HTMLCanvasElement, view: Viewport, background: string): boolean {
    const context = canvas.getContext('2d');
    const picture = this.#picture;
    if (!context || !picture) return true;
    context.fillStyle = background;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = view.zoom < 1;
    const { rows, columns } = picture.colouring;
    const shown: Area = {
      left: Math.max(0, view.x),
      top: Math.max(0, view.y),
      right: Math.min(columns, view.x + canvas.width / view.zoom),
      bottom: Math.min(rows, view.y + canvas.height / view.zoom),
    };
    if (shown.right <= shown.left || shown.bottom <= shown.top) return true;
    const level = Math.max(0, Math.min(picture.sizes - 1, Math.floor(Math.log2(1 / view.zoom))));
    if (level < picture.first) return this.#drawTiles(context, picture, view, shown, level);
    const overview = picture.overviews[level - picture.first]!;
    drawArea(context, overview, { x: 0, y: 0 }, 2 ** level, view, shown);
    return true;
  }

  #drawTiles(
    context: CanvasRenderingContext2D,
    picture: Picture,
    view: Viewport,
    shown: Area,
    level: number,
  ): boolean {
    const entries = tileSize * 2 ** level;
    const until = performance.now() + tileBudget;
    let complete = true;
    for (let row = Math.floor(shown.top / entries); row * entries < shown.bottom; row++) {
      for (let column = Math.floor(shown.left / entries); column * entries < shown.right; column++) {
        const at = { x: column * entries, y: row * entries };
        const area: Area = {
          left: Math.max(shown.left, at.x),
          top: Math.max(shown.top, at.y),
          right: Math.min(shown.right, at.x + entries),
          bottom: Math.min(shown.bottom, at.y + entries),
        };
        const tile = picture.tile(level, column, row, performance.now() < until);
        if (tile) drawArea(context, tile, at, 2 ** level, view, area);
        else {
          complete = false;
          drawArea(context, picture.overviews[0]!, { x: 0, y: 0 }, 2 ** picture.first, view, area);
        }
      }
    }
    return complete;
  }
}

/** Part of the arranged matrix, in entries. */
interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Draws an area out of a picture that begins at entry `at`. Edges fall on whole pixels, so that tiles meet. */
function drawArea(
  context: CanvasRenderingContext2D,
  source: HTMLCanvasElement,
  at: { x: number; y: number },
  perPixel: number,
  view: Viewport,
  area: Area,
): void {
  const left = Math.round((area.left - view.x) * view.zoom);
  const top = Math.round((area.top - view.y) * view.zoom);
  const right = Math.round((area.right - view.x) * view.zoom);
  const bottom = Math.round((area.bottom - view.y) * view.zoom);
  context.drawImage(
    source,
    (area.left - at.x) / perPixel,
    (area.top - at.y) / perPixel,
    (area.right - area.left) / perPixel,
    (area.bottom - area.top) / perPixel,
    left,
    top,
    right - left,
    bottom - top,
  );
}
