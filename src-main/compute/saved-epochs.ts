/** Several epochs of one run, as params ask for them. */
import { resolve } from 'node:path';
import { UserError } from '../../src-shared/errors.ts';
import { readRunDirectory } from '../formats/run-directory.ts';

/**
 * Epochs of a run, ascending, each with its models (of those `wanted`).
 * @param epochs `all`: those that were saved for every model that is wanted, or for two models at least
 * @throws UserError for an epoch that was not saved, with those that were
 */
export function savedEpochs(
  run: string,
  epochs: 'all' | readonly number[],
  wanted?: readonly number[],
): { at: number; models: number[] }[] {
  const { directory, checkpoints } = readRunDirectory(resolve(run));
  const saved = new Map<number, number[]>();
  for (const { epoch, model } of checkpoints) {
    if (wanted?.includes(model) ?? true) saved.set(epoch, [...(saved.get(epoch) ?? []), model]);
  }
  const there = [...saved.keys()].sort((a, b) => a - b);
  const missing = epochs === 'all' ? undefined : epochs.find((epoch) => !saved.has(epoch));
  const ofModels = wanted ? ` of models ${wanted.join(', ')}` : '';
  if (there.length === 0) throw new UserError(`${directory} has no checkpoints${ofModels}.`);
  if (missing !== undefined) {
    throw new UserError(
      `${directory} has no checkpoint of epoch ${missing}${ofModels}; it has epochs ${there.join(', ')}.`,
    );
  }
  const asked = epochs === 'all' ? there : [...new Set(epochs)].sort((a, b) => a - b);
  return asked
    .map((at) => ({ at, models: saved.get(at)!.sort((a, b) => a - b) }))
    .filter(({ models }) => epochs !== 'all' || models.length >= (wanted?.length ?? 2));
}
