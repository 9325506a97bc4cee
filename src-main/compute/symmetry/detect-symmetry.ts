/** Which group element takes one trained minimum to another, and what that explains of the barrier between them. */
import { maxEndsBarrier } from '../../../src-shared/barriers.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { detectSymmetryJob } from '../../../src-shared/jobs/detect-symmetry.ts';
import { checkpointCancel } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { isIdentity } from '../alignment/permutation.ts';
import { expm } from '../linalg/expm.ts';
import { toMatrix } from '../linalg/library.ts';
import { identity } from '../linalg/multiply.ts';
import { singularValues } from '../linalg/svd.ts';
import { RandomStream } from '../random.ts';
import { detectInCheckpoints } from './detect-checkpoints.ts';
import { denseLoss, lineLosses, weightDistance } from './dense.ts';
import type { DenseTask, DenseWeights } from './dense.ts';
import { pathBetween } from './group-path.ts';
import { matchLinear } from './match-linear.ts';
import { matchRelu } from './match-relu.ts';
import { linearElement, moved, rescalingElement } from './orbit.ts';
import { trainedNetworks } from './trained-networks.ts';

type Params = ParamsOf<typeof detectSymmetryJob>;
type Result = ResultOf<typeof detectSymmetryJob>;

export const detectSymmetry: Compute<Params, Result> = async (params, context) => {
  if (params.run !== undefined || params.checkpoints !== undefined)
    return detectInCheckpoints(params, context);
  const { task, first, second } = await twoMinima(params, context);
  await checkpointCancel(context);
  const detected =
    params.activation === 'linear'
      ? detectLinear(task, first, second)
      : await detectRelu(task, first, second, params, context);
  const { image, ...found } = detected;
  const line_before = lineLosses(task, first, second, params.steps);
  const line_after = lineLosses(task, image, second, params.steps);
  const size = weightDistance(
    second,
    second.map((w) => new Float64Array(w.length)),
  );
  const residual_after = weightDistance(image, second);
  return {
    activation: params.activation,
    residual_before: weightDistance(first, second),
    residual_after,
    relative_residual: residual_after / size,
    barrier_before: maxEndsBarrier(line_before),
    barrier_after: maxEndsBarrier(line_after),
    end_loss: Math.max(line_before[0]!, line_before.at(-1)!),
    lambda: line_before.map((_, k) => k / params.steps),
    line_before,
    line_after,
    ...found,
    seed: params.seed,
  };
};

async function twoMinima(
  params: Params,
  context: ComputeContext,
): Promise<{ task: DenseTask; first: DenseWeights; second: DenseWeights }> {
  const count = params.second === 'independent' ? 2 : 1;
  const { task, networks } = await trainedNetworks(params, count, context);
  const first = networks[0]!;
  return { task, first, second: networks[1] ?? hiddenElement(first, task.dims, params) };
}

/** The first network moved by an element that the detection does not know: exp of a Gaussian, or permuted factors. */
function hiddenElement(
  first: DenseWeights,
  dims: readonly number[],
  { activation, width: h, seed }: Params,
): DenseWeights {
  const elements = first.slice(0, -1).map((_, i) => {
    const stream = new RandomStream(seed, 'hidden', i);
    if (activation === 'linear') {
      const log = Float64Array.from({ length: h * h }, () => stream.normal() / Math.sqrt(h));
      return linearElement(expm(log, h), h);
    }
    const order = stream.permutation(h);
    const { left, right } = rescalingElement(
      Float64Array.from({ length: h }, () => Math.exp(stream.normal())),
      1,
    );
    // Place j takes neuron order[j]: rows of `left` and columns of `right` in that order.
    return {
      left: left.map((_, k) => left[order[Math.floor(k / h)]! * h + (k % h)]!),
      right: right.map((_, k) => right[Math.floor(k / h) * h + order[k % h]!]!),
    };
  });
  return moved(first, elements, dims);
}

type Detected = Pick<
  Result,
  | 'group_elements'
  | 'determinant_signs'
  | 'permutations'
  | 'rescaling_distance'
  | 'predicted_same_component'
  | 'path_found'
  | 'path_excess_loss'
  | 'notes'
> & { image: Float64Array[] };

function detectLinear(task: DenseTask, first: DenseWeights, second: DenseWeights): Detected {
  const { dims } = task;
  const { elements, signs, image } = matchLinear(first, second, dims);
  const logs = elements.flatMap((g, i) =>
    Array.from(singularValues(g, dims[i + 1]!, dims[i + 1]!), Math.log),
  );
  const paths = elements.map((g, i) => {
    const n = dims[i + 1]!;
    return pathBetween(identity(n), g, n);
  });
  const open = paths.flatMap((path) => path ?? []);
  const path_found = open.length === paths.length;
  const excess = path_found
    ? excessAlong(task, first, (t) =>
        moved(
          first,
          open.map((path, i) => linearElement(path(t), dims[i + 1]!)),
          dims,
        ),
      )
    : null;
  return {
    image,
    group_elements: elements.map((g, i) => toMatrix(g, dims[i + 1]!, dims[i + 1]!).to2DArray()),
    determinant_signs: [...signs],
    rescaling_distance: rootMeanSquare(logs),
    predicted_same_component: signs.every((sign) => sign > 0),
    path_found,
    path_excess_loss: excess,
    notes: path_found
      ? []
      : [
          `no path inside the orbit: det g is negative for hidden layer ${signs.flatMap((sign, i) => (sign < 0 ? [i + 1] : [])).join(', ')}`,
        ],
  };
}

async function detectRelu(
  task: DenseTask,
  first: DenseWeights,
  second: DenseWeights,
  params: Params,
  context: ComputeContext,
): Promise<Detected> {
  const { dims } = task;
  const stream = new RandomStream(params.seed, 'matching');
  const match = await matchRelu(first, second, dims, params.restarts, stream, () =>
    checkpointCancel(context),
  );
  const same = match.permutations.every(isIdentity);
  // Only the rescaling can be walked: a permutation is a separate, discrete step.
  const rescaled = (weights: DenseWeights, t: number) => {
    const elements = match.factors.map((c) => rescalingElement(c, 1, t));
    return moved(weights, elements, dims);
  };
  const permuted = rescaled(match.image, -1);
  return {
    image: match.image,
    group_elements: match.factors.map((c) => [Array.from(c)]),
    permutations: match.permutations.map((p) => Array.from(p)),
    rescaling_distance: rootMeanSquare(match.factors.flatMap((c) => Array.from(c, Math.log))),
    predicted_same_component: same,
    path_found: same,
    path_excess_loss: excessAlong(task, first, (t) => rescaled(permuted, t)),
    notes: same
      ? []
      : [
          'the path covers the rescaling after a permutation of hidden units, which no continuous path can reach',
        ],
  };
}

function excessAlong(task: DenseTask, first: DenseWeights, path: (t: number) => DenseWeights): number {
  const base = denseLoss(task, first);
  let worst = 0;
  for (let k = 0; k <= 20; k++) worst = Math.max(worst, denseLoss(task, path(k / 20)) - base);
  return worst;
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / Math.max(1, values.length));
}
