/**
 * Where norms and activations stand, as far as the names tell it: the numbers of a Sequential count modules without
 * weights too, so that `0, 1, 3` says "norm directly behind the linear layer" and `0, 2, 3` "something between them".
 */
import { declareHint, refusal } from './foreign.ts';
import type { Refusal } from './foreign.ts';
import type { Linear, NormModule } from './modules.ts';
import { numbersIn } from './order.ts';

/** A linear layer and the norm behind it. */
export interface Layer {
  linear: Linear;
  norm?: NormModule;
}

export interface Places {
  layers: Layer[];
  /** False: the norms may stand before the activation or behind it, for all that the names say. */
  normsTold: boolean;
  /** What was taken for granted, in sentences. */
  notes: string[];
}

const normHint = `Without a declaration, layers are assumed to be linear, norm, activation, in this order. ${declareHint}`;

const segments = (path: string): string[] => path.split('.');
const parentOf = (path: string): string => segments(path).slice(0, -1).join('.');
/** Place in a Sequential or ModuleList. */
const numberOf = (path: string): number | undefined => {
  const last = segments(path).at(-1)!;
  return /^\d+$/.test(last) ? Number(last) : undefined;
};

/**
 * @param order the linear layers, input first
 * @param wrapped a prefix was left off the names: what is numbered may then be a ModuleList
 */
export function placesOf(
  order: readonly Linear[],
  norms: readonly NormModule[],
  wrapped: boolean,
): Places | Refusal {
  const placed = withNorms(order, norms);
  if ('kind' in placed) return placed;
  const between = activationsBetween(placed.layers, wrapped);
  return Array.isArray(between) ? { ...placed, notes: between } : between;
}

function withNorms(order: readonly Linear[], norms: readonly NormModule[]): Omit<Places, 'notes'> | Refusal {
  const behind = new Map<Linear, NormModule>();
  const likely = likelyLayers(norms, order);
  let normsTold = true;
  for (const norm of norms) {
    const told = toldLayer(norm, order, norms);
    if (typeof told === 'string') return refusal(told, normHint);
    normsTold &&= told !== undefined;
    const linear = told ?? likely.get(norm);
    if (!linear || linear === order.at(-1) || behind.has(linear) || linear.outputs !== norm.width)
      return misplaced(norm, linear, order);
    behind.set(linear, norm);
  }
  const hidden = order.length - 1;
  const [first] = norms;
  if (first && norms.length !== hidden)
    return refusal(
      `${norms.length} norms for ${hidden} hidden layers; a run's config has one norm for all`,
      declareHint,
    );
  if (norms.some(({ kind, affine }) => kind !== first!.kind || affine !== first!.affine))
    return refusal('norms of several kinds; a run has one kind for all', declareHint);
  const layers = order.map((linear): Layer => {
    const norm = behind.get(linear);
    return norm ? { linear, norm } : { linear };
  });
  return { layers, normsTold };
}

function misplaced(norm: NormModule, linear: Linear | undefined, order: readonly Linear[]): Refusal {
  const where = !linear
    ? `no name shows which linear layer the norm "${norm.path}" belongs to`
    : linear === order.at(-1)
      ? `the norm "${norm.path}" belongs to the last layer "${linear.path}", whose outputs are the logits`
      : linear.outputs !== norm.width
        ? `the norm "${norm.path}" has ${norm.width} entries, but "${linear.path}" gives ${linear.outputs}`
        : `two norms belong to "${linear.path}"`;
  return refusal(where, declareHint);
}

/** The layer before the norm in one Sequential; undefined: not in one; text: why the norm stands elsewhere. */
function toldLayer(
  norm: NormModule,
  order: readonly Linear[],
  norms: readonly NormModule[],
): Linear | string | undefined {
  const number = numberOf(norm.path);
  const parent = parentOf(norm.path);
  const inSame = <T extends { path: string }>(modules: readonly T[]): T[] =>
    modules.filter(({ path }) => parentOf(path) === parent && numberOf(path) !== undefined);
  const linears = inSame(order);
  if (number === undefined || linears.length === 0) return undefined;
  const direct = linears.find(({ path }) => numberOf(path) === number - 1);
  if (direct) return direct;
  const before = [...linears, ...inSame(norms)]
    .filter(({ path }) => numberOf(path)! < number)
    .toSorted((a, b) => numberOf(b.path)! - numberOf(a.path)!)[0];
  if (!before) return `a norm "${norm.path}" before the first linear layer of its Sequential`;
  if (numberOf(before.path) === number - 1)
    return `a norm "${norm.path}" after another norm, "${before.path}"`;
  return `a norm after the activation: by their numbers, "${norm.path}" does not directly follow "${before.path}"; a module without weights is between them`;
}

/**
 * For each norm the one layer with the same numbers in its name (`fc1`, `bn1`); if not all have one, that of the number
 * above (`fc1`, `norms.0`).
 */
function likelyLayers(norms: readonly NormModule[], order: readonly Linear[]): Map<NormModule, Linear> {
  const [same, above] = [0, 1].map(
    (shift) =>
      new Map(
        norms.flatMap((norm) => {
          const linear = layerLike(norm, order, shift);
          return linear ? [[norm, linear] as const] : [];
        }),
      ),
  );
  return same!.size < norms.length && above!.size === norms.length ? above! : same!;
}

function layerLike(norm: NormModule, order: readonly Linear[], shift: number): Linear | undefined {
  const wanted = numbersIn(norm.path);
  if (wanted.length > 0) wanted[wanted.length - 1]! += shift;
  const key = wanted.join(' ');
  const alike = order.filter(({ path }) => numbersIn(path).join(' ') === key);
  if (alike.length === 1) return alike[0];
  const beside = alike.filter(({ path }) => parentOf(path) === parentOf(norm.path));
  if (beside.length === 1) return beside[0];
  // Of two layers only the first can have a norm.
  const [first] = order;
  const unnumbered = key === '' || numbersIn(first!.path).length === 0;
  return order.length === 2 && alike.length === 0 && unnumbered ? first : undefined;
}

/** What the numbers say about modules without weights between the linear layers. */
function activationsBetween(layers: readonly Layer[], wrapped: boolean): string[] | Refusal {
  const sequences = new Map(
    [...new Set(layers.map(({ linear }) => parentOf(linear.path)))].map((parent) => [
      parent,
      sequenceOf(layers.filter(({ linear }) => parentOf(linear.path) === parent)),
    ]),
  );
  const notes: string[] = [];
  for (const [i, { linear }] of layers.entries()) {
    const parent = parentOf(linear.path);
    const sequence = sequences.get(parent)!;
    const before = layers[i - 1];
    if (!before) {
      if ((numberOf(linear.path) ?? 0) > 0)
        notes.push(`Before "${linear.path}" are modules without weights, assumed to flatten the input.`);
      continue;
    }
    const seam = parentOf(before.linear.path) !== parent;
    if (seam) {
      const note = seamOf(before, linear, i === layers.length - 1, sequences);
      if (typeof note === 'object') return note;
      if (note !== undefined) notes.push(note);
      continue;
    }
    const free = freeBetween(before, linear);
    if (free === undefined) continue;
    if (free === 0 && (sequence.counted || (parent === '' && !wrapped)))
      return refusal(
        `by the numbers of their Sequential, nothing is between "${(before.norm ?? before.linear).path}" and "${linear.path}", so there is no activation`,
        `${declareHint} In it, each layer states its activation, "identity" for none.`,
      );
    if (free > 1)
      notes.push(
        `Between "${(before.norm ?? before.linear).path}" and "${linear.path}" are ${free} modules without weights, assumed to be the activation and dropout; a norm without weights would look the same.`,
      );
  }
  return notes;
}

interface Sequence {
  /** Modules without weights are counted: a Sequential, not a list of layers whose activations are called elsewhere. */
  counted: boolean;
  size: number;
}

function sequenceOf(layers: readonly Layer[]): Sequence {
  const ordered = layers.filter(({ linear }) => numberOf(linear.path) !== undefined);
  const counted = ordered.some((layer, i) => {
    const inside = layer.norm && parentOf(layer.norm.path) === parentOf(layer.linear.path);
    const free = i === 0 ? undefined : freeBetween(ordered[i - 1]!, layer.linear);
    return (free ?? 0) > 0 || (inside === true && numberOf(layer.norm!.path) !== undefined);
  });
  return { counted: counted && ordered.length > 1, size: ordered.length };
}

/** How many numbers lie between a layer (with its norm) and the next one of the same parent. */
function freeBetween({ linear, norm }: Layer, next: Linear): number | undefined {
  const to = numberOf(next.path);
  const from = numberOf(linear.path);
  if (to === undefined || from === undefined) return undefined;
  const inside = norm && parentOf(norm.path) === parentOf(linear.path) ? numberOf(norm.path) : undefined;
  return to - (inside ?? from) - 1;
}

/** From one Sequential into another module: whether an activation stands at its end no number tells. */
function seamOf(
  before: Layer,
  linear: Linear,
  isLast: boolean,
  sequences: ReadonlyMap<string, Sequence>,
): Refusal | string | undefined {
  const [from, to] = [parentOf(before.linear.path), parentOf(linear.path)];
  if (!sequences.get(from)!.counted && !sequences.get(to)!.counted) return undefined;
  if (isLast && !sequences.get(to)!.counted)
    return `Between "${before.linear.path}" and the last layer "${linear.path}" an activation is assumed: the numbers of "${from}" do not show how it ends.`;
  return refusal(
    `no name shows whether an activation is between "${before.linear.path}" and "${linear.path}": one Sequential ends there or another begins`,
    declareHint,
  );
}
