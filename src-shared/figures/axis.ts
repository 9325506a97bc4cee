/** Axes: from a description and a length to a scale, ticks that do not collide, and the room they need. */
import { format, scaleLinear, scaleLog } from 'd3';
import {
  lineHeight,
  markup,
  plainText,
  textExtents,
  textWidth,
  wrapText,
  type Font,
  type RichText,
} from './text.ts';
import type { Theme } from './theme.ts';

export interface AxisSpec {
  label: RichText;
  scale?: 'linear' | 'log' | 'category';
  /** Shown range; else the data's. Ends in any order: a range from high to low is reversed. */
  domain?: readonly [number, number];
  reversed?: boolean;
  /** Values that must be inside the range. */
  include?: readonly number[];
  /** Never widened beyond these by the margin around the data. */
  limit?: readonly [number, number];
  /** Share of the range left empty at both ends; default 0.05 for y, 0 for x. */
  margin?: number;
  ticks?: readonly number[];
  tickLabels?: readonly RichText[];
  /** Names, for scale 'category'; position i is category i. */
  categories?: readonly RichText[];
  /** Ticks at whole numbers only. */
  integer?: boolean;
  grid?: boolean;
  /** Values lie beyond the range: marks end at it. */
  cut?: boolean;
}

export interface Tick {
  value: number;
  /** pt from the start of the axis (left, or bottom). */
  at: number;
  lines: readonly RichText[];
  width: number;
}

export interface Axis {
  spec: AxisSpec;
  domain: readonly [number, number];
  length: number;
  /** Value to pt from the axis' start. */
  place: (value: number) => number;
  ticks: readonly Tick[];
  minor: readonly number[];
  /** Degrees by which tick labels are turned: 0, -40 or -90. */
  turn: number;
  labelLines: readonly RichText[];
}

/** Between tick marks (or, without marks, the axis) and their labels; between those and the axis label. pt. */
const tickGap = (theme: Theme): number => (theme.tickLength > 0 ? 2 : 4.5);
const labelGap = 3;

/** The range an axis shows for the values on it. */
export function axisDomain(
  spec: AxisSpec,
  values: readonly number[],
  defaultMargin: number,
): [number, number] {
  if (spec.scale === 'category') return [-0.5, (spec.categories?.length ?? 1) - 0.5];
  if (spec.domain !== undefined) return [...spec.domain];
  const log = spec.scale === 'log';
  const shown = [...values, ...(spec.include ?? [])].filter((v) => Number.isFinite(v) && (!log || v > 0));
  if (shown.length === 0) return log ? [0.1, 1] : [0, 1];
  // Powers of ten stop where numbers do.
  const to = log ? (v: number): number => Math.max(-300, Math.log10(v)) : (v: number): number => v;
  const from = log ? (v: number): number => 10 ** v : to;
  let low = Infinity;
  let high = -Infinity;
  for (const v of shown) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  let [a, b] = [to(low), to(high)];
  if (a === b) {
    // Half a decade, or a tenth of the value, to each side of a single value.
    const around = log ? 0.5 : Math.abs(a) * 0.1 || 0.5;
    [a, b] = [a - around, b + around];
  }
  const margin = (spec.margin ?? defaultMargin) * (b - a);
  const [floor, ceiling] = spec.limit ?? [-Infinity, Infinity];
  return [
    Math.max(from(a - margin), Math.min(floor, low)),
    Math.min(from(b + margin), Math.max(ceiling, high)),
  ];
}

type Place = (value: number) => number;

function placement(spec: AxisSpec, domain: readonly [number, number], length: number): Place {
  const range = spec.reversed === true ? [length, 0] : [0, length];
  const scale = spec.scale === 'log' ? scaleLog() : scaleLinear();
  return scale.domain(domain).range(range) as Place;
}

const shortest = (value: number): RichText =>
  value >= 1e-3 && value < 1e5
    ? format('~r')(Number(value.toPrecision(3)))
    : (numberLabels([value])[0] ?? '');

const signed = (value: number): string => (value < 0 ? `−${-value}` : String(value));

/** Labels for evenly spaced values: plain decimals, or a mantissa times a power where those would be long. */
export function numberLabels(values: readonly number[], step?: number): RichText[] {
  const largest = Math.max(...values.map(Math.abs));
  const width = step ?? (values.length > 1 ? Math.abs((values[1] ?? 0) - (values[0] ?? 0)) : 0);
  const order = Math.floor(Math.log10(largest) + 1e-9);
  const powers = largest > 0 && (largest >= 1e5 || largest < 1e-3);
  const scale = powers ? 10 ** order : 1;
  const digits = decimalsFor(
    values.map((v) => v / scale),
    width / scale,
  );
  if (!powers) {
    const write = format(largest >= 1e4 ? `,.${digits}~f` : `.${digits}f`);
    return values.map((v) => (v === 0 ? '0' : write(v)));
  }
  const write = format(`.${digits}~f`);
  return values.map((v) => {
    const mantissa = write(v / scale);
    if (v === 0) return '0';
    return markup(mantissa === '1' ? `10^{${signed(order)}}` : `${mantissa}×10^{${signed(order)}}`);
  });
}

/** Decimals that tell neighbours `width` apart from each other; one more where the values need it. */
function decimalsFor(values: readonly number[], width: number): number {
  const digits = width > 0 ? Math.max(0, Math.min(12, -Math.floor(Math.log10(width) + 1e-9))) : 2;
  const exact = values.every((v) => Math.abs(v * 10 ** digits - Math.round(v * 10 ** digits)) < 1e-6);
  return exact ? digits : digits + 1;
}

interface Candidate {
  values: number[];
  labels: RichText[];
  minor: number[];
}

function linearTicks(spec: AxisSpec, domain: readonly [number, number], count: number): Candidate {
  const [low, high] = [Math.min(...domain), Math.max(...domain)];
  const found = scaleLinear().domain([low, high]).ticks(count);
  const values = spec.integer === true ? found.filter(Number.isInteger) : found;
  return { values, labels: numberLabels(values), minor: [] };
}

function logTicks(domain: readonly [number, number], count: number): Candidate {
  const [low, high] = [Math.min(...domain), Math.max(...domain)];
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const decades = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  const within = (v: number): boolean => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9);
  const between = Array.from({ length: Math.max(0, last - first + 3) }, (_, i) => first - 1 + i).flatMap(
    (k) => [2, 3, 4, 5, 6, 7, 8, 9].map((m) => m * 10 ** k).filter(within),
  );
  const leading = (v: number): number => Math.round(v / 10 ** Math.floor(Math.log10(v) + 1e-9));
  const all = [...decades.map((k) => 10 ** k), ...between].sort((a, b) => a - b);
  const led = (by: readonly number[]): number[] => all.filter((v) => by.includes(leading(v)));
  const minorOf = (values: readonly number[]): number[] => all.filter((v) => !values.includes(v));
  // With less than three decades 1, 2, 5 or 1, 3 of each, as many as there is room for.
  const dense = decades.length < 3 ? [led([1, 2, 5]), led([1, 3])] : [];
  const fitting = dense.find((values) => values.length >= 3 && values.length <= count);
  if (fitting !== undefined)
    return { values: fitting, labels: fitting.map(shortest), minor: minorOf(fitting) };
  if (decades.length >= 2) {
    const every = Math.max(1, Math.ceil(decades.length / Math.max(1, count)));
    const shown = decades.filter((k) => (k - first) % every === 0);
    const values = shown.map((k) => 10 ** k);
    const minor = every === 1 ? between : decades.map((k) => 10 ** k);
    const powers = decades.some((k) => Math.abs(k) > 2);
    return {
      values,
      labels: powers ? shown.map((k) => markup(`10^{${signed(k)}}`)) : values.map(shortest),
      minor,
    };
  }
  // Less than two decades: if 1, 2, 5 are too few or too many, the linear ticks.
  const nice = dense.find((values) => values.length >= 2 && values.length <= count);
  const values = nice ?? linearTicks({ label: '' }, domain, count).values.filter((v) => v > 0);
  return { values, labels: nice ? values.map(shortest) : numberLabels(values), minor: minorOf(values) };
}

function candidate(spec: AxisSpec, domain: readonly [number, number], count: number): Candidate {
  if (spec.scale === 'category') {
    const categories = spec.categories ?? [];
    return { values: categories.map((_, i) => i), labels: [...categories], minor: [] };
  }
  if (spec.ticks !== undefined) {
    const [low, high] = [Math.min(...domain), Math.max(...domain)];
    const shown = spec.ticks.map((value, i) => ({ value, label: spec.tickLabels?.[i] }));
    const inside = shown.filter(({ value }) => value >= low && value <= high);
    const labels = numberLabels(inside.map(({ value }) => value));
    return {
      values: inside.map(({ value }) => value),
      labels: inside.map(({ label }, i) => label ?? labels[i] ?? ''),
      minor: [],
    };
  }
  return spec.scale === 'log' ? logTicks(domain, count) : linearTicks(spec, domain, count);
}

const collide = (ticks: readonly Tick[], space: number): boolean => {
  const sorted = [...ticks].sort((a, b) => a.at - b.at);
  return sorted.some((tick, i) => {
    const next = sorted[i + 1];
    return next !== undefined && tick.at + tick.width / 2 + space > next.at - next.width / 2;
  });
};

const tickFont = (theme: Theme): Font => ({ family: theme.family, size: theme.size.tick });
const labelFont = (theme: Theme): Font => ({ family: theme.family, size: theme.size.label });

function toTicks(found: Candidate, place: Place, font: Font, wrapTo = Infinity): Tick[] {
  return found.values.map((value, i) => {
    const label = found.labels[i] ?? '';
    const lines = Number.isFinite(wrapTo) ? wrapText(label, font, wrapTo) : [label];
    return { value, at: place(value), lines, width: Math.max(...lines.map((l) => textWidth(l, font))) };
  });
}

/** A horizontal axis of `length` pt: as many ticks as fit side by side; long names wrap, then turn. */
export function horizontalAxis(
  spec: AxisSpec,
  domain: readonly [number, number],
  length: number,
  theme: Theme,
): Axis {
  const font = tickFont(theme);
  const place = placement(spec, domain, length);
  const space = font.size * 0.55;
  const labelLines = plainLines(spec.label, labelFont(theme), length);
  const done = (found: Candidate, ticks: Tick[], turn = 0): Axis => {
    return { spec, domain, length, place, ticks, minor: found.minor, turn, labelLines };
  };
  const most = Math.max(2, Math.min(9, Math.floor(length / (font.size * 3.6))));
  const fits = (count: number): [[Candidate, Tick[]]] | undefined => {
    const found = candidate(spec, domain, count);
    const ticks = toTicks(found, place, font);
    return collide(ticks, space) ? undefined : [[found, ticks]];
  };
  const fitting = chosenTicks(most, fits);
  if (fitting !== undefined) return done(...fitting);
  const found = candidate(spec, domain, 2);
  if (spec.scale === 'category') {
    const slot = length / Math.max(1, found.values.length) - space;
    const longest = Math.max(...found.labels.flatMap((l) => wordWidths(l, font)));
    if (longest <= slot) return done(found, toTicks(found, place, font, slot));
    const ticks = toTicks(found, place, font);
    // Slanted lines of text stand off by the sine of their angle; upright ones by their height.
    const slanted = thinned(ticks, font.size * 1.65);
    if (slanted.length === ticks.length) return done(found, slanted, -40);
    return done(found, thinned(ticks, font.size * 1.1), -90);
  }
  return done(found, thinned(toTicks(found, place, font)));
}

/** Of what fits, the most ticks up to the wanted number; more than that rather than fewer than three. */
function chosenTicks(
  wanted: number,
  fits: (count: number) => [[Candidate, Tick[]]] | undefined,
): [Candidate, Tick[]] | undefined {
  const fewer = Array.from({ length: Math.max(1, wanted - 1) }, (_, i) => Math.max(2, wanted - i));
  const more = [1, 2, 3, 4, 5].map((i) => wanted + i);
  // Round steps may give many more ticks than were asked for.
  const most = Math.max(4, 1.3 * wanted);
  const found = [...fewer, ...more].flatMap((count) => fits(count) ?? []);
  const enough = found.filter(([, ticks]) => ticks.length >= 3);
  return enough.find(([, ticks]) => ticks.length <= most) ?? enough[0] ?? found[0];
}

const wordWidths = (label: RichText, font: Font): number[] =>
  wrapText(label, font, 0.01 + font.size).length === 1
    ? [textWidth(label, font)]
    : (typeof label === 'string' ? label.split(' ') : [label]).map((word) => textWidth(word, font));

/** Leaves ticks out, evenly, until the rest do not touch. With `pitch` the labels count as that wide. */
function thinned(ticks: Tick[], pitch?: number): Tick[] {
  const sized = pitch === undefined ? ticks : ticks.map((tick) => ({ ...tick, width: pitch }));
  for (let every = 1; every < ticks.length; every++) {
    const kept = sized.map((_, i) => i).filter((i) => i % every === 0);
    if (
      !collide(
        kept.map((i) => sized[i]!),
        1,
      )
    )
      return kept.map((i) => ticks[i]!);
  }
  return ticks.slice(0, 1);
}

/** A vertical axis of `length` pt, from the bottom up. */
export function verticalAxis(
  spec: AxisSpec,
  domain: readonly [number, number],
  length: number,
  theme: Theme,
): Axis {
  const font = tickFont(theme);
  const place = placement(spec, domain, length);
  const count = Math.max(2, Math.min(8, Math.floor(length / (font.size * 2.6))));
  const fits = (wanted: number): [[Candidate, Tick[]]] | undefined => {
    const found = candidate(spec, domain, wanted);
    const ticks = toTicks(found, place, font);
    const tall = ticks.map((tick) => ({ ...tick, width: font.size }));
    return collide(tall, 1) ? undefined : [[found, ticks]];
  };
  const least = candidate(spec, domain, count);
  const [found, ticks] = chosenTicks(count, fits) ?? [least, thinned(toTicks(least, place, font), font.size)];
  // A word that is a little longer than the axis stays whole: there is room at its ends.
  const words = plainText(spec.label).split(/(?<=[ /,])/u);
  const longest = Math.max(0, ...words.map((word) => textWidth(word.trimEnd(), labelFont(theme))));
  const labelLines = plainLines(
    spec.label,
    labelFont(theme),
    longest <= 1.2 * length ? Math.max(length, longest) : length,
  );
  return { spec, domain, length, place, ticks, minor: found.minor, turn: 0, labelLines };
}

function plainLines(label: RichText, font: Font, width: number): readonly RichText[] {
  if (label.length === 0) return [];
  const room = Math.max(width, font.size * 4);
  const lines = wrapText(label, font, room);
  // Lines of about equal length: as narrow as possible without a further line.
  for (let share = 0.55; lines.length > 1 && share < 1; share += 0.05) {
    const narrower = wrapText(label, font, room * share);
    if (narrower.length === lines.length) return narrower;
  }
  return lines;
}

/** Room below a horizontal axis, in pt: tick marks, tick labels, axis label. */
export function heightBelow(axis: Axis, theme: Theme, showTicks: boolean, showLabel: boolean): number {
  let height = theme.tickLength;
  if (showTicks && axis.ticks.length > 0) height += tickGap(theme) + tickLabelHeight(axis, theme);
  if (showLabel && axis.labelLines.length > 0) {
    height += labelGap + axis.labelLines.length * lineHeight(labelFont(theme));
  }
  return height + 1;
}

export function tickLabelHeight(axis: Axis, theme: Theme): number {
  const font = tickFont(theme);
  const lines = Math.max(1, ...axis.ticks.map((tick) => tick.lines.length));
  const upright = (lines - 1) * lineHeight(font) + textExtents(font).above + textExtents(font).below;
  if (axis.turn === 0) return upright;
  const angle = (-axis.turn * Math.PI) / 180;
  return Math.max(...axis.ticks.map((t) => t.width)) * Math.sin(angle) + upright * Math.cos(angle);
}

/** Room left of a vertical axis, in pt. */
export function widthLeft(axis: Axis, theme: Theme, showTicks: boolean, showLabel: boolean): number {
  let width = theme.tickLength;
  if (showTicks && axis.ticks.length > 0)
    width += tickGap(theme) + Math.max(...axis.ticks.map((t) => t.width));
  if (showLabel && axis.labelLines.length > 0) {
    width += labelGap + axis.labelLines.length * lineHeight(labelFont(theme));
  }
  return width + 1;
}

/** How far tick labels of a horizontal axis reach beyond its left and right ends, in pt. */
export function overhang(axis: Axis, theme: Theme): { left: number; right: number } {
  const font = tickFont(theme);
  if (axis.turn !== 0) {
    const reach = axis.ticks.map(
      (t) => t.width * Math.cos((axis.turn * Math.PI) / 180) + font.size * 0.3 - t.at,
    );
    return { left: Math.max(0, ...reach), right: 0 };
  }
  return {
    left: Math.max(0, ...axis.ticks.map((t) => t.width / 2 - t.at)),
    right: Math.max(0, ...axis.ticks.map((t) => t.at + t.width / 2 - axis.length)),
  };
}

export { labelGap, tickGap };
