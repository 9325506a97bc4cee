/** How figures look: fonts, strokes, colours, and the styles that tell series apart without colour. */

import { onDark, paletteColour } from '../series-colours.ts';

export const themeNames = ['paper', 'screen-light', 'screen-dark'] as const;
export type ThemeName = (typeof themeNames)[number];

export type MarkerShape = 'circle' | 'square' | 'triangle' | 'diamond' | 'down' | 'plus' | 'cross' | 'star';

export interface Theme {
  name: ThemeName;
  family: 'serif' | 'sans';
  /** CSS font list; fallbacks have the same widths, so the layout holds where Liberation is missing. */
  fontStack: string;
  /** Font sizes in pt. */
  size: { label: number; tick: number; title: number; legend: number; note: number };
  titleBold: boolean;
  titleAnchor: 'start' | 'middle';
  /** Stroke widths in pt. */
  stroke: { axis: number; line: number; thin: number; grid: number };
  /** Whether the left axis is drawn as a line (print) or left to the grid (screen). */
  leftAxis: boolean;
  /** Length of tick marks in pt; 0 for none. */
  tickLength: number;
  colour: {
    background: string;
    text: string;
    muted: string;
    axis: string;
    grid: string;
    missing: string;
  };
  bandOpacity: number;
}

const serif = "'Liberation Serif', 'Times New Roman', Tinos, Times, serif";
const sans = "'Liberation Sans', Arial, Arimo, Helvetica, sans-serif";

const paper: Theme = {
  name: 'paper',
  family: 'serif',
  fontStack: serif,
  size: { label: 8, tick: 7, title: 8, legend: 7, note: 7 },
  titleBold: false,
  titleAnchor: 'middle',
  stroke: { axis: 0.8, line: 1.4, thin: 0.7, grid: 0.4 },
  leftAxis: true,
  tickLength: 2.5,
  colour: {
    background: '#ffffff',
    text: '#000000',
    muted: '#4d4d4d',
    axis: '#000000',
    grid: '#dcdcdc',
    missing: '#d9d9d9',
  },
  bandOpacity: 0.16,
};

const screen = {
  family: 'sans',
  fontStack: sans,
  // 12, 11, 13, 12 and 11 px
  size: { label: 9, tick: 8.25, title: 9.75, legend: 9, note: 8.25 },
  titleBold: true,
  titleAnchor: 'start',
  stroke: { axis: 0.75, line: 1.5, thin: 0.75, grid: 0.75 },
  leftAxis: false,
  tickLength: 0,
} as const;

const screenLight: Theme = {
  ...screen,
  name: 'screen-light',
  colour: {
    background: '#ffffff',
    text: '#1b1b1b',
    muted: '#5c5c5c',
    axis: '#c4c4c1',
    grid: '#e6e6e4',
    missing: '#dcdcda',
  },
  bandOpacity: 0.16,
};

const screenDark: Theme = {
  ...screen,
  name: 'screen-dark',
  colour: {
    background: '#1f2024',
    text: '#ececec',
    muted: '#a3a3a6',
    axis: '#4a4b50',
    grid: '#303136',
    missing: '#3a3b40',
  },
  bandOpacity: 0.2,
};

const themes: Record<ThemeName, Theme> = {
  paper,
  'screen-light': screenLight,
  'screen-dark': screenDark,
};

/** A column of 3.25 in has lines of 1 pt, a page of 6.75 in those of the theme. */
const narrow = { width: 234, line: 1 };
const wide = 486;

/** Strokes for a figure of `width` pt: lines that are right on a page merge in a column. */
function strokesFor(stroke: Theme['stroke'], width: number): Theme['stroke'] {
  const share = Math.max(0, Math.min(1, (width - narrow.width) / (wide - narrow.width)));
  const factor = Math.min(1, (narrow.line + share * (stroke.line - narrow.line)) / stroke.line);
  const { axis, line, thin, grid } = stroke;
  return { axis: axis * factor, line: line * factor, thin: thin * factor, grid: grid * factor };
}

/** The theme for a figure of `width` pt, with every font scaled so that axis labels have `fontSize` pt. */
export function themeOf(name: ThemeName, width = Infinity, fontSize?: number): Theme {
  const theme = { ...themes[name], stroke: strokesFor(themes[name].stroke, width) };
  if (fontSize === undefined) return theme;
  const factor = fontSize / theme.size.label;
  const { label, tick, title, legend, note } = theme.size;
  return {
    ...theme,
    size: {
      label: label * factor,
      tick: tick * factor,
      title: title * factor,
      legend: legend * factor,
      note: note * factor,
    },
  };
}

/** In multiples of the line width; the first is solid. */
const dashes: readonly (readonly number[])[] = [[], [4, 1.8], [1.2, 1.5], [6, 1.6, 1.2, 1.6], [9, 2.5]];
const markers: readonly MarkerShape[] = [
  'circle',
  'square',
  'triangle',
  'diamond',
  'down',
  'plus',
  'cross',
  'star',
];

export interface SeriesStyle {
  colour: string;
  /** pt; empty for a solid line. */
  dash: readonly number[];
  marker: MarkerShape;
}

/** Dash and marker of the series at `index`, in its colour: 40 series differ without colour. */
export function seriesStyle(theme: Theme, index: number, colour: string = paletteColour(index)): SeriesStyle {
  const round = Math.floor(index / markers.length);
  const dash = dashes[(index + round) % dashes.length] ?? [];
  return {
    colour: theme.name === 'screen-dark' ? onDark(colour) : colour,
    dash: dash.map((part) => part * theme.stroke.line),
    marker: markers[(index + round) % markers.length] ?? 'circle',
  };
}
