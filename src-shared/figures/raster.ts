/** Matrices as single images, and the colour bars that explain them. */
import { format, scaleLinear } from 'd3';
import { numberLabels, type Tick } from './axis.ts';
import { isFixedMap, levelOf, levels, palette, transformValue, type ColourScale } from './colour.ts';
import type { RasterMark } from './marks.ts';
import { indexedPng, toBase64 } from './png.ts';
import type { Attributes } from './svg.ts';
import { markup, textWidth, type Font, type RichText } from './text.ts';
import type { Theme } from './theme.ts';

interface Placement {
  x: (value: number) => number;
  y: (value: number) => number;
}

/** Small matrices are enlarged by a whole factor: some viewers blur an image of few pixels, whatever it asks for. */
const enoughPixels = 512;

export function rasterImage(mark: RasterMark, place: Placement, theme: Theme): Attributes {
  const { rows, columns, extent } = mark;
  const level = levelOf(mark.scale);
  const factor = Math.max(1, Math.ceil(enoughPixels / Math.max(rows, columns)));
  const [width, height] = [columns * factor, rows * factor];
  const pixels = new Uint8Array(width * height);
  // The image's first row is drawn on top: turn it over where row 0 lies at the bottom.
  const upsideDown = place.y(extent.y0) > place.y(extent.y1);
  const mirrored = place.x(extent.x0) > place.x(extent.x1);
  for (let i = 0; i < rows; i++) {
    const top = (upsideDown ? rows - 1 - i : i) * factor;
    for (let j = 0; j < columns; j++) {
      const left = (mirrored ? columns - 1 - j : j) * factor;
      const value = level(mark.values[i * columns + j] ?? NaN);
      const start = top * width + left;
      for (let k = 0; k < factor; k++) pixels[start + k] = value;
    }
    const line = pixels.subarray(top * width, (top + 1) * width);
    for (let k = 1; k < factor; k++) pixels.set(line, (top + k) * width);
  }
  const [xa, xb] = [place.x(extent.x0), place.x(extent.x1)];
  const [ya, yb] = [place.y(extent.y0), place.y(extent.y1)];
  return imageAttributes(indexedPng(width, height, pixels, palette(mark.scale.map, theme.colour.missing)), {
    x: Math.min(xa, xb),
    y: Math.min(ya, yb),
    width: Math.abs(xb - xa),
    height: Math.abs(yb - ya),
  });
}

/** A vertical strip of all colours, high values on top. */
export function barImage(
  scale: ColourScale,
  theme: Theme,
  box: { x: number; y: number; width: number; height: number },
): Attributes {
  const tall = levels * 2;
  const pixels = isFixedMap(scale.map)
    ? fixedBar(scale, tall)
    : Uint8Array.from({ length: tall * 2 }, (_, i) => levels - 1 - Math.floor(i / 4));
  return imageAttributes(indexedPng(2, tall, pixels, palette(scale.map, theme.colour.missing)), box);
}

/** Pixels of a bar whose colours belong to the values: those of its range, evenly along the scale. */
function fixedBar(scale: ColourScale, tall: number): Uint8Array {
  const level = levelOf({ ...scale, transform: 'linear' });
  const [low, high] = scale.domain.map((v) => transformValue(scale.transform, v)) as [number, number];
  return Uint8Array.from({ length: tall * 2 }, (_, i) =>
    level(high - ((Math.floor(i / 2) + 0.5) / tall) * (high - low)),
  );
}

function imageAttributes(
  png: Uint8Array,
  box: { x: number; y: number; width: number; height: number },
): Attributes {
  return {
    ...box,
    preserveAspectRatio: 'none',
    'image-rendering': 'optimizeSpeed',
    style: 'image-rendering:pixelated',
    'xlink:href': `data:image/png;base64,${toBase64(png)}`,
  };
}

/** Ticks of a colour bar of `length` pt, in the values' own units, placed as the colours are. */
export function barTicks(scale: ColourScale, length: number, theme: Theme): Tick[] {
  const font: Font = { family: theme.family, size: theme.size.tick };
  const [low, high] = scale.domain.map((v) => transformValue(scale.transform, v)) as [number, number];
  const place = (v: number): number => ((transformValue(scale.transform, v) - low) / (high - low)) * length;
  for (let count = Math.max(2, Math.min(7, Math.floor(length / (font.size * 2.6)))); count >= 1; count--) {
    const found = barValues(scale, low, high, count);
    const ticks = found.values.map((value, i): Tick => {
      const label = found.labels[i] ?? '';
      return { value, at: place(value), lines: [label], width: textWidth(label, font) };
    });
    const sorted = [...ticks].sort((a, b) => a.at - b.at);
    if (sorted.every((t, i) => i === 0 || t.at - sorted[i - 1]!.at >= font.size * 1.1)) return ticks;
  }
  return [];
}

function barValues(
  scale: ColourScale,
  low: number,
  high: number,
  count: number,
): { values: number[]; labels: RichText[] } {
  const even = scaleLinear().domain([low, high]).ticks(count);
  if (scale.transform === 'linear') return { values: even, labels: numberLabels(even) };
  const inside = (v: number): boolean => v >= scale.domain[0] && v <= scale.domain[1];
  if (scale.transform === 'log') {
    const whole = even.filter(Number.isInteger);
    const values = (
      whole.length >= 2 ? whole.map((k) => 10 ** k) : even.map(oneDigit).map((k) => 10 ** k)
    ).filter(inside);
    const powers = values.map((v) => markup(`10^{${String(Math.round(Math.log10(v))).replace('-', '−')}}`));
    return { values, labels: whole.length >= 2 ? powers : values.map(shortLabel) };
  }
  const values = rootValues(scale.domain, (high - low) / (count * 1.4));
  return { values, labels: values.map(shortLabel) };
}

/** 0 and round numbers (1, 2, 5 times a power of ten) at least `apart` from each other on the square-root scale. */
function rootValues([low, high]: readonly [number, number], apart: number): number[] {
  const top = Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high), 1e-300)));
  const round = Array.from({ length: 5 }, (_, k) => top - k).flatMap((k) =>
    [5, 2, 1].map((m) => m * 10 ** k),
  );
  const kept = [0].filter((v) => v >= low && v <= high);
  const root = (v: number): number => transformValue('signed-sqrt', v);
  for (const v of round.flatMap((r) => [r, -r])) {
    if (v < low || v > high || kept.some((k) => Math.abs(root(k) - root(v)) < apart)) continue;
    kept.push(v);
  }
  return kept.map((v) => Number(v.toPrecision(1))).sort((x, y) => x - y);
}

const oneDigit = (v: number): number => Number(v.toPrecision(1));
/** Unevenly spaced values: each as short as it can be. */
const shortLabel = (v: number): RichText =>
  v !== 0 && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3) ? (numberLabels([v])[0] ?? '') : format(',~r')(v);
