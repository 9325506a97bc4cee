/** A measure over a setting that was varied: a point per run, mean over seeds or pairs, band of one standard deviation. */
import { z } from 'zod';
import { cell, colourSchema, defineFigure, inOrder, labelSchema, SeriesList } from '../kind.ts';
import type { Mark } from '../marks.ts';

const pointSchema = z.object({
  x: z.number(),
  mean: z.union([z.number(), z.null()]).transform((v) => v ?? NaN),
  /** n - 1; null for a single one. */
  std: z.number().nonnegative().nullable(),
  n: z.int().nonnegative(),
});

export const measureOverSettingDataSchema = z.object({
  x: z.object({ label: labelSchema, log: z.boolean().default(false) }),
  panels: z
    .array(
      z.object({
        title: labelSchema.optional(),
        /** "test accuracy (%)" */
        label: labelSchema,
        series: z
          .array(
            z.object({
              label: labelSchema,
              colour: colourSchema.optional(),
              points: z.array(pointSchema).min(1),
            }),
          )
          .min(1),
      }),
    )
    .min(1),
});

type Series = z.output<typeof measureOverSettingDataSchema>['panels'][number]['series'][number];

function marksOf({ label, points: given }: Series, series: SeriesList): Mark[] {
  const points = given.toSorted((a, b) => a.x - b.x);
  const style = series.style(label);
  const spread = points.filter(({ std }) => std !== null);
  return [
    ...(spread.length < 2
      ? []
      : [
          {
            kind: 'band' as const,
            series: label,
            colour: style.colour,
            points: points.map(({ x, mean, std }) => [x, mean - (std ?? 0), mean + (std ?? 0)] as const),
          },
        ]),
    {
      kind: 'line',
      series: label,
      points: points.map(({ x, mean }) => [x, mean]),
      style,
      markers: 'all',
      stagger: series.index(label),
    },
  ];
}

export const measureOverSetting = defineFigure({
  title: 'Measure over a setting',
  schema: measureOverSettingDataSchema,
  content: (data, theme) => {
    const all = data.panels.flatMap((p) => p.series);
    const series = new SeriesList(theme, all);
    return {
      name: data.panels.map(({ label }) => label).join(', '),
      aspect: data.panels.length > 1 ? 0.8 : 0.62,
      shareX: true,
      rows: [
        data.panels.map((panel) => ({
          ...(panel.title === undefined ? {} : { title: panel.title }),
          x: {
            label: data.x.label,
            margin: 0.04,
            scale: data.x.log ? ('log' as const) : ('linear' as const),
          },
          y: { label: panel.label },
          marks: inOrder(panel.series.flatMap((s) => marksOf(s, series))),
        })),
      ],
      legend: series.legend(
        'line',
        all.some((s) => s.points.filter(({ std }) => std !== null).length > 1),
      ),
    };
  },
  describe: (data) => {
    const counts = data.panels.flatMap((p) => p.series.flatMap((s) => s.points.map(({ n }) => n)));
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    const number = least === most ? String(most) : `${least} to ${most}`;
    return `${data.panels.map((p) => p.label).join(', ')} over ${data.x.label}: means of ${number} values; band: ± one standard deviation.`;
  },
  numbers: (data) => ({
    columns: ['panel', 'series', data.x.label, 'mean', 'std', 'n'],
    rows: data.panels.flatMap((p) =>
      p.series.flatMap((s) =>
        s.points.map(({ x, mean, std, n }) => [p.title ?? p.label, s.label, x, cell(mean), std, n]),
      ),
    ),
  }),
});
