/** Means over the neighbours of nodes, with gradients: TensorFlow's sparse kernels, or plain tfjs. */
import { attr } from '../backend/index.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import type { EdgeTensors } from './edges.ts';

/** @param x [N, units] @returns [N, units]: of every node the mean over its neighbours, 0 without any */
export type NeighbourMean = (x: Tensor, edges: EdgeTensors) => Tensor;

export const neighbourMeanOf = (backend: Backend): NeighbourMean =>
  backend.native ? nativeMean(backend) : portableMean(backend);

/** One pass over the edges, and nothing as large as they are in between. */
function nativeMean({ tf, native }: Backend): NeighbourMean {
  const types = {
    T: attr.type('float32'),
    Tidx: attr.type('int32'),
    Tsegmentids: attr.type('int32'),
  };
  return (x, { sources, targets }) => {
    const nodes = x.shape[0]!;
    const mean = tf.customGrad((values, save) => {
      (save as (tensors: Tensor[]) => void)([sources, targets]);
      const inputs = [values as Tensor, sources, targets, tf.scalar(nodes, 'int32')];
      return {
        value: native!.kernel('SparseSegmentMeanWithNumSegments', inputs, {
          ...types,
          Tnumsegments: attr.type('int32'),
        }),
        gradFunc: (dy: Tensor, [from, to]: Tensor[]) =>
          native!.kernel('SparseSegmentMeanGrad', [dy, from!, to!, tf.scalar(nodes, 'int32')], types),
      };
    });
    return mean(x);
  };
}

/**
 * Rows of all edges are made and summed. tfjs has no gradient of sums over segments: that of a mean is a mean back, each
 * edge taken the other way.
 */
function portableMean({ tf }: Backend): NeighbourMean {
  return (x, { sources, targets }) => {
    const nodes = x.shape[0]!;
    const summed = (rows: Tensor, from: Tensor, to: Tensor): Tensor =>
      tf.unsortedSegmentSum(tf.gather(rows, from as never), to as never, nodes);
    const counts = tf.unsortedSegmentSum(tf.ones([targets.shape[0]!]), targets as never, nodes);
    const shares = tf.expandDims(tf.div(1, tf.maximum(counts, 1)), 1);
    const mean = tf.customGrad((values, save) => {
      (save as (tensors: Tensor[]) => void)([sources, targets, shares]);
      return {
        value: tf.mul(summed(values as Tensor, sources, targets), shares),
        gradFunc: (dy: Tensor, [from, to, scale]: Tensor[]) => summed(tf.mul(dy, scale!), to!, from!),
      };
    });
    return mean(x);
  };
}
