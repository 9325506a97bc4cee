/** What two models lose between them at several epochs of their training: panels by alignment, groups as series. */
import { z } from 'zod';
import { barrierNames, barrierTexts } from '../../barriers.ts';
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

export const barrierOverEpochsDataSchema = z.object({
  /** Percentage points of accuracy, nats of loss. */
  metric: z.enum(['accuracy', 'loss']),
  split: z.enum(['train', 'val', 'test']),
  /** What is compared, if it is not the accuracy or the mean cross entropy: the axis says it. */
  metricName: labelSchema.optional(),
  /** How barriers are defined. */
  barrier: z.enum(barrierNames).default('chord'),
  panels: z
    .array(
      z.object({
        title: labelSchema,
        series: z.array(
          z.object({
            label: labelSchema,
            colour: colourSchema.optional(),
            /** Rising. */
            epochs: numbersSchema,
            /** One per pair of models: a barrier per epoch, null if there is none. */
            pairs: z.array(z.object({ pair: labelSchema, values: numbersSchema })).min(1),
          }),
        ),
      }),
    )
    .min(1),
  band: bandSchema.default('range'),
  /** The mean over pairs, every pair, or both. */
  draw: z.enum(['mean', 'single', 'both']).default('mean'),
  /** What every reader must be told; part of the caption. */
  notes: z.array(z.string()).default([]),
});

type Data = z.output<typeof barrierOverEpochsDataSchema>;
type Series = Data['panels'][number]['series'][number];

const splitNames = { train: 'Training', val: 'Validation', test: 'Test' } as const;

const curvesOf = ({ pairs }: Series): number[][] => pairs.map(({ values }) => values);
const familyOf = (one: Series) => ({
  ...{ label: one.label, x: one.epochs, curves: curvesOf(one) },
  names: one.pairs.map(({ pair }) => pair),
});
const allOf = ({ panels }: Data): Series[] => panels.flatMap(({ series }) => series);

function quantity({ split, metric, metricName }: Data): string {
  const name = splitNames[split];
  if (metricName !== undefined) return `${name} barrier, ${metricName}`;
  return metric === 'accuracy' ? `${name} accuracy drop (points)` : `${name} loss barrier (nats)`;
}

export const barrierOverEpochs = defineFigure({
  title: 'Barrier over epochs',
  schema: barrierOverEpochsDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(theme, allOf(data));
    const { band, draw } = data;
    return {
      name: `${quantity(data)} over epochs`,
      aspect: data.panels.length > 1 ? 0.74 : 0.62,
      shareX: true,
      shareY: 'all',
      rows: [
        data.panels.map((panel) => ({
          title: panel.title,
          x: { label: 'epoch', margin: 0.03, integer: true },
          y: { label: quantity(data), include: [0] },
          marks: inOrder(
            panel.series.flatMap((one) =>
              familyMarks(familyOf(one), series, {
                ...{ band, draw, markers: one.epochs.length <= 33 ? 'all' : 'some' },
              }),
            ),
          ),
        })),
      ],
      legend: series.legend(
        'line-marker',
        showsBand(
          allOf(data).map((one) => ({ curves: curvesOf(one) })),
          data,
        ),
      ),
    };
  },
  describe: (data) => {
    const what = `${splitNames[data.split]} ${data.metric === 'accuracy' ? 'accuracy drop below' : 'loss barrier above'}`;
    const along = `${what} ${barrierTexts[data.barrier].against}, on the straight line between two models, over the epochs of their training; ${overPairs(data)}.`;
    return [along, withoutNumber(data), ...data.notes].filter(Boolean).join(' ');
  },
  numbers: (data) => ({
    columns: ['panel', 'series', 'pair', 'epoch', 'value'],
    rows: data.panels.flatMap((panel) =>
      panel.series.flatMap((one) => {
        const row = (pair: string, values: readonly number[]) =>
          one.epochs.map((epoch, i) => [panel.title, one.label, pair, cell(epoch), cell(values[i])]);
        const { mean, low, high, std } = summarise(curvesOf(one));
        return [
          ...one.pairs.flatMap(({ pair, values }) => row(pair, values)),
          ...Object.entries({ mean, min: low, max: high, std }).flatMap(([name, values]) =>
            row(name, values),
          ),
        ];
      }),
    ),
  }),
});

function overPairs(data: Data): string {
  const counts = allOf(data).map(({ pairs }) => pairs.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const pairs = fewest === most ? `${most}` : `${fewest} to ${most}`;
  if (data.draw === 'single') return `each of ${pairs} pair${most === 1 ? '' : 's'}`;
  const band = data.draw === 'mean' && most > 1 ? bandNames[data.band] : '';
  return `mean over ${pairs} pair${most === 1 ? '' : 's'}${band}`;
}

/** Barriers that are missing, and what that does to the means. */
function withoutNumber(data: Data): string {
  const values = allOf(data).flatMap((one) =>
    one.pairs.flatMap((pair) => one.epochs.map((_, i) => pair.values[i] ?? NaN)),
  );
  const missing = values.filter((value) => !Number.isFinite(value)).length;
  if (missing === 0) return '';
  return `${missing} of ${values.length} barriers are missing (not measured, or not finite) and are left out of the means.`;
}
