/** What the symmetry tools need of a checkpoint: its parameters and rescalings in float64, and its loss. */
import type { Split } from '../../../src-shared/domain.ts';
import { loadAnalysisData } from '../analysis-data.ts';
import type { DataWish } from '../analysis-data.ts';
import { refuseBeyondLinear } from '../load-models.ts';
import type { LoadedModel } from '../load-models.ts';
import type { ComputeContext } from '../context.ts';
import { requireRescalings } from '../networks/check-symmetries.ts';
import { DoubleLoss } from '../networks/double-loss.ts';
import { actingDoubles } from '../networks/effective.ts';
import { blendedArrays } from '../networks/lines.ts';
import type { NamedArray, NamedArrays } from '../networks/permute.ts';
import { planRescaling } from './checkpoint-rescaling.ts';
import type { RescalingPlan, RescalingScope } from './checkpoint-rescaling.ts';

/**
 * Acting parameters, and how they can be rescaled.
 * @throws UserError naming the model if nothing can, with the reasons, or if a rescaling changes the function
 */
export function rescalable(
  { run, state, name }: LoadedModel,
  scope: RescalingScope,
): { arrays: Map<string, NamedArray<Float64Array>>; plan: RescalingPlan } {
  refuseBeyondLinear(run, 'checkpoints are rescaled');
  const network = run.graph;
  const plan = planRescaling({ network, state, name }, scope);
  const arrays = actingDoubles(network, state);
  // Before a norm the function stays as it is only up to an epsilon: there is no bound to check.
  if (scope === 'neuron') requireRescalings(network, arrays, name, plan.rescalings);
  return { arrays, plan };
}

/** Mean cross entropy in float64 of parameters as they act. */
export type LossOf = (arrays: NamedArrays<Float64Array>) => number;

/**
 * @param wish the data, and how often the loss will be asked for
 * @returns what the loss was taken over, for the notes
 */
export async function withLoss(
  { run }: LoadedModel,
  { split, data, evaluations }: { split: Split; data: DataWish; evaluations: number },
  context: ComputeContext,
  work: (loss: LossOf) => Promise<void>,
): Promise<string> {
  const { splits, description } = await loadAnalysisData(run, data, [split]);
  const examples = splits.get(split)!;
  const loss = new DoubleLoss(await context.backend(), run.graph, examples, evaluations);
  try {
    await work((arrays) => loss.of(arrays));
  } finally {
    loss.dispose();
  }
  return `${split} split of ${description}, ${examples.count} images`;
}

/**
 * Losses at steps + 1 points of the straight line between two networks.
 * @param between called after each; throw there to stop
 */
export async function lossesOnLine(
  loss: LossOf,
  [from, to]: readonly [NamedArrays<Float64Array>, NamedArrays<Float64Array>],
  steps: number,
  between: (t: number, loss: number) => Promise<void>,
): Promise<number[]> {
  const losses: number[] = [];
  for (let k = 0; k <= steps; k++) {
    const here = loss(blendedArrays(from, to, k / steps));
    losses.push(here);
    await between(k / steps, here);
  }
  return losses;
}
