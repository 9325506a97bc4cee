/**
 * Training a run longer: a new run that takes over the weights, the optimizer state and the curves of another at its last
 * epoch and goes on up to a later one. It sees the batches that a single longer run would see there, and the learning rate
 * follows the config's own schedule. The old run stays as it is, and so do the results measured of it.
 */
import { defaultLearningRates } from './config/learning-rates.ts';
import { resolveSchedule } from './config/schedule.ts';
import { readTolerantly } from './config/tolerant.ts';
import { UserError } from './errors.ts';
import type { JobParamsInput } from './jobs/index.ts';

export interface RunToContinue {
  /** Its folder, absolute. */
  path: string;
  config: Record<string, unknown>;
  /** The last saved one. */
  epoch: number;
}

/**
 * The job that trains it up to epoch `to`, into the folder `target`.
 * @throws UserError if nothing would be left to train, or the order of the batches is not recorded
 */
export function longerParams(
  { path, config, epoch }: RunToContinue,
  to: number,
  target: string,
): JobParamsInput<'train'> {
  if (!Number.isInteger(to) || to <= epoch)
    throw new UserError(`${path} is trained up to epoch ${epoch} already.`, {
      hint: `Name a later epoch: ${epoch + 1} or above.`,
    });
  const orders = config['optimization_seed'];
  if (orders === undefined || orders === null)
    throw new UserError(
      `${path}: optimization_seed is not recorded, so the batches after epoch ${epoch} are not known.`,
      {
        hint: 'Runs trained by Basin record it. Others can be trained again with a larger training.num_epochs.',
      },
    );
  return {
    run: target,
    fork: {
      parent: path,
      epoch,
      child: 1,
      settings: [`training.num_epochs=${to}`, `optimization_seed=${JSON.stringify(orders)}`],
    },
  };
}

/** A sentence or two: what the learning rate does between the epochs. */
export function rateAhead(config: Record<string, unknown>, from: number, to: number): string {
  const { config: read } = readTolerantly(config);
  const { name = 'adamw', lr } = read.optimizer ?? {};
  const usual: Readonly<Record<string, number>> = defaultLearningRates;
  const base = lr ?? usual[name ?? 'adamw'];
  if (base === undefined) return 'The learning rate follows the schedule of the config.';
  const schedule = resolveSchedule(read, base);
  // Epochs count from 1, the schedule from 0.
  const rates = Array.from({ length: to - from }, (_, i) => schedule(from + i));
  const [first, last] = [rates[0]!, rates.at(-1)!];
  const text = (rate: number): string => String(Number(rate.toPrecision(3)));
  if (rates.every((rate) => rate === first)) return `The learning rate stays at ${text(first)}.`;
  const kind = read.scheduler?.name ?? 'none';
  const ends = `The schedule of the config continues (${kind}): the learning rate is ${text(first)} in epoch ${from + 1} and ${text(last)} in epoch ${to}.`;
  const rises = rates.some((rate, i) => rate > (rates[i - 1] ?? first) * (1 + 1e-9));
  if (!rises || kind === 'linear_warmup') return ends;
  const why = kind === 'cosine' ? `, since T_max is ${read.scheduler?.T_max ?? 100} epochs` : '';
  return `${ends} It rises in between${why}.`;
}
