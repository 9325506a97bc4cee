/**
 * What is known of the axes of a value inside an exported network, with one example going through it. A part has labels for
 * the entries of one axis, or of several together (heads and what is in them); other axes are held, because their entries
 * cannot move, or plain: of one entry, or of entries that are all the same.
 */
import { sizeOf } from '../../shapes.ts';
import type { Axis } from '../axes.ts';
import type { BlockLabels } from './blocks.ts';

export interface Part {
  /** Ascending. */
  readonly axes: readonly number[];
  /** One per combination of entries, the last axis running fastest. */
  readonly labels: Axis;
}

export interface UnitValue {
  /** Of the whole value, axis of the examples included, for one example. */
  readonly sizes: readonly number[];
  readonly parts: readonly Part[];
  /** Axes whose entries cannot move -> why. */
  readonly held: ReadonlyMap<number, string>;
  /** It is this parameter as stored. */
  readonly parameter?: string;
}

/** Units cannot be followed through the network. */
export class Unfollowed extends Error {}

/** Entries of several axes together whose labels are kept. */
const mostEntries = 2 ** 21;

/** Index along each of these axes, for every combination, the last running fastest. */
export function combinations(sizes: readonly number[]): number[][] {
  const count = sizeOf(sizes);
  if (count > mostEntries) throw new Unfollowed(`${count} entries stand along axes that are merged`);
  let found: number[][] = [[]];
  for (const size of sizes)
    found = found.flatMap((before) => Array.from({ length: size }, (_, i) => [...before, i]));
  return found;
}

/** The labels of a part for every combination of entries of `axes`, which include its own. */
export function tableOver(part: Part, axes: readonly number[], sizes: readonly number[]): Axis {
  if (part.axes.join() === axes.join()) return part.labels;
  const own = part.axes.map((axis) => axes.indexOf(axis));
  const lengths = part.axes.map((axis) => sizes[axis]!);
  return combinations(axes.map((axis) => sizes[axis]!)).map(
    (at) =>
      part.labels[
        flatIndex(
          own.map((i) => at[i]!),
          lengths,
        )
      ]!,
  );
}

export function flatIndex(at: readonly number[], lengths: readonly number[]): number {
  return at.reduce((sum, i, k) => sum * lengths[k]! + i, 0);
}

/** Rules of one node: the labels, and whose node it is. */
export class Rules {
  readonly blocks: BlockLabels;
  readonly node: string;

  constructor(blocks: BlockLabels, node: string) {
    this.blocks = blocks;
    this.node = node;
  }

  /** The part as far as it goes along `axes`: blocks of what stands along its others. Undefined if nothing is left. */
  project(part: Part, axes: readonly number[], sizes: readonly number[]): Part | undefined {
    const kept = part.axes.filter((axis) => axes.includes(axis));
    if (kept.length === 0) return undefined;
    if (kept.length === part.axes.length) return part;
    const places = kept.map((axis) => part.axes.indexOf(axis));
    const lengths = kept.map((axis) => sizes[axis]!);
    const found: number[][] = Array.from({ length: sizeOf(lengths) }, () => []);
    combinations(part.axes.map((axis) => sizes[axis]!)).forEach((at, i) => {
      found[
        flatIndex(
          places.map((place) => at[place]!),
          lengths,
        )
      ]!.push(part.labels[i]!);
    });
    return { axes: kept, labels: this.blocks.blocksOf(found, this.node) };
  }

  /** Entries along these axes stay where they are: blocks along the other axes may still change places. */
  hold(part: Part, axes: readonly number[], sizes: readonly number[], reason: string): void {
    const places = part.axes.flatMap((axis, k) => (axes.includes(axis) ? [k] : []));
    if (places.length === 0) return;
    const keys = combinations(part.axes.map((axis) => sizes[axis]!)).map((at) =>
      places.map((place) => at[place]!).join('.'),
    );
    this.blocks.mark(part.labels, keys, reason);
  }

  holdAll(value: UnitValue, reason: string): void {
    for (const part of value.parts) this.hold(part, part.axes, value.sizes, reason);
  }

  /** A value with one part more: where it meets others, they are tied. */
  #added(parts: readonly Part[], part: Part, sizes: readonly number[]): Part[] {
    const kept: Part[] = [];
    let covered = false;
    for (const other of parts) {
      const shared = other.axes.filter((axis) => part.axes.includes(axis));
      if (shared.length === 0) {
        kept.push(other);
        continue;
      }
      const [a, b] = [this.project(other, shared, sizes)!, this.project(part, shared, sizes)!];
      this.blocks.unify(a.labels, b.labels);
      if (shared.length === part.axes.length) covered = true;
      if (shared.length === part.axes.length || shared.length < other.axes.length) kept.push(other);
    }
    return covered ? kept : [...kept, part];
  }

  /** One value of several whose entries meet, axes aligned; those of one entry are repeated. */
  combine(values: readonly UnitValue[], sizes: readonly number[]): UnitValue {
    const reach = (value: UnitValue): UnitValue => {
      const before = sizes.length - value.sizes.length;
      return {
        sizes,
        parts: value.parts.map(({ axes, labels }) => ({ axes: axes.map((axis) => axis + before), labels })),
        held: new Map([...value.held].map(([axis, reason]) => [axis + before, reason])),
      };
    };
    let parts: Part[] = [];
    const held = new Map<number, string>();
    for (const value of values.map(reach)) {
      for (const part of value.parts) parts = this.#added(parts, part, sizes);
      for (const [axis, reason] of value.held) held.set(axis, held.get(axis) ?? reason);
    }
    for (const [axis, reason] of held)
      for (const part of parts) if (part.axes.includes(axis)) this.hold(part, [axis], sizes, reason);
    return this.tidy({ sizes, parts, held });
  }

  /** Axes along which the labels of a part are the same belong to no unit. */
  tidy({ sizes, parts, held }: UnitValue): UnitValue {
    const holds = new Map(held);
    const tidied = parts.flatMap((part): Part[] => {
      const lengths = part.axes.map((axis) => sizes[axis]!);
      const at = combinations(lengths);
      const roots = part.labels.map((label) => this.blocks.labels.root(label));
      const needed = part.axes.flatMap((axis, k) => {
        if (lengths[k] === 1) return [];
        const same = at.every(
          (own, i) => own[k] === 0 || roots[i] === roots[flatIndex(own.with(k, 0), lengths)],
        );
        if (same && !holds.has(axis)) holds.set(axis, 'a place in a block of one unit');
        return same ? [] : [axis];
      });
      if (needed.length === part.axes.length) return [part];
      const places = needed.map((axis) => part.axes.indexOf(axis));
      const labels = at.flatMap((own, i) =>
        own.every((index, k) => index === 0 || places.includes(k)) ? [part.labels[i]!] : [],
      );
      if (needed.length > 0) return [{ axes: needed, labels }];
      // All entries are one unit, or there is only one.
      if (labels.length > 0 && lengths.some((length) => length > 1))
        this.blocks.fix(labels, 'the only unit of its kind');
      return [];
    });
    const labelled = new Set(tidied.flatMap(({ axes }) => axes));
    for (const axis of [...holds.keys()]) if (sizes[axis] === 1 || labelled.has(axis)) holds.delete(axis);
    return { sizes, parts: tidied, held: holds };
  }

  /** Without these axes, over which the value is summed or the like. */
  reduce(value: UnitValue, axes: readonly number[], keep: boolean): UnitValue {
    const left = [...value.sizes.keys()].filter((axis) => !axes.includes(axis));
    const parts = value.parts.flatMap((part) => this.project(part, left, value.sizes) ?? []);
    const place = (axis: number): number => (keep ? axis : left.indexOf(axis));
    return {
      sizes: value.sizes.flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size])),
      parts: parts.map((part) => ({ ...part, axes: part.axes.map(place) })),
      held: new Map(
        [...value.held].flatMap(([axis, why]) => (axes.includes(axis) ? [] : [[place(axis), why]])),
      ),
    };
  }

  /** Something is computed along these axes that is the same whatever the order along them. */
  separate(value: UnitValue, axes: readonly number[]): void {
    const others = [...value.sizes.keys()].filter((axis) => !axes.includes(axis));
    for (const part of value.parts)
      if (part.axes.some((axis) => axes.includes(axis))) this.project(part, others, value.sizes);
  }

  permute({ sizes, parts, held }: UnitValue, order: readonly number[]): UnitValue {
    return {
      sizes: order.map((axis) => sizes[axis]!),
      held: new Map([...held].map(([axis, why]) => [order.indexOf(axis), why])),
      parts: parts.map((part) => {
        const axes = part.axes.map((axis) => order.indexOf(axis)).toSorted((a, b) => a - b);
        const before = axes.map((axis) => part.axes.indexOf(order[axis]!));
        const lengths = part.axes.map((axis) => sizes[axis]!);
        const labels = combinations(axes.map((axis) => sizes[order[axis]!]!)).map((at) => {
          const own = part.axes.map((_, k) => at[before.indexOf(k)]!);
          return part.labels[flatIndex(own, lengths)]!;
        });
        return { axes, labels };
      }),
    };
  }

  /** The same entries in another shape. */
  reshape(value: UnitValue, sizes: readonly number[]): UnitValue {
    let result: UnitValue = { ...value, parts: [...value.parts] };
    const chunks = chunksOf(value.sizes, sizes);
    const place = new Map(
      chunks.flatMap(([from, to]) =>
        from.length === 1 && to.length === 1 ? [[from[0]!, to[0]!] as const] : [],
      ),
    );
    const held = new Map<number, string>();
    for (const [from, to] of chunks) {
      const why = from.map((axis) => value.held.get(axis)).find((reason) => reason !== undefined);
      if (why !== undefined) for (const axis of to) held.set(axis, why);
      const meeting = value.parts.filter(({ axes }) => axes.some((axis) => from.includes(axis)));
      if (to.length === 1 && from.length === 1) continue;
      if (meeting.length > 1) {
        const reason = `${this.node} merges two axes of units`;
        for (const part of meeting) this.hold(part, part.axes, value.sizes, reason);
        result = { ...result, parts: result.parts.filter((part) => !meeting.includes(part)) };
        for (const axis of to) held.set(axis, reason);
      }
    }
    const parts = result.parts.map((part): Part => {
      const touched = chunks.filter(([from]) => part.axes.some((axis) => from.includes(axis)));
      const axes = touched.flatMap(([, to]) => to).toSorted((a, b) => a - b);
      const lengths = part.axes.map((axis) => value.sizes[axis]!);
      const labels = combinations(axes.map((axis) => sizes[axis]!)).map((at) => {
        const before = new Map<number, number>();
        for (const [from, to] of touched) {
          let flat = flatIndex(
            to.map((axis) => at[axes.indexOf(axis)]!),
            to.map((axis) => sizes[axis]!),
          );
          for (const axis of from.toReversed()) {
            before.set(axis, flat % value.sizes[axis]!);
            flat = Math.floor(flat / value.sizes[axis]!);
          }
        }
        return part.labels[
          flatIndex(
            part.axes.map((axis) => before.get(axis)!),
            lengths,
          )
        ]!;
      });
      return { axes, labels };
    });
    for (const [axis, why] of value.held) if (place.has(axis)) held.set(place.get(axis)!, why);
    return this.tidy({ sizes, parts, held });
  }

  /** Entries `places` along an axis: a place of its own in the network, from which others cannot come. */
  pick(value: UnitValue, axis: number, places: readonly number[]): UnitValue {
    if (places.length === value.sizes[axis] && places.every((place, i) => place === i)) return value;
    const sizes = value.sizes.with(axis, places.length);
    const parts = value.parts.map((part): Part => {
      const k = part.axes.indexOf(axis);
      if (k < 0) return part;
      const lengths = part.axes.map((own) => value.sizes[own]!);
      const labels = combinations(part.axes.map((own) => sizes[own]!)).map(
        (at) => part.labels[flatIndex(at.with(k, places[at[k]!]!), lengths)]!,
      );
      this.blocks.unify(this.blocks.open(labels.length, this.node), labels);
      return { axes: part.axes, labels };
    });
    return this.tidy({ sizes, parts, held: value.held });
  }

  /** One value after another along an axis. */
  concat(values: readonly UnitValue[], axis: number): UnitValue {
    const [first] = values as [UnitValue];
    const sizes = first.sizes.with(
      axis,
      values.reduce((sum, value) => sum + value.sizes[axis]!, 0),
    );
    const along = values.map(({ parts }) => parts.find(({ axes }) => axes.includes(axis)));
    const others = values.map(({ sizes: own, parts, held }) => ({
      sizes: own.with(axis, 1),
      parts: parts.filter(({ axes }) => !axes.includes(axis)),
      held: new Map([...held].filter(([own]) => own !== axis)),
    }));
    const rest = this.combine(others, sizes.with(axis, 1));
    const why = values.map(({ held }) => held.get(axis)).find((reason) => reason !== undefined);
    const held = new Map(rest.held);
    if (along.every((part) => part === undefined)) {
      held.set(axis, why ?? `${this.node} joins constants`);
      return this.tidy({ sizes, parts: rest.parts, held });
    }
    const axes = [...new Set([axis, ...along.flatMap((part) => part?.axes ?? [])])].toSorted((a, b) => a - b);
    const tables = values.map((value, i) => {
      const part = along[i];
      if (part) return tableOver(part, axes, value.sizes);
      const opened = this.blocks.open(value.sizes[axis]!, this.node);
      this.blocks.fix(opened, value.held.get(axis) ?? `${this.node} joins constants`);
      return tableOver({ axes: [axis], labels: opened }, axes, value.sizes);
    });
    const k = axes.indexOf(axis);
    const labels = combinations(axes.map((own) => sizes[own]!)).map((at) => {
      let i = 0;
      let index = at[k]!;
      while (index >= values[i]!.sizes[axis]!) index -= values[i++]!.sizes[axis]!;
      return tables[i]![
        flatIndex(
          at.with(k, index),
          axes.map((own) => values[i]!.sizes[own]!),
        )
      ]!;
    });
    const whole: UnitValue = { sizes, parts: [{ axes, labels }], held: new Map() };
    return this.combine([whole, { ...rest, sizes: rest.sizes }], sizes);
  }
}

/** Runs of axes that hold the same entries before and after; axes of one entry belong to none. */
function chunksOf(before: readonly number[], after: readonly number[]): [from: number[], to: number[]][] {
  const chunks: [number[], number[]][] = [];
  const [left, right] = [before, after].map((sizes) =>
    [...sizes.keys()].filter((axis) => sizes[axis] !== 1),
  ) as [number[], number[]];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const chunk: [number[], number[]] = [[], []];
    let [a, b] = [1, 1];
    do {
      if (i >= left.length && j >= right.length) throw new Unfollowed('an axis has no entries');
      if ((a <= b && i < left.length) || j >= right.length) {
        a *= before[left[i]!]!;
        chunk[0].push(left[i++]!);
      } else {
        b *= after[right[j]!]!;
        chunk[1].push(right[j++]!);
      }
    } while (a !== b || chunk[0].length === 0 || chunk[1].length === 0);
    chunks.push(chunk);
  }
  return chunks;
}
