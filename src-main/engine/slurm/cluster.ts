/** Slurm's programs: what they are called with, and what their output means. */
import { execFile } from 'node:child_process';
import { userInfo } from 'node:os';
import { UserError } from '../../../src-shared/errors.ts';

/** A task of a job array, as Slurm sees it. */
export interface SlurmTask {
  /** Of the array: `basin-...`. */
  name: string;
  /** The array's number. */
  jobId: string;
  index: number;
  /** `PENDING`, `RUNNING`, `TIMEOUT`, ... */
  state: string;
  /** Why it waits or ended, as Slurm says it; empty: no reason. */
  reason: string;
  node: string;
}

const patience = 60_000;

interface How {
  input?: string;
  signal?: AbortSignal;
}

/** Without what people set for their own use of these programs: it would hide tasks, or make sbatch wait. */
function environment(): NodeJS.ProcessEnv {
  const foreign = /^(?:SQUEUE_|SACCT_|SCANCEL_|SBATCH_WAIT$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function call(program: string, args: readonly string[], { input, signal }: How = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...args],
      { timeout: patience, maxBuffer: 2 ** 28, env: environment(), ...(signal && { signal }) },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const missing = 'code' in error && error.code === 'ENOENT';
        const said =
          stderr
            .trim()
            .split('\n')
            .at(-1)
            ?.replace(/^\w+: error: /, '') ?? '';
        const why = missing ? 'there is no such program here' : said || error.message;
        reject(
          new UserError(`${program}: ${why}.`.replace(/\.\.$/, '.'), {
            hint: missing
              ? 'Jobs are submitted from a machine with Slurm, such as the login node of a cluster.'
              : "This is Slurm's own message. Check the settings in basin.yaml.",
            cause: error,
          }),
        );
      },
    );
    // A program that is gone already has said why.
    child.stdin?.on('error', () => undefined).end(input);
  });
}

/** The number of the job array. @throws UserError with what sbatch says */
export async function submitScript(script: string, options: readonly string[]): Promise<string> {
  const output = await call('sbatch', ['--parsable', ...options], { input: script });
  const id = /^(\d+)(?:;.*)?$/m.exec(output.trim())?.[1];
  if (id === undefined)
    throw new UserError(`sbatch printed no job number: ${output.trim()}`, {
      hint: 'Check with squeue whether the array was submitted.',
    });
  return id;
}

/** Every task of these arrays that Slurm remembers, ended ones too. @throws UserError if Slurm does not respond */
export async function tasksNamed(names: readonly string[], signal: AbortSignal): Promise<SlurmTask[]> {
  const format = '%j|%F|%K|%T|%r|%N';
  const common = ['--noheader', '--array', '--states=all', `--user=${userInfo().username}`];
  const args = [...common, `--name=${names.join(',')}`, `--format=${format}`];
  return parseQueue(await call('squeue', args, { signal }));
}

export function parseQueue(output: string): SlurmTask[] {
  return output.split('\n').flatMap((text) => {
    const [name, jobId, index, state, reason, node] = text.trim().split('|');
    if (node === undefined || !/^\d+$/.test(index!)) return [];
    return [
      {
        ...{ name: name!, jobId: jobId!, index: Number(index), state: state! },
        ...{ reason: reason === 'None' ? '' : reason!, node },
      },
    ];
  });
}

/** The accounting's word on tasks that the queue has forgotten; empty if there is no accounting. */
export async function accountedTasks(jobId: string, name: string, signal: AbortSignal): Promise<SlurmTask[]> {
  const fields = '--format=JobID,State,NodeList';
  const args = ['--noheader', '--parsable2', '--allocations', `--jobs=${jobId}`, fields];
  return call('sacct', args, { signal }).then(
    (output) => parseAccounting(output, name),
    () => [],
  );
}

export function parseAccounting(output: string, name: string): SlurmTask[] {
  return output.split('\n').flatMap((text) => {
    const [id, state, node] = text.trim().split('|');
    const match = /^(\d+)_(\d+)$/.exec(id ?? '');
    if (!match || state === undefined) return [];
    // "CANCELLED by 1000"
    const [word = ''] = state.split(' ');
    return [{ name, jobId: match[1]!, index: Number(match[2]), state: word, reason: '', node: node ?? '' }];
  });
}

const perCall = 500;

/** Cancels tasks `ID_INDEX`; those that have ended are left alone. @throws UserError with what scancel says */
export async function cancelTasks(tasks: readonly string[]): Promise<void> {
  for (let i = 0; i < tasks.length; i += perCall)
    await call('scancel', ['--quiet', ...tasks.slice(i, i + perCall)]);
}

/** Cancels an array that Slurm may have or not; nothing is said of either. */
export async function cancelNamed(name: string): Promise<void> {
  await call('scancel', ['--quiet', `--name=${name}`]).catch(() => undefined);
}

const waiting = new Set([
  'PENDING',
  'CONFIGURING',
  'REQUEUED',
  'REQUEUE_HOLD',
  'REQUEUE_FED',
  'SPECIAL_EXIT',
]);
const atWork = new Set([
  'RUNNING',
  'COMPLETING',
  'SUSPENDED',
  'STOPPED',
  'SIGNALING',
  'RESIZING',
  'STAGE_OUT',
]);

export type Phase = 'waiting' | 'running' | 'ended';

export const phaseOf = (state: string): Phase =>
  waiting.has(state) ? 'waiting' : atWork.has(state) ? 'running' : 'ended';
