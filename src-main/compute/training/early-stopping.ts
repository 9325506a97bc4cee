/** Early stopping: training ends once the validation loss of no model has improved for a while. */
import type { RunConfig } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';

export interface EarlyStopping {
  /** Validations in a row without improvement. */
  patience: number;
  /** Losses that fall by no more than this below the best one do not count. */
  minDelta: number;
}

/** Undefined if it is off. @throws UserError for settings with which it could not work */
export function resolveEarlyStopping(
  { training }: RunConfig,
  valEvery: number,
  where: string,
): EarlyStopping | undefined {
  const section = training?.early_stopping;
  if (section?.enabled !== true) return undefined;
  if (valEvery === 0)
    throw new UserError(`${where}: training.early_stopping is enabled, but training.val_every is 0.`, {
      hint: 'It watches the validation loss: set training.val_every to 1 or more.',
    });
  const patience = section.patience ?? 10;
  if (patience === 0)
    throw new UserError(`${where}: training.early_stopping.patience is 0; 1 or more was expected.`, {
      hint: 'It is the number of validations without improvement after which training stops.',
    });
  return { patience, minDelta: section.min_delta ?? 0.001 };
}

/**
 * Why training ends after the last of these epochs; undefined if it goes on. A function of the metrics alone, so that a
 * resumed run stops where an uninterrupted one does.
 * @param metrics by rising epochs; those without validation do not count
 */
export function reasonToStop(
  metrics: readonly EpochMetrics[],
  { patience, minDelta }: EarlyStopping,
): string | undefined {
  const validated = metrics.flatMap(({ epoch, valLoss }) => (valLoss ? [{ epoch, valLoss }] : []));
  const models = validated[0]?.valLoss.length ?? 0;
  const best: number[] = [];
  for (let m = 0; m < models; m++) {
    let lowest = Infinity;
    let waited = 0;
    for (const { epoch, valLoss } of validated) {
      if (valLoss[m]! < lowest - minDelta) {
        lowest = valLoss[m]!;
        best[m] = epoch;
        waited = 0;
      } else waited += 1;
    }
    if (waited < patience) return undefined;
  }
  if (models === 0) return undefined;
  const epochs = [...new Set(best)].sort((a, b) => a - b);
  const which = `${epochs.length === 1 ? 'epoch' : 'epochs'} ${epochs.join(', ')}`;
  return `no model's validation loss fell by more than ${minDelta} in the last ${patience} validations; the best were those of ${which}`;
}

/** @throws UserError if a validation that the stop depends on is not recorded */
export function requireMetrics(
  metrics: readonly EpochMetrics[],
  validated: readonly number[],
  directory: string,
): void {
  const missing = validated.find((epoch) => !metrics.some((entry) => entry.epoch === epoch && entry.valLoss));
  if (missing === undefined) return;
  throw new UserError(
    `${directory}: metrics.json has no validation loss of epoch ${missing}, which early stopping needs; training cannot resume exactly from here.`,
    { hint: 'Put metrics.json back, or train again.' },
  );
}
