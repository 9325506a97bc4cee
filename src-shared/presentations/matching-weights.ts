/** Presentation of matched weights: how much nearer a permutation brings two models. */
import { matchWeightsJob } from '../jobs/match-weights.ts';
import { matchWeightsFinding } from '../verdicts/matching.ts';
import { shown } from '../shown.ts';
import { linesByEpoch, meanShown } from './lines.ts';
import { definePresenter, toldPlainly } from './present.ts';
import type { Presentation } from './present.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

export const matchWeights = definePresenter(matchWeightsJob, (r): Presentation => {
  const rows = 'pairs' in r ? r.pairs : [r];
  const name = (row: (typeof rows)[number]) => `${row.model1_index}–${row.model2_index}`;
  const kept = rows.map((row) => row.sum_of_l2_norms / row.sum_of_l2_norms_identity);
  const moved = (row: (typeof rows)[number]) => {
    const all = Object.values(row.permutations);
    return all.flat().length === 0
      ? 0
      : meanOf(all.flatMap((p) => p.map((to, from) => (to === from ? 0 : 1))));
  };
  const arrays = Object.keys(rows[0]!.l2_per_param);
  const largest = arrays.filter((array) => array.endsWith('.weight')).slice(0, 6);
  return {
    ...toldPlainly(matchWeightsFinding(rows.map((row, i) => ({ left: kept[i]!, moved: moved(row) })))),
    facts: [
      ['Pairs of models', String(rows.length)],
      ['Epoch', String(rows[0]!.epoch ?? '–')],
      ['Restarts', plural(rows[0]!.restarts.length, 'ascent')],
      ['Seed of the visiting orders', String(r.matching_seed)],
    ],
    table: {
      columns: [
        'pair',
        'distance unaligned',
        'distance aligned',
        'aligned / unaligned',
        'neurons that move',
        'best of restarts',
        'worst',
      ],
      rows: rows.map((row, i) => {
        const sums = row.restarts.map(({ sum_of_l2_norms }) => sum_of_l2_norms);
        return [
          name(row),
          shown(row.sum_of_l2_norms_identity),
          shown(row.sum_of_l2_norms),
          percent(kept[i]!),
          percent(moved(row)),
          shown(Math.min(...sums)),
          shown(Math.max(...sums)),
        ];
      }),
    },
    lines: linesByEpoch(
      rows,
      ({ epoch }) => epoch,
      (there) => ({
        pairs: there.length,
        'distance unaligned': meanShown(there.map((row) => row.sum_of_l2_norms_identity)),
        'distance aligned': meanShown(there.map((row) => row.sum_of_l2_norms)),
        'neurons that move': percent(meanOf(there.map(moved))),
      }),
    ),
    figures: [
      {
        title: 'Remaining distance per parameter',
        recipe: {
          kind: 'boxes',
          data: {
            label: 'distance aligned / unaligned',
            panels: [
              {
                title: plural(rows.length, 'pair'),
                groups: largest.map((array) => ({
                  label: array,
                  values: rows.flatMap((row) => {
                    const before = row.l2_per_param_identity[array] ?? 0;
                    return before === 0 ? [] : [(row.l2_per_param[array] ?? 0) / before];
                  }),
                })),
              },
            ],
          },
        },
      },
    ],
    notes: r.warnings,
  };
});
