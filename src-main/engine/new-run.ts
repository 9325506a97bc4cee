/** What a new run is trained with and where: everything that can be refused is refused here, before anything is made. */
import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { resolveData, resolveTrainable, sizeOverrides } from '../../src-shared/config.ts';
import type { DataPlan, RunConfig } from '../../src-shared/config.ts';
import { UserError } from '../../src-shared/errors.ts';
import { checkDataName, factsOfData } from '../formats/data-registry.ts';
import { withGivenFamily } from '../formats/given-family.ts';
import { loadTrainingConfig } from '../formats/presets.ts';
import { typedPath } from '../formats/typed-path.ts';
import { dataHomeOf, findInWorkspace } from './data-folder.ts';

export interface RunSettings {
  /** A preset's name, or the path of a config.yaml. */
  source: string;
  /** `key.path=value` */
  overrides: readonly string[];
  workspace: string;
}

/**
 * The complete config of a run that can be trained, with the folder of its data.
 * @throws UserError for a preset, file, key or override that cannot be used, or has no effect
 */
export function configOfRun({ source, overrides, workspace }: RunSettings): RunConfig {
  const { config, data } = settingsOf(source, overrides, workspace);
  const { name, dataDir, splitFile } = data;
  const asked = overrides.some((override) => /^\+*dataset\.data_dir=/.test(override));
  const dataset = {
    ...config.dataset,
    data_dir: dataFolder(name, dataDir, { workspace, asked }),
    ...(splitFile === null ? {} : { split_file: typedPath(splitFile) }),
  };
  return { ...config, dataset };
}

function settingsOf(
  source: string,
  overrides: readonly string[],
  workspace: string,
): { config: RunConfig; data: DataPlan } {
  const home = dataHomeOf(workspace);
  const asked = loadTrainingConfig(source, overrides);
  const dataDir = asked.dataset?.data_dir ?? undefined;
  const facts = factsOfData(asked.dataset?.name ?? '', { dataDir, home });
  const sizes = sizeOverrides(asked, overrides, facts);
  const sized = sizes.length === 0 ? asked : loadTrainingConfig(source, [...overrides, ...sizes]);
  const config = withGivenFamily(sized, source);
  resolveTrainable(config, source);
  const data = resolveData(config, source);
  checkDataName(data.name, { dataDir: data.dataDir ?? undefined, home });
  return { config, data };
}

/** A folder that the person names must be there; a config's that is not is the one that `basin data fetch` made. */
function dataFolder(
  name: string,
  written: string | null,
  { workspace, asked }: { workspace: string; asked: boolean },
): string | null {
  const folder = written === null ? null : typedPath(written);
  if (folder !== null && existsSync(folder)) return folder;
  if (folder !== null && asked) {
    throw new UserError(`${folder}: there is no such data folder`, {
      hint: `Correct --data-dir (dataset.data_dir), or remove it if "basin data fetch" has downloaded ${name}.`,
    });
  }
  return findInWorkspace(workspace, name) ?? folder;
}

/** The nearest folder above that exists must be one that can be written to. @throws UserError if it is not */
export async function checkWritable(folder: string): Promise<void> {
  let above = folder;
  let found = await stat(above).catch(() => undefined);
  while (found === undefined && dirname(above) !== above) {
    above = dirname(above);
    found = await stat(above).catch(() => undefined);
  }
  if (found === undefined || !found.isDirectory()) {
    throw new UserError(`${folder}: the run cannot be written there: ${above} is a file, not a folder`);
  }
  await access(above, constants.W_OK).catch(() => {
    throw new UserError(`${folder}: the run cannot be written there: ${above} is read-only`, {
      hint: 'Choose another folder with --out, or get write permission for this one.',
    });
  });
}
