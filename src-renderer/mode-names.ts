import type { CorrelationMode } from '../src-shared/domain.ts';

/** Similarities of activations in words. */
export const modeNames: Record<CorrelationMode | 'reference-lmc-script', string> = {
  dot_product: 'dot product',
  pearson_correlation: 'Pearson correlation',
  pearson_correlation_with_zero_for_constant: 'Pearson, 0 for constant neurons',
  pearson_uncorrelatedness: '1 − |ρ| (anti-aligns)',
  pearson_uncorrelatedness_with_one_for_constant: '1 − |ρ|, 1 for constant neurons (anti-aligns)',
  'reference-lmc-script': 'published LMC script (anti-aligns)',
};
