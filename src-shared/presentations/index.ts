/** One line per kind of job: how its results are shown by verdict, facts, table and figures. */
import { isJobKind, type JobKindName } from '../jobs/index.ts';
import {
  permutationSensitivity,
  realizationCost,
  realizationCostRidge,
  subspaceCoherence,
} from './identifiability.ts';
import {
  curvatureBound,
  detectSymmetry,
  linearComponents,
  rescalingBarrier,
  skipConnections,
  symmetryCurve,
  weightDecayStudy,
} from './symmetry.ts';
import { activationPatterns } from './activation-patterns.ts';
import { adopt } from './adopt.ts';
import { functionClasses } from './function-classes.ts';
import { chordDeviation, similarity, syntheticCoherence } from './geometry.ts';
import { interpolation } from './interpolation.ts';
import { matchActivations } from './matching.ts';
import { ntk } from './ntk.ts';
import { matchWeights } from './matching-weights.ts';
import { symmetries } from './symmetries.ts';
import type { Presentation, Presenter } from './present.ts';

/** Kind of job -> how its results are shown; null: by a view of its own, or as names and values. */
export const presenters: { readonly [K in JobKindName]: Presenter<K> | null } = {
  train: null,
  // On the screen it has a view of its own.
  interpolate: interpolation,
  'match-activations': matchActivations,
  'match-weights': matchWeights,
  similarity,
  'activation-patterns': activationPatterns,
  ntk,
  'permutation-sensitivity': permutationSensitivity,
  'realization-cost': realizationCost,
  'realization-cost-ridge': realizationCostRidge,
  'subspace-coherence': subspaceCoherence,
  'function-classes': functionClasses,
  'chord-deviation': chordDeviation,
  'synthetic-coherence': syntheticCoherence,
  'inspect-neurons': null,
  'linear-components': linearComponents,
  'skip-connections': skipConnections,
  'symmetry-curve': symmetryCurve,
  'rescaling-barrier': rescalingBarrier,
  'detect-symmetry': detectSymmetry,
  'weight-decay-study': weightDecayStudy,
  'curvature-bound': curvatureBound,
  merge: null,
  symmetries,
  evaluate: null,
  adopt,
  'add-data': null,
  'export-checkpoints': null,
  import: null,
  hash: null,
  'best-classifier': null,
  diagnose: null,
};

/** Undefined for kinds without a presentation. Throws a ZodError for a result that is not of its kind. */
export function present(kind: string, result: unknown): Presentation | undefined {
  return isJobKind(kind) ? presenters[kind]?.present(result) : undefined;
}

export { drawnOf } from './layer-figures.ts';
export type { Presentation } from './present.ts';
