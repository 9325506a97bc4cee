/** Parameter-space symmetry: loss along symmetry curves, and skip components in their plane. */
import { z } from 'zod';
import {
  bandNames,
  bandSchema,
  cell,
  colourSchema,
  defineFigure,
  familyMarks,
  inOrder,
  labelSchema,
  numbersSchema,
  SeriesList,
  showsBand,
} from '../kind.ts';
import type { Mark, Point } from '../marks.ts';
import { markup } from '../text.ts';

export const symmetryCurveDataSchema = z.object({
  panels: z
    .array(
      z.object({
        title: labelSchema.optional(),
        /** "straight line", "symmetry curve" ... */
        series: z.array(
          z.object({
            label: labelSchema,
            colour: colourSchema.optional(),
            t: numbersSchema,
            curves: z.array(numbersSchema).min(1),
          }),
        ),
      }),
    )
    .min(1),
  valueLabel: labelSchema.default('loss (nats)'),
  log: z.boolean().default(false),
  band: bandSchema.default('range'),
});

export const symmetryCurve = defineFigure({
  title: 'Symmetry curve and straight line',
  schema: symmetryCurveDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      data.panels.flatMap((p) => p.series),
    );
    return {
      name: `${data.valueLabel} along symmetry curve and straight line`,
      aspect: data.panels.length > 1 ? 0.74 : 0.62,
      shareX: true,
      shareY: 'all',
      rows: [
        data.panels.map((panel) => ({
          ...(panel.title === undefined ? {} : { title: panel.title }),
          x: { label: markup('position *t* from one end to the other'), margin: 0 },
          y: { label: data.valueLabel, scale: data.log ? ('log' as const) : ('linear' as const) },
          marks: inOrder(
            panel.series.flatMap((s) =>
              familyMarks({ ...s, x: s.t }, series, { band: data.band, draw: 'mean', markers: 'some' }),
            ),
          ),
        })),
      ],
      legend: series.legend(
        'line-marker',
        showsBand(
          data.panels.flatMap((p) => p.series),
          data,
        ),
      ),
    };
  },
  describe: (data) => {
    const most = Math.max(...data.panels.flatMap((p) => p.series.map((s) => s.curves.length)));
    return `${data.valueLabel} between two ends of an orbit${most > 1 ? `; mean over ${most}${bandNames[data.band]}` : ''}.`;
  },
  numbers: (data) => ({
    columns: ['panel', 'series', 'curve', 't', 'value'],
    rows: data.panels.flatMap((panel, p) =>
      panel.series.flatMap((s) =>
        s.curves.flatMap((values, k) =>
          s.t.map((t, i) => [panel.title ?? String(p + 1), s.label, k + 1, cell(t), cell(values[i])]),
        ),
      ),
    ),
  }),
});

const planePoint = z.tuple([z.number(), z.number()]);

export const skipPlaneDataSchema = z.object({
  xLabel: labelSchema,
  yLabel: labelSchema,
  series: z
    .array(
      z.object({
        label: labelSchema,
        colour: colourSchema.optional(),
        points: z.array(planePoint).min(1),
        /** Join the points in their order (a training path), else leave them apart. */
        joined: z.boolean().default(false),
      }),
    )
    .min(1),
  /** Same unit on both axes. */
  equal: z.boolean().default(true),
});

/** Square ranges of equal length about the data, so that one unit is as long on both axes. */
function equalRanges(points: readonly (readonly [number, number])[]): {
  x: [number, number];
  y: [number, number];
} {
  const ends = (k: 0 | 1): [number, number] => {
    const values = points.map((p) => p[k]);
    return [Math.min(...values), Math.max(...values)];
  };
  const [x, y] = [ends(0), ends(1)];
  const half = Math.max(x[1] - x[0], y[1] - y[0], 1e-9) * 0.56;
  const around = ([low, high]: [number, number]): [number, number] => [
    (low + high) / 2 - half,
    (low + high) / 2 + half,
  ];
  return { x: around(x), y: around(y) };
}

export const skipPlane = defineFigure({
  title: 'Skip components in the plane',
  schema: skipPlaneDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(theme, data.series);
    const range = data.equal ? equalRanges(data.series.flatMap((s) => s.points)) : undefined;
    const axis = (label: string, domain: [number, number] | undefined) => ({
      label,
      margin: 0.06,
      grid: true,
      ...(domain === undefined ? {} : { domain }),
    });
    return {
      name: `${data.yLabel} against ${data.xLabel}`,
      aspect: data.equal ? 1 : 0.75,
      fixedAspect: data.equal,
      rows: [
        [
          {
            x: axis(data.xLabel, range?.x),
            y: axis(data.yLabel, range?.y),
            marks: data.series.flatMap((s): Mark[] => {
              const style = series.style(s.label);
              const points = s.points as readonly Point[];
              const dots: Mark = { kind: 'points', series: s.label, points, style, opacity: 0.9 };
              return s.joined ? [{ kind: 'line', series: s.label, points, style, markers: 'last' }] : [dots];
            }),
          },
        ],
      ],
      legend: series.legend(data.series.every((s) => s.joined) ? 'line-marker' : 'marker'),
    };
  },
  describe: (data) => `${data.yLabel} against ${data.xLabel}.`,
  numbers: (data) => ({
    columns: ['series', 'index', 'x', 'y'],
    rows: data.series.flatMap((s) => s.points.map(([x, y], i) => [s.label, i, x, y])),
  }),
});
