/** Runs a job in this process as a worker would: params parsed, result checked, tensors counted. */
import type { ComputeContext } from '../../src-main/compute/context.ts';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { runJob } from '../../src-main/worker/run-job.ts';
import type { JobEvent } from '../../src-shared/progress.ts';
import { fixturePath } from './fixtures.ts';

export function testContext(events: JobEvent[] = [], signal = new AbortController().signal): ComputeContext {
  return { backend: () => loadBackend(), signal, emit: (event) => events.push(event) };
}

/**
 * A context whose job is cancelled in the middle of its work: from the `after`th time on that it looks at the signal.
 * `looks` counts these: a job that ends at once looks once more and never again.
 */
export function cancelledContext(after: number): { context: ComputeContext; looks: () => number } {
  let looks = 0;
  const signal = new AbortController().signal;
  Object.defineProperty(signal, 'aborted', { get: () => ++looks >= after });
  return { context: testContext([], signal), looks: () => looks };
}

/** The result, untyped: tests narrow what they read, as a notebook would. */
export function job<T>(kind: string, params: object, context = testContext()): Promise<T> {
  return runJob({ kind, params }, context) as Promise<T>;
}

/** The digits and the split that the golden numbers were computed on. */
export const goldenData = () => ({ name: 'mnist-10k', splitFile: fixturePath('golden/data_split.json') });
