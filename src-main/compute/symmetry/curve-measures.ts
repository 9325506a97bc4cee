/** What is read off a symmetry curve and its chord, whatever kind of network they belong to. */
import { maxEndsBarrier } from '../../../src-shared/barriers.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { symmetryCurveJob } from '../../../src-shared/jobs/symmetry-curve.ts';

export type CurveParams = ParamsOf<typeof symmetryCurveJob>;
export type CurveResult = ResultOf<typeof symmetryCurveJob>;

/** How far the loss varies along the curve, absolutely and against the highest loss of the line. */
export function spreadOf(curve: readonly number[], line: readonly number[]) {
  const curve_spread = Math.max(...curve) - Math.min(...curve);
  const highest = Math.max(...line);
  return {
    curve_spread,
    relative_spread: highest === 0 ? 0 : curve_spread / highest,
    line_barrier: maxEndsBarrier(line),
  };
}
