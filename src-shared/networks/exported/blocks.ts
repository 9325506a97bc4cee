/**
 * Labels of units of exported networks, which know blocks: heads of attention, groups of channels. A label may have a parent,
 * the block it belongs to: units of one block stay together, change places within it, and whole blocks change places with
 * others that look alike. Marks tell units apart that stand at different places of something that does not move.
 */
import { Labels } from '../axes.ts';
import type { Axis } from '../axes.ts';

interface Mark {
  readonly label: number;
  readonly key: string;
  readonly reason: string;
}

export class BlockLabels {
  readonly labels = new Labels();
  #parents: (readonly [child: number, parent: number])[] = [];
  readonly #marks: Mark[] = [];
  readonly #known = new Map<string, number>();
  #marked = 0;

  open(size: number, node: string): Axis {
    return this.labels.open(size, node);
  }

  unify(a: Axis, b: Axis): void {
    this.labels.unify(a, b);
  }

  fix(axis: Axis, reason: string): void {
    this.labels.fix(axis, reason);
  }

  /** The label is one of the block's. */
  nest(child: number, parent: number): void {
    this.#parents.push([child, parent]);
  }

  /** Labels may only change places with those of the same key. @param keys one per label */
  mark(axis: Axis, keys: readonly (string | number)[], reason: string): void {
    const own = this.#marked++;
    const seen = new Set<string>();
    axis.forEach((label, i) => {
      const key = `${own}:${keys[i]!}`;
      const entry = `${this.labels.root(label)} ${key}`;
      if (seen.has(entry)) return;
      seen.add(entry);
      this.#marks.push({ label, key, reason });
    });
  }

  /** One label for each block; what the blocks hold stays together from here on. */
  blocksOf(blocks: readonly Axis[], node: string): Axis {
    const sets = blocks.map((block) => [...new Set(block.map((label) => this.labels.root(label)))]);
    if (sets.every(({ length }) => length === 1)) return blocks.map(([label]) => label!);
    const keys = sets.map((set) => set.toSorted((a, b) => a - b).join());
    const known = keys.map((key) => this.#known.get(key));
    if (known.every((label) => label !== undefined)) return known;
    const opened = this.open(blocks.length, node);
    keys.forEach((key, i) => {
      const first = keys.indexOf(key);
      // Blocks of the same units are one block.
      if (first < i) this.unify([opened[first]!], [opened[i]!]);
      else for (const label of sets[i]!) this.nest(label, opened[i]!);
      this.#known.set(key, opened[first]!);
    });
    return opened;
  }

  /** The block `parent` of the child is the block of its block. */
  raise(child: number, block: number, parent: number): void {
    this.part(child, parent);
    this.nest(block, parent);
  }

  /** The child is not in that block any more. */
  part(child: number, parent: number): void {
    const root = (label: number): number => this.labels.root(label);
    this.#parents = this.#parents.filter(
      ([own, block]) => root(own) !== root(child) || root(block) !== root(parent),
    );
  }

  get parents(): readonly (readonly [child: number, parent: number])[] {
    return this.#parents;
  }

  get marks(): readonly Mark[] {
    return this.#marks;
  }
}
