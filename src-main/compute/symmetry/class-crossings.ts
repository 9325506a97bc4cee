/** What happens to the layers on the way between two classes of solutions: some layer becomes singular. */
import type { ResultOf } from '../../../src-shared/jobs/define.ts';
import type { linearComponentsJob } from '../../../src-shared/jobs/linear-components.ts';
import { checkpointCancel } from '../context.ts';
import type { ComputeContext } from '../context.ts';
import { singularValues } from '../linalg/svd.ts';
import type { RandomStream } from '../random.ts';
import type { LinearTask, Weights } from './linear-task.ts';
import { leastSingularValue } from './singular-crossing.ts';
import { layerMoves } from './zero-loss-paths.ts';

type Curves = ResultOf<typeof linearComponentsJob>['singular_values'];
type Move = (t: number) => Float64Array;

const line =
  (a: Float64Array, b: Float64Array): Move =>
  (t) =>
    a.map((x, k) => x + t * (b[k]! - x));

/** Between classes: every path tried, and the largest of the least singular values along them (0 if none was tried). */
export async function crossings(
  task: LinearTask,
  solutions: readonly Weights[],
  classes: readonly number[][],
  pairs: number,
  stream: RandomStream,
  context: ComputeContext,
  advance: (part: number) => void,
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
      advance(1 / ((classes.length * (classes.length - 1)) / 2));
      await checkpointCancel(context);
    }
  }
  return { worst, paths };
}

/** For each layer but the last: straight, over a random matrix in the middle, and in a random arc. */
function triedPaths(from: Weights, to: Weights, h: number, stream: RandomStream): Move[][] {
  const inner = from.slice(0, -1).map((w, i) => [w, to[i]!] as const);
  const draw = () => Float64Array.from({ length: h * h }, () => stream.normal() / Math.sqrt(h));
  const straight = inner.map(([a, b]) => line(a, b));
  const bent = inner.map(([a, b]): Move => {
    const middle = draw();
    const [there, on] = [line(a, middle), line(middle, b)];
    return (t) => (t < 0.5 ? there(2 * t) : on(2 * t - 1));
  });
  const arched = inner.map((_, i): Move => {
    const offset = draw();
    return (t) => straight[i]!(t).map((x, k) => x + 4 * t * (1 - t) * offset[k]!);
  });
  return [straight, bent, arched];
}

/** A class with the signs of its members' determinants. */
export interface SignedClass {
  readonly members: readonly number[];
  readonly signs: readonly number[];
}

/** At most this many example paths of either kind are drawn. */
const examples = 8;

/** The least singular value along example paths: within each class, and straight between neighbouring classes. */
export async function exampleCurves(
  task: LinearTask,
  solutions: readonly Weights[],
  classes: readonly SignedClass[],
  context: ComputeContext,
): Promise<Curves> {
  const h = task.width;
  const within = classes.slice(0, examples).flatMap(({ members, signs }) => {
    const [a, b] = members;
    const moves = b === undefined ? undefined : layerMoves(task, solutions[a!]!, solutions[b]!);
    return moves === undefined ? [] : [{ signs: [...signs], moves }];
  });
  const across = classes.slice(1, examples + 1).map(({ members, signs }, k) => {
    const [from, to] = [solutions[classes[k]!.members[0]!]!, solutions[members[0]!]!];
    const moves = from.slice(0, -1).map((w, i) => line(w, to[i]!));
    return { from: [...classes[k]!.signs], to: [...signs], moves };
  });
  // An even grid, and every place where a path across meets a singular matrix.
  const crossings = across.flatMap(({ moves }) => moves.map((move) => leastSingularValue(move, h, 64).t));
  const even = Array.from({ length: 65 }, (_, k) => k / 64);
  const t = [...new Set([...even, ...crossings])].sort((a, b) => a - b);
  const values = async (moves: readonly Move[]) => {
    await checkpointCancel(context);
    return t.map((at) => Math.min(...moves.map((move) => singularValues(move(at), h, h)[h - 1]!)));
  };
  const curves: Curves = { t, within: [], across: [] };
  for (const { signs, moves } of within) curves.within.push({ signs, values: await values(moves) });
  for (const { from, to, moves } of across) curves.across.push({ from, to, values: await values(moves) });
  return curves;
}
