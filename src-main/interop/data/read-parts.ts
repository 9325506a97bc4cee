/** From the files that a person names to the examples and labels of one part of a data set. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Task } from '../../../src-shared/objective.ts';
import { classNumbers, exampleNumbers, kindOfExamples, readArray } from '../../formats/examples/arrays.ts';
import type { ExampleArray, FileKind, LabelList } from '../../formats/examples/arrays.ts';
import { listImages, readImages } from '../../formats/examples/image-folder.ts';
import {
  columnNumbers,
  columnOf,
  readTable,
  tableLabels,
  tableNumbers,
} from '../../formats/examples/table.ts';
import { targetNumbers, tokenNumbers } from '../../formats/examples/targets.ts';
import type { TargetArray } from '../../formats/examples/targets.ts';
import { checkpointCancel } from '../../compute/context.ts';
import type { ComputeContext } from '../../compute/context.ts';

export interface PartFiles {
  inputs: string;
  labels: string | undefined;
  labelColumn: string | undefined;
  /** What the params are called in messages: `inputs` and `labels`, or `testInputs` and `testLabels`. */
  called: readonly [inputs: string, labels: string];
  task: Task;
  /** The inputs are tokens, not numbers to compute with. */
  tokens: boolean;
  /** Stands for a token that is not to be predicted. */
  ignore: number;
}

export interface RawPart {
  inputs: ExampleArray;
  /** Classes, tokens or numbers, by the task. */
  labels: LabelList | TargetArray;
}

/** @throws UserError naming file, row and value */
export async function readPart(files: PartFiles, context: ComputeContext): Promise<RawPart> {
  const part = await readFiles(files, context);
  const { inputs, labels } = part;
  const [count] = inputs.shape;
  const found = 'values' in labels ? labels.values.length : labels.data.length / labels.each;
  if (found === count) return part;
  // A line of names that looks like a label.
  const oneMore =
    'values' in labels && files.labels !== undefined && labels.place(0) === 'line 1' && found === count! + 1;
  throw new UserError(
    `${labels.source}: ${files.task === 'classification' ? `${found} labels` : `targets of ${found} examples`} for the ${count} examples of ${inputs.source}.`,
    oneMore ? { hint: 'If line 1 is a name, remove it or call it "label".' } : {},
  );
}

async function readFiles(files: PartFiles, context: ComputeContext): Promise<RawPart> {
  const { inputs: path, labels, labelColumn, called, task } = files;
  const kind = kindOfExamples(path);
  if (files.tokens && (kind === 'folder' || kind === 'table'))
    throw new UserError(`${path}: token sequences were expected, whole numbers in a .npy or .npz file.`);
  if (labelColumn !== undefined && labels !== undefined)
    throw new UserError(`${called[1]} and labelColumn say the same thing twice; give one of them.`);
  if (labelColumn !== undefined && kind !== 'table')
    throw new UserError(`${path}: labelColumn names a column of a CSV table, and this is not one.`);
  if (kind === 'folder') {
    if (task !== 'classification')
      throw new UserError(`${path}: a folder of images says the class of each, and no numbers to predict.`, {
        hint: 'Save the images as a .npy file, and the numbers as another.',
      });
    if (labels === undefined) return imagesIn(path, context);
    throw new UserError(
      `${called[1]}: the folders in ${path} say the class of each image; leave the labels out.`,
    );
  }
  if (kind === 'table') {
    const table = readTable(path, labelColumn);
    if (labelColumn !== undefined) {
      const column = columnOf(table, labelColumn);
      const { names } = table;
      return {
        inputs: { ...tableNumbers(table, column), ...(names && { columns: names }) },
        labels:
          task === 'regression' ? numbersOf(columnNumbers(table, [column])) : tableLabels(table, column),
      };
    }
    return { inputs: tableNumbers(table), labels: labelsOf(files) };
  }
  if (!files.tokens) return { inputs: exampleNumbers(readArray(path, kind), path), labels: labelsOf(files) };
  return task === 'next-token'
    ? sequencesOf(files, kind)
    : { inputs: tokensIn(path, kind), labels: labelsOf(files) };
}

const tokensIn = (path: string, kind: ArrayKind, ignored?: number) =>
  tokenNumbers(readArray(path, kind), path, ignored);

/** Numbers of a table as targets. */
const numbersOf = ({ shape, data, source }: ExampleArray): TargetArray => ({
  ...{ each: shape[1]!, source },
  data: Float32Array.from(data),
});

/** Without targets in a file of their own the tokens after the first are to be predicted, of those before the last. */
function sequencesOf({ inputs: path, labels, ignore }: PartFiles, kind: ArrayKind): RawPart {
  const all = tokensIn(path, kind);
  const [count, length] = all.shape as [number, number];
  if (labels === undefined) {
    if (length < 2)
      throw new UserError(`${path}: sequences of one token; at least two are needed, one to predict.`);
    const cut = (first: number): Int32Array<ArrayBuffer> =>
      all.data.filter((_, i) => i % length >= first && i % length < first + length - 1);
    const wanted = cut(1).map((token) => (token === ignore ? -1 : token));
    const inputs = { shape: [count, length - 1], data: cut(0), source: path };
    return { inputs, labels: someToPredict({ each: length - 1, data: wanted, source: path }) };
  }
  const found = tokensIn(labels, requireArray(labels), ignore);
  const [, own] = found.shape as [number, number];
  if (own !== length)
    throw new UserError(
      `${labels}: ${own} tokens to predict for each sequence of ${length} in ${path}; one for each token was expected, ${ignore} if one does not count.`,
    );
  return { inputs: all, labels: someToPredict({ each: length, data: found.data, source: labels }) };
}

/** @throws UserError naming the first example of which no token counts: a batch of such has no loss */
function someToPredict(targets: TargetArray): TargetArray {
  const { each, data, source } = targets;
  for (let start = 0; start < data.length; start += each) {
    if (data.subarray(start, start + each).some((token) => token >= 0)) continue;
    throw new UserError(`${source}: row ${start / each} (the first is 0) has no token that counts.`, {
      hint: 'Leave such examples out.',
    });
  }
  return targets;
}

type ArrayKind = Exclude<FileKind, 'table' | 'folder'>;

function requireArray(path: string): ArrayKind {
  const kind = kindOfExamples(path);
  if (kind === 'table' || kind === 'folder')
    throw new UserError(`${path}: a .npy or .npz file of tokens was expected.`);
  return kind;
}

function labelsOf({ labels: path, called: [inputs, labels], task }: PartFiles): LabelList | TargetArray {
  const predicts = task === 'regression';
  if (path === undefined) {
    const what = predicts ? 'says the numbers to predict for' : 'says the classes of';
    throw new UserError(`${labels} is missing: nothing ${what} the examples in ${inputs}.`, {
      hint: `Name a file of ${predicts ? 'numbers' : 'labels'} or, if a CSV table holds them, their column (labelColumn).`,
    });
  }
  const kind = kindOfExamples(path);
  if (kind === 'folder') throw new UserError(`${path}: it is a folder; a file of labels was expected.`);
  if (kind !== 'table') {
    const array = readArray(path, kind);
    return predicts ? targetNumbers(array, path) : classNumbers(array, path);
  }
  const table = readTable(path);
  if (predicts) return numbersOf(tableNumbers(table));
  const width = table.rows[0]?.length ?? 0;
  if (width === 1) return tableLabels(table, 0);
  throw new UserError(`${path}: ${width} columns; one column of labels was expected.`, {
    hint: 'Save the labels alone; in pandas: to_csv(path, index=False).',
  });
}

async function imagesIn(folder: string, context: ComputeContext): Promise<RawPart> {
  const files = listImages(folder);
  const reading = readImages(folder, files);
  for (let done = 1; ; done++) {
    const step = reading.next();
    if (step.done) return step.value;
    if (done % 50 !== 0) continue;
    const message = `${folder}: ${done} of ${files.length} images`;
    context.emit({ type: 'progress', progress: { fraction: done / files.length, message } });
    await checkpointCancel(context);
  }
}
