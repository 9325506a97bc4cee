import type { z } from 'zod';

/**
 * A kind of job: what it is asked (`params`), what it answers (`result`), what people call it. One file per kind in
 * this folder; `src-main/compute` holds the function of the same name that does the work.
 *
 * `params` parses what a person may write: paths still relative, defaults not yet filled in. Its output is complete,
 * so that the same question always has the same hash. Everything that decides the answer must be in it (seeds too).
 */
export interface JobKind<Name extends string, P extends z.ZodType, R extends z.ZodType> {
  readonly kind: Name;
  /** Raised whenever the same params would give another answer; part of the hash under which results are cached. */
  readonly version: number;
  readonly title: string;
  /** One or two sentences for forms and `--help`. */
  readonly summary: string;
  readonly params: P;
  readonly result: R;
  /** False where the same params must run again each time (training, import). */
  readonly cacheable: boolean;
  /** Columns of the result as a table, where a row is the whole result, or an element of it if it is a list. */
  readonly tableColumns?: readonly string[];
}

export function defineJob<Name extends string, P extends z.ZodType, R extends z.ZodType>(
  job: JobKind<Name, P, R>,
): JobKind<Name, P, R> {
  return job;
}

export type ParamsOf<J> = J extends JobKind<string, infer P, z.ZodType> ? z.output<P> : never;
export type ParamsInputOf<J> = J extends JobKind<string, infer P, z.ZodType> ? z.input<P> : never;
export type ResultOf<J> = J extends JobKind<string, z.ZodType, infer R> ? z.output<R> : never;
