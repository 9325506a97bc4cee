/** Data sets by name: read from IDX files (formats/data-sets.ts is the table of those), or made. */
import { statSync } from 'node:fs';
import { geometryKindOf } from '../../../src-shared/config.ts';
import type { GeometryPlan } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { allIdxFiles, checkDataName } from '../../formats/data-sets.ts';
import { idxCandidates } from '../../formats/idx-folder.ts';
import type { Backend, Tensor2D } from '../backend/index.ts';
import { rowsOf } from './dataset.ts';
import type { Dataset, Examples } from './dataset.ts';
import { makeDataset } from './made.ts';
import { idxFolderOf, loadMnist } from './mnist.ts';
import type { IdxRequest } from './folder.ts';

export { rowsOf, selectExamples } from './dataset.ts';
export type { Dataset, Examples } from './dataset.ts';
export { splitExamples, splitIndices, splitToJson } from './split.ts';
export type { SplitIndices, SplitOptions } from './split.ts';

export interface DataRequest extends IdxRequest {
  /** How the data are made, where they are. */
  geometry?: GeometryPlan | undefined;
}

const loaded = new Map<string, Promise<Dataset>>();

/**
 * Reads a data set, once per process. Files in `dataDir` are taken for the set of that name only if they can be it;
 * files that are no known set are named after their contents.
 * @throws UserError for a name that Basin does not know or cannot read, and whatever is wrong with the files
 */
export function loadDataset(request: DataRequest): Promise<Dataset> {
  const { geometry, name, dataDir } = request;
  if (geometry) return loadMade(geometry, dataDir);
  if (name !== undefined) {
    refuseUnmade(name);
    checkDataName(name);
  }
  return loadFiles(request);
}

async function loadMade(plan: GeometryPlan, dataDir: string | undefined): Promise<Dataset> {
  const readsFolder = plan.kind === 'mnist-coherence' && dataDir !== undefined;
  const stamp = readsFolder ? stampOf(idxFolderOf({ name: 'mnist', dataDir })) : '';
  return remembered(`${stamp}\0${JSON.stringify(plan)}`, () => makeDataset(plan, dataDir));
}

async function loadFiles(request: DataRequest): Promise<Dataset> {
  const stamp = stampOf(idxFolderOf(request));
  return remembered(`${request.name ?? ''}\0${stamp}`, () => loadMnist(request));
}

/** Changes whenever one of the folder's IDX files does, also one that is overwritten in its place: such are read again. */
function stampOf(folder: string): string {
  const stamps = allIdxFiles.flatMap((file) =>
    idxCandidates(folder, file).map((path) => {
      const { size, mtimeMs, ctimeMs, ino } = statSync(path);
      return [path, size, mtimeMs, ctimeMs, ino];
    }),
  );
  return JSON.stringify(stamps);
}

function remembered(key: string, load: () => Promise<Dataset>): Promise<Dataset> {
  let dataset = loaded.get(key);
  if (!dataset) {
    dataset = Promise.resolve().then(load);
    loaded.set(key, dataset);
    dataset.catch(() => loaded.delete(key));
  }
  return dataset;
}

/** The name of a synthetic data set does not determine it. */
function refuseUnmade(name: string): void {
  if (geometryKindOf(name) === undefined) return;
  throw new UserError(
    `data set "${name}" is generated from sizes and seeds in a run's config; the name alone is not enough.`,
    { hint: 'Analyse a run that was trained on it, without naming a data set.' },
  );
}

/** Numbers made at a time. */
const numbersAtOnce = 2 ** 22;

/** The inputs as a new tensor [count, features]; the caller's to dispose of. */
export function uploadExamples({ tf, native }: Backend, examples: Examples): Tensor2D {
  const { count, features, pixels } = examples;
  const rows = Math.min(count, Math.max(1, Math.floor(numbersAtOnce / features)));
  // The other back ends keep the array itself.
  if (!native || !pixels) return tf.tensor2d(examples.x, [count, features]);
  const made = new Float32Array(rows * features);
  return tf.tidy(() => {
    const parts: Tensor2D[] = [];
    for (let start = 0; start < count; start += rows) {
      const size = Math.min(rows, count - start);
      const x = rowsOf(examples, start, start + size, made.subarray(0, size * features));
      const shared = tf.tensor2d(x, [size, features]);
      // A tensor may lie in the array's own memory, the result of an operation never: `made` is free again.
      parts.push(tf.mul(shared, 1));
      shared.dispose();
    }
    return tf.concat(parts, 0);
  });
}
