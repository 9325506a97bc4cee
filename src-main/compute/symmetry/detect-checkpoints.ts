/** Detection between two whole checkpoints: permutation of neurons by weight matching, positive rescaling, in turn. */
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { detectSymmetryJob } from '../../../src-shared/jobs/detect-symmetry.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { matchWeights } from '../alignment/weight-matching.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import { loadCheckpoints, mlpOf } from '../checkpoints.ts';
import type { LoadedModel } from '../checkpoints.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { requireSameShapes } from '../pairs.ts';
import { planRescaling, rescaled } from './checkpoint-rescaling.ts';
import type { RescalingPlan } from './checkpoint-rescaling.ts';
import { lossBarrier } from './dense.ts';
import { bestFactor } from './match-relu.ts';
import type { WideNetwork } from './wide-network.ts';
import { combined, crossEntropy, narrowed, permutedNeurons, wideDistance, widened } from './wide-network.ts';

type Params = ParamsOf<typeof detectSymmetryJob>;
type Result = ResultOf<typeof detectSymmetryJob>;

export async function detectInCheckpoints(params: Params, context: ComputeContext): Promise<Result> {
  const { run, models, epoch, checkpoints, split, steps } = params;
  const [a, b] = loadCheckpoints({ run, models, epoch, checkpoints }) as [LoadedModel, LoadedModel];
  const { activation } = mlpOf(a, 'neurons are rescaled');
  requireSameShapes([a, b]);
  const { plan, notes } = planFor(a);
  const { splits, description } = await loadAnalysisData(a.run, params.data, [split]);
  const examples = splits.get(split)!;
  const [first, second] = [widened(a.network), widened(b.network)];
  const meter = new ProgressMeter(context, 2 * (steps + 1) + 12);
  const match = await matchNetworks(first, second, { ...params, network: a.run.graph, plan }, context);
  meter.advance(12, 'permutation and factors found');
  const line = async (from: WideNetwork) => {
    const losses: number[] = [];
    for (let k = 0; k <= steps; k++) {
      const t = k / steps;
      losses.push(
        crossEntropy(
          combined(from, second, (x, y) => (t === 1 ? y : x + t * (y - x))),
          examples,
        ),
      );
      meter.advance(1, `loss on the straight line, lambda = ${t.toFixed(2)}`);
      await checkpointCancel(context);
    }
    return losses;
  };
  const line_before = await line(first);
  const line_after = await line(match.image);
  const identity = match.permutations.every((p) => p.every((j, place) => j === place));
  const logs = match.logs.flatMap((layer) => Array.from(layer));
  const residual_after = wideDistance(match.image, second);
  return {
    activation,
    residual_before: wideDistance(first, second),
    residual_after,
    relative_residual:
      residual_after /
      wideDistance(
        second,
        combined(second, second, () => 0),
      ),
    barrier_before: lossBarrier(line_before),
    barrier_after: lossBarrier(line_after),
    end_loss: Math.max(line_before[0]!, line_before.at(-1)!),
    lambda: line_before.map((_, k) => k / steps),
    line_before,
    line_after,
    group_elements: match.logs.map((layer) => [Array.from(layer, Math.exp)]),
    permutations: match.permutations.map((p) => Array.from(p)),
    rescaling_distance: Math.sqrt(logs.reduce((sum, x) => sum + x * x, 0) / Math.max(1, logs.length)),
    predicted_same_component: identity,
    path_found: identity,
    path_excess_loss: Math.max(0, crossEntropy(match.image, examples) - crossEntropy(first, examples)),
    notes: [
      `${a.name} and ${b.name}`,
      `${split} split of ${description}, ${examples.count} images`,
      ...notes,
    ],
    seed: params.seed,
  };
}

/** What may be rescaled; where nothing may, the reason becomes a note and permutations alone are looked for. */
function planFor(model: LoadedModel): { plan: RescalingPlan; notes: readonly string[] } {
  const spec = mlpOf(model, 'neurons are rescaled');
  try {
    const plan = planRescaling(spec, model.state, 'neuron');
    return { plan, notes: plan.notes };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const allowed = spec.layers.slice(0, -1).map(({ outputs }) => new Uint8Array(outputs));
    return { plan: { scope: 'neuron', allowed, notes: [] }, notes: [`permutations only: ${error.message}`] };
  }
}

interface NetworkMatch {
  readonly permutations: readonly Int32Array[];
  /** Logarithms of the factors, in the order after permuting. */
  readonly logs: readonly Float64Array[];
  readonly image: WideNetwork;
}

/** Permutation and rescaling in turn until the distance stops falling (rescaling first would hide behind wrong pairs). */
async function matchNetworks(
  first: WideNetwork,
  second: WideNetwork,
  {
    network,
    plan,
    restarts,
    seed,
  }: { network: Network; plan: RescalingPlan } & Pick<Params, 'restarts' | 'seed'>,
  context: ComputeContext,
): Promise<NetworkMatch> {
  const target = narrowed(second);
  const onVisit = () => checkpointCancel(context);
  let best: NetworkMatch = {
    permutations: first.layers
      .slice(0, -1)
      .map(({ outputs }) => Int32Array.from({ length: outputs }, (_, j) => j)),
    logs: plan.allowed.map((allowed) => new Float64Array(allowed.length)),
    image: first,
  };
  let distance = wideDistance(first, second);
  for (let round = 0; round < 10; round++) {
    const options = { restarts, seed, onVisit };
    const found = await matchWeights(network, target, narrowed(best.image), options);
    const permutations = [...found.permutations.values()];
    const order = best.permutations.map((p, i) => permutations[i]!.map((j) => p[j]!));
    const permutedFirst = permutedNeurons(first, order);
    // Neurons that may not be rescaled are so at their new places too.
    const here = {
      ...plan,
      allowed: plan.allowed.map((allowed, i) => allowed.map((_, j) => allowed[order[i]![j]!]!)),
    };
    const logs = bestRescaling(permutedFirst, second, here);
    const image = rescaled(permutedFirst, here, logs, 1);
    const apart = wideDistance(image, second);
    if (apart >= distance * (1 - 1e-12)) break;
    distance = apart;
    best = { permutations: order, logs, image };
    await checkpointCancel(context);
  }
  return best;
}

/** Coordinate descent on the factors of the allowed neurons, layer by layer, until they settle. */
function bestRescaling(from: WideNetwork, to: WideNetwork, plan: RescalingPlan): Float64Array[] {
  const logs = plan.allowed.map((allowed) => new Float64Array(allowed.length));
  for (let sweep = 0, moved = 1; sweep < 500 && moved > 1e-12; sweep++) {
    moved = 0;
    for (let i = 0; i < logs.length; i++) {
      const current = rescaled(from, plan, logs, 1);
      for (let j = 0; j < logs[i]!.length; j++) {
        if (plan.allowed[i]![j] !== 1) continue;
        const step = Math.log(bestFactor(...products(current, to, i, j)));
        logs[i]![j]! += step;
        moved = Math.max(moved, Math.abs(step));
      }
    }
  }
  return logs;
}

/** |r|^2, <r, r'>, |k|^2, <k, k'>: r is what a factor multiplies at neuron j of hidden layer i, k what it divides. */
function products(
  from: WideNetwork,
  to: WideNetwork,
  i: number,
  j: number,
): [number, number, number, number] {
  const [layer, other] = [from.layers[i]!, to.layers[i]!];
  const [next, otherNext] = [from.layers[i + 1]!, to.layers[i + 1]!];
  let [rr, rs, kk, ks] = [0, 0, 0, 0];
  const lower = (x: number | undefined, y: number | undefined) => {
    rr += (x ?? 0) ** 2;
    rs += (x ?? 0) * (y ?? 0);
  };
  if (layer.norm === undefined) {
    for (let p = j * layer.inputs; p < (j + 1) * layer.inputs; p++) lower(layer.weight[p], other.weight[p]);
    lower(layer.bias[j], other.bias[j]);
  } else {
    lower(layer.norm.weight?.[j], other.norm?.weight?.[j]);
    lower(layer.norm.bias?.[j], other.norm?.bias?.[j]);
  }
  for (let q = 0; q < next.outputs; q++) {
    const x = next.weight[q * next.inputs + j]!;
    kk += x * x;
    ks += x * otherNext.weight[q * next.inputs + j]!;
  }
  return [rr, rs, kk, ks];
}
