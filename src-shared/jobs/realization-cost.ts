import { z } from 'zod';
import { matrixSchema } from '../matrix.ts';
import { defineJob } from './define.ts';
import {
  checkpointNames,
  checkpointParts,
  layerCommon,
  layerSelection,
  oneOrMany,
  runKeyParam,
  subspaceFields,
  subspaceParams,
} from './layer-measures.ts';

const layerSchema = z.object({
  ...subspaceFields,
  /** [i][j]: squared Mahalanobis distance at which slot i realises neuron j. */
  mahalanobis_distance_squared: matrixSchema,
  /** What exchanging neurons i and j costs; may be negative. */
  transposition_cost_squared: matrixSchema,
  /** |v_i - v_j| of the projected fixed parts. */
  proj_center_distances: matrixSchema,
  /** Smallest rank among the neurons' Gram matrices; below `subspace_dimension` a slot cannot realise every function. */
  min_gram_rank: z.int().optional(),
  /** Eigenvalues of a Gram matrix at or below this count as zero in its pseudo-inverse. */
  gram_cutoff: z.number().optional(),
});
export type LayerRealizationCost = z.infer<typeof layerSchema>;

const rowSchema = z.object({
  ...checkpointNames,
  realization_cost_results: z.array(layerSchema),
  ...layerCommon,
});

export const realizationCostJob = defineJob({
  kind: 'realization-cost',
  version: 2,
  title: 'Realization cost',
  summary:
    'What it costs each neuron slot to compute another neuron’s function, as a squared Mahalanobis distance in the subspace of the layer’s inputs, and what swapping two neurons costs.',
  params: z.object({ ...layerSelection, ...subspaceParams, ...runKeyParam }),
  result: oneOrMany(rowSchema),
  parts: checkpointParts(rowSchema),
  lane: 'main',
  place: { view: 'identifiability', heading: 'One model' },
  cacheable: true,
  matrices: true,
  /** The columns of the reference's file, one row per checkpoint. */
  tableColumns: [
    'checkpoint_path',
    'run_directory',
    'realization_cost_results',
    'model_index',
    'epoch',
    'run_key',
  ],
});
