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
  const perUnit = bins / (high - low);
  let missing = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    const bin = (value - low) * perUnit;
    if (bin > 0 && bin < bins) counts[bin | 0]!++;
    else if (Number.isFinite(value))
      counts[Math.min(bins - 1, Math.floor(share(value, low, high) * bins))]!++;
    else missing++;
  }
  return { low, high, missing, counts: [...counts] };
}

/** How far from `low` to `high`, 0 to 1; also where their difference is beyond the range of numbers, or almost nothing. */
function share(value: number, low: number, high: number): number {
  if (!(high > low)) return 0;
  const whole = high - low;
  return Number.isFinite(whole) ? (value - low) / whole : (value / 4 - low / 4) / (high / 4 - low / 4);
}
