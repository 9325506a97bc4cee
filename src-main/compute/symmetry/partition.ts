/** Disjoint sets of 0 .. size - 1, joined pair by pair. */
export class Partition {
  readonly #parent: Int32Array;

  constructor(size: number) {
    this.#parent = Int32Array.from({ length: size }, (_, i) => i);
  }

  /** The member that stands for the set of `i`. */
  root(i: number): number {
    let top = i;
    while (this.#parent[top] !== top) top = this.#parent[top]!;
    for (let at = i; at !== top;) {
      const next = this.#parent[at]!;
      this.#parent[at] = top;
      at = next;
    }
    return top;
  }

  join(i: number, j: number): void {
    const [a, b] = [this.root(i), this.root(j)];
    this.#parent[Math.max(a, b)] = Math.min(a, b);
  }

  /** The sets, each rising, in the order of their least members. */
  sets(): number[][] {
    const byRoot = new Map<number, number[]>();
    for (let i = 0; i < this.#parent.length; i++) {
      const root = this.root(i);
      byRoot.set(root, [...(byRoot.get(root) ?? []), i]);
    }
    return [...byRoot.values()];
  }
}
