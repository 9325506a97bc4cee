/** Presentations of what is measured on data of known geometry, and of likeness over training. */
import { chordDeviationJob } from '../jobs/chord-deviation.ts';
import { similarityJob } from '../jobs/similarity.ts';
import { syntheticCoherenceJob } from '../jobs/synthetic-coherence.ts';
import type { SyntheticFamily } from '../jobs/synthetic-coherence.ts';
import { chordFinding, coherenceFinding } from '../verdicts/geometry.ts';
import { shown } from '../shown.ts';
import { linesByEpoch, meanShown } from './lines.ts';
import { definePresenter, told } from './present.ts';
import type { Presentation } from './present.ts';

/** One digit behind the point; small shares keep two that mean something. */
const percent = (share: number): string =>
  share !== 0 && Math.abs(share) < 0.001
    ? `${Number((100 * share).toPrecision(2))} %`
    : `${(100 * share).toFixed(1)} %`;
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const similarity = definePresenter(similarityJob, (r): Presentation => {
  const rows = 'pairs' in r ? r.pairs : [r];
  const name = (row: (typeof rows)[number]) => `${row.model1_index}–${row.model2_index}`;
  const agreement = rows.map((row) => row.functional_similarity.all_epoch_results.at(-1)!);
  const updates = rows.flatMap((row) => row.cosine_similarity.all_epoch_results.slice(-1));
  const last = agreement[0]!.epoch;
  const cosine =
    updates.length === 0
      ? 'Only one epoch was requested, so there are no updates to compare.'
      : `Their last updates have a mean cosine of ${shown(meanOf(updates.map((u) => u.aggregate_similarity)))}: 1 is the same direction, 0 is orthogonal.`;
  return {
    verdict: `At epoch ${last} the predictions of two networks agree on ${percent(meanOf(agreement.map((a) => a.aggregate_similarity)))} of the examples. ${cosine}`,
    tone: 'plain',
    facts: [
      ['Run', r.run_key],
      ['Pairs', String(rows.length)],
      ['Epochs', rows[0]!.functional_similarity.all_epoch_results.map(({ epoch }) => epoch).join(', ')],
    ],
    table: {
      columns: ['pair', 'epoch', 'agreement', 'cosine of update', 'without fixed entries', 'since epoch'],
      rows: rows.flatMap((row) =>
        row.functional_similarity.all_epoch_results.map(({ epoch, aggregate_similarity }) => {
          const update = row.cosine_similarity.all_epoch_results.find((u) => u.epoch === epoch);
          return [
            name(row),
            epoch,
            percent(aggregate_similarity),
            shown(update?.aggregate_similarity),
            shown(update?.aggregate_without_fixed),
            update?.previous_epoch ?? '–',
          ];
        }),
      ),
    },
    lines: linesByEpoch(
      rows.flatMap((row) => row.functional_similarity.all_epoch_results.map((at) => ({ row, at }))),
      ({ at }) => at.epoch,
      (there) => ({
        pairs: there.length,
        agreement: percent(meanOf(there.map(({ at }) => at.aggregate_similarity))),
        'cosine of update': meanShown(
          there.map(
            ({ row, at }) =>
              row.cosine_similarity.all_epoch_results.find(({ epoch }) => epoch === at.epoch)
                ?.aggregate_similarity,
          ),
        ),
      }),
    ),
    figures: [
      {
        title: 'Similarity of networks over training',
        recipe: {
          kind: 'training-curves',
          data: {
            panels: [
              {
                label: 'agreement of predictions',
                series: [
                  {
                    label: 'pairs of networks',
                    epochs: rows[0]!.functional_similarity.all_epoch_results.map(({ epoch }) => epoch),
                    models: rows.map((row) => ({
                      name: name(row),
                      values: row.functional_similarity.all_epoch_results.map((e) => e.aggregate_similarity),
                    })),
                  },
                ],
              },
              ...(updates.length === 0
                ? []
                : [
                    {
                      label: 'cosine of updates',
                      series: [
                        {
                          label: 'pairs of networks',
                          epochs: rows[0]!.cosine_similarity.all_epoch_results.map(({ epoch }) => epoch),
                          models: rows.map((row) => ({
                            name: name(row),
                            values: row.cosine_similarity.all_epoch_results.map(
                              (e) => e.aggregate_similarity,
                            ),
                          })),
                        },
                      ],
                    },
                  ]),
            ],
          },
        },
      },
    ],
    notes: r.notes,
  };
});

const embeddingNames = { exact_copy: 'exact copy', random_tight_frame: 'random frame' } as const;

/** One curve of midpoint barriers per outer seed: the mean over its pairs. */
const barriersBySeed = (family: SyntheticFamily): number[][] =>
  family.outer_records.map((outer) => outer.spread_records.map((s) => s.interpolation.midpoint_barrier));

/** The curves of one number of active copies, per outer seed. */
const curvesAt = (family: SyntheticFamily, place: number) => ({
  nu: family.aggregate.at(place)!.coherence,
  lambdas: family.outer_records[0]!.spread_records.at(place)!.interpolation.lambdas,
  seeds: family.outer_records.map((outer) => outer.spread_records.at(place)!.interpolation.test_losses),
});

export const syntheticCoherence = definePresenter(syntheticCoherenceJob, (r): Presentation => {
  const families = [r.exact_copy, r.random_tight_frame].filter((family) => family !== undefined);
  const names = families.map((family) => embeddingNames[family.embedding_family]);
  const { config } = families[0]!;
  return {
    ...told(coherenceFinding(families, names)),
    facts: [
      ['Networks', String(families.length * config.num_runs * config.copies * 2)],
      ['Seeds', config.outer_seeds.join(', ')],
      ['Pairs per seed', String(config.num_pairs_per_outer_seed)],
      ['Hidden units, inputs', `${config.width}, ${2 * config.copies}`],
      ['Weights not masked', percent(config.active_prob)],
    ],
    table: {
      columns: ['embedding', 'active copies', 'coherence', 'mean midpoint barrier', 'std', 'pairs'],
      rows: families.flatMap((family) =>
        family.aggregate.map((a) => [
          embeddingNames[family.embedding_family],
          a.active_copies,
          shown(a.coherence),
          shown(a.mean_midpoint_barrier),
          shown(a.std_midpoint_barrier),
          a.midpoint_barriers.length,
        ]),
      ),
    },
    figures: [
      {
        title: 'Midpoint barrier over subspace coherence',
        recipe: {
          kind: 'coherence-barrier',
          data: {
            series: families.map((family) => ({
              label: embeddingNames[family.embedding_family],
              coherence: family.aggregate.map(({ coherence }) => coherence),
              seeds: barriersBySeed(family),
            })),
          },
        },
      },
      {
        title: 'Test loss between the networks, at the ends of coherence',
        recipe: {
          kind: 'coherence-endpoints',
          data: {
            series: families.flatMap((family) =>
              (family.aggregate.length > 1 ? [0, -1] : [0]).map((place) => ({
                label: embeddingNames[family.embedding_family],
                ...curvesAt(family, place),
              })),
            ),
          },
        },
      },
    ],
    notes: [],
  };
});

export const chordDeviation = definePresenter(chordDeviationJob, (r): Presentation => {
  const worst = Math.max(
    ...r.curves.flatMap((curve) =>
      curve.deviations.map((value, i) => Math.abs(value / curve.exact_deviations[i]! - 1)),
    ),
  );
  return {
    ...told(chordFinding(r)),
    facts: [
      ['Slope measured / in closed form', `${r.slope.toFixed(4)} / ${r.exact_slope.toFixed(4)}`],
      ['Examples per pair', String(r.samples)],
      ['Pairs of layers', String(r.curves.length)],
      ['Measured and closed form', `within ${percent(worst)}`],
      ['Seed', String(r.seed)],
    ],
    table: {
      columns: ['β', 'deviation', 'closed form', 'of the output', 'at λ', 'signs that change'],
      rows: r.betas.map((beta, i) => {
        const mean = (of: (curve: (typeof r.curves)[number]) => number[]) =>
          meanOf(r.curves.map((curve) => of(curve)[i]!));
        return [
          shown(beta),
          shown(mean((c) => c.deviations)),
          shown(mean((c) => c.exact_deviations)),
          percent(mean((c) => c.relative_deviations)),
          shown(mean((c) => c.lambdas)),
          percent(mean((c) => c.crossings)),
        ];
      }),
    },
    figures: [
      {
        title: 'Largest deviation from the chord over β',
        recipe: {
          kind: 'chord-deviation',
          data: {
            series: [
              { label: 'ReLU layer', x: r.betas, curves: r.curves.map(({ deviations }) => deviations) },
            ],
            theorySlope: r.expected_slope,
          },
        },
      },
    ],
    notes: [],
  };
});
