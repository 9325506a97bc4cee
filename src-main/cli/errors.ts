/** What a failed command tells the person, and the exit code it ends with. */
import { CommanderError } from 'commander';
import { CancelledError, messageOf, UserError } from '../../src-shared/errors.ts';
import { RemoteError } from '../../src-shared/rpc.ts';

export const exitCodes = { done: 0, failed: 1, usage: 2, crashed: 70, cancelled: 130 } as const;

/** Wrong usage of the command line itself: unknown flag, malformed value. */
export class UsageError extends UserError {}

/** A slip of the command line, whoever found it. */
export function asUsageError(thrown: unknown): unknown {
  if (!(thrown instanceof UserError)) return thrown;
  const hint = thrown.hint === undefined ? {} : { hint: thrown.hint };
  return new UsageError(thrown.message, { ...hint, cause: thrown });
}

/** What is refused in `work` is a slip of the command line: a setting that cannot be used, or has no effect. */
export function orUsageError<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw asUsageError(thrown);
  }
}

/** `basin worker`: the job's process crashed or ran out of memory. */
export class CrashError extends UserError {}

function isCancelled(thrown: unknown): boolean {
  return thrown instanceof CancelledError || (thrown instanceof RemoteError && thrown.kind === 'cancelled');
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (isCancelled(thrown)) return exitCodes.cancelled;
  if (thrown instanceof UsageError) return exitCodes.usage;
  if (thrown instanceof CrashError) return exitCodes.crashed;
  return exitCodes.failed;
}

const systemErrors: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOENT: 'there is no such file or folder',
  EISDIR: 'that is a folder, not a file',
  EMFILE: 'too many files are open',
};

/** A file system error that nobody put into words: the path and the reason, without the system call's jargon. */
function systemErrorMessage(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown) || !('path' in thrown)) return undefined;
  const reason = systemErrors[String(thrown.code)];
  return reason === undefined ? undefined : `${String(thrown.path)}: ${reason}`;
}

/** The lines to print for a failure; empty where everything was said already (usage help, cancelled). */
export function failureLines(thrown: unknown, debug: boolean): string[] {
  if (thrown instanceof CommanderError) return [];
  if (isCancelled(thrown)) return ['basin: cancelled'];
  const stack = debug && thrown instanceof Error && thrown.stack !== undefined ? [thrown.stack] : [];
  const ofEngine = thrown instanceof RemoteError && thrown.kind === 'defect';
  if (thrown instanceof UserError && !ofEngine) {
    return [`basin: ${thrown.message}`, ...(thrown.hint === undefined ? [] : [`  ${thrown.hint}`]), ...stack];
  }
  const system = systemErrorMessage(thrown);
  if (system !== undefined) return [`basin: ${system}`, ...stack];
  const advice = debug
    ? []
    : ['  This is a bug in Basin. Run the command again with --debug for details, and please report it.'];
  return [`basin: internal error: ${messageOf(thrown)}`, ...advice, ...stack];
}
