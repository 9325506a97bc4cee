/**
 * Three-layer linear networks with a skip connection around the first two layers, W_3 (W_2 W_1 + skip I) = A: fewer
 * connected components than without it (arXiv 2505.23681, Proposition 4.3). The derivation of the counts is in
 * docs/symmetry.md.
 */
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { skipConnectionsJob } from '../../../src-shared/jobs/skip-connections.ts';
import { ProgressMeter } from '../context.ts';
import type { Compute, ComputeContext } from '../context.ts';
import { determinant, inverse } from '../linalg/solve.ts';
import { identity, multiply } from '../linalg/multiply.ts';
import { RandomStream } from '../random.ts';
import { pathBetween } from './group-path.ts';
import { drawLinearTask, innerProduct, linearLoss, plusDiagonal } from './linear-task.ts';
import type { LinearTask, Weights } from './linear-task.ts';
import { joinSolutions, retracted, trainSolutions } from './zero-loss-paths.ts';

type Params = ParamsOf<typeof skipConnectionsJob>;
type Result = ResultOf<typeof skipConnectionsJob>;
type Counted = Result['with_skip'];

const pointsPerPiece = 12;

export const skipConnections: Compute<Params, Result> = async (params, context) => {
  const { width, skip, seed, starts } = params;
  const withSkip = drawLinearTask(3, width, skip, new RandomStream(seed, 'task'));
  const without = { ...withSkip, skip: 0 };
  const meter = new ProgressMeter(context, 2 * params.steps + starts);
  const expected = width === 1 ? 3 : 2;
  const counted = await count(withSkip, expected, params, context, meter);
  const plain = await count(without, 4, params, context, meter);
  const plane = width === 1 ? await scalarPlane(withSkip, params, context) : undefined;
  return {
    width,
    skip,
    seed,
    with_skip: counted,
    without_skip: plain,
    ...(plane === undefined ? {} : { plane }),
  };
};

async function count(
  task: LinearTask,
  expected: number,
  params: Params,
  context: ComputeContext,
  meter: ProgressMeter,
): Promise<Counted> {
  const { starts, steps, learningRate, seed } = params;
  const stream = new RandomStream(seed, 'weights', task.skip === 0 ? 'plain' : 'skip');
  const training = { starts, steps, learningRate };
  const { converged, left_out } = await trainSolutions(task, training, stream, context, meter);
  const { partition, worst } = await joinSolutions(task, converged, context, {
    ...joining,
    advance: (share) => meter.advance((share * starts) / 2, 'joining solutions'),
  });
  const classes = partition.sets().map((members) =>
    describe(
      task,
      members.map((k) => converged[k]!),
    ),
  );
  return {
    expected,
    found: classes.length,
    starts,
    converged: converged.length,
    left_out,
    classes: classes.sort((a, b) => b.count - a.count),
    max_loss_on_paths_within: worst,
  };
}

/** W_1 may become singular on the way, so that a solution can join classes that seemed apart. */
const joining = { lossOf: lossOfJoin, joinsClasses: true };

/** One stretch of a path: all three layers as functions of t in [0, 1]. */
type Piece = (t: number) => Weights;

/** Largest loss, as a fraction of |Y|^2, on the first path found; undefined where none was, Infinity where it breaks. */
function lossOfJoin(task: LinearTask, from: Weights, to: Weights): number | undefined {
  const pieces = directPath(task, from, to) ?? pathOverSingularFirst(task, from, to);
  if (pieces === undefined) return undefined;
  let worst = 0;
  let end = from;
  for (const piece of pieces) {
    if (gap(end, piece(0)) > 1e-6) return Infinity;
    for (let k = 0; k <= pointsPerPiece; k++) {
      const loss = linearLoss(task, piece(k / pointsPerPiece)) / task.targetNorm;
      if (!(loss <= worst)) worst = loss;
    }
    end = piece(1);
  }
  if (gap(end, to) > 1e-6) return Infinity;
  return Number.isNaN(worst) ? Infinity : worst;
}

/** Distance of two networks relative to their size: the pieces of a path must meet. */
function gap(a: Weights, b: Weights): number {
  let difference = 0;
  let size = 0;
  a.forEach((w, i) =>
    w.forEach((x, k) => {
      difference += (x - b[i]![k]!) ** 2;
      size += x * x;
    }),
  );
  return Math.sqrt(difference / size);
}

/** The network with these W_1 and M = W_2 W_1 + skip I, W_1 and M invertible: W_2 and W_3 follow. */
function networkOf(task: LinearTask, first: Float64Array, m: Float64Array): Weights {
  const { width: h, skip, target } = task;
  const second = multiply(plusDiagonal(m, h, -skip), inverse(first, h), h, h, h);
  return [first, second, multiply(target, inverse(m, h), h, h, h)];
}

/** W_1 and M each move inside GL_h. */
function directPath(task: LinearTask, from: Weights, to: Weights): Piece[] | undefined {
  const firsts = pathBetween(from[0]!, to[0]!, task.width);
  const inners = pathBetween(innerProduct(task, from), innerProduct(task, to), task.width);
  if (firsts === undefined || inners === undefined) return undefined;
  return [(t) => networkOf(task, firsts(t), inners(t))];
}

/**
 * A path on which W_1 becomes singular while M stays invertible. With M_0 = diag(skip, s, 1 ..) the product
 * W_2 W_1 = M_0 - skip I has a zero column, so that W_1 = diag(t, 1 ..) may pass through t = 0 with W_2 standing still.
 */
function pathOverSingularFirst(task: LinearTask, from: Weights, to: Weights): Piece[] | undefined {
  const { width: h, skip, target } = task;
  if (skip === 0) return undefined;
  const [startM, endM] = [innerProduct(task, from), innerProduct(task, to)];
  for (const s of h === 1 ? [1] : [1, -1]) {
    const middle = identity(h);
    middle[0] = skip;
    if (h > 1) middle[h + 1] = s;
    const there = pathBetween(startM, middle, h);
    const back = pathBetween(middle, endM, h);
    if (there === undefined || back === undefined) continue;
    const still = plusDiagonal(middle, h, -skip);
    const third = multiply(target, inverse(middle, h), h, h, h);
    for (const side of [1, -1]) {
      const flip = (t: number) => identity(h).map((x, k) => (k === 0 ? side * (1 - 2 * t) : x));
      const firstThere = pathBetween(from[0]!, flip(0), h);
      const firstBack = pathBetween(flip(1), to[0]!, h);
      if (firstThere === undefined || firstBack === undefined) continue;
      return [
        (t) => networkOf(task, firstThere(t), there(t)),
        (t) => [flip(t), still, third],
        (t) => networkOf(task, firstBack(t), back(t)),
      ];
    }
  }
  return undefined;
}

/** Which signs of det(W_2 W_1 + skip I) and det W_1 occur in a class. */
function describe(task: LinearTask, members: readonly Weights[]): Counted['classes'][number] {
  const signs = (of: (weights: Weights) => Float64Array) =>
    [...new Set(members.map((weights) => determinant(of(weights), task.width).sign))].sort((a, b) => b - a);
  return {
    count: members.length,
    inner_signs: signs((weights) => innerProduct(task, weights)),
    first_layer_signs: signs((weights) => weights[0]!),
  };
}

/** The scalar set w_3 (w_2 w_1 + skip) = c, seen in the (w_1, w_2) plane: samples coloured by component. */
async function scalarPlane(
  task: LinearTask,
  params: Params,
  context: ComputeContext,
): Promise<Result['plane']> {
  const bound = 3;
  const { skip } = task;
  const stream = new RandomStream(params.seed, 'plane');
  const samples = Array.from({ length: params.samples }, () => {
    const draw = () => Float64Array.of(bound * (2 * stream.uniform() - 1));
    return retracted(task, [draw(), draw(), Float64Array.of(0)]);
  });
  const { partition } = await joinSolutions(task, samples, context, joining);
  const sets = partition.sets();
  const component = new Int32Array(samples.length);
  sets.forEach((members, c) => members.forEach((k) => (component[k] = c)));
  return {
    bound,
    target: task.target[0]!,
    components: sets.length,
    points: samples.map(([w1, w2], k) => ({ w1: w1![0]!, w2: w2![0]!, component: component[k]! })),
    boundary: [-1, 1].map((side) => hyperbola(skip, bound, side)),
  };
}

/** The branch of w_1 w_2 = -skip with w_1 on the given side, clipped to the square. */
function hyperbola(skip: number, bound: number, side: number): [number, number][] {
  const nearest = Math.abs(skip) / bound;
  if (nearest >= bound) return [];
  return Array.from({ length: 81 }, (_, k) => {
    const w1 = side * nearest * (bound / nearest) ** (k / 80);
    return [w1, -skip / w1];
  });
}
