/** Which pairs of the loaded models a job is about, and whether they can be compared. */
import { UserError } from '../../src-shared/errors.ts';
import type { LeftOut } from '../../src-shared/jobs/pairs.ts';
import { loadCheckpoint, loadCheckpoints, NonFiniteWeights } from './load-models.ts';
import type { CheckpointSelection, LoadedModel, Run } from './load-models.ts';
import { networkDifference } from './networks/difference.ts';

/** Places in `models`. */
export type PairIndices = readonly [number, number];

export interface SelectedPairs {
  models: LoadedModel[];
  pairs: PairIndices[];
  warnings: string[];
}

export interface PairSelection extends CheckpointSelection {
  /** Model numbers of the run, or places in `checkpoints`, from 1. Absent: all pairs in the order of the models. */
  pairs?: readonly PairIndices[] | undefined;
}

/**
 * Loads the models of a selection and lists its pairs.
 * @throws UserError as loadCheckpoints; for pairs that name no selected model, one model twice, or fewer than two models
 */
export function loadPairs(selection: PairSelection): SelectedPairs {
  const { found: models, numbers } = loadSelected(selection, loadCheckpoint);
  return { models, pairs: pairsOf(selection, numbers), warnings: sameFileWarnings(models) };
}

export interface UsablePairs extends SelectedPairs {
  /** Models that could not be used; named in `warnings` too. */
  leftOut: LeftOut[];
}

/**
 * The same, but models whose weights are not finite numbers are left out with their pairs.
 * @throws UserError as loadPairs; NonFiniteWeights if no pair remains
 */
export function loadUsablePairs(selection: PairSelection): UsablePairs {
  const { found, numbers } = loadSelected(selection, loadOrReport);
  const bad = found.filter((model) => model instanceof NonFiniteWeights);
  const models = found.flatMap((model) => (model instanceof NonFiniteWeights ? [] : [model]));
  const place = found.map((model) => (model instanceof NonFiniteWeights ? -1 : models.indexOf(model)));
  const pairs = pairsOf(selection, numbers)
    .map(([a, b]): PairIndices => [place[a]!, place[b]!])
    .filter(([a, b]) => a >= 0 && b >= 0);
  if (pairs.length === 0 && bad[0]) throw bad[0];
  return {
    ...{ models, pairs },
    warnings: [...bad.map(leftOutWarning), ...sameFileWarnings(models)],
    leftOut: bad.map(({ model: { index, path }, where }) => ({
      ...{ models: [index], checkpoint_paths: [path] },
      reason: `its weights are not finite: ${where}`,
    })),
  };
}

/** The models of a selection, for what is about all of them at once. @throws UserError as loadPairs */
export function loadSeveral(selection: CheckpointSelection): Pick<SelectedPairs, 'models' | 'warnings'> {
  const { found: models } = loadSelected(selection, loadCheckpoint);
  return { models, warnings: sameFileWarnings(models) };
}

function loadSelected<T extends LoadedModel | NonFiniteWeights>(
  selection: PairSelection,
  load: (run: Run, path: string) => T,
): { found: T[]; numbers: number[] } {
  const wanted =
    selection.models ?? (selection.pairs && !selection.checkpoints ? modelsOf(selection.pairs) : undefined);
  const found = loadCheckpoints({ ...selection, models: wanted }, load);
  const about = found.map((model: LoadedModel | NonFiniteWeights) =>
    model instanceof NonFiniteWeights ? model.model : model,
  );
  const numbers = selection.checkpoints ? about.map((_, i) => i + 1) : about.map(({ index }) => index);
  const twice = numbers.find((number, i) => numbers.indexOf(number) !== i);
  if (twice !== undefined)
    throw new UserError(`models: model ${twice} is listed twice; list each model once`);
  if (found.length < 2) {
    throw new UserError(
      `models: at least two models are needed, found ${found.length} (${about.map(({ name }) => name).join(', ')})`,
      {
        hint: 'Name two models of the run, e.g. --models 1,2.',
      },
    );
  }
  return { found, numbers };
}

function loadOrReport(run: Run, path: string): LoadedModel | NonFiniteWeights {
  try {
    return loadCheckpoint(run, path);
  } catch (thrown) {
    if (thrown instanceof NonFiniteWeights) return thrown;
    throw thrown;
  }
}

const leftOutWarning = ({ model, where }: NonFiniteWeights): string =>
  `${model.name} and its pairs were left out: its weights are not finite, ${where}. Training diverged before the checkpoint was saved, or the file is damaged.`;

const pairsOf = ({ pairs }: PairSelection, numbers: readonly number[]): PairIndices[] =>
  pairs ? pairs.map((pair) => placesOf(pair, numbers)) : allPairs(numbers.length);

const modelsOf = (pairs: readonly PairIndices[]): number[] =>
  [...new Set(pairs.flat())].sort((a, b) => a - b);

function placesOf(pair: PairIndices, numbers: readonly number[]): PairIndices {
  const places = pair.map((number) => {
    const place = numbers.indexOf(number);
    if (place >= 0) return place;
    throw new UserError(
      `pairs: [${pair.join(', ')}] refers to model ${number}; the models are ${numbers.join(', ')}`,
    );
  });
  if (places[0] === places[1])
    throw new UserError(`pairs: [${pair.join(', ')}] compares a model with itself`);
  return [places[0]!, places[1]!];
}

function allPairs(count: number): PairIndices[] {
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: count - i - 1 }, (_unused, k): PairIndices => [i, i + k + 1]),
  ).flat();
}

/** Bit for bit the same file twice makes every measure of the pair trivial. */
function sameFileWarnings(models: readonly LoadedModel[]): string[] {
  return models.flatMap((model, i) => {
    const same = models.slice(0, i).find(({ sha256 }) => sha256 === model.sha256);
    return same ? [`${model.name} and ${same.name} are the same file, byte for byte.`] : [];
  });
}

/** @throws UserError naming both models and the first difference between their networks */
export function requireSameShapes(models: readonly LoadedModel[]): void {
  const [first, ...others] = models;
  for (const other of others) {
    const difference = networkDifference(first!.run.graph, other.run.graph);
    if (difference === undefined) continue;
    throw new UserError(`${first!.name} and ${other.name} have different architectures: ${difference}.`, {
      hint: 'Only models of one architecture can be compared weight by weight.',
    });
  }
}

/** The fields by which a result names a pair. */
export function pairFields(a: LoadedModel, b: LoadedModel) {
  return {
    model1_index: a.index,
    model2_index: b.index,
    epoch: a.epoch === b.epoch ? a.epoch : null,
    checkpoint_path_1: a.path,
    checkpoint_path_2: b.path,
    // Where losses are part of the result; other kinds drop it.
    ...(a.run.graph.objective && { loss_name: a.run.graph.objective.loss }),
  };
}
