/** The files of a run besides its checkpoints: config.yaml, split.json, metrics.json. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { RunConfig } from '../../src-shared/config.ts';
import { UserError } from '../../src-shared/errors.ts';
import { epochMetricsSchema } from '../../src-shared/progress.ts';
import type { EpochMetrics } from '../../src-shared/progress.ts';
import { writeFileAtomic } from './atomic.ts';
import { runFileIn } from './run-layout.ts';
import { fileError } from './source.ts';

/** metrics.json: one entry per epoch, ascending. */
export const metricsFileSchema = z.array(epochMetricsSchema);

export const splitFileName = 'split.json';

/**
 * Makes the folder of a new run.
 * @throws UserError if a run is there already, or the folder cannot be made or written
 */
export function createRunFolder(directory: string, config: RunConfig, split: string): void {
  if (existsSync(directory)) {
    const taken = runFileIn(directory);
    if (taken !== undefined) {
      throw new UserError(`${directory} already holds a run (${taken}); training would mix with it.`, {
        hint: 'Resume it, or choose another folder.',
      });
    }
  }
  try {
    mkdirSync(directory, { recursive: true });
  } catch (thrown) {
    throw fileError(directory, 'create the folder', thrown);
  }
  writeFileAtomic(join(directory, splitFileName), split);
  writeFileAtomic(join(directory, 'config.yaml'), stringify(config, { lineWidth: 0 }));
}

export function writeMetrics(directory: string, metrics: readonly EpochMetrics[]): void {
  writeFileAtomic(join(directory, 'metrics.json'), `${JSON.stringify(metrics, null, 1)}\n`);
}

/** Of a run under way; those after `epoch` are left out. Empty if there are none, or the file is unreadable. */
export function readMetrics(directory: string, epoch: number): EpochMetrics[] {
  try {
    const parsed = metricsFileSchema.parse(JSON.parse(readFileSync(join(directory, 'metrics.json'), 'utf8')));
    return parsed.filter((entry) => entry.epoch <= epoch);
  } catch {
    return [];
  }
}
