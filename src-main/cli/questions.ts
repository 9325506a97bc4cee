/** From groups and epochs on a command line to the questions that are asked one after another. */
import { basename, join, resolve } from 'node:path';
import type { Group, RunRow } from '../../src-shared/api.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import type { Client } from '../../src-shared/rpc.ts';
import type { CheckpointFile } from '../formats/run-directory.ts';
import { readRunDirectory } from '../formats/run-directory.ts';
import { findGroups } from './pick.ts';
import type { Asked, Reach } from './reach.ts';

/** One job of several. */
export interface Question {
  group: string | undefined;
  /** The run's name; of single checkpoints of several runs a few words. */
  run: string;
  /** Of kinds that take one epoch. */
  epoch: number | undefined;
  /** Not checked yet. Undefined: it cannot be asked, for the reason in `problem`. */
  params: Record<string, unknown> | undefined;
  problem?: { message: string; hint: string | undefined };
}

/** A whole run, or single checkpoints of one or of several runs. */
interface Subject {
  group: string | undefined;
  name: string;
  run: string;
  /** Absent: the whole run. */
  singles?: CheckpointFile[];
  /** The singles may be of several runs, and are named by their files. */
  byFile?: boolean;
}

type Params = Record<string, unknown>;

/**
 * The questions, in the order of the groups and their members; undefined where one job can hold what is asked: its
 * params are `params` then.
 * @throws UserError for an unknown group, or one without runs
 */
export async function questionsOf(
  client: Client,
  params: Params,
  asked: Asked,
  reach: Reach,
): Promise<Question[] | undefined> {
  if (asked.groups !== undefined) {
    const found = await membersOf(client, asked.groups, reach);
    return found.flatMap((subject) =>
      'params' in subject ? [subject] : questionsAbout(subject, params, asked, reach),
    );
  }
  const { epochs } = asked;
  if (epochs === undefined) return undefined;
  const run = typeof params['run'] === 'string' ? params['run'] : undefined;
  if (run === undefined || reach.epochs !== 'jobs') {
    setEpochs(params, epochs, reach, () => savedAt(readRunDirectory(resolve(run!)).checkpoints));
    return undefined;
  }
  return questionsAbout({ group: undefined, name: basename(run), run }, params, asked, reach);
}

/** Members of the groups; those whose files are gone as questions that cannot be asked. */
async function membersOf(
  client: Client,
  named: readonly string[],
  reach: Reach,
): Promise<(Subject | Question)[]> {
  const { groups } = await client.call('groups.get', {});
  const runs = new Map((await client.call('runs.list', {})).map((run) => [run.id, run]));
  return findGroups(groups, named).flatMap((group) => {
    if (group.members.length === 0) {
      throw new UserError(`Group ${group.key} has no runs.`, {
        hint: 'Add runs with `basin groups add`, or choose another group.',
      });
    }
    const found = group.members.map((member) => subjectOf(group, member, runs.get(member.runId)));
    return reach.checkpoints ? singlesTogether(found) : found;
  });
}

function subjectOf(
  { key }: Group,
  { runId, checkpointIds }: Group['members'][number],
  row: RunRow | undefined,
): Subject | Question {
  if (row === undefined || row.state === 'missing') {
    const message = `the folder of run ${row?.name ?? runId} is missing`;
    const hint = 'Use `basin runs relocate` to tell Basin where it is now.';
    return { ...{ group: key, run: row?.name ?? runId, epoch: undefined }, ...unasked(message, hint) };
  }
  const subject = { group: key, name: row.name, run: row.path };
  if (!checkpointIds) return subject;
  return orProblem({ ...subject, epoch: undefined }, () => {
    const places = new Set(checkpointIds.map((id) => /e(\d+)m(\d+)$/.exec(id)?.slice(1).join(' ')));
    const { checkpoints } = readRunDirectory(row.path);
    const singles = checkpoints.filter(({ epoch, model }) => places.has(`${epoch} ${model}`));
    return { ...subject, singles };
  });
}

/** Of kinds that take files: the single checkpoints of a group are compared with each other, whatever their runs. */
function singlesTogether(found: readonly (Subject | Question)[]): (Subject | Question)[] {
  const singles = found.filter((one): one is Subject => 'singles' in one);
  const others = found.filter((one) => !('singles' in one));
  const [first] = singles;
  if (!first) return others;
  const names = [...new Set(singles.map(({ name }) => name))];
  const name = names.length === 1 ? first.name : `checkpoints of ${names.length} runs`;
  const files = singles.flatMap((one) => one.singles ?? []);
  return [...others, { ...first, name, singles: files, byFile: true }];
}

function questionsAbout(subject: Subject, params: Params, asked: Asked, reach: Reach): Question[] {
  const { group, name } = subject;
  const found = orProblem({ group, name, epoch: undefined }, () =>
    subject.singles ? aboutSingles(subject, params, asked, reach) : aboutRun(subject, params, asked, reach),
  );
  return Array.isArray(found) ? found : [found];
}

/** One question, or one for each epoch. */
function aboutRun(subject: Subject, params: Params, { epochs }: Asked, reach: Reach): Question[] {
  const saved = () => savedAt(readRunDirectory(resolve(subject.run)).checkpoints);
  const own = inFolderOf({ ...params, run: subject.run }, subject.name, reach);
  if (epochs === undefined) return [questionOf(subject, own, epochIn(own))];
  if (reach.epochs !== 'jobs') {
    setEpochs(own, epochs, reach, saved);
    return [questionOf(subject, own, undefined)];
  }
  return [...new Set(epochs === 'all' ? saved() : epochs)].map((epoch) => {
    const at = inFolderOf({ ...params, run: subject.run, epoch }, `${subject.name}-epoch-${epoch}`, reach);
    return questionOf(subject, at, epoch);
  });
}

/** Epochs with the same single models are one question if the kind takes several. */
function aboutSingles(subject: Subject, params: Params, { epochs }: Asked, reach: Reach): Question[] {
  const wanted = epochs === undefined ? listOf(params['epoch']) : epochs === 'all' ? undefined : epochs;
  const models = listOf(params[reach.models === 'model' ? 'model' : 'models']);
  const singles = subject.singles!.filter(
    ({ epoch, model }) => (wanted?.includes(epoch) ?? true) && (models?.includes(model) ?? true),
  );
  if (singles.length === 0) {
    throw new UserError('none of the single checkpoints in the group is of the epochs and models asked for');
  }
  if (subject.byFile) {
    const { epoch: _epoch, models: _models, ...rest } = params;
    const sets = epochs === undefined ? [singles] : [...Map.groupBy(singles, ({ epoch }) => epoch).values()];
    return sets.map((files) => {
      const epoch = epochs === undefined ? undefined : files[0]!.epoch;
      const folder = epoch === undefined ? subject.name : `${subject.name}-epoch-${epoch}`;
      const own = { ...rest, checkpoints: files.map(({ path }) => path) };
      return questionOf(subject, inFolderOf(own, `${subject.group ?? ''}-${folder}`, reach), epoch);
    });
  }
  const byEpoch = [...Map.groupBy(singles, ({ epoch }) => epoch)];
  const alike = Map.groupBy(byEpoch, ([epoch, files]) =>
    JSON.stringify([files.map(({ model }) => model), reach.epochs === 'jobs' ? epoch : 0]),
  );
  return [...alike.values()].map((same) => {
    const of = same.map(([epoch]) => epoch);
    const own: Params = { ...params, run: subject.run };
    delete own['epoch'];
    if (reach.models === 'models') own['models'] = same[0]![1].map(({ model }) => model);
    if (reach.epochs === 'jobs') own['epoch'] = of[0];
    else setEpochs(own, of, reach, () => of);
    return questionOf(subject, own, of.length === 1 ? of[0] : undefined);
  });
}

/** Several epochs in the params of one job. */
function setEpochs(params: Params, epochs: 'all' | number[], reach: Reach, saved: () => number[]): void {
  if (reach.epochs === 'epoch-list') {
    const list = epochs === 'all' ? saved() : epochs;
    params['epoch'] = list.length === 1 ? list[0] : list;
  } else if (epochs !== 'all' || reach.knowsAll) params['epochs'] = epochs;
}

/** Jobs that write into a folder write into one of their own in it. */
function inFolderOf(params: Params, name: string, { directory }: Reach): Params {
  const folder = params['directory'];
  if (!directory || typeof folder !== 'string') return params;
  return { ...params, directory: join(folder, name.replaceAll(/[^\w.-]+/g, '-').replace(/^-/, '')) };
}

const questionOf = ({ group, name }: Subject, params: Params, epoch: number | undefined): Question => ({
  group,
  run: name,
  epoch,
  params,
});

const epochIn = (params: Params): number | undefined =>
  typeof params['epoch'] === 'number' ? params['epoch'] : undefined;

function savedAt(checkpoints: readonly CheckpointFile[]): number[] {
  const epochs = [...new Set(checkpoints.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  if (epochs.length === 0) throw new UserError('the run has no checkpoints');
  return epochs;
}

const listOf = (value: unknown): unknown[] | undefined =>
  value === undefined ? undefined : Array.isArray(value) ? value : [value];

const unasked = (message: string, hint?: string) => ({ params: undefined, problem: { message, hint } });

/** A run that cannot be read does not keep the others from being asked about. */
function orProblem<T>(
  { group, name, epoch }: { group: string | undefined; name: string; epoch: number | undefined },
  find: () => T,
): T | Question {
  try {
    return find();
  } catch (error) {
    const hint = error instanceof UserError ? error.hint : undefined;
    return { group, run: name, epoch, ...unasked(messageOf(error), hint) };
  }
}
