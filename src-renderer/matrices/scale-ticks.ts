import {
  cssColour,
  levels,
  palette,
  transformValue,
  type ColourScale,
} from '../../src-shared/figures/colour.ts';

export interface ScaleTick {
  value: number;
  /** 0 at the low end, 1 at the high end of the colours. */
  at: number;
}

/** Values at even places of the colours, in their own units; 0 where a signed scale has its middle. */
export function scaleTicks(scale: ColourScale, parts: number): ScaleTick[] {
  const [low, high] = scale.domain.map((v) => transformValue(scale.transform, v)) as [number, number];
  return Array.from({ length: parts + 1 }, (_, k) => {
    const t = low + ((high - low) * k) / parts;
    const value =
      scale.transform === 'log' ? 10 ** t : scale.transform === 'linear' ? t : Math.sign(t) * t * t;
    // The middle of a symmetric scale, but for rounding.
    return {
      value: Math.abs(value) < 1e-12 * Math.max(...scale.domain.map(Math.abs)) ? 0 : value,
      at: k / parts,
    };
  });
}

/** Colours from the low end to the high one, as stops of a CSS gradient. */
export const gradientStops = ({ map }: ColourScale): string =>
  palette(map, '#888888')
    .slice(0, levels)
    .filter((_, i) => i % 6 === 0)
    .map(cssColour)
    .join(', ');

/** How colours follow the values, for a legend. */
export const transformWords = {
  linear: '',
  'signed-sqrt': 'colours by the signed square root, sign(v) √|v|',
  log: 'colours by the logarithm',
} as const;
