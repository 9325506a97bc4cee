/** Units and the blocks that they belong to, as trees: which of them look alike. */
import type { OpenedClass } from '../axes.ts';
import type { BlockLabels } from './blocks.ts';

/** Labels that are one unit, or one block. */
export interface Unit {
  readonly root: number;
  readonly class: OpenedClass;
  readonly children: Unit[];
  parent: Unit | undefined;
  /** Equal for those that look alike. */
  type: string;
  /** Why it stays where it is. */
  fixed: string | undefined;
  /** Why it may look like no other. */
  marks: Map<string, string>;
}

const crossing = 'units are in blocks that cut across each other';

/** @returns every unit and block */
export function forestOf(blocks: BlockLabels): Unit[] {
  const pairs = nested(blocks);
  const root = (label: number): number => blocks.labels.root(label);
  const units = new Map(
    [...blocks.labels.classes({ twice: true })].map(([at, found]): [number, Unit] => [
      at,
      {
        ...{ root: at, class: found, children: [], parent: undefined, type: '' },
        ...{ fixed: found.fixed, marks: new Map() },
      },
    ]),
  );
  for (const { label, key, reason } of blocks.marks) units.get(root(label))!.marks.set(key, reason);
  for (const [child, parent] of pairs) {
    const [own, block] = [units.get(child)!, units.get(parent)!];
    own.parent = block;
    block.children.push(own);
  }
  for (const unit of units.values()) if (!unit.parent) describe(unit);
  return [...units.values()];
}

/** Blocks move only if all in them can. */
function describe(unit: Unit): void {
  unit.children.sort((a, b) => a.class.labels[0]! - b.class.labels[0]!);
  for (const child of unit.children) {
    describe(child);
    unit.fixed ??= child.fixed;
  }
  const types = unit.children.map(({ type }) => type).toSorted();
  const spaces = unit.class.spaces.toSorted((a, b) => a - b);
  unit.type = JSON.stringify([spaces, [...unit.marks.keys()].toSorted(), types]);
}

/**
 * Every unit and the one block that is next to it, by root. Blocks of the same units are tied; of blocks within one another the
 * smaller one is in the larger one; units of others are fixed.
 */
function nested(blocks: BlockLabels): (readonly [child: number, parent: number])[] {
  const { labels } = blocks;
  for (;;) {
    const parents = new Map<number, Set<number>>();
    const children = new Map<number, Set<number>>();
    for (const pair of [...blocks.parents]) {
      const [child, parent] = pair.map((label) => labels.root(label)) as [number, number];
      if (child === parent) continue;
      parents.set(child, (parents.get(child) ?? new Set()).add(parent));
      children.set(parent, (children.get(parent) ?? new Set()).add(child));
    }
    if (!settled(blocks, parents, children)) continue;
    return [...parents].flatMap(([child, own]) => [...own].map((parent) => [child, parent] as const));
  }
}

type Relation = Map<number, Set<number>>;

/** @returns whether there is nothing left to be settled; else something was, and all is to be looked at again */
function settled(blocks: BlockLabels, parents: Relation, children: Relation): boolean {
  const leaves = new Map<number, ReadonlySet<number>>();
  const leavesOf = (at: number, above: readonly number[] = []): ReadonlySet<number> => {
    const known = leaves.get(at);
    if (known) return known;
    if (above.includes(at)) throw new Error('a block is in itself');
    const own = children.get(at);
    const found = own
      ? new Set([...own].flatMap((child) => [...leavesOf(child, [...above, at])]))
      : new Set([at]);
    leaves.set(at, found);
    return found;
  };
  for (const [child, own] of parents) {
    if (own.size === 1) continue;
    const [a, b] = [...own].toSorted((x, y) => leavesOf(x).size - leavesOf(y).size) as [number, number];
    const [few, many] = [leavesOf(a), leavesOf(b)];
    if ([...few].every((label) => many.has(label))) {
      if (few.size === many.size) blocks.unify([a], [b]);
      else blocks.raise(child, a, b);
      return false;
    }
    const all = [...few, ...many];
    for (const label of all) blocks.fix([label], crossing);
    for (const at of [a, b]) blocks.fix([at], crossing);
    blocks.part(child, b);
    return false;
  }
  return true;
}
