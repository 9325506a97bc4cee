/** Whole groups and several epochs on `basin run KIND`: flags that every kind about a run has, whatever its own params. */
import { z } from 'zod';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { epochsOfRun } from '../../src-shared/jobs/pairs.ts';
import { UsageError } from './errors.ts';
import type { Flag } from './flags.ts';
import { flagsOf } from './flags.ts';

/**
 * Where several epochs go: into the params as `epochs` or as a list of `epoch` (one job), or one epoch into each job;
 * `none`: the kind knows no epochs.
 */
export type EpochsGo = 'epochs' | 'epoch-list' | 'jobs' | 'none';

/** What the command line of a kind takes beyond the kind's own params. */
export interface Reach {
  /** One job for each run of groups; false: the kind itself takes groups, or no run. */
  groups: boolean;
  epochs: EpochsGo;
  /** The kind's own `epochs` have a word for all of them. */
  knowsAll: boolean;
  /** Files of single checkpoints can stand for a run. */
  checkpoints: boolean;
  models: 'models' | 'model' | 'none';
  /** Writes into a folder: each job needs its own. */
  directory: boolean;
}

/** Epochs and groups as they were typed; absent: not asked for. */
export interface Asked {
  groups?: string[];
  epochs?: 'all' | number[];
}

const extraFlags = flagsOf(
  z.object({
    groups: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('groups instead of a run: one job for each of their runs'),
    epochs: epochsOfRun.epochs,
  }),
);

const rootFlag = (flags: readonly Flag[], name: string): Flag | undefined =>
  flags.find(({ path }) => path.length === 1 && path[0] === name);

export function reachOf(kind: AnyJobKind, flags: readonly Flag[]): Reach {
  const has = (name: string): boolean => rootFlag(flags, name) !== undefined;
  // Without a place are kinds that analyse nothing: exports, checks.
  const analyses = has('run') && kind.place !== null && !kind.resumable;
  const epoch = rootFlag(flags, 'epoch')?.node;
  const takesList = [...(epoch?.anyOf ?? []), ...(epoch?.oneOf ?? [])].some(({ type }) => type === 'array');
  const own = rootFlag(flags, 'epochs')?.node;
  return {
    groups: analyses && !has('groups'),
    epochs: !analyses ? 'none' : own ? 'epochs' : takesList ? 'epoch-list' : epoch ? 'jobs' : 'none',
    knowsAll: (own?.anyOf ?? []).some((option) => option.const === 'all'),
    checkpoints: has('checkpoints'),
    models: has('models') ? 'models' : has('model') ? 'model' : 'none',
    directory: has('directory'),
  };
}

/** The kind's own flags with those for groups and epochs, which stand where a person looks for them: behind `run`. */
export function withReach(flags: readonly Flag[], { groups, epochs }: Reach): Flag[] {
  const extra = extraFlags
    .filter(({ name }) => (name === 'groups' ? groups : epochs !== 'none'))
    .map((flag): Flag => {
      // The kind says best what its own epochs mean.
      const description = rootFlag(flags, flag.name)?.node.description ?? flag.node.description;
      return { ...flag, node: { ...flag.node, ...(description !== undefined && { description }) } };
    });
  const own = flags.filter(({ name }) => !extra.some((flag) => flag.name === name));
  const at = own.findIndex(({ name }) => name === 'run') + 1;
  return [...own.slice(0, at), ...extra, ...own.slice(at)];
}

/**
 * Takes groups and epochs out of collected params; what one job can hold goes back into them.
 * @throws UsageError for values that exclude each other
 */
export function takeReach(params: Record<string, unknown>, reach: Reach): Asked {
  const epochs = reach.epochs === 'none' ? undefined : take(params, 'epochs');
  const groups = reach.groups ? take(params, 'groups') : undefined;
  const given = (name: string): boolean => params[name] !== undefined;
  const refuse = (message: string): never => {
    throw new UsageError(message);
  };
  if (groups !== undefined) {
    for (const other of ['run', 'checkpoints'])
      if (given(other)) refuse(`--groups replaces --${other}: give one or the other`);
  }
  if (epochs !== undefined) {
    if (given('epoch')) refuse('--epochs replaces --epoch: give one or the other');
    if (given('checkpoints')) refuse('--epochs has no meaning for checkpoint files: each is of one epoch');
    if (groups === undefined && !given('run') && !given('groups'))
      refuse(`--epochs needs ${reach.groups ? '--run or --groups' : '--run'}: epochs of which run?`);
  }
  return {
    ...(groups !== undefined && { groups: groupsSchema.parse(groups) }),
    ...(epochs !== undefined && { epochs: epochsSchema.parse(epochs) }),
  };
}

const groupsSchema = listOr('groups', z.array(z.string().min(1)).min(1), 'a list of names of groups');
const epochsSchema = listOr(
  'epochs',
  z.union([z.literal('all'), z.array(z.int().nonnegative()).min(1)]),
  'all, or a list of epochs such as 0,5,100 or 0-100/10',
);

/** Flags are parsed already; a file of params may hold anything. */
function listOr<S extends z.ZodType>(name: string, schema: S, expected: string) {
  return {
    parse(value: unknown): z.output<S> {
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new UsageError(`--${name}: expected ${expected}`);
    },
  };
}

function take(params: Record<string, unknown>, name: string): unknown {
  const value = params[name];
  Reflect.deleteProperty(params, name);
  return value;
}
