import type { InspectedNeurons } from '../../src-shared/jobs/inspect-neurons.ts';
import { roundingShare } from '../../src-shared/verdicts/identifiability.ts';
import { allFinite } from '../../src-shared/verdicts/rules.ts';
import { number } from '../format.ts';

/**
 * What exchanging two neurons means, in one or two sentences: it costs, saves or does nothing by more than rounding
 * (`roundingShare` of the largest of the four costs), or that is not clear because a cost is not finite, or a neuron has no
 * free weights.
 */
export function swapSentence(
  costs: NonNullable<InspectedNeurons['costs']>,
  [i, j]: readonly [number, number],
): string {
  if (i === j) return 'The same neuron twice: there is nothing to swap.';
  const { own_first, own_second, first_realises_second, second_realises_first, swap } = costs;
  if (!allFinite([own_first, own_second, first_realises_second, second_realises_first, swap]))
    return 'The cost of swapping the two is not clear: a cost is not finite.';
  if (costs.min_gram_rank === 0)
    return 'The cost of swapping the two is not clear: one has no free weights that act on the input subspace, so its costs are zero.';
  const largest = Math.max(own_first, own_second, first_realises_second, second_realises_first);
  if (Math.abs(swap) <= roundingShare * largest) {
    return 'Swapping the two costs nothing: this measure cannot distinguish them.';
  }
  if (swap < 0) {
    return `Swapping the two would save ${number(-swap)}: each would fit better in the other’s slot.`;
  }
  const share = own_first + own_second > 0 ? swap / (own_first + own_second) : Infinity;
  const size = Number.isFinite(share) ? `, ${number(share)} times their cost in their own slots` : '';
  return `Swapping the two would cost ${number(swap)} more${size}: the fixed weights tie each neuron to its slot.`;
}
