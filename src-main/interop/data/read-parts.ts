/** From the files that a person names to the examples and labels of one part of a data set. */
import { UserError } from '../../../src-shared/errors.ts';
import { classNumbers, exampleNumbers, kindOfExamples, readArray } from '../../formats/examples/arrays.ts';
import type { ExampleArray, LabelList } from '../../formats/examples/arrays.ts';
import { listImages, readImages } from '../../formats/examples/image-folder.ts';
import { columnOf, readTable, tableLabels, tableNumbers } from '../../formats/examples/table.ts';
import { checkpointCancel } from '../../compute/context.ts';
import type { ComputeContext } from '../../compute/context.ts';

export interface PartFiles {
  inputs: string;
  labels: string | undefined;
  labelColumn: string | undefined;
  /** What the params are called in messages: `inputs` and `labels`, or `testInputs` and `testLabels`. */
  called: readonly [inputs: string, labels: string];
}

export interface RawPart {
  inputs: ExampleArray;
  labels: LabelList;
}

/** @throws UserError naming file, row and value */
export async function readPart(files: PartFiles, context: ComputeContext): Promise<RawPart> {
  const part = await readFiles(files, context);
  const [count] = part.inputs.shape;
  if (part.labels.values.length === count) return part;
  const { labels, inputs } = part;
  // A line of names that looks like a label.
  const oneMore =
    files.labels !== undefined && labels.place(0) === 'line 1' && labels.values.length === count! + 1;
  throw new UserError(
    `${labels.source}: ${labels.values.length} labels for the ${count} examples of ${inputs.source}.`,
    oneMore ? { hint: 'If line 1 is a name, remove it or call it "label".' } : {},
  );
}

async function readFiles(files: PartFiles, context: ComputeContext): Promise<RawPart> {
  const { inputs: path, labels, labelColumn, called } = files;
  const kind = kindOfExamples(path);
  if (labelColumn !== undefined && labels !== undefined)
    throw new UserError(`${called[1]} and labelColumn say the same thing twice; give one of them.`);
  if (labelColumn !== undefined && kind !== 'table')
    throw new UserError(`${path}: labelColumn names a column of a CSV table, and this is not one.`);
  if (kind === 'folder') {
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
        labels: tableLabels(table, column),
      };
    }
    return { inputs: tableNumbers(table), labels: labelsOf(labels, called) };
  }
  return { inputs: exampleNumbers(readArray(path, kind), path), labels: labelsOf(labels, called) };
}

function labelsOf(path: string | undefined, [inputs, labels]: PartFiles['called']): LabelList {
  if (path === undefined) {
    throw new UserError(`${labels} is missing: nothing says the classes of the examples in ${inputs}.`, {
      hint: 'Name a file of labels or, if a CSV table holds them, their column (labelColumn).',
    });
  }
  const kind = kindOfExamples(path);
  if (kind === 'folder') throw new UserError(`${path}: it is a folder; a file of labels was expected.`);
  if (kind !== 'table') return classNumbers(readArray(path, kind), path);
  const table = readTable(path);
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
