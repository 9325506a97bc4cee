/** From "these models of this run" to networks that can be computed with. Every analysis of checkpoints starts here. */
import { dirname, resolve } from 'node:path';
import { objectiveFor, readTolerantly, resolveGeometry, resolveModel } from '../../src-shared/config.ts';
import type { RunConfig } from '../../src-shared/config.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { ModelSpec } from '../../src-shared/model.ts';
import { graphOf } from '../../src-shared/networks/of-model.ts';
import type { Objective } from '../../src-shared/objective.ts';
import type { Split } from '../../src-shared/networks/exported/untie.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import type { Network } from '../../src-shared/networks/network.ts';
import { parseCheckpointName } from '../formats/checkpoint-name.ts';
import { accuracyPercent, accuracyUnit } from '../formats/accuracy.ts';
import { openCheckpoint } from '../formats/checkpoint.ts';
import { accuracyUnitOf, findCheckpoint, readRunDirectory } from '../formats/run-directory.ts';
import { runFolderOf } from '../formats/run-layout.ts';
import { openSource, sha256OfSource } from '../formats/source.ts';
import { stateDictFromCheckpoint } from './models/state-dict.ts';
import type { ReadableTensor } from './models/state-dict.ts';
import type { StateDict } from './models/tensors.ts';
import { actingArrays } from './networks/effective.ts';
import { hasConvolutions, isExported, overGraph } from './networks/parameters.ts';
import type { NamedArrays } from './networks/permute.ts';

/** A run as its folder describes it. */
export interface Run {
  directory: string;
  /** The config file, for messages. */
  configPath: string;
  config: RunConfig;
  spec: ModelSpec;
  /** The network that `spec` stands for. */
  graph: Network;
  /** Parameters that are one tensor in the files, and two in `graph`; absent: none. */
  untied?: readonly Split[];
}

export interface LoadedModel {
  run: Run;
  /** From 1; 0 where the file's name does not say. */
  index: number;
  epoch: number | null;
  path: string;
  /** "model 2 of /runs/w-asym-7f3a at epoch 5", for messages. */
  name: string;
  /** Of the whole file. */
  sha256: string;
  spec: ModelSpec;
  /** As stored, buffers included. */
  state: StateDict;
  /** The parameters as they act, by name: those of the non-asymmetric model that computes the same function. */
  acting: NamedArrays<Float32Array>;
  /** Validation accuracy as the trainer stored it, a fraction or percent: `storedValAccuracy` tells. */
  storedAccuracy: number | undefined;
}

/** Which checkpoints: of one run at one epoch, or files. The fields of `pairSelection` in src-shared/jobs/pairs.ts. */
export interface CheckpointSelection {
  run?: string | undefined;
  /** Absent: all that the run has at this epoch. */
  models?: readonly number[] | undefined;
  epoch?: number | undefined;
  checkpoints?: readonly string[] | undefined;
}

/** Weights that are NaN or infinite: nothing can be computed with them, but with the other models of a job. */
export class NonFiniteWeights extends UserError {
  /** As in LoadedModel. */
  readonly model: { index: number; path: string; name: string };
  /** What is not finite: tensors, with an entry each. */
  readonly where: string;

  constructor(model: NonFiniteWeights['model'], where: string) {
    super(`${model.path}: some weights are not finite: ${where}.`, {
      hint: 'Training diverged before this checkpoint was saved, or the file is damaged; choose an earlier epoch.',
    });
    this.model = model;
    this.where = where;
  }
}

/**
 * Loads the selected checkpoints, each once, in the order asked for.
 * @param load how one file is loaded, for callers that do not want to stop at the first that cannot be used
 * @throws UserError naming the file: a run, model or epoch that does not exist (with those that do), a file that is no
 * checkpoint of its run's architecture; NonFiniteWeights for weights that are not finite.
 */
export function loadCheckpoints(selection: CheckpointSelection): LoadedModel[];
export function loadCheckpoints<T>(selection: CheckpointSelection, load: (run: Run, path: string) => T): T[];
export function loadCheckpoints(
  selection: CheckpointSelection,
  load: (run: Run, path: string) => unknown = loadCheckpoint,
): unknown[] {
  const runs = new Map<string, Run>();
  const runOf = (directory: string): Run => {
    const known = runs.get(directory) ?? readRun(directory);
    runs.set(directory, known);
    return known;
  };
  if (selection.checkpoints) {
    return selection.checkpoints.map((path) =>
      load(runOf(runFolderOf(dirname(resolve(path)))), resolve(path)),
    );
  }
  if (selection.run === undefined || selection.epoch === undefined) {
    throw new UserError('no checkpoints are selected: a run and an epoch (or checkpoint files) are needed');
  }
  const { about, paths } = filesOf(selection.run, selection.models, selection.epoch);
  return paths.map((path) => load(about, path));
}

/** Models of one run at one epoch, all of them where `models` is absent. @throws UserError as loadCheckpoints */
export function loadModels(run: string, models: readonly number[] | undefined, epoch: number): LoadedModel[] {
  const { about, paths } = filesOf(run, models, epoch);
  return paths.map((path) => loadCheckpoint(about, path));
}

function filesOf(run: string, models: readonly number[] | undefined, epoch: number) {
  const directory = readRunDirectory(resolve(run));
  const found = directory.checkpoints.filter((file) => file.epoch === epoch).map((file) => file.model);
  // A model that is not there is reported with those that are; so is an epoch.
  const wanted = models ?? (found.length > 0 ? found : [1]);
  const files = wanted.map((model) => findCheckpoint(directory, epoch, model));
  return { about: readRun(directory.directory), paths: files.map(({ path }) => path) };
}

/**
 * Reads and resolves a run's config. A setting that cannot be read (an interpolation, a value never filled in) throws when
 * it is asked for: the network's here, the others' in those analyses that need them.
 */
export function readRun(directory: string): Run {
  const { directory: absolute, config: raw, configPath } = readRunDirectory(resolve(directory));
  const { config } = readTolerantly(raw, configPath);
  const spec = resolveModel(config, configPath);
  const network = readNetwork(graphOf(spec), configPath);
  const graph = { ...network, objective: objectiveIn(config, network) };
  return { directory: absolute, configPath, config, spec, graph };
}

/** Undefined also if the config does not say it: whatever takes the run's data then reports that. */
function objectiveIn(config: RunConfig, network: Network): Objective | undefined {
  try {
    const task = config.dataset?.task ?? undefined;
    return objectiveFor({ geometry: resolveGeometry(config), task }, network);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/**
 * For what is worked out for linear layers over single examples only.
 * @param work the beginning of a sentence: "realization costs are measured"
 * @throws UserError if the run's network has convolutions, or takes the nodes of a graph
 */
export function refuseBeyondLinear(run: Run, work: string): void {
  refuseGraphNetworks(run, work);
  refuseExported(run, work);
  const { graph, configPath } = run;
  if (!hasConvolutions(graph)) return;
  throw new UserError(
    `${configPath} describes a network with convolutions; ${work} for networks without any so far.`,
    {
      hint: 'Such a network can be trained, imported, exported, interpolated, merged, aligned, measured by realization-cost, subspace-coherence and permutation-sensitivity, and compared by similarity and activation-patterns.',
    },
  );
}

/**
 * For what needs layers as Basin has them: rows of weights, and what their neurons compute.
 * @param work the beginning of a sentence: "identifiability is measured"
 * @throws UserError if the run's network was exported from PyTorch
 */
export function refuseExported({ graph, configPath }: Run, work: string): void {
  if (!isExported(graph)) return;
  throw new UserError(
    `${configPath} describes a network exported from PyTorch; ${work} for networks whose layers Basin knows so far.`,
    {
      hint: 'Such a network can be trained, forked, imported, exported, evaluated, interpolated and merged, aligned by its permutation groups or by orthogonal maps, measured by realization-cost, subspace-coherence and permutation-sensitivity, and, if every example has one class, compared by similarity and ntk. docs/pytorch.md says more.',
    },
  );
}

/** @throws UserError if the run's network takes the nodes of a graph */
export function refuseGraphNetworks({ graph, configPath }: Run, work: string): void {
  if (!overGraph(graph)) return;
  throw new UserError(
    `${configPath} describes a graph network; ${work} for networks that see each example by itself so far.`,
    {
      hint: 'Such a network can be trained, imported, exported, interpolated, merged, aligned, and compared by similarity and activation-patterns.',
    },
  );
}

/** One checkpoint file of a run. */
export function loadCheckpoint(run: Run, path: string): LoadedModel {
  const checkpoint = openCheckpoint(path);
  try {
    const { spec } = run;
    const place = parseCheckpointName(path);
    const index = place?.model ?? 0;
    const epoch = checkpoint.epoch ?? null;
    const name =
      index > 0 ? `model ${index} of ${run.directory}${epoch === null ? '' : ` at epoch ${epoch}`}` : path;
    const state = usableState(checkpoint.tensors, spec, { index, path, name });
    const { storedAccuracy } = checkpoint;
    return {
      ...{ run, index, epoch, path, name, spec, state },
      sha256: sha256OfFile(path),
      acting: actingArrays(run.graph, state),
      storedAccuracy,
    };
  } finally {
    checkpoint.close();
  }
}

/**
 * Validation accuracy in percent as the trainer stored it; undefined if it is not known. May look into every checkpoint
 * of the run: only together they tell a fraction from percent.
 */
export function storedValAccuracy({ run, storedAccuracy }: LoadedModel): number | undefined {
  if (storedAccuracy === undefined) return undefined;
  // Asked first: the file may be none that the run lists.
  const own = accuracyUnit([storedAccuracy]);
  const unit = own === 'percent' ? own : accuracyUnitOf(readRunDirectory(run.directory).checkpoints);
  return accuracyPercent(storedAccuracy, unit);
}

/** The state dict, if it is whole and every weight a finite number. @throws UserError naming the file and the tensor */
export function usableState(
  tensors: ReadonlyMap<string, ReadableTensor>,
  spec: ModelSpec,
  model: NonFiniteWeights['model'],
): StateDict {
  const state = stateDictFromCheckpoint(tensors, spec, model.path);
  refuseNonFinite(state, model);
  return state;
}

/** A plain loop: every weight of every model is looked at. */
function firstNonFinite(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}

function refuseNonFinite(state: StateDict, model: NonFiniteWeights['model']): void {
  const bad: string[] = [];
  for (const [name, { data }] of state) {
    const at = firstNonFinite(data);
    if (at >= 0) bad.push(`"${name}" (entry ${at} is ${data[at]})`);
  }
  if (bad.length === 0) return;
  const more = bad.length > 3 ? ` and ${bad.length - 3} more` : '';
  throw new NonFiniteWeights(model, bad.slice(0, 3).join(', ') + more);
}

function sha256OfFile(path: string): string {
  const source = openSource(path);
  try {
    return sha256OfSource(source);
  } finally {
    source.close();
  }
}
