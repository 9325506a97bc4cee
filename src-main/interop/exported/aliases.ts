/**
 * Names of values, and which of them are views of others. The graphs that PyTorch exports still change values in place, also
 * through views (`h[:, :4] = 0` is a slice and a fill of it); here every change makes new values for all names that see it.
 * Where PyTorch itself decides from the layout in memory whether something is a view or a copy (reshape), names on the other
 * side must not be read after a change.
 */
import type { Value } from './builder.ts';
import type { ExportedCall } from './call.ts';
import { cutOf, inserted, narrowOf, placeOf } from './pieces.ts';
import { permuted, reshaped } from './shapes.ts';

interface View {
  /** The name that it is a view of. */
  of: string;
  /** False: it may be a copy. */
  sure: boolean;
  /** What it is now, of what the other name is now. */
  derive: () => Value;
  /** What the other name is once the view is `part`. */
  invert: (base: Value, part: Value) => Value;
}

interface Entry {
  value: Value;
  view?: View | undefined;
  /** Why it must not be read any more. */
  closed?: string | undefined;
  /** A parameter or buffer. */
  stored: boolean;
}

const sureViews = new Set([
  ...['view', 'transpose', 'permute', 't', 'numpy_T', 'select', 'slice', 'unsqueeze', 'squeeze', 'unflatten'],
  ...['narrow', 'mT', 'as_strided'],
  ...['split', 'split_with_sizes', 'chunk', 'unbind', 'expand', 'expand_as', 'alias', 'detach', 'view_as'],
]);
const perhapsViews = new Set([
  'reshape',
  'reshape_as',
  'flatten',
  'contiguous',
  'to',
  'type_as',
  'dropout',
  '_unsafe_view',
]);

export const isSureView = (operation: string): boolean => sureViews.has(operation);
export const isView = (operation: string): boolean => sureViews.has(operation) || perhapsViews.has(operation);

export class Names {
  readonly #entries = new Map<string, Entry>();

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** @param stored a parameter or buffer */
  set(name: string, value: Value, stored = false): void {
    this.#entries.set(name, { value, stored });
  }

  /** @param derive computes it anew from what `of` is then */
  setView(name: string, value: Value, of: string, call: ExportedCall, derive: () => Value): void {
    const sure = sureViews.has(call.operation);
    this.#entries.set(name, {
      value,
      stored: false,
      view: { of, sure, derive, invert: (base, part) => inverted(call, base, part) },
    });
  }

  /** The same tensor under another name: what an in-place operation gives back. */
  setSame(name: string, of: string): void {
    const { value, stored, closed } = this.#entries.get(of)!;
    const derive = (): Value => this.#entries.get(of)!.value;
    this.#entries.set(name, {
      value,
      stored,
      closed,
      view: { of, sure: true, derive, invert: (_base, part) => part },
    });
  }

  /** The tensor of that name is `value` from here on, and so for all that share its memory. */
  change(name: string, value: Value): void {
    const changed = new Set([name]);
    let at = name;
    let entry = this.#entries.get(name)!;
    entry.value = value;
    while (entry.view?.sure) {
      const { of, invert } = entry.view;
      const base = this.#entries.get(of)!;
      base.value = invert(base.value, entry.value);
      changed.add(of);
      [at, entry] = [of, base];
    }
    if (entry.view)
      this.#close(entry.view.of, changed, `whether "${at}" is a view of it depends on PyTorch's memory`);
    if (entry.stored) this.#closeStored(at);
    this.#refresh(changed);
  }

  /** Views, in the order in which they were made: each after what it is one of. */
  #refresh(changed: Set<string>): void {
    for (const [name, entry] of this.#entries) {
      const { view } = entry;
      if (!view || changed.has(name) || !changed.has(view.of)) continue;
      if (!view.sure) {
        entry.closed = `whether it is a view of "${view.of}" depends on PyTorch's memory`;
        continue;
      }
      entry.value = view.derive();
      changed.add(name);
    }
  }

  #close(from: string, changed: ReadonlySet<string>, why: string): void {
    const closed = new Set([from]);
    for (let { view } = this.#entries.get(from)!; view; { view } = this.#entries.get(view.of)!)
      closed.add(view.of);
    for (const [name, { view }] of this.#entries)
      if (view && closed.has(view.of) && !changed.has(name)) closed.add(name);
    for (const name of closed) this.#entries.get(name)!.closed = `${why}, and that was changed in place`;
  }

  #closeStored(name: string): void {
    const same = new Set([name]);
    for (const [other, { view }] of this.#entries) if (view && same.has(view.of)) same.add(other);
    for (const other of same)
      this.#entries.get(other)!.closed = 'the network changes its own buffer while it computes';
  }
}

/** What a tensor is, once a part of it (made by `call`) is `part`. */
function inverted(call: ExportedCall, base: Value, part: Value): Value {
  const rank = base.sizes.length;
  switch (call.operation) {
    case 'alias':
    case 'as_strided':
    case 'detach':
      return part;
    case 'view':
    case 'view_as':
    case 'unflatten':
    case 'unsqueeze':
    case 'squeeze':
      return reshaped(call, part, base.sizes);
    case 'transpose': {
      const order = [...base.sizes.keys()];
      const [a, b] = [call.axis('dim0', rank), call.axis('dim1', rank)];
      [order[a], order[b]] = [b, a];
      return permuted(call, part, order);
    }
    case 'mT': {
      const order = [...base.sizes.keys()];
      [order[rank - 2], order[rank - 1]] = [rank - 1, rank - 2];
      return permuted(call, part, order);
    }
    case 't':
    case 'numpy_T':
      return permuted(call, part, [...base.sizes.keys()].reverse());
    case 'permute': {
      const order = call.axes('dims', rank);
      return permuted(
        call,
        part,
        order.map((_, axis) => order.indexOf(axis)),
      );
    }
    case 'slice':
      return inserted(call, base, part, cutOf(call, base));
    case 'narrow':
      return inserted(call, base, part, narrowOf(call, base));
    case 'select': {
      const { axis, index } = placeOf(call, base);
      const sizes = base.sizes.map((size, i) => (i === axis ? 1 : size));
      return inserted(call, base, reshaped(call, part, sizes), { axis, start: index, count: 1, step: 1 });
    }
    default:
      return call.fail(
        'a part of a tensor that was taken like this is changed in place, which is not supported',
      );
  }
}
