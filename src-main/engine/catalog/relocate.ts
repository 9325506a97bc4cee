/** Pointing a run to the folder it was moved to. */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import { typedPath } from '../../formats/typed-path.ts';
import type { RunStore } from './runs.ts';

/**
 * Makes sure that `path` holds the same run (same config, same checkpoint files) and points the run there.
 * Reads bytes and sizes only. Throws UserError naming the first thing that differs.
 */
export async function relocateRun(runs: RunStore, id: string, path: string): Promise<void> {
  const run = runs.stored(id);
  const typed = typedPath(path);
  const folder = await realpath(typed).catch(() => {
    throw new UserError(`${typed} does not exist.`, {
      hint: `Name the folder that run ${id} was moved to.`,
    });
  });
  const configPath = configFileOf(folder);
  const config = configPath === undefined ? undefined : await readFile(configPath).catch(() => undefined);
  const hash = config === undefined ? '' : createHash('sha256').update(config).digest('hex');
  if (hash !== run.configHash) {
    const what = config === undefined ? 'has no config.yaml' : 'has another config.yaml';
    throw new UserError(`${folder} is not run ${id}: it ${what}.`, {
      hint: 'To take it in as a run of its own, import it.',
    });
  }
  for (const checkpoint of runs.checkpoints(id)) {
    if (checkpoint.state === 'missing') continue;
    const file = checkpoint.path.slice(run.path.length + 1);
    const found = await stat(join(folder, file)).catch(() => undefined);
    if (found?.size === checkpoint.bytes) continue;
    const what = found
      ? `${file} has ${found.size} bytes instead of ${checkpoint.bytes}`
      : `${file} is missing`;
    throw new UserError(`${folder} is not run ${id}: ${what}.`, {
      hint: 'To take it in as a run of its own, import it.',
    });
  }
  runs.setPath(id, folder);
}
