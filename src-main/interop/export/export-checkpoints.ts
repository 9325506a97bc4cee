/** Kind `export-checkpoints`: a run's checkpoints as files for PyTorch, one tensor in memory at a time. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { isPlainObject, isTrackerRecord, readTolerantly, resolveModel } from '../../../src-shared/config.ts';
import { familyNames } from '../../../src-shared/domain.ts';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { exportCheckpointsJob } from '../../../src-shared/jobs/export-checkpoints.ts';
import { accuracyPercent } from '../../formats/accuracy.ts';
import type { AccuracyUnit } from '../../formats/accuracy.ts';
import type { ModelSpec } from '../../../src-shared/model.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { writeFileAtomic } from '../../formats/atomic.ts';
import { openCheckpoint } from '../../formats/checkpoint.ts';
import type { Checkpoint } from '../../formats/checkpoint.ts';
import { isTaken } from '../../formats/data-registry.ts';
import { isOwnName } from '../../formats/data-sets.ts';
import { accuracyUnitOf, findCheckpoint, readRunDirectory } from '../../formats/run-directory.ts';
import type { CheckpointFile, RunDirectory } from '../../formats/run-directory.ts';
import type { OptimizerState } from '../../formats/optimizer-state.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { readYaml, readYamlText } from '../../formats/yaml.ts';
import { checkpointCancel, ProgressMeter } from '../../compute/context.ts';
import type { Compute, ComputeContext } from '../../compute/context.ts';
import { assertDistinct, isBookkeeping, nearestReading } from '../../formats/tensor-names.ts';
import { inNewRunFolder } from '../../formats/out-folder.ts';
import { completeForReference } from '../../formats/reference-config.ts';
import { writeInFormat } from '../../formats/write-checkpoint.ts';
import { exportTracking } from './tracking-files.ts';

type Params = ParamsOf<typeof exportCheckpointsJob>;
type Result = ResultOf<typeof exportCheckpointsJob>;

/** Besides the checkpoints: what a run folder holds for those who read it. */
const companions = ['split.json', 'metrics.json', 'config.yaml'];

/** config.yaml comes last: a folder with one is complete. */
export const exportCheckpoints: Compute<Params, Result> = async (params, context) => {
  const run = readRunDirectory(params.run);
  const files = selectFiles(run, params);
  return inNewRunFolder(params.directory, (directory) => writeRun(run, files, params, directory, context));
};

async function writeRun(
  run: RunDirectory,
  files: readonly CheckpointFile[],
  params: Params,
  directory: string,
  context: ComputeContext,
): Promise<Result> {
  const meter = new ProgressMeter(context, files.length);
  const notes = new Set(run.notes);
  const unit = accuracyUnitOf(run.checkpoints);
  const result: Result = { directory, format: params.format, files: [], bytes: 0, notes: [] };
  for (const file of files) {
    await checkpointCancel(context);
    const written = exportOne({ run, unit, params, directory, notes }, file);
    result.files.push(basename(written));
    result.bytes += statSync(written).size;
    meter.advance(1, `${result.files.length} of ${files.length} checkpoints written`);
  }
  for (const note of exportTracking(run.directory, directory, params.format === 'pt')) notes.add(note);
  for (const name of companions) {
    const isConfig = name === 'config.yaml';
    const content = isConfig ? configText(run) : contentOf(join(run.directory, name));
    if (content === undefined) continue;
    writeFileAtomic(
      join(directory, name),
      isConfig && params.format === 'pt' ? completeForReference(content) : content,
    );
  }
  return { ...result, notes: [...notes, ...datasetNotes(run, params), ...modelNotes(run, params)] };
}

function selectFiles(run: RunDirectory, { models, epochs }: Params): CheckpointFile[] {
  if (run.checkpoints.length === 0)
    throw new UserError(
      `${run.directory} has no checkpoints (checkpoint_epoch_E_model_M.pt or .safetensors).`,
    );
  const distinct = (values: number[]): number[] => [...new Set(values)];
  const wantedModels = models ?? distinct(run.checkpoints.map((file) => file.model));
  const wantedEpochs = epochs ?? distinct(run.checkpoints.map((file) => file.epoch));
  // What was named must be there; of "all", only what is there is meant.
  if (models && epochs)
    return wantedEpochs.flatMap((epoch) => wantedModels.map((model) => findCheckpoint(run, epoch, model)));
  for (const model of models ?? [])
    findCheckpoint(run, run.checkpoints.find((file) => file.model === model)?.epoch ?? 0, model);
  for (const epoch of epochs ?? [])
    findCheckpoint(run, epoch, run.checkpoints.find((file) => file.epoch === epoch)?.model ?? 1);
  return run.checkpoints.filter(
    (file) => wantedModels.includes(file.model) && wantedEpochs.includes(file.epoch),
  );
}

interface Export {
  run: RunDirectory;
  /** Of the validation accuracies in its checkpoints. */
  unit: AccuracyUnit;
  params: Params;
  directory: string;
  notes: Set<string>;
}

function exportOne({ run, unit, params, directory, notes }: Export, file: CheckpointFile): string {
  const checkpoint = openCheckpoint(file.path);
  try {
    const { step, storedAccuracy } = checkpoint;
    const { epoch, model } = file;
    const rename = renaming(run, checkpoint, notes);
    const tensors = new Map([...checkpoint.tensors].map(([name, tensor]) => [rename(name), tensor]));
    const optimizer = params.optimizer ? checkpoint.readOptimizer() : undefined;
    if (step === undefined) notes.add('Some checkpoints do not record their step: 0 is written.');
    if (params.optimizer && !optimizer) notes.add('Some checkpoints have no optimizer state.');
    const percent = accuracyPercent(storedAccuracy, unit);
    if (storedAccuracy !== undefined && percent === undefined)
      notes.add('Some validation accuracies may be percentages or fractions: they are not written.');
    return writeInFormat(directory, params.format, {
      epoch,
      model,
      step: step ?? 0,
      trainable: checkpoint.trainable?.map(rename) ?? trainableOf(run, tensors, notes),
      tensors,
      // A fraction is written as it was read, to the last bit.
      ...(percent !== undefined && { valAccuracy: unit === 'fraction' ? storedAccuracy! : percent / 100 }),
      ...(optimizer && { optimizer: renamedOptimizer(optimizer, rename) }),
    });
  } finally {
    checkpoint.close();
  }
}

type Rename = (name: string) => string;

/** Without what wrappers (`module.`, `_orig_mod.`) put before the names: the scripts load by the model's own. */
function renaming(run: RunDirectory, { tensors, path }: Checkpoint, notes: Set<string>): Rename {
  const spec = specOf(run);
  if (typeof spec === 'string') return (name) => name;
  const inFiles = new Set(graphOf(spec).parameters.map(({ name }) => spec.fileNames?.[name] ?? name));
  const { names, wrapper } = nearestReading(tensors.keys(), (name) => inFiles.has(name));
  assertDistinct(names, path);
  if (wrapper !== '') notes.add(`Removed from the front of tensor names: "${wrapper}".`);
  return (name) => names.get(name) ?? name;
}

function renamedOptimizer({ groups, state }: OptimizerState, rename: Rename): OptimizerState {
  return {
    groups: groups.map((group) => ({ ...group, parameters: group.parameters.map(rename) })),
    state: new Map([...state].map(([name, slots]) => [rename(name), slots])),
  };
}

/** The architecture of the run, or why its config does not tell it. */
function specOf(run: RunDirectory): ModelSpec | string {
  const path = run.configPath;
  try {
    return resolveModel(readTolerantly(run.config, path).config, path);
  } catch (error) {
    return messageOf(error);
  }
}

const buffers =
  /(^|\.)(mask|normal_mask|noise|C|F|D|running_mean|running_var|num_batches_tracked|scale|inv_std)$/;

/** For checkpoints that do not say it: by the config's architecture, else by the names. */
function trainableOf(
  run: RunDirectory,
  tensors: ReadonlyMap<string, LazyTensor>,
  notes: Set<string>,
): string[] {
  const spec = specOf(run);
  if (typeof spec === 'string') {
    notes.add(`Which tensors were trained was inferred from their names: ${spec}`);
    return [...tensors.keys()].filter((name) => !buffers.test(name) && !isBookkeeping(name));
  }
  return graphOf(spec).parameters.flatMap(({ role, name }) => {
    const inFile = spec.fileNames?.[name] ?? name;
    return role === 'trained' && tensors.has(inFile) ? [inFile] : [];
  });
}

/** As written, comments too; taken out of what a tracker wraps around the settings. */
function configText({ config, configPath }: RunDirectory): string {
  const written = readYaml(configPath);
  return isPlainObject(written) && isTrackerRecord(written)
    ? stringify(config, { lineWidth: 0 })
    : readYamlText(configPath);
}

/** Undefined where there is no such file. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new UserError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** The published scripts build their networks from widths. */
function modelNotes(run: RunDirectory, { format }: Params): string[] {
  const spec = specOf(run);
  if (format !== 'pt' || typeof spec === 'string') return [];
  if (spec.architecture === 'mlp' && spec.general)
    return [
      `The published scripts do not know this family (${familyNames[spec.family]}) and would take W for the weight that acts. The files hold W, F and D under Basin's names, F and D as NAME.F and NAME.D; "basin run merge --write aligned --align none" writes the weights that act, as standard networks.`,
    ];
  if (spec.architecture !== 'declared') return [];
  return [
    'config.yaml declares a network that the published scripts do not support; the files are state dicts for your own scripts.',
  ];
}

/** The published code loads data by name, through torchvision. */
function datasetNotes(run: RunDirectory, { format }: Params): string[] {
  const dataset = datasetSchema.safeParse(run.config['dataset']).data;
  if (format !== 'pt' || !dataset) return [];
  if (dataset.name != null && !isTaken(dataset.name)) {
    return [
      `config.yaml names the data set ${dataset.name}, which was added to Basin: the published scripts cannot read it.`,
    ];
  }
  if (dataset.name?.startsWith('mnist-10k') === true || (dataset.name != null && isOwnName(dataset.name))) {
    return [
      `config.yaml names the data set ${dataset.name}, which only Basin knows: for the published scripts set dataset.name to mnist and dataset.data_dir to a folder of MNIST.`,
    ];
  }
  const folder = dataset.data_dir;
  const inPlace =
    folder == null || /MNIST[\\/]raw[\\/]?$/.test(folder) || existsSync(join(folder, 'MNIST', 'raw'));
  if (dataset.name !== 'mnist' || inPlace) return [];
  return [
    `config.yaml: dataset.data_dir is ${folder}; the published scripts look for MNIST/raw below it, and download the data if there is none.`,
  ];
}

const datasetSchema = z.looseObject({ name: z.string().nullish(), data_dir: z.string().nullish() });
