/** When the keys have an effect that ask for something to be tracked while the models train. */
import { part } from './effect-facts.ts';
import type { Rule } from './effect-facts.ts';

const ofPairs: Rule = ({ models }) =>
  models < 2 ? 'num_models is 1: there is no other model to compare with.' : undefined;

/** Keys of a section that asks for something to be tracked while the models train. */
function ofTracker(section: string, needs: Rule, ...names: string[]): Record<string, Rule> {
  const isOn: Rule = ({ config }) =>
    section.split('.').reduce(part, config)['enabled'] === true
      ? undefined
      : `${section}.enabled is not true.`;
  const rest: Rule = (facts) => isOn(facts) ?? needs(facts);
  return {
    // What is off needs nothing.
    [`${section}.enabled`]: (facts) => (isOn(facts) === undefined ? needs(facts) : undefined),
    ...Object.fromEntries(names.map((name) => [`${section}.${name}`, rest])),
  };
}

const ofInterpolation = (section: string): Record<string, Rule> =>
  ofTracker(section, ofPairs, 'type', 'steps', 'save_every');

export const trackerEffects: Record<string, Rule> = {
  ...ofInterpolation('interpolation'),
  ...ofInterpolation('training.interpolation'),
  ...ofTracker('training.cosine_similarity', ofPairs, 'save_every'),
  ...ofTracker('training.functional_similarity', ofPairs, 'save_every', 'splits'),
  ...ofTracker(
    ...(['training.ntk_tracking', () => undefined, 'save_every', 'num_samples'] as const),
    ...['class_balanced', 'split', 'save_matrix', 'compute_ntk_stats', 'compute_linearization'],
  ),
};
