/** Makes a data set of a person's own files and puts it into the workspace. */
import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { UserError, messageOf } from '../../../src-shared/errors.ts';
import { shapeText } from '../../../src-shared/images.ts';
import type { JobParams, JobResult } from '../../../src-shared/jobs/index.ts';
import { addedFiles, contentsHash, manifestName, requireOnlyAdded } from '../../formats/added-data.ts';
import type { AddedManifest, StoredPart } from '../../formats/added-data.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { dataHome, isTaken } from '../../formats/data-registry.ts';
import { splitMember } from '../../formats/examples/arrays.ts';
import type { ExampleArray } from '../../formats/examples/arrays.ts';
import { writeNpy } from '../../formats/npy.ts';
import { replaceFolder } from '../../formats/replace-folder.ts';
import { fileError } from '../../formats/source.ts';
import { checkpointCancel } from '../../compute/context.ts';
import type { ComputeContext } from '../../compute/context.ts';
import { torchPermutation } from '../../compute/random.ts';
import { classesOf } from './class-labels.ts';
import { readPart } from './read-parts.ts';
import type { RawPart } from './read-parts.ts';
import { shapedExamples } from './shape.ts';
import type { Shaped } from './shape.ts';
import { statisticsOf } from './statistics.ts';

type Params = JobParams<'add-data'>;
type Result = JobResult<'add-data'>;

const usualTestShare = 0.1;
/** Of the draw that sets test examples aside: the same files, the same set. */
const testSeed = 42;

/** @throws UserError naming file, row and value of what cannot be used, or a name that is taken */
export async function addData(params: Params, context: ComputeContext): Promise<Result> {
  const directory = folderFor(params);
  const { train, test } = await readBoth(params, context);
  await checkpointCancel(context);
  const found = classesOf(train.labels, test?.labels);
  const shaped = shapedExamples(train.inputs, params.layout);
  const tested = test && shapedExamples(test.inputs, params.layout);
  if (tested) requireAlike(shaped, tested, [train.inputs.source, test.inputs.source]);
  const compared = test ? compareColumns(train.inputs, test.inputs) : [];
  const drawn = tested
    ? { parts: [storedPart(shaped, found.labels[0]!), storedPart(tested, found.labels[1]!)], notes: [] }
    : setAside(storedPart(shaped, found.labels[0]!), shaped.features, params.testShare ?? usualTestShare);
  const { parts } = drawn;
  // Of the examples that are left to train on.
  const kept = { ...shaped, data: parts[0]!.data, count: parts[0]!.labels.length };
  const { mean, std, notes: measured } = statisticsOf(kept, params);
  const notes = [...found.notes, ...compared, ...drawn.notes, ...measured];
  await checkpointCancel(context);
  const facts = { shape: shaped.shape ?? null, features: shaped.features, mean, std };
  const manifest: AddedManifest = {
    ...{ format: 'basin-data-set', version: 1, name: params.name },
    ...{ shape: shaped.shape ? [...shaped.shape] : null, features: shaped.features },
    ...{ classes: found.classes, class_names: found.names },
    ...{ train: parts[0]!.labels.length, test: parts[1]!.labels.length },
    dtype: parts[0]!.data instanceof Uint8Array ? 'uint8' : 'float32',
    ...{ mean, std, notes, source: sourceOf(params), contents: contentsHash(facts, parts) },
  };
  write(directory, manifest, parts);
  const { class_names, dtype, contents, classes } = manifest;
  return {
    ...{ name: params.name, directory, train: manifest.train, test: manifest.test },
    ...{ features: shaped.features, shape: manifest.shape, classes, class_names },
    ...{ dtype, mean, std, contents, notes },
  };
}

function folderFor(params: Params): string {
  const { name, replace } = params;
  const home = dataHome();
  if (home === undefined) throw new Error(`no folder for data sets was named to this worker`);
  if (isTaken(name)) {
    throw new UserError(`name: "${name}" is the name of another data set; choose another name.`);
  }
  const folder = join(home, name);
  if (!existsSync(folder)) return folder;
  if (!replace) {
    throw new UserError(`name: there is a data set "${name}" already, in ${folder}.`, {
      hint: 'Choose another name, or replace it with --replace (in the app: Replace).',
    });
  }
  requireOnlyAdded(folder);
  refuseInputsInside(params, folder);
  return folder;
}

/** What is replaced is deleted, and what a data set would be made of must not be. */
function refuseInputsInside(params: Params, folder: string): void {
  for (const field of ['inputs', 'labels', 'testInputs', 'testLabels'] as const) {
    const path = params[field];
    if (path === undefined) continue;
    const { file } = splitMember(path);
    const inside = existsSync(file) ? relative(realpathSync(folder), realpathSync(file)) : '..';
    if (inside.startsWith('..') || isAbsolute(inside)) continue;
    throw new UserError(
      `${field}: ${file} lies in ${folder}, the folder of the data set that is to be replaced.`,
      { hint: 'Copy the file to another place first, or choose another name.' },
    );
  }
}

async function readBoth(
  params: Params,
  context: ComputeContext,
): Promise<{ train: RawPart; test: RawPart | undefined }> {
  const { inputs, labels, testInputs, testLabels, labelColumn, testShare } = params;
  if (testInputs === undefined && testLabels !== undefined)
    throw new UserError('testLabels has no effect without testInputs; give the test inputs, too.');
  if (testInputs !== undefined && testShare !== undefined)
    throw new UserError('testShare has no effect with testInputs; leave one of them out.');
  const train = await readPart({ inputs, labels, labelColumn, called: ['inputs', 'labels'] }, context);
  if (testInputs === undefined) return { train, test: undefined };
  const files = { inputs: testInputs, labels: testLabels, labelColumn };
  return { train, test: await readPart({ ...files, called: ['testInputs', 'testLabels'] }, context) };
}

function requireAlike(train: Shaped, test: Shaped, [first, second]: readonly [string, string]): void {
  const textOf = ({ shape, features }: Shaped): string =>
    shape ? `images of ${shapeText(shape)}` : `rows of ${features} numbers`;
  const kindOf = ({ data }: Shaped): string =>
    data instanceof Uint8Array ? 'bytes' : 'numbers with fractions';
  const [a, b] =
    textOf(train) === textOf(test) ? [kindOf(train), kindOf(test)] : [textOf(train), textOf(test)];
  if (a !== b) throw new UserError(`${second} has ${b}, ${first} has ${a}; they must be alike.`);
}

/**
 * What there is to say about the columns of two tables.
 * @throws UserError if they have other names, or the same in another order
 */
function compareColumns(train: ExampleArray, test: ExampleArray): string[] {
  if (train.columns === undefined && test.columns === undefined) return [];
  if (train.columns === undefined || test.columns === undefined) {
    const [named, bare] = train.columns ? [train, test] : [test, train];
    return [
      `${named.source} has names of columns, ${bare.source} has none: its columns were taken in the same order.`,
    ];
  }
  const [first, second] = [train.columns, test.columns];
  const at = second.findIndex((column, i) => column !== first[i]);
  if (at < 0) return [];
  throw new UserError(
    `${test.source}: column ${at + 1} is "${second[at]}", but "${first[at]}" in ${train.source}; the columns must have the same names in the same order.`,
  );
}

const storedPart = ({ data }: Shaped, labels: Int32Array<ArrayBuffer>): StoredPart => ({ data, labels });

/**
 * Draws examples to test with. The last example of a class is never drawn, so that every class can be trained on.
 * @returns what is left to train on, and what was set aside; each in the order of the file
 */
function setAside(
  part: StoredPart,
  features: number,
  share: number,
): { parts: StoredPart[]; notes: string[] } {
  const count = part.labels.length;
  const wanted = Math.floor(count * share);
  const left = new Map<number, number>();
  for (const label of part.labels) left.set(label, (left.get(label) ?? 0) + 1);
  const drawn = new Set<number>();
  for (const index of torchPermutation(testSeed, count).toReversed()) {
    const label = part.labels[index]!;
    if (drawn.size === wanted || left.get(label) === 1) continue;
    drawn.add(index);
    left.set(label, left.get(label)! - 1);
  }
  if (drawn.size < 1) {
    throw new UserError(
      `testShare: ${share} of ${count} examples of ${left.size} classes are ${drawn.size} to test with; at least one is needed, and one of every class to train on.`,
      { hint: 'Choose another testShare, add examples, or give test inputs.' },
    );
  }
  const all = Int32Array.from({ length: count }, (_, i) => i);
  const [train, test] = [all.filter((i) => !drawn.has(i)), all.filter((i) => drawn.has(i))];
  const notes =
    drawn.size === wanted
      ? []
      : [
          `${drawn.size} examples were set aside to test with instead of ${wanted}: the last example of a class stays to train on.`,
        ];
  return { parts: [rows(part, features, train), rows(part, features, test)], notes };
}

function rows({ data, labels }: StoredPart, features: number, indices: Int32Array): StoredPart {
  const length = indices.length * features;
  const picked = data instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  for (const [row, index] of indices.entries())
    picked.set(data.subarray(index * features, (index + 1) * features), row * features);
  return { data: picked, labels: Int32Array.from(indices, (index) => labels[index]!) };
}

function sourceOf({ name: _name, replace: _replace, ...how }: Params): Record<string, unknown> {
  const drawn = how.testInputs === undefined && { testShare: how.testShare ?? usualTestShare, testSeed };
  return { ...how, ...drawn };
}

/** All or nothing: the folder appears under its name when everything is in it. */
function write(directory: string, manifest: AddedManifest, parts: readonly StoredPart[]): void {
  const temporary = join(dirname(directory), `.${manifest.name}.${process.pid}.tmp`);
  try {
    mkdirSync(temporary, { recursive: true });
    (['train', 'test'] as const).forEach((part, i) => {
      const [inputs, labels] = addedFiles[part];
      const { data, labels: numbers } = parts[i]!;
      const shape = [numbers.length, ...(manifest.shape ?? [manifest.features])];
      writeNpy(join(temporary, inputs), { dtype: manifest.dtype, shape, data });
      writeNpy(join(temporary, labels), { dtype: 'int32', shape: [numbers.length], data: numbers });
    });
    writeFileAtomic(join(temporary, manifestName), `${JSON.stringify(manifest, null, 1)}\n`);
    replaceFolder(temporary, directory);
  } catch (thrown) {
    rmSync(temporary, { recursive: true, force: true });
    if (thrown instanceof UserError) throw thrown;
    throw fileError(directory, 'write', thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
  }
}
