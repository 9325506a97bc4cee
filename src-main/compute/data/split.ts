/** Which examples of the train file are trained on, and which validate. */
import { z } from 'zod';
import { readFileSync } from 'node:fs';
import { UserError, messageOf } from '../../../src-shared/errors.ts';
import { referenceSplitSeed } from '../../../src-shared/config.ts';
import { fileError } from '../../formats/source.ts';
import { torchPermutation } from '../random.ts';
import type { Augmentation } from '../../../src-shared/config.ts';
import { augmented } from './augment.ts';
import type { Dataset, Examples } from './dataset.ts';
import { scoredCount, selectExamples } from './dataset.ts';
import { onlyNodes } from './graph.ts';

export interface SplitIndices {
  /** Rows of the train file, in the order given or drawn. */
  train: Int32Array;
  val: Int32Array;
  /** How it came about, for provenance: `seed 42` or the path of the file. */
  origin: string;
}

export interface SplitOptions {
  /** JSON with train_indices and val_indices; wins over the seed. */
  splitFile?: string | undefined;
  /** Default 42, the seed of every run of neuron-identifiability (train.py:165). */
  splitSeed?: number | undefined;
  /** Share of the train file that validates, truncated to whole examples. Default 0.1. */
  valFraction?: number | undefined;
}

/**
 * The split of a data set's train file; of a graph, its own. From a seed it is the very split that PyTorch's random_split
 * draws with a generator of that seed, so results are comparable with runs trained there.
 * @throws UserError naming the file and the field that does not fit the data set
 */
export function splitIndices(dataset: Dataset, options: SplitOptions = {}): SplitIndices {
  if (options.splitFile !== undefined) return readSplit(dataset, options.splitFile);
  if (dataset.nodes) return { ...dataset.nodes, origin: 'of the graph' };
  const seed = options.splitSeed ?? referenceSplitSeed;
  const { count } = dataset.train;
  const validation = Math.floor(count * (options.valFraction ?? 0.1));
  const order = torchPermutation(seed, count);
  return {
    train: order.slice(0, count - validation),
    val: order.slice(count - validation),
    origin: `seed ${seed}`,
  };
}

const indices = z.array(z.int().nonnegative());
const splitFileSchema = z.looseObject({
  train_indices: indices,
  val_indices: indices,
  n_train: z.int().nullish(),
  n_val: z.int().nullish(),
  n_test: z.int().nullish(),
  sha256: z.record(z.string(), z.string()).nullish(),
});

function readSplit(dataset: Dataset, path: string): SplitIndices {
  const parsed = splitFileSchema.safeParse(readJson(path));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new UserError(`${path}: field "${issue.path.join('.')}": ${issue.message}.`);
  }
  const split = parsed.data;
  checkCounts(dataset, path, split);
  const owner = new Int8Array(dataset.train.count);
  for (const [which, field] of (['train_indices', 'val_indices'] as const).entries()) {
    for (const [position, index] of split[field].entries()) {
      if (index >= dataset.train.count) {
        throw new UserError(
          `${path}: field "${field}"[${position}] is ${index}; the train file of ${dataset.name} has ${dataset.train.count} ${dataset.nodes ? 'nodes' : 'images'} (0 to ${dataset.train.count - 1}).`,
        );
      }
      if (owner[index] === which + 1) throw new UserError(`${path}: field "${field}" lists ${index} twice.`);
      if (owner[index] !== 0) {
        throw new UserError(
          `${path}: index ${index} is in train_indices and in val_indices; they must not overlap.`,
        );
      }
      owner[index] = which + 1;
    }
  }
  return {
    train: Int32Array.from(split.train_indices),
    val: Int32Array.from(split.val_indices),
    origin: path,
  };
}

function checkCounts(dataset: Dataset, path: string, split: z.infer<typeof splitFileSchema>): void {
  const facts = [
    ['n_train', split.n_train, split.train_indices.length, 'train_indices lists'],
    ['n_val', split.n_val, split.val_indices.length, 'val_indices lists'],
    ['n_test', split.n_test, scoredCount(dataset.test), `the test file of ${dataset.name} has`],
  ] as const;
  for (const [field, stated, found, what] of facts) {
    if (stated == null || stated === found) continue;
    throw new UserError(`${path}: field "${field}" is ${stated}, but ${what} ${found}.`);
  }
  if (split.train_indices.length === 0) throw new UserError(`${path}: field "train_indices" is empty.`);
  for (const [file, stated] of Object.entries(split.sha256 ?? {})) {
    const found = dataset.sha256[file.replace(/\.gz$/, '')];
    if (found === undefined || sameHash(stated, found)) continue;
    throw new UserError(
      `${path}: field "sha256.${file}" is ${stated.slice(0, 12)}..., but the file in ${dataset.origin} has ${found.slice(0, 12)}...: the split belongs to another data set.`,
    );
  }
}

/** A hash may be stated in part (from its start, 16 digits at least). */
function sameHash(stated: string, found: string): boolean {
  const lower = stated.toLowerCase();
  return lower.length >= 16 && found.startsWith(lower);
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw fileError(path, 'read', thrown);
  }
  try {
    // Editors on Windows put a byte order mark before it.
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (thrown) {
    throw new UserError(`${path}: not valid JSON: ${messageOf(thrown)}.`);
  }
}

/** In the layout that `splitFile` takes, to be kept with a run. */
export function splitToJson(dataset: Dataset, split: SplitIndices): string {
  return `${JSON.stringify({
    n_train: split.train.length,
    n_val: split.val.length,
    n_test: scoredCount(dataset.test),
    split: split.origin,
    sha256: dataset.sha256,
    train_indices: [...split.train],
    val_indices: [...split.val],
  })}\n`;
}

/**
 * The examples of one split as they are evaluated: varied if the config says so of evaluations, each image in one way
 * that follows from its number and the seed of the split. The test split never is.
 */
export function evaluationExamples(
  dataset: Dataset,
  split: SplitIndices,
  which: 'train' | 'val' | 'test',
  { augmentation, seed }: { augmentation: Augmentation | undefined; seed: number },
): Examples {
  const examples = splitExamples(dataset, split, which);
  if (which === 'test' || augmentation?.evaluation !== 'train-and-val') return examples;
  return augmented(examples, split[which], { augmentation, seed, epoch: 0 });
}

/**
 * What is trained on, by the numbers of `split.train`: the whole train file; of a graph, all of its nodes, with the labels
 * of those alone.
 */
export const trainingExamples = ({ train }: Dataset, split: SplitIndices): Examples =>
  train.edges ? onlyNodes(train, split.train) : train;

/** Examples of a split that count, without gathering them. */
export function countOf(dataset: Dataset, split: SplitIndices, which: 'train' | 'val' | 'test'): number {
  return which === 'test' ? scoredCount(dataset.test) : split[which].length;
}

/** The examples of one split, train and val in the split's order. */
export function splitExamples(
  dataset: Dataset,
  split: SplitIndices,
  which: 'train' | 'val' | 'test',
): Examples {
  if (which === 'test') return dataset.test;
  return dataset.train.edges
    ? onlyNodes(dataset.train, split[which])
    : selectExamples(dataset.train, split[which]);
}
