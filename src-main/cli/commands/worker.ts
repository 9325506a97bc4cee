/** `basin worker --spec FILE`: one job without an engine, for clusters; how it ends is in files beside the spec and in the exit code. */
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import type { TaskFailure } from '../../../src-shared/task.ts';
import { readSpec, runTask } from '../../engine/headless/run.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { CrashError, orUsageError } from '../errors.ts';
import type { DefineCommand } from '../globals.ts';

const help = `
The spec is JSON, alone in its folder: {"kind": "interpolate", "params": {"run": "/shared/runs/a", "epoch": 100}}.
Next to it are written
  result.json     the result; matrices are files in matrices/
  failure.json    why there is none: kind (user, defect, stopped, died), message, hint
  progress.json   how far it is
  events.jsonl    log lines, epochs and checkpoints
Exit codes: 0 the result is there (a job that has one is not run again); 1 an error that you can fix; 2 the spec cannot
be used; 70 Basin or a library crashed, or memory ran out; 130 stopped by SIGTERM or Ctrl-C: the same command again
resumes from the last checkpoint.`;

export const define: DefineCommand = (command, { terminal, signal }) => {
  command
    .description('Runs exactly one job, without an engine or a workspace: what a cluster runs for each task.')
    .requiredOption('--spec <file>', 'the job, as JSON')
    .addHelpText('after', help)
    .action(async ({ spec: file }: { spec: string }) => {
      const path = typedPath(file);
      const end = await runTask(
        path,
        orUsageError(() => readSpec(path)),
        signal,
        (line) => terminal.note(line),
      );
      terminal.document(end);
      if (end.type === 'known') terminal.note('The result is there already: nothing was computed.');
      if (end.type === 'failed') throw errorOf(end.failure);
    });
};

function errorOf({ kind, message, hint, stack }: TaskFailure): Error {
  if (kind === 'stopped') return new CancelledError(message);
  const options = hint === undefined ? {} : { hint };
  const error = kind === 'user' ? new UserError(message, options) : new CrashError(message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}
