/** Questions about many checkpoints, measured part by part: each partial result is handed over as soon as it is there. */
import type { JobParts } from '../../src-shared/jobs/define.ts';
import { checkpointCancel, ProgressMeter } from './context.ts';
import type { ComputeContext } from './context.ts';

export interface PartContext extends ComputeContext {
  /** A share of the part at work is done: tells so. */
  advance(share: number, message: string): void;
  /** The same, and lets a cancel through. */
  between(share: number, message: string): Promise<void>;
}

/** The compute function of a kind with `parts`. */
export interface PartedCompute<Params, Part extends object = object, PartialResult = unknown> {
  /**
   * Complete params of every part, in the order of the result. They decide the partial result together with the files
   * that they name. Looks at names of files, reads no weights.
   * @throws UserError for a run, model or epoch that is not there
   */
  plan(params: Params): Part[];
  /** The partial results of some parts of a plan, in their order; what several need is loaded once. */
  measure(parts: readonly Part[], context: PartContext): AsyncIterable<PartialResult>;
}

/**
 * Measures the parts that are not known yet.
 * @returns the whole result; null where `context.parts` has all of its parts now
 * @throws what `plan` and `measure` throw; CancelledError
 */
export async function runInParts<Params>(
  { unit, partial, join }: JobParts,
  compute: PartedCompute<Params>,
  params: Params,
  context: ComputeContext,
): Promise<unknown> {
  const plan = compute.plan(params);
  const known = (await context.parts?.known(plan)) ?? plan.map(() => false);
  const left = plan.flatMap((_, index) => (known[index] ? [] : [index]));
  const before = plan.length - left.length;
  const counted = (count: number): string => `${count} ${unit[count === 1 ? 0 : 1]}`;
  if (before > 0) {
    const line = `${before} of ${counted(plan.length)} ${before === 1 ? 'was' : 'were'} already measured.`;
    context.emit({ type: 'log', level: 'info', line });
  }
  const suffix = before === 0 ? '' : ` · ${before} of ${counted(plan.length)} cached`;
  const meter = new ProgressMeter(context, plan.length, before);
  let done = before;
  const advance = (share: number, message: string): void => {
    // A measure whose shares add up to a little more than one must not run ahead of its parts.
    const room = Math.max(0, Math.min(share, done + 1 - meter.done));
    meter.advance(room, `${message}${suffix}`);
  };
  const partContext: PartContext = {
    ...context,
    advance,
    async between(share, message) {
      advance(share, message);
      await checkpointCancel(context);
    },
  };
  const partials: unknown[] = [];
  if (left.length > 0) {
    for await (const found of compute.measure(
      left.map((index) => plan[index]!),
      partContext,
    )) {
      const checked = partial.parse(found);
      if (context.parts) await context.parts.keep(left[done - before]!, checked);
      else partials.push(checked);
      done++;
      meter.advance(done - meter.done, `${done} of ${counted(plan.length)}${suffix}`);
      await checkpointCancel(context);
    }
  }
  return context.parts ? null : join(params, partials);
}
