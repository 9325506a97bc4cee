/** From a command line to a sweep as it is asked for. Whether it can be run is for the engine to say. */
import { existsSync } from 'node:fs';
import { checkThen } from '../../../src-shared/sweep-kinds.ts';
import type { SweepDraft } from '../../../src-shared/sweep-requests.ts';
import { parseAxis } from '../../../src-shared/sweep.ts';
import { typedPath } from '../../formats/typed-path.ts';
import { orUsageError, UsageError } from '../errors.ts';

export interface SweepFlags {
  grid?: string[];
  seeds?: number;
  name?: string;
  then?: string[];
  dryRun?: true;
}

/** @throws UsageError for what can be seen to be wrong without an engine */
export function draftOf([source, ...settings]: readonly string[], flags: SweepFlags): SweepDraft {
  if (source === undefined) throw new UsageError('Nothing to train: give a preset or a config.yaml.');
  const { then = [], name = null, seeds = null } = flags;
  const grid = orUsageError(() => {
    checkThen(then);
    return (flags.grid ?? []).map(parseAxis);
  });
  return {
    source: existsSync(typedPath(source)) ? typedPath(source) : source,
    settings: settings.map(absolute),
    grid: grid.map(({ key, values }) => ({
      key,
      values: isPath(key) ? values.map((value) => typedPath(value)) : values,
    })),
    ...{ seeds, then, name },
  };
}

const isPath = (key: string): boolean => /^\+*dataset\.(data_dir|split_file)$/.test(key);

/** The engine may run in another folder. */
function absolute(setting: string): string {
  const at = setting.indexOf('=');
  const [key, value] = [setting.slice(0, at), setting.slice(at + 1)];
  if (at < 0 || !isPath(key) || value === 'null') return setting;
  return `${key}=${JSON.stringify(typedPath(value))}`;
}
