/**
 * Colour scales for matrices: viridis and cividis for magnitude, a diverging map centred on 0 for signed values, and the
 * map of the published swap costs, in which every value has its colour whatever the range.
 */
import { interpolateCividis, interpolateRdBu, interpolateRgb, interpolateViridis, rgb } from 'd3';
import type { Rgb } from './png.ts';

export const colourMaps = ['viridis', 'cividis', 'diverging'] as const;
/** Maps in which values have their colours, so that a range changes only what the colour bar shows. */
export const fixedColourMaps = ['swap-costs'] as const;
export type ColourMap = (typeof colourMaps | typeof fixedColourMaps)[number];
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

/**
 * The map of neuron-identifiability (plots.py, plot_neuron_pair_costs), for sign(v) √|v| of a swap cost v: orange is no
 * cost, yellow a swap that saves, dark blue one that costs much. Colours between are mixed; values beyond take the ends'.
 */
const swapCostColours: readonly (readonly [at: number, colour: string])[] = [
  [-10, '#A2EF09'],
  [-0.5, '#FAFE04'],
  [-1e-5, '#C9D009'],
  [-1e-7, '#ff5500'],
  [1e-5, '#ff0000'],
  [0.5, '#bb0044'],
  [2, '#8f3757'],
  [3, '#3b528b'],
  [25, '#2b3260'],
  [50, '#203050'],
  [500, '#1A2840'],
  [1000, '#182438'],
];

/** From 0 at the first colour to 1 at the last, with equal room for each step between two of them. */
function placeOfCost(root: number): number {
  const last = swapCostColours.length - 1;
  if (root >= swapCostColours[last]![0]) return 1;
  const after = swapCostColours.findIndex(([at]) => root < at);
  if (after === 0) return 0;
  const [low, high] = [swapCostColours[after - 1]?.[0] ?? NaN, swapCostColours[after]?.[0] ?? NaN];
  return (after - 1 + (root - low) / (high - low)) / last;
}

function swapCostColour(t: number): string {
  const place = t * (swapCostColours.length - 1);
  const below = Math.min(Math.floor(place), swapCostColours.length - 2);
  return interpolateRgb(swapCostColours[below]![1], swapCostColours[below + 1]![1])(place - below);
}

export const isFixedMap = (map: ColourMap | 'auto'): boolean =>
  fixedColourMaps.some((fixed) => fixed === map);

const interpolators: Record<ColourMap, (t: number) => string> = {
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  // Blue below zero, red above.
  diverging: (t) => interpolateRdBu(1 - t),
  'swap-costs': swapCostColour,
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

/** As the published colour bars: 0 is on it, and enough of the other sign to see its colours. */
function fixedDomain([low, high]: readonly [number, number], transform: ValueScale): [number, number] {
  const [lowest, highest] = [Math.min(low, 0), Math.max(high, 0)].map(transforms[transform]) as [
    number,
    number,
  ];
  const ends = [Math.min(lowest, -highest / 4.5), Math.max(highest, -lowest / 5)] as const;
  const back = transform === 'signed-sqrt' ? (v: number): number => Math.sign(v) * v * v : (v: number) => v;
  return ends[0] === ends[1] ? [-0.5, 0.5] : [back(ends[0]), back(ends[1])];
}

/** Diverging and symmetric where values lie on both sides of 0 (beyond rounding), else viridis from low to high. */
export function chooseScale(
  range: readonly [number, number] | null,
  wanted: { map: ColourMap | 'auto'; transform: ValueScale; domain?: readonly [number, number] | undefined },
): ColourScale {
  const [low, high] = wanted.domain ?? range ?? [0, 1];
  const signed = low < 0 && -low > 1e-6 * Math.abs(high);
  const map = wanted.map === 'auto' ? (signed ? 'diverging' : 'viridis') : wanted.map;
  if (isFixedMap(map) && wanted.domain === undefined) {
    return { map, transform: wanted.transform, domain: fixedDomain([low, high], wanted.transform) };
  }
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
  const place = isFixedMap(scale.map)
    ? (value: number) => (Number.isNaN(value) ? NaN : placeOfCost(forward(value)))
    : (value: number) => (forward(value) - low) / span;
  return (value) => {
    const t = place(value);
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
