import type { z } from 'zod';

declare module 'zod' {
  /** What a param says of itself besides its description: `.meta({ label: 'Hidden units', advanced: true })`. */
  interface GlobalMeta {
    /** A noun, as forms call it. Every param of a kind has one. */
    label?: string;
    /** Few people change it: forms keep it behind “More settings”. */
    advanced?: boolean;
    /** A path or a list of them: read as people type paths, and made absolute. */
    path?: boolean;
    /** Taken from the command line, and without effect: forms leave it out. */
    withoutEffect?: boolean;
  }
}

/**
 * Which worker takes a job. `light` (reading headers) and `background` (hashing) have one each, at low priority, beside
 * the heavy jobs of `main`.
 */
export type JobLane = 'main' | 'light' | 'background';

/** Views of the app that show results as tabs, and the headings under which the tabs stand, in order. */
export const tabHeadings = {
  identifiability: ['One model', 'Two models', 'All groups', 'Synthetic data'],
  symmetry: ['Experiments'],
} as const;
export type TabbedView = keyof typeof tabHeadings;

/**
 * Where the app shows a result: in a view made for it, or as a tab that is made of the kind's form and its presentation.
 * Null: nowhere by itself (whoever asked for it uses it).
 */
export type JobPlace =
  | { readonly view: 'catalog' | 'interpolation' }
  | { [V in TabbedView]: { readonly view: V; readonly heading: (typeof tabHeadings)[V][number] } }[TabbedView]
  | null;

/**
 * How a question falls into parts, each measured and kept by itself: a job that was stopped goes on from the parts it
 * has, and another job that asks for some of the same parts takes them over.
 */
export interface JobParts {
  /** What a part is called in messages: `['checkpoint', 'checkpoints']`. */
  readonly unit: readonly [one: string, many: string];
  /** The result of one part: a partial result. */
  readonly partial: z.ZodType;
  /**
   * The whole result from those of its parts, in their order. It passes matrices on without looking into them: in the
   * engine's hands they are references to files.
   */
  join(params: unknown, partials: readonly unknown[]): unknown;
}

/** For kinds whose result may hold more than was asked for. Params are complete ones. */
export interface JobReuse {
  /** Of the params only what names the question. */
  question(params: unknown): unknown;
  /** How much of what is asked for a result of the same question has: 0 if it does not serve; more is better. */
  covers(given: unknown, asked: unknown): number;
}

/** The reuse of a kind with this schema. */
export function jobReuse<P extends z.ZodType>(
  _params: P,
  question: (params: z.output<P>) => unknown,
  covers: (given: z.output<P>, asked: z.output<P>) => number,
): JobReuse {
  return { question, covers } as JobReuse;
}

/**
 * A kind of job: what it is asked (`params`), what it gives (`result`), what people call it. One file per kind in
 * this folder. The function that does the work is named in `src-main/worker/table.ts`, the presentation of its results in
 * `src-shared/presentations/index.ts`; all else that belongs to a kind stands here.
 *
 * `params` parses what a person may write: paths still relative, defaults not yet filled in. Its output is complete,
 * so that the same question always has the same hash. Everything that decides the result must be in it (seeds too).
 */
export interface JobKind<Name extends string, P extends z.ZodType, R extends z.ZodType> {
  readonly kind: Name;
  /** Raised whenever the same params would give another result; part of the hash under which results are cached. */
  readonly version: number;
  readonly title: string;
  /** One or two sentences for forms and `--help`. */
  readonly summary: string;
  readonly params: P;
  readonly result: R;
  readonly lane: JobLane;
  readonly place: JobPlace;
  /** False if the same params must run again each time (training, import). */
  readonly cacheable: boolean;
  /** Reports about files, and results for a glance: results are listed only if asked for by kind. Absent: no. */
  readonly quiet?: boolean;
  /** Writes a run folder (`run`) and continues from its last checkpoint when it is told to `resume`. Absent: no. */
  readonly resumable?: boolean;
  /** Results hold matrices, always or if asked to with `withMatrices`: the viewer of matrices lists them. Absent: no. */
  readonly matrices?: boolean;
  /** When the result of other params serves too; absent: never. */
  readonly reuse?: JobReuse;
  /** For questions about many checkpoints; absent: the result comes in one piece. */
  readonly parts?: JobParts;
  /** Columns of the result as a table, where a row is the whole result, or an element of it if it is a list. */
  readonly tableColumns?: readonly string[];
}

export function defineJob<Name extends string, P extends z.ZodType, R extends z.ZodType>(
  job: JobKind<Name, P, R>,
): JobKind<Name, P, R> {
  return job;
}

/** The parts of a kind with these schemas. */
export function jobParts<P extends z.ZodType, Part extends z.ZodType, R extends z.ZodType>(
  schemas: { params: P; partial: Part; result: R },
  unit: JobParts['unit'],
  join: (params: z.output<P>, partials: z.output<Part>[]) => z.output<R>,
): JobParts {
  return { unit, partial: schemas.partial, join: join as JobParts['join'] };
}

export type ParamsOf<J> = J extends JobKind<string, infer P, z.ZodType> ? z.output<P> : never;
export type ParamsInputOf<J> = J extends JobKind<string, infer P, z.ZodType> ? z.input<P> : never;
export type ResultOf<J> = J extends JobKind<string, z.ZodType, infer R> ? z.output<R> : never;
