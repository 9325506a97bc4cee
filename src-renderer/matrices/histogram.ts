/** How the entries of a matrix are distributed. */
import { valueRange } from '../../src-shared/figures/colour.ts';

export interface Histogram {
  low: number;
  high: number;
  /** Entries that are no finite number; in no bin. */
  missing: number;
  counts: number[];
}

/** Bins of equal width from the smallest to the largest finite entry. All entries count. */
export function histogramOf(data: Float64Array | Float32Array, bins: number): Histogram {
  const [low, high] = valueRange(data) ?? [0, 1];
  const counts = new Int32Array(bins);
  const perUnit = bins / (high - low || 1);
  let missing = 0;
  for (let i = 0; i < data.length; i++) {
    const bin = (data[i]! - low) * perUnit;
    // All finite values lie here, the largest one on the edge.
    if (bin >= 0 && bin < bins) counts[bin | 0]!++;
    else if (data[i] === high || (bin >= bins && data[i]! < high)) counts[bins - 1]!++;
    else missing++;
  }
  return { low, high, missing, counts: [...counts] };
}
