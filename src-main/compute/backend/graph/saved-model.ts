/**
 * A recorded computation as a TensorFlow SavedModel: its state in resource variables of the session, the computation a
 * function `step`, compiled by XLA or run by TensorFlow's graph executor.
 *
 * Feeds `a0:0`, ...; fetches `call:0`, ... . `set0:0` in and `did_set0:0` out assigns state 0; `get0:0` reads it.
 */
import { attrs, encodeBody, functionDef, nodeDef } from './encode.ts';
import { specOf } from './graph.ts';
import type { Graph, Spec } from './graph.ts';
import { loopFunctions } from './loop.ts';
import * as pb from './protobuf.ts';
import type { Bytes } from './protobuf.ts';
import { onDevice } from './placement.ts';
import type { Placement } from './placement.ts';
import {
  placeholder,
  readNodes,
  stateReference,
  stepInputs,
  variableNodes,
  writeNodes,
} from './variables.ts';

export interface EncodeOptions {
  /** `xla`: compiled at the first call. `graph`: TensorFlow's own kernels, one node after another. */
  mode: 'xla' | 'graph';
  /** Passes per call, `xla` only: every argument and output then has this many entries on a leading axis. */
  steps?: number;
}

export interface EncodeSettings extends EncodeOptions {
  /** Absent: the CPU, or what TensorFlow's placer makes of it. */
  placement?: Placement;
}

const mustCompile = attrs.bool('_XlaMustCompile', true);

/** GraphDef.versions { producer 1, min_consumer 2 } */
const versions = pb.message(4, pb.int(1, 2474), pb.int(2, 12));

export function encodeSavedModel(graph: Graph, { mode, steps, placement }: EncodeSettings): Bytes {
  if (steps !== undefined && mode !== 'xla') throw new Error('several passes per call need XLA');
  const attributes = mode === 'xla' ? [mustCompile] : [];
  const functions =
    steps === undefined
      ? [stepFunction(graph, attributes, placement)]
      : loopFunctions(graph, steps, attributes, placement);
  const stacked = ({ dtype, shape }: Spec): Spec =>
    steps === undefined ? { dtype, shape } : { dtype, shape: [steps, ...shape] };
  const nodes = [
    ...graph.arguments.map((spec, i) => placeholder(`a${i}`, stacked(spec))),
    ...graph.state.flatMap((spec, i) => variableNodes(spec, i, placement)),
    callNode(graph, attributes, placement),
  ];
  const library = pb.message(2, ...functions.map((definition) => pb.bytes(1, definition)));
  const graphDef = pb.join([...nodes.map((node) => pb.bytes(1, node)), library, versions]);
  // SavedModel { version 1, meta_graphs 2 { meta_info 1 { tags 4 }, graph_def 2 } }
  return pb.join([pb.int(1, 1), pb.message(2, pb.message(1, pb.bytes(4, 'serve')), pb.bytes(2, graphDef))]);
}

function stepFunction(graph: Graph, attributes: readonly Bytes[], placement?: Placement): Bytes {
  const first = graph.arguments.length;
  const { nodes, reference } = encodeBody([...graph.outputs, ...graph.next], (i) =>
    i < first ? `a${i}` : stateReference(graph, i - first, placement),
  );
  const writes = writeNodes(graph, (i) => reference(graph.next[i]!), placement);
  return functionDef({
    name: 'step',
    inputs: stepInputs(graph),
    outputs: graph.outputs.map((value, i) => [`o${i}`, specOf(graph, value).dtype, reference(value)]),
    nodes: [...readNodes(graph, placement), ...nodes, ...writes.nodes],
    attributes,
    stateful: true,
    controls: writes.names,
  });
}

function callNode(graph: Graph, attributes: readonly Bytes[], placement?: Placement): Bytes {
  const inputs = stepInputs(graph);
  return nodeDef(
    'call',
    'StatefulPartitionedCall',
    inputs.map(([name]) => (name.startsWith('s') ? `v${name.slice(1)}` : name)),
    attrs.types(
      'Tin',
      inputs.map(([, type]) => type),
    ),
    attrs.types(
      'Tout',
      graph.outputs.map((value) => specOf(graph, value).dtype),
    ),
    attrs.func('f', 'step'),
    attrs.string('config_proto', ''),
    attrs.string('executor_type', ''),
    ...attributes,
    ...onDevice(placement),
  );
}
