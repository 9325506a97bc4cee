/** What a window may have written: a page, ours or a forged one, never chooses a folder outside the workspace. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../src-shared/errors.ts';
import type { Callable } from './rpc.ts';

const training = z.object({
  kind: z.literal('train'),
  params: z.object({ run: z.string(), resume: z.boolean().optional() }),
});
const writing = z.object({
  kind: z.enum(['export-checkpoints', 'merge', 'adopt']),
  params: z.object({ directory: z.string() }),
});
/** A sweep on a cluster whose settings are not those of the workspace. */
const bringsSettings = z.object({ on: z.object({ slurm: z.unknown() }) });
const writingFile = z.object({ kind: z.literal('evaluate'), params: z.object({ out: z.string() }) });
/** What is there is replaced: not the catalog, not basin.yaml. */
const isArray = (path: string): boolean => path.endsWith('.npy');
const knownRuns = z.array(z.object({ path: z.string() }));

/**
 * The same engine for a window: training and exports write below `workspace`; training may also resume a run that
 * the catalog knows. Settings of a cluster are commands: those no window may give; basin.yaml in the workspace may.
 * The command line names its folders itself and needs no such limit. Refused calls throw UserError before anything runs.
 */
export function confine(engine: Callable, workspace: string): Callable {
  return {
    subscribe: (listener) => engine.subscribe(listener),
    async call(name, args) {
      if (name === 'jobs.submitOnSlurm' || bringsSettings.safeParse(args).success)
        throw new UserError('A window cannot bring settings for Slurm: they are shell commands.', {
          hint: 'The app submits sweeps with the settings of basin.yaml in the workspace; basin sweep, train and run take --on slurm.',
        });
      const wanted = name === 'jobs.submit' ? training.safeParse(args) : undefined;
      if (wanted?.success) await mayWrite(engine, workspace, wanted.data.params);
      const exported = name === 'jobs.submit' ? writing.safeParse(args) : undefined;
      if (exported?.success)
        await mustLieBelow(workspace, `${exported.data.kind}: directory`, exported.data.params.directory);
      const written = name === 'jobs.submit' ? writingFile.safeParse(args) : undefined;
      if (written?.success) {
        const { out } = written.data.params;
        if (!isArray(out))
          throw new UserError(`evaluate: out: ${out}: a file name ending in .npy was expected`);
        await mustLieBelow(workspace, 'evaluate: out', out);
      }
      return engine.call(name, args);
    },
  };
}

async function mayWrite(
  engine: Callable,
  workspace: string,
  { run, resume }: z.infer<typeof training>['params'],
): Promise<void> {
  if (isAbsolute(run) && isBelow(await realpath(workspace), await realPlace(run))) return;
  if (resume && knownRuns.parse(await engine.call('runs.list', {})).some(({ path }) => path === run)) return;
  throw new UserError(`train: run: ${run} is outside the workspace ${workspace}`, {
    hint: `Choose a folder below ${join(workspace, 'runs')}, or train from the terminal: basin train --out`,
  });
}

/** @param field kind and name of the param: `merge: directory` */
async function mustLieBelow(workspace: string, field: string, path: string): Promise<void> {
  if (isAbsolute(path) && isBelow(await realpath(workspace), await realPlace(path))) return;
  const [kind, name] = field.split(': ');
  throw new UserError(`${field}: ${path} is outside the workspace ${workspace}`, {
    hint: `Choose a place below ${workspace}, or name any in the terminal: basin run ${kind} --${name}`,
  });
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Where a path that need not exist yet would really lie: links in the part that exists are followed. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPlace(parent), basename(path));
  }
}
