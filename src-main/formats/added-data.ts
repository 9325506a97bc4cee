/**
 * Data sets that a person has added: a folder with a `dataset.json` and four NumPy arrays, which Python reads without
 * Basin. Nothing in it names another file: the folder can be copied to another machine as it is.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError, messageOf } from '../../src-shared/errors.ts';
import type { ImageShape } from '../../src-shared/images.ts';
import { taskSchema } from '../../src-shared/objective.ts';
import type { Task } from '../../src-shared/objective.ts';
import { sizeOf } from '../../src-shared/shapes.ts';
import type { ExampleArray } from './examples/arrays.ts';
import { readNpy } from './npy.ts';
import { readWholeFile } from './source.ts';
import { decodeText } from './text-file.ts';

export const manifestName = 'dataset.json';
export const addedFiles = {
  train: ['train-inputs.npy', 'train-labels.npy'],
  test: ['test-inputs.npy', 'test-labels.npy'],
} as const;

const count = z.int().positive();

const manifestSchema = z.object({
  format: z.literal('basin-data-set'),
  version: z.literal(1),
  name: z.string().min(1),
  /** Of images: channels, height, width. Null: rows of numbers. */
  shape: z.tuple([count, count, count]).nullable(),
  features: count,
  /** What is learnt; absent: classification. */
  task: taskSchema.default('classification'),
  /** Of numbers to be predicted how many; of tokens one more than the largest to be predicted. */
  classes: count,
  /** In the order of the labels; null if labels were numbers. */
  class_names: z.array(z.string()).nullable(),
  train: count,
  test: count,
  /** `int32`: the inputs are tokens, which nothing is subtracted from. */
  dtype: z.enum(['uint8', 'float32', 'int32']),
  /** (x - mean) / std, x / 255 of bytes. One of each, one per channel, or one per number of a row. */
  mean: z.array(z.number()).min(1),
  std: z.array(z.number().positive()).min(1),
  /** What is worth knowing about the numbers, e.g. that some are constant; for people. */
  notes: z.array(z.string()).optional(),
  /** What it was made from, and how; for people. */
  source: z.record(z.string(), z.unknown()),
  /** SHA-256 of what the arrays hold and how they are normalised. */
  contents: z.string().regex(/^[0-9a-f]{64}$/),
});
export type AddedManifest = z.infer<typeof manifestSchema>;

/** Whether a data set that was added lies in this folder. */
export const holdsAdded = (folder: string): boolean =>
  statSync(join(folder, manifestName), { throwIfNoEntry: false })?.isFile() === true;

/**
 * To be asked before the folder is deleted.
 * @throws UserError if it is no data set that was added, or holds anything else
 */
export function requireOnlyAdded(folder: string): void {
  if (!holdsAdded(folder)) {
    throw new UserError(`${folder} is not a data set that was added: it has no ${manifestName}.`, {
      hint: 'Nothing was deleted. Move the folder elsewhere, or choose another name.',
    });
  }
  const own: readonly string[] = [manifestName, ...addedFiles.train, ...addedFiles.test];
  const other = readdirSync(folder).find((name) => !own.includes(name));
  if (other === undefined) return;
  throw new UserError(`${join(folder, other)} is not part of the data set in this folder.`, {
    hint: 'Nothing was deleted. Move it elsewhere first.',
  });
}

/** Every file that reading the set in `folder` opens. */
export const addedFilesIn = (folder: string): string[] =>
  [manifestName, ...addedFiles.train, ...addedFiles.test]
    .map((file) => join(folder, file))
    .filter((path) => existsSync(path));

/** @throws UserError naming the file and the field */
export function readManifest(folder: string): AddedManifest {
  const path = join(folder, manifestName);
  let value: unknown;
  try {
    value = JSON.parse(decodeText(readWholeFile(path, 2 ** 26)));
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`${path}: not valid JSON: ${messageOf(thrown)}.`, { hint: again });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError(`${path}: field "${issue.path.join('.')}": ${issue.message}.`, { hint: again });
  }
  const { mean, std, shape, features } = parsed.data;
  const fits = mean.length === std.length && features % mean.length === 0;
  if (!fits || (shape && sizeOf(shape) !== features)) {
    throw new UserError(
      `${path}: shape [${shape?.join(', ') ?? 'none'}], ${mean.length} means and ${std.length} deviations do not fit ${features} numbers per example.`,
      { hint: again },
    );
  }
  return parsed.data;
}

const again = 'Add the data set again with "basin data add".';

/** Raw numbers of one part, as stored. */
export interface StoredPart {
  /** [count, features] */
  data: ExampleArray['data'];
  /** [count] classes; [count, each] tokens, -1 if one does not count, or numbers, of float32. */
  labels: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
}

type TargetFacts = Pick<AddedManifest, 'task' | 'features' | 'classes'>;

/** How many numbers label an example; undefined: one class. */
export function targetsEach({ task, features, classes }: TargetFacts): number | undefined {
  return { classification: undefined, 'next-token': features, regression: classes }[task];
}

/** Of stored labels. */
export const labelDtype = (task: Task): 'int32' | 'float32' => (task === 'regression' ? 'float32' : 'int32');

export function labelShape(facts: TargetFacts, examples: number): number[] {
  const each = targetsEach(facts);
  return each === undefined ? [examples] : [examples, each];
}

/** @throws UserError naming the file if it is not what the manifest says */
export function readAddedPart(folder: string, manifest: AddedManifest, part: 'train' | 'test'): StoredPart {
  const [inputs, labels] = addedFiles[part].map((file) => join(folder, file)) as [string, string];
  const stored = readNpy(inputs);
  const wanted = [manifest[part], ...(manifest.shape ?? [manifest.features])];
  if (stored.dtype !== manifest.dtype || stored.shape.join() !== wanted.join()) {
    throw new UserError(
      `${inputs}: ${stored.dtype} [${stored.shape.join(', ')}]; ${manifest.dtype} [${wanted.join(', ')}] was expected, as ${manifestName} says.`,
      { hint: again },
    );
  }
  const storedLabels = readNpy(labels);
  const textOf = (dtype: string, shape: readonly number[]): string => `${dtype} [${shape.join(', ')}]`;
  const found = textOf(storedLabels.dtype, storedLabels.shape);
  const expected = textOf(labelDtype(manifest.task), labelShape(manifest, manifest[part]));
  if (found !== expected)
    throw new UserError(`${labels}: ${found}; ${expected} was expected.`, { hint: again });
  return { data: stored.data as StoredPart['data'], labels: storedLabels.data as StoredPart['labels'] };
}

/** The hash by which a run knows the set it was trained on: of inputs, labels and normalisation. */
export function contentsHash(
  facts: Pick<AddedManifest, 'features' | 'task'> & {
    shape: ImageShape | null;
    mean: readonly number[];
    std: readonly number[];
  },
  parts: readonly StoredPart[],
): string {
  const { shape, features, mean, std, task } = facts;
  const hash = createHash('sha256').update(
    JSON.stringify([shape, features, mean, std, ...(task === 'classification' ? [] : [task])]),
  );
  for (const { data, labels } of parts) {
    hash.update(`${data.constructor.name} ${labels.length} `);
    for (const array of [data, labels])
      hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  }
  return hash.digest('hex');
}
