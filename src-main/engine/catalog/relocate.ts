/** Pointing a run to the folder it was moved to. */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { configFileOf } from '../../formats/run-layout.ts';
import { sampleHash } from '../../formats/run-contents.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { hashFile } from '../inputs.ts';
import type { RecordedFile, RunStore } from './runs.ts';

/**
 * Makes sure that `path` holds the same run (same config, same checkpoint files with the same contents) and points
 * the run there. Of a run whose contents were never read, names and sizes must do: then it is the person's word that
 * counts. Throws UserError naming the first thing that differs.
 */
export async function relocateRun(runs: RunStore, id: string, path: string): Promise<void> {
  const run = runs.stored(id);
  const typed = typedPath(path);
  const folder = await realpath(typed).catch(() => {
    throw new UserError(`${typed} does not exist.`, {
      hint: `Give the folder that run ${id} was moved to.`,
    });
  });
  const configPath = configFileOf(folder);
  const config = configPath === undefined ? undefined : await readFile(configPath).catch(() => undefined);
  const hash = config === undefined ? '' : createHash('sha256').update(config).digest('hex');
  if (hash !== run.configHash) {
    const what = config === undefined ? 'has no config.yaml' : 'has another config.yaml';
    throw new UserError(`${folder} is not run ${id}: it ${what}.`, {
      hint: 'To add it as a separate run, import it.',
    });
  }
  for (const recorded of runs.recordedFiles(id)) {
    const what = await difference(join(folder, recorded.file), recorded);
    if (what === undefined) continue;
    throw new UserError(`${folder} is not run ${id}: ${what}.`, {
      hint: 'To add it as a separate run, import it.',
    });
  }
  runs.setPath(id, folder);
}

async function difference(path: string, recorded: RecordedFile): Promise<string | undefined> {
  const { file, bytes, sample, sha256 } = recorded;
  const found = await stat(path).catch(() => undefined);
  if (!found) return `${file} is missing`;
  if (found.size !== bytes) return `${file} has ${found.size} bytes instead of ${bytes}`;
  const isSame =
    sha256 !== null ? (await hashFile(path)) === sha256 : sample === null || sampleHash(path) === sample;
  return isSame ? undefined : `${file} holds other weights`;
}
