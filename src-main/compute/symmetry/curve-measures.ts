/** What is measured along a symmetry curve and its chord, whatever kind of network they belong to. */
import { maxEndsBarrier } from '../../../src-shared/barriers.ts';
import type { ParamsOf, ResultOf } from '../../../src-shared/jobs/define.ts';
import type { symmetryCurveJob } from '../../../src-shared/jobs/symmetry-curve.ts';

export type CurveParams = ParamsOf<typeof symmetryCurveJob>;
export type CurveResult = ResultOf<typeof symmetryCurveJob>;

/** A curve of networks, t in [0, 1], and what can be said of networks of this kind. */
export interface Curve<Network> {
  at(t: number): Network;
  loss(network: Network): number;
  distance(a: Network, b: Network): number;
  /** (1 - t) a + t b */
  blended(a: Network, b: Network, t: number): Network;
}

/**
 * Loss along a curve and along the straight line between its ends.
 * @param between called after each loss; throw there to stop
 */
export async function measureCurve<Network>(
  { at, loss, distance, blended }: Curve<Network>,
  steps: number,
  between: (t: number) => Promise<void>,
) {
  const t = Array.from({ length: steps + 1 }, (_, k) => k / steps);
  const [start, end] = [at(0), at(1)];
  const curve_loss: number[] = [];
  const line_loss: number[] = [];
  let curve_length = 0;
  let previous = start;
  for (const here of t) {
    const network = at(here);
    curve_length += distance(previous, network);
    previous = network;
    curve_loss.push(loss(network));
    await between(here);
    line_loss.push(loss(blended(start, end, here)));
    await between(here);
  }
  const curve_spread = Math.max(...curve_loss) - Math.min(...curve_loss);
  const highest = Math.max(...line_loss);
  return {
    ...{ t, curve_loss, line_loss, curve_spread },
    relative_spread: highest === 0 ? 0 : curve_spread / highest,
    line_barrier: maxEndsBarrier(line_loss),
    distance: distance(start, end),
    curve_length,
  };
}
