/** The demo's picture: test accuracy along the line between two networks, as they are and after alignment. */
import type { FigureRecipe } from '../../../src-shared/figures/index.ts';
import type { ProvenanceInput } from '../../../src-shared/provenance.ts';
import type { CurvesByTreatment, FamilySummary, Treatment } from './summary.ts';

export interface DrawnFamily {
  label: string;
  curves: CurvesByTreatment;
}

const panels: { title: string; treatment: Treatment }[] = [
  { title: 'as trained', treatment: 'none' },
  { title: 'aligned by activations', treatment: 'activation' },
];

export function demoFigure(
  families: readonly DrawnFamily[],
  theme: 'paper' | 'screen-light' | 'screen-dark',
  notes: { caption: string; provenance: ProvenanceInput },
): FigureRecipe<'interpolation'> {
  return {
    kind: 'interpolation',
    data: {
      metric: 'accuracy',
      split: 'test',
      band: 'range',
      draw: 'mean',
      panels: panels.map(({ title, treatment }) => ({
        title,
        series: families.map(({ label, curves }) => ({
          label,
          lambdas: curves[treatment][0]?.lambdas ?? [],
          curves: curves[treatment].map(({ model1_index, model2_index, test_accuracy }) => ({
            pair: `${model1_index}–${model2_index}`,
            values: test_accuracy ?? [],
          })),
        })),
      })),
    },
    options: { theme, size: 'double' },
    ...notes,
  };
}

export function figureCaption(families: readonly FamilySummary[], setting: string): string {
  const pairs = families[0]?.pairs.length ?? 0;
  return (
    `Test accuracy of the network (1 - λ) A + λ B on the straight line between two independently trained networks A and B, ` +
    `mean and range over ${pairs} pairs. Left: the networks as trained. Right: the hidden units of B permuted first, ` +
    `to correlate best with those of A. ${setting}.`
  );
}
