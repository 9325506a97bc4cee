/** The neighbours of the nodes of a graph, as the operations of networks read them. */
import type { Tensor, Tf } from '../backend/index.ts';

/**
 * Edge k says that `sources[k]` is a neighbour of `targets[k]`. Targets ascend, so that the edges of one node lie together.
 * Of a graph without directions every edge is there both ways.
 */
export interface Edges {
  readonly sources: Int32Array<ArrayBuffer>;
  readonly targets: Int32Array<ArrayBuffer>;
}

/** As tensors, int32 [edges] each. */
export interface EdgeTensors {
  readonly sources: Tensor;
  readonly targets: Tensor;
}

export const edgeTensors = (tf: Tf, { sources, targets }: Edges): EdgeTensors => ({
  sources: tf.tensor1d(sources, 'int32'),
  targets: tf.tensor1d(targets, 'int32'),
});

/** Nodes in a ring: for checks on a few rows, whatever they are. Of one node: no edges. */
export function ringOf(nodes: number): Edges {
  if (nodes < 2) return { sources: new Int32Array(0), targets: new Int32Array(0) };
  const before = (node: number): number => (node + nodes - 1) % nodes;
  const after = (node: number): number => (node + 1) % nodes;
  const both = Array.from({ length: nodes }, (_, node) => [...new Set([before(node), after(node)])]);
  return {
    sources: Int32Array.from(both.flat()),
    targets: Int32Array.from(both.flatMap((own, node) => own.map(() => node))),
  };
}
