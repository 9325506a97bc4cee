import type { Backend } from '../compute/backend/index.ts';
import { assertNoLeak, tensorCount } from '../compute/backend/index.ts';
import type { Compute, ComputeContext } from '../compute/context.ts';
import type { PartedCompute } from '../compute/parts.ts';
import { runInParts } from '../compute/parts.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { JobKindName } from '../../src-shared/jobs/index.ts';
import { jobKindNamed } from '../../src-shared/jobs/index.ts';
import { computeTable } from './table.ts';

export interface JobRequest {
  kind: string;
  params: unknown;
}

/**
 * Runs one job: checks its params, computes, checks that every tensor was given back, checks the result. The result
 * is as the kind's schema says, or null where `context.parts` was given all its parts. Throws UserError for bad params
 * and what the compute function throws.
 */
export async function runJob(request: JobRequest, context: ComputeContext): Promise<unknown> {
  const kind = jobKindNamed(request.kind);
  const params = kind.params.safeParse(request.params);
  if (!params.success) {
    const issues = params.error.issues.map(
      (issue) => `${issue.path.join('.') || 'params'}: ${issue.message}`,
    );
    throw new UserError(`${request.kind}: ${issues.join('; ')}`);
  }
  // The table holds, for each kind, the function of exactly that kind's params and result: its type says so.
  const compute = (await computeTable[request.kind as JobKindName]()) as
    Compute<unknown, unknown> | PartedCompute<unknown>;
  const watched = watchTensors(context, request.kind);
  let result: unknown;
  if (typeof compute === 'function') result = await compute(params.data, watched.context);
  else if (kind.parts) result = await runInParts(kind.parts, compute, params.data, watched.context);
  else throw new Error(`${request.kind} is computed in parts, but its kind does not say how they are joined`);
  watched.assertGivenBack();
  return result === null && context.parts ? null : kind.result.parse(result);
}

/** A context that remembers the tensor count from the moment the job first asks for the back end. */
function watchTensors(context: ComputeContext, kind: string) {
  let backend: Backend | undefined;
  let before: ReturnType<typeof tensorCount> | undefined;
  return {
    context: {
      signal: context.signal,
      parts: context.parts,
      emit: (event) => {
        context.emit(event);
      },
      async backend() {
        const loaded = await context.backend();
        if (before === undefined) {
          backend = loaded;
          before = tensorCount(loaded);
        }
        return loaded;
      },
    } satisfies ComputeContext,
    assertGivenBack() {
      if (backend === undefined || before === undefined) return;
      assertNoLeak(backend, before, `the job ${kind}`);
    },
  };
}
