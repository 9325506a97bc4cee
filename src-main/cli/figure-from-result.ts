/** The figure that shows a stored result: curves for interpolations, the kind's own picture, heat maps for matrices. */
import type { BarrierName } from '../../src-shared/barriers.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import { packMatrix } from '../../src-shared/figures/index.ts';
import type { Interpolation } from '../../src-shared/jobs/interpolate.ts';
import { interpolateJob, pairsOf } from '../../src-shared/jobs/interpolate.ts';
import type { Matrix } from '../../src-shared/matrix.ts';
import { mapMatrices } from '../../src-shared/matrix.ts';
import { present } from '../../src-shared/presentations/index.ts';
import type { Presentation } from '../../src-shared/presentations/index.ts';

export interface FigureChoice {
  /** Of a result with several pictures: its number from 1, or a part of its title. */
  which?: string | undefined;
  metric: 'accuracy' | 'loss';
  split: 'train' | 'val' | 'test';
  /** Of interpolations: the definition whose barriers the caption quotes. */
  barrier: BarrierName;
  scale: 'linear' | 'signed-sqrt' | 'log';
}

export interface StoredResult {
  id: string;
  kind: string;
  title: string;
  result: unknown;
}

/** Throws UserError where the results cannot be one figure, or lack what was asked for. */
export function figureOfResults(results: readonly StoredResult[], choice: FigureChoice): FigureRecipe {
  if (results.every((stored) => stored.kind === interpolateJob.kind)) return interpolationOf(results, choice);
  const presented = results.flatMap(({ kind, result }) => present(kind, result)?.figures ?? []);
  if (presented.length > 0 && results.length === 1) return chosenOf(presented, choice.which);
  const panels = results.flatMap(matricesOf);
  if (panels.length === 0) {
    throw new UserError(
      `Nothing to draw: ${results.map((stored) => `${stored.id} (${stored.kind})`).join(', ')}`,
      {
        hint: 'Figures are drawn from interpolations, from one result of a kind that has a picture, and from results that hold matrices.',
      },
    );
  }
  return {
    kind: 'matrix',
    data: {
      rows: [panels.map(({ name, matrix }) => ({ title: name, matrix: packMatrix(matrix) }))],
      valueLabel: results[0]?.title ?? '',
      scale: choice.scale,
    },
  };
}

function chosenOf(figures: Presentation['figures'], which = '1'): FigureRecipe {
  const byTitle = figures.filter(({ title }) => title.toLowerCase().includes(which.toLowerCase()));
  const found = figures[Number(which) - 1] ?? byTitle[0];
  if (found) return found.recipe;
  throw new UserError(`--which ${which}: the result has no such picture.`, {
    hint: `There are ${figures.map(({ title }, i) => `${i + 1} (${title})`).join(', ')}.`,
  });
}

function matricesOf({ result }: StoredResult): { name: string; matrix: Matrix }[] {
  const found: { name: string; matrix: Matrix }[] = [];
  mapMatrices(result, (matrix, path) => {
    found.push({ name: path.slice(1), matrix });
    return null;
  });
  return found;
}

const panelTitles: Record<Interpolation['align'], string> = {
  none: 'as they are',
  activation: 'aligned by activations',
  weight: 'aligned by weights',
};

function panelTitle(curve: Interpolation): string {
  return curve.mode === 'reference-lmc-script' ? 'aligned as the LMC script does' : panelTitles[curve.align];
}

/** One panel per alignment, one series per result. */
function interpolationOf(
  results: readonly StoredResult[],
  { metric, split, barrier }: FigureChoice,
): FigureRecipe {
  const series = results.map((stored) => {
    const parsed = interpolateJob.result.parse(stored.result);
    const lacking = [...Map.groupBy(parsed.left_out ?? [], ({ reason }) => reason)].map(
      ([reason, left]) =>
        `Left out (models ${left.map(({ models }) => models.join('–')).join(', ')}): ${reason}.`,
    );
    return { label: stored.title, curves: pairsOf(parsed), lacking };
  });
  const titles = [...new Set(series.flatMap(({ curves }) => curves.map(panelTitle)))];
  const notes = series.flatMap(({ curves, lacking }) => [
    ...curves.flatMap(({ note }) => (note === undefined ? [] : [note])),
    ...lacking,
  ]);
  return {
    kind: 'interpolation',
    data: {
      metric,
      split,
      barrier,
      notes: [...new Set(notes)],
      panels: titles.map((title) => ({
        title,
        series: series
          .filter(({ curves }) => curves.some((curve) => panelTitle(curve) === title))
          .map(({ label, curves }) => ({
            label,
            lambdas: curves[0]?.lambdas ?? [],
            curves: curves.map((curve) => ({
              pair: `${curve.model1_index}–${curve.model2_index}`,
              values: valuesOf(curve, metric, split),
            })),
          })),
      })),
    },
  };
}

function valuesOf(
  curve: Interpolation,
  metric: FigureChoice['metric'],
  split: FigureChoice['split'],
): (number | null)[] {
  const values = curve[`${split}_${metric}`];
  if (values === undefined) {
    throw new UserError(`The result has no ${split} ${metric}: it was computed for other splits`, {
      hint: 'Choose another --split, or interpolate again with this one among --splits.',
    });
  }
  return values;
}
