/** The synthetic coherence experiment: midpoint barriers over coherence, and the curves at its two ends. */
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
} from '../kind.ts';
import { markup } from '../text.ts';
import { lambdaTicks } from './interpolation.ts';

export const coherenceBarrierDataSchema = z.object({
  series: z
    .array(
      z.object({
        /** "exact copy", "random frame" */
        label: labelSchema,
        colour: colourSchema.optional(),
        coherence: numbersSchema,
        /** One curve of midpoint barriers per seed. */
        seeds: z.array(numbersSchema).min(1),
      }),
    )
    .min(1),
  barrierLabel: labelSchema.default('midpoint barrier (MSE)'),
});

export const coherenceBarrier = defineFigure({
  title: 'Barrier over coherence',
  schema: coherenceBarrierDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(theme, data.series);
    return {
      name: 'Midpoint barrier over coherence',
      aspect: 0.66,
      rows: [
        [
          {
            // High coherence first: the experiment spreads the data over ever more coordinates.
            x: { label: markup('subspace coherence *ν*'), reversed: true, margin: 0.03 },
            y: { label: data.barrierLabel, include: [0] },
            marks: inOrder(
              data.series.flatMap((s) =>
                familyMarks({ label: s.label, x: s.coherence, curves: s.seeds }, series, {
                  band: 'std',
                  draw: 'mean',
                  markers: 'ends',
                }),
              ),
            ),
          },
        ],
      ],
      legend: series.legend(
        'line-marker',
        data.series.some((s) => s.seeds.length > 1),
      ),
    };
  },
  describe: (data) => {
    const seeds = Math.max(...data.series.map((s) => s.seeds.length));
    return `Midpoint barrier over subspace coherence; mean over ${seeds} seeds; band: ± one standard deviation.`;
  },
  numbers: (data) => ({
    columns: ['series', 'seed', 'coherence', 'barrier'],
    rows: data.series.flatMap((s) =>
      s.seeds.flatMap((values, k) => s.coherence.map((c, i) => [s.label, k + 1, cell(c), cell(values[i])])),
    ),
  }),
});

export const coherenceEndpointsDataSchema = z.object({
  series: z
    .array(
      z.object({
        label: labelSchema,
        colour: colourSchema.optional(),
        /** Subspace coherence, written beside the label. */
        nu: z.number(),
        lambdas: numbersSchema,
        seeds: z.array(numbersSchema).min(1),
      }),
    )
    .min(1),
  lossLabel: labelSchema.default('test MSE'),
});

const withNu = (s: { label: string; nu: number }): string => `${s.label}, ν = ${Number(s.nu.toPrecision(2))}`;

export const coherenceEndpoints = defineFigure({
  title: 'Curves at the ends of coherence',
  schema: coherenceEndpointsDataSchema,
  content: (data, theme) => {
    const named = data.series.map((s) => ({ ...s, label: withNu(s) }));
    const series = new SeriesList(theme, named);
    return {
      name: 'Interpolation at the ends of coherence',
      aspect: 0.66,
      rows: [
        [
          {
            x: { label: markup('interpolation coefficient *λ*'), margin: 0, ...lambdaTicks },
            y: { label: data.lossLabel },
            marks: inOrder(
              named.flatMap((s) =>
                familyMarks({ label: s.label, x: s.lambdas, curves: s.seeds }, series, {
                  band: 'std',
                  draw: 'mean',
                  markers: 'some',
                }),
              ),
            ),
          },
        ],
      ],
      legend: series.legend(
        'line-marker',
        data.series.some((s) => s.seeds.length > 1),
      ),
    };
  },
  describe: (data) => {
    const seeds = Math.max(...data.series.map((s) => s.seeds.length));
    return `${data.lossLabel} along the straight line between two networks, at the lowest and highest coherence ν; mean over ${seeds} seeds; band: ± one standard deviation.`;
  },
  numbers: (data) => ({
    columns: ['series', 'nu', 'seed', 'lambda', 'value'],
    rows: data.series.flatMap((s) =>
      s.seeds.flatMap((values, k) =>
        s.lambdas.map((l, i) => [s.label, s.nu, k + 1, cell(l), cell(values[i])]),
      ),
    ),
  }),
});
