/** What the operations of networks compute with: plain tfjs, and what tfjs lacks inside a trace. */
import { attr, numberTensor } from '../backend/index.ts';
import type { Backend, Tensor, Tf } from '../backend/index.ts';
import { convolutionOf } from './convolution.ts';
import type { Convolve } from './convolution.ts';
import { neighbourMeanOf } from './neighbour-mean.ts';
import type { NeighbourMean } from './neighbour-mean.ts';

export interface Maths {
  readonly tf: Tf;
  /** Raw kernels, if the back end has them. */
  readonly native: Backend['native'];
  /** A scalar; inside a float64 trace a double. */
  number(value: number): Tensor;
  /** Rows of [N, ...] at int32 indices of any shape: [...indices, ...]. The indices are not checked. */
  gather(rows: Tensor, indices: Tensor): Tensor;
  /** NaN stays NaN. */
  relu(x: Tensor): Tensor;
  readonly convolve: Convolve;
  readonly neighbourMean: NeighbourMean;
}

export function mathsOf(backend: Backend): Maths {
  const { tf, native } = backend;
  return {
    ...{ tf, native },
    number: (value) => numberTensor(tf, value),
    relu: (x) => portableRelu(backend, x),
    convolve: convolutionOf(backend),
    neighbourMean: neighbourMeanOf(backend),
    gather(rows, indices) {
      if (!native) {
        const shape = [...indices.shape, ...rows.shape.slice(1)];
        return tf.reshape(tf.gather(rows, tf.reshape(indices, [-1])), shape);
      }
      // tf.gather reads the indices back to check them.
      const types = {
        Tparams: attr.type(rows.dtype === 'int32' ? 'int32' : 'float32'),
        Tindices: attr.type('int32'),
        Taxis: attr.type('int32'),
      };
      return native.kernel('GatherV2', [rows, indices, tf.scalar(0, 'int32')], {
        ...types,
        batch_dims: attr.int(0),
      });
    },
  };
}

/**
 * relu as a tfjs operation. That of tfjs's WebAssembly compares bits as whole numbers and so makes 0 of a NaN with its
 * sign bit set, which is what infinity - infinity gives on x86: a network that overflows would come out with finite logits.
 */
export const portableRelu = ({ name, tf }: Backend, a: Tensor): Tensor =>
  name === 'wasm' ? tf.tidy(() => tf.where(tf.isNaN(a), a, tf.relu(a))) : tf.relu(a);
