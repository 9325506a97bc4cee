/**
 * AdamW, Adam, SGD and RMSprop as PyTorch defines them (torch/optim), as pure functions of one parameter's tensors; in
 * place on doubles: double-optimizer.ts.
 */
import { defaultLearningRates } from '../../../src-shared/config.ts';
import type { RunConfig } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import type { Tensor } from '../backend/index.ts';
import type { Maths } from '../networks/maths.ts';

export type OptimizerSettings = AdamSettings | SgdSettings | RmspropSettings;

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
  /** Looks ahead along the momentum. Absent: no. */
  nesterov?: boolean;
  weightDecay: number;
}

export interface RmspropSettings {
  name: 'rmsprop';
  lr: number;
  /** How much of the mean square stays from step to step. */
  alpha: number;
  eps: number;
  momentum: number;
  /** Divides by the root of the gradient's variance, not of its mean square. */
  centered: boolean;
  weightDecay: number;
}

/** PyTorch's. */
export const adamDefaults: Pick<AdamSettings, 'betas' | 'eps'> = { betas: [0.9, 0.999], eps: 1e-8 };

const names = ['adamw', 'adam', 'sgd', 'rmsprop'];

/**
 * With neuron-identifiability's own defaults (optimizers.py), of RMSprop PyTorch's.
 * @throws UserError for another optimizer, or Nesterov momentum without momentum
 */
export function resolveOptimizer(config: RunConfig, where = 'config'): OptimizerSettings {
  const section = config.optimizer;
  const name = section?.name ?? 'adamw';
  if (name === 'sgd') return resolveSgd(section, where);
  if (name === 'rmsprop') {
    const { lr, weight_decay: decay, alpha, eps, momentum, centered } = section ?? {};
    return {
      ...{ name, lr: lr ?? defaultLearningRates.rmsprop, alpha: alpha ?? 0.99, eps: eps ?? 1e-8 },
      ...{ momentum: momentum ?? 0, centered: centered ?? false, weightDecay: decay ?? 0 },
    };
  }
  if (name === 'adamw' || name === 'adam') {
    const { lr, weight_decay: decay, betas, eps } = section ?? {};
    const weightDecay = decay ?? (name === 'adamw' ? 0.01 : 0);
    return {
      ...{ name, lr: lr ?? defaultLearningRates[name], weightDecay },
      ...{ betas: betas ?? adamDefaults.betas, eps: eps ?? adamDefaults.eps },
    };
  }
  throw new UserError(
    `${where}: optimizer.name is "${name}"; expected one of ${names.join(', ')}.${didYouMean(name, names)}`,
  );
}

function resolveSgd(section: RunConfig['optimizer'], where: string): SgdSettings {
  const { lr, nesterov, weight_decay: decay } = section ?? {};
  const momentum = section?.momentum ?? 0.9;
  if (nesterov === true && momentum === 0)
    throw new UserError(`${where}: optimizer.nesterov is true, but optimizer.momentum is 0.`, {
      hint: 'Nesterov momentum needs momentum: set optimizer.momentum above 0, such as 0.9.',
    });
  return {
    ...{ name: 'sgd', lr: lr ?? defaultLearningRates.sgd, momentum, nesterov: nesterov ?? false },
    weightDecay: decay ?? 0,
  };
}

/** The kinds of state kept for every parameter, by PyTorch's names. */
export function slotNames(settings: OptimizerSettings): string[] {
  switch (settings.name) {
    case 'sgd':
      return settings.momentum === 0 ? [] : ['momentum_buffer'];
    case 'rmsprop':
      return [
        'square_avg',
        ...(settings.momentum === 0 ? [] : ['momentum_buffer']),
        ...(settings.centered ? ['grad_avg'] : []),
      ];
    default:
      return ['exp_avg', 'exp_avg_sq'];
  }
}

/** How many numbers `stepScalars` gives. */
export const scalarCount = 3;

/**
 * What changes from step to step, in float64, so that a compiled step takes it as an argument: the factor of decoupled
 * weight decay, the learning rate over its bias correction, and 1 / sqrt(1 - beta2^step).
 * @param step counted from 1
 */
export function stepScalars(settings: OptimizerSettings, learningRate: number, step: number): number[] {
  if (settings.name === 'sgd' || settings.name === 'rmsprop') return [1, learningRate, 1];
  const [beta1, beta2] = settings.betas;
  const decay = settings.name === 'adamw' ? 1 - learningRate * settings.weightDecay : 1;
  return [decay, learningRate / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)];
}

/** One parameter's tensors; slots in the order of `slotNames`. */
export interface Updated {
  value: Tensor;
  slots: Tensor[];
}

/**
 * One step of one parameter. Pure.
 * @param scalars those of `stepScalars`, as scalar tensors
 */
export function update(
  maths: Maths,
  settings: OptimizerSettings,
  { value, slots }: Updated,
  gradient: Tensor,
  scalars: readonly Tensor[],
): Updated {
  switch (settings.name) {
    case 'sgd':
      return sgdUpdate(maths, settings, { value, slots }, gradient, scalars);
    case 'rmsprop':
      return rmspropUpdate(maths, settings, { value, slots }, gradient, scalars);
    default:
      return adamUpdate(maths, settings, { value, slots }, gradient, scalars);
  }
}

/** m += (1 - b1)(g - m); v = b2 v + (1 - b2) g^2; w -= lr/(1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps) */
function adamUpdate(
  maths: Maths,
  settings: AdamSettings,
  { value, slots }: Updated,
  raw: Tensor,
  [decay, rate, correction]: readonly Tensor[],
): Updated {
  const { tf, number } = maths;
  const [beta1, beta2] = settings.betas;
  const [first, second] = slots as [Tensor, Tensor];
  const coupled = settings.name === 'adam' ? settings.weightDecay : 0;
  const gradient = withL2(maths, raw, value, coupled);
  const m = tf.add(first, tf.mul(tf.sub(gradient, first), number(1 - beta1)));
  const v = tf.add(tf.mul(second, number(beta2)), tf.mul(tf.square(gradient), number(1 - beta2)));
  const denominator = tf.add(tf.mul(tf.sqrt(v), correction!), number(settings.eps));
  const decayed = settings.name === 'adamw' && settings.weightDecay !== 0 ? tf.mul(value, decay!) : value;
  return { value: tf.sub(decayed, tf.mul(tf.div(m, denominator), rate!)), slots: [m, v] };
}

/** b = momentum b + g; w -= lr b; with Nesterov w -= lr (g + momentum b) */
function sgdUpdate(
  maths: Maths,
  settings: SgdSettings,
  { value, slots }: Updated,
  raw: Tensor,
  [, rate]: readonly Tensor[],
): Updated {
  const { tf, number } = maths;
  const gradient = withL2(maths, raw, value, settings.weightDecay);
  const [buffer] = slots;
  if (!buffer) return { value: tf.sub(value, tf.mul(gradient, rate!)), slots: [] };
  const momentum = number(settings.momentum);
  const total = tf.add(tf.mul(buffer, momentum), gradient);
  const along = settings.nesterov === true ? tf.add(gradient, tf.mul(total, momentum)) : total;
  return { value: tf.sub(value, tf.mul(along, rate!)), slots: [total] };
}

/** v = alpha v + (1 - alpha) g^2; b = momentum b + g / (sqrt(v) + eps); w -= lr b. Centered: v minus the square of the mean */
function rmspropUpdate(
  maths: Maths,
  settings: RmspropSettings,
  { value, slots }: Updated,
  raw: Tensor,
  [, rate]: readonly Tensor[],
): Updated {
  const { tf, number } = maths;
  const { alpha, centered, momentum } = settings;
  const gradient = withL2(maths, raw, value, settings.weightDecay);
  const [squares] = slots as [Tensor];
  const v = tf.add(tf.mul(squares, number(alpha)), tf.mul(tf.square(gradient), number(1 - alpha)));
  const kept = [v];
  let spread = v;
  const mean = centered ? slots.at(-1)! : undefined;
  const nextMean = mean && tf.add(mean, tf.mul(tf.sub(gradient, mean), number(1 - alpha)));
  // A variance: rounding alone takes it below 0.
  if (nextMean) spread = maths.relu(tf.sub(v, tf.square(nextMean)));
  let along = tf.div(gradient, tf.add(tf.sqrt(spread), number(settings.eps)));
  if (momentum !== 0) {
    along = tf.add(tf.mul(slots[1]!, number(momentum)), along);
    kept.push(along);
  }
  if (nextMean) kept.push(nextMean);
  return { value: tf.sub(value, tf.mul(along, rate!)), slots: kept };
}

function withL2({ tf, number }: Maths, gradient: Tensor, value: Tensor, weightDecay: number): Tensor {
  return weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(value, number(weightDecay)));
}
