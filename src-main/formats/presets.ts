/** Where a training config comes from: a preset by name or a config.yaml by path, with overrides laid over it. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configWith, defaultConfig, mergeConfig } from '../../src-shared/config.ts';
import type { RunConfig } from '../../src-shared/config.ts';
import { UserError } from '../../src-shared/errors.ts';
import { didYouMean } from '../../src-shared/near-miss.ts';
import { configFileOf } from './run-layout.ts';
import { typedPath } from './typed-path.ts';
import { readYaml } from './yaml.ts';

const folder = fileURLToPath(new URL('../../resources/presets', import.meta.url));
/** Half of neuron-identifiability's config names end so; Basin never interpolates while training. */
const suffix = '_noInterpolation';

/** Sorted names of the presets, e.g. `mlp_symmetry1_kappa1`, `standard-small`. */
export function presetNames(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

export interface Preset {
  name: string;
  /** The first comment of the file. */
  summary: string;
  /** Complete: laid over the defaults of every section. */
  config: RunConfig;
}

/** Every preset, for forms and lists. */
export function listPresets(): Preset[] {
  return presetNames().map((name) => {
    const first = readFileSync(join(folder, `${name}.yaml`), 'utf8').split('\n', 1)[0] ?? '';
    return { name, summary: first.replace(/^#\s*/, ''), config: loadTrainingConfig(name) };
  });
}

/**
 * A complete config for training: the preset (with or without `_noInterpolation`) or file, laid over the defaults of
 * every section, then the overrides. Unknown keys, overrides without effect and settings whose interpolation cannot be
 * resolved are refused.
 * @param source a preset's name or the path of a YAML file
 * @param overrides `key.path=value` as for hydra
 * @throws UserError naming preset, file, key or override
 */
export function loadTrainingConfig(source: string, overrides: readonly string[] = []): RunConfig {
  const path = configPath(source);
  const document = readYaml(path);
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    throw new UserError(`${path}: settings by name were expected.`);
  }
  refuseComposed(document as Record<string, unknown>, path);
  return configWith(mergeConfig(defaultConfig(), document as Record<string, unknown>), overrides, source);
}

/** A config of the published code's `configs` folder names the files that it is put together from. */
function refuseComposed(document: Record<string, unknown>, path: string): void {
  if (!Array.isArray(document['defaults'])) return;
  const name = withoutSuffix(basename(path).replace(/\.ya?ml$/, ''));
  const preset = presetNames().includes(name)
    ? `The preset of the same name is complete: \`basin train ${name}\`.`
    : `Give a preset (${presetNames().join(', ')}).${didYouMean(name, presetNames())}`;
  throw new UserError(
    `${path} is composed from other files by Hydra ("defaults:"); Basin reads complete configs.`,
    {
      hint: `${preset} A run's own .hydra/config.yaml or config.yaml is also complete.`,
    },
  );
}

const withoutSuffix = (name: string): string =>
  name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;

function configPath(source: string): string {
  const names = presetNames();
  const name = withoutSuffix(source);
  if (names.includes(name)) return join(folder, `${name}.yaml`);
  const path = typedPath(source);
  if (existsSync(path)) {
    const file = statSync(path).isDirectory() ? configFileOf(path) : path;
    if (file !== undefined) return file;
  }
  throw new UserError(`"${source}" is neither a preset nor a config file.${didYouMean(name, names)}`, {
    hint: `Presets: ${names.join(', ')}.`,
  });
}
