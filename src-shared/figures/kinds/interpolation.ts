/** Accuracy or loss along the straight line between two models: panels by alignment, families as series. */
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
  summarise,
} from '../kind.ts';
import { markup } from '../text.ts';

const curveSchema = z.object({
  /** "1–2" */
  pair: labelSchema,
  values: numbersSchema,
});

export const interpolationDataSchema = z.object({
  /** Accuracy in percent, loss in nats (mean cross entropy). */
  metric: z.enum(['accuracy', 'loss']),
  split: z.enum(['train', 'val', 'test']),
  panels: z
    .array(
      z.object({
        title: labelSchema,
        series: z.array(
          z.object({
            label: labelSchema,
            colour: colourSchema.optional(),
            lambdas: numbersSchema,
            curves: z.array(curveSchema).min(1),
          }),
        ),
      }),
    )
    .min(1),
  band: bandSchema.default('range'),
  /** The mean over pairs, every pair, or both. */
  draw: z.enum(['mean', 'single', 'both']).default('mean'),
  /** Shown range of the metric; else that of the data, the same in all panels. */
  range: z.tuple([z.number(), z.number()]).optional(),
});

const splitNames = { train: 'Training', val: 'Validation', test: 'Test' } as const;
type Data = z.output<typeof interpolationDataSchema>;

const metricLabel = ({ split, metric }: Data): string =>
  `${splitNames[split]} ${metric === 'accuracy' ? 'accuracy (%)' : 'loss (nats)'}`;

export const lambdaTicks = { ticks: [0, 0.25, 0.5, 0.75, 1], tickLabels: ['0', '0.25', '0.5', '0.75', '1'] };

export const interpolation = defineFigure({
  title: 'Interpolation',
  schema: interpolationDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      data.panels.flatMap((p) => p.series),
    );
    const label = metricLabel(data);
    return {
      name: `${splitNames[data.split]} ${data.metric} along the segment`,
      aspect: data.panels.length > 1 ? 0.74 : 0.62,
      shareX: true,
      shareY: 'all',
      rows: [
        data.panels.map((panel) => ({
          title: panel.title,
          x: { label: markup('interpolation coefficient *λ*'), margin: 0, ...lambdaTicks },
          y: {
            label,
            ...(data.range === undefined ? {} : { domain: data.range }),
            ...(data.metric === 'accuracy' ? { limit: [0, 100] as const } : {}),
          },
          marks: inOrder(
            panel.series.flatMap(({ label: name, lambdas, curves }) =>
              familyMarks({ label: name, x: lambdas, curves: curves.map((c) => c.values) }, series, {
                band: data.band,
                draw: data.draw,
                markers: 'some',
              }),
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
    const counts = data.panels.flatMap((p) => p.series.map((s) => s.curves.length));
    const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
    const pairs = fewest === most ? `${most}` : `${fewest} to ${most}`;
    const over =
      data.draw === 'single' ? `each of ${pairs} pairs` : `mean over ${pairs} pair${most === 1 ? '' : 's'}`;
    const what = data.metric === 'accuracy' ? 'accuracy' : 'loss';
    const band = data.draw === 'mean' && most > 1 ? bandNames[data.band] : '';
    return `${splitNames[data.split]} ${what} along the straight line between two models; ${over}${band}.`;
  },
  numbers: (data) => ({
    columns: ['panel', 'series', 'pair', 'lambda', 'value'],
    rows: data.panels.flatMap((panel) =>
      panel.series.flatMap((s) => [
        ...s.curves.flatMap((c) =>
          s.lambdas.map((l, i) => [panel.title, s.label, c.pair, cell(l), cell(c.values[i])]),
        ),
        ...summaryRows(panel.title, s),
      ]),
    ),
  }),
});

function summaryRows(
  panel: string,
  s: Data['panels'][number]['series'][number],
): (string | number | null)[][] {
  const { mean, low, high, std } = summarise(s.curves.map((c) => c.values));
  const named = { mean, min: low, max: high, std } as const;
  return Object.entries(named).flatMap(([name, values]) =>
    s.lambdas.map((l, i) => [panel, s.label, name, cell(l), cell(values[i])]),
  );
}
