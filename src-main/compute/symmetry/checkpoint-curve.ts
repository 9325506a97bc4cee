/** The symmetry curve of a whole checkpoint: rescaled as far as its architecture allows. */
import { UserError } from '../../../src-shared/errors.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import { loadModels, mlpOf } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { RandomStream } from '../random.ts';
import { planRescaling, rescaled } from './checkpoint-rescaling.ts';
import { spreadOf } from './curve-measures.ts';
import type { CurveParams, CurveResult } from './curve-measures.ts';
import { combined, crossEntropy, wideDistance, widened } from './wide-network.ts';

export async function checkpointCurve(params: CurveParams, context: ComputeContext): Promise<CurveResult> {
  if (params.g !== undefined) {
    throw new UserError(
      'g: a matrix acts on a network trained on the spot; a checkpoint takes random factors (seed, scale)',
    );
  }
  const { scale, seed, split, steps } = params;
  const model = loadModels(params.run!, [params.model], params.epoch!)[0]!;
  const plan = planRescaling(mlpOf(model, 'neurons are rescaled'), model.state, params.scope);
  const { splits, description } = await loadAnalysisData(model.run, params.data, [split]);
  const examples = splits.get(split)!;
  const network = widened(model.network);
  const logs = plan.allowed.map((allowed, i) => {
    const stream = new RandomStream(seed, 'group', i);
    return Float64Array.from(allowed, (free) => (free === 1 ? scale * stream.normal() : 0));
  });
  const end = rescaled(network, plan, logs, 1);
  const meter = new ProgressMeter(context, steps + 1);
  const t = Array.from({ length: steps + 1 }, (_, k) => k / steps);
  const curve_loss: number[] = [];
  const line_loss: number[] = [];
  let curve_length = 0;
  let previous = network;
  for (const at of t) {
    const here = rescaled(network, plan, logs, at);
    curve_length += wideDistance(previous, here);
    previous = here;
    curve_loss.push(crossEntropy(here, examples));
    await checkpointCancel(context);
    line_loss.push(
      crossEntropy(
        combined(network, end, (x, y) => (at === 1 ? y : x + at * (y - x))),
        examples,
      ),
    );
    meter.advance(1, `loss at t = ${at.toFixed(3)}`);
    await checkpointCancel(context);
  }
  return {
    t,
    curve_loss,
    line_loss,
    ...spreadOf(curve_loss, line_loss),
    distance: wideDistance(network, end),
    curve_length,
    path: 'rescaling',
    group_elements: logs.map((layer) => [Array.from(layer, Math.exp)]),
    notes: [model.name, `${split} split of ${description}, ${examples.count} images`, ...plan.notes],
    seed,
  };
}
