/** Solutions of deep linear networks, joined by explicit zero-loss paths. */
import { checkpointCancel } from '../context.ts';
import type { ComputeContext, ProgressMeter } from '../context.ts';
import { solve } from '../linalg/solve.ts';
import { transpose } from '../linalg/multiply.ts';
import type { RandomStream } from '../random.ts';
import { pathBetween } from './group-path.ts';
import { innerProduct, linearLoss } from './linear-task.ts';
import type { LinearTask, Weights } from './linear-task.ts';
import { Partition } from './partition.ts';
import { trainLinear } from './train-linear.ts';
import type { LinearTraining } from './train-linear.ts';

/** A start counts as converged, and a point of a path as zero-loss, below this fraction of |Y|^2. */
export const zeroLoss = 1e-12;
const pathPoints = 16;

export interface Solutions {
  readonly converged: Weights[];
  readonly left_out: { start: number; relative_loss: number }[];
}

/** Trains from all starts; those that reached zero loss, and the loss of the others as a fraction of |Y|^2. */
export async function trainSolutions(
  task: LinearTask,
  training: LinearTraining,
  stream: RandomStream,
  context: ComputeContext,
  meter: ProgressMeter,
): Promise<Solutions> {
  const trained = await trainLinear(task, training, stream, context, meter);
  const losses = trained.map((weights) => linearLoss(task, weights) / task.targetNorm);
  return {
    converged: trained.filter((_, k) => losses[k]! < zeroLoss),
    left_out: losses.flatMap((loss, start) => (loss < zeroLoss ? [] : [{ start, relative_loss: loss }])),
  };
}

export interface Joining {
  readonly partition: Partition;
  /** Largest loss on any path that joined two solutions, as a fraction of |Y|^2. */
  readonly worst: number;
  readonly paths: number;
}

export interface JoiningOptions {
  /** Largest loss on a path between two exact solutions; undefined if there is none. */
  readonly lossOf: (task: LinearTask, from: Weights, to: Weights) => number | undefined;
  /** A solution may join classes that were apart. */
  readonly joinsClasses: boolean;
  /** Called with shares that add up to one. */
  readonly advance?: (share: number) => void;
}

/** Tries a path from each solution to one member of every class known so far. No determinant is looked at. */
export async function joinSolutions(
  task: LinearTask,
  solutions: readonly Weights[],
  context: ComputeContext,
  { lossOf, joinsClasses, advance }: JoiningOptions,
): Promise<Joining> {
  const partition = new Partition(solutions.length);
  const exact = solutions.map((weights) => retracted(task, weights));
  let [worst, paths] = [0, 0];
  for (let k = 0; k < solutions.length; k++) {
    const here = retractionLoss(task, solutions[k]!, exact[k]!);
    worst = Math.max(worst, here);
    const representatives = [...new Set(Array.from({ length: k }, (_, i) => partition.root(i)))];
    for (const other of representatives) {
      const loss = lossOf(task, exact[other]!, exact[k]!);
      if (loss === undefined || !(loss < zeroLoss) || !(here < zeroLoss)) continue;
      partition.join(other, k);
      worst = Math.max(worst, loss);
      paths++;
      if (!joinsClasses) break;
    }
    advance?.(1 / solutions.length);
    if (k % 4 === 0) await checkpointCancel(context);
  }
  return { partition, worst, paths };
}

/** The same solution with its last layer solved for: W_l = A (W_(l-1) .. W_1)^-1, so that the loss is rounding only. */
export function retracted(task: LinearTask, weights: Weights): Weights {
  const { width: h, target } = task;
  // X (inner) = A, transposed: inner^T X^T = A^T.
  const inner = transpose(innerProduct(task, weights), h, h);
  const last = transpose(solve(inner, h, transpose(target, h, h), h), h, h);
  return [...weights.slice(0, -1), last];
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
export function lossOfJoin(task: LinearTask, from: Weights, to: Weights): number | undefined {
  const moves = layerMoves(task, from, to);
  if (moves === undefined) return undefined;
  let worst = 0;
  for (let k = 0; k <= pathPoints; k++) {
    const t = k / pathPoints;
    const inner = [...moves.map((move) => move(t)), from[from.length - 1]!];
    worst = Math.max(worst, linearLoss(task, retracted(task, inner)) / task.targetNorm);
  }
  // The path ends at `to` as its last layer was solved for there: the same matrix up to rounding.
  return Number.isNaN(worst) ? Infinity : worst;
}

/** One path inside GL_h for every layer but the last, or undefined where some layer has none. */
export function layerMoves(
  task: LinearTask,
  from: Weights,
  to: Weights,
): ((t: number) => Float64Array)[] | undefined {
  const moves: ((t: number) => Float64Array)[] = [];
  for (let i = 0; i < from.length - 1; i++) {
    const move = pathBetween(from[i]!, to[i]!, task.width);
    if (move === undefined) return undefined;
    moves.push(move);
  }
  return moves;
}
