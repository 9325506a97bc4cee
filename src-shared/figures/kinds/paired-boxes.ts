/** Distributions over a setting, those of several kinds side by side at each of its values, with lines of a theory. */
import { z } from 'zod';
import { cell, colourSchema, defineFigure, labelSchema, numbersSchema, SeriesList } from '../kind.ts';
import type { LegendItem } from '../legend.ts';
import type { Mark } from '../marks.ts';
import { boxSummary } from '../statistics.ts';
import { seriesStyle, type SeriesStyle, type Theme } from '../theme.ts';

const panelSchema = z
  .object({
    title: labelSchema.optional(),
    /** What runs along x. */
    xLabel: labelSchema,
    categories: z.array(labelSchema).min(1),
    series: z
      .array(
        z.object({
          label: labelSchema,
          colour: colourSchema.optional(),
          /** One distribution per category; an empty one is a gap. */
          values: z.array(numbersSchema),
        }),
      )
      .min(1),
    /** One number per category; null is a gap. */
    lines: z.array(z.object({ label: labelSchema, values: numbersSchema })).default([]),
  })
  .refine((p) => [...p.series, ...p.lines].every(({ values }) => values.length === p.categories.length), {
    message: 'expected one entry of values per category',
    path: ['categories'],
  });

export const pairedBoxesDataSchema = z.object({
  label: labelSchema,
  log: z.boolean().default(false),
  panels: z.array(panelSchema).min(1),
});

type Data = z.output<typeof pairedBoxesDataSchema>;
type Panel = Data['panels'][number];

/** Of a category, taken by its boxes. */
const room = 0.76;

const lineStyle = (theme: Theme, i: number): SeriesStyle => ({
  ...seriesStyle(theme, i),
  colour: theme.colour.muted,
  dash: [
    [4, 3],
    [1.5, 2],
    [7, 3],
  ][i % 3]!,
});

const distinct = (labels: readonly string[]): string[] => [...new Set(labels)];

function panelMarks(panel: Panel, log: boolean, series: SeriesList, theme: Theme, lines: string[]): Mark[] {
  const count = panel.series.length;
  const boxes = panel.series.flatMap(({ label, values }, s) =>
    values.flatMap((list, c): Mark[] => {
      const summary = boxSummary(log ? list.filter((v) => v > 0) : list);
      if (summary === null) return [];
      const at = c + room * ((s + 0.5) / count - 0.5);
      const style = { ...series.style(label), dash: [] };
      return [{ kind: 'box', series: label, at, width: (0.8 * room) / count, summary, style }];
    }),
  );
  const theory = panel.lines.map(({ label, values }): Mark => ({
    kind: 'line',
    series: label,
    points: values.map((v, c) => (Number.isFinite(v) && !(log && v <= 0) ? [c, v] : null)),
    style: lineStyle(theme, lines.indexOf(label)),
    markers: values.length === 1 ? 'all' : 'none',
  }));
  return [...boxes, ...theory];
}

export const pairedBoxes = defineFigure({
  title: 'Box plots over a setting',
  schema: pairedBoxesDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      data.panels.flatMap((p) => p.series),
    );
    const lines = distinct(data.panels.flatMap((p) => p.lines.map(({ label }) => label)));
    const legend: LegendItem[] = [
      ...series.legend('patch'),
      ...lines.map((label, i) => ({ id: label, label, style: lineStyle(theme, i), look: 'line' as const })),
    ];
    return {
      name: data.label,
      aspect: data.panels.length > 1 ? 0.85 : 0.62,
      shareY: 'all',
      rows: [
        data.panels.map((panel) => ({
          ...(panel.title === undefined ? {} : { title: panel.title }),
          x: { label: panel.xLabel, scale: 'category' as const, categories: panel.categories },
          y: { label: data.label, scale: data.log ? ('log' as const) : ('linear' as const) },
          marks: panelMarks(panel, data.log, series, theme, lines),
        })),
      ],
      legend,
    };
  },
  describe: (data) => {
    const all = data.panels.flatMap((p) => p.series.flatMap(({ values }) => values.flat()));
    const left = data.log ? all.filter((v) => !(v > 0)).length : 0;
    const dropped =
      left > 0 ? ` ${left} values that are not positive cannot be shown on the logarithmic axis.` : '';
    const lines = distinct(data.panels.flatMap((p) => p.lines.map(({ label }) => label)));
    const drawn = lines.length === 0 ? '' : ` Lines: ${lines.join('; ')}.`;
    return `${data.label}: median, quartiles, whiskers at the outermost values within 1.5 box lengths, mean (diamond), outliers.${drawn}${dropped}`;
  },
  numbers: (data) => ({
    columns: ['panel', 'series', 'category', 'index', 'value'],
    rows: data.panels.flatMap((panel, p) => {
      const name = panel.title ?? String(p + 1);
      return [
        ...panel.series.flatMap(({ label, values }) =>
          values.flatMap((list, c) => list.map((v, i) => [name, label, panel.categories[c]!, i, cell(v)])),
        ),
        ...panel.lines.flatMap(({ label, values }) =>
          values.map((v, c) => [name, label, panel.categories[c]!, 0, cell(v)]),
        ),
      ];
    }),
  }),
});
