/** Presentation of the neural tangent kernel over training. */
import { ntkJob } from '../jobs/ntk.ts';
import type { NtkEpoch } from '../jobs/ntk.ts';
import { shown } from '../shown.ts';
import { definePresenter } from './present.ts';
import type { Presentation } from './present.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function verdict(epochs: readonly NtkEpoch[]): string {
  const [first, last] = [epochs[0]!, epochs.at(-1)!];
  const { init, linearization_agreement: linear } = last;
  if (!init || !linear)
    return `At epoch ${first.epoch} the kernel’s effective rank is ${shown(first.ntk_stats.effective_rank)}, its largest eigenvalue ${shown(first.ntk_stats.max_eigenvalue)}.`;
  return (
    `From epoch ${first.epoch} to ${last.epoch} the kernel keeps a CKA of ${shown(init.cka)} (1 is the same up to a factor). ` +
    `The network’s linearisation at epoch ${first.epoch} predicts the same class at epoch ${last.epoch} for ${percent(linear.accuracy_agreement)} of the examples.`
  );
}

export const ntk = definePresenter(ntkJob, (r): Presentation => {
  const epochs = r.all_epoch_results;
  const later = epochs.filter(({ init }) => init !== null);
  const since = epochs[0]!.epoch;
  const curve = (label: string, of: readonly NtkEpoch[], value: (epoch: NtkEpoch) => number | null) => ({
    label,
    series: [
      {
        label: `model ${r.model_index}`,
        epochs: of.map(({ epoch }) => epoch),
        models: [{ name: String(r.model_index), values: of.map((epoch) => value(epoch) ?? NaN) }],
      },
    ],
  });
  return {
    verdict: verdict(epochs),
    tone: 'plain',
    facts: [
      ['Run', r.run_key],
      ['Model', String(r.model_index)],
      [
        'Examples',
        `${r.num_samples} of ${r.split}, ${r.class_balanced ? `balanced by class (seed ${r.sample_seed})` : 'the first ones'}`,
      ],
      ['Data', r.data],
      ['Outputs, trained weights', `${r.num_outputs}, ${r.num_weights}`],
      ['Precision of gradients', r.precision],
    ],
    table: {
      columns: [
        ...['epoch', 'trace', 'largest eigenvalue', 'smallest', 'effective rank'],
        ...[`CKA with epoch ${since}`, 'CKA squared', 'relative change', 'linearisation error', 'same class'],
      ],
      rows: epochs.map(({ epoch, ntk_stats: stats, init, linearization_agreement: linear }) => [
        epoch,
        ...[stats.trace, stats.max_eigenvalue, stats.min_eigenvalue, stats.effective_rank].map(shown),
        ...[init?.cka, init?.cka_squared, init?.relative_change, linear?.relative_error].map(shown),
        linear ? percent(linear.accuracy_agreement) : '–',
      ]),
    },
    lines: epochs.map(({ epoch, ntk_stats: stats, init, linearization_agreement: linear }) => ({
      epoch,
      cells: {
        'largest eigenvalue': shown(stats.max_eigenvalue),
        'effective rank': shown(stats.effective_rank),
        [`CKA with epoch ${since}`]: shown(init?.cka),
        'linearisation error': shown(linear?.relative_error),
      },
    })),
    figures: [
      {
        title: 'Neural tangent kernel over training',
        recipe: {
          kind: 'training-curves',
          data: {
            panels: [
              curve('largest eigenvalue', epochs, ({ ntk_stats: stats }) => stats.max_eigenvalue),
              curve('effective rank', epochs, ({ ntk_stats: stats }) => stats.effective_rank),
              ...(later.length === 0
                ? []
                : [
                    curve(`CKA with epoch ${since}`, later, ({ init }) => init!.cka),
                    curve(
                      'relative error of the linearisation',
                      later,
                      ({ linearization_agreement: linear }) => linear!.relative_error,
                    ),
                  ]),
            ],
          },
        },
      },
    ],
    notes: r.notes,
  };
});
