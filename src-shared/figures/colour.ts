/** Colour scales for matrices: viridis and cividis for magnitude, a diverging map centred on 0 for signed values. */
import { interpolateCividis, interpolateRdBu, interpolateViridis, rgb } from 'd3';
import type { Rgb } from './png.ts';

export const colourMaps = ['viridis', 'cividis', 'diverging'] as const;
export type ColourMap = (typeof colourMaps)[number];
export const valueScales = ['linear', 'signed-sqrt', 'log'] as const;
export type ValueScale = (typeof valueScales)[number];

export interface ColourScale {
  map: ColourMap;
  transform: ValueScale;
  /** In the values' own units. */
  domain: readonly [number, number];
}

/** Colours of a palette; its last entry stands for missing values. */
export const levels = 255;

const interpolators: Record<ColourMap, (t: number) => string> = {
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  // Blue below zero, red above.
  diverging: (t) => interpolateRdBu(1 - t),
};

export function palette(map: ColourMap, missing: string): Rgb[] {
  const at = (colour: string): Rgb => {
    const { r, g, b } = rgb(colour);
    return [Math.round(r), Math.round(g), Math.round(b)];
  };
  const colours = Array.from({ length: levels }, (_, i) => at(interpolators[map](i / (levels - 1))));
  return [...colours, at(missing)];
}

const transforms: Record<ValueScale, (v: number) => number> = {
  linear: (v) => v,
  'signed-sqrt': (v) => Math.sign(v) * Math.sqrt(Math.abs(v)),
  log: (v) => Math.log10(v),
};
export const transformValue = (scale: ValueScale, value: number): number => transforms[scale](value);

/** Smallest and largest finite values (positive ones for a logarithmic scale); null where there are none. */
export function valueRange(values: ArrayLike<number>, positive = false): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // Of millions of values few are a new extreme; what is no number is never less or more than another.
    if (value >= low && value <= high) continue;
    if (positive && value <= 0) continue;
    if (value < low && value !== -Infinity) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  return low > high ? null : [low, high];
}

/** Diverging and symmetric where values lie on both sides of 0 (beyond rounding), else viridis from low to high. */
export function chooseScale(
  range: readonly [number, number] | null,
  wanted: { map: ColourMap | 'auto'; transform: ValueScale; domain?: readonly [number, number] | undefined },
): ColourScale {
  const [low, high] = wanted.domain ?? range ?? [0, 1];
  const signed = low < 0 && -low > 1e-6 * Math.abs(high);
  const map = wanted.map === 'auto' ? (signed ? 'diverging' : 'viridis') : wanted.map;
  if (map === 'diverging' && wanted.domain === undefined) {
    const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return { map, transform: wanted.transform, domain: [-reach, reach] };
  }
  const around = low === high ? Math.abs(low) * 0.1 || 0.5 : 0;
  const factor =
    wanted.transform === 'log' && around > 0 ? [low / 2, high * 2] : [low - around, high + around];
  return { map, transform: wanted.transform, domain: [factor[0] ?? low, factor[1] ?? high] };
}

/** Value to palette index, 0..levels-1, clamped; `levels` for missing values. */
export function levelOf(scale: ColourScale): (value: number) => number {
  const forward = transforms[scale.transform];
  const low = forward(scale.domain[0]);
  const span = forward(scale.domain[1]) - low;
  return (value) => {
    const t = (forward(value) - low) / span;
    if (Number.isNaN(t)) return levels;
    return Math.max(0, Math.min(levels - 1, Math.round(t * (levels - 1))));
  };
}

export const cssColour = ([r, g, b]: Rgb): string => `rgb(${r},${g},${b})`;

/** Relative luminance (WCAG) of a colour, 0 black to 1 white. */
export function luminance([r, g, b]: Rgb): number {
  const linear = (c: number): number =>
    c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
