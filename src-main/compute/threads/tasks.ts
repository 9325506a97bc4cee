/** What the threads can be asked. Requests and answers travel between threads: plain objects and typed arrays. */
import { fixedCosts } from '../identifiability/fixed-costs.ts';
import { subspaceOf } from '../identifiability/subspace.ts';

const tasks = { fixedCosts, subspaceOf };

export type Tasks = typeof tasks;
export type TaskName = keyof Tasks;

export interface Request {
  name: TaskName;
  args: unknown[];
}

export const runTask = ({ name, args }: Request): unknown =>
  (tasks[name] as (...given: unknown[]) => unknown)(...args);

/** `complaint`: the message of a UserError. `defect`: ours. */
export type Reply =
  { answer: unknown } | { complaint: string; hint: string | undefined } | { defect: unknown };
