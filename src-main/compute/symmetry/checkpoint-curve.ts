/** The symmetry curve of a whole checkpoint: rescaled as far as its network allows. */
import { UserError } from '../../../src-shared/errors.ts';
import { loadModels } from '../load-models.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { arrayDistance, blendedArrays, blendNotes } from '../networks/lines.ts';
import type { NamedArrays } from '../networks/permute.ts';
import { RandomStream } from '../random.ts';
import { rescalable, withLoss } from './checkpoint-loss.ts';
import { drawLogs, rescaled } from './checkpoint-rescaling.ts';
import { measureCurve } from './curve-measures.ts';
import type { CurveParams, CurveResult } from './curve-measures.ts';

type Doubles = NamedArrays<Float64Array>;

export async function checkpointCurve(params: CurveParams, context: ComputeContext): Promise<CurveResult> {
  if (params.g !== undefined) {
    throw new UserError(
      'g: a matrix applies to a network trained for the job; a checkpoint uses random factors (seed, scale)',
    );
  }
  const { scale, seed, steps } = params;
  const model = loadModels(params.run!, [params.model], params.epoch!)[0]!;
  const { arrays: start, plan } = rescalable(model, params.scope);
  const { graph } = model.run;
  const logs = drawLogs(plan, scale, (i) => new RandomStream(seed, 'group', i));
  let measured: Awaited<ReturnType<typeof measureCurve>> | undefined;
  const about = await withLoss(model, { ...params, evaluations: 2 * (steps + 1) }, context, async (loss) => {
    const meter = new ProgressMeter(context, 2 * (steps + 1));
    const curve = {
      at: (t: number) => rescaled(start, plan, logs, t),
      loss,
      distance: (a: Doubles, b: Doubles) => arrayDistance(graph, a, b),
      blended: blendedArrays,
    };
    measured = await measureCurve(curve, steps, async (t) => {
      meter.advance(1, `loss at t = ${t.toFixed(3)}`);
      await checkpointCancel(context);
    });
  });
  return {
    ...measured!,
    path: 'rescaling',
    group_elements: logs.map((units) => [Array.from(units, Math.exp)]),
    notes: [model.name, about, ...plan.notes, ...blendNotes(graph)],
    seed,
  };
}
