/** The config of a run folder, wherever in it it lies, with what it says understood. */
import { isPlainObject, isTrackerRecord, understandConfig } from '../../src-shared/config.ts';
import type { Understood } from '../../src-shared/config.ts';
import { UserError } from '../../src-shared/errors.ts';
import { readYaml } from './yaml.ts';

/**
 * Reads a config file and understands it (see `understandConfig`).
 * @throws UserError naming the file if it is no YAML or holds no settings by name
 */
export function readRunConfig(path: string): Understood {
  const document = readYaml(path);
  if (isPlainObject(document)) return understandConfig(document);
  throw new UserError(`${path}: settings by name were expected, found ${describe(document)}.`);
}

const namesOfPublishedModels = /^src\.models\./;

/**
 * Whether a config that lies in a folder without checkpoints is that of a run: it describes a whole network, as the
 * published trainer and Basin write it before the first checkpoint. A tracker's record of settings, another program's
 * config, or a Hydra config that is put together from others does not.
 * @throws UserError if the file is no YAML
 */
export function describesRun(path: string): boolean {
  const document = readYaml(path);
  if (!isPlainObject(document) || isTrackerRecord(document) || Array.isArray(document['defaults']))
    return false;
  const { model } = understandConfig(document).config;
  if (!isPlainObject(model)) return false;
  const { _target_: target, name } = model;
  if (typeof target === 'string' && namesOfPublishedModels.test(target)) return true;
  const isMlp = [target, name].some((text) => typeof text === 'string' && /mlp/i.test(text));
  return isMlp && ['input_dim', 'output_dim'].every((key) => model[key] != null);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : `the ${typeof value} ${JSON.stringify(value).slice(0, 60)}`;
}
