import type { Tensor } from '../backend/index.ts';
import type { Kernels } from './kernels.ts';
import type { StackedLayer } from './stack.ts';

/** The activation of [M, B, n]: exact gelu (erf), relu, tanh, identity, or x * sigmoid(C x). A tensor of the caller's. */
export function activate(kernels: Kernels, x: Tensor, kind: NonNullable<StackedLayer['activation']>): Tensor {
  if (typeof kind === 'object') return gated(kernels, x, kind.gate);
  switch (kind) {
    case 'identity':
      return x.clone();
    case 'relu':
      return kernels.relu(x);
    case 'tanh':
      return kernels.tanh(x);
    case 'gelu':
      return gelu(kernels, x);
  }
}

/** x * (1 + erf(x / sqrt 2)) / 2 */
function gelu(kernels: Kernels, x: Tensor): Tensor {
  const { add, mul, erf, constant } = kernels;
  const scaled = mul(x, constant(Math.SQRT1_2));
  const error = erf(scaled);
  scaled.dispose();
  const one = add(error, constant(1));
  error.dispose();
  const half = mul(x, constant(0.5));
  const y = mul(half, one);
  one.dispose();
  half.dispose();
  return y;
}

/** gate [M or 1, n, n]: row i weighs the inputs of gate i. */
function gated(kernels: Kernels, x: Tensor, gate: Tensor): Tensor {
  const pre = kernels.matMul(x, gate, false, true);
  const open = kernels.sigmoid(pre);
  pre.dispose();
  const y = kernels.mul(x, open);
  open.dispose();
  return y;
}
