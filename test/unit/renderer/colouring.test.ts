import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Colouring, halve, type Paint, type Pixels } from '../../../src-renderer/matrices/colouring.ts';
import { histogramOf } from '../../../src-renderer/matrices/histogram.ts';
import {
  levelOf,
  palette,
  valueRange,
  valueScales,
  type ColourScale,
} from '../../../src-shared/figures/colour.ts';

const missing = '#808080';
const faint = '#eeeeee';
const paintOf = (scale: ColourScale, threshold = 0): Paint => ({ scale, threshold, missing, faint });
const inOrder = (n: number) => Int32Array.from({ length: n }, (_, i) => i);
const rgb = (pixel: number) => [pixel & 0xff, (pixel >>> 8) & 0xff, (pixel >>> 16) & 0xff];
const rgbOf = ({ data }: Pixels) => [...data].map(rgb);

const value = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -3, max: 3, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, 0, -0) },
);

interface Case {
  rows: number;
  columns: number;
  data: Float64Array;
  rowOrder: Int32Array;
  columnOrder: Int32Array;
}

const permutation = (n: number) =>
  fc
    .boolean()
    .chain((same) =>
      same
        ? fc.constant(inOrder(n))
        : fc
            .shuffledSubarray([...inOrder(n)], { minLength: n, maxLength: n })
            .map((order) => Int32Array.from(order)),
    );

const cases: fc.Arbitrary<Case> = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([rows, columns]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      data: fc
        .array(value, { minLength: rows * columns, maxLength: rows * columns })
        .map((values) => Float64Array.from(values)),
      rowOrder: permutation(rows),
      columnOrder: permutation(columns),
    }),
  );

const colouringOf = ({ rows, columns, data, rowOrder, columnOrder }: Case, paint: Paint) =>
  new Colouring({ rows, columns, data }, { rows: rowOrder, columns: columnOrder }, paint);
const whole = ({ rows, columns }: Case) => ({ x: 0, y: 0, width: columns, height: rows });
const at = (c: Case, y: number, x: number) => c.data[c.rowOrder[y]! * c.columns + c.columnOrder[x]!]!;

describe('colours of a matrix', () => {
  it.each(valueScales)('are those that a figure gives, entry by entry: %s', (transform) => {
    const scale: ColourScale = {
      map: 'viridis',
      transform,
      domain: transform === 'log' ? [0.1, 2] : [-2, 2],
    };
    const colours = palette('viridis', missing);
    const level = levelOf(scale);
    fc.assert(
      fc.property(cases, (c) => {
        const pixels = rgbOf(colouringOf(c, paintOf(scale)).pixels(whole(c), 1));
        for (let y = 0; y < c.rows; y++) {
          for (let x = 0; x < c.columns; x++) {
            const expected = level(at(c, y, x));
            // On the edge between two levels rounding may choose either.
            const near = [expected - 1, expected, expected + 1].map((i) => colours[i]);
            if (expected === colours.length - 1) expect(pixels[y * c.columns + x]).toEqual(colours[expected]);
            else expect(near.slice(0, 3)).toContainEqual(pixels[y * c.columns + x]);
          }
        }
      }),
    );
  });

  it('are grey below the threshold', () => {
    const c: Case = {
      rows: 1,
      columns: 4,
      data: Float64Array.of(-1, 0.4, -0.4, NaN),
      rowOrder: inOrder(1),
      columnOrder: inOrder(4),
    };
    const scale: ColourScale = { map: 'diverging', transform: 'linear', domain: [-1, 1] };
    const [grey] = [palette('diverging', faint).at(-1)];
    const pixels = rgbOf(colouringOf(c, paintOf(scale, 0.5)).pixels(whole(c), 1));
    expect(pixels[0]).not.toEqual(grey);
    expect(pixels.slice(1, 3)).toEqual([grey, grey]);
    expect(pixels[3]).toEqual(palette('diverging', missing).at(-1));
  });

  it.each([2, 4, 8])('of a block of %i x %i entries are their mean', (perPixel) => {
    const scale: ColourScale = { map: 'diverging', transform: 'linear', domain: [-3, 3] };
    fc.assert(
      fc.property(cases, (c) => {
        const colouring = colouringOf(c, paintOf(scale));
        const full = rgbOf(colouring.pixels(whole(c), 1));
        const small = colouring.pixels(whole(c), perPixel);
        expect([small.width, small.height]).toEqual([
          Math.ceil(c.columns / perPixel),
          Math.ceil(c.rows / perPixel),
        ]);
        rgbOf(small).forEach((pixel, i) => {
          const [x, y] = [(i % small.width) * perPixel, Math.floor(i / small.width) * perPixel];
          const block: number[][] = [];
          for (let v = y; v < Math.min(y + perPixel, c.rows); v++)
            for (let u = x; u < Math.min(x + perPixel, c.columns); u++) block.push(full[v * c.columns + u]!);
          pixel.forEach((channel, k) => {
            const mean = block.reduce((sum, colour) => sum + colour[k]!, 0) / block.length;
            expect(Math.abs(channel - mean)).toBeLessThanOrEqual(0.5);
          });
        });
      }),
    );
  });

  it('of a part are those of the whole at its place', () => {
    const scale: ColourScale = { map: 'cividis', transform: 'linear', domain: [0, 1] };
    fc.assert(
      fc.property(cases, fc.nat(8), fc.nat(8), (c, left, top) => {
        const [x, y] = [left % c.columns, top % c.rows];
        const part = { x, y, width: c.columns - x, height: c.rows - y };
        const colouring = colouringOf(c, paintOf(scale));
        const pixels = colouring.pixels(part, 1);
        const full = colouring.pixels(whole(c), 1);
        pixels.data.forEach((pixel, i) => {
          const [u, v] = [x + (i % part.width), y + Math.floor(i / part.width)];
          expect(pixel).toBe(full.data[v * c.columns + u]);
        });
      }),
    );
  });

  it('halve to the mean of four, whatever the size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(255),
        (width, height, red) => {
          const data = new Int32Array(width * height).fill((255 << 24) | red);
          const half = halve({ width, height, data });
          expect([half.width, half.height]).toEqual([Math.ceil(width / 2), Math.ceil(height / 2)]);
          expect(new Set(rgbOf(half).map(String))).toEqual(new Set([String([red, 0, 0])]));
        },
      ),
    );
    const four = Int32Array.of(0, 255, 255 << 8, 255 << 16).map((colour) => (255 << 24) | colour);
    expect(rgbOf(halve({ width: 2, height: 2, data: four }))).toEqual([[64, 64, 64]]);
  });
});

describe('ranges and distributions', () => {
  const values = fc.array(value, { maxLength: 40 });

  it('span all finite entries', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (list, positive) => {
        const kept = list.filter((v) => Number.isFinite(v) && (!positive || v > 0));
        const range = valueRange(Float64Array.from(list), positive);
        if (kept.length === 0) expect(range).toBeNull();
        else expect(range!.map((v) => v + 0)).toEqual([Math.min(...kept) + 0, Math.max(...kept) + 0]);
      }),
    );
  });

  it('count every entry once', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 12 }), (list, bins) => {
        const { counts, missing: none } = histogramOf(Float64Array.from(list), bins);
        expect(none).toBe(list.filter((v) => !Number.isFinite(v)).length);
        expect(counts.reduce((sum, n) => sum + n, 0) + none).toBe(list.length);
      }),
    );
    expect(histogramOf(Float64Array.of(0, 1, 2, 3, 4), 4).counts).toEqual([1, 1, 1, 2]);
    expect(histogramOf(Float64Array.of(7, 7), 3).counts).toEqual([2, 0, 0]);
    // A range too small, and one too large, to divide by or into.
    expect(histogramOf(Float64Array.of(0, 5e-324), 2).counts).toEqual([1, 1]);
    expect(histogramOf(Float64Array.of(-1e308, -1e307, 1e308), 2).counts).toEqual([2, 1]);
  });
});
