/** Kind of job -> the function that computes it; loaded when first asked for, since some bring a lot along. */
import type { JobKindName, JobParams, JobResult } from '../../src-shared/jobs/index.ts';
import type { Compute } from '../compute/context.ts';
import type { PartedCompute } from '../compute/parts.ts';

type ComputeTable = {
  [K in JobKindName]: () => Promise<Compute<JobParams<K>, JobResult<K>> | PartedCompute<JobParams<K>>>;
};

export const computeTable: ComputeTable = {
  train: async () => (await import('../compute/training/train.ts')).train,
  interpolate: async () => (await import('../compute/connectivity/interpolate.ts')).interpolate,
  'match-activations': async () =>
    (await import('../compute/alignment/match-activations.ts')).matchActivations,
  'match-weights': async () => (await import('../compute/alignment/match-weights.ts')).matchWeightsOfPairs,
  'activation-patterns': async () =>
    (await import('../compute/alignment/activation-patterns.ts')).activationPatterns,
  similarity: async () => (await import('../compute/similarity/similarity.ts')).similarity,
  ntk: async () => (await import('../compute/ntk/ntk.ts')).ntk,
  'subspace-coherence': async () =>
    (await import('../compute/identifiability/subspace-coherence.ts')).subspaceCoherence,
  'realization-cost': async () =>
    (await import('../compute/identifiability/realization-cost.ts')).realizationCost,
  'synthetic-coherence': async () =>
    (await import('../compute/synthetic/synthetic-coherence.ts')).syntheticCoherence,
  'chord-deviation': async () => (await import('../compute/chord/chord-deviation.ts')).chordDeviation,
  'permutation-sensitivity': async () =>
    (await import('../compute/identifiability/permutation-sensitivity.ts')).permutationSensitivity,
  'realization-cost-ridge': async () =>
    (await import('../compute/identifiability/realization-cost-ridge.ts')).realizationCostRidge,
  'function-classes': async () =>
    (await import('../compute/identifiability/function-classes.ts')).functionClasses,
  'inspect-neurons': async () =>
    (await import('../compute/identifiability/inspect-neurons.ts')).inspectNeurons,
  'linear-components': async () =>
    (await import('../compute/symmetry/linear-components.ts')).linearComponents,
  'skip-connections': async () => (await import('../compute/symmetry/skip-connections.ts')).skipConnections,
  'symmetry-curve': async () => (await import('../compute/symmetry/symmetry-curve.ts')).symmetryCurve,
  'rescaling-barrier': async () =>
    (await import('../compute/symmetry/rescaling-barrier.ts')).rescalingBarrier,
  'curvature-bound': async () => (await import('../compute/symmetry/curvature-bound.ts')).curvatureBound,
  'detect-symmetry': async () => (await import('../compute/symmetry/detect-symmetry.ts')).detectSymmetry,
  'weight-decay-study': async () =>
    (await import('../compute/symmetry/weight-decay-study.ts')).weightDecayStudy,
  evaluate: async () => (await import('../compute/evaluate-inputs.ts')).evaluateInputs,
  symmetries: async () => (await import('../interop/symmetries.ts')).symmetries,
  merge: async () => (await import('../compute/connectivity/merge.ts')).merge,
  'add-data': async () => (await import('../interop/data/add-data.ts')).addData,
  adopt: async () => (await import('../interop/adopt/adopt.ts')).adopt,
  'export-checkpoints': async () =>
    (await import('../interop/export/export-checkpoints.ts')).exportCheckpoints,
  import: async () => (await import('../interop/import/import.ts')).importRuns,
  hash: async () => (await import('../interop/import/hash.ts')).hashCheckpoints,
  'best-classifier': async () => (await import('../compute/data/best-classifier.ts')).bestClassifier,
  diagnose: async () => (await import('../compute/diagnose.ts')).diagnose,
};
