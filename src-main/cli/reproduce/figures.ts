import type { Presentation } from '../../../src-shared/presentations/index.ts';
import type { ExperimentReport } from './experiment.ts';

/** The figures of a kind's own presentation, named after their kinds. */
export function figuresOf(shown: Presentation | undefined): ExperimentReport['figures'] {
  return Object.fromEntries((shown?.figures ?? []).map(({ recipe }) => [recipe.kind, recipe]));
}
