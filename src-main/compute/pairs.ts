/** Which pairs of the loaded models a job is about, and whether they can be compared. */
import { UserError } from '../../src-shared/errors.ts';
import { loadCheckpoints } from './checkpoints.ts';
import type { CheckpointSelection, LoadedModel } from './checkpoints.ts';
import { shapeDifference } from './alignment/parameters.ts';

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
 * @throws UserError as loadCheckpoints; for pairs that name no loaded model, one model twice, or fewer than two models
 */
export function loadPairs(selection: PairSelection): SelectedPairs {
  const wanted =
    selection.models ?? (selection.pairs && !selection.checkpoints ? modelsOf(selection.pairs) : undefined);
  const models = loadCheckpoints({ ...selection, models: wanted });
  const numbers = selection.checkpoints ? models.map((_, i) => i + 1) : models.map(({ index }) => index);
  const twice = numbers.find((number, i) => numbers.indexOf(number) !== i);
  if (twice !== undefined)
    throw new UserError(`models: model ${twice} is named twice; each model counts once`);
  if (models.length < 2) {
    throw new UserError(
      `models: two models at least are needed to compare, found ${models.length} (${models.map(({ name }) => name).join(', ')})`,
      {
        hint: 'Name two models of the run, e.g. --models 1,2.',
      },
    );
  }
  const pairs = selection.pairs
    ? selection.pairs.map((pair) => placesOf(pair, numbers))
    : allPairs(models.length);
  return { models, pairs, warnings: sameFileWarnings(models) };
}

const modelsOf = (pairs: readonly PairIndices[]): number[] =>
  [...new Set(pairs.flat())].sort((a, b) => a - b);

function placesOf(pair: PairIndices, numbers: readonly number[]): PairIndices {
  const places = pair.map((number) => {
    const place = numbers.indexOf(number);
    if (place >= 0) return place;
    throw new UserError(
      `pairs: [${pair.join(', ')}] names model ${number}; the models are ${numbers.join(', ')}`,
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

/** @throws UserError naming both models and the first difference in depth, widths, norm or activation */
export function requireSameShapes(models: readonly LoadedModel[]): void {
  const [first, ...others] = models;
  for (const other of others) {
    const difference = shapeDifference(first!.network, other.network);
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
  };
}
