/** What the modes of activation matching maximise. */
import type { CorrelationMode, MatchingMode } from './domain.ts';

/** A matching mode taken apart: the similarity that is maximised. */
export function correlationModeOf(mode: MatchingMode): CorrelationMode {
  return mode === 'reference-lmc-script' ? 'pearson_uncorrelatedness_with_one_for_constant' : mode;
}

/** What every reader of a result made with this mode must be told, or undefined where there is nothing. */
export function noteOf(mode: MatchingMode): string | undefined {
  if (!isUncorrelatedness(correlationModeOf(mode))) return undefined;
  const who = mode === 'reference-lmc-script' ? "the published LMC script's mode" : `the mode ${mode}`;
  return `Anti-aligned: ${who} maximises 1 - |correlation|, which pairs the LEAST correlated neurons.`;
}

export const isUncorrelatedness = (mode: CorrelationMode): boolean =>
  mode.startsWith('pearson_uncorrelatedness');
