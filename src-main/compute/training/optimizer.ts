/** AdamW, Adam and SGD as PyTorch defines them (torch/optim), on any number of variables. */
import type { RunConfig } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import { AdamStep, ResourceVariable, attr } from '../backend/index.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { kernelsOf } from '../models/kernels.ts';
import { variableOf } from './variable.ts';
import type { Variable } from './variable.ts';

export type OptimizerSettings = AdamSettings | SgdSettings;

export interface AdamSettings {
  name: 'adamw' | 'adam';
  lr: number;
  /** adamw: decoupled, every parameter is multiplied by 1 - lr * weightDecay. adam: added to the gradient. */
  weightDecay: number;
  betas: [number, number];
  eps: number;
}

export interface SgdSettings {
  name: 'sgd';
  lr: number;
  momentum: number;
  weightDecay: number;
}

const names = ['adamw', 'adam', 'sgd'];

/** With neuron-identifiability's own defaults (optimizers.py). @throws UserError for another optimizer */
export function resolveOptimizer(config: RunConfig, where = 'config'): OptimizerSettings {
  const section = config.optimizer;
  const name = section?.name ?? 'adamw';
  if (name === 'sgd') {
    const { lr, momentum, weight_decay: decay } = section ?? {};
    return { name, lr: lr ?? 0.1, momentum: momentum ?? 0.9, weightDecay: decay ?? 0 };
  }
  if (name === 'adamw' || name === 'adam') {
    const { lr, weight_decay: decay, betas, eps } = section ?? {};
    const weightDecay = decay ?? (name === 'adamw' ? 0.01 : 0);
    return { name, lr: lr ?? 0.001, weightDecay, betas: betas ?? [0.9, 0.999], eps: eps ?? 1e-8 };
  }
  throw new UserError(
    `${where}: optimizer.name is "${name}"; expected one of ${names.join(', ')}.${didYouMean(name, names)}`,
  );
}

/** A kind of state kept per variable, by PyTorch's name. */
export type Slots = Record<string, Variable[]>;

export interface Optimizer {
  readonly settings: OptimizerSettings;
  /** Steps made so far. */
  steps: number;
  /** One variable per parameter variable and name: exp_avg and exp_avg_sq, or momentum_buffer. */
  readonly slots: Slots;
  /** One step of all variables. Gradients stay the caller's. */
  step(gradients: readonly Tensor[], learningRate: number): void;
  dispose(): void;
}

export function createOptimizer(
  backend: Backend,
  settings: OptimizerSettings,
  variables: readonly Variable[],
): Optimizer {
  const slotNames =
    settings.name === 'sgd'
      ? settings.momentum === 0
        ? []
        : ['momentum_buffer']
      : ['exp_avg', 'exp_avg_sq'];
  const slots: Slots = {};
  for (const name of slotNames) {
    slots[name] = variables.map(({ shape }) =>
      variableOf(backend, new Float32Array(shape.reduce((a, b) => a * b, 1)), shape),
    );
  }
  const update = updater(backend, settings, variables, slots);
  return {
    settings,
    steps: 0,
    slots,
    step(gradients, learningRate) {
      this.steps += 1;
      update(gradients, learningRate, this.steps);
    },
    dispose: () =>
      Object.values(slots)
        .flat()
        .forEach((variable) => variable.dispose()),
  };
}

type Update = (gradients: readonly Tensor[], learningRate: number, step: number) => void;

function updater(
  backend: Backend,
  settings: OptimizerSettings,
  variables: readonly Variable[],
  slots: Slots,
): Update {
  if (settings.name === 'sgd') {
    const momenta = slots['momentum_buffer'];
    return backend.native
      ? nativeSgd(backend, settings, variables, momenta)
      : portableSgd(backend, settings, variables, momenta);
  }
  const first = slots['exp_avg']!;
  const second = slots['exp_avg_sq']!;
  const apply = backend.native
    ? nativeAdam(backend, settings, variables, first, second)
    : portableAdam(backend, settings, variables, first, second);
  return (gradients, learningRate, step) => {
    if (settings.name === 'adamw') {
      decay(backend, variables, 1 - learningRate * settings.weightDecay);
      return apply(gradients, learningRate, step);
    }
    const decayed = gradients.map((gradient, i) =>
      withL2(backend, variables[i]!, gradient, settings.weightDecay),
    );
    apply(decayed, learningRate, step);
    backend.tf.dispose(decayed);
  };
}

/** variable *= factor */
function decay(backend: Backend, variables: readonly Variable[], factor: number): void {
  if (factor === 1) return;
  const { mul, constant } = kernelsOf(backend);
  for (const variable of variables) {
    const value = variable.read();
    const smaller = mul(value, constant(factor));
    value.dispose();
    variable.assign(smaller);
    smaller.dispose();
  }
}

/** gradient + weightDecay * variable, as a tensor of the caller's. */
function withL2(backend: Backend, variable: Variable, gradient: Tensor, weightDecay: number): Tensor {
  if (weightDecay === 0) return gradient.clone();
  const { add, mul, constant } = kernelsOf(backend);
  const value = variable.read();
  const pull = mul(value, constant(weightDecay));
  const sum = add(gradient, pull);
  backend.tf.dispose([value, pull]);
  return sum;
}

function resource(variable: Variable): ResourceVariable {
  if (variable instanceof ResourceVariable) return variable;
  throw new Error('a fused optimizer needs resource variables');
}

function nativeAdam(
  backend: Backend,
  { betas: [beta1, beta2], eps: epsilon }: AdamSettings,
  variables: readonly Variable[],
  first: readonly Variable[],
  second: readonly Variable[],
): Update {
  return (gradients, learningRate, step) => {
    const adam = new AdamStep(backend, step, { learningRate, beta1, beta2, epsilon });
    for (const [i, gradient] of gradients.entries()) {
      adam.apply(resource(variables[i]!), resource(first[i]!), resource(second[i]!), gradient);
    }
    adam.dispose();
  };
}

function portableAdam(
  backend: Backend,
  { betas: [beta1, beta2], eps }: AdamSettings,
  variables: readonly Variable[],
  first: readonly Variable[],
  second: readonly Variable[],
): Update {
  const { tf } = backend;
  return (gradients, learningRate, step) => {
    const rate = learningRate / (1 - beta1 ** step);
    const correction = Math.sqrt(1 - beta2 ** step);
    for (const [i, gradient] of gradients.entries()) {
      tf.tidy(() => {
        const m = tf.add(tf.mul(first[i]!.read(), beta1), tf.mul(gradient, 1 - beta1));
        const v = tf.add(tf.mul(second[i]!.read(), beta2), tf.mul(tf.square(gradient), 1 - beta2));
        const denominator = tf.add(tf.div(tf.sqrt(v), correction), eps);
        const next = tf.sub(variables[i]!.read(), tf.mul(tf.div(m, denominator), rate));
        first[i]!.assign(m);
        second[i]!.assign(v);
        variables[i]!.assign(next);
      });
    }
  };
}

function nativeSgd(
  backend: Backend,
  { momentum, weightDecay }: SgdSettings,
  variables: readonly Variable[],
  momenta: readonly Variable[] | undefined,
): Update {
  const native = backend.native!;
  const type = { T: attr.type('float32'), use_locking: attr.bool(false) };
  const withMomentum = native.operation(
    'ResourceApplyMomentum',
    { ...type, use_nesterov: attr.bool(false) },
    0,
  );
  const plain = native.operation('ResourceApplyGradientDescent', type, 0);
  const { constant } = kernelsOf(backend);
  return (gradients, learningRate) => {
    const rate = backend.tf.scalar(learningRate);
    for (const [i, gradient] of gradients.entries()) {
      const total = withL2(backend, variables[i]!, gradient, weightDecay);
      const { handle } = resource(variables[i]!);
      if (momenta) withMomentum(handle, resource(momenta[i]!).handle, rate, total, constant(momentum));
      else plain(handle, rate, total);
      total.dispose();
    }
    rate.dispose();
  };
}

function portableSgd(
  backend: Backend,
  { momentum, weightDecay }: SgdSettings,
  variables: readonly Variable[],
  momenta: readonly Variable[] | undefined,
): Update {
  const { tf } = backend;
  return (gradients, learningRate) => {
    for (const [i, gradient] of gradients.entries()) {
      tf.tidy(() => {
        let total = withL2(backend, variables[i]!, gradient, weightDecay);
        if (momenta) {
          total = tf.add(tf.mul(momenta[i]!.read(), momentum), total);
          momenta[i]!.assign(total);
        }
        variables[i]!.assign(tf.sub(variables[i]!.read(), tf.mul(total, learningRate)));
      });
    }
  };
}
