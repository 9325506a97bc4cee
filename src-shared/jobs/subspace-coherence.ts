import { z } from 'zod';
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

/** Probabilities with which the bound on the anisotropy may fail, as the reference lists them. */
export const violationProbabilities = ['0.2', '0.1', '0.05', '0.02', '0.01', '0.005', '0.002', '0.001'];

const layerSchema = z.object({
  ...subspaceFields,
  /** |S_i - p I| per neuron, p the free share of the mask; null at the model's output, where there are no neurons. */
  anisotropy_operator_norms: z.array(z.number()).nullable(),
  mean_anisotropy_operator_norm: z.number().nullable(),
  /** Violation probability -> bound. */
  anisotropy_bounds: z.record(z.string(), z.number()).nullable(),
});
export type LayerCoherence = z.infer<typeof layerSchema>;

const rowSchema = z.object({ ...checkpointNames, coherence_results: z.array(layerSchema), ...layerCommon });

export const subspaceCoherenceJob = defineJob({
  kind: 'subspace-coherence',
  version: 2,
  title: 'Subspace coherence',
  summary:
    'How evenly the subspace of a layer’s inputs spreads over the coordinates (coherence), and how far the masked Gram matrices of its neurons are from a multiple of the identity (anisotropy), with the bound the coherence gives.',
  params: z.object({ ...layerSelection, ...subspaceParams, ...runKeyParam }),
  result: oneOrMany(rowSchema),
  parts: checkpointParts(rowSchema),
  lane: 'main',
  place: { view: 'identifiability', heading: 'One model' },
  cacheable: true,
});
