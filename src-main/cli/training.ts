/** From what a person asks for to the params of a training job; everything that can be refused is refused here. */
import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import { orUsageError, UsageError } from './errors.ts';
import { checkWritable, configOfRun } from '../engine/new-run.ts';
import { readRunDirectory } from '../formats/run-directory.ts';
import { configFileOf, runFolderOf } from '../formats/run-layout.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { JobParamsInput } from '../../src-shared/jobs/index.ts';
import { longerParams, rateAhead } from '../../src-shared/longer-run.ts';
import { typedPath } from '../formats/typed-path.ts';

export interface TrainingRequest {
  /** A preset's name, or the path of a config.yaml. */
  source: string;
  /** `key.path=value` */
  overrides: readonly string[];
  /** The run directory; absent: a new one in the workspace. */
  out?: string | undefined;
  dataDir?: string | undefined;
  splitFile?: string | undefined;
}

/** A name for a new run that nobody has to think up: the preset's, and four letters that no other run has. */
function freshName(source: string, experiment: string | null | undefined): string {
  const base = (experiment ?? source).replace(/^.*\//, '').replace(/\.ya?ml$/, '');
  const safe = base.replace(/[^\w.=+-]+/g, '-').replace(/^[.-]+/, '');
  return `${safe === '' ? 'run' : safe}-${randomBytes(2).toString('hex')}`;
}

/**
 * Params for a new run. Throws UserError for a config that cannot be trained, a folder that holds a run already, and
 * one that cannot be written to; nothing has been created by then.
 */
export async function trainingParams(
  request: TrainingRequest,
  workspace: string,
): Promise<JobParamsInput<'train'>> {
  if (request.dataDir !== undefined) refuseTwice('--data-dir', 'dataset.data_dir', request.overrides);
  if (request.splitFile !== undefined) refuseTwice('--split-file', 'dataset.split_file', request.overrides);
  const paths = [
    ...(request.dataDir === undefined
      ? []
      : [`dataset.data_dir=${JSON.stringify(typedPath(request.dataDir))}`]),
    ...(request.splitFile === undefined
      ? []
      : [`dataset.split_file=${JSON.stringify(typedPath(request.splitFile))}`]),
  ];
  const asked = { source: request.source, overrides: [...request.overrides, ...paths] };
  const config = orUsageError(() => configOfRun({ ...asked, workspace }));
  const run =
    request.out === undefined
      ? join(workspace, 'runs', freshName(request.source, config.experiment_name))
      : typedPath(request.out);
  if (configFileOf(run) !== undefined) {
    throw new UserError(`${run} already holds a run`, {
      hint: `Choose another --out, or resume the run: --resume ${run}`,
    });
  }
  await checkWritable(run);
  return { run, config };
}

/** A folder given as a flag and as a setting: only one of them could count. */
function refuseTwice(flag: string, key: string, overrides: readonly string[]): void {
  const other = overrides.find((override) => override.replace(/^\++/, '').startsWith(`${key}=`));
  if (other === undefined) return;
  throw new UsageError(`${flag} and "${other}" set the same thing; give only one of them.`);
}

export function resumeParams(run: string): JobParamsInput<'train'> {
  const folder = typedPath(run);
  if (configFileOf(folder) === undefined) {
    throw new UserError(`--resume ${run}: there is no config.yaml in that folder`, {
      hint: 'Give the run folder that training wrote.',
    });
  }
  return { run: folder, resume: true };
}

export interface ForkRequest {
  /** The run directory that is forked. */
  parent: string;
  epoch: number;
  children: number;
  /** `key=value`, of what a fork may have of its own. */
  settings: readonly string[];
  /** The child's run directory, with several children numbered behind it; absent: new ones in the workspace. */
  out?: string | undefined;
}

/** Params of the children, one job each. @throws UserError for a parent that is no run, or a folder that holds a run */
export function forkParams(
  { parent, epoch, children, settings, out }: ForkRequest,
  workspace: string,
): JobParamsInput<'train'>[] {
  const folder = runFolderOf(typedPath(parent));
  if (configFileOf(folder) === undefined)
    throw new UserError(`--fork ${parent}: there is no config.yaml in that folder`, {
      hint: 'Name the run folder that training wrote.',
    });
  if (children > 1 && settings.some((setting) => /^optimization_seed=(?!null$)/.test(setting)))
    throw new UsageError(`optimization_seed: all ${children} children would see the data in the same order`, {
      hint: 'Give seed=N, from which each child gets its own order, or --children 1.',
    });
  const base =
    out === undefined ? join(workspace, 'runs', `${basename(folder)}-fork${epoch}`) : typedPath(out);
  const free = (first: number): number => (configFileOf(`${base}-${first}`) ? free(first + 1) : first);
  let number = 0;
  return Array.from({ length: children }, (_, i) => {
    number = out === undefined ? free(number + 1) : i + 1;
    const run = out !== undefined && children === 1 ? base : `${base}-${number}`;
    if (configFileOf(run) !== undefined)
      throw new UserError(`${run} holds a run already`, { hint: 'Choose another --out.' });
    return { run, fork: { parent: folder, epoch, child: i + 1, settings: [...settings] } };
  });
}

export interface LongerRequest {
  /** The run directory that is continued. */
  run: string;
  /** The last epoch of the new run. */
  to: number;
  /** The new run directory; absent: one in the workspace, named after the run and the epoch. */
  out?: string | undefined;
}

/**
 * The job that continues a run in a new folder, and what the learning rate does there.
 * @throws UserError for a folder that is no run, a run that has no later epochs to train, a target that holds a run
 */
export function longerJob(
  { run, to, out }: LongerRequest,
  workspace: string,
): { params: JobParamsInput<'train'>; note: string } {
  const folder = runFolderOf(typedPath(run));
  if (configFileOf(folder) === undefined)
    throw new UserError(`--longer ${run}: there is no config.yaml in that folder`, {
      hint: 'Name the run folder that training wrote.',
    });
  const { config, checkpoints } = readRunDirectory(folder);
  if (checkpoints.length === 0)
    throw new UserError(`--longer ${run}: there are no checkpoints in that folder`, {
      hint: `If its training was stopped, resume it: --resume ${run}`,
    });
  const epoch = Math.max(...checkpoints.map((file) => file.epoch));
  const base = join(workspace, 'runs', `${basename(folder)}-to${to}`);
  const free = (n: number): string => {
    const name = n === 1 ? base : `${base}-${n}`;
    return configFileOf(name) === undefined ? name : free(n + 1);
  };
  const target = out === undefined ? free(1) : typedPath(out);
  if (configFileOf(target) !== undefined)
    throw new UserError(`${target} holds a run already`, { hint: 'Choose another --out.' });
  const params = longerParams({ path: folder, config, epoch }, to, target);
  return { params, note: `continues ${folder} from epoch ${epoch}. ${rateAhead(config, epoch, to)}` };
}
