import type { InspectedNeurons } from '../../src-shared/jobs/inspect-neurons.ts';
import { roundingShare } from '../../src-shared/verdicts/identifiability.ts';
import { allFinite } from '../../src-shared/verdicts/rules.ts';
import { number } from '../format.ts';

/**
 * What exchanging two neurons means, in one or two sentences: it costs, saves or does nothing by more than rounding
 * (`roundingShare` of the largest of the four costs), or that is not clear because a cost is not finite.
 */
export function swapSentence(
  costs: NonNullable<InspectedNeurons['costs']>,
  [i, j]: readonly [number, number],
): string {
  if (i === j) return 'The same neuron twice: there is nothing to exchange.';
  const { own_first, own_second, first_realises_second, second_realises_first, swap } = costs;
  if (!allFinite([own_first, own_second, first_realises_second, second_realises_first, swap]))
    return 'What exchanging the two costs is not clear: a cost is not finite.';
  const largest = Math.max(own_first, own_second, first_realises_second, second_realises_first);
  if (Math.abs(swap) <= roundingShare * largest) {
    return 'Exchanging the two costs nothing: as far as this measure can see, nothing tells which is which.';
  }
  if (swap < 0) {
    return `Exchanging the two would save ${number(-swap)}: each would fit better in the other’s place.`;
  }
  const share = own_first + own_second > 0 ? swap / (own_first + own_second) : Infinity;
  const size = Number.isFinite(share) ? `, ${number(share)} times what they cost where they are` : '';
  return `Exchanging the two would cost ${number(swap)} more${size}: the fixed weights give each neuron its place.`;
}
