/** "Did you mean": the known word nearest to a mistyped one. */

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, before[j - 2]! + 1);
      current.push(cost);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length]!;
}

/** The known words close enough to be what was meant, nearest first; at most three. */
export function nearMisses(word: string, known: Iterable<string>): string[] {
  const lower = word.toLowerCase();
  const scored = [...known].map((candidate) => {
    const other = candidate.toLowerCase();
    const inside = lower.length >= 3 && (other.includes(lower) || lower.includes(other));
    return { candidate, distance: inside ? 1 : editDistance(lower, other) };
  });
  const limit = Math.max(1, Math.floor(word.length / 3));
  return scored
    .filter((s) => s.distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map((s) => s.candidate);
}

/** ` Did you mean "x"?` or `` when nothing is near. Starts with a space, so that it can follow a sentence. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const near = nearMisses(word, known);
  return near.length === 0 ? '' : ` Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?`;
}
