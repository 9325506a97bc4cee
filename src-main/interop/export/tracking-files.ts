/** What was tracked while a run trained, for another folder: as it is, and as the files that the published trainer writes. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { splits } from '../../../src-shared/domain.ts';
import { pairsOf } from '../../../src-shared/jobs/interpolate.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { TrackedKernel, TrackingFile } from '../../../src-shared/tracking.ts';
import { readTracking, writeTracking } from '../../compute/tracking/file.ts';
import { readNpy } from '../../formats/npy.ts';
import { PythonFloat, tuple } from '../../formats/torch/tree.ts';
import type { WritableTree } from '../../formats/torch/tree.ts';
import { writeTorchFile } from '../../formats/torch/write-torch.ts';

/**
 * Copies `tracking.json` and its kernels, and writes what is asked for as PyTorch files too.
 * @returns notes: what the published files have no place for
 * @throws UserError for a file that cannot be read
 */
export function exportTracking(from: string, to: string, asTorch: boolean): string[] {
  const file = readTracking(from, Infinity);
  if (!file) return [];
  writeTracking(to, file);
  const kernels = file.ntk_tracking?.all_epoch_results.flatMap((at) => at.ntk_matrix_file ?? []) ?? [];
  for (const name of kernels) copyFileSync(join(from, name), join(to, name));
  if (!asTorch) return [];
  const several = ((file.cosine_similarity ?? file.functional_similarity)?.pairs.length ?? 1) > 1;
  const files: [string, WritableTree | undefined][] = [
    ['interpolation_results.pt', interpolationTree(file)],
    ['cossim_all_epochs.pt', several ? undefined : cosineTree(file)],
    ['funcsim_all_epochs.pt', several ? undefined : functionalTree(file)],
    ['ntk_tracking_all_epochs.pt', kernelTree(file, from)],
  ];
  for (const [name, tree] of files) if (tree !== undefined) writeTorchFile(join(to, name), tree);
  return several
    ? [
        'cossim_all_epochs.pt and funcsim_all_epochs.pt are about two models: the similarities of all pairs are in tracking.json.',
      ]
    : [];
}

/** Numbers of the published code are floats, whole or not; it has NaN where there is no number. */
const float = (value: number | null | undefined): PythonFloat => new PythonFloat(value ?? NaN);
const floats = (values: readonly (number | null)[]): PythonFloat[] => values.map(float);
const dict = (entries: Record<string, WritableTree>): ReadonlyMap<WritableTree, WritableTree> =>
  new Map(Object.entries(entries));
const epochsDict = (epochs: readonly WritableTree[], more: Record<string, WritableTree> = {}): WritableTree =>
  dict({ all_epoch_results: epochs, num_epochs: epochs.length, ...more });

/** Of the last epoch, by pair of models; of the type midpoint one evaluation. */
function interpolationTree({ interpolation }: TrackingFile): WritableTree | undefined {
  const last = interpolation?.all_epoch_results.at(-1);
  if (!interpolation || !last) return undefined;
  if (interpolation.type === 'grid')
    return new Map(
      pairsOf(last.result).map((pair) => [tuple(pair.model1_index, pair.model2_index), curveTree(pair)]),
    );
  const { midpoint } = last.result;
  if (!midpoint) return undefined;
  const numbers = splits.flatMap((split) =>
    (['loss', 'accuracy'] as const).map((metric) => {
      const name = `${split}_${metric}` as const;
      return [name, float(midpoint[name])] as const;
    }),
  );
  const about = { num_models: midpoint.num_models, evaluation_type: 'midpoint' };
  return dict({ ...Object.fromEntries(numbers), ...about });
}

function curveTree(pair: Interpolation): WritableTree {
  const bySplit = splits.flatMap((split): [string, WritableTree][] => [
    [`${split}_loss`, floats(pair[`${split}_loss`] ?? [])],
    [`${split}_accuracy`, floats(pair[`${split}_accuracy`] ?? [])],
    [`${split}_barrier_height`, float(pair[`${split}_barrier_height`])],
    [`${split}_linearity`, pair[`${split}_linearity`] ?? null],
  ]);
  return dict({
    lambdas: floats(pair.lambdas),
    // A split without examples has no curve.
    ...Object.fromEntries(bySplit.filter(([name]) => pair[name as keyof Interpolation] !== undefined)),
    ...{ distance: float(pair.distance), normalized_distance: float(pair.normalized_distance) },
    num_params: pair.num_params,
  });
}

function cosineTree({ cosine_similarity: section }: TrackingFile): WritableTree | undefined {
  const epochs = section?.pairs[0]!.all_epoch_results.map((at) =>
    dict({
      epoch: at.epoch,
      per_layer_similarities: dict(
        Object.fromEntries(Object.entries(at.per_layer_similarities).map(([name, x]) => [name, float(x)])),
      ),
      aggregate_similarity: float(at.aggregate_similarity),
    }),
  );
  return epochs && epochsDict(epochs);
}

function functionalTree({ functional_similarity: section }: TrackingFile): WritableTree | undefined {
  const epochs = section?.pairs[0]!.all_epoch_results.map((at) => {
    const results = Object.entries(at.split_results).map(([name, x]): [string, WritableTree] => [
      name,
      name.endsWith('_funcsim') ? float(x) : x,
    ]);
    return dict({
      epoch: at.epoch,
      split_results: dict(Object.fromEntries(results)),
      aggregate_similarity: float(at.aggregate_similarity),
    });
  });
  return epochs && epochsDict(epochs);
}

/** The published file begins with the first epoch that there is something to compare with; its CKA is the square. */
function kernelTree({ ntk_tracking: section }: TrackingFile, folder: string): WritableTree | undefined {
  if (!section) return undefined;
  const { num_samples: samples, class_balanced: balanced, split } = section;
  const epochs = section.all_epoch_results.slice(1).map((at) =>
    dict({
      epoch: at.epoch,
      ntk_stats: at.ntk_stats ? floatsDict(at.ntk_stats) : null,
      ...comparisonFields('init', at.init),
      ...comparisonFields('prev', at.prev),
      linearization_agreement: at.linearization_agreement ? floatsDict(at.linearization_agreement) : null,
      num_samples: samples,
      ...(at.ntk_matrix_file !== undefined && { ntk_matrix: readNpy(join(folder, at.ntk_matrix_file)) }),
    }),
  );
  return epochsDict(epochs, { num_samples: samples, class_balanced: balanced, split });
}

const floatsDict = (values: Record<string, number | null>): WritableTree =>
  dict(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, float(value)])));

function comparisonFields(name: 'init' | 'prev', found: TrackedKernel['init']): Record<string, WritableTree> {
  const {
    diff_frobenius: moved,
    cosine_sim: cosine,
    relative_change: relative,
    cka_squared: cka,
  } = found ?? {};
  const fields = { diff_frobenius: moved, cosine_sim: cosine, relative_change: relative, cka };
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [`ntk_${field}_${name}`, found ? float(value) : null]),
  );
}
