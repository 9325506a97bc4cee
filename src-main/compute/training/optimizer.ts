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

/** One step under way: each variable is updated as soon as its gradient is known, while both are in the cache. */
export interface OptimizerStep {
  /** Updates variable `index`, of which no other tensor may be alive (it would be copied). `gradient` stays the caller's. */
  apply(index: number, gradient: Tensor): void;
  end(): void;
}

export interface Optimizer {
  readonly settings: OptimizerSettings;
  /** Steps made so far. */
  steps: number;
  /** One variable per parameter variable and name: exp_avg and exp_avg_sq, or momentum_buffer. */
  readonly slots: Slots;
  begin(learningRate: number): OptimizerStep;
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
    slots[name] = variables.map(({ shape }) => zerosLike(backend, shape));
  }
  const begin = beginner(backend, settings, variables, slots);
  return {
    settings,
    steps: 0,
    slots,
    begin(learningRate) {
      this.steps += 1;
      return begin(learningRate, this.steps);
    },
    step(gradients, learningRate) {
      const step = this.begin(learningRate);
      for (const [i, gradient] of gradients.entries()) step.apply(i, gradient);
      step.end();
    },
    dispose: () => {
      for (const variable of Object.values(slots).flat()) variable.dispose();
    },
  };
}

function zerosLike(backend: Backend, shape: readonly number[]): Variable {
  return variableOf(backend, new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
}

type Begin = (learningRate: number, step: number) => OptimizerStep;

function beginner(
  backend: Backend,
  settings: OptimizerSettings,
  variables: readonly Variable[],
  slots: Slots,
): Begin {
  if (settings.name === 'sgd') {
    const momenta = slots['momentum_buffer'];
    return backend.native
      ? nativeSgd(backend, settings, variables, momenta)
      : portableSgd(backend, settings, variables, momenta);
  }
  const first = slots['exp_avg']!;
  const second = slots['exp_avg_sq']!;
  const begin = backend.native
    ? nativeAdam(backend, settings, variables, first, second)
    : portableAdam(backend, settings, variables, first, second);
  return (learningRate, count) => {
    const step = begin(learningRate, count);
    const apply = (index: number, gradient: Tensor): void => {
      const variable = variables[index]!;
      if (settings.name === 'adamw') {
        decay(backend, variable, 1 - learningRate * settings.weightDecay);
        return step.apply(index, gradient);
      }
      const decayed = withL2(backend, variable, gradient, settings.weightDecay);
      step.apply(index, decayed);
      decayed.dispose();
    };
    return { apply, end: step.end };
  };
}

/** variable *= factor */
function decay(backend: Backend, variable: Variable, factor: number): void {
  if (factor === 1) return;
  const { mul, constant } = kernelsOf(backend);
  const value = variable.read();
  const smaller = mul(value, constant(factor));
  value.dispose();
  variable.assign(smaller);
  smaller.dispose();
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
): Begin {
  return (learningRate, step) => {
    const adam = new AdamStep(backend, step, { learningRate, beta1, beta2, epsilon });
    return {
      apply: (i, gradient) =>
        adam.apply(resource(variables[i]!), resource(first[i]!), resource(second[i]!), gradient),
      end: () => adam.dispose(),
    };
  };
}

function portableAdam(
  backend: Backend,
  { betas: [beta1, beta2], eps }: AdamSettings,
  variables: readonly Variable[],
  first: readonly Variable[],
  second: readonly Variable[],
): Begin {
  const { tf } = backend;
  return (learningRate, step) => {
    const rate = learningRate / (1 - beta1 ** step);
    const correction = Math.sqrt(1 - beta2 ** step);
    const apply = (i: number, gradient: Tensor): void =>
      tf.tidy(() => {
        const m = tf.add(tf.mul(first[i]!.read(), beta1), tf.mul(gradient, 1 - beta1));
        const v = tf.add(tf.mul(second[i]!.read(), beta2), tf.mul(tf.square(gradient), 1 - beta2));
        const denominator = tf.add(tf.div(tf.sqrt(v), correction), eps);
        const next = tf.sub(variables[i]!.read(), tf.mul(tf.div(m, denominator), rate));
        first[i]!.assign(m);
        second[i]!.assign(v);
        variables[i]!.assign(next);
      });
    return { apply, end: () => undefined };
  };
}

function nativeSgd(
  backend: Backend,
  { momentum, weightDecay }: SgdSettings,
  variables: readonly Variable[],
  momenta: readonly Variable[] | undefined,
): Begin {
  const native = backend.native!;
  const type = { T: attr.type('float32'), use_locking: attr.bool(false) };
  const withMomentum = native.operation(
    'ResourceApplyMomentum',
    { ...type, use_nesterov: attr.bool(false) },
    0,
  );
  const plain = native.operation('ResourceApplyGradientDescent', type, 0);
  return (learningRate) => {
    const rate = backend.tf.scalar(learningRate);
    const apply = (i: number, gradient: Tensor): void => {
      const total = withL2(backend, variables[i]!, gradient, weightDecay);
      const { handle } = resource(variables[i]!);
      const drag = kernelsOf(backend).constant(momentum);
      if (momenta) withMomentum(handle, resource(momenta[i]!).handle, rate, total, drag);
      else plain(handle, rate, total);
      total.dispose();
    };
    return { apply, end: () => rate.dispose() };
  };
}

function portableSgd(
  backend: Backend,
  { momentum, weightDecay }: SgdSettings,
  variables: readonly Variable[],
  momenta: readonly Variable[] | undefined,
): Begin {
  const { tf } = backend;
  return (learningRate) => {
    const apply = (i: number, gradient: Tensor): void =>
      tf.tidy(() => {
        let total = withL2(backend, variables[i]!, gradient, weightDecay);
        if (momenta) {
          total = tf.add(tf.mul(momenta[i]!.read(), momentum), total);
          momenta[i]!.assign(total);
        }
        variables[i]!.assign(tf.sub(variables[i]!.read(), tf.mul(total, learningRate)));
      });
    return { apply, end: () => undefined };
  };
}
