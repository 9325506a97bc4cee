/** The files that decide a job's result besides its params, and their content hashes. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { dataFilesBelow, dataFilesOf } from '../formats/data-registry.ts';
import { readRunConfig } from '../formats/run-config.ts';
import { checkpointFilesIn, configFileOf, runFolderOf } from '../formats/run-layout.ts';
import { typedPath } from '../formats/typed-path.ts';

export interface Input {
  path: string;
  sha256: string;
}

/** Remembers a file's hash as long as its size and times stay the same. */
export interface HashStore {
  /** Where data sets lie that are asked for by name alone. */
  readonly dataHome?: string | undefined;
  /** `ctimeMs`: when the file's entry last changed; programs that copy files can set `mtimeMs`, but not this. */
  known(path: string, bytes: number, mtimeMs: number, ctimeMs?: number): string | undefined;
  remember(path: string, bytes: number, mtimeMs: number, sha256: string): void;
}

const checkpointName = /^checkpoint_epoch_(\d+)_model_(\d+)\.(pt|safetensors)$/;
/** Arrays and tables that a folder to import holds. */
const exchangeFile = /\.(npy|parquet|json)$/;

/** SHA-256 of a file, hex; read in pieces, so that the event loop never waits. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Absolute paths, sorted, of every file that `params` name: checkpoints of selected models and epochs, data, configs. */
export async function inputFiles(params: unknown, dataHome?: string): Promise<string[]> {
  const found: Found = { files: new Set(), dataHome };
  await collect(params, found);
  return [...found.files].sort();
}

interface Found {
  files: Set<string>;
  dataHome: string | undefined;
}

/** A file that was written so recently may change once more without its time telling: clocks of disks are coarse. */
const settledAfter = 2000;

/** Hashes of these files; a file that is gone in the meantime is left out (the job will say so). */
export async function hashInputs(files: readonly string[], store: HashStore): Promise<Input[]> {
  const inputs: Input[] = [];
  for (const path of files) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) continue;
    const { size, mtimeMs, ctimeMs } = found;
    let sha256 = store.known(path, size, mtimeMs, ctimeMs);
    if (sha256 === undefined) {
      const settled = Date.now() - Math.max(mtimeMs, ctimeMs) > settledAfter;
      sha256 = await hashFile(path);
      if (settled) store.remember(path, size, mtimeMs, sha256);
    }
    inputs.push({ path, sha256 });
  }
  return inputs;
}

/** The name under which a result is kept: same kind, version, params and file contents, same result. */
export function cacheKey(kind: string, version: number, params: unknown, inputs: readonly Input[]): string {
  const question = { kind, version, params, inputs: inputs.map(({ path, sha256 }) => [path, sha256]) };
  return createHash('sha256').update(canonical(question)).digest('hex');
}

/** JSON with sorted keys: equal values, equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

async function collect(value: unknown, found: Found): Promise<void> {
  if (typeof value === 'string') return collectPath(value, found);
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) {
    for (const item of value) await collect(item, found);
    return;
  }
  const selection = asSelection(value);
  if (selection) await addRun(selection.run, found, selection);
  for (const [key, item] of Object.entries(value)) {
    if (key === 'data') addNamedData(item, found);
    if (!(selection && key === 'run')) await collect(item, found);
  }
}

/** Data that an analysis names, wherever they lie. */
function addNamedData(data: unknown, { files, dataHome }: Found): void {
  const named = z.object({ name: z.string(), dataDir: z.string().optional() }).safeParse(data).data;
  if (!named) return;
  for (const file of dataFilesOf({ ...named, home: dataHome })) files.add(file);
}

interface Selection {
  run: string;
  /** Empty: all of them. */
  models: number[];
  epochs: number[];
}

const numbers = (value: unknown): number[] =>
  typeof value === 'number'
    ? [value]
    : Array.isArray(value) && value.every((n) => typeof n === 'number')
      ? value
      : [];

/** An object that picks models and epochs of one run, as the params of every analysis do. */
function asSelection(value: object): Selection | undefined {
  if (!('run' in value) || typeof value.run !== 'string' || !isAbsolute(value.run)) return undefined;
  const get = (key: string): number[] => numbers((value as Record<string, unknown>)[key]);
  const models = [...get('models'), ...get('model')];
  const epochs = [...get('epoch'), ...get('epochs')];
  return models.length > 0 || epochs.length > 0 ? { run: value.run, models, epochs } : undefined;
}

async function collectPath(path: string, found: Found): Promise<void> {
  if (!isAbsolute(path)) return;
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile()) {
    found.files.add(path);
    // A checkpoint means what the config beside it says: sigma_F, for one, is in no tensor.
    if (!checkpointName.test(basename(path))) return;
    const run = runFolderOf(path);
    if (addConfig(run, found)) addRunData(run, found);
  } else if (entry?.isDirectory()) await addRun(path, found);
}

const among = (wanted: readonly number[], text: string | undefined): boolean =>
  wanted.length === 0 || wanted.includes(Number(text));

/** A run's config and checkpoints (only the selected ones, if a selection is given), or the files of a data folder. */
async function addRun(folder: string, found: Found, only?: Selection): Promise<void> {
  const { files } = found;
  const run = runFolderOf(folder);
  const isRun = addConfig(run, found);
  const checkpoints = checkpointsIn(run);
  for (const name of checkpoints) {
    const match = checkpointName.exec(basename(name));
    const wanted = match && (!only || (among(only.epochs, match[1]) && among(only.models, match[2])));
    if (wanted) files.add(join(run, name));
  }
  if (isRun || checkpoints.length > 0) {
    addRunData(run, found);
    return;
  }
  const names: string[] = await readdir(folder).catch(() => []);
  for (const name of names) if (exchangeFile.test(name)) files.add(join(folder, name));
  for (const file of dataFilesBelow(folder)) files.add(file);
}

function addConfig(run: string, { files }: Found): boolean {
  const config = configFileOf(run);
  if (config !== undefined) files.add(config);
  return config !== undefined;
}

function checkpointsIn(run: string): string[] {
  try {
    return checkpointFilesIn(run);
  } catch {
    return [];
  }
}

/** The data that a run was trained on, as far as its config says: every analysis may read them. */
function addRunData(run: string, { files, dataHome }: Found): void {
  const { name, data_dir: dataDir, split_file: split } = datasetOf(run);
  const below = dataDir === undefined ? [] : dataFilesBelow(dataDir);
  const named = name === undefined ? [] : dataFilesOf({ name, dataDir, home: dataHome });
  for (const file of [...below, ...named]) files.add(file);
  if (split !== undefined) files.add(split);
}

const namesOfData = z.object({
  dataset: z
    .object({ name: z.unknown(), data_dir: z.unknown(), split_file: z.unknown() })
    .partial()
    .nullish(),
});

interface DataNames {
  name?: string | undefined;
  data_dir?: string | undefined;
  split_file?: string | undefined;
}

/** Absolute paths. A config that cannot be read names no files; the job will say what is wrong with it. */
function datasetOf(run: string): DataNames {
  const inRun = (path: unknown): string | undefined =>
    typeof path === 'string' ? typedPath(path, run) : undefined;
  try {
    const config = configFileOf(run);
    if (config === undefined) return {};
    const dataset = namesOfData.safeParse(readRunConfig(config).config).data?.dataset;
    const name = typeof dataset?.name === 'string' ? dataset.name : undefined;
    return { name, data_dir: inRun(dataset?.data_dir), split_file: inRun(dataset?.split_file) };
  } catch {
    return {};
  }
}
