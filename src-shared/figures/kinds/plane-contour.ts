/** A function over a plane in weight space: filled contours with points and paths drawn over them. */
import { contours } from 'd3';
import { z } from 'zod';
import {
  chooseScale,
  colourMaps,
  cssColour,
  levelOf,
  palette,
  transformValue,
  valueRange,
  type ColourScale,
} from '../colour.ts';
import {
  cell,
  colourRangeSchema,
  colourSchema,
  defineFigure,
  fitsScale,
  fitsScaleIssue,
  labelSchema,
  numbersSchema,
} from '../kind.ts';
import type { LegendItem } from '../legend.ts';
import type { Mark, Point } from '../marks.ts';
import { matrixDataSchema } from '../matrix-data.ts';
import { seriesStyle, type SeriesStyle, type Theme } from '../theme.ts';

const planePoint = z.tuple([z.number(), z.number()]);

export const planeContourDataSchema = z
  .object({
    xLabel: labelSchema,
    yLabel: labelSchema,
    valueLabel: labelSchema,
    /** Evenly spaced coordinates of the grid's columns (x) and rows (y). */
    x: numbersSchema,
    y: numbersSchema,
    /** Row i lies at y[i], column j at x[j]. */
    values: matrixDataSchema,
    levels: z.int().min(2).max(60).default(14),
    scale: z.enum(['linear', 'log']).default('linear'),
    colours: z.enum(['auto', ...colourMaps]).default('auto'),
    range: colourRangeSchema.optional(),
    paths: z
      .array(
        z.object({
          label: labelSchema,
          /** For a path that another figure shows too. */
          colour: colourSchema.optional(),
          points: z.array(planePoint).min(1),
        }),
      )
      .default([]),
    /** How points outside of the plane come into it. */
    projection: labelSchema.optional(),
  })
  .refine((d) => d.values.rows === d.y.length && d.values.columns === d.x.length, {
    message: 'expected one row per y and one column per x',
    path: ['values'],
  })
  .refine((d) => d.x.length > 1 && d.y.length > 1, {
    message: 'expected at least 2 x 2 values',
    path: ['x'],
  })
  .refine(fitsScale, fitsScaleIssue);

type Data = z.output<typeof planeContourDataSchema>;

/** Filled regions between levels, lowest first; each covers the ones above it as well. */
function regions(data: Data, scale: ColourScale, theme: Theme): Mark[] {
  const forward = (v: number): number => transformValue(scale.transform, v);
  const [low, high] = scale.domain.map(forward) as [number, number];
  const [columns, rows] = [data.x.length, data.y.length];
  const step = (high - low) / data.levels;
  const thresholds = Array.from({ length: data.levels }, (_, i) => low + i * step);
  const values = Array.from(data.values.data, (v) => Math.max(low, Math.min(high, forward(v))));
  const colours = palette(scale.map, theme.colour.missing);
  const level = levelOf({ ...scale, transform: 'linear', domain: [low, high] });
  // d3 puts the sample (i, j) at (j + 0.5, i + 0.5) of its grid.
  const along = (at: readonly number[], g: number, n: number): number =>
    at[0]! + ((g - 0.5) / (n - 1)) * (at[n - 1]! - at[0]!);
  const place = ([gx, gy]: readonly number[]): Point => [
    along(data.x, gx!, columns),
    along(data.y, gy!, rows),
  ];
  return contours()
    .size([columns, rows])
    .thresholds(thresholds)(values)
    .map((shape, i): Mark => ({
      kind: 'rings',
      rings: shape.coordinates.flatMap((polygon) => polygon.map((ring) => ring.map(place))),
      fill: cssColour(colours[level(thresholds[i]! + step / 2)]!),
      ...(i === 0 ? {} : { stroke: 'rgba(255,255,255,0.35)' }),
    }));
}

const pathStyle = (theme: Theme, i: number, colour?: string): SeriesStyle => ({
  ...seriesStyle(theme, i),
  colour: colour ?? ['#ffffff', '#E69F00', '#F0E442', '#CC79A7'][i % 4] ?? '#ffffff',
});

export const planeContour = defineFigure({
  title: 'Contours in a plane',
  schema: planeContourDataSchema,
  content: (data, theme) => {
    const range = valueRange(data.values.data, data.scale === 'log');
    const scale = chooseScale(range, { map: data.colours, transform: data.scale, domain: data.range });
    const [width, height] = [data.x.at(-1)! - data.x[0]!, data.y.at(-1)! - data.y[0]!].map(Math.abs) as [
      number,
      number,
    ];
    const paths = data.paths.map(({ label, colour, points }, i): Mark => ({
      kind: 'line',
      series: label,
      points,
      style: pathStyle(theme, i, colour),
      markers: points.length <= 12 ? 'all' : 'ends',
    }));
    const legend = data.paths.map(({ label, colour }, i): LegendItem => ({
      id: label,
      label,
      style: pathStyle(theme, i, colour),
      look: 'line-marker',
      onDark: true,
    }));
    return {
      name: data.valueLabel,
      aspect: Math.max(0.4, Math.min(1.6, height / width)),
      fixedAspect: true,
      rows: [
        [
          {
            ...(data.projection === undefined ? {} : { title: data.projection }),
            framed: true,
            x: { label: data.xLabel, domain: [data.x[0]!, data.x.at(-1)!] },
            y: { label: data.yLabel, domain: [data.y[0]!, data.y.at(-1)!] },
            marks: [...regions(data, scale, theme), ...paths],
          },
        ],
      ],
      colourBars: [{ scale, label: data.valueLabel }],
      legend,
    };
  },
  describe: (data) =>
    [
      `${data.valueLabel} over a plane, ${data.x.length} x ${data.y.length} points, ${data.levels} levels.`,
      ...(data.projection === undefined ? [] : [`${data.projection}.`]),
    ].join(' '),
  numbers: (data) => ({
    columns: ['x', 'y', 'value'],
    rows: Array.from(data.values.data, (v, k) => [
      data.x[k % data.x.length] ?? null,
      data.y[Math.floor(k / data.x.length)] ?? null,
      cell(v),
    ]),
  }),
});
