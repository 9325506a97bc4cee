/** One line per kind of job whose results are shown by verdict, facts, table and figures. */
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
import { adopt } from './adopt.ts';
import { chordDeviation, similarity, syntheticCoherence } from './geometry.ts';
import { interpolation } from './interpolation.ts';
import { matchActivations } from './matching.ts';
import { matchWeights } from './matching-weights.ts';
import type { Presentation, Presenter } from './present.ts';

export const presenters: Record<string, Presenter> = {
  adopt,
  // On the screen it has a view of its own.
  interpolate: interpolation,
  'match-activations': matchActivations,
  'match-weights': matchWeights,
  similarity,
  'synthetic-coherence': syntheticCoherence,
  'chord-deviation': chordDeviation,
  'realization-cost': realizationCost,
  'realization-cost-ridge': realizationCostRidge,
  'permutation-sensitivity': permutationSensitivity,
  'subspace-coherence': subspaceCoherence,
  'linear-components': linearComponents,
  'skip-connections': skipConnections,
  'symmetry-curve': symmetryCurve,
  'rescaling-barrier': rescalingBarrier,
  'detect-symmetry': detectSymmetry,
  'curvature-bound': curvatureBound,
  'weight-decay-study': weightDecayStudy,
};

/** Undefined for kinds that have a view of their own. Throws a ZodError for a result that is not of its kind. */
export function present(kind: string, result: unknown): Presentation | undefined {
  return presenters[kind]?.(result);
}

export { drawnOf } from './layer-figures.ts';
export type { Presentation } from './present.ts';
