/**
 * Forks: runs that share the weights and the optimizer state of another run up to an epoch, and see the data in another
 * order from there (Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis").
 */
import { randomInt } from 'node:crypto';
import { statSync } from 'node:fs';
import { z } from 'zod';
import {
  applyOverrides,
  isPlainObject,
  isTrackerKey,
  parseOverride,
  resolveSeeds,
  trackerSections,
} from '../../../src-shared/config.ts';
import type { RunConfig } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { trainJob } from '../../../src-shared/jobs/train.ts';
import { contentsOf, sampleHash } from '../../formats/run-contents.ts';
import { readRunDirectory } from '../../formats/run-directory.ts';
import type { RunDirectory } from '../../formats/run-directory.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { RandomStream } from '../random.ts';
import { hasCheckpoints, hasOptimizers } from './saved-state.ts';
import { planTraining } from './plan.ts';
import type { TrainingPlan } from './plan.ts';

type ForkParams = NonNullable<ParamsOf<typeof trainJob>['fork']>;

/** What a fork may have of its own; everything else decides the steps that it shares with its parent. */
const own = [
  ...['seed', 'optimization_seed', 'experiment_name'],
  ...['training.num_epochs', 'training.val_every', 'training.save_every'],
];

/** What the config of a fork says of it. */
const recordSchema = z.object({
  run: z.string(),
  path: z.string(),
  epoch: z.int().nonnegative(),
  child: z.int().positive(),
});

/** Undefined if the run is no fork. @throws UserError for a record that is not whole */
export function forkRecord({ fork }: RunConfig, where = 'config'): z.output<typeof recordSchema> | undefined {
  if (fork == null) return undefined;
  const parsed = recordSchema.safeParse(fork);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(`${where}: fork.${issue!.path.join('.')}: ${issue!.message}.`, {
    hint: 'Training writes this section into the config of a fork.',
  });
}

export interface Fork {
  plan: TrainingPlan;
  parent: RunDirectory;
  epoch: number;
}

/** A hash over the contents of a run's checkpoints: what the catalog knows it by. */
function contentId({ directory, checkpoints }: RunDirectory): string {
  const files = checkpoints.map(({ path }) => ({
    file: path.slice(directory.length + 1),
    bytes: statSync(path).size,
    sample: sampleHash(path),
  }));
  return contentsOf(files) ?? '';
}

/**
 * The child's plan: its parent's config with a batch order of its own from the epoch of the fork on.
 * @throws UserError for a setting that a fork shares with its parent, or an epoch that cannot be forked
 */
export function planFork({ parent: path, epoch, child, settings }: ForkParams): Fork {
  const parent = readRunDirectory(path);
  const where = parent.configPath;
  if (parent.config['init_seed'] == null || parent.config['mask_seed'] == null)
    throw new UserError(`${where}: init_seed and mask_seed are not recorded, so this run cannot be forked.`, {
      hint: 'Runs trained by Basin record them.',
    });
  const config = childConfig(withAbsolutePaths(parent), settings, child);
  const record = { run: contentId(parent), path: parent.directory, epoch, child };
  const plan = planTraining({ ...config, fork: record }, where);
  if (plan.earlyStopping && settings.some((setting) => setting.startsWith('training.val_every')))
    throw new UserError('training.val_every: a fork that may stop early validates as its parent did.', {
      hint: 'Take training.val_every out.',
    });
  requireEpoch(parent, plan, epoch);
  return { plan, parent, epoch };
}

/** Relative paths in a config are those of its folder. */
function withAbsolutePaths({ config, directory }: RunDirectory): Record<string, unknown> {
  const { dataset } = config;
  if (!isPlainObject(dataset)) return config;
  const paths = (['data_dir', 'split_file'] as const).flatMap((key) => {
    const path = dataset[key];
    return typeof path === 'string' ? [[key, typedPath(path, directory)]] : [];
  });
  return { ...config, dataset: { ...dataset, ...Object.fromEntries(paths) } };
}

function childConfig(
  parent: Record<string, unknown>,
  settings: readonly string[],
  child: number,
): Record<string, unknown> {
  const given = settings.map((setting) => parseOverride(setting).path.join('.'));
  const foreign = given.find((key) => !own.includes(key) && !isTrackerKey(key));
  if (foreign !== undefined)
    throw new UserError(`${foreign}: a fork shares this setting with its parent.`, {
      hint: `A fork may have its own ${own.join(', ')}, and sections of what is tracked (${trackerSections.join(', ')}).`,
    });
  const changed = applyOverrides(parent, settings);
  const isGiven = (key: string): boolean => given.includes(key) && changed[key] != null;
  if (isGiven('optimization_seed')) return changed;
  // The parent's own seed would repeat its order.
  const seed = isGiven('seed') ? changed['seed'] : randomInt(2 ** 32);
  // What is no number is refused where the config is read.
  if (typeof seed !== 'number') return changed;
  const models = resolveSeeds(changed as RunConfig, () => 0).init.length;
  const orders = Array.from({ length: models }, (_, m) =>
    new RandomStream(seed, 'fork', child, m + 1).integer(2 ** 32),
  );
  return { ...changed, seed, optimization_seed: orders };
}

/** @throws UserError if the parent lacks what the fork starts from, or nothing would be left to train */
function requireEpoch(parent: RunDirectory, plan: TrainingPlan, epoch: number): void {
  const models = plan.seeds.init.length;
  const { directory } = parent;
  const able = [...new Set(parent.checkpoints.map((file) => file.epoch))].filter(
    (each) => hasCheckpoints(parent, each, models) && (each === 0 || hasOptimizers(parent, each, models)),
  );
  able.sort((a, b) => a - b);
  if (!able.includes(epoch)) {
    const lacks = hasCheckpoints(parent, epoch, models)
      ? `the optimizer state of epoch ${epoch} was not saved`
      : `epoch ${epoch} was not saved for all ${models} models`;
    throw new UserError(`${directory} cannot be forked from epoch ${epoch}: ${lacks}.`, {
      hint:
        able.length === 0
          ? 'Only runs with checkpoints of all their models can be forked; from epoch 1 on with optimizer states, as Basin saves them.'
          : `It can be forked from ${able.length === 1 ? 'epoch' : 'the epochs'} ${able.join(', ')}. training.save_every=1 saves every epoch.`,
    });
  }
  if (epoch < plan.epochs) return;
  throw new UserError(
    `${directory} cannot be forked from epoch ${epoch}: training ends at epoch ${plan.epochs}, so nothing would be left to train.`,
    { hint: `Choose an earlier epoch, or give the fork more: training.num_epochs=${epoch + 1} or above.` },
  );
}

/**
 * The fork that a run folder was to become, if nothing of it was saved yet.
 * @throws UserError if its parent is not where it was, or holds other checkpoints now
 */
export function planForkAgain(plan: TrainingPlan, where: string): Fork {
  const { path, epoch, run } = forkRecord(plan.config, where)!;
  const parent = readRunDirectory(path);
  requireEpoch(parent, plan, epoch);
  if (contentId(parent) !== run)
    throw new UserError(`${where}: ${path} no longer holds the checkpoints that this run was forked from.`, {
      hint: 'Fork it again.',
    });
  return { plan, parent, epoch };
}
