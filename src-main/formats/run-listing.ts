/** What lies in a run folder, whatever is missing from it. */
import { messageOf } from '../../src-shared/errors.ts';
import { configFileOf, configPlaces } from './run-layout.ts';
import { listCheckpoints, readRunDirectory, type CheckpointFile } from './run-directory.ts';
import { reportOn } from '../../src-shared/config/report.ts';

export interface RunListing {
  /** Null where there is no config or it cannot be read; `problems` then says why. */
  config: Record<string, unknown> | null;
  checkpoints: CheckpointFile[];
  /** Why the run, or a part of it, cannot be used. */
  problems: string[];
  /** What is worth knowing about a run that can be used. */
  remarks: string[];
  /** No network can be built from the config. */
  blocked: boolean;
}

/** Unlike `readRunDirectory` it goes on without a config. Throws when the folder itself cannot be read. */
export function listRunDirectory(folder: string): RunListing {
  const configPath = configFileOf(folder);
  if (configPath === undefined) {
    const missing = `${folder} has checkpoints but no ${configPlaces}; without it Basin cannot know their architecture (\`basin run adopt\` infers it from the weights and makes a run).`;
    return withoutConfig(folder, missing);
  }
  try {
    const { config, checkpoints, notes } = readRunDirectory(folder);
    const { problem, remarks } = reportOn(config, configPath);
    return {
      ...{ config, checkpoints },
      problems: problem === undefined ? [] : [problem],
      remarks: [...notes.map((note) => `${folder}: ${note}`), ...remarks],
      blocked: problem !== undefined,
    };
  } catch (error) {
    return withoutConfig(folder, messageOf(error));
  }
}

function withoutConfig(folder: string, reason: string): RunListing {
  const { checkpoints } = listCheckpoints(folder);
  return { config: null, checkpoints, problems: [reason], remarks: [], blocked: false };
}
