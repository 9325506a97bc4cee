/** Points: does one measure foretell another? Rank correlation written into the panel. */
import { z } from 'zod';
import { cell, colourSchema, defineFigure, labelSchema, SeriesList } from '../kind.ts';
import type { Mark } from '../marks.ts';
import { rankCorrelation } from '../statistics.ts';
import { markup, type RichText } from '../text.ts';

const axisSchema = z.object({ label: labelSchema, log: z.boolean().default(false) });
const valueSchema = z.union([z.number(), z.null()]).transform((v) => v ?? NaN);

export const scatterDataSchema = z.object({
  panels: z
    .array(
      z.object({
        title: labelSchema.optional(),
        x: axisSchema,
        y: axisSchema,
        series: z.array(
          z.object({
            label: labelSchema,
            colour: colourSchema.optional(),
            points: z.array(z.object({ x: valueSchema, y: valueSchema, name: z.string().optional() })),
          }),
        ),
      }),
    )
    .min(1),
  /** Spearman's rank correlation over all points of a panel. */
  correlation: z.boolean().default(true),
  /** What every reader of these points must be told; part of the caption. */
  notes: z.array(z.string()).default([]),
});

type Panel = z.output<typeof scatterDataSchema>['panels'][number];

function correlationNote(panel: Panel): RichText {
  const points = panel.series.flatMap((s) => s.points);
  const { rho, n } = rankCorrelation(
    points.map((p) => p.x),
    points.map((p) => p.y),
  );
  if (Number.isNaN(rho)) return markup(`*n* = ${n}, no rank correlation`);
  return markup(`Spearman *ρ* = ${rho.toFixed(2).replace('-', '−')}, *n* = ${n}`);
}

function panelMarks(panel: Panel, series: SeriesList, correlation: boolean): Mark[] {
  const points = panel.series.map((s): Mark => ({
    kind: 'points',
    series: s.label,
    points: s.points.map((p) => [p.x, p.y]),
    style: series.style(s.label),
    opacity: 0.9,
  }));
  return correlation ? [...points, { kind: 'note', text: correlationNote(panel), at: 'corner' }] : points;
}

export const scatter = defineFigure({
  title: 'Scatter',
  schema: scatterDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      data.panels.flatMap((p) => p.series),
    );
    const sameY = data.panels.every(
      (p) => p.y.label === data.panels[0]!.y.label && p.y.log === data.panels[0]!.y.log,
    );
    return {
      name: data.panels.map((p) => `${p.y.label} against ${p.x.label}`)[0] ?? 'Scatter',
      aspect: data.panels.length > 1 ? 0.85 : 0.7,
      ...(sameY ? { shareY: 'all' as const } : {}),
      rows: [
        data.panels.map((panel) => ({
          ...(panel.title === undefined ? {} : { title: panel.title }),
          x: {
            label: panel.x.label,
            scale: panel.x.log ? ('log' as const) : ('linear' as const),
            margin: 0.06,
            grid: true,
          },
          y: { label: panel.y.label, scale: panel.y.log ? ('log' as const) : ('linear' as const) },
          marks: panelMarks(panel, series, data.correlation),
        })),
      ],
      legend: series.legend('marker'),
    };
  },
  describe: (data) => {
    const what = data.panels.map((p) => `${p.y.label} against ${p.x.label}`).join('; ');
    const rank = data.correlation ? ["Spearman's rank correlation over all points of a panel."] : [];
    return [`${what}.`, ...rank, ...data.notes].join(' ');
  },
  numbers: (data) => ({
    columns: ['panel', 'series', 'name', 'x', 'y'],
    rows: data.panels.flatMap((panel, p) =>
      panel.series.flatMap((s) =>
        s.points.map((pt) => [panel.title ?? String(p + 1), s.label, pt.name ?? '', cell(pt.x), cell(pt.y)]),
      ),
    ),
  }),
});
