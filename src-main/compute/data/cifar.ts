/** CIFAR-10 and CIFAR-100, normalised as neuron-identifiability does (datasets.py:58-61). */
import { resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import { findCifar, imageBytes, readCifar } from '../../formats/cifar.ts';
import type { CifarBatch, CifarPlace } from '../../formats/cifar.ts';
import { cifarNamed } from '../../formats/data-registry.ts';
import { dataSetNamed, isOwnName, ownNameOf } from '../../formats/data-sets.ts';
import { pixelExamples } from './dataset.ts';
import type { Dataset, Examples, ImageShape } from './dataset.ts';
import { pixelTable } from './normalise.ts';

const shape: ImageShape = [3, 32, 32];

const channels = {
  cifar10: [
    { mean: 0.4917, std: 0.2471 },
    { mean: 0.4823, std: 0.2435 },
    { mean: 0.4467, std: 0.2616 },
  ],
  cifar100: [
    { mean: 0.5068, std: 0.2672 },
    { mean: 0.4863, std: 0.2564 },
    { mean: 0.4408, std: 0.276 },
  ],
};

/** @throws UserError if the folder does not hold the set */
export function cifarPlaceOf(name: string, dataDir: string | undefined): CifarPlace {
  const variant = cifarNamed(name)!;
  const place = dataDir === undefined ? undefined : findCifar(variant, dataDir);
  if (place) return place;
  const { title, train, test, archive, pickleFolder } = variant;
  const where = dataDir === undefined ? 'no data folder is given' : `${resolve(dataDir)} does not hold it`;
  throw new UserError(
    `data set "${name}": ${where}. The files of ${title} are ${[...train, ...test].join(', ')} (plain or .gz), those in torchvision's ${pickleFolder}, or ${archive}.`,
    { hint: `Fetch it with "basin data fetch ${variant.name}", or give its folder with --data-dir.` },
  );
}

/**
 * Reads the set. If it has another number of images than the published one, it is named after its contents.
 * @throws UserError if the files are damaged, or others than the name says
 */
export function loadCifar(name: string, place: CifarPlace): Dataset {
  const variant = cifarNamed(name)!;
  const { train, test, sha256 } = readCifar(variant, place);
  const table = pixelTable(channels[variant.name]);
  const [trained, tested] = [examplesOf(train, table), examplesOf(test, table)];
  const entry = dataSetNamed(variant.name)!;
  const whole = trained.count === entry.train && tested.count === entry.test;
  const found = whole ? variant.name : ownNameOf(variant.name, sha256);
  if (isOwnName(name) && name !== found) {
    throw new UserError(
      `data set "${name}": the files in ${place.folder} have other contents now; they are ${found}.`,
      {
        hint: `Give the folder with the files of that time, or name the data "${variant.name}" to take these.`,
      },
    );
  }
  return {
    ...{ name: found, origin: place.folder, folder: place.folder, classes: variant.classes },
    ...{ train: trained, test: tested, shape, sha256 },
  };
}

function examplesOf(batches: readonly CifarBatch[], table: Float32Array): Examples {
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const bytes = new Uint8Array(count * imageBytes);
  const labels = new Int32Array(count);
  let at = 0;
  for (const batch of batches) {
    bytes.set(batch.pixels, at * imageBytes);
    labels.set(batch.labels, at);
    at += batch.count;
  }
  return pixelExamples(imageBytes, { bytes, table, plane: imageBytes / 3 }, labels, shape);
}
