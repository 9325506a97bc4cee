/**
 * AdamW, Adam, SGD and RMSprop on doubles, in place: the formulas of optimizer.ts (PyTorch's, torch/optim), for small networks
 * that are trained without tensors.
 */
import { slotNames, stepScalars } from './optimizer.ts';
import type { AdamSettings, OptimizerSettings, RmspropSettings, SgdSettings } from './optimizer.ts';

/** The optimizer of one array, with its state. */
export class DoubleOptimizer {
  readonly #settings: OptimizerSettings;
  readonly #slots: readonly Float64Array[];
  readonly #places: Int32Array;

  /** @param places of numbers that have a gradient; the others only decay, with AdamW. Absent: all */
  constructor(settings: OptimizerSettings, size: number, places?: Int32Array) {
    this.#settings = settings;
    this.#slots = slotNames(settings).map(() => new Float64Array(size));
    this.#places = places ?? Int32Array.from({ length: size }, (_, k) => k);
  }

  /** @param step counted from 1 */
  step(values: Float64Array, gradient: Float64Array, learningRate: number, step: number): void {
    const scalars = stepScalars(this.#settings, learningRate, step);
    const settings = this.#settings;
    if (settings.name === 'sgd') this.#sgd(settings, values, gradient, scalars[1]!);
    else if (settings.name === 'rmsprop') this.#rmsprop(settings, values, gradient, scalars[1]!);
    else this.#adam(settings, values, gradient, scalars);
  }

  #adam(settings: AdamSettings, values: Float64Array, gradient: Float64Array, scalars: readonly number[]) {
    const { name, betas, eps, weightDecay } = settings;
    const [decay, rate, correction] = scalars as [number, number, number];
    const [first, second] = this.#slots as [Float64Array, Float64Array];
    const [toFirst, kept, toSecond] = [1 - betas[0], betas[1], 1 - betas[1]];
    const coupled = name === 'adam' ? weightDecay : 0;
    if (decay !== 1) for (let k = 0; k < values.length; k++) values[k]! *= decay;
    for (const k of this.#places) {
      const g = gradient[k]! + coupled * values[k]!;
      const m = first[k]! + toFirst * (g - first[k]!);
      const v = kept * second[k]! + toSecond * g * g;
      first[k] = m;
      second[k] = v;
      values[k]! -= (rate * m) / (Math.sqrt(v) * correction + eps);
    }
  }

  #sgd(settings: SgdSettings, values: Float64Array, gradient: Float64Array, rate: number) {
    const { momentum, nesterov, weightDecay } = settings;
    const [buffer] = this.#slots;
    for (const k of this.#places) {
      const g = gradient[k]! + weightDecay * values[k]!;
      const total = buffer ? momentum * buffer[k]! + g : g;
      if (buffer) buffer[k] = total;
      values[k]! -= rate * (buffer && nesterov === true ? g + momentum * total : total);
    }
  }

  #rmsprop(settings: RmspropSettings, values: Float64Array, gradient: Float64Array, rate: number) {
    const { alpha, centered, eps, momentum, weightDecay } = settings;
    const squares = this.#slots[0]!;
    const buffer = momentum === 0 ? undefined : this.#slots[1]!;
    const means = centered ? this.#slots.at(-1)! : undefined;
    for (const k of this.#places) {
      const g = gradient[k]! + weightDecay * values[k]!;
      const v = alpha * squares[k]! + (1 - alpha) * g * g;
      squares[k] = v;
      if (means) means[k]! += (1 - alpha) * (g - means[k]!);
      const spread = means ? Math.max(v - means[k]! ** 2, 0) : v;
      const step = g / (Math.sqrt(spread) + eps);
      const along = buffer ? momentum * buffer[k]! + step : step;
      if (buffer) buffer[k] = along;
      values[k]! -= rate * along;
    }
  }
}
