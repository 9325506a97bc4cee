/** Reads off the graph which maps of the units of one group leave the function as it is: node by node, what becomes of them. */
import type { CheckedNode, Network } from '../network.ts';
import type { TorchCall } from '../operations/torch.ts';
import type { FollowedUnits } from './follow.ts';
import { axesAfter, contractionsOf, isMove } from './map-calls.ts';
import { linear, MapRefused, vector, withoutAlias } from './map-state.ts';
import type { Fold, FoldReader, FoundMap, MapState, Pending } from './map-state.ts';
import { combinations } from './value.ts';
import type { Part, UnitValue } from './value.ts';

export interface GroupUnits {
  /** Label (its root) -> unit. */
  readonly units: ReadonlyMap<number, number>;
  readonly size: number;
  /** The labels of a part, those of one unit being equal. */
  readonly roots: (part: Part) => readonly number[];
}

/** How an axis of a parameter is read: behind these scales; '' is behind none. */
type Uses = Map<string, Set<string>>;

export class GroupReading {
  readonly #network: Network;
  readonly #followed: FollowedUnits;
  readonly #of: GroupUnits;
  readonly #axes = new Map<string, readonly number[]>();
  readonly #states = new Map<string, MapState>();
  readonly #readers = new Map<string, FoldReader[]>();
  /** Scales whose shift does not reach all readers as it is. */
  readonly #inside = new Set<string>();
  readonly #shifts = new Map<string, string | undefined>();
  readonly #uses: Uses = new Map();
  #keepsOnes = false;
  #isLinear = true;

  constructor(network: Network, followed: FollowedUnits, of: GroupUnits) {
    this.#network = network;
    this.#followed = followed;
    this.#of = of;
  }

  /** @throws MapRefused with the first thing that only permutations leave as it is */
  read(): FoundMap {
    for (const node of this.#network.nodes) {
      const inputs = node.takes.map((id) => this.#states.get(id));
      const along = this.#along(node.id);
      if (along.length === 0 && inputs.every((state) => !state)) continue;
      const state = this.#stateOf(node, inputs, along);
      if (along.length > 0 && !state) throw new MapRefused(`${node.id} makes its units of others`);
      if (state && along.length > 0) this.#states.set(node.id, state);
    }
    this.#requireReadOnce();
    return {
      kind: this.#isLinear && !this.#keepsOnes && this.#shifts.size === 0 ? 'linear' : 'orthogonal',
      keepsOnes: this.#keepsOnes,
      folds: [...this.#shifts].map(([scale, shift]) => this.#fold(scale, shift)),
    };
  }

  /** Axes of a value along which the units stand, all of them equally often on every line. */
  #along(id: string): readonly number[] {
    const known = this.#axes.get(id) ?? this.#axesOf(this.#followed.values.get(id), id);
    this.#axes.set(id, known);
    return known;
  }

  #axesOf(value: UnitValue | undefined, id: string): number[] {
    if (!value) return [];
    return value.parts.flatMap((part) => {
      const units = this.#of.roots(part).map((label) => this.#of.units.get(label));
      if (units.every((unit) => unit === undefined)) return [];
      const found = part.axes.find((axis) => this.#isComplete(part, axis, units, value));
      if (found === undefined) throw new MapRefused(`${id} has a part of its units only`);
      return [found];
    });
  }

  #isComplete(
    part: Part,
    axis: number,
    units: readonly (number | undefined)[],
    { sizes }: UnitValue,
  ): boolean {
    const own = part.axes.indexOf(axis);
    const lines = new Map<string, number[]>();
    combinations(part.axes.map((each) => sizes[each]!)).forEach((at, i) => {
      const unit = units[i];
      if (unit === undefined) return;
      const key = at.filter((_, k) => k !== own).join();
      const counts = lines.get(key) ?? new Array<number>(this.#of.size).fill(0);
      counts[unit]! += 1;
      lines.set(key, counts);
    });
    return [...lines.values()].every((counts) => counts.every((count) => count === counts[0]));
  }

  #stateOf(
    node: CheckedNode,
    inputs: readonly (MapState | undefined)[],
    along: readonly number[],
  ): MapState | undefined {
    if (node.op === 'dropout') return withoutAlias(inputs[0]!);
    if (node.op !== 'torch') return this.#refuse(node, `${node.op} takes them one by one`);
    const call = node.attributes as TorchCall;
    if (call.call === 'parameter') {
      const { name, shape } = node.parameters['value']!;
      return { kind: 'vector', alias: { parameter: name, axes: [...shape.keys()] } };
    }
    if (inputs[0]?.alias && inputs.length === 1) {
      const { parameter, axes } = inputs[0].alias;
      const [before, after] = [node.takes[0]!, node.id].map((id) => this.#followed.values.get(id)!.sizes);
      const moved = axesAfter(call, axes, before!, after!);
      if (moved) return { ...inputs[0], alias: { parameter, axes: moved } };
    }
    const contractions = contractionsOf(
      call,
      node.takes.map((id) => this.#followed.values.get(id)!.sizes.length),
    );
    if (contractions) return this.#contracted(node, inputs, contractions);
    this.#useAll(node, inputs);
    if (isMove(call)) return this.#moved(node, inputs);
    return this.#computed(node, call, inputs, along);
  }

  /** Every parameter among the inputs is read as it is. */
  #useAll({ takes }: CheckedNode, inputs: readonly (MapState | undefined)[]): void {
    inputs.forEach((state, i) => {
      for (const axis of state?.alias ? this.#along(takes[i]!) : [])
        this.#use(state!.alias!.parameter, state!.alias!.axes[axis]!, '');
    });
  }

  #use(parameter: string, axis: number, scale: string): void {
    const key = `${parameter} ${axis}`;
    this.#uses.set(key, (this.#uses.get(key) ?? new Set()).add(scale));
  }

  #refuse({ id }: CheckedNode, what: string): never {
    throw new MapRefused(`${id}: ${what}`);
  }

  /** Entries in another order, or along other axes: vectors stay vectors. */
  #moved(node: CheckedNode, inputs: readonly (MapState | undefined)[]): MapState {
    const carried = inputs.filter((state) => state !== undefined);
    const [first] = carried as [MapState];
    if ((node.attributes as TorchCall).call === 'concat' && carried.length < inputs.length) {
      // The others have the same number in all entries.
      if (first.pending || first.kind === 'squares')
        this.#refuse(node, 'it joins scaled vectors and constants');
      this.#keepsOnes = true;
    }
    if (carried.some(({ kind, pending }) => kind !== first.kind || pending?.scale !== first.pending?.scale))
      return this.#refuse(node, 'it joins scaled and other vectors');
    return withoutAlias(first);
  }

  #computed(
    node: CheckedNode,
    call: TorchCall,
    inputs: readonly (MapState | undefined)[],
    along: readonly number[],
  ): MapState | undefined {
    switch (call.call) {
      case 'unary':
        if (call.name === 'neg') return linear(inputs[0]!);
        if (call.name === 'square') return this.#squares(node, inputs[0]!);
        return this.#refuse(node, `${call.name} acts entry by entry`);
      case 'binary':
        return this.#binary(node, call.name, inputs);
      case 'reduce':
        return this.#reduced(node, call, inputs[0]!, along);
      case 'layer_norm':
      case 'rms_norm':
        return this.#normed(node, call, inputs);
      case 'pool':
        if (call.name === 'average') return linear(inputs[0]!);
        return this.#refuse(node, 'the largest entry is taken, entry by entry');
      case 'adaptive_average':
      case 'upsample':
        return linear(inputs[0]!);
      case 'embedding':
        return inputs[0] ? vector : this.#refuse(node, 'its units are used as indices');
      case 'where':
        if (!inputs[0] && inputs[1]?.kind === 'vector' && inputs[2]?.kind === 'vector')
          return this.#same(node, inputs[1], inputs[2]);
        return this.#refuse(node, 'it chooses entry by entry');
      default:
        return this.#refuse(node, `${call.call} is not known to be linear`);
    }
  }

  #squares(node: CheckedNode, state: MapState): MapState {
    if (state.pending || state.kind !== 'vector')
      return this.#refuse(node, 'it squares what is scaled entry by entry');
    this.#isLinear = false;
    return { kind: 'squares' };
  }

  #same(node: CheckedNode, a: MapState, b: MapState): MapState {
    if (a.pending || b.pending)
      return this.#refuse(
        node,
        `what "${(a.pending ?? b.pending)!.scale}" scales entry by entry is not only read by linear maps`,
      );
    return vector;
  }

  #binary(node: CheckedNode, name: string, [a, b]: readonly (MapState | undefined)[]): MapState | undefined {
    const one = a ?? b!;
    if (one.kind === 'squares') return this.#refuse(node, 'it computes with squares, entry by entry');
    const isSum = name === 'add' || name === 'sub';
    if (a && b) {
      if (b.kind === 'squares') return this.#refuse(node, 'it computes with squares, entry by entry');
      if (isSum) return this.#shifted(node, name, a, b);
      if (name !== 'mul') return this.#refuse(node, `${name} acts entry by entry`);
      if (node.takes[0] === node.takes[1]) return this.#squares(node, a);
      if (a.alias && !b.alias) return this.#scaled(node, b, a.alias.parameter);
      if (b.alias && !a.alias) return this.#scaled(node, a, b.alias.parameter);
      return this.#refuse(node, 'it multiplies entry by entry');
    }
    if (isSum) {
      if (one.pending) return this.#refuse(node, 'it adds one number to all entries that are scaled');
      this.#keepsOnes = true;
      return vector;
    }
    if (name === 'mul' || (name === 'div' && a)) return linear(one);
    return this.#refuse(node, `${name} acts entry by entry`);
  }

  #shifted(node: CheckedNode, name: string, a: MapState, b: MapState): MapState {
    const pending = a.pending;
    if (name === 'add' && pending?.shift === undefined && pending && b.alias && !b.pending) {
      this.#shifts.set(pending.scale, b.alias.parameter);
      return { kind: 'vector', pending: { ...pending, shift: b.alias.parameter } };
    }
    return this.#same(node, a, b);
  }

  #scaled(node: CheckedNode, state: MapState, scale: string): MapState {
    if (state.pending) return this.#refuse(node, `it is scaled by "${state.pending.scale}" and "${scale}"`);
    return { kind: 'vector', pending: this.#begin(node, scale, undefined) };
  }

  #begin(node: CheckedNode, scale: string, shift: string | undefined): Pending {
    if (this.#shifts.has(scale)) this.#refuse(node, `two places share "${scale}"`);
    this.#shifts.set(scale, shift);
    this.#readers.set(scale, []);
    return { scale, shift, isPlain: true };
  }

  #reduced(
    node: CheckedNode,
    call: Extract<TorchCall, { call: 'reduce' }>,
    state: MapState,
    along: readonly number[],
  ): MapState | undefined {
    if (call.name !== 'sum' && call.name !== 'mean')
      return this.#refuse(node, `the ${call.name} is taken entry by entry`);
    const before = this.#along(node.takes[0]!);
    const inside = before.filter((axis) => call.axes.includes(axis));
    if (inside.length === 0) {
      if (along.length !== before.length) return this.#refuse(node, 'it sums over some of its units');
      return call.name === 'mean' ? withoutAlias(state) : linear(state);
    }
    this.#requireWhole(node, inside[0]!);
    if (inside.length !== before.length) return this.#refuse(node, 'it sums over one of two axes');
    if (state.kind === 'squares') return undefined;
    if (state.pending) return this.#refuse(node, 'it sums what is scaled entry by entry');
    this.#keepsOnes = true;
    return undefined;
  }

  /** Nothing else stands on the axis of the first input, and the units once. */
  #requireWhole(node: CheckedNode, axis: number): void {
    const { sizes } = this.#followed.values.get(node.takes[0]!)!;
    if (sizes[axis] !== this.#of.size) this.#refuse(node, 'it goes over other units, too');
  }

  #normed(
    node: CheckedNode,
    call: Extract<TorchCall, { call: 'layer_norm' | 'rms_norm' }>,
    [x, ...affine]: readonly (MapState | undefined)[],
  ): MapState {
    const last = this.#followed.values.get(node.takes[0]!)!.sizes.length - 1;
    const along = this.#along(node.takes[0]!);
    if (!x || call.axes !== 1 || along.join() !== String(last))
      return this.#refuse(node, 'the norm goes over other axes');
    if (x.pending || x.kind !== 'vector')
      return this.#refuse(node, 'it normalises what is scaled entry by entry');
    this.#requireWhole(node, last);
    if (call.call === 'layer_norm') this.#keepsOnes = true;
    this.#isLinear = false;
    const [scale, shift] = call.weight ? affine : [undefined, affine[0]];
    const names = [scale, shift].map((state) => state?.alias?.parameter);
    if ((call.weight && names[0] === undefined) || (shift && names[1] === undefined))
      return this.#refuse(node, 'its scale or shift is computed');
    if (names[0] === undefined) return vector;
    return { kind: 'vector', pending: this.#begin(node, names[0], names[1]) };
  }

  /** Sums of products along axes: two vectors that meet give what no map changes, axes that are left over stay. */
  #contracted(
    node: CheckedNode,
    inputs: readonly (MapState | undefined)[],
    contractions: ReturnType<typeof contractionsOf> & object,
  ): MapState | undefined {
    if (inputs.some((state) => state?.kind === 'squares'))
      return this.#refuse(node, 'it sums squares with weights');
    const left = inputs.map((state, i) => (state ? this.#along(node.takes[i]!) : []));
    const { call } = node.attributes as TorchCall;
    for (const [[i, axis], [j, other]] of contractions) {
      const [here, there] = [left[i]!.includes(axis), left[j]!.includes(other)];
      if (here !== there) return this.#refuse(node, 'they meet entries that are not turned with them');
      if (!here) continue;
      if (call !== 'matmul' && call !== 'attention') this.#isLinear = false;
      left[i] = left[i]!.filter((each) => each !== axis);
      left[j] = left[j]!.filter((each) => each !== other);
      this.#meet(node, [inputs[i]!, axis], [inputs[j]!, other]);
    }
    if (call === 'attention') this.#requireValuesOnly(node, left);
    const carried = inputs.filter((_, i) => left[i]!.length > 0);
    inputs.forEach((state, i) => {
      if (!state?.alias) return;
      for (const axis of left[i]!) this.#use(state.alias.parameter, state.alias.axes[axis]!, '');
    });
    const scaled = carried.find((state) => state?.pending);
    if (scaled) return linear(scaled);
    return carried.length > 0 ? vector : undefined;
  }

  /** What attention computes is linear in its values alone, and along their last axis. */
  #requireValuesOnly(node: CheckedNode, left: readonly (readonly number[])[]): void {
    const last = this.#followed.values.get(node.takes[2]!)!.sizes.length - 1;
    if (left.some((axes, i) => axes.some((axis) => i !== 2 || axis !== last)))
      this.#refuse(node, 'attention weighs them one by one');
  }

  #meet(node: CheckedNode, [a, axis]: [MapState, number], [b, other]: [MapState, number]): void {
    for (const [x, y, at] of [
      [a, b, other],
      [b, a, axis],
    ] as const) {
      if (y.alias) this.#use(y.alias.parameter, y.alias.axes[at]!, x.pending?.scale ?? '');
      if (!x.pending) continue;
      const { scale, isPlain } = x.pending;
      if (!y.alias)
        this.#refuse(node, `what "${scale}" scales entry by entry meets a value that is not a parameter`);
      const bias = x === a ? this.#biasBehind(node, y.alias.parameter) : undefined;
      const reader = { parameter: y.alias.parameter, axis: y.alias.axes[at]!, bias, node: node.id };
      this.#readers.get(scale)!.push(reader);
      if (!isPlain || bias === undefined) this.#inside.add(scale);
    }
  }

  /** The parameter added to what a product with a matrix gives, if nothing else reads either. */
  #biasBehind({ id, attributes }: CheckedNode, weight: string): string | undefined {
    if ((attributes as TorchCall).call !== 'matmul') return undefined;
    if (this.#network.parameters.get(weight)!.shape.length !== 2) return undefined;
    const readersOf = (value: string): CheckedNode[] =>
      this.#network.nodes.filter(({ takes }) => takes.includes(value));
    const [reader, ...more] = readersOf(id);
    const call = reader?.attributes as TorchCall | undefined;
    if (more.length > 0 || reader?.op !== 'torch' || call?.call !== 'binary' || call.name !== 'add')
      return undefined;
    const other = reader.takes.find((each) => each !== id);
    const node = this.#network.nodes.find((each) => each.id === other);
    const parameter = node?.op === 'torch' ? node.parameters['value'] : undefined;
    if (!parameter || parameter.role !== 'trained' || readersOf(node!.id).length !== 1) return undefined;
    const value = this.#followed.values.get(id)!;
    return parameter.shape.length === 1 && parameter.shape[0] === value.sizes.at(-1)
      ? parameter.name
      : undefined;
  }

  /** A scale cannot go into what is read without it, too. */
  #requireReadOnce(): void {
    const found = [...this.#readers].flatMap(([scale, readers]) =>
      readers.flatMap(({ parameter, axis, node }) =>
        this.#uses.get(`${parameter} ${axis}`)!.size > 1 ? [{ scale, parameter, node }] : [],
      ),
    );
    const [first] = found;
    if (!first) return;
    throw new MapRefused(
      `"${first.parameter}" reads what "${first.scale}" scales and is used elsewhere without it, so that the scale cannot go into it`,
      found.map(({ parameter, node }) => ({ parameter, node })),
    );
  }

  #fold(scale: string, shift: string | undefined): Fold {
    const readers = this.#readers.get(scale)!;
    const isTwice = new Set(readers.map(({ bias }) => bias)).size !== readers.length;
    const shiftGoes = this.#inside.has(scale) || isTwice ? 'inside' : 'biases';
    const once = new Map(readers.map((reader) => [`${reader.parameter} ${reader.axis}`, reader]));
    return { scale, shift, shiftGoes, readers: [...once.values()] };
  }
}
