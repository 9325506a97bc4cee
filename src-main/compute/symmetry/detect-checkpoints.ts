/** Detection between two whole checkpoints: permutation of units by weight matching, positive rescaling, in turn. */
import { maxEndsBarrier } from '../../../src-shared/barriers.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { detectSymmetryJob } from '../../../src-shared/jobs/detect-symmetry.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { isIdentity } from '../alignment/permutation.ts';
import { loadCheckpoints, refuseBeyondLinear } from '../load-models.ts';
import type { LoadedModel } from '../load-models.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { requireGroups, requireRescalings } from '../networks/check-symmetries.ts';
import { actingDoubles } from '../networks/effective.ts';
import { arrayDistance, blendNotes } from '../networks/lines.ts';
import type { NamedArrays } from '../networks/permute.ts';
import { requireSameShapes } from '../pairs.ts';
import { lossesOnLine, withLoss } from './checkpoint-loss.ts';
import { pinnedEntries, planRescaling } from './checkpoint-rescaling.ts';
import type { RescalingPlan } from './checkpoint-rescaling.ts';
import { matchCheckpoints } from './match-checkpoints.ts';

type Params = ParamsOf<typeof detectSymmetryJob>;
type Result = ResultOf<typeof detectSymmetryJob>;
type Doubles = NamedArrays<Float64Array>;

export async function detectInCheckpoints(params: Params, context: ComputeContext): Promise<Result> {
  const { run, models, epoch, checkpoints, steps, restarts, seed } = params;
  const [a, b] = loadCheckpoints({ run, models, epoch, checkpoints }) as [LoadedModel, LoadedModel];
  requireSameShapes([a, b]);
  refuseBeyondLinear(a.run, 'symmetries between checkpoints are detected');
  const network = a.run.graph;
  requireGroups(network, a.acting, a.name);
  const { rescalings, notes } = rescalingsOf(a);
  const first = actingDoubles(network, a.state);
  const second = actingDoubles(b.run.graph, b.state);
  const meter = new ProgressMeter(context, 2 * (steps + 1) + 12);
  const match = await matchCheckpoints(network, first, second, {
    ...{ rescalings, pins: pinnedEntries(network, a.state), restarts, seed },
    onVisit: () => checkpointCancel(context),
  });
  meter.advance(12, 'permutation and factors found');
  const losses = { before: [] as number[], after: [] as number[], excess: NaN };
  const about = await withLoss(a, { ...params, evaluations: 2 * steps + 4 }, context, async (loss) => {
    const line = (from: Doubles) =>
      lossesOnLine(loss, [from, second], steps, async (t) => {
        meter.advance(1, `loss on the straight line, lambda = ${t.toFixed(2)}`);
        await checkpointCancel(context);
      });
    losses.before = await line(first);
    losses.after = await line(match.image);
    losses.excess = Math.max(0, loss(match.image) - loss(first));
  });
  const permutations = [...match.permutations.values()];
  const logs = match.logs.flatMap((units) => Array.from(units));
  const identity = permutations.every(isIdentity);
  const residual_after = arrayDistance(network, match.image, second);
  return {
    activation: activationsOf(network),
    residual_before: arrayDistance(network, first, second),
    residual_after,
    relative_residual: residual_after / arrayDistance(network, second),
    barrier_before: maxEndsBarrier(losses.before),
    barrier_after: maxEndsBarrier(losses.after),
    end_loss: Math.max(losses.before[0]!, losses.before.at(-1)!),
    lambda: losses.before.map((_, k) => k / steps),
    line_before: losses.before,
    line_after: losses.after,
    group_elements: match.logs.map((units) => [Array.from(units, Math.exp)]),
    permutations: permutations.map((p) => Array.from(p)),
    rescaling_distance: Math.sqrt(logs.reduce((sum, x) => sum + x * x, 0) / Math.max(1, logs.length)),
    predicted_same_component: identity,
    path_found: identity,
    path_excess_loss: losses.excess,
    notes: [`${a.name} and ${b.name}`, about, ...notes, ...blendNotes(network)],
    seed,
  };
}

/** What may be rescaled; if nothing may, the reason becomes a note and permutations alone are looked for. */
function rescalingsOf({ run, state, name }: LoadedModel): Pick<RescalingPlan, 'rescalings' | 'notes'> {
  const network = run.graph;
  let plan: RescalingPlan;
  try {
    plan = planRescaling({ network, state, name }, 'neuron');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { rescalings: [], notes: [`permutations only: ${error.message}`] };
  }
  requireRescalings(network, actingDoubles(network, state), name, plan.rescalings);
  return plan;
}

/** "relu"; "gelu, tanh" if the network has both. */
function activationsOf({ nodes }: Network): string {
  const kinds = nodes.flatMap(({ op, attributes }) =>
    op === 'activation' ? [(attributes as { kind: string }).kind] : op === 'gate' ? [op] : [],
  );
  return kinds.length === 0 ? 'identity' : [...new Set(kinds)].join(', ');
}
