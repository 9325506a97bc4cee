/**
 * The connected components of the zero-loss set of deep linear networks, found by joining trained solutions with
 * explicit zero-loss paths (B. Zhao, N. Dehmami, R. Walters, R. Yu, "Understanding Mode Connectivity via Parameter
 * Space Symmetry", arXiv 2505.23681, Proposition 4.1 and Corollary 4.2).
 */
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { linearComponentsJob } from '../../../src-shared/jobs/linear-components.ts';
import { ProgressMeter } from '../context.ts';
import type { Compute } from '../context.ts';
import { determinant } from '../linalg/solve.ts';
import { multiply } from '../linalg/multiply.ts';
import { RandomStream } from '../random.ts';
import { crossings, exampleCurves } from './class-crossings.ts';
import { drawLinearTask } from './linear-task.ts';
import type { LinearTask, Weights } from './linear-task.ts';
import { Partition } from './partition.ts';
import { joinSolutions, lossOfJoin, retracted, trainSolutions, zeroLoss } from './zero-loss-paths.ts';

type Params = ParamsOf<typeof linearComponentsJob>;
type Result = ResultOf<typeof linearComponentsJob>;

export const linearComponents: Compute<Params, Result> = async (params, context) => {
  const { layers, width, starts, seed, steps, learningRate } = params;
  const task = drawLinearTask(layers, width, 0, new RandomStream(seed, 'task'));
  const meter = new ProgressMeter(context, steps * 1.5);
  const stream = new RandomStream(seed, 'weights');
  const training = { starts, steps, learningRate };
  const { converged, left_out } = await trainSolutions(task, training, stream, context, meter);
  const joining = await joinSolutions(task, converged, context, {
    ...{ lossOf: lossOfJoin, joinsClasses: false },
    advance: (share) => meter.advance(share * 0.3 * steps, 'joining solutions by zero-loss paths'),
  });
  const signs = converged.map((weights) => determinantSigns(weights, width));
  const classes = joining.partition
    .sets()
    .map((members) => ({ members, ...describeClass(members, signs) }))
    .sort((a, b) => order(a.signs, b.signs));
  const across = await crossings(
    task,
    converged,
    classes.map(({ members }) => members),
    params.acrossPairs,
    new RandomStream(seed, 'across'),
    context,
    (part) => meter.advance(part * 0.2 * steps, 'searching paths across classes for singular matrices'),
  );
  const singular_values = await exampleCurves(task, converged, classes, context);
  return {
    expected: 2 ** (layers - 1),
    found: classes.length,
    starts,
    converged: converged.length,
    left_out,
    classes: classes.map(({ signs: ofClass, count, mixed }) => ({ signs: ofClass, count, mixed })),
    classes_match_signs: classes.every(({ mixed }) => !mixed) && distinct(classes) === classes.length,
    max_loss_on_paths_within: joining.worst,
    paths_within: joining.paths,
    min_singular_value_across: across.worst,
    paths_across: across.paths,
    singular_values,
    found_up_to_permutation: joinUpToPermutation(
      task,
      converged,
      classes.map(({ members }) => members),
    ),
    expected_up_to_permutation: width >= 2 ? 1 : 2 ** (layers - 1),
    layers,
    width,
    seed,
  };
};

function determinantSigns(weights: Weights, h: number): number[] {
  return weights.slice(0, -1).map((w) => determinant(w, h).sign);
}

function describeClass(members: readonly number[], signs: readonly number[][]) {
  const counts = new Map<string, number>();
  for (const member of members) {
    const key = signs[member]!.join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const [key] = [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most));
  return { signs: key.split(',').map(Number), count: members.length, mixed: counts.size > 1 };
}

function distinct(classes: readonly { signs: readonly number[] }[]): number {
  return new Set(classes.map(({ signs }) => signs.join())).size;
}

function order(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((sign, i) => sign !== b[i]);
  return at < 0 ? 0 : b[at]! - a[at]!;
}

/** How many classes are left when hidden units may be permuted: a swap of two units flips two determinants. */
function joinUpToPermutation(
  task: LinearTask,
  solutions: readonly Weights[],
  classes: readonly number[][],
): number {
  const partition = new Partition(classes.length);
  const { layers, width } = task;
  const variants = width < 2 ? [0] : Array.from({ length: 2 ** (layers - 1) }, (_, mask) => mask);
  for (let a = 0; a < classes.length; a++) {
    const from = retracted(task, solutions[classes[a]![0]!]!);
    for (let b = a + 1; b < classes.length; b++) {
      if (partition.root(a) === partition.root(b)) continue;
      const other = solutions[classes[b]![0]!]!;
      const joined = variants.some((mask) => {
        const loss = lossOfJoin(task, from, retracted(task, swapUnits(other, width, mask)));
        return loss !== undefined && loss < zeroLoss;
      });
      if (joined) partition.join(a, b);
    }
  }
  return partition.sets().length;
}

/** The network with hidden units 0 and 1 exchanged after each layer whose bit is set in `mask`: the same function. */
function swapUnits(weights: Weights, h: number, mask: number): Weights {
  const swap = Float64Array.from({ length: h * h }, (_, k) => {
    const [i, j] = [Math.floor(k / h), k % h];
    return +((i < 2 ? 1 - i : i) === j);
  });
  const out: Float64Array[] = weights.map((w) => w.slice());
  for (let i = 0; i < weights.length - 1; i++) {
    if ((mask & (1 << i)) === 0) continue;
    out[i] = multiply(swap, out[i]!, h, h, h);
    out[i + 1] = multiply(out[i + 1]!, swap, h, h, h);
  }
  return out;
}
