/**
 * The stages of a network with hand-written gradients. A stage owns its output `y` and what it saved; `back` turns the
 * gradient of y (left alone) into that of its input, hands parameter gradients on, and disposes of all the stage owns.
 */
import type { Tensor } from '../backend/index.ts';
import type { Kernels } from '../models/kernels.ts';
import { normEpsilon } from '../models/internal.ts';

export interface Stage {
  y: Tensor;
  back(gradient: Tensor): Tensor;
}

/** Takes a parameter's gradient, which becomes the receiver's. */
export type Give = (gradient: Tensor) => void;

/**
 * x [M, B, i] -> x W^T + b [M, B, o]. `back` gives the weight's gradient last, when the weight itself is disposed of.
 * @param first no gradient with respect to x is wanted: `back` answers with an empty tensor
 */
export function linear(
  k: Kernels,
  x: Tensor,
  parameters: { weight: Tensor; bias: Tensor; giveWeight: Give; giveBias: Give },
  first: boolean,
): Stage {
  const product = k.matMul(x, parameters.weight, false, true);
  const y = k.add(product, parameters.bias);
  product.dispose();
  return {
    y,
    back(gradient) {
      y.dispose();
      parameters.giveBias(k.sum(gradient, 1));
      const dx = first ? k.backend.tf.tensor1d([]) : k.matMul(gradient, parameters.weight);
      parameters.weight.dispose();
      parameters.giveWeight(k.matMul(gradient, x, true, false));
      return dx;
    },
  };
}

/** LayerNorm without affine: every row of z over n, biased variance, eps 1e-5. */
export function layerNorm(k: Kernels, z: Tensor): Stage {
  const normalised = k.layerNorm(z, normEpsilon);
  return {
    y: normalised.y,
    back(gradient) {
      const dz = k.layerNormGrad(gradient, z, normalised, normEpsilon);
      k.backend.tf.dispose([normalised.y, ...normalised.saved]);
      return dz;
    },
  };
}

/** z - mean over n */
export function centre(k: Kernels, z: Tensor): Stage {
  const minusMean = (a: Tensor): Tensor => {
    const mean = k.mean(a, 2);
    const centred = k.sub(a, mean);
    mean.dispose();
    return centred;
  };
  const y = minusMean(z);
  return {
    y,
    back(gradient) {
      y.dispose();
      return minusMean(gradient);
    },
  };
}

/** BatchNorm without affine: every output over the batch. `saw` is told the batch's mean and biased variance [M, 1, n]. */
export function batchNorm(k: Kernels, z: Tensor, saw: (mean: Tensor, variance: Tensor) => void): Stage {
  const mean = k.mean(z, 1);
  const centred = k.sub(z, mean);
  const squares = k.mul(centred, centred);
  const variance = k.mean(squares, 1);
  const padded = k.add(variance, k.constant(normEpsilon));
  const inverse = k.rsqrt(padded);
  const y = k.mul(centred, inverse);
  saw(mean, variance);
  k.backend.tf.dispose([mean, centred, squares, variance, padded]);
  return {
    y,
    back(gradient) {
      // dz = (g - mean(g) - y mean(g y)) / deviation
      const product = k.mul(gradient, y);
      const along = k.mean(product, 1);
      const offset = k.mean(gradient, 1);
      const shifted = k.sub(gradient, offset);
      const projection = k.mul(y, along);
      const rest = k.sub(shifted, projection);
      const dz = k.mul(rest, inverse);
      k.backend.tf.dispose([product, along, offset, shifted, projection, rest, inverse, y]);
      return dz;
    },
  };
}

/** z times a constant, broadcast. */
export function scaled(k: Kernels, z: Tensor, factor: Tensor): Stage {
  const y = k.mul(z, factor);
  return {
    y,
    back(gradient) {
      y.dispose();
      return k.mul(gradient, factor);
    },
  };
}

/** x * weight + bias, both [M, 1, n]. */
export function affine(
  k: Kernels,
  x: Tensor,
  parameters: { weight: Tensor; bias: Tensor; giveWeight: Give; giveBias: Give },
): Stage {
  const product = k.mul(x, parameters.weight);
  const y = k.add(product, parameters.bias);
  product.dispose();
  return {
    y,
    back(gradient) {
      y.dispose();
      parameters.giveBias(k.sum(gradient, 1));
      const terms = k.mul(gradient, x);
      parameters.giveWeight(k.sum(terms, 1));
      terms.dispose();
      return k.mul(gradient, parameters.weight);
    },
  };
}

/** Exact gelu: x P(x), P the normal distribution function; derivative P(x) + x p(x). */
export function gelu(k: Kernels, x: Tensor): Stage {
  const t = k.mul(x, k.constant(Math.SQRT1_2));
  const error = k.erf(t);
  t.dispose();
  const half = k.mul(error, k.constant(0.5));
  error.dispose();
  const distribution = k.add(half, k.constant(0.5));
  half.dispose();
  const y = k.mul(x, distribution);
  return {
    y,
    back(gradient) {
      y.dispose();
      let a = k.mul(x, x);
      const then = (next: Tensor): void => {
        a.dispose();
        a = next;
      };
      then(k.mul(a, k.constant(-0.5)));
      then(k.exp(a));
      then(k.mul(a, x));
      then(k.mul(a, k.constant(1 / Math.sqrt(2 * Math.PI))));
      then(k.add(a, distribution));
      then(k.mul(a, gradient));
      distribution.dispose();
      return a;
    },
  };
}

export function relu(k: Kernels, x: Tensor): Stage {
  const y = k.relu(x);
  return {
    y,
    back(gradient) {
      const dx = k.reluGrad(gradient, y);
      y.dispose();
      return dx;
    },
  };
}

/** Derivative 1 - y^2. */
export function tanh(k: Kernels, x: Tensor): Stage {
  const y = k.tanh(x);
  return {
    y,
    back(gradient) {
      const square = k.mul(y, y);
      const slope = k.sub(k.constant(1), square);
      const dx = k.mul(gradient, slope);
      k.backend.tf.dispose([y, square, slope]);
      return dx;
    },
  };
}

/** x * sigmoid(C x), gate C [1, n, n] fixed. dx = g s + C^T (g x s (1 - s)) */
export function gated(k: Kernels, x: Tensor, gate: Tensor): Stage {
  const pre = k.matMul(x, gate, false, true);
  const open = k.sigmoid(pre);
  pre.dispose();
  const y = k.mul(x, open);
  return {
    y,
    back(gradient) {
      const closed = k.sub(k.constant(1), open);
      const slope = k.mul(y, closed);
      const dPre = k.mul(gradient, slope);
      const through = k.matMul(dPre, gate);
      const direct = k.mul(gradient, open);
      const dx = k.add(direct, through);
      k.backend.tf.dispose([closed, slope, dPre, through, direct, open, y]);
      return dx;
    },
  };
}
