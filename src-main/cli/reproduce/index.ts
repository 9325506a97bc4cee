/** The experiments that `basin reproduce NAME` knows, in the order in which `basin reproduce all` runs them. */
import type { Experiment } from './experiment.ts';

export const experiments: Readonly<Record<string, () => Promise<{ experiment: Experiment }>>> = {
  'main-table': () => import('./main-table.ts'),
  resnet: () => import('./resnet.ts'),
  'intrinsic-dimension': () => import('./intrinsic-dimension.ts'),
  coherence: () => import('./coherence.ts'),
  'matching-objective': () => import('./matching-objective.ts'),
  'sigma-sweep': () => import('./sigma-sweep.ts'),
  'sparsity-sweep': () => import('./sparsity-sweep.ts'),
  'swap-costs': () => import('./swap-costs.ts'),
  'chord-deviation': () => import('./chord-deviation.ts'),
  'symmetry-breaking': () => import('./symmetry-breaking.ts'),
  'function-classes': () => import('./function-classes.ts'),
  'activation-patterns': () => import('./activation-patterns.ts'),
  'figure-5': () => import('./figure-5.ts'),
  'cost-rates': () => import('./cost-rates.ts'),
  'coherence-over-training': () => import('./coherence-over-training.ts'),
  instability: () => import('./instability.ts'),
  symmetry: () => import('./symmetry.ts'),
  sgd: () => import('./sgd.ts'),
  batchnorm: () => import('./batchnorm.ts'),
  'skip-connections': () => import('./skip-connections.ts'),
  'curvature-bound': () => import('./curvature-bound.ts'),
  'weight-decay': () => import('./weight-decay.ts'),
  'symmetry-detection': () => import('./symmetry-detection.ts'),
  'components-convergence': () => import('./components-convergence.ts'),
  'barrier-bound': () => import('./barrier-bound.ts'),
};
export const experimentNames = Object.keys(experiments);
