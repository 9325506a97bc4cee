/**
 * Several passes in one call: a While over (i, arguments, outputs so far, state). Arguments and outputs are stacked on a
 * leading axis; pass i reads entry i of the arguments and writes entry i of the outputs.
 */
import { attrs, constNode, encodeBody, functionDef, intNode, nodeDef } from './encode.ts';
import { specOf, types, typeSizes } from './graph.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import type { Graph, Spec, Value } from './graph.ts';
import type { Placement } from './placement.ts';
import type { Bytes } from './protobuf.ts';
import { readNodes, stateReference, stepInputs, writeNodes } from './variables.ts';

const int32 = types.int32;

export function loopFunctions(
  graph: Graph,
  steps: number,
  attributes: readonly Bytes[],
  placement?: Placement,
): Bytes[] {
  const outputs = graph.outputs.map((value) => specOf(graph, value));
  const carried = carriedBy(graph, outputs);
  return [
    conditionFunction(carried, steps),
    passFunction(graph, carried),
    callingFunction(graph, outputs, steps, { attributes, placement }),
  ];
}

/** What goes round the loop, as [name, type]. */
function carriedBy(graph: Graph, outputs: readonly Spec[]): [string, number][] {
  const list = (prefix: string, specs: readonly Spec[]) =>
    specs.map(({ dtype }, i): [string, number] => [`${prefix}${i}`, dtype]);
  return [['i', int32], ...list('a', graph.arguments), ...list('o', outputs), ...list('s', graph.state)];
}

function conditionFunction(inputs: readonly [string, number][], steps: number): Bytes {
  return functionDef({
    name: 'more',
    inputs,
    outputs: [['more', types.bool, 'less:z:0']],
    nodes: [
      intNode('steps', steps),
      nodeDef('less', 'Less', ['i', 'steps:output:0'], attrs.type('T', int32)),
    ],
  });
}

function passFunction(graph: Graph, inputs: readonly [string, number][]): Bytes {
  const first = graph.arguments.length;
  const { nodes, reference } = encodeBody([...graph.outputs, ...graph.next], (i) =>
    i < first ? `entry${i}:output:0` : `s${i - first}`,
  );
  const entries = graph.arguments.map(({ dtype }, i) =>
    nodeDef(
      `entry${i}`,
      'GatherV2',
      [`a${i}`, 'i', 'zero:output:0'],
      attrs.type('Tparams', dtype),
      attrs.type('Tindices', int32),
      attrs.type('Taxis', int32),
      attrs.int('batch_dims', 0),
    ),
  );
  const stored = graph.outputs.flatMap((value, i) => storeNodes(graph, value, i, reference));
  return functionDef({
    name: 'pass',
    inputs,
    outputs: inputs.map(([name, type]): [string, number, string] => [
      `next_${name}`,
      type,
      nextOf(graph, name, reference),
    ]),
    nodes: [
      intNode('zero', 0),
      intNode('one', 1),
      intNode('one_vector', [1]),
      nodeDef('next', 'AddV2', ['i', 'one:output:0'], attrs.type('T', int32)),
      ...entries,
      ...nodes,
      ...stored,
    ],
  });
}

/** The value that `name` has in the next pass. */
function nextOf(graph: Graph, name: string, reference: (value: Value) => string): string {
  const index = Number(name.slice(1));
  if (name === 'i') return 'next:z:0';
  if (name.startsWith('a')) return name;
  return name.startsWith('o') ? `stored${index}:output:0` : reference(graph.next[index]!);
}

/** Output number `k` of this pass into entry i of the stack. */
function storeNodes(graph: Graph, value: Value, k: number, reference: (value: Value) => string): Bytes[] {
  const { dtype, shape } = specOf(graph, value);
  const reshape = (name: string, from: string, to: string, type: number): Bytes =>
    nodeDef(name, 'Reshape', [from, to], attrs.type('T', type), attrs.type('Tshape', int32));
  return [
    intNode(`shape${k}`, [1, ...shape]),
    reshape(`row${k}`, reference(value), `shape${k}:output:0`, dtype),
    intNode(
      `rest${k}`,
      shape.map(() => 0),
    ),
    reshape(`place${k}`, 'i', 'one_vector:output:0', int32),
    nodeDef(
      `at${k}`,
      'ConcatV2',
      [`place${k}:output:0`, `rest${k}:output:0`, 'zero:output:0'],
      attrs.type('T', int32),
      attrs.type('Tidx', int32),
      attrs.int('N', 2),
    ),
    nodeDef(
      `stored${k}`,
      'XlaDynamicUpdateSlice',
      [`o${k}`, `row${k}:output:0`, `at${k}:output:0`],
      attrs.type('T', dtype),
      attrs.type('Tindices', int32),
    ),
  ];
}

/** `step`: reads the variables, goes round, writes them. */
function callingFunction(
  graph: Graph,
  outputs: readonly Spec[],
  steps: number,
  { attributes, placement }: { attributes: readonly Bytes[]; placement: Placement | undefined },
): Bytes {
  const empty = outputs.map(({ dtype, shape }, k) => {
    const stack = { dtype, shape: [steps, ...shape] };
    const zero = new Uint8Array(typeSizes[dtype]! * (sizeOf(stack.shape) > 1 ? 1 : sizeOf(stack.shape)));
    return constNode(`empty${k}`, stack, zero);
  });
  const carried = [
    'zero:output:0',
    ...graph.arguments.map((_, i) => `a${i}`),
    ...outputs.map((_, k) => `empty${k}:output:0`),
    ...graph.state.map((_, i) => stateReference(graph, i, placement)),
  ];
  const firstOutput = 1 + graph.arguments.length;
  const firstState = firstOutput + outputs.length;
  const writes = writeNodes(graph, (i) => `loop:output:${firstState + i}`, placement);
  const loop = nodeDef(
    'loop',
    'StatelessWhile',
    carried,
    attrs.types(
      'T',
      carriedBy(graph, outputs).map(([, type]) => type),
    ),
    attrs.func('cond', 'more'),
    attrs.func('body', 'pass'),
    attrs.noShapes('output_shapes'),
    attrs.int('parallel_iterations', 1),
  );
  return functionDef({
    name: 'step',
    inputs: stepInputs(graph),
    outputs: outputs.map(({ dtype }, k) => [`o${k}`, dtype, `loop:output:${firstOutput + k}`]),
    nodes: [...readNodes(graph, placement), intNode('zero', 0), ...empty, loop, ...writes.nodes],
    attributes,
    stateful: true,
    controls: writes.names,
  });
}
