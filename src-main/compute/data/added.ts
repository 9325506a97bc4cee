/** Data sets that a person has added, with the normalisation that was chosen then. */
import { resolve } from 'node:path';
import { UserError } from '../../../src-shared/errors.ts';
import {
  contentsHash,
  manifestName,
  readAddedPart,
  readManifest,
  targetsEach,
} from '../../formats/added-data.ts';
import type { AddedManifest, StoredPart } from '../../formats/added-data.ts';
import { pixelExamples } from './dataset.ts';
import type { Dataset, Examples, Labels, Targets } from './dataset.ts';
import { pixelTable } from './normalise.ts';

interface Expected {
  name?: string | undefined;
  /** The beginning of the hash of the contents. */
  contents?: string | undefined;
}

/** @throws UserError if the files are damaged or changed, or others than what is expected */
export function loadAdded(folder: string, { name, contents }: Expected): Dataset {
  const manifest = readManifest(folder);
  const where = resolve(folder);
  if (name !== undefined && name !== manifest.name) {
    throw new UserError(`data set "${name}": ${where} holds the data set ${manifest.name}.`, {
      hint: 'Give another folder, or ask for what is there.',
    });
  }
  if (contents !== undefined && !manifest.contents.startsWith(contents)) {
    throw new UserError(
      `data set "${manifest.name}": ${where} holds other data now (contents ${manifest.contents.slice(0, 12)}...) than the run was trained on (${contents.slice(0, 12)}...).`,
      {
        hint: `Add the data of that time under the same name in another workspace and give its folder with --data-dir, or name the data with --data ${manifest.name} to take these.`,
      },
    );
  }
  const parts = (['train', 'test'] as const).map((part) => readAddedPart(folder, manifest, part));
  const found = contentsHash(manifest, parts);
  if (found !== manifest.contents) {
    throw new UserError(
      `${where}: its files were changed after they were added: their contents are ${found.slice(0, 12)}..., ${manifestName} says ${manifest.contents.slice(0, 12)}...`,
      { hint: 'Add the data set again with "basin data add".' },
    );
  }
  const [train, test] = parts.map((part, i) =>
    examplesOf(part, manifest, `${folder}, ${i === 0 ? 'train' : 'test'}`),
  );
  return {
    ...{ name: manifest.name, origin: where, folder: where, contents: manifest.contents },
    ...{
      task: manifest.task,
      classes: manifest.classes,
      train: train!,
      test: test!,
      shape: manifest.shape ?? undefined,
    },
    sha256: { [manifestName]: manifest.contents },
  };
}

function examplesOf({ data, labels }: StoredPart, manifest: AddedManifest, where: string): Examples {
  const { features, mean, std } = manifest;
  const shape = manifest.shape ?? undefined;
  requireLabels(labels, manifest, where);
  const targets = targetsOf(manifest);
  const count = data.length / features;
  if (data instanceof Int32Array) {
    const x = Float32Array.from(data);
    return { count, features, x, labels, targets, tokens: true };
  }
  const each = mean.map((value, i) => ({ mean: value, std: std[i]! }));
  const plane = features / mean.length;
  if (data instanceof Uint8Array)
    return pixelExamples(features, { bytes: data, table: pixelTable(each), plane }, labels, shape, targets);
  const x = new Float32Array(data.length);
  for (let i = 0; i < x.length; i++) {
    const { mean: m, std: s } = each[Math.floor((i % features) / plane)]!;
    x[i] = (data[i]! - m) / s;
  }
  const whole = shape && plane % (features / shape[0]) === 0;
  const black =
    whole &&
    Float32Array.from({ length: shape[0] }, (_, c) => {
      const { mean: m, std: s } = each[Math.floor((c * features) / shape[0] / plane)]!;
      return -m / s;
    });
  return { count, features, x, labels, shape, targets, ...(black && { black }) };
}

/** Undefined of one class each. */
function targetsOf(manifest: AddedManifest): Targets | undefined {
  const each = targetsEach(manifest);
  return each === undefined
    ? undefined
    : { kind: manifest.task === 'regression' ? 'numbers' : 'tokens', each };
}

/** @throws UserError if a label is none of the classes, or tokens, that there are, or no number */
function requireLabels(labels: Labels, { task, classes }: AddedManifest, where: string): void {
  const least = task === 'next-token' ? -1 : 0;
  const bad = labels.findIndex((label) =>
    task === 'regression' ? !Number.isFinite(label) : label < least || label >= classes,
  );
  if (bad < 0) return;
  const expected = task === 'regression' ? 'a finite number' : `${least} to ${classes - 1}`;
  throw new UserError(`${where}: label ${bad + 1} is ${labels[bad]}; ${expected} was expected.`);
}
