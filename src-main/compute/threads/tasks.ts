/**
 * What threads can be asked: a function that its module exports. Requests and results travel between threads: plain
 * objects and typed arrays.
 */

export interface Task<Args extends unknown[], Result> {
  /** Where the function comes from: a thread imports it from there. */
  readonly module: string;
  readonly name: string;
  readonly run: (...args: Args) => Result;
}

/**
 * The function as a task.
 * @param module `import.meta.url` of the module that exports it under its own name
 */
export const taskOf = <Args extends unknown[], Result>(
  module: string,
  run: (...args: Args) => Result,
): Task<Args, Result> => ({ module, name: run.name, run });

export interface Request {
  module: string;
  name: string;
  args: unknown[];
}

/** `complaint`: the message of a UserError. `defect`: ours. */
export type Reply =
  { result: unknown } | { complaint: string; hint: string | undefined } | { defect: unknown };
