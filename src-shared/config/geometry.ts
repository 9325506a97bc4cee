/**
 * Data sets that are made rather than read: points on a random subspace, digits rotated to a wanted coherence, and graphs
 * with communities.
 */
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { seedSchema } from '../jobs/common.ts';
import { multilabelLossSchema, multilabelLosses } from '../objective.ts';
import type { Objective } from '../objective.ts';

const size = z.int().positive();
const amounts = {
  num_samples_train: size.nullish(),
  num_samples_test: size.nullish(),
  d_ambient: size.nullish(),
};
const dataSeeds = {
  data_seed_train: seedSchema.nullish(),
  data_seed_test: seedSchema.nullish(),
  projection_seed: seedSchema.nullish(),
};

/** The sections of `dataset` as neuron-identifiability lays them out (src/data/synthetic.py). */
const sections = {
  gaussian_subspace_dataset: z.looseObject({
    ...amounts,
    num_classes: size.nullish(),
    d_intrinsic: size.nullish(),
    class_separation: z.number().nonnegative().nullish(),
    structure_seed: seedSchema.nullish(),
    sampling_seed_train: seedSchema.nullish(),
    sampling_seed_test: seedSchema.nullish(),
  }),
  multilabel_subspace_dataset: z.looseObject({
    ...amounts,
    num_binary_labels: size.nullish(),
    ...dataSeeds,
    loss: multilabelLossSchema.nullish(),
  }),
  parity_subspace_dataset: z.looseObject({
    ...amounts,
    d_intrinsic: size.nullish(),
    modulo_base: z.int().min(2).nullish(),
    ...dataSeeds,
  }),
  block_model_dataset: z.looseObject({
    num_nodes: z.int().min(10).nullish(),
    num_classes: z.int().min(2).nullish(),
    num_features: size.nullish(),
    /** Expected neighbours of a node, about. */
    degree: z.number().positive().nullish(),
    /** Share of edges that are drawn inside a class; the others go to any node. */
    homophily: z.number().min(0).max(1).nullish(),
    class_separation: z.number().nonnegative().nullish(),
    graph_seed: seedSchema.nullish(),
  }),
  coherence_rotation: z.looseObject({
    target_explained_variance_ratio: z.number().gt(0).lte(1).nullish(),
    target_subspace_coherence: z.number().gt(0).lte(1).nullish(),
  }),
};

export const geometrySections = {
  ...sections,
  coherence_rotation: sections.coherence_rotation.extend({
    /** How the signs of the principal axes were chosen; training records it, see `requireSameRotation`. */
    axis_signs: z.string().nullish(),
  }),
};

type Section = keyof typeof sections;
type Complete<T> = { [K in keyof T]-?: NonNullable<T[K]> };
type Values<S extends Section> = Complete<z.infer<(typeof sections)[S]>>;

/** A made data set with nothing left to decide: the same plan always makes the same numbers. */
export type GeometryPlan =
  | { kind: 'gaussian-subspace'; values: Values<'gaussian_subspace_dataset'> }
  | { kind: 'multilabel-subspace'; values: Values<'multilabel_subspace_dataset'> }
  | { kind: 'parity-subspace'; values: Values<'parity_subspace_dataset'> }
  | { kind: 'block-model'; values: Values<'block_model_dataset'> }
  | { kind: 'mnist-coherence'; values: Values<'coherence_rotation'> };

export const geometryKinds = [
  'gaussian-subspace',
  'multilabel-subspace',
  'parity-subspace',
  'mnist-coherence',
  'block-model',
] as const;
export type GeometryKind = (typeof geometryKinds)[number];

/** The kind that a data set's name means; the reference writes `gaussian-subspace-dataset`. */
export function geometryKindOf(name: string): GeometryKind | undefined {
  return geometryKinds.find((kind) => name === kind || name === `${kind}-dataset`);
}

/** Whether accuracies on the data of this name are shares of labels instead of examples. */
export const hasBinaryLabels = (dataset: string | null): boolean =>
  dataset !== null && geometryKindOf(dataset) === 'multilabel-subspace';

const sectionOf: Record<GeometryKind, Section> = {
  'gaussian-subspace': 'gaussian_subspace_dataset',
  'multilabel-subspace': 'multilabel_subspace_dataset',
  'parity-subspace': 'parity_subspace_dataset',
  'mnist-coherence': 'coherence_rotation',
  'block-model': 'block_model_dataset',
};

export const sectionOfKind = (kind: GeometryKind): string => sectionOf[kind];

/** All of the section, in the sizes and seeds that neuron-identifiability ships. */
export const geometryDefaults: { [S in Section]: Values<S> } = {
  gaussian_subspace_dataset: {
    num_samples_train: 50_000,
    num_samples_test: 10_000,
    num_classes: 20,
    d_intrinsic: 128,
    d_ambient: 512,
    class_separation: 0.3,
    sampling_seed_train: 123,
    sampling_seed_test: 456,
    structure_seed: 789,
  },
  multilabel_subspace_dataset: {
    num_samples_train: 50_000,
    num_samples_test: 10_000,
    num_binary_labels: 50,
    d_ambient: 512,
    data_seed_train: 234,
    data_seed_test: 567,
    projection_seed: 890,
    // neuron-identifiability names no loss for them; this one fits labels that do not exclude each other.
    loss: 'binary-cross-entropy',
  },
  parity_subspace_dataset: {
    num_samples_train: 50_000,
    num_samples_test: 10_000,
    d_intrinsic: 128,
    d_ambient: 512,
    modulo_base: 2,
    data_seed_train: 345,
    data_seed_test: 678,
    projection_seed: 901,
  },
  block_model_dataset: {
    num_nodes: 1000,
    num_classes: 5,
    num_features: 16,
    degree: 8,
    homophily: 0.7,
    class_separation: 0.5,
    graph_seed: 1,
  },
  // Just above the least coherence that the digits of MNIST can have, 87 / 784.
  coherence_rotation: { target_explained_variance_ratio: 0.9, target_subspace_coherence: 0.111 },
};

/**
 * What a config says about a made data set; undefined for data that is read from files.
 * @throws UserError naming the key that is missing, or that does not fit the model
 */
export function resolveGeometry(config: ConfigOfData, where = 'config'): GeometryPlan | undefined {
  const kind = geometryKindOf(config.dataset?.name ?? '');
  if (kind === undefined) return undefined;
  const section = sectionOf[kind];
  const written: Record<string, unknown> = config.dataset?.[section] ?? {};
  const values: Record<string, unknown> = {};
  for (const key of Object.keys(geometryDefaults[section])) {
    if (written[key] == null) {
      throw new UserError(`${where}: dataset.${section}.${key} is missing; dataset.name=${kind} needs it.`, {
        hint:
          key === 'loss'
            ? `Set it to ${multilabelLosses.join(' or ')}; a run of the published code that trained with its default loss has soft-labels.`
            : `dataset=${kind} fills in the whole section; override single keys after it.`,
      });
    }
    values[key] = written[key];
  }
  // The section's schema has checked every value; the loop above, that none is absent.
  const plan = { kind, values } as unknown as GeometryPlan;
  checkPlan(plan, config, where);
  return plan;
}

/** The rotation of `mnist-coherence` follows from the digits but for the signs of their principal axes: these are chosen so. */
export const axisSigns = 'largest entry positive';

/**
 * Digits that another program, or Basin before it recorded the signs, has rotated cannot be made again.
 * @throws UserError if the config of a trained run does not say that its data were rotated as they are here
 */
export function requireSameRotation(config: ConfigOfData, where: string): void {
  if (geometryKindOf(config.dataset?.name ?? '') !== 'mnist-coherence') return;
  if (config.dataset?.coherence_rotation?.['axis_signs'] === axisSigns) return;
  throw new UserError(
    `${where}: dataset.coherence_rotation.axis_signs is not recorded as "${axisSigns}": the run was trained on digits rotated in another way, which cannot be reproduced.`,
    { hint: 'Train it again, or name another data set to measure it on with --data.' },
  );
}

/** The parts of a config that matter here. */
interface ConfigOfData {
  dataset?:
    | ({ name?: string | null | undefined } & { [S in Section]?: Record<string, unknown> | null | undefined })
    | null
    | undefined;
  model?:
    { input_dim?: number | null | undefined; output_dim?: number | null | undefined } | null | undefined;
}

/** Numbers per example and how many classes or labels there are. Undefined where the files decide. */
export function geometrySizes(plan: GeometryPlan): { features: number; classes: number } | undefined {
  switch (plan.kind) {
    case 'gaussian-subspace':
      return { features: plan.values.d_ambient, classes: plan.values.num_classes };
    case 'multilabel-subspace':
      return { features: plan.values.d_ambient, classes: plan.values.num_binary_labels };
    case 'parity-subspace':
      return { features: plan.values.d_ambient, classes: plan.values.modulo_base };
    case 'block-model':
      return { features: plan.values.num_features, classes: plan.values.num_classes };
    case 'mnist-coherence':
      return undefined;
  }
}

/** What networks are trained for on made data whose examples have several labels; undefined: one class per example. */
export function objectiveOf(plan: GeometryPlan | undefined): Objective | undefined {
  if (plan?.kind !== 'multilabel-subspace') return undefined;
  return { loss: plan.values.loss, labels: plan.values.num_binary_labels };
}

function checkPlan(plan: GeometryPlan, config: ConfigOfData, where: string): void {
  const sizes = geometrySizes(plan);
  // Of graphs the networks are checked with the data.
  if (!sizes || plan.kind === 'mnist-coherence' || plan.kind === 'block-model') return;
  const intrinsic =
    plan.kind === 'multilabel-subspace' ? plan.values.num_binary_labels : plan.values.d_intrinsic;
  if (intrinsic > sizes.features) {
    throw new UserError(
      `${where}: dataset.${sectionOf[plan.kind]}: a subspace of ${intrinsic} dimensions does not fit into d_ambient = ${sizes.features}.`,
    );
  }
  const model = config.model;
  if (model?.input_dim != null && model.input_dim !== sizes.features) {
    throw new UserError(
      `${where}: model.input_dim is ${model.input_dim}, but dataset.${sectionOf[plan.kind]}.d_ambient is ${sizes.features}.`,
      { hint: `Set model.input_dim=${sizes.features}.` },
    );
  }
  const several = plan.kind === 'multilabel-subspace';
  if (
    model?.output_dim != null &&
    (several ? model.output_dim !== sizes.classes : model.output_dim < sizes.classes)
  ) {
    throw new UserError(
      `${where}: model.output_dim is ${model.output_dim}, but ${plan.kind} has ${sizes.classes} ${several ? 'binary labels' : 'classes'}.`,
      { hint: `Set model.output_dim=${sizes.classes}.` },
    );
  }
}
