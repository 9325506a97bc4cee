/** The figure that shows a stored result: curves for interpolations, the kind's own picture, heat maps for matrices. */
import type { BarrierName } from '../../src-shared/barriers.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import { packMatrix } from '../../src-shared/figures/index.ts';
import { epochsOfPairs, interpolateJob, pairsOf } from '../../src-shared/jobs/interpolate.ts';
import type { Matrix } from '../../src-shared/matrix.ts';
import { mapMatrices } from '../../src-shared/matrix.ts';
import { present } from '../../src-shared/presentations/index.ts';
import {
  curveOf,
  interpolationFigure,
  panelsByAlignment,
  panelsByEpoch,
} from '../../src-shared/presentations/interpolation-figure.ts';
import {
  barrierFigureTitle,
  barrierOverEpochsFigure,
} from '../../src-shared/presentations/barrier-figure.ts';
import type { CurveSeries } from '../../src-shared/presentations/interpolation-figure.ts';
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

/** Colours of groups by what a result's title may name: the group, or a run in it. */
export type GroupColours = ReadonlyMap<string, string>;

export interface StoredResult {
  id: string;
  kind: string;
  title: string;
  result: unknown;
}

/** Throws UserError where the results cannot be one figure, or lack what was asked for. */
export function figureOfResults(
  results: readonly StoredResult[],
  choice: FigureChoice,
  colours: GroupColours = new Map(),
): FigureRecipe {
  if (results.every((stored) => stored.kind === interpolateJob.kind))
    return interpolationOf(results, choice, colours);
  const presented = results.flatMap(({ kind, result }) => present(kind, result)?.figures ?? []);
  if (presented.length > 0 && results.length === 1) return chosenOf(presented, choice.which);
  const panels = results.flatMap(matricesOf);
  if (panels.length === 0) {
    throw new UserError(
      `Nothing to draw: ${results.map((stored) => `${stored.id} (${stored.kind})`).join(', ')}`,
      {
        hint: 'Figures are drawn from interpolations, from one result of a kind that has figures, or from results with matrices.',
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
  throw new UserError(`--which ${which}: the result has no such figure.`, {
    hint: `It has ${figures.map(({ title }, i) => `${i + 1} (${title})`).join(', ')}.`,
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

/** Of a result over several epochs their barriers, else curves, unless the other is asked for. One panel per way of aligning, one series per result. */
function interpolationOf(
  results: readonly StoredResult[],
  { metric, split, barrier, which }: FigureChoice,
  colours: GroupColours,
): FigureRecipe {
  const parsed = results.map(({ title, result }) => ({ title, result: interpolateJob.result.parse(result) }));
  const series = parsed.map(({ title, result }): CurveSeries => {
    const colour = colours.get(subjectOf(title));
    return { label: title, pairs: pairsOf(result), ...(colour !== undefined && { colour }) };
  });
  const notes = parsed.flatMap(({ result }) =>
    [...Map.groupBy(result.left_out ?? [], ({ reason }) => reason)].map(
      ([reason, left]) =>
        `Left out (models ${left.map(({ models }) => models.join('–')).join(', ')}): ${reason}.`,
    ),
  );
  if (!series.every(({ pairs }) => pairs.every((pair) => curveOf(pair, split, metric)))) {
    const other = metric === 'accuracy' ? 'loss' : 'accuracy';
    if (series.every(({ pairs }) => pairs.every((pair) => curveOf(pair, split, other))))
      throw new UserError(`The result has no ${metric}: its networks predict numbers.`, {
        hint: `Draw the ${other}: --metric ${other}.`,
      });
    throw new UserError(`The result has no ${split} ${metric}: it was computed for other splits.`, {
      hint: 'Choose another --split, or interpolate again with --splits including this one.',
    });
  }
  const choice = { metric, split, barrier, notes };
  const several = series.some(({ pairs }) => epochsOfPairs(pairs).length > 1);
  const curves = {
    title: 'Curves',
    recipe: interpolationFigure(
      several ? panelsByEpoch(series) : panelsByAlignment(seriesBySubject(series)),
      choice,
    ),
  };
  const barriers = {
    title: barrierFigureTitle,
    recipe: barrierOverEpochsFigure(panelsByAlignment(seriesOverEpochs(series)), choice),
  };
  const found = (several ? [barriers, curves] : [curves, barriers]).flatMap(({ title, recipe }) =>
    recipe ? [{ title, recipe }] : [],
  );
  return chosenOf(found, which);
}

/** `Interpolate, aligned by weights: NAME` -> NAME. */
const subjectOf = (title: string): string => title.replace(/^Interpolate[^:]*: /, '');

/** Results about the same runs are one series, if they have no panel in common: one for each way of aligning. */
function seriesBySubject(series: readonly CurveSeries[]): CurveSeries[] {
  return [...Map.groupBy(series, ({ label }) => subjectOf(label))].flatMap(([label, same]) => {
    const panels = same.flatMap((one) => panelsByAlignment([one]).map(({ title }) => title));
    if (new Set(panels).size < panels.length) return same;
    return [{ ...same[0]!, label, pairs: same.flatMap(({ pairs }) => pairs) }];
  });
}

/** Results about the same runs are one series, whatever their epoch and however they were aligned. */
function seriesOverEpochs(series: readonly CurveSeries[]): CurveSeries[] {
  return [...Map.groupBy(series, ({ label }) => subjectOf(label))].map(([label, same]) => ({
    label,
    ...(same[0]?.colour !== undefined && { colour: same[0].colour }),
    pairs: same.flatMap(({ pairs }) => pairs),
  }));
}
