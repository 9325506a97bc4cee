/** Which rescalings leave a checkpoint's function unchanged, read off its network, and doing them. */
import type { z } from 'zod';
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { takesOutFactors } from '../../../src-shared/networks/operations/norm.ts';
import type { norm } from '../../../src-shared/networks/operations/norm.ts';
import { rescalingsBeforeNorms } from '../../../src-shared/networks/rescalings.ts';
import type { Rescaling, Rescalings } from '../../../src-shared/networks/rescalings.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import type { FixedAxis } from '../../../src-shared/networks/follow-axes.ts';
import type { StateDict } from '../models/index.ts';
import { fixedDoubles, sigmaOf } from '../networks/effective.ts';
import { rescaleArrays } from '../networks/permute.ts';
import type { NamedArray, NamedArrays } from '../networks/permute.ts';
import type { RandomStream } from '../random.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

export type RescalingScope = 'neuron' | 'layer';

type Doubles = NamedArrays<Float64Array>;

export interface RescalingPlan {
  readonly rescalings: readonly Rescaling[];
  /** Per rescaling which of its factors may differ from 1. */
  readonly allowed: readonly Uint8Array[];
  /** What is moved and what is not, with reasons. */
  readonly notes: readonly string[];
}

/** Whose rescalings are asked for. */
export interface RescaledModel {
  readonly network: Network;
  /** As stored: fixed parts tell which entries cannot follow a factor. */
  readonly state: StateDict;
  /** "model 2 of /runs/w-asym-7f3a at epoch 5", for messages. */
  readonly name: string;
}

/**
 * `neuron`: what is positively homogeneous (ReLU, no activation) passes a factor on, so a neuron's incoming weights and
 * bias (behind a norm: the norm's weight and bias) take c and what reads it 1/c. `layer`: a norm over the layer or the
 * batch takes out one positive factor of everything before it, exact up to the norm's epsilon.
 *
 * @throws UserError with the reasons if nothing can be rescaled.
 */
export function planRescaling(model: RescaledModel, scope: RescalingScope): RescalingPlan {
  const { network, state, name } = model;
  const derived = scope === 'neuron' ? symmetriesOf(network) : rescalingsBeforeNorms(network);
  const { rescalings } = derived;
  if (rescalings.length === 0) throw nothingOpen(model, scope, derived);
  const allowed = freeUnits(rescalings, pinnedEntries(network, state));
  const free = countOf(allowed);
  if (free === 0) throw allPinned(network, name, scope);
  return { rescalings, allowed, notes: notesOf(network, rescalings, free, scope) };
}

export const countOf = (allowed: readonly Uint8Array[]): number =>
  allowed.reduce((sum, units) => sum + units.reduce((s, x) => s + x, 0), 0);

/** Entries that no trainable number can move, 1 each: fixed and not 0. Parameters without any are left out. */
export function pinnedEntries(network: Network, state: StateDict): Map<string, NamedArray<Float64Array>> {
  return new Map(
    [...network.parameters.values()].flatMap((parameter): [string, NamedArray<Float64Array>][] => {
      const { name, shape, role, family } = parameter;
      if (role === 'fixed') return [[name, { shape, data: marked(state.get(name)!.data, (x) => x !== 0) }]];
      // Without a mask trainable numbers stand at every entry (SYRE): they absorb what the fixed part would have to do.
      if (family?.mask === undefined) return [];
      const mask = state.get(family.mask)!.data;
      const fixed = fixedDoubles(parameter, state);
      return fixed ? [[name, { shape, data: marked(fixed, (x, k) => mask[k] === 0 && x !== 0) }]] : [];
    }),
  );
}

const marked = (data: Float32Array | Float64Array, is: (x: number, k: number) => boolean): Float64Array =>
  Float64Array.from(data, (x, k) => (is(x, k) ? 1 : 0));

/** Units with no pinned entry in what they scale. @param pins as `pinnedEntries` makes them, or permuted */
export function freeUnits(rescalings: readonly Rescaling[], pins: Doubles): Uint8Array[] {
  return rescalings.map(({ size, axes }) => {
    const free = new Uint8Array(size).fill(1);
    for (const { parameter, axis, factors } of axes) {
      const array = pins.get(parameter);
      if (!array) continue;
      const inner = sizeOf(array.shape.slice(axis + 1));
      array.data.forEach((pinned, k) => {
        const unit = factors[Math.floor(k / inner) % factors.length]!;
        if (pinned === 1 && unit >= 0) free[unit] = 0;
      });
    }
    return free;
  });
}

/** The parameters with factors exp(t * logs): one number per rescaling and unit. Units that may not move stay. */
export function rescaled(
  arrays: Doubles,
  { rescalings, allowed }: Pick<RescalingPlan, 'rescalings' | 'allowed'>,
  logs: readonly Float64Array[],
  t: number,
): Map<string, NamedArray<Float64Array>> {
  return rescalings.reduce(
    (moved, rescaling, i) =>
      rescaleArrays(
        moved,
        rescaling,
        logs[i]!.map((log, unit) => (allowed[i]![unit] === 1 ? Math.exp(t * log) : 1)),
      ),
    new Map(arrays),
  );
}

/** Normal draws of standard deviation `spread` for the units that may move, else 0; a stream for each rescaling. */
export const drawLogs = (
  { allowed }: RescalingPlan,
  spread: number,
  streamOf: (rescaling: number) => RandomStream,
): Float64Array[] =>
  allowed.map((units, i) => {
    const stream = streamOf(i);
    return Float64Array.from(units, (free) => (free === 1 ? spread * stream.normal() : 0));
  });

function notesOf(
  network: Network,
  rescalings: readonly Rescaling[],
  free: number,
  scope: RescalingScope,
): string[] {
  const total = rescalings.reduce((sum, { size }) => sum + size, 0);
  if (scope === 'layer') {
    const epsilons = [...new Set(epsilonsOf(network))].map((epsilon) => epsilon.toExponential());
    return [
      `${free} of ${total} layers are rescaled before their norm; the function is unchanged up to the norm's epsilon ${epsilons.join(', ')}`,
    ];
  }
  const scaled = new Set(rescalings.flatMap(({ axes }) => axes.map(({ parameter }) => parameter)));
  const absorbs = [...scaled].some((name) => {
    const family = network.parameters.get(name)!.family;
    return family?.support === 'all' && family.fixed !== undefined;
  });
  return [
    `${free} of ${total} neurons are rescaled, each by its own factor`,
    ...(free < total
      ? [
          `${total - free} neurons are not rescaled: nonzero fixed weights in their row or column cannot be rescaled`,
        ]
      : []),
    ...(absorbs ? ['the trainable weights absorb the change of the fixed part'] : []),
    ...unscaledGroups(network, rescalings),
  ];
}

/** Groups of units of which no axis takes a factor, with the reasons. */
function unscaledGroups(network: Network, rescalings: readonly Rescaling[]): string[] {
  const keyOf = ({ parameter, axis }: { parameter: string; axis: number }) => `${axis} ${parameter}`;
  const scaled = new Set(rescalings.flatMap(({ axes }) => axes.map(keyOf)));
  const { groups, closed } = symmetriesOf(network);
  return groups.flatMap(({ name, axes }) => {
    if (axes.some((axis) => scaled.has(keyOf(axis)))) return [];
    const own = new Set(axes.map(keyOf));
    return [`${name} is not rescaled: ${reasonsIn(closed.filter((axis) => own.has(keyOf(axis))))}`];
  });
}

/** Norms that take a factor out again: their epsilons. */
const epsilonsOf = ({ nodes }: Network): number[] =>
  nodes.flatMap((node) => {
    if (node.op !== 'norm') return [];
    const { kind, epsilon } = node.attributes as z.output<typeof norm.attributes>;
    return takesOutFactors(kind) ? [epsilon] : [];
  });

/** The first few reasons; that an axis is the input or the output of the network says little beside others. */
function reasonsIn(closed: readonly FixedAxis[]): string {
  const all = [...new Set(closed.map(({ reason }) => reason))];
  const telling = all.filter((reason) => !/^(input|output) of the network$/.test(reason));
  const reasons = telling.length > 0 ? telling : all;
  const more = reasons.length > 3 ? `; and ${reasons.length - 3} more` : '';
  return reasons.slice(0, 3).join('; ') + more;
}

function nothingOpen(
  { network, name }: RescaledModel,
  scope: RescalingScope,
  { closed }: Rescalings,
): UserError {
  if (scope === 'neuron') {
    const others = rescalingsBeforeNorms(network).rescalings.length > 0;
    return new UserError(
      `${name}: no neuron can be rescaled: ${reasonsIn(closed)}.`,
      others ? { hint: 'symmetry-curve --scope layer rescales everything before a norm as a whole.' } : {},
    );
  }
  if (epsilonsOf(network).length === 0)
    return new UserError(
      `${name}: one factor per layer needs a norm (LayerNorm or BatchNorm) that cancels it; the network has none.`,
      { hint: 'If it has ReLU or no activation, its neurons can be rescaled one by one: --scope neuron.' },
    );
  return new UserError(`${name}: no layer can be rescaled before its norm: ${reasonsIn(closed)}.`);
}

function allPinned(network: Network, name: string, scope: RescalingScope): UserError {
  const scales = [...network.parameters.values()].flatMap((parameter) =>
    parameter.family?.fixed ? (sigmaOf(network, parameter) ?? []) : [],
  );
  const sigmas = [...new Set(scales)];
  const given = sigmas.length === 0 ? '' : ` with sigma_F = ${sigmas.join(', ')}`;
  const where = scope === 'neuron' ? 'every neuron has' : 'every layer has';
  return new UserError(
    `${name} cannot be rescaled:${given} ${where} nonzero fixed weights where a factor would apply, which training cannot change.`,
    sigmas.length === 0
      ? {}
      : { hint: 'With sigma_F = 0 the fixed weights are 0 and stay 0 under any factor.' },
  );
}
