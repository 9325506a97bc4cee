/** How well the identity matches two models' activations, between the optimum and chance; one panel per layer. */
import { z } from 'zod';
import {
  bandNames,
  bandSchema,
  cell,
  defineFigure,
  familyMarks,
  inOrder,
  inRows,
  labelSchema,
  numbersSchema,
  SeriesList,
} from '../kind.ts';
import type { BandKind } from '../kind.ts';
import { markup } from '../text.ts';
import type { Mark } from '../marks.ts';

export const matchingObjectiveDataSchema = z.object({
  /** What runs along x; sigma_F is drawn as categories, as values lie unevenly, and so are layers. */
  axis: z.enum(['epoch', 'sigma_F', 'sparsity', 'layer']),
  /** "mean correlation of matched neurons" */
  objectiveLabel: labelSchema.default('matching objective'),
  /** What the bands of optimal and identity show, over pairs. */
  band: bandSchema.default('range'),
  /** Panels side by side; absent: as many as look well, at most four. */
  columns: z.int().min(1).max(8).optional(),
  panels: z
    .array(
      z.object({
        title: labelSchema,
        x: numbersSchema,
        /** One curve per pair of models. */
        optimal: z.array(numbersSchema).min(1),
        identity: z.array(numbersSchema).min(1),
        /** Over random permutations; absent where none were drawn. */
        random: z.object({ mean: numbersSchema, low: numbersSchema, high: numbersSchema }).optional(),
      }),
    )
    .min(1),
});

type Panel = z.output<typeof matchingObjectiveDataSchema>['panels'][number];
const names = ['optimal', 'identity', 'random'] as const;

const axisLabels = {
  epoch: 'epoch',
  sigma_F: markup('fixed weight scale σ_{F}'),
  sparsity: 'fixed share of weights',
  layer: 'hidden layer',
} as const;

function randomMarks({ random }: Panel, xs: readonly number[], series: SeriesList): Mark[] {
  if (!random) return [];
  const style = series.style('random');
  const { mean, low, high } = random;
  return [
    {
      kind: 'band',
      series: 'random',
      colour: style.colour,
      points: xs.map((x, i) => [x, low[i] ?? NaN, high[i] ?? NaN]),
    },
    {
      kind: 'line',
      series: 'random',
      points: xs.map((x, i) => [x, mean[i] ?? NaN]),
      style,
      markers: 'some',
      stagger: 2,
    },
  ];
}

function panelMarks(panel: Panel, xs: readonly number[], band: BandKind, series: SeriesList): Mark[] {
  return inOrder([
    ...randomMarks(panel, xs, series),
    ...(['optimal', 'identity'] as const).flatMap((label) =>
      familyMarks({ label, x: xs, curves: panel[label] }, series, { band, draw: 'mean', markers: 'some' }),
    ),
  ]);
}

export const matchingObjective = defineFigure({
  title: 'Matching objective',
  schema: matchingObjectiveDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(
      theme,
      names
        .filter((label) => label !== 'random' || data.panels.some(({ random }) => random))
        .map((label) => ({ label })),
    );
    const categorical = data.axis === 'sigma_F' || data.axis === 'layer';
    return {
      name: `${data.objectiveLabel} over ${data.axis}`,
      aspect: inRows(data.panels, data.columns).length > 2 ? 0.62 : 0.8,
      shareY: 'all',
      flow: data.columns === undefined,
      rows: inRows(data.panels, data.columns).map((row) =>
        row.map((panel) => ({
          title: panel.title,
          x: categorical
            ? { label: axisLabels[data.axis], scale: 'category' as const, categories: panel.x.map(String) }
            : { label: axisLabels[data.axis], margin: 0.02, integer: data.axis === 'epoch' },
          y: { label: data.objectiveLabel },
          marks: panelMarks(panel, categorical ? panel.x.map((_, i) => i) : panel.x, data.band, series),
        })),
      ),
      legend: series.legend('line-marker', true),
    };
  },
  describe: (data) => {
    const counts = data.panels.map(({ optimal }) => optimal.length);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    const pairs = least === most ? String(most) : `${least} to ${most}`;
    const over = `mean over ${pairs} pair${most === 1 ? '' : 's'}`;
    const random = data.panels.some((panel) => panel.random);
    const which = random
      ? 'the optimal, the identity and random permutations'
      : 'the optimal and the identity permutation';
    return `${data.objectiveLabel} of ${which}; ${over}${bandNames[data.band].replace('band', 'bands')}.`;
  },
  numbers: (data) => ({
    columns: ['panel', 'permutation', 'curve', data.axis, 'value'],
    rows: data.panels.flatMap((panel) => {
      const row = (kind: string, curve: string, values: readonly number[]) =>
        panel.x.map((x, i) => [panel.title, kind, curve, cell(x), cell(values[i])]);
      return [
        ...(['optimal', 'identity'] as const).flatMap((kind) =>
          panel[kind].flatMap((values, k) => row(kind, `pair ${k + 1}`, values)),
        ),
        ...(['mean', 'low', 'high'] as const).flatMap((name) =>
          panel.random ? row('random', name, panel.random[name]) : [],
        ),
      ];
    }),
  }),
});
