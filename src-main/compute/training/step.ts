/** One training step of M models at once: forward, backward by autodiff, optimizer. A pure function of tensors. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { targetsOf } from '../../../src-shared/objective.ts';
import type { ComputationBody, Tensor } from '../backend/index.ts';
import type { EdgeTensors } from '../networks/edges.ts';
import { acting } from '../networks/effective.ts';
import type { FixedTensors } from '../networks/effective.ts';
import { lossOf } from '../networks/loss.ts';
import type { Maths } from '../networks/maths.ts';
import { forward } from '../networks/run.ts';
import { augmentedRows } from './augmented-rows.ts';
import type { AugmentedRows } from './augmented-rows.ts';
import { clipped } from './clip.ts';
import { droppingNodes } from './dropout.ts';
import { scalarCount, slotNames, update } from './optimizer.ts';
import type { OptimizerSettings } from './optimizer.ts';

/** What a place in the state holds. */
export type StatePlace =
  /** A trained parameter, [M, ...shape]. */
  | { kind: 'trained'; name: string }
  /** What the optimizer keeps of it, alike. */
  | { kind: 'slot'; name: string; slot: string }
  /** A running statistic, [M, ...shape]. */
  | { kind: 'statistics'; name: string }
  /** A parameter that nothing moves, [M, ...shape] or [1, ...shape]. */
  | { kind: 'fixed'; name: string }
  /** F as it acts, or D, of a trained parameter, [1, ...shape]. */
  | { kind: 'offset' | 'mask'; name: string }
  /**
   * All training inputs [N, ...shape], or labels: [N] int32; of tokens [N, T] int32, -1 if one does not count; of binary labels,
   * and of numbers to be predicted, [N, K] float32.
   */
  | { kind: 'inputs' | 'labels'; name: '' }
  /** Of training inputs that are the nodes of a graph: the ends of its edges, int32 [edges]; labels are -1 where nothing is trained. */
  | { kind: 'sources' | 'targets'; name: '' };

/** What a step does besides the optimizer; all of it absent or 0: nothing. */
export interface StepOptions {
  /** Share of every label that is spread evenly over all classes, as PyTorch's CrossEntropyLoss has it. */
  labelSmoothing?: number;
  /** The longest gradient of a model, all its parameters together; longer ones are scaled down to it. */
  clipNorm?: number;
}

export interface StepPlan extends StepOptions {
  network: Network;
  optimizer: OptimizerSettings;
  classes: number;
  /** In the order of the state. */
  places: readonly StatePlace[];
  /**
   * A step may be one that only fills up a call of several: it then has a 0 at the end of its scalars and leaves the
   * state as it is.
   */
  mayIdle: boolean;
  /** Images are varied: a fourth argument says how. */
  augmented?: AugmentedRows | undefined;
  /** Training inputs are the nodes of a graph: every step takes all of them, and so many have labels. */
  graph?: { nodes: number; labelled: number } | undefined;
}

/** Scalars of one step: the optimizer's, n / (n - 1) of the n rows that count, and whether the step counts. */
export const stepScalarCount = scalarCount + 2;

/** PyTorch's default of BatchNorm. */
const batchMomentum = 0.1;

type ByName = Map<string, Tensor>;

/**
 * Arguments: row numbers [M, B] int32, row weights [B] (1 / n, or 0 for rows that fill up the batch), scalars; of augmented
 * images moves [3, M, B] int32; and a mask [M, B, ...shape] for every node that drops entries. Over a graph: scalars and
 * masks alone.
 * Outputs: the mean loss of every model before the step, [M].
 */
export function trainingStep(maths: Maths, plan: StepPlan): ComputationBody {
  return (args, state) => {
    const { batch, scalars, drawn } = plan.graph
      ? { batch: undefined, scalars: args[0]!, drawn: args.slice(1) }
      : batchOf(plan, args);
    const masks = new Map(droppingNodes(plan.network).map(({ id }, i) => [id, drawn[i]!]));
    const of = (kind: StatePlace['kind']): ByName => byName(plan.places, state, kind);
    const trained = of('trained');
    const names = [...trained.keys()];
    const numbers = split(maths, scalars);
    const { losses, gradients, statistics } = backward(maths, plan, names, state, {
      ...{ batch, masks, unbiased: numbers[scalarCount]! },
    });
    const moving = plan.clipNorm === undefined ? gradients : clipped(maths, gradients, plan.clipNorm);
    const next = new Map<string, Tensor>();
    names.forEach((name, i) => {
      const slots = slotNames(plan.optimizer);
      const kept = slots.map((slot) => state[placeOf(plan.places, { kind: 'slot', name, slot })]!);
      const before = { value: trained.get(name)!, slots: kept };
      const after = update(maths, plan.optimizer, before, moving[i]!, numbers);
      next.set(keyOf({ kind: 'trained', name }), after.value);
      slots.forEach((slot, k) => next.set(keyOf({ kind: 'slot', name, slot }), after.slots[k]!));
    });
    for (const [name, value] of statistics) next.set(keyOf({ kind: 'statistics', name }), value);
    const counts = maths.tf.greater(numbers[scalarCount + 1]!, maths.number(0));
    const moved = plan.places.map((place, i) => {
      const after = next.get(keyOf(place));
      if (!after) return state[i]!;
      return plan.mayIdle ? maths.tf.where(counts, after, state[i]!) : after;
    });
    return { outputs: [losses], state: moved };
  };
}

const keyOf = (place: StatePlace): string =>
  JSON.stringify([place.kind, place.name, 'slot' in place ? place.slot : '']);

export function placeOf(places: readonly StatePlace[], wanted: StatePlace): number {
  const key = keyOf(wanted);
  const index = places.findIndex((place) => keyOf(place) === key);
  if (index < 0) throw new Error(`training keeps no ${wanted.kind} "${wanted.name}"`);
  return index;
}

function byName(places: readonly StatePlace[], state: readonly Tensor[], kind: StatePlace['kind']): ByName {
  return new Map(
    places.flatMap((place, i) => (place.kind === kind ? [[place.name, state[i]!] as const] : [])),
  );
}

/** [scalars] -> that many scalar tensors. */
function split({ tf }: Maths, scalars: Tensor): Tensor[] {
  return tf.unstack(scalars);
}

/** Rows of a batch; undefined if every step takes all nodes of a graph. */
interface Batch {
  rows: Tensor;
  rowWeights: Tensor;
  moves: Tensor | undefined;
}

function batchOf(plan: StepPlan, args: readonly Tensor[]) {
  const [rows, rowWeights, scalars, ...further] = args as [Tensor, Tensor, Tensor, ...Tensor[]];
  const moves = plan.augmented ? further[0] : undefined;
  return { batch: { rows, rowWeights, moves }, scalars, drawn: plan.augmented ? further.slice(1) : further };
}

interface Pass {
  batch: Batch | undefined;
  unbiased: Tensor;
  masks: ByName;
}

/** What a step sees of the training data. */
interface Seen {
  x: Tensor;
  /** What the loss takes: [M or 1, B, classes], of tokens [M, B, T, classes], zeros if there is no label; or [M, B, K] numbers. */
  wanted: Tensor;
  /** [B]: of the rows in batch norms. */
  rowWeights: Tensor;
  /** Of every loss, [M or 1, B], of tokens [M, B, T]. */
  lossWeights: Tensor;
  edges?: EdgeTensors;
}

function seenIn(maths: Maths, plan: StepPlan, state: readonly Tensor[], batch: Batch | undefined): Seen {
  const { tf } = maths;
  const whole = (kind: StatePlace['kind']): Tensor => byName(plan.places, state, kind).get('')!;
  const [inputs, labels] = [whole('inputs'), whole('labels')];
  if (plan.graph) {
    const { nodes, labelled } = plan.graph;
    const isLabelled = tf.cast(tf.greaterEqual(labels, tf.scalar(0, 'int32')), 'float32');
    return {
      x: tf.expandDims(inputs, 0),
      wanted: smoothed(maths, tf.expandDims(oneHot(maths, labels, plan.classes), 0), plan),
      rowWeights: tf.fill([nodes], 1 / nodes),
      lossWeights: tf.expandDims(tf.mul(isLabelled, maths.number(1 / labelled)), 0),
      edges: { sources: whole('sources'), targets: whole('targets') },
    };
  }
  const { rows, rowWeights, moves } = batch!;
  const x =
    plan.augmented && moves
      ? augmentedRows(maths, { inputs, rows, moves }, plan.augmented)
      : maths.gather(inputs, rows);
  const own = maths.gather(labels, rows);
  const kind = targetsOf(plan.network.objective)?.kind;
  // Binary labels, and numbers, are what the loss takes.
  const isGiven = kind === 'binary' || kind === 'numbers';
  const wanted = isGiven ? own : smoothed(maths, oneHot(maths, own, plan.classes), plan);
  const lossWeights = kind === 'tokens' ? tokenWeights(maths, own, rowWeights) : tf.expandDims(rowWeights, 0);
  return { x, wanted, rowWeights, lossWeights };
}

/** 1 / n of the n tokens that count in a batch. @param tokens int32 [M, B, T], -1 if one does not count @returns [M, B, T] */
function tokenWeights({ tf, number }: Maths, tokens: Tensor, rowWeights: Tensor): Tensor {
  const inBatch = tf.reshape(tf.greater(rowWeights, number(0)), [1, rowWeights.shape[0]!, 1]);
  const counts = tf.logicalAnd(tf.greaterEqual(tokens, tf.scalar(0, 'int32')), inBatch);
  const each = tf.cast(counts, 'float32');
  const all = tf.sum(each, [1, 2], true);
  // A step that only fills up a call has none.
  return tf.div(each, tf.maximum(all, number(1)));
}

function backward(
  maths: Maths,
  plan: StepPlan,
  names: readonly string[],
  state: readonly Tensor[],
  { batch, unbiased, masks }: Pass,
): { losses: Tensor; gradients: Tensor[]; statistics: ByName } {
  const { tf } = maths;
  const of = (kind: StatePlace['kind']): ByName => byName(plan.places, state, kind);
  const { x, wanted, rowWeights, lossWeights, edges } = seenIn(maths, plan, state, batch);
  const given = new Map([...of('statistics'), ...of('fixed')]);
  const fixed = fixedTensors(of('offset'), of('mask'));
  const kept: { losses?: Tensor; statistics: ByName } = { statistics: new Map() };
  const total = (...values: Tensor[]): Tensor => {
    const stored = new Map([...given, ...names.map((name, i) => [name, values[i]!] as const)]);
    const { output } = forward(maths, plan.network, acting(maths, stored, fixed), x, {
      edges,
      // Kept: gradients are taken in a tidy of their own.
      training: {
        ...{ rowWeights, unbiased, momentum: batchMomentum },
        mask: (id) => masks.get(id),
        track: (name, value) => void kept.statistics.set(name, tf.keep(value)),
      },
    });
    const losses = lossOf(maths, plan.network.objective, output, wanted);
    const weighted = tf.mul(losses, lossWeights);
    const axes = [...weighted.shape.keys()].slice(1);
    kept.losses = tf.keep(tf.sum(weighted, axes));
    return tf.sum(kept.losses);
  };
  const gradients = tf.grads(total)(names.map((name) => of('trained').get(name)!));
  const release = (tensor: Tensor): Tensor => {
    const own = tensor.clone();
    tensor.dispose();
    return own;
  };
  return {
    losses: release(kept.losses!),
    gradients,
    statistics: new Map([...kept.statistics].map(([name, value]) => [name, release(value)])),
  };
}

function fixedTensors(offsets: ByName, masks: ByName): FixedTensors {
  const names = new Set([...offsets.keys(), ...masks.keys()]);
  return new Map([...names].map((name) => [name, { offset: offsets.get(name), mask: masks.get(name) }]));
}

/** One-hot labels, a share of each spread over all classes. */
function smoothed({ tf, number }: Maths, hot: Tensor, { classes, labelSmoothing = 0 }: StepPlan): Tensor {
  if (labelSmoothing === 0) return hot;
  return tf.add(tf.mul(hot, number(1 - labelSmoothing)), number(labelSmoothing / classes));
}

/** @param labels int32 [...]; -1 has no class @returns [..., classes] */
function oneHot({ tf }: Maths, labels: Tensor, classes: number): Tensor {
  const flat = tf.reshape(labels, [-1]);
  // Cast: the WebAssembly back end's oneHot of dtype float32 holds the bits of integers.
  return tf.reshape(tf.cast(tf.oneHot(flat, classes), 'float32'), [...labels.shape, classes]);
}
