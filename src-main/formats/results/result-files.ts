/** Files that hold results: of the published scripts, and of Basin itself. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../../src-shared/errors.ts';
import type { FoundResult } from '../../../src-shared/interop.ts';
import { isJobKind, jobKindNamed } from '../../../src-shared/jobs/index.ts';
import { isWeightsEnding, lookedAtText } from '../endings.ts';
import { readParquet } from '../parquet.ts';
import { readRunDirectory } from '../run-directory.ts';
import { runFolderOf } from '../run-layout.ts';
import { fileError } from '../source.ts';
import { decodeText } from '../text-file.ts';
import { LazyTensor } from '../tensor.ts';
import { isTorchFile, openTorchFile } from '../torch/torch-file.ts';
import { isTreeMap } from '../torch/tree.ts';
import type { Tree } from '../torch/tree.ts';
import { readAnalysis } from './analysis-archive.ts';
import { completed, fitResult, parsePythonJson, UnknownContent } from './fit.ts';
import type { Converted, ConvertedFile, ResultFile } from './converted.ts';
import { convertInterpolationDict } from './reference-curves.ts';
import type { RunOfCurves } from './reference-curves.ts';
import { convertJson, convertTable } from './reference-results.ts';

/** Larger text files are no results of these scripts. */
const largestText = 512 * 2 ** 20;

/**
 * Reads a file of results.
 * @throws UserError saying why it is not one, or which field is not as it should be
 */
export async function readResultFile(path: string): Promise<ResultFile> {
  const extension = extname(path).toLowerCase();
  if (extension === '.zip') return readAnalysis(path);
  if (extension === '.json') return ownJson(path) ?? finish(path, referenceJson(path));
  if (extension === '.parquet') return finish(path, await referenceTable(path));
  if (isWeightsEnding(path) || isTorchFile(path)) return finish(path, interpolationDict(path));
  throw new UserError(`${path}: not a file that can be imported: ${lookedAtText}.`);
}

/** Checks every result against its kind; matrices get their form. */
function finish(path: string, { what, results }: ConvertedFile): ResultFile {
  const sha256 = sha256Of(path);
  return {
    what,
    results: results.map((converted, part) => foundResult(path, sha256, part, converted)),
    figures: [],
  };
}

function foundResult(
  path: string,
  sha256: string,
  part: number,
  { kind, title, params, data }: Converted,
): FoundResult {
  const fitted = fitResult(jobKindNamed(kind).result, data, path);
  return { path, sha256, part, kind, title, params, data: fitted, provenance: undefined };
}

const ownSchema = z.object({
  kind: z.string(),
  params: z.unknown(),
  provenance: z.unknown(),
  data: z.unknown(),
});

/** What `basin export RESULT --out x.json` wrote. */
function ownJson(path: string): ResultFile | undefined {
  const own = ownSchema.safeParse(jsonOf(path));
  if (!own.success || !isJobKind(own.data.kind)) return undefined;
  const { kind, params, provenance, data } = own.data;
  const { title, result } = jobKindNamed(kind);
  const found = { path, sha256: sha256Of(path), part: 0, kind, title: `${title}: ${basename(path)}` };
  return {
    what: `a result of kind ${kind} that Basin exported`,
    results: [{ ...found, params, data: completed(kind, fitResult(result, data, path)), provenance }],
    figures: [],
  };
}

function referenceJson(path: string): ConvertedFile {
  const value = jsonOf(path);
  const found = naming(path, () => convertJson(value));
  if (found) return found;
  throw new UnknownContent(
    `${path}: its fields match no known result: expected interpolation_results_unaligned, matching_results, coherence_results, embedding_family, and kind with data (Basin's own).`,
  );
}

async function referenceTable(path: string): Promise<ConvertedFile> {
  const { rows, columns, metadata } = await readParquet(path);
  const found = convertTable(rows);
  if (found) return found;
  const own = metadata.has('basin')
    ? ' It was exported by Basin: import its .json or the analysis archive (.zip) instead.'
    : '';
  throw new UnknownContent(
    `${path}: its columns match no known result (${columns.slice(0, 6).join(', ')}); expected realization_cost_results, or results with num_inner_descent_iterations.${own}`,
  );
}

/** Messages of the conversions name rows and fields; here they get their file. */
function naming<T>(path: string, convert: () => T): T {
  try {
    return convert();
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    throw new UserError(`${path}: ${thrown.message}`, { cause: thrown });
  }
}

function interpolationDict(path: string): ConvertedFile {
  const file = openTorchFile(path);
  try {
    const { root } = file;
    const entries = isTreeMap(root) ? [...root] : [];
    const curves = entries.flatMap(([key, value]) => {
      const models = z.tuple([z.int(), z.int()]).safeParse(Array.isArray(key) ? [...(key as Tree[])] : key);
      return models.success && isTreeMap(value) ? [{ models: models.data, curve: plainTree(value) }] : [];
    });
    const isCurve = ({ curve }: (typeof curves)[number]): boolean => Array.isArray(curve['lambdas']);
    if (curves.length > 0 && curves.every(isCurve))
      return naming(path, () => convertInterpolationDict(curves, runOfCurves(runFolderOf(dirname(path)))));
    const keys = entries.slice(0, 6).map(([key]) => JSON.stringify(key));
    throw new UnknownContent(
      `${path}: neither a checkpoint nor interpolation_results.pt: its keys are ${keys.join(', ') || 'none'}; expected pairs of models with "lambdas".`,
    );
  } finally {
    file.close();
  }
}

const trainedSchema = z.object({
  num_models: z.int().optional(),
  training: z.object({ num_epochs: z.int() }).optional(),
});

/** As far as config and names of checkpoints say it; the curves are readable without them. */
function runOfCurves(directory: string): RunOfCurves {
  try {
    const { config, checkpoints } = readRunDirectory(directory);
    const trained = trainedSchema.safeParse(config).data;
    const epoch = trained?.training?.num_epochs ?? checkpoints.at(-1)?.epoch ?? null;
    const numbers = checkpoints.map(({ model }) => model);
    const of = (model: number) =>
      checkpoints.find((file) => file.epoch === epoch && file.model === model)?.path ??
      join(directory, `checkpoint_epoch_${epoch ?? 'E'}_model_${model}.pt`);
    return { directory, epoch, models: trained?.num_models ?? Math.max(0, ...numbers), checkpoint: of };
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    const checkpoint = (model: number) => join(directory, `checkpoint_epoch_E_model_${model}.pt`);
    return { directory, epoch: null, models: 0, checkpoint };
  }
}

function plainTree(tree: ReadonlyMap<Tree, Tree>): Record<string, unknown> {
  return Object.fromEntries([...tree].map(([key, value]) => [String(key), plainValue(value)]));
}

function plainValue(value: Tree): unknown {
  if (value instanceof LazyTensor) {
    const numbers = Array.from(value.readFloat64());
    return value.shape.length === 0 ? numbers[0] : numbers;
  }
  if (isTreeMap(value)) return plainTree(value);
  if (typeof value === 'bigint') return Number(value);
  return Array.isArray(value) ? (value as Tree[]).map(plainValue) : value;
}

function jsonOf(path: string): unknown {
  let bytes: Uint8Array;
  try {
    if (statSync(path).size > largestText)
      throw new UserError(`${path}: more than 512 MB of JSON; no known result is as large.`);
    bytes = readFileSync(path);
  } catch (thrown) {
    throw thrown instanceof UserError ? thrown : fileError(path, 'read', thrown);
  }
  return parsePythonJson(decodeText(bytes), path);
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
