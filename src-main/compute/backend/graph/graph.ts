/** A recorded computation: what tracing makes and encoding writes. */
import type { TFEOpAttr } from '@tensorflow/tfjs-node-gpu/dist/tfjs_binding.d.ts';
import type { Bytes } from './protobuf.ts';

/** TensorFlow's DataType numbers (tensorflow/c/tf_datatype.h), as far as graphs here use them. */
export const types = { float32: 1, float64: 2, int32: 3, int64: 9, bool: 10, resource: 20 } as const;

/** Bytes per element. */
export const typeSizes: Readonly<Record<number, number>> = { 1: 4, 2: 8, 3: 4, 9: 8, 10: 1 };

export interface Spec {
  /** One of `types`. */
  readonly dtype: number;
  readonly shape: readonly number[];
}

export interface Node {
  readonly op: string;
  /** As the binding takes them, types given: a graph does not infer them. */
  readonly attributes: readonly TFEOpAttr[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Spec[];
  /** Of a Const: its bytes; those of one element if all are the same. */
  readonly data?: Bytes;
}

/** Output `index` of a node, or number `argument` of (arguments..., state...). */
export type Value = { readonly node: Node; readonly index: number } | { readonly argument: number };

/** (arguments..., state...) -> (outputs..., next state...) */
export interface Graph {
  readonly arguments: readonly Spec[];
  readonly state: readonly Spec[];
  readonly outputs: readonly Value[];
  readonly next: readonly Value[];
}

export function specOf(graph: Graph, value: Value): Spec {
  if ('node' in value) return value.node.outputs[value.index]!;
  return [...graph.arguments, ...graph.state][value.argument]!;
}

/** State that comes out of the computation as it went in. */
export function constantState(graph: Graph): ReadonlySet<number> {
  const first = graph.arguments.length;
  const same = (value: Value, i: number): boolean => 'argument' in value && value.argument === first + i;
  return new Set(graph.next.flatMap((value, i) => (same(value, i) ? [i] : [])));
}

/** Nodes that the results need, inputs before users; no recursion, so that depth does not matter. */
export function neededNodes(results: readonly Value[]): Node[] {
  const done = new Set<Node>();
  const pending: { node: Node; ready: boolean }[] = [];
  const push = (value: Value): void => {
    if ('node' in value && !done.has(value.node)) pending.push({ node: value.node, ready: false });
  };
  for (const result of results) {
    push(result);
    for (let top = pending.pop(); top; top = pending.pop()) {
      if (done.has(top.node)) continue;
      if (top.ready) {
        done.add(top.node);
        continue;
      }
      pending.push({ node: top.node, ready: true });
      top.node.inputs.forEach(push);
    }
  }
  return [...done];
}
