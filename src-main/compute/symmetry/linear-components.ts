/**
 * The connected components of the zero-loss set of deep linear networks, found by joining trained solutions with
 * explicit zero-loss paths (B. Zhao, N. Dehmami, R. Walters, R. Yu, "Understanding Mode Connectivity via Parameter
 * Space Symmetry", arXiv 2505.23681, Proposition 4.1 and Corollary 4.2).
 */
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { linearComponentsJob } from '../../../src-shared/jobs/linear-components.ts';
import { checkpointCancel, ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { determinant, solve } from '../linalg/lu.ts';
import { multiply, transpose } from '../linalg/multiply.ts';
import { RandomStream } from '../random.ts';
import { pathBetween } from './group-path.ts';
import { drawLinearTask, innerProduct, linearLoss } from './linear-task.ts';
import type { LinearTask, Weights } from './linear-task.ts';
import { Partition } from './partition.ts';
import { leastSingularValue } from './singular-crossing.ts';
import { trainLinear } from './train-linear.ts';

type Params = ParamsOf<typeof linearComponentsJob>;
type Result = ResultOf<typeof linearComponentsJob>;

/** A start counts as converged, and a point of a path as zero-loss, below this fraction of |Y|^2. */
export const zeroLoss = 1e-12;
const pathPoints = 16;

export const linearComponents: Compute<Params, Result> = async (params, context) => {
  const { layers, width, starts, seed, steps, learningRate } = params;
  const task = drawLinearTask(layers, width, 0, new RandomStream(seed, 'task'));
  const meter = new ProgressMeter(context, steps * 1.5);
  const trained = await trainLinear(
    task,
    { starts, steps, learningRate },
    new RandomStream(seed, 'weights'),
    context,
    meter,
  );
  const losses = trained.map((weights) => linearLoss(task, weights) / task.targetNorm);
  const converged = trained.filter((_, k) => losses[k]! < zeroLoss);
  const advance = (message: string) =>
    meter.advance((0.5 * steps) / (2 * Math.max(1, converged.length)), message);
  const joining = await joinAll(task, converged, context, advance);
  const classes = joining.partition.sets();
  const signs = converged.map((weights) => determinantSigns(weights, width));
  const across = await crossings(
    task,
    converged,
    classes,
    params.acrossPairs,
    new RandomStream(seed, 'across'),
    context,
  );
  const described = classes
    .map((members) => describeClass(members, signs))
    .sort((a, b) => order(a.signs, b.signs));
  return {
    expected: 2 ** (layers - 1),
    found: classes.length,
    starts,
    converged: converged.length,
    left_out: losses.flatMap((loss, start) => (loss < zeroLoss ? [] : [{ start, relative_loss: loss }])),
    classes: described,
    classes_match_signs: described.every(({ mixed }) => !mixed) && distinct(described) === classes.length,
    max_loss_on_paths_within: joining.worst,
    paths_within: joining.paths,
    min_singular_value_across: across.worst,
    paths_across: across.paths,
    found_up_to_permutation: joinUpToPermutation(task, converged, classes),
    expected_up_to_permutation: width >= 2 ? 1 : 2 ** (layers - 1),
    layers,
    width,
    seed,
  };
};

interface Joining {
  readonly partition: Partition;
  /** Largest loss on any path that joined two solutions, as a fraction of |Y|^2. */
  readonly worst: number;
  readonly paths: number;
}

/** Tries a path from each solution to one member of every class known so far. No determinant is looked at. */
async function joinAll(
  task: LinearTask,
  solutions: readonly Weights[],
  context: ComputeContext,
  advance: (message: string) => void,
): Promise<Joining> {
  const partition = new Partition(solutions.length);
  const exact = solutions.map((weights) => retracted(task, weights));
  let worst = 0;
  let paths = 0;
  for (let k = 0; k < solutions.length; k++) {
    const here = retractionLoss(task, solutions[k]!, exact[k]!);
    worst = Math.max(worst, here);
    const representatives = [...new Set(Array.from({ length: k }, (_, i) => partition.root(i)))];
    for (const other of representatives) {
      const loss = lossOfJoin(task, exact[other]!, exact[k]!);
      if (loss === undefined || !(loss < zeroLoss) || !(here < zeroLoss)) continue;
      partition.join(other, k);
      worst = Math.max(worst, loss);
      paths++;
      break;
    }
    advance(`joining solution ${k + 1} of ${solutions.length}`);
    if (k % 4 === 0) await checkpointCancel(context);
  }
  return { partition, worst, paths };
}

/** The same solution with its last layer solved for: W_l = A (W_(l-1) .. W_1)^-1, so that the loss is rounding only. */
export function retracted(task: LinearTask, weights: Weights): Weights {
  return [...weights.slice(0, -1), lastLayer(task, weights)];
}

function lastLayer(task: LinearTask, weights: Weights): Float64Array {
  const { width: h, target } = task;
  // X (inner) = A, transposed: inner^T X^T = A^T.
  const inner = transpose(innerProduct(task, weights), h, h);
  return transpose(solve(inner, h, transpose(target, h, h), h), h, h);
}

/** Largest loss on the segment from a trained solution to its retraction (only the last layer moves). */
export function retractionLoss(task: LinearTask, from: Weights, to: Weights): number {
  const last = from.length - 1;
  let worst = 0;
  for (let k = 0; k <= 4; k++) {
    const moved = from[last]!.map((x, i) => x + (k / 4) * (to[last]![i]! - x));
    worst = Math.max(worst, linearLoss(task, [...from.slice(0, -1), moved]) / task.targetNorm);
  }
  return worst;
}

/**
 * Builds a path between two exact solutions: every layer but the last moves inside GL_h, the last is solved for.
 * Returns its largest loss as a fraction of |Y|^2, or undefined where some layer found no path.
 */
function lossOfJoin(task: LinearTask, from: Weights, to: Weights): number | undefined {
  const moves: ((t: number) => Float64Array)[] = [];
  for (let i = 0; i < from.length - 1; i++) {
    const move = pathBetween(from[i]!, to[i]!, task.width);
    if (move === undefined) return undefined;
    moves.push(move);
  }
  let worst = 0;
  for (let k = 0; k <= pathPoints; k++) {
    const t = k / pathPoints;
    const inner = [...moves.map((move) => move(t)), from[from.length - 1]!];
    worst = Math.max(worst, linearLoss(task, retracted(task, inner)) / task.targetNorm);
  }
  // The path ends at `to` as its last layer was solved for there: the same matrix up to rounding.
  return Number.isNaN(worst) ? Infinity : worst;
}

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

/** Between classes: every path tried, and the largest of the least singular values along them (0 if none was tried). */
async function crossings(
  task: LinearTask,
  solutions: readonly Weights[],
  classes: readonly number[][],
  pairs: number,
  stream: RandomStream,
  context: ComputeContext,
): Promise<{ worst: number; paths: number }> {
  let worst = 0;
  let paths = 0;
  for (let a = 0; a < classes.length; a++) {
    for (let b = a + 1; b < classes.length; b++) {
      for (let pair = 0; pair < pairs; pair++) {
        const from = solutions[classes[a]![stream.integer(classes[a]!.length)]!]!;
        const to = solutions[classes[b]![stream.integer(classes[b]!.length)]!]!;
        for (const path of triedPaths(from, to, task.width, stream)) {
          const least = Math.min(...path.map((move) => leastSingularValue(move, task.width, 32).value));
          worst = Math.max(worst, least);
          paths++;
        }
      }
      await checkpointCancel(context);
    }
  }
  return { worst, paths };
}

/** For each layer but the last: straight, over a random matrix in the middle, and in a random arc. */
function triedPaths(
  from: Weights,
  to: Weights,
  h: number,
  stream: RandomStream,
): ((t: number) => Float64Array)[][] {
  const inner = from.slice(0, -1).map((w, i) => [w, to[i]!] as const);
  const blend = (a: Float64Array, b: Float64Array, t: number) => a.map((x, k) => x + t * (b[k]! - x));
  const draw = () => Float64Array.from({ length: h * h }, () => stream.normal() / Math.sqrt(h));
  const straight = inner.map(
    ([a, b]) =>
      (t: number) =>
        blend(a, b, t),
  );
  const bent = inner.map(([a, b]) => {
    const middle = draw();
    return (t: number) => (t < 0.5 ? blend(a, middle, 2 * t) : blend(middle, b, 2 * t - 1));
  });
  const arched = inner.map(([a, b]) => {
    const offset = draw();
    return (t: number) => blend(a, b, t).map((x, k) => x + 4 * t * (1 - t) * offset[k]!);
  });
  return [straight, bent, arched];
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
