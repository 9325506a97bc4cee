/**
 * The error function to about 1e-15: its Maclaurin series below 2.5, the continued fraction of erfc beyond
 * (Abramowitz and Stegun, 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  const t = Math.abs(x);
  if (t < 2.5) return Math.sign(x) * series(t);
  return Math.sign(x) * (1 - complement(t));
}

/** erf(t) = 2/sqrt(pi) exp(-t^2) sum_n 2^n t^(2n+1) / (1 3 5 ... (2n+1)): all terms positive, no cancellation. */
function series(t: number): number {
  let term = t;
  let sum = t;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * t * t) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-t * t) * sum;
}

/** erfc(t) = exp(-t^2) / sqrt(pi) / (t + (1/2) / (t + 1 / (t + (3/2) / (t + ...)))). */
function complement(t: number): number {
  if (t > 27) return 0;
  let fraction = t;
  for (let k = 60; k >= 1; k--) fraction = t + k / 2 / fraction;
  return Math.exp(-t * t) / (Math.sqrt(Math.PI) * fraction);
}
