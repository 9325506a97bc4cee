/** State of a recorded computation: resource variables of the session, read first and written last. */
import { attrs, intNode, nodeDef } from './encode.ts';
import { constantState, types } from './graph.ts';
import type { Graph, Spec } from './graph.ts';
import type { Bytes } from './protobuf.ts';

export const placeholder = (name: string, { dtype, shape }: Spec): Bytes =>
  nodeDef(name, 'Placeholder', [], attrs.type('dtype', dtype), attrs.shape('shape', shape));

/** Variable i, how it is assigned and how it is read from outside. */
export function variableNodes(spec: Spec, i: number): Bytes[] {
  const dtype = attrs.type('dtype', spec.dtype);
  const shape = attrs.shape('shape', spec.shape);
  const names = [attrs.string('shared_name', `v${i}`), attrs.string('container', '')];
  return [
    nodeDef(`v${i}`, 'VarHandleOp', [], dtype, shape, ...names),
    placeholder(`set${i}`, spec),
    nodeDef(`assign${i}`, 'AssignVariableOp', [`v${i}`, `set${i}`], dtype),
    intNode(`did_set${i}`, 0, `^assign${i}`),
    nodeDef(`get${i}`, 'ReadVariableOp', [`v${i}`], dtype),
  ];
}

/** Inputs of `step`: arguments, then the handles of the variables. */
export const stepInputs = (graph: Graph): [string, number][] => [
  ...graph.arguments.map(({ dtype }, i): [string, number] => [`a${i}`, dtype]),
  ...graph.state.map((_, i): [string, number] => [`s${i}`, types.resource]),
];

export const readNodes = (graph: Graph): Bytes[] =>
  graph.state.map(({ dtype }, i) =>
    nodeDef(`read${i}`, 'ReadVariableOp', [`s${i}`], attrs.type('dtype', dtype)),
  );

/** Writes of state that changes; `value` names its next value. Every write waits for all reads. */
export function writeNodes(graph: Graph, value: (i: number) => string): { nodes: Bytes[]; names: string[] } {
  const constant = constantState(graph);
  const changed = [...graph.state.keys()].filter((i) => !constant.has(i));
  const afterReads = graph.state.map((_, i) => `^read${i}`);
  const nodes = changed.map((i) =>
    nodeDef(
      `write${i}`,
      'AssignVariableOp',
      [`s${i}`, value(i), ...afterReads],
      attrs.type('dtype', graph.state[i]!.dtype),
    ),
  );
  return { nodes, names: changed.map((i) => `write${i}`) };
}
