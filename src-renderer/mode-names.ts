import type { CorrelationMode } from '../src-shared/domain.ts';

/** Similarities of activations in words. */
export const modeNames: Record<CorrelationMode | 'reference-lmc-script', string> = {
  dot_product: 'dot product',
  pearson_correlation: 'Pearson correlation',
  pearson_correlation_with_zero_for_constant: 'Pearson, constant neurons 0',
  pearson_uncorrelatedness: '1 − |ρ| (anti-aligns)',
  pearson_uncorrelatedness_with_one_for_constant: '1 − |ρ|, constant neurons 1 (anti-aligns)',
  'reference-lmc-script': 'published LMC script (anti-aligns)',
};
