/** From this many layers on equal neighbours are counted. */
const many = 8;

/** One number per layer: `4 · 4 · 8`; of deep networks `4 · 36 (6 layers) · 54 (2 layers)`. */
export function byLayer(values: readonly number[]): string {
  if (values.length < many) return values.join(' · ');
  const stretches: { value: number; layers: number }[] = [];
  for (const value of values) {
    const last = stretches.at(-1);
    if (last?.value === value) last.layers++;
    else stretches.push({ value, layers: 1 });
  }
  return stretches
    .map(({ value, layers }) => (layers === 1 ? String(value) : `${value} (${layers} layers)`))
    .join(' · ');
}
