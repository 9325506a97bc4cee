/** Accuracy or loss along the straight line between two models: panels by alignment, families as series. */
import { z } from 'zod';
import { accuracyDrops, barrierNames, barrierTexts, lossBarriers, nonFiniteText } from '../../barriers.ts';
import {
  bandNames,
  bandSchema,
  cell,
  colourSchema,
  defineFigure,
  familyMarks,
  inOrder,
  inRows,
  labelSchema,
  numbersSchema,
  SeriesList,
  showsBand,
  summarise,
} from '../kind.ts';
import type { LegendItem } from '../legend.ts';
import type { Mark } from '../marks.ts';
import { markup } from '../text.ts';
import type { Theme } from '../theme.ts';

const curveSchema = z.object({
  /** "1–2" */
  pair: labelSchema,
  values: numbersSchema,
});

export const interpolationDataSchema = z.object({
  /** What is drawn, if it is not the accuracy in percent or the mean cross entropy in nats: the axis says it. */
  metricName: labelSchema.optional(),
  /** Accuracy in percent, loss in nats. */
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
  /** The definition whose barriers the caption quotes. */
  barrier: z.enum(barrierNames).default('chord'),
  /** What every reader of these curves must be told; part of the caption. */
  notes: z.array(z.string()).default([]),
  /** Shown range of the metric; else that of the data, the same in all panels. */
  range: z.tuple([z.number(), z.number()]).optional(),
});

const splitNames = { train: 'Training', val: 'Validation', test: 'Test' } as const;
type Data = z.output<typeof interpolationDataSchema>;
type Series = Data['panels'][number]['series'][number];

/** Mean and band are those of whole curves; one with a gap would change which pairs they are of along the way. */
const isWhole = ({ values }: { values: readonly number[] }): boolean => values.every(Number.isFinite);
const wholeOf = ({ curves }: Series) => curves.filter(isWhole);
const brokenOf = ({ curves }: Series) => curves.filter((curve) => !isWhole(curve));

const metricLabel = ({ split, metric, metricName }: Data): string =>
  `${splitNames[split]} ${metricName ?? (metric === 'accuracy' ? 'accuracy (%)' : 'loss (nats)')}`;

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
      flow: true,
      rows: inRows(data.panels).map((row) =>
        row.map((panel) => ({
          title: panel.title,
          x: { label: markup('interpolation coefficient *λ*'), margin: 0, ...lambdaTicks },
          y: {
            label,
            ...(data.range === undefined ? {} : { domain: data.range }),
            ...(data.metric === 'accuracy' ? { limit: [0, 100] as const } : {}),
            include: roomForCrosses(data),
          },
          marks: inOrder(panel.series.flatMap((one) => marksOf(one, series, data))),
        })),
      ),
      legend: legendOf(data, series, theme),
    };
  },
  describe: (data) => {
    const what = data.metric === 'accuracy' ? 'accuracy' : 'loss';
    const along = `${splitNames[data.split]} ${what} along the straight line between two models; ${overPairs(data)}.`;
    return [along, nonFinite(data), barriersText(data), ...data.notes].filter(Boolean).join(' ');
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

/** Labels of the series that have crosses: a row of crosses each. */
const rowsOf = ({ panels }: Data): string[] => [
  ...new Set(
    panels.flatMap(({ series }) => series.flatMap((one) => (brokenOf(one).length > 0 ? [one.label] : []))),
  ),
];

/** A value so far below all others that no cross stands among the numbers. */
function roomForCrosses(data: Data): number[] {
  const rows = rowsOf(data).length;
  const all = data.panels.flatMap(({ series }) =>
    series.flatMap(({ curves }) => curves.flatMap(({ values }) => values.filter(Number.isFinite))),
  );
  if (rows === 0 || all.length === 0) return [];
  const ends = (pick: (a: number, b: number) => number): number => all.reduce((a, b) => pick(a, b));
  const low = ends(Math.min);
  return [low - (0.04 + 0.045 * rows) * (ends(Math.max) - low)];
}

function marksOf(one: Series, series: SeriesList, data: Data): Mark[] {
  const { band, draw } = data;
  const { label, lambdas } = one;
  const style = series.style(label);
  const whole = wholeOf(one);
  const family = {
    label,
    x: lambdas,
    curves: whole.map(({ values }) => values),
    names: whole.map(({ pair }) => pair),
  };
  const broken = brokenOf(one);
  const missing = lambdas.filter((_, i) => broken.some(({ values }) => !Number.isFinite(values[i])));
  return [
    ...(whole.length > 0 ? familyMarks(family, series, { band, draw, markers: 'some' }) : []),
    ...broken.map(({ pair, values }): Mark => ({
      kind: 'line',
      series: label,
      name: pair,
      points: lambdas.map((l, i) => [l, values[i] ?? NaN] as const),
      style,
      // A point between two gaps is seen by its marker only.
      markers: lambdas.length <= 33 ? 'all' : 'some',
      ...(one.curves.length > 1 && { weight: 'thin' as const, opacity: 0.55 }),
    })),
    ...(missing.length > 0
      ? [
          {
            kind: 'missing' as const,
            series: label,
            xs: missing,
            colour: style.colour,
            row: rowsOf(data).indexOf(label),
          },
        ]
      : []),
  ];
}

/** Names the crosses, if there are any. */
function legendOf(data: Data, series: SeriesList, theme: Theme): LegendItem[] {
  const all = data.panels.flatMap((panel) => panel.series);
  const items = series.legend(
    'line-marker',
    showsBand(
      all.map((one) => ({ curves: wholeOf(one) })),
      data,
    ),
  );
  if (all.every((one) => brokenOf(one).length === 0)) return items;
  const style = { colour: theme.colour.text, dash: [], marker: 'cross' as const };
  return [...items, { id: 'not finite', label: 'not finite', style, look: 'marker' }];
}

function overPairs(data: Data): string {
  const all = data.panels.flatMap((panel) => panel.series);
  const between = (counts: number[]): string => {
    const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
    return fewest === most ? `${most}` : `${fewest} to ${most}`;
  };
  const counts = all.map(({ curves }) => curves.length);
  const most = Math.max(...counts);
  if (data.draw === 'single') return `each of ${between(counts)} pairs`;
  const whole = all.map((one) => wholeOf(one).length);
  const some = whole.some((n, i) => n !== counts[i]);
  const band = data.draw === 'mean' && Math.max(...whole) > 1 ? bandNames[data.band] : '';
  return `mean over ${some ? `${between(whole)} of ` : ''}${between(counts)} pair${most === 1 ? '' : 's'}${band}`;
}

function nonFinite(data: Data): string {
  const curves = data.panels.flatMap((panel) => panel.series.flatMap((one) => one.curves));
  const broken = curves.filter((curve) => !isWhole(curve));
  if (broken.length === 0) return '';
  const points = curves.reduce((sum, { values }) => sum + values.length, 0);
  const lost = broken.reduce((sum, { values }) => sum + values.filter((v) => !Number.isFinite(v)).length, 0);
  const each = `${broken.length} of ${curves.length} curves`;
  const left =
    curves.length === 1
      ? 'it has no barrier'
      : `${each} have such points and are left out of means and barriers`;
  return `${nonFiniteText(lost, points)} (crosses at the lower edge): ${left}.`;
}

/** Beyond this many numbers a caption is no place for them: the table has them. */
const mostQuoted = 8;

/** The mean barrier of every series, by the definition that was chosen. */
function barriersText({ panels, metric, barrier }: Data): string {
  const of = metric === 'accuracy' ? accuracyDrops : lossBarriers;
  const digits = metric === 'accuracy' ? 1 : 3;
  const quoted = panels.map(({ title, series }) => ({
    title,
    entries: series.flatMap((one) => {
      const values = one.curves.flatMap(({ values }) => of(one.lambdas, values)[barrier] ?? []);
      if (values.length === 0) return [];
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const number = Math.abs(mean) < 1e6 ? mean.toFixed(digits) : mean.toExponential(2);
      return [`${one.label} (${number})`];
    }),
  }));
  const filled = quoted.filter(({ entries }) => entries.length > 0);
  const total = filled.reduce((sum, { entries }) => sum + entries.length, 0);
  if (total === 0 || total > mostQuoted) return '';
  const what = metric === 'accuracy' ? 'Accuracy drop in points' : 'Loss barrier';
  const side = metric === 'accuracy' ? 'below' : 'above';
  const parts = filled.map(
    ({ title, entries }) => `${panels.length > 1 ? `${title}: ` : ''}${entries.join(', ')}`,
  );
  return `${what} ${side} ${barrierTexts[barrier].against}, mean over pairs: ${parts.join('; ')}.`;
}

function summaryRows(panel: string, s: Series): (string | number | null)[][] {
  const { mean, low, high, std } = summarise(wholeOf(s).map((c) => c.values));
  const named = { mean, min: low, max: high, std } as const;
  return Object.entries(named).flatMap(([name, values]) =>
    s.lambdas.map((l, i) => [panel, s.label, name, cell(l), cell(values[i])]),
  );
}
