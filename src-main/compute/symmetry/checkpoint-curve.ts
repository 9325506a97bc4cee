/** The symmetry curve of a whole checkpoint: rescaled as far as its network allows. */
import { UserError } from '../../../src-shared/errors.ts';
import { loadModels } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { arrayDistance, blendedArrays, blendNotes } from '../networks/lines.ts';
import { RandomStream } from '../random.ts';
import { rescalable, withLoss } from './checkpoint-loss.ts';
import { drawLogs, rescaled } from './checkpoint-rescaling.ts';
import { spreadOf } from './curve-measures.ts';
import type { CurveParams, CurveResult } from './curve-measures.ts';

export async function checkpointCurve(params: CurveParams, context: ComputeContext): Promise<CurveResult> {
  if (params.g !== undefined) {
    throw new UserError(
      'g: a matrix acts on a network trained on the spot; a checkpoint takes random factors (seed, scale)',
    );
  }
  const { scale, seed, steps } = params;
  const model = loadModels(params.run!, [params.model], params.epoch!)[0]!;
  const { arrays: start, plan } = rescalable(model, params.scope);
  const { graph } = model.run;
  const logs = drawLogs(plan, scale, (i) => new RandomStream(seed, 'group', i));
  const end = rescaled(start, plan, logs, 1);
  const t = Array.from({ length: steps + 1 }, (_, k) => k / steps);
  const curve_loss: number[] = [];
  const line_loss: number[] = [];
  let curve_length = 0;
  const about = await withLoss(model, { ...params, evaluations: 2 * t.length }, context, async (loss) => {
    const meter = new ProgressMeter(context, steps + 1);
    let previous = start;
    for (const at of t) {
      const here = rescaled(start, plan, logs, at);
      curve_length += arrayDistance(graph, previous, here);
      previous = here;
      curve_loss.push(loss(here));
      await checkpointCancel(context);
      line_loss.push(loss(blendedArrays(start, end, at)));
      meter.advance(1, `loss at t = ${at.toFixed(3)}`);
      await checkpointCancel(context);
    }
  });
  return {
    t,
    curve_loss,
    line_loss,
    ...spreadOf(curve_loss, line_loss),
    distance: arrayDistance(graph, start, end),
    curve_length,
    path: 'rescaling',
    group_elements: logs.map((units) => [Array.from(units, Math.exp)]),
    notes: [model.name, about, ...plan.notes, ...blendNotes(graph)],
    seed,
  };
}
