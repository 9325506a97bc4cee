/** From measured pairs to figures and tables: picks split and metric, sums up over pairs. */
import type { Split } from '../../src-shared/domain.ts';
import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import type { BarrierName } from '../../src-shared/barriers.ts';
import { barriersOf } from '../../src-shared/jobs/interpolate.ts';
import type { Interpolation } from '../../src-shared/jobs/interpolate.ts';
import {
  curveOf,
  interpolationFigure,
  type Metric,
} from '../../src-shared/presentations/interpolation-figure.ts';
import { barrierOverEpochsFigure } from '../../src-shared/presentations/barrier-figure.ts';
import type { Measured } from './measurement.svelte.ts';

export interface Spread {
  mean: number;
  /** n - 1; 0 for a single value. */
  std: number;
  n: number;
}

export function spread(values: number[]): Spread | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const std = n < 2 ? 0 : Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / (n - 1));
  return { mean, std, n };
}

/** A barrier by one definition, or why there is none. */
export interface OneBarrier {
  /** Nats of loss, or percentage points of accuracy lost. */
  value: number | null;
  reason: string | undefined;
}

/** Undefined if the pair was not evaluated on the split. */
export function barrierOf(
  pair: Interpolation,
  split: Split,
  metric: Metric,
  definition: BarrierName,
): OneBarrier | undefined {
  const found = barriersOf(pair, split)[metric];
  return found && { value: found[definition], reason: found.reason };
}

/** A mean, and how many of those that were to be in it have no number. */
export interface Summary {
  spread: Spread | null;
  missing: number;
  all: number;
}

function summaryOf(values: readonly (number | null)[]): Summary {
  const known = values.filter((value) => value !== null);
  return { spread: spread(known), missing: values.length - known.length, all: values.length };
}

/** Over pairs. */
export function barrierSummary(
  measured: Measured,
  split: Split,
  metric: Metric,
  definition: BarrierName,
): Summary {
  const found = measured.pairs.flatMap((pair) => barrierOf(pair, split, metric, definition) ?? []);
  return summaryOf(found.map(({ value }) => value));
}

/** Whether a pair was evaluated on the split and has no accuracy there: numbers are predicted. */
export const hasOnlyLoss = (pair: Interpolation, split: Split): boolean =>
  pair[`${split}_loss`] !== undefined && pair[`${split}_accuracy`] === undefined;

/** Accuracy (percent) or loss of the models themselves, each counted once. */
export function endpointSummary(measured: Measured, split: Split, metric: Metric): Summary {
  const ends = new Map<string, number | null>();
  for (const pair of measured.pairs) {
    const curve = curveOf(pair, split, metric);
    if (!curve) continue;
    ends.set(pair.checkpoint_path_1, curve[0]!);
    ends.set(pair.checkpoint_path_2, curve.at(-1)!);
  }
  return summaryOf([...ends.values()]);
}

/** How it is drawn. */
interface DrawnChoice {
  split: Split;
  metric: Metric;
  draw: 'mean' | 'both' | 'single';
  band: 'range' | 'std';
  barrier: BarrierName;
}

export function interpolationRecipe(
  panels: readonly Panel[],
  choice: DrawnChoice,
): FigureRecipe<'interpolation'> | null {
  return interpolationFigure(shownIn(panels), { ...choice, notes: notesIn(panels) });
}

interface Panel {
  title: string;
  measured: Measured[];
}

const shownIn = (panels: readonly Panel[]) =>
  panels.map(({ title, measured }) => ({
    title,
    series: measured.map(({ group: { key, colour }, pairs }) => ({ label: key, colour, pairs })),
  }));

const notesIn = (panels: readonly Panel[]): string[] =>
  panels.flatMap(({ measured }) => measured.flatMap((each) => each.captionNotes));

/** What is drawn over epochs: one panel per alignment. */
export function barrierRecipe(
  panels: readonly Panel[],
  choice: DrawnChoice,
): FigureRecipe<'barrier-over-epochs'> | null {
  return barrierOverEpochsFigure(shownIn(panels), { ...choice, notes: notesIn(panels) });
}

/** The same groups at several epochs as one each. @param all of every epoch the same groups, in the same order */
export function acrossEpochs(all: readonly Measured[][]): Measured[] {
  return (all[0] ?? []).map((first, g) => {
    const same = all.flatMap((measured) => measured[g] ?? []);
    // Single checkpoints are asked about once, whatever the epoch.
    const pairs = [...new Set(same.flatMap((each) => each.pairs))];
    return {
      ...first,
      pairs,
      captionNotes: [...new Set(same.flatMap((each) => each.captionNotes))],
      resultIds: [...new Set(same.flatMap((each) => each.resultIds))],
    };
  });
}
