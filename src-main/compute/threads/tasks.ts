/**
 * What threads can be asked: a function that its module exports. Requests and answers travel between threads: plain
 * objects and typed arrays.
 */

export interface Task<Args extends unknown[], Answer> {
  /** Where the function comes from: a thread imports it from there. */
  readonly module: string;
  readonly name: string;
  readonly run: (...args: Args) => Answer;
}

/**
 * The function as a task.
 * @param module `import.meta.url` of the module that exports it under its own name
 */
export const taskOf = <Args extends unknown[], Answer>(
  module: string,
  run: (...args: Args) => Answer,
): Task<Args, Answer> => ({ module, name: run.name, run });

export interface Request {
  module: string;
  name: string;
  args: unknown[];
}

/** `complaint`: the message of a UserError. `defect`: ours. */
export type Reply =
  { answer: unknown } | { complaint: string; hint: string | undefined } | { defect: unknown };
