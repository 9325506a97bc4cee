/** What the demo's table says about families of networks. The rules are written out in docs/verdicts.md. */
import { isAbove, isBelow, type Sample } from './rules.ts';

/** Accuracy lost on the line between two networks, percent, over the pairs of a family. */
export interface FamilyLoss {
  name: string;
  asTrained: Sample;
  /** Units put in the other's order, by activations. */
  matched: Sample;
  /** As the published script matches them. */
  script: Sample;
}

/** Percent: up to `small` networks count as mergeable, from `large` on as clearly not, up to `healed` as mended. */
const limits = { small: 7, large: 20, healed: 10 } as const;

const join = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
const namesOf = (some: readonly FamilyLoss[]): string => join(some.map(({ name }) => name));

function range(samples: readonly Sample[]): string {
  const means = samples.map(({ mean }) => Math.abs(mean));
  const [low, high] = [Math.min(...means).toFixed(0), Math.max(...means).toFixed(0)];
  return low === high ? `${low} %` : `${low} to ${high} %`;
}

/** One sentence each. A mean counts as above or below a limit if it is by more than two standard errors over the pairs. */
export function familySentences(families: readonly FamilyLoss[]): string[] {
  const apart = families.filter(({ asTrained }) => isAbove(asTrained, limits.large) === 'yes');
  const together = families.filter(({ asTrained }) => isBelow(asTrained, limits.small) === 'yes');
  const unclear = families.filter((family) => !apart.includes(family) && !together.includes(family));
  const healed = apart.filter(({ matched }) => isBelow(matched, limits.healed) === 'yes');
  const lost = (some: readonly FamilyLoss[]): string => range(some.map(({ asTrained }) => asTrained));
  if (apart.length + together.length === 0)
    return ['Not clear: no family shows a clear barrier, or the clear absence of one, at this size.'];
  const sentences: string[] = [];
  if (apart.length > 0)
    sentences.push(
      `Independently trained networks cannot simply be merged: ${namesOf(apart)} lose ${lost(apart)} of their accuracy along the straight line.`,
    );
  if (together.length > 0)
    sentences.push(
      apart.length > 0
        ? `${namesOf(together)} lose only ${lost(together)}: with these fixed weights, networks can be merged unaligned.`
        : `${namesOf(together)} lose only ${lost(together)} and no family loses clearly more, so this shows nothing about fixed weights: networks this wide need more images (--data-dir) before a barrier appears. --size demo shows the effect.`,
    );
  if (healed.length > 0)
    sentences.push(
      `Aligned by activations, ${namesOf(healed)} lose only ${range(healed.map(({ matched }) => matched))}: the barrier was a matter of permutation.`,
    );
  if (unclear.length > 0)
    sentences.push(
      `Not clear for ${namesOf(unclear)}: the loss of accuracy is neither clearly below ${limits.small} % nor clearly above ${limits.large} %.`,
    );
  return sentences;
}

/** What the published script's matching does: it is said to hurt if it loses 10 percent more than Basin's, clearly. */
export function trapText(families: readonly FamilyLoss[]): string {
  const hurt = families.filter(
    ({ script, matched }) =>
      isAbove({ ...script, mean: script.mean - matched.mean }, limits.healed) === 'yes',
  );
  const what =
    '* The alignment trap: the published LMC script maximises 1 - |ρ|, which pairs the LEAST correlated units';
  if (hurt.length === 0) return `${what}; shown for comparison.`;
  return `${what}: networks aligned this way lose ${range(hurt.map(({ script }) => script))}. Basin maximises ρ; this column is only for comparison.`;
}
