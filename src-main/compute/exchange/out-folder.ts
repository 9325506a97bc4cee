/** The folder that a run is written into: never one that holds a run already. */
import { mkdirSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { parseCheckpointName } from '../../formats/checkpoint-name.ts';
import { fileError } from '../../formats/source.ts';

/** Makes the folder where there is none. @throws UserError if it holds a run, or cannot be made. @returns its path */
export function makeOutFolder(out: string): string {
  const directory = resolve(out);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (thrown) {
    throw fileError(directory, 'make the folder', thrown);
  }
  const taken = namesIn(directory).find((name) => name === 'config.yaml' || parseCheckpointName(name));
  if (taken === undefined) return directory;
  throw new UserError(`${directory} holds a run already (${taken}); its files would mix with the new ones.`, {
    hint: 'Name a folder that does not exist yet.',
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    throw fileError(directory, 'read the folder', thrown);
  }
}
