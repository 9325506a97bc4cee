/** Log-log lines with their fitted slopes: the deviation from the chord over beta, barriers over rescaling. */
import { z } from 'zod';
import {
  cell,
  colourSchema,
  defineFigure,
  familyMarks,
  inOrder,
  labelSchema,
  numbersSchema,
  SeriesList,
  summarise,
} from '../kind.ts';
import type { Mark } from '../marks.ts';
import { powerLaw } from '../statistics.ts';
import { markup, type RichText } from '../text.ts';
import type { SeriesStyle, Theme } from '../theme.ts';

const lineSchema = z.object({
  label: labelSchema,
  colour: colourSchema.optional(),
  x: numbersSchema,
  /** One curve per seed or pair. */
  curves: z.array(numbersSchema).min(1),
});

const powerLawSchema = z.object({
  series: z.array(lineSchema).min(1),
  /** Slope that theory expects; drawn as a dashed guide. */
  theorySlope: z.number().optional(),
  /** Range of x over which slopes are fitted; else all points. */
  fitRange: z.tuple([z.number().positive(), z.number().positive()]).optional(),
});

type Data = z.output<typeof powerLawSchema>;

/** Slope of each series' mean on log-log axes, over the fit range. */
export function fittedSlopes(data: Data): { label: string; slope: number | null }[] {
  const [low, high] = data.fitRange ?? [0, Infinity];
  return data.series.map(({ label, x, curves }) => {
    const { mean } = summarise(curves);
    const inside = x.map((v, i) => [v, mean[i] ?? NaN] as const).filter(([v]) => v >= low && v <= high);
    const fit = powerLaw(
      inside.map((p) => p[0]),
      inside.map((p) => p[1]),
    );
    return { label, slope: fit?.slope ?? null };
  });
}

const slopeText = (slope: number): string => slope.toFixed(2).replace('-', '−');

function notes(data: Data): RichText[] {
  const fitted = fittedSlopes(data).filter((s) => s.slope !== null);
  const single = data.series.length === 1;
  return fitted.map(({ label, slope }) => `${single ? '' : `${label}: `}slope ${slopeText(slope!)}`);
}

/** The theory's slope, below the data so that it does not cover them. */
const guideStyle = (theme: Theme): SeriesStyle => ({
  colour: theme.colour.muted,
  dash: [4, 3],
  marker: 'circle',
});

function guide(data: Data, theme: Theme): Mark[] {
  const first = data.series[0]!;
  const { mean } = summarise(first.curves);
  const points = first.x.map((x, i) => [x, mean[i] ?? NaN] as const).filter(([x, y]) => x > 0 && y > 0);
  if (data.theorySlope === undefined || points.length < 2) return [];
  const slope = data.theorySlope;
  const factor = Math.min(...points.map(([x, y]) => y / x ** slope)) / 2;
  const ends = [Math.min(...points.map((p) => p[0])), Math.max(...points.map((p) => p[0]))];
  return [
    {
      kind: 'line',
      series: 'theory',
      weight: 'thin',
      style: guideStyle(theme),
      points: ends.map((x) => [x, factor * x ** slope]),
    },
  ];
}

function definePowerLaw(words: {
  title: string;
  xLabel: RichText;
  yLabel: RichText;
  about: string;
  columns: string[];
}) {
  return defineFigure({
    title: words.title,
    schema: powerLawSchema,
    content: (data, theme) => {
      const series = new SeriesList(theme, data.series);
      return {
        name: words.title,
        aspect: 0.72,
        rows: [
          [
            {
              x: { label: words.xLabel, scale: 'log', margin: 0.03, grid: true },
              y: { label: words.yLabel, scale: 'log' },
              marks: [
                ...guide(data, theme),
                ...inOrder(
                  data.series.flatMap((s) =>
                    familyMarks(s, series, { band: 'range', draw: 'mean', markers: 'all' }),
                  ),
                ),
                { kind: 'note', text: notes(data), at: 'corner' },
              ],
            },
          ],
        ],
        legend: [
          ...series.legend(
            'line-marker',
            data.series.some((s) => s.curves.length > 1),
          ),
          ...(data.theorySlope === undefined
            ? []
            : [
                {
                  id: 'theory',
                  label: `theory, slope ${slopeText(data.theorySlope)}`,
                  style: guideStyle(theme),
                  look: 'thin-line' as const,
                },
              ]),
        ],
      };
    },
    describe: (data) => {
      const most = Math.max(...data.series.map((s) => s.curves.length));
      const range =
        data.fitRange === undefined ? '' : `, fitted from ${data.fitRange[0]} to ${data.fitRange[1]}`;
      const band = most > 1 ? ` Mean over ${most}; band: minimum to maximum.` : '';
      return `${words.about} Slopes on log-log axes${range}.${band}`;
    },
    numbers: (data) => ({
      columns: words.columns,
      rows: data.series.flatMap((s) =>
        s.curves.flatMap((values, k) => s.x.map((x, i) => [s.label, k + 1, cell(x), cell(values[i])])),
      ),
    }),
  });
}

export const chordDeviation = definePowerLaw({
  title: 'Deviation from the chord',
  xLabel: markup('*β*'),
  yLabel: markup('largest deviation from the chord'),
  about: 'Largest deviation of the interpolated layer output from the chord between both networks, over β.',
  columns: ['series', 'curve', 'beta', 'deviation'],
});

export const rescalingBarrier = definePowerLaw({
  title: 'Barrier over rescaling',
  xLabel: markup('rescaling factor *c*'),
  yLabel: 'highest loss on the straight line',
  about: 'Highest loss on the straight line between a network and its rescaled self, over the factor.',
  columns: ['series', 'curve', 'factor', 'loss'],
});
