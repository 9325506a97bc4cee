/** The machine check of a permutation spec: a permuted network must compute the same function. */
import { UserError } from '../../../src-shared/errors.ts';
import type { EffectiveNetwork } from '../models/network.ts';
import { RandomStream } from '../random.ts';
import { hostForward } from './host-forward.ts';
import { permutationSpec, permuteBySpec } from './spec.ts';
import type { PermutationSpec } from './spec.ts';

/** Largest absolute logit difference that is let pass. */
export const specTolerance = 1e-5;

export interface SpecCheck {
  /** Largest absolute logit difference over random permutations and inputs, relative to no scale. */
  maxAbsDifference: number;
  passed: boolean;
}

/**
 * Draws random permutations for every layer and compares the logits on random inputs before and after, in float64.
 * The seed is fixed: the check is about the spec, not about the draw.
 */
export function checkPermutationSpec(
  network: EffectiveNetwork,
  spec: PermutationSpec = permutationSpec(network),
  rounds = 2,
): SpecCheck {
  const rows = 8;
  const stream = new RandomStream(0, 'permutation-spec');
  const inputs = Float64Array.from(stream.normals(rows * network.layers[0]!.inputs));
  const before = hostForward(network, inputs, rows);
  let worst = 0;
  for (let round = 0; round < rounds; round++) {
    const perms = spec.permutations.map(({ size }) => stream.permutation(size));
    const after = hostForward(permuteBySpec(network, spec, perms), inputs, rows);
    before.forEach((value, i) => {
      const difference = Math.abs(value - after[i]!);
      worst = difference <= worst ? worst : difference; // a NaN is kept, not lost
    });
  }
  return { maxAbsDifference: worst, passed: worst < specTolerance };
}

/** @throws UserError if the spec does not hold for this network: aligning it would compare other functions. */
export function requirePermutationSpec(network: EffectiveNetwork, what: string): void {
  const { passed, maxAbsDifference } = checkPermutationSpec(network);
  if (passed) return;
  throw new UserError(
    `${what}: permuting its neurons changes its logits by up to ${maxAbsDifference}, less than ${specTolerance} was ` +
      'expected. It cannot be aligned.',
    { hint: 'Its weights may hold NaN or be very large; otherwise its permutation spec lacks an array.' },
  );
}
