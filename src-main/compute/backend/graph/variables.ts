/** State of a recorded computation: resource variables of the session, read first and written last. */
import { attrs, intNode, nodeDef } from './encode.ts';
import { constantState, types } from './graph.ts';
import type { Graph, Spec } from './graph.ts';
import { heldAs, onDevice } from './placement.ts';
import type { Placement } from './placement.ts';
import type { Bytes } from './protobuf.ts';

export const placeholder = (name: string, { dtype, shape }: Spec): Bytes =>
  nodeDef(name, 'Placeholder', [], attrs.type('dtype', dtype), attrs.shape('shape', shape));

const cast = (name: string, input: string, from: number, to: number): Bytes =>
  nodeDef(
    name,
    'Cast',
    [input],
    attrs.type('SrcT', from),
    attrs.type('DstT', to),
    attrs.bool('Truncate', false),
  );

/** Variable i, how it is assigned and how it is read from outside. */
export function variableNodes(spec: Spec, i: number, placement?: Placement): Bytes[] {
  const held = heldAs(spec.dtype, placement);
  const same = held === spec.dtype;
  const dtype = attrs.type('dtype', held);
  const shape = attrs.shape('shape', spec.shape);
  const names = [attrs.string('shared_name', `v${i}`), attrs.string('container', '')];
  const placed = onDevice(placement);
  return [
    nodeDef(`v${i}`, 'VarHandleOp', [], dtype, shape, ...names, ...placed),
    placeholder(`set${i}`, spec),
    ...(same ? [] : [cast(`kept${i}`, `set${i}`, spec.dtype, held)]),
    nodeDef(`assign${i}`, 'AssignVariableOp', [`v${i}`, same ? `set${i}` : `kept${i}`], dtype, ...placed),
    intNode(`did_set${i}`, 0, `^assign${i}`),
    nodeDef(same ? `get${i}` : `held${i}`, 'ReadVariableOp', [`v${i}`], dtype, ...placed),
    ...(same ? [] : [cast(`get${i}`, `held${i}`, held, spec.dtype)]),
  ];
}

/** Inputs of `step`: arguments, then the handles of the variables. */
export const stepInputs = (graph: Graph): [string, number][] => [
  ...graph.arguments.map(({ dtype }, i): [string, number] => [`a${i}`, dtype]),
  ...graph.state.map((_, i): [string, number] => [`s${i}`, types.resource]),
];

export const readNodes = (graph: Graph, placement?: Placement): Bytes[] =>
  graph.state.flatMap(({ dtype }, i) => {
    const held = heldAs(dtype, placement);
    const read = nodeDef(`read${i}`, 'ReadVariableOp', [`s${i}`], attrs.type('dtype', held));
    return held === dtype ? [read] : [read, cast(`state${i}`, `read${i}:value:0`, held, dtype)];
  });

/** State i as it was read, inside `step`. */
export const stateReference = (graph: Graph, i: number, placement?: Placement): string => {
  const { dtype } = graph.state[i]!;
  return heldAs(dtype, placement) === dtype ? `read${i}:value:0` : `state${i}:y:0`;
};

/** Writes of state that changes; `value` names its next value. Every write waits for all reads. */
export function writeNodes(
  graph: Graph,
  value: (i: number) => string,
  placement?: Placement,
): { nodes: Bytes[]; names: string[] } {
  const constant = constantState(graph);
  const changed = [...graph.state.keys()].filter((i) => !constant.has(i));
  const afterReads = graph.state.map((_, i) => `^read${i}`);
  const nodes = changed.flatMap((i) => {
    const { dtype } = graph.state[i]!;
    const held = heldAs(dtype, placement);
    const same = held === dtype;
    const write = nodeDef(
      `write${i}`,
      'AssignVariableOp',
      [`s${i}`, same ? value(i) : `next${i}:y:0`, ...afterReads],
      attrs.type('dtype', held),
    );
    return same ? [write] : [cast(`next${i}`, value(i), dtype, held), write];
  });
  return { nodes, names: changed.map((i) => `write${i}`) };
}
