/** Makes a data set of a person's own files and puts it into the workspace. */
import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { UserError, messageOf } from '../../../src-shared/errors.ts';
import { shapeText } from '../../../src-shared/images.ts';
import type { JobParams, JobResult } from '../../../src-shared/jobs/index.ts';
import {
  addedFiles,
  contentsHash,
  labelDtype,
  labelShape,
  manifestName,
  requireOnlyAdded,
} from '../../formats/added-data.ts';
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
import { labelled } from './labelled.ts';
import { readPart } from './read-parts.ts';
import type { RawPart } from './read-parts.ts';
import { setAside, testSeed } from './set-aside.ts';
import { shapedExamples } from './shape.ts';
import type { Shaped } from './shape.ts';
import { statisticsOf } from './statistics.ts';

type Params = JobParams<'add-data'>;
type Result = JobResult<'add-data'>;

const usualTestShare = 0.1;
/** PyTorch's. */
const usualIgnored = -100;

/** @throws UserError naming file, row and value of what cannot be used, or a name that is taken */
export async function addData(params: Params, context: ComputeContext): Promise<Result> {
  const directory = folderFor(params);
  const normalisation = normalisationOf(params);
  const { train, test } = await readBoth(params, context);
  await checkpointCancel(context);
  const { task } = params;
  const found = labelled(task, train.labels, test?.labels);
  const shaped = shapedExamples(train.inputs, params.layout);
  const tested = test && shapedExamples(test.inputs, params.layout);
  if (tested) requireAlike(shaped, tested, [train.inputs.source, test.inputs.source]);
  const compared = test ? compareColumns(train.inputs, test.inputs) : [];
  const [ofTrain, ofTest] = found.labels;
  const drawn = tested
    ? { parts: [storedPart(shaped, ofTrain!), storedPart(tested, ofTest!)], notes: [] }
    : setAside(storedPart(shaped, ofTrain!), {
        ...{ features: shaped.features, share: params.testShare ?? usualTestShare },
        byClass: task === 'classification',
      });
  const { parts } = drawn;
  const counts = parts.map(({ data }) => data.length / shaped.features) as [number, number];
  // Of the examples that are left to train on.
  const kept = { ...shaped, data: parts[0]!.data, count: counts[0] };
  const { mean, std, notes: measured } = statisticsOf(kept, normalisation);
  const notes = [...found.notes, ...compared, ...drawn.notes, ...measured];
  await checkpointCancel(context);
  const facts = { shape: shaped.shape ?? null, features: shaped.features, mean, std, task };
  const manifest: AddedManifest = {
    ...{ format: 'basin-data-set', version: 1, name: params.name },
    ...{ shape: shaped.shape ? [...shaped.shape] : null, features: shaped.features },
    ...{ task, classes: found.classes, class_names: found.names },
    ...{ train: counts[0], test: counts[1], dtype: dtypeOf(parts[0]!.data) },
    ...{ mean, std, notes, source: sourceOf(params), contents: contentsHash(facts, parts) },
  };
  write(directory, manifest, parts);
  const { class_names, dtype, contents, classes } = manifest;
  return {
    ...{ name: params.name, directory, train: manifest.train, test: manifest.test },
    ...{ features: shaped.features, shape: manifest.shape, task, classes, class_names },
    ...{ dtype, mean, std, contents, notes },
  };
}

const dtypeOf = (data: ExampleArray['data']): AddedManifest['dtype'] => {
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'uint8' : 'float32';
};

/** Tokens are looked up, not computed with. @throws UserError if they were to be normalised */
function normalisationOf(params: Params): Pick<Params, 'mean' | 'std' | 'normalisation'> {
  const { mean, std, normalisation } = params;
  if (!areTokens(params)) return { mean, std, normalisation };
  const asked = Object.entries({ mean, std }).find(([, value]) => value !== undefined)?.[0];
  if (asked === undefined && (normalisation ?? 'none') === 'none') return { normalisation: 'none' };
  throw new UserError(`${asked ?? 'normalisation'} has no effect on tokens: they are not normalised.`);
}

const areTokens = ({ task, tokens }: Params): boolean => tokens || task === 'next-token';

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
  const { task, ignore } = params;
  if (ignore !== undefined && task !== 'next-token')
    throw new UserError('ignore has no effect: it is for the task next-token; leave it out.');
  if (labelColumn !== undefined && task === 'next-token')
    throw new UserError('labelColumn has no effect with the task next-token; leave it out.');
  const how = { task, tokens: areTokens(params), ignore: ignore ?? usualIgnored };
  const train = await readPart(
    { inputs, labels, labelColumn, called: ['inputs', 'labels'], ...how },
    context,
  );
  if (testInputs === undefined) return { train, test: undefined };
  if (task === 'next-token' && (labels === undefined) !== (testLabels === undefined))
    throw new UserError(
      `${labels === undefined ? 'labels' : 'testLabels'} is missing: give the tokens to predict for both parts, or for neither.`,
    );
  const files = { inputs: testInputs, labels: testLabels, labelColumn, ...how };
  return { train, test: await readPart({ ...files, called: ['testInputs', 'testLabels'] }, context) };
}

function requireAlike(train: Shaped, test: Shaped, [first, second]: readonly [string, string]): void {
  const textOf = ({ shape, features }: Shaped): string =>
    shape ? `images of ${shapeText(shape)}` : `rows of ${features} numbers`;
  const kindOf = ({ data }: Shaped): string =>
    ({ uint8: 'bytes', int32: 'tokens', float32: 'numbers with fractions' })[dtypeOf(data)];
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

const storedPart = ({ data }: Shaped, labels: StoredPart['labels']): StoredPart => ({ data, labels });

function sourceOf({ name: _name, replace: _replace, ...how }: Params): Record<string, unknown> {
  const drawn = how.testInputs === undefined && { testShare: how.testShare ?? usualTestShare, testSeed };
  const ignored = how.task === 'next-token' && { ignore: how.ignore ?? usualIgnored };
  return { ...how, ...drawn, ...ignored };
}

/** All or nothing: the folder appears under its name when everything is in it. */
function write(directory: string, manifest: AddedManifest, parts: readonly StoredPart[]): void {
  const temporary = join(dirname(directory), `.${manifest.name}.${process.pid}.tmp`);
  try {
    mkdirSync(temporary, { recursive: true });
    (['train', 'test'] as const).forEach((part, i) => {
      const [inputs, labels] = addedFiles[part];
      const { data, labels: numbers } = parts[i]!;
      const count = manifest[part];
      const shape = [count, ...(manifest.shape ?? [manifest.features])];
      writeNpy(join(temporary, inputs), { dtype: manifest.dtype, shape, data });
      const ofLabels = { dtype: labelDtype(manifest.task), shape: labelShape(manifest, count) };
      writeNpy(join(temporary, labels), { ...ofLabels, data: numbers });
    });
    writeFileAtomic(join(temporary, manifestName), `${JSON.stringify(manifest, null, 1)}\n`);
    replaceFolder(temporary, directory);
  } catch (thrown) {
    rmSync(temporary, { recursive: true, force: true });
    if (thrown instanceof UserError) throw thrown;
    throw fileError(directory, 'write', thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
  }
}
