/** Data sets by name. Another kind of data is a loader in a file of its own and one line in `loaders`. */
import { statSync } from 'node:fs';
import { geometryKindOf, geometryKinds } from '../../../src-shared/config.ts';
import type { GeometryPlan } from '../../../src-shared/config.ts';
import type { DataSource } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { Backend, Tensor2D } from '../backend/index.ts';
import type { Dataset, Examples } from './dataset.ts';
import { makeDataset } from './made.ts';
import { findIdxFolder, loadMnist } from './mnist.ts';

export { selectExamples } from './dataset.ts';
export type { Dataset, Examples } from './dataset.ts';
export { splitExamples, splitIndices, splitToJson } from './split.ts';
export type { SplitIndices, SplitOptions } from './split.ts';

export type DataRequest = Pick<DataSource, 'name'> & {
  dataDir?: string | undefined;
  /** How the data are made, where they are. */
  geometry?: GeometryPlan | undefined;
};
type Loader = (source: DataRequest) => Promise<Dataset>;

const loaders: Record<string, Loader> = {
  'mnist-10k': loadMnist,
  mnist: loadMnist,
  'fashion-mnist': loadMnist,
};

/** The names that `loadDataset` takes. */
export const datasetNames = [...Object.keys(loaders), ...geometryKinds];

const loaded = new Map<string, Promise<Dataset>>();

/**
 * Reads a data set, once per process. IDX files in `dataDir` are taken whatever the name.
 * @throws UserError for an unknown name, and whatever is wrong with the files
 */
export function loadDataset(source: DataRequest): Promise<Dataset> {
  if (source.geometry) {
    const plan = source.geometry;
    return remembered(`${source.dataDir ?? ''}\0${JSON.stringify(plan)}`, () =>
      makeDataset(plan, source.dataDir),
    );
  }
  refuseUnmade(source.name);
  const folder = source.dataDir === undefined ? undefined : findIdxFolder(source.dataDir, source.name);
  const loader = folder === undefined ? loaders[source.name] : loadMnist;
  if (!loader || !(Object.hasOwn(loaders, source.name) || folder !== undefined)) {
    throw new UserError(
      `data set "${source.name}" is not known; there are ${datasetNames.join(', ')}.${didYouMean(source.name, datasetNames)}`,
    );
  }
  // Files that were replaced since are read again.
  const stamp = folder === undefined ? '' : `${folder}\0${statSync(folder).mtimeMs}`;
  const key = `${source.name}\0${source.dataDir ?? ''}\0${stamp}`;
  return remembered(key, () => loader(source));
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

/** A made data set is more than its name. */
function refuseUnmade(name: string): void {
  if (geometryKindOf(name) === undefined) return;
  throw new UserError(
    `data set "${name}" is made from sizes and seeds, which only a run's config says; the name alone does not.`,
    { hint: 'Analyse a run that was trained on it, without naming a data set.' },
  );
}

const onDevice = new WeakMap<Backend, Map<Examples, Tensor2D>>();

/**
 * The inputs as a tensor [count, features], uploaded once and kept until `releaseExamples`: do not dispose of it.
 */
export function examplesTensor(backend: Backend, examples: Examples): Tensor2D {
  const held = onDevice.get(backend) ?? new Map<Examples, Tensor2D>();
  onDevice.set(backend, held);
  let tensor = held.get(examples);
  if (!tensor) {
    tensor = backend.tf.keep(backend.tf.tensor2d(examples.x, [examples.count, examples.features]));
    held.set(examples, tensor);
  }
  return tensor;
}

/** Disposes of every tensor that `examplesTensor` uploaded to this back end. */
export function releaseExamples(backend: Backend): void {
  for (const tensor of onDevice.get(backend)?.values() ?? []) tensor.dispose();
  onDevice.delete(backend);
}
