/** What children of one network lose between them, over the epoch from which on they saw the data in different orders. */
import { z } from 'zod';
import {
  bandNames,
  bandSchema,
  cell,
  defineFigure,
  familyMarks,
  inOrder,
  labelSchema,
  numbersSchema,
  SeriesList,
} from '../kind.ts';
import type { BandKind } from '../kind.ts';

export const forkBarrierDataSchema = z.object({
  /** The last epoch that the children share, rising. */
  epochs: numbersSchema,
  panels: z
    .array(
      z.object({
        /** Of the y axis: "test accuracy drop (points)". */
        label: labelSchema,
        /** One per pair of children, one value per epoch. */
        pairs: z.array(numbersSchema).min(1),
      }),
    )
    .min(1),
  band: bandSchema.default('range'),
});

const name = 'children of one network';

export const forkBarrier = defineFigure({
  title: 'Barrier over the epoch of the fork',
  schema: forkBarrierDataSchema,
  content: (data, theme) => {
    const series = new SeriesList(theme, [{ label: name }]);
    return {
      name: 'Barrier between children over the epoch of the fork',
      aspect: 0.8,
      rows: [
        data.panels.map((panel) => ({
          x: { label: 'epoch of the fork', margin: 0.03, integer: true },
          y: { label: panel.label, include: [0] },
          marks: inOrder(
            familyMarks({ label: name, x: data.epochs, curves: panel.pairs }, series, {
              ...{ band: data.band, draw: 'mean', markers: 'all' },
            }),
          ),
        })),
      ],
      legend: series.legend('line-marker', mostPairs(data.panels) > 1),
    };
  },
  describe: (data) =>
    `Barriers on the straight line between two children of one network, over the last epoch that they share; mean over ${mostPairs(data.panels)} pairs${bandOf(data.band, mostPairs(data.panels))}.`,
  numbers: (data) => ({
    columns: ['quantity', 'pair', 'epoch', 'value'],
    rows: data.panels.flatMap(({ label, pairs }) =>
      pairs.flatMap((values, k) =>
        data.epochs.map((epoch, i) => [label, k + 1, cell(epoch), cell(values[i])]),
      ),
    ),
  }),
});

const mostPairs = (panels: readonly { pairs: readonly unknown[] }[]): number =>
  Math.max(...panels.map(({ pairs }) => pairs.length));

const bandOf = (band: BandKind, pairs: number): string => (pairs > 1 ? bandNames[band] : '');
