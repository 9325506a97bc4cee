/** What a training does with what it tracks: it begins with the run, and goes into its metrics. */
import { tracksAt } from '../../../src-shared/config.ts';
import type { EpochMetrics } from '../../../src-shared/progress.ts';
import { writeMetrics } from '../../formats/run-files.ts';
import type { Backend } from '../backend/index.ts';
import type { ComputeContext, ProgressMeter } from '../context.ts';
import type { Dataset, SplitIndices } from '../data/index.ts';
import { Tracking } from '../tracking/tracking.ts';
import { forkRecord } from './fork.ts';
import { stepsPerEpoch } from './loop.ts';
import type { Training } from './loop.ts';
import type { TrainingPlan } from './plan.ts';

interface TrackedStart {
  directory: string;
  plan: TrainingPlan;
  dataset: Dataset;
  split: SplitIndices;
  from?: { epoch: number; forked: boolean };
}

/** Undefined if the config asks for nothing. */
export async function openTracking(
  { directory, plan, dataset, split, from }: TrackedStart,
  backend: Backend,
  context: ComputeContext,
): Promise<Tracking | undefined> {
  if (!plan.tracking) return undefined;
  const first = forkRecord(plan.config)?.epoch ?? 0;
  const models = plan.seeds.init.length;
  const of = { directory, plan: plan.tracking, dataset, split, models, first };
  return Tracking.open({ ...of, from: from?.forked ? undefined : from?.epoch }, backend, context);
}

const isDue = ({ tracking, config, epochs }: TrainingPlan, epoch: number): boolean =>
  tracking !== undefined && (epoch === epochs || tracksAt(tracking, epoch, forkRecord(config)?.epoch ?? 0));

/** Of the epochs from one on, those that are tracked: each counts as much as an epoch of training in the progress. */
export function trackedEpochs(plan: TrainingPlan, first: number): number {
  const left = Array.from({ length: Math.max(plan.epochs + 1 - first, 0) }, (_, i) => first + i);
  return left.filter((epoch) => isDue(plan, epoch)).length;
}

/**
 * Measures what is due up to an epoch, and adds it to the metrics, of which there may be none.
 * @param last whether training ends there, by its plan or before
 * @returns the entries that have something new, and that of the epoch if anything was tracked there
 */
export async function track(
  { plan, split, tracking }: Pick<Training, 'plan' | 'split' | 'tracking'>,
  metrics: EpochMetrics[],
  {
    directory,
    meter,
    epoch,
    last,
  }: { directory: string; meter: ProgressMeter; epoch: number; last: boolean },
): Promise<EpochMetrics[]> {
  if (!tracking) return [];
  const found = await tracking.upTo(epoch, last || epoch === plan.epochs, (message) => {
    meter.advance(0, message);
  });
  if (isDue(plan, epoch)) meter.advance(stepsPerEpoch({ plan, split }), `epoch ${epoch} is tracked`);
  if (found.length === 0) return metrics.filter((entry) => entry.epoch === epoch && entry.tracked);
  for (const [i, entry] of metrics.entries()) metrics[i] = tracking.summarised(entry);
  if (metrics.length > 0) writeMetrics(directory, metrics);
  return metrics.filter((entry) => found.includes(entry.epoch));
}

/** A fork has nothing of what its parent tracked. */
export function untracked(entry: EpochMetrics, from: { forked: boolean } | undefined): EpochMetrics {
  if (from?.forked !== true) return entry;
  const { tracked: _tracked, ...own } = entry;
  return own;
}
