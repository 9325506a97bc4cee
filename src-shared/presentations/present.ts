/** How a result is shown: in words, as a table, as figures. The screen and the command line use the same. */
import type { z } from 'zod';
import type { FigureRecipe } from '../figures/index.ts';

export interface Presentation {
  /** One or two sentences for a person who has not read the paper: what was found. */
  verdict: string;
  /** Expectation met, not met, or neither applies. */
  tone: 'good' | 'bad' | 'plain';
  facts: [label: string, value: string][];
  table?: { columns: string[]; rows: (string | number)[][] };
  figures: { title: string; recipe: FigureRecipe }[];
  notes: string[];
}

/** The presentation of one kind's results, for results of any origin: they are parsed by the kind's schema first. */
export type Presenter = (result: unknown) => Presentation;

export function definePresenter<R extends z.ZodType>(
  job: { result: R },
  present: (result: z.output<R>) => Presentation,
): Presenter {
  return (result) => present(job.result.parse(result));
}

/** Four significant digits, a true minus sign. */
export function shown(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return text.replaceAll('-', '−');
}
