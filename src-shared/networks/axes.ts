/**
 * Labels of the entries of axes. Entries with one label hold the same unit (neuron, channel), so that they can only move
 * together. Operations open labels, pass them on, unify them or fix them; what is left are the permutation groups.
 */

/** One label per entry of an axis. */
export type Axis = readonly number[];

/** Entries opened together by one operation: before anything ties them, each may take the place of any other. */
interface Space {
  /** The node that opened it. */
  readonly node: string;
  readonly first: number;
  readonly size: number;
}

export interface OpenedClass {
  /** Labels that were tied together, lowest first. */
  readonly labels: readonly number[];
  /** Their spaces, by number, each as often as it occurs. */
  readonly spaces: readonly number[];
  /** Why the class cannot move; undefined if it can. */
  readonly fixed: string | undefined;
}

/** Union-find over labels. */
export class Labels {
  readonly #parents: number[] = [];
  readonly #spaceOf: number[] = [];
  readonly #fixed = new Map<number, string>();
  readonly spaces: Space[] = [];

  /** `size` new labels, opened by `node`. */
  open(size: number, node: string): Axis {
    const first = this.#parents.length;
    const space = this.spaces.length;
    this.spaces.push({ node, first, size });
    for (let i = 0; i < size; i++) {
      this.#parents.push(first + i);
      this.#spaceOf.push(space);
    }
    return Array.from({ length: size }, (_, i) => first + i);
  }

  root(label: number): number {
    let at = label;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]!]!;
      at = this.#parents[at]!;
    }
    return at;
  }

  /** Ties two axes, entry by entry. */
  unify(a: Axis, b: Axis): void {
    if (a.length !== b.length) throw new Error(`axes of ${a.length} and ${b.length} entries cannot be tied`);
    a.forEach((label, i) => {
      const [kept, joined] = [this.root(label), this.root(b[i]!)];
      if (kept === joined) return;
      const reason = this.#fixed.get(kept) ?? this.#fixed.get(joined);
      this.#parents[joined] = kept;
      if (reason !== undefined) this.#fixed.set(kept, reason);
    });
  }

  /** The entries of an axis have to stay where they are. */
  fix(axis: Axis, reason: string): void {
    for (const label of axis) {
      const root = this.root(label);
      if (!this.#fixed.has(root)) this.#fixed.set(root, reason);
    }
  }

  /**
   * All labels by what they were tied to, in the order of their lowest labels.
   * @param options.twice a class may hold two entries of one space; else that fixes it
   */
  classes(options: { twice?: boolean } = {}): Map<number, OpenedClass> {
    const members = new Map<number, number[]>();
    for (const label of this.#parents.keys()) {
      const root = this.root(label);
      const known = members.get(root);
      if (known) known.push(label);
      else members.set(root, [label]);
    }
    return new Map(
      [...members].map(([root, labels]) => {
        const spaces = labels.map((label) => this.#spaceOf[label]!);
        const twice = !options.twice && new Set(spaces).size < spaces.length;
        const fixed = this.#fixed.get(root) ?? (twice ? 'tied to another entry of the same axis' : undefined);
        return [root, { labels, spaces, fixed }];
      }),
    );
  }
}
