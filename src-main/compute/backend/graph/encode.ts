/** Pieces of a GraphDef (field numbers: tensorflow/core/framework/*.proto). */
import type { TFEOpAttr } from '@tensorflow/tfjs-node-gpu/dist/tfjs_binding.d.ts';
import { neededNodes, types, typeSizes } from './graph.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import type { Node, Spec, Value } from './graph.ts';
import { outputReference } from './op-outputs.ts';
import * as pb from './protobuf.ts';
import type { Bytes } from './protobuf.ts';

const shapeProto = (shape: readonly number[]): Bytes =>
  pb.join(shape.map((size) => pb.message(2, pb.int(1, size))));

/** Fields of a TensorProto that hold one value for all elements. */
const valueFields: Readonly<Record<number, number>> = {
  [types.float32]: 5,
  [types.float64]: 6,
  [types.int32]: 7,
  [types.int64]: 10,
  [types.bool]: 11,
};

/** TensorProto { dtype 1, tensor_shape 2, tensor_content 4 }, or one value for all elements. */
function tensorProto({ dtype, shape }: Spec, data: Bytes): Bytes {
  const head = [pb.int(1, dtype), pb.bytes(2, shapeProto(shape))];
  if (data.length !== typeSizes[dtype] || sizeOf(shape) <= 1) return pb.join([...head, pb.bytes(4, data)]);
  const field = valueFields[dtype]!;
  if (dtype === types.float32 || dtype === types.float64) return pb.join([...head, pb.bytes(field, data)]);
  const view = new DataView(data.buffer, data.byteOffset);
  const value =
    dtype === types.int32
      ? view.getInt32(0, true)
      : dtype === types.int64
        ? view.getBigInt64(0, true)
        : view.getUint8(0);
  return pb.join([...head, pb.int(field, value)]);
}

/** NodeDef.attr and FunctionDef.attr are both field 5. */
const attribute = (name: string, encoded: Bytes): Bytes => pb.entry(5, name, encoded);

/** AttrValue { list 1, s 2, i 3, f 4, b 5, type 6, shape 7, tensor 8, func 10 } */
export const attrs = {
  string: (name: string, v: string): Bytes => attribute(name, pb.bytes(2, v)),
  int: (name: string, v: number): Bytes => attribute(name, pb.int(3, v)),
  bool: (name: string, v: boolean): Bytes => attribute(name, pb.int(5, v)),
  type: (name: string, v: number): Bytes => attribute(name, pb.int(6, v)),
  types: (name: string, v: readonly number[]): Bytes => attribute(name, pb.message(1, pb.packedInts(6, v))),
  shape: (name: string, v: readonly number[]): Bytes => attribute(name, pb.bytes(7, shapeProto(v))),
  /** An empty list of shapes: TensorFlow infers them. */
  noShapes: (name: string): Bytes => attribute(name, pb.message(1)),
  tensor: (name: string, spec: Spec, data: Bytes): Bytes =>
    attribute(name, pb.bytes(8, tensorProto(spec, data))),
  func: (name: string, v: string): Bytes => attribute(name, pb.message(10, pb.bytes(1, v))),
};

/** An attribute as the binding takes it; `type` is a TF_AttrType: 0 string, 1 int, 2 float, 3 bool, 4 type, 5 shape. */
function encodeAttribute({ name, type, value }: TFEOpAttr): Bytes {
  const list = Array.isArray(value) ? (value as (number | boolean)[]) : undefined;
  switch (type) {
    case 0:
      return attrs.string(name, String(value));
    case 1:
      return list ? attribute(name, pb.message(1, pb.packedInts(3, list))) : attrs.int(name, Number(value));
    case 2:
      return attribute(
        name,
        list ? pb.message(1, pb.packedFloats(4, list.map(Number))) : pb.float(4, Number(value)),
      );
    case 3:
      return list ? attribute(name, pb.message(1, pb.packedInts(5, list))) : attrs.bool(name, Boolean(value));
    case 4:
      return attrs.type(name, Number(value));
    case 5:
      return attrs.shape(name, list as number[]);
    default:
      throw new Error(`attribute ${name} has the unknown type ${type}`);
  }
}

/** NodeDef { name 1, op 2, input 3, attr 5 } */
export const nodeDef = (name: string, op: string, inputs: readonly string[], ...attributes: Bytes[]): Bytes =>
  pb.join([pb.bytes(1, name), pb.bytes(2, op), ...inputs.map((input) => pb.bytes(3, input)), ...attributes]);

export const constNode = (name: string, spec: Spec, data: Bytes, ...controls: string[]): Bytes =>
  nodeDef(name, 'Const', controls, attrs.type('dtype', spec.dtype), attrs.tensor('value', spec, data));

/** An int32 constant: a scalar or a vector. */
export function intNode(name: string, value: number | readonly number[], ...controls: string[]): Bytes {
  const numbers = typeof value === 'number' ? [value] : value;
  const shape = typeof value === 'number' ? [] : [numbers.length];
  const data = new Uint8Array(Int32Array.from(numbers).buffer);
  return constNode(name, { dtype: types.int32, shape }, data, ...controls);
}

export interface Body {
  readonly nodes: Bytes[];
  /** How a value is referred to inside the function. */
  readonly reference: (value: Value) => string;
}

/** NodeDefs, for a function's body, of all that the results need; `argument` names argument i. */
export function encodeBody(results: readonly Value[], argument: (i: number) => string): Body {
  const nodes = neededNodes(results);
  const names = new Map<Node, string>(nodes.map((node, i) => [node, `n${i}`]));
  const reference = (value: Value): string =>
    'node' in value
      ? `${names.get(value.node)!}:${outputReference(value.node.op, value.index)}`
      : argument(value.argument);
  const encoded = nodes.map((node) =>
    node.data
      ? constNode(names.get(node)!, node.outputs[0]!, node.data)
      : nodeDef(
          names.get(node)!,
          node.op,
          node.inputs.map(reference),
          ...node.attributes.map(encodeAttribute),
        ),
  );
  return { nodes: encoded, reference };
}

export interface FunctionParts {
  name: string;
  /** Name and type. */
  inputs: readonly (readonly [string, number])[];
  /** Name, type, and the value inside the body that it is. */
  outputs: readonly (readonly [string, number, string])[];
  nodes: readonly Bytes[];
  attributes?: readonly Bytes[];
  stateful?: boolean;
  /** Nodes that run for their effect: without this they are pruned. */
  controls?: readonly string[];
}

/** OpDef.ArgDef { name 1, type 3 } */
const argDef = (field: number, name: string, dtype: number): Bytes =>
  pb.message(field, pb.bytes(1, name), pb.int(3, dtype));

/**
 * FunctionDef { signature 1 = OpDef { name 1, input_arg 2, output_arg 3, is_stateful 17, control_output 20 }, node_def 3,
 * ret 4, attr 5, control_ret 6 }
 */
export function functionDef(parts: FunctionParts): Bytes {
  const { name, inputs, outputs, nodes, attributes = [], stateful = false, controls = [] } = parts;
  return pb.join([
    pb.message(
      1,
      pb.bytes(1, name),
      ...inputs.map(([argument, type]) => argDef(2, argument, type)),
      ...outputs.map(([result, type]) => argDef(3, result, type)),
      pb.int(17, stateful),
      ...controls.map((control) => pb.bytes(20, control)),
    ),
    ...nodes.map((node) => pb.bytes(3, node)),
    ...outputs.map(([result, , from]) => pb.entry(4, result, from)),
    ...attributes,
    ...controls.map((control) => pb.entry(6, control, control)),
  ]);
}
