/** How a result is shown: in words, as a table, as figures. The screen and the command line use the same. */
import type { z } from 'zod';
import type { FigureRecipe } from '../figures/index.ts';
import { toneOf, type Finding } from '../verdicts/rules.ts';

export interface Presentation {
  /** One or two sentences for a person who has not read the paper: what was found. */
  verdict: string;
  /** Expectation met, not met, or neither applies. */
  tone: 'good' | 'bad' | 'plain';
  facts: [label: string, value: string][];
  table?: { columns: string[]; rows: (string | number)[][] };
  /** In a table over many runs: a line, or one for each epoch of the result, with a few numbers by name. */
  lines?: PresentedLine[];
  figures: { title: string; recipe: FigureRecipe }[];
  notes: string[];
}

export interface PresentedLine {
  /** Null: as the question says. */
  epoch: number | null;
  cells: Record<string, string | number>;
}

/** The presentation of one kind's results, for results of any origin: they are parsed by the kind's schema first. */
export interface Presenter<Kind extends string = string> {
  readonly kind: Kind;
  present(result: unknown): Presentation;
}

export function definePresenter<Kind extends string, R extends z.ZodType>(
  { kind, result: schema }: { kind: Kind; result: R },
  present: (result: z.output<R>) => Presentation,
): Presenter<Kind> {
  return { kind, present: (result) => present(schema.parse(result)) };
}

/** A finding as the head of a presentation, coloured as the theory expects it. */
export const told = (finding: Finding): Pick<Presentation, 'verdict' | 'tone'> => ({
  verdict: finding.text,
  tone: toneOf(finding),
});

/** The same if nothing is expected. */
export const toldPlainly = ({ text }: Finding): Pick<Presentation, 'verdict' | 'tone'> => ({
  verdict: text,
  tone: 'plain',
});
