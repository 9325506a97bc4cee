/** The verdict on a layer's neurons, in words, with the rule and the numbers behind it. */
import { roundingShare } from '../../../src-shared/verdicts/identifiability.ts';
import { allFinite } from '../../../src-shared/verdicts/rules.ts';
import type { LayerSensitivity } from '../../../src-shared/jobs/permutation-sensitivity.ts';

/** Differences of costs below this are rounding errors. */
export function roundingLevel(costs: Float64Array): number {
  return roundingShare * costs.reduce((most, cost) => Math.max(most, cost), 0);
}

export const rule =
  'Yes: no permutation lowers the total realization cost, and every swap of two neurons raises it by more than rounding errors (1e-9 of the largest cost). No: no swap changes it by more than that, so the order of the neurons is arbitrary. Partly: anything between. Not clear: a cost is not finite, or some neuron has no free weights that act on the input subspace.';

interface Evidence {
  transpositions: LayerSensitivity['transpositions'];
  cheapest: Pick<LayerSensitivity['cheapest'], 'delta' | 'moved'>;
  own: number;
  neurons: number;
  /** No weight or bias of the layer is fixed, and nothing is added to one. */
  nothingFixed: boolean;
  /** Of the neurons' Gram matrices. */
  leastRank: number;
}

/** See `rule`. The cheapest of all permutations is found by linear assignment, not by trying some. */
export function judge({
  transpositions,
  cheapest,
  own,
  neurons,
  nothingFixed,
  leastRank,
}: Evidence): LayerSensitivity['verdict'] {
  const { count, min, mean, positive, negative } = transpositions;
  if (!allFinite([min, mean, own, cheapest.delta])) {
    const text = 'Whether these neurons are identifiable is not clear: a cost is not finite.';
    return { told_apart: 'not clear', text, rule };
  }
  if (leastRank === 0) {
    const text =
      'Whether these neurons are identifiable is not clear: some of them have no free weights that act on the input subspace, so their costs are zero whatever they compute.';
    return { told_apart: 'not clear', text, rule };
  }
  if (count === 0) return { told_apart: 'yes', text: 'There is only one neuron.', rule };
  if (positive === 0 && negative === 0) {
    const why = nothingFixed ? ' They have no fixed weights that would distinguish them.' : '';
    const text = `These neurons are not identifiable: none of the ${count} swaps of two of them costs anything.${why}`;
    return { told_apart: 'no', text, rule };
  }
  const perNeuron = own / neurons;
  const relative = (cost: number) => `${(cost / perNeuron).toPrecision(3)} times a neuron’s own mean cost`;
  if (cheapest.moved === 0 && positive === count) {
    const text =
      `These neurons are identifiable: each is cheapest in its own slot, and swapping two costs ${relative(mean)} on ` +
      `average and ${relative(min)} at least.`;
    return { told_apart: 'yes', text, rule };
  }
  const better =
    cheapest.moved === 0
      ? 'no permutation costs less than the identity'
      : `a permutation that moves ${cheapest.moved} of ${neurons} neurons costs ${relative(-cheapest.delta)} less than the identity`;
  const text = `These neurons are only partly identifiable: ${positive} of ${count} swaps of two cost something, and ${better}.`;
  return { told_apart: 'partly', text, rule };
}
