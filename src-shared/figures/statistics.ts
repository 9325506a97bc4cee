/** The few statistics that figures show by themselves. */
import type { BoxSummary } from './marks.ts';

/** Ranks from 1; ties share their mean rank. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const rank = Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]!] === values[order[start]!]) end++;
    for (let k = start; k <= end; k++) rank[order[k]!] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return rank;
}

/** Spearman's rank correlation over pairs of finite values; NaN for fewer than 3, or where one side is constant. */
export function rankCorrelation(xs: readonly number[], ys: readonly number[]): { rho: number; n: number } {
  const kept = xs.map((x, i) => [x, ys[i] ?? NaN] as const).filter((pair) => pair.every(Number.isFinite));
  const n = kept.length;
  if (n < 3) return { rho: NaN, n };
  const [a, b] = [ranks(kept.map((p) => p[0])), ranks(kept.map((p) => p[1]))];
  const centre = (n + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [da, db] = [a[i]! - centre, b[i]! - centre];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return { rho: aa === 0 || bb === 0 ? NaN : ab / Math.sqrt(aa * bb), n };
}

/** Least-squares line through (log10 x, log10 y), over positive finite pairs. */
export function powerLaw(
  xs: readonly number[],
  ys: readonly number[],
): { slope: number; factor: number } | null {
  const logs = xs
    .map((x, i) => [Math.log10(x), Math.log10(ys[i] ?? NaN)] as const)
    .filter((pair) => pair.every(Number.isFinite));
  if (logs.length < 2) return null;
  const mean = (k: 0 | 1): number => logs.reduce((total, p) => total + p[k], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const varX = logs.reduce((total, [x]) => total + (x - mx) ** 2, 0);
  if (varX === 0) return null;
  const slope = logs.reduce((total, [x, y]) => total + (x - mx) * (y - my), 0) / varX;
  return { slope, factor: 10 ** (my - slope * mx) };
}

/** Quantile of sorted values with linear interpolation between neighbours (NumPy's default). */
function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = sorted[Math.min(low + 1, sorted.length - 1)] ?? NaN;
  return sorted[low]! + (at - low) * (high - sorted[low]!);
}

/** Tukey's box: whiskers at the outermost values within 1.5 box lengths; null without finite values. */
export function boxSummary(values: readonly number[]): BoxSummary | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((q) => quantile(sorted, q)) as [number, number, number];
  const reach = 1.5 * (q3 - q1);
  const inside = sorted.filter((v) => v >= q1 - reach && v <= q3 + reach);
  return {
    low: inside[0] ?? q1,
    q1,
    median,
    q3,
    high: inside.at(-1) ?? q3,
    mean: sorted.reduce((total, v) => total + v, 0) / sorted.length,
    outliers: sorted.filter((v) => v < q1 - reach || v > q3 + reach),
  };
}
