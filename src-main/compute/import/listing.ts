/** What lies in a run folder, whatever is missing from it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../src-shared/errors.ts';
import { parseCheckpointName } from '../../formats/checkpoint-name.ts';
import { readRunDirectory, type CheckpointFile } from '../../formats/run-directory.ts';

export interface RunListing {
  /** Null where there is no config.yaml or it cannot be read; `problems` then says why. */
  config: Record<string, unknown> | null;
  checkpoints: CheckpointFile[];
  problems: string[];
}

/** Unlike `readRunDirectory` it goes on without a config. Throws when the folder itself cannot be read. */
export function listRunDirectory(folder: string): RunListing {
  try {
    const { config, checkpoints, notes } = readRunDirectory(folder);
    return { config, checkpoints, problems: notes.map((note) => `${folder}: ${note}`) };
  } catch (error) {
    const names = readdirSync(folder);
    const checkpoints = checkpointsAmong(folder, names);
    const missing = `${folder} has checkpoints but no config.yaml; without it Basin cannot know their architecture (\`basin run adopt\` makes a run of weights whose names and shapes tell it).`;
    const reason = names.includes('config.yaml') ? messageOf(error) : missing;
    return { config: null, checkpoints, problems: [reason] };
  }
}

function checkpointsAmong(folder: string, names: readonly string[]): CheckpointFile[] {
  const found = new Map<string, CheckpointFile>();
  for (const name of [...names].sort()) {
    const parsed = parseCheckpointName(name);
    if (parsed?.kind !== 'checkpoint') continue;
    const { epoch, model, extension } = parsed;
    // Sorted: of two formats the .safetensors comes last and is kept.
    found.set(`${epoch}/${model}`, { path: join(folder, name), epoch, model, format: extension });
  }
  return [...found.values()].sort((a, b) => a.epoch - b.epoch || a.model - b.model);
}
