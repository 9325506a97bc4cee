/** M models in training: their tensors, the optimizer's and the data, and the step that moves them, compiled if it pays. */
import type { Augmentation } from '../../../src-shared/config.ts';
import type { TrainingExecution } from '../../../src-shared/domain.ts';
import type { TrainableSpec } from '../../../src-shared/model.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { trainedGraphOf } from '../../../src-shared/networks/of-model.ts';
import type { Objective } from '../../../src-shared/objective.ts';
import { EagerComputation, types } from '../backend/index.ts';
import type { Backend, Computation, Spec, Tensor } from '../backend/index.ts';
import type { Move } from '../data/augment.ts';
import { scoredCount } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { augmentedPlan, packedMoves } from './augmented-rows.ts';
import type { AugmentedRows } from './augmented-rows.ts';
import type { HostTensor, StateDict } from '../models/index.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { FixedTensors } from '../networks/effective.ts';
import { mathsOf } from '../networks/maths.ts';
import { requireObjective, requireScored } from '../networks/objective.ts';
import { concatenate, entryOf } from './entries.ts';
import { DropoutMasks } from './dropout.ts';
import { executionOf, refuseUntrainable } from './execution.ts';
import { ofOneModel } from './one-model.ts';
import { slotNames, stepScalars } from './optimizer.ts';
import type { OptimizerSettings } from './optimizer.ts';
import { placeOf, stepScalarCount, trainingStep } from './step.ts';
import type { StatePlace, StepOptions, StepPlan } from './step.ts';
import { stateValues, trainedNames } from './state-values.ts';
import type { StateValue } from './state-values.ts';

export interface SessionPlan extends StepOptions {
  spec: TrainableSpec;
  optimizer: OptimizerSettings;
  batchSize: number;
  /** One per model: they decide what dropout drops. Needed if the network drops anything. */
  dropoutSeeds?: readonly number[];
  /** Of the whole training, however much of it is left: it decides whether compiling pays. */
  totalSteps: number;
  /** If examples have other labels than one class each. */
  objective?: Objective | undefined;
  /** How images are varied; absent: not at all. */
  augmentation?: Augmentation | undefined;
  /** Instead of what follows from all that; for comparing the ways. */
  execution?: TrainingExecution;
}

/** One step: for each model the rows of its batch, at most `batchSize` of them; none over a graph, which is taken whole. */
export interface StepInput {
  rows: readonly Int32Array[];
  /** Of varied images, for each model and row of its batch, in the order of `rows`. */
  moves?: readonly (readonly Move[])[];
  learningRate: number;
}

/** One model as it is at a step: its state dict, and what the optimizer keeps, by slot and parameter name. */
export interface Snapshot {
  state: StateDict;
  slots: Map<string, Map<string, HostTensor>>;
}

/** A value that the back end has yet to be given. */
interface Upload {
  /** Its place in the state. */
  index: number;
  numbers: number;
  tensor: () => Tensor;
}

/** Numbers that are handed over in one call at most, unless one value alone has more. */
const numbersTogether = 2 ** 20;

export class TrainingSession {
  readonly network: Network;
  readonly spec: TrainableSpec;
  readonly models: number;
  readonly execution: TrainingExecution;
  readonly optimizer: OptimizerSettings;
  /** Optimizer steps made so far. */
  steps = 0;
  /** Batches seen by batch norm. */
  batchesTracked: number;
  readonly #backend: Backend;
  /** Names of a state dict, in the order of the file. */
  readonly #names: readonly string[];
  /** Per model, what nothing moves; the rest lives in the computation alone. */
  readonly #unmoved: readonly StateDict[];
  readonly #batchSize: number;
  /** Of training examples that are the nodes of a graph. */
  readonly #graph: StepPlan['graph'];
  readonly #augmented: AugmentedRows | undefined;
  /** Of all models; over a graph of each. */
  readonly #masks: readonly DropoutMasks[];
  readonly #places: readonly StatePlace[];
  readonly #computation: Computation;
  /** The last one goes first. */
  readonly #uploads: Upload[];
  #called = false;

  constructor(backend: Backend, plan: SessionPlan, states: readonly StateDict[], examples: Examples) {
    this.#backend = backend;
    this.spec = plan.spec;
    const batchSize = examples.edges ? examples.count : plan.batchSize;
    this.#batchSize = batchSize;
    this.#graph = examples.edges && { nodes: examples.count, labelled: scoredCount(examples) };
    this.network = { ...readNetwork(trainedGraphOf(plan.spec)), objective: plan.objective };
    requireScored(this.network);
    requireObjective(this.network, examples);
    refuseUntrainable(backend, this.network);
    this.#augmented = plan.augmentation && augmentedPlan(this.network, examples, plan.augmentation.pad);
    this.models = states.length;
    this.optimizer = plan.optimizer;
    this.#masks = this.#masksOf({ ...plan, batchSize });
    const counter = [...states[0]!].find(([name]) => isCounter(name));
    this.batchesTracked = counter?.[1].data[0] ?? 0;
    const values = stateValues(this.network, plan.optimizer, states, examples);
    this.#places = values.map(({ place }) => place);
    this.#names = [...states[0]!.keys()];
    this.#unmoved = unmoved(this.#places, states);
    const { totalSteps } = plan;
    this.execution =
      plan.execution ?? executionOf(backend, this.network, { models: this.models, batchSize, totalSteps });
    this.#computation = this.#open(values, plan);
    this.#uploads = this.#uploadsOf(values);
  }

  get stepsPerCall(): number {
    return this.execution.steps_per_call;
  }

  /** The next call compiles first, which takes a second or two. */
  get compilesNext(): boolean {
    return this.execution.way !== 'eager' && !this.#called;
  }

  #open(values: readonly StateValue[], { labelSmoothing, clipNorm }: StepOptions): Computation {
    const { steps_per_call: stepsPerCall, way } = this.execution;
    const plan = {
      ...(labelSmoothing !== undefined && { labelSmoothing }),
      ...(clipNorm !== undefined && { clipNorm }),
      ...{ network: this.network, optimizer: this.optimizer, places: this.#places },
      // A network that gives a number alone has no axis.
      classes: this.network.shapes.get(this.network.graph.output)!.at(-1) ?? 1,
      mayIdle: stepsPerCall > 1,
      augmented: this.#augmented,
      graph: this.#graph,
    };
    const maths = mathsOf(this.#backend);
    const whole = trainingStep(maths, plan);
    const stack = { places: this.#places, models: this.models };
    const body = this.#graph && this.models > 1 ? ofOneModel(maths, stack, whole) : whole;
    if (way === 'eager') return new EagerComputation(this.#backend.tf, body);
    return this.#backend.native!.compiler.compile(
      {
        mode: way,
        ...(stepsPerCall > 1 && { steps: stepsPerCall }),
        args: this.#argumentSpecs(),
        state: values.map(({ spec }) => spec),
      },
      body,
    );
  }

  /** The largest first: TensorFlow keeps what it once took, and small values would cut up the room for large ones. */
  #uploadsOf(values: readonly StateValue[]): Upload[] {
    const order = [...values.keys()].sort(
      (a, b) => sizeOf(values[a]!.spec.shape) - sizeOf(values[b]!.spec.shape),
    );
    return order.map((index) => ({
      ...{ index, numbers: sizeOf(values[index]!.spec.shape) },
      tensor: () => values[index]!.tensor(this.#backend),
    }));
  }

  /**
   * Hands the back end what the steps start from, piece by piece: a second for sixteen stock models and their data. The
   * first use hands over what is left.
   */
  *uploading(): Generator<void> {
    while (this.#uploads.length > 0) {
      const batch = this.#nextUploads();
      const values = batch.map(({ index, tensor }) => [index, tensor()] as const);
      this.#computation.setAll(values);
      this.#backend.tf.dispose(values.map(([, value]) => value));
      yield;
    }
  }

  /** One large value, or several small ones; none twice. */
  #nextUploads(): Upload[] {
    const batch: Upload[] = [];
    let numbers = 0;
    for (let next = this.#uploads.at(-1); next; next = this.#uploads.at(-1)) {
      const { index } = next;
      if (batch.some((upload) => upload.index === index)) break;
      if (batch.length > 0 && numbers + next.numbers > numbersTogether) break;
      numbers += next.numbers;
      batch.push(this.#uploads.pop()!);
    }
    return batch;
  }

  #ready(): Computation {
    if (this.#uploads.length > 0) for (const _ of this.uploading());
    return this.#computation;
  }

  #argumentSpecs(): Spec[] {
    const scalars = { dtype: types.float32, shape: [stepScalarCount] };
    const masks = this.#masks[0]!.specs;
    if (this.#graph) {
      const model = { dtype: types.int32, shape: [] };
      return [...(this.models > 1 ? [model] : []), scalars, ...masks];
    }
    return [
      { dtype: types.int32, shape: [this.models, this.#batchSize] },
      { dtype: types.float32, shape: [this.#batchSize] },
      scalars,
      ...(this.#augmented ? [{ dtype: types.int32, shape: [3, this.models, this.#batchSize] }] : []),
      ...masks,
    ];
  }

  /**
   * Makes these steps, at most `stepsPerCall` of them.
   * @returns for each step the mean loss of every model before it
   */
  run(inputs: readonly StepInput[]): Float32Array[] {
    const { stepsPerCall } = this;
    if (inputs.length === 0 || inputs.length > stepsPerCall)
      throw new Error(`${inputs.length} steps were requested in one call of at most ${stepsPerCall}`);
    const all = this.#graph
      ? this.#stepOverGraph(inputs[0]!, this.#graph.nodes)
      : this.#call(this.#arguments(inputs));
    this.#called = true;
    this.steps += inputs.length;
    this.batchesTracked += inputs.length;
    return inputs.map((_, i) => all.subarray(i * this.models, (i + 1) * this.models));
  }

  /** @returns the losses, [steps of a call, models] */
  #call(args: readonly Tensor[]): Float32Array {
    const [losses] = this.#ready().run(args);
    const all = losses!.dataSync() as Float32Array;
    this.#backend.tf.dispose([...args, losses!]);
    return all;
  }

  /** Model by model. @returns the loss of each */
  #stepOverGraph(input: StepInput, nodes: number): Float32Array {
    return Float32Array.from(
      { length: this.models },
      (_, m) => this.#call(this.#graphArguments(input, nodes, m))[0]!,
    );
  }

  #masksOf(plan: Pick<SessionPlan, 'dropoutSeeds' | 'batchSize'>): DropoutMasks[] {
    if (!this.#graph) return [new DropoutMasks(this.network, plan, this.models)];
    return Array.from({ length: this.models }, (_, m) => {
      const dropoutSeeds = plan.dropoutSeeds?.slice(m, m + 1) ?? [];
      return new DropoutMasks(this.network, { ...plan, dropoutSeeds }, 1);
    });
  }

  /** A step of one model over a whole graph: which it is, scalars, and what dropout drops. */
  #graphArguments(input: StepInput, nodes: number, model: number): Tensor[] {
    const { tf } = this.#backend;
    const step = stepScalars(this.optimizer, input.learningRate, this.steps + 1);
    const scalars = [...step, nodes / Math.max(nodes - 1, 1), 1];
    return [
      ...(this.models > 1 ? [tf.scalar(model, 'int32')] : []),
      tf.tensor(scalars, [stepScalarCount], 'float32'),
      ...this.#masks[model]!.tensors(tf, [], { first: this.steps + 1, count: 1 }),
    ];
  }

  #arguments(inputs: readonly StepInput[]): Tensor[] {
    const { stepsPerCall } = this;
    const [models, batch] = [this.models, this.#batchSize];
    const rows = new Int32Array(stepsPerCall * models * batch);
    const weights = new Float32Array(stepsPerCall * batch);
    const scalars = new Float32Array(stepsPerCall * stepScalarCount);
    inputs.forEach(({ rows: own, learningRate }, i) => {
      const count = own[0]!.length;
      own.forEach((numbers, m) => rows.set(numbers, (i * models + m) * batch));
      weights.fill(1 / count, i * batch, i * batch + count);
      const step = stepScalars(this.optimizer, learningRate, this.steps + i + 1);
      scalars.set([...step, count / Math.max(count - 1, 1), 1], i * stepScalarCount);
    });
    const front = stepsPerCall > 1 ? [stepsPerCall] : [];
    const { tf } = this.#backend;
    return [
      tf.tensor(rows, [...front, models, batch], 'int32'),
      tf.tensor(weights, [...front, batch]),
      tf.tensor(scalars, [...front, stepScalarCount]),
      ...(this.#augmented
        ? [
            tf.tensor(
              packedMoves(inputs, [stepsPerCall, models, batch]),
              [...front, 3, models, batch],
              'int32',
            ),
          ]
        : []),
      ...this.#masks[0]!.tensors(tf, front, { first: this.steps + 1, count: inputs.length }),
    ];
  }

  /** Stored parameters as they are now, [M or 1, ...shape], and fixed parts; the caller's to dispose of. */
  tensors(): { stored: Map<string, Tensor>; fixed: FixedTensors } {
    const computation = this.#ready();
    const stored = new Map<string, Tensor>();
    const parts = new Map<string, { offset: Tensor | undefined; mask: Tensor | undefined }>();
    const isRead = ({ kind }: StatePlace): boolean =>
      !['slot', 'inputs', 'labels', 'sources', 'targets'].includes(kind);
    const read = [...this.#places.keys()].filter((i) => isRead(this.#places[i]!));
    computation.getAll(read).forEach((tensor, at) => {
      const { kind, name } = this.#places[read[at]!]!;
      if (kind !== 'offset' && kind !== 'mask') {
        stored.set(name, tensor);
        return;
      }
      const part = parts.get(name) ?? { offset: undefined, mask: undefined };
      parts.set(name, { ...part, [kind]: tensor });
    });
    return { stored, fixed: parts };
  }

  /**
   * Downloads one model after the other, so that never more than one of them is in ordinary memory because of this. No
   * step may be made meanwhile.
   */
  *snapshots(): Generator<Snapshot> {
    const computation = this.#ready();
    const moved = [...this.#places.keys()].filter((i) => isMoved(this.#places[i]!));
    const tensors = computation.getAll(moved);
    const held = moved.map((i, at) => ({ place: this.#places[i]!, tensor: tensors[at]! }));
    try {
      for (let m = 0; m < this.models; m++) yield this.#snapshot(held, m);
    } finally {
      this.#backend.tf.dispose(held.map(({ tensor }) => tensor));
    }
  }

  #snapshot(held: readonly { place: StatePlace; tensor: Tensor }[], m: number): Snapshot {
    const moved: StateDict = new Map();
    const slots: Snapshot['slots'] = new Map(slotNames(this.optimizer).map((slot) => [slot, new Map()]));
    for (const { place, tensor } of held) {
      const into = place.kind === 'slot' ? slots.get(place.slot)! : moved;
      into.set(place.name, entryOf(this.#backend.tf, tensor, m));
    }
    for (const { name } of this.network.parameters.values()) {
      if (!isCounter(name)) continue;
      moved.set(name, { shape: [], data: Float32Array.of(this.batchesTracked) });
    }
    const state = new Map(
      this.#names.map((name) => [name, moved.get(name) ?? this.#unmoved[m]!.get(name)!] as const),
    );
    return { state, slots };
  }

  /** Puts back what the optimizer kept: for each model, by slot and parameter. */
  restore(steps: number, slots: readonly ReadonlyMap<string, ReadonlyMap<string, Float32Array>>[]): void {
    this.steps = steps;
    for (const slot of slotNames(this.optimizer)) {
      for (const name of this.trainedNames) {
        // In front: after what is still to be handed over.
        const shape = [this.models, ...this.network.parameters.get(name)!.shape];
        this.#uploads.unshift({
          index: placeOf(this.#places, { kind: 'slot', name, slot }),
          numbers: sizeOf(shape),
          tensor: () => {
            const parts = slots.map((model) => model.get(slot)!.get(name)!);
            return this.#backend.tf.tensor(concatenate(parts), shape);
          },
        });
      }
    }
  }

  /** Names of the trained tensors, in PyTorch's order. */
  get trainedNames(): string[] {
    return trainedNames(this.network);
  }

  dispose(): void {
    this.#computation.dispose();
  }
}

const isMoved = ({ kind }: StatePlace): boolean =>
  kind === 'trained' || kind === 'statistics' || kind === 'slot';

function unmoved(places: readonly StatePlace[], states: readonly StateDict[]): StateDict[] {
  const moved = new Set(places.filter(isMoved).map(({ name }) => name));
  return states.map((state) => new Map([...state].filter(([name]) => !moved.has(name))));
}
