/** One pass through M stacked networks: losses, and the gradients of everything they train. */
import type { MlpSpec } from '../../../src-shared/model.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { kernelsOf } from '../models/kernels.ts';
import type { Kernels } from '../models/kernels.ts';
import { storedFamily, tensorOf } from '../models/internal.ts';
import type { StateDict, StackedNetwork, StackedNorm } from '../models/index.ts';
import { normEpsilon } from '../models/internal.ts';
import type { Optimizer } from './optimizer.ts';
import type { Parameters, Values } from './parameters.ts';
import * as stages from './stages.ts';
import type { Give, Stage } from './stages.ts';

/** PyTorch's BatchNorm1d momentum. */
const batchMomentum = 0.1;

/** The network of one run, with what its layers need besides parameters. */
export class Network {
  readonly #spec: MlpSpec;
  readonly #backend: Backend;
  readonly #kernels: Kernels;
  readonly parameters: Parameters;
  /** [1, n, n] per hidden layer, sigma-asymmetric only. */
  readonly #gates: Tensor[] = [];
  /** [M, 1, 1 or n] per hidden layer, linearised norms only. */
  readonly #scales: Tensor[] = [];

  constructor(backend: Backend, spec: MlpSpec, states: readonly StateDict[], parameters: Parameters) {
    this.#spec = spec;
    this.#backend = backend;
    this.#kernels = kernelsOf(backend);
    this.parameters = parameters;
    const { tf } = backend;
    for (const { index, outputs } of spec.layers.slice(0, -1)) {
      if (storedFamily(spec) === 'sigma-asymmetric') {
        const gate = tensorOf(states[0]!, `activations.${index}.C`).data;
        this.#gates.push(tf.keep(tf.tensor(gate, [1, outputs, outputs])));
      }
      const key =
        spec.norm === 'layer_linear' ? 'scale' : spec.norm === 'batch_linear' ? 'inv_std' : undefined;
      if (key === undefined) continue;
      const factors = states.map((state) => Array.from(tensorOf(state, `norms.${index}.${key}`).data));
      this.#scales.push(tf.keep(tf.tensor3d(factors.map((f) => [f]))));
    }
  }

  /**
   * Forward and backward through one batch.
   * @param x [M, B, inputs] @param labels [M * B] int32
   * @returns mean loss per model, and gradients in the order of `parameters.variables` (the caller's)
   */
  gradients(x: Tensor, labels: Tensor): { losses: Float32Array; gradients: Tensor[] } {
    const gradients: Tensor[] = [];
    const losses = this.#pass(x, labels, (variable, gradient) => void (gradients[variable] = gradient));
    return { losses, gradients };
  }

  /** Forward, backward and optimizer on one batch. @returns mean loss per model, before the step */
  step(x: Tensor, labels: Tensor, optimizer: Optimizer, learningRate: number): Float32Array {
    const step = optimizer.begin(learningRate);
    const losses = this.#pass(x, labels, (variable, gradient) => {
      step.apply(variable, gradient);
      gradient.dispose();
    });
    step.end();
    return losses;
  }

  /** `take` is given each variable's gradient when nothing needs the variable's value any more. */
  #pass(x: Tensor, labels: Tensor, take: (variable: number, gradient: Tensor) => void): Float32Array {
    const values = this.parameters.values();
    const small = new Map<string, Tensor>();
    const passed: Stage[] = [];
    const push = (stage: Stage): Tensor => {
      passed.push(stage);
      return stage.y;
    };
    let current = x;
    for (const { index } of this.#spec.layers) {
      const name = `lins.${index}`;
      const parts = {
        weight: values.weights[index]!,
        bias: values.small.get(`${name}.bias`)!,
        giveWeight: (gradient: Tensor) => take(index, this.parameters.weightGradient(index, gradient)),
        giveBias: (gradient: Tensor) => void small.set(`${name}.bias`, gradient),
      };
      current = push(stages.linear(this.#kernels, current, parts, index === 0));
      if (index === this.#spec.layers.length - 1) break;
      for (const stage of this.#hidden(index, values, small)) current = push(stage(current));
    }
    const { loss, gradient } = this.#kernels.crossEntropy(current, labels);
    let slope = gradient;
    for (const stage of passed.reverse()) {
      const before = stage.back(slope);
      slope.dispose();
      slope = before;
    }
    slope.dispose();
    values.dispose();
    take(this.#spec.layers.length, this.parameters.smallGradient(small));
    const losses = loss.dataSync() as Float32Array;
    loss.dispose();
    return losses;
  }

  /** Norm, its affine part and the activation of hidden layer `index`, in order. */
  #hidden(index: number, values: Values, small: Map<string, Tensor>): ((input: Tensor) => Stage)[] {
    const k = this.#kernels;
    const parts: ((input: Tensor) => Stage)[] = [...this.#normStages(index)];
    const name = `norms.${index}`;
    const weight = values.small.get(`${name}.weight`);
    const bias = values.small.get(`${name}.bias`);
    if (weight && bias) {
      const give =
        (key: string): Give =>
        (gradient) =>
          void small.set(`${name}.${key}`, gradient);
      const affine = { weight, bias, giveWeight: give('weight'), giveBias: give('bias') };
      parts.push((x) => stages.affine(k, x, affine));
    }
    const gate = this.#gates[index];
    if (gate) parts.push((x) => stages.gated(k, x, gate));
    else if (this.#spec.activation !== 'identity') {
      const activation = stages[this.#spec.activation];
      parts.push((x) => activation(k, x));
    }
    return parts;
  }

  #normStages(index: number): ((input: Tensor) => Stage)[] {
    const k = this.#kernels;
    switch (this.#spec.norm) {
      case 'none':
        return [];
      case 'layer':
        return [(z) => stages.layerNorm(k, z)];
      case 'batch':
        return [
          (z) => stages.batchNorm(k, z, (mean, variance) => this.#track(index, mean, variance, z.shape[1]!)),
        ];
      case 'layer_linear':
        return [(z) => stages.centre(k, z), (z) => stages.scaled(k, z, this.#scales[index]!)];
      case 'batch_linear':
        return [(z) => stages.scaled(k, z, this.#scales[index]!)];
    }
  }

  /** running = 0.9 running + 0.1 batch, the variance unbiased. */
  #track(index: number, mean: Tensor, variance: Tensor, batch: number): void {
    const { add, mul, constant } = this.#kernels;
    const running = this.parameters.running[index]!;
    const blend = (old: Tensor, seen: Tensor, weight: number): Tensor => {
      const kept = mul(old, constant(1 - batchMomentum));
      const fresh = mul(seen, constant(weight));
      const next = this.#backend.tf.keep(add(kept, fresh));
      this.#backend.tf.dispose([old, kept, fresh]);
      return next;
    };
    running.mean = blend(running.mean, mean, batchMomentum);
    running.variance = blend(running.variance, variance, (batchMomentum * batch) / (batch - 1));
    if (index === 0) this.parameters.batchesTracked += 1;
  }

  /** The networks as they are now, for evaluation; dispose of them before the next step. */
  evaluation(): StackedNetwork {
    const values = this.parameters.values();
    const owned: Tensor[] = [];
    const last = this.#spec.layers.length - 1;
    const layers = this.#spec.layers.map(({ index, inputs, outputs }) => {
      const linear = {
        inputs,
        outputs,
        weight: values.weights[index]!,
        bias: values.small.get(`lins.${index}.bias`)!,
      };
      if (index === last) return linear;
      const norm = this.#evaluationNorm(index, values, owned);
      const gate = this.#gates[index];
      const activation = gate ? { kind: 'swiglu' as const, gate } : this.#spec.activation;
      return { ...linear, ...(norm && { norm }), activation };
    });
    const dispose = (): void => {
      values.dispose();
      this.#backend.tf.dispose(owned);
    };
    return { models: this.parameters.models, layers, dispose };
  }

  #evaluationNorm(index: number, values: Values, owned: Tensor[]): StackedNorm | undefined {
    const { norm } = this.#spec;
    if (norm === 'none') return undefined;
    const weight = values.small.get(`norms.${index}.weight`);
    const bias = values.small.get(`norms.${index}.bias`);
    const affine = weight && bias ? { scale: weight, shift: bias } : {};
    if (norm === 'layer') return { normalise: 'layer', ...affine };
    if (norm === 'batch') return this.#runningNorm(index, owned, weight, bias);
    const own = (tensor: Tensor): Tensor => {
      owned.push(tensor);
      return tensor;
    };
    const base = this.#scales[index]!;
    const scale = weight ? own(this.#kernels.mul(weight, base)) : base;
    return { normalise: norm === 'layer_linear' ? 'centre' : 'none', ...affine, scale };
  }

  #runningNorm(index: number, owned: Tensor[], weight?: Tensor, bias?: Tensor): StackedNorm {
    const { tf } = this.#backend;
    const { mean, variance } = this.parameters.running[index]!;
    const [scale, shift] = tf.tidy(() => {
      const inverse = tf.rsqrt(tf.add(variance, normEpsilon));
      const factor = weight ? tf.mul(inverse, weight) : inverse;
      const offset = tf.neg(tf.mul(mean, factor));
      return [factor, bias ? tf.add(offset, bias) : offset];
    });
    owned.push(scale!, shift!);
    return { normalise: 'none', scale: scale!, shift: shift! };
  }

  dispose(): void {
    this.#backend.tf.dispose([...this.#gates, ...this.#scales]);
  }
}
