/** The demo's picture: test accuracy along the line between two networks, as they are and after alignment. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import {
  alignmentTitle,
  interpolationFigure,
} from '../../../src-shared/presentations/interpolation-figure.ts';
import type { ProvenanceInput } from '../../../src-shared/provenance.ts';
import type { CurvesByTreatment, FamilySummary, Treatment } from './summary.ts';

export interface DrawnFamily {
  label: string;
  curves: CurvesByTreatment;
}

/** The panels of the figure, in their order. */
const drawnTreatments = ['none', 'activation'] as const satisfies readonly Treatment[];

/** Accuracies of all pairs of all families on one split, a panel for each way of aligning. */
export function demoCurves(
  families: readonly DrawnFamily[],
  split: 'train' | 'test' = 'test',
): FigureRecipe<'interpolation'>['data'] {
  const panels = drawnTreatments.map((align) => ({
    title: alignmentTitle({ align }),
    series: families.map(({ label, curves }) => ({ label, pairs: curves[align] })),
  }));
  const recipe = interpolationFigure(panels, {
    metric: 'accuracy',
    split,
    band: 'range',
    draw: 'mean',
  });
  if (!recipe) throw new Error(`the interpolations lack the ${split} accuracies that were requested`);
  return recipe.data;
}

export function demoFigure(
  families: readonly DrawnFamily[],
  theme: 'paper' | 'screen-light' | 'screen-dark',
  notes: { caption: string; provenance: ProvenanceInput },
): FigureRecipe<'interpolation'> {
  return { kind: 'interpolation', data: demoCurves(families), options: { theme, size: 'double' }, ...notes };
}

export function figureCaption(families: readonly FamilySummary[], setting: string): string {
  const pairs = families[0]?.pairs.length ?? 0;
  return (
    `Test accuracy of the network (1 - λ) A + λ B on the straight line between two independently trained networks A and B, ` +
    `mean and range over ${pairs} pairs. Left: unaligned. Right: aligned by activations, with the hidden units of B permuted to correlate best with those of A. ${setting}.`
  );
}
