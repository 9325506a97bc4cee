/** Plain values as a pickle of protocol 2: the opcodes that torch.save itself writes, and no others. */
import { UserError } from '../../../src-shared/errors.ts';
import type { DType } from '../dtype.ts';
import { LazyTensor, contiguousStride } from '../tensor.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';
import type { TensorValue } from '../tensor.ts';
import { PythonFloat } from './tree.ts';
import type { WritableTree } from './tree.ts';

const storageClass: Record<DType, string> = {
  float64: 'DoubleStorage',
  float32: 'FloatStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  int64: 'LongStorage',
  int32: 'IntStorage',
  int16: 'ShortStorage',
  int8: 'CharStorage',
  uint8: 'ByteStorage',
  bool: 'BoolStorage',
};

const deepest = 200;

export interface Pickled {
  pickle: Buffer;
  /** In the order of their keys 0, 1, 2, ...; a tensor that occurs twice is stored once. */
  tensors: (LazyTensor | TensorValue)[];
}

/** @throws UserError for a value that has no place in a checkpoint (nested too deep, an object that is no tensor). */
export function pickleTree(root: WritableTree): Pickled {
  const writer = new PickleWriter();
  writer.tree(root, 0);
  return writer.finish();
}

class PickleWriter {
  private readonly parts: Buffer[] = [Buffer.from([0x80, 2])];
  private readonly keys = new Map<LazyTensor | TensorValue, number>();

  finish(): Pickled {
    this.opcode(0x2e);
    return { pickle: Buffer.concat(this.parts), tensors: [...this.keys.keys()] };
  }

  tree(value: WritableTree, depth: number): void {
    if (depth > deepest)
      throw new UserError(`cannot write a .pt file: its containers are nested more than ${deepest} deep.`);
    if (value === null) this.opcode(0x4e);
    else if (typeof value === 'boolean') this.opcode(value ? 0x88 : 0x89);
    else if (typeof value === 'string') this.text(value);
    else if (typeof value === 'bigint') this.long(value);
    else if (typeof value === 'number') this.number(value);
    else if (value instanceof PythonFloat) this.float(value.value);
    else if (value instanceof LazyTensor) this.tensor(value);
    else if (isMap(value)) this.dict(value, depth);
    else if (isList(value)) this.list(value, depth);
    else if ('dtype' in value) this.tensor(value);
    else
      throw new UserError(
        'cannot write a .pt file: it holds an object that is neither a tensor nor a plain value.',
      );
  }

  private dict(map: ReadonlyMap<WritableTree, WritableTree>, depth: number): void {
    this.opcode(0x7d, 0x28);
    for (const [key, value] of map) {
      this.tree(key, depth + 1);
      this.tree(value, depth + 1);
    }
    this.opcode(0x75);
  }

  /** A frozen array is a tuple, any other a list. */
  private list(items: readonly WritableTree[], depth: number): void {
    const isTuple = Object.isFrozen(items);
    this.opcode(...(isTuple ? [0x28] : [0x5d, 0x28]));
    for (const item of items) this.tree(item, depth + 1);
    this.opcode(isTuple ? 0x74 : 0x65);
  }

  /** torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict()) */
  private tensor(tensor: LazyTensor | TensorValue): void {
    const key = this.keys.get(tensor) ?? this.keys.size;
    this.keys.set(tensor, key);
    this.global('torch._utils', '_rebuild_tensor_v2');
    this.opcode(0x28, 0x28);
    this.text('storage');
    this.global('torch', storageClass[tensor.dtype]);
    this.text(String(key));
    this.text('cpu');
    this.number(sizeOf(tensor.shape));
    this.opcode(0x74, 0x51);
    this.number(0);
    this.numbers(tensor.shape);
    this.numbers(contiguousStride(tensor.shape));
    this.opcode(0x89);
    this.global('collections', 'OrderedDict');
    this.opcode(0x29, 0x52, 0x74, 0x52);
  }

  private numbers(values: readonly number[]): void {
    this.opcode(0x28);
    for (const value of values) this.number(value);
    this.opcode(0x74);
  }

  private number(value: number): void {
    if (!Number.isInteger(value) || Object.is(value, -0)) return this.float(value);
    if (value >= 0 && value < 256) return this.opcode(0x4b, value);
    if (value >= -(2 ** 31) && value < 2 ** 31) {
      const bytes = Buffer.alloc(5, 0x4a);
      bytes.writeInt32LE(value, 1);
      return this.raw(bytes);
    }
    return Number.isSafeInteger(value) ? this.long(BigInt(value)) : this.float(value);
  }

  private float(value: number): void {
    const bytes = Buffer.alloc(9, 0x47);
    bytes.writeDoubleBE(value, 1);
    this.raw(bytes);
  }

  /** LONG1: the shortest little-endian two's complement. */
  private long(value: bigint): void {
    let length = 1;
    while (BigInt.asIntN(8 * length, value) !== value) length++;
    if (length > 255)
      throw new UserError('cannot write a .pt file: it holds an integer of more than 255 bytes.');
    this.opcode(0x8a, length);
    let rest = BigInt.asUintN(8 * length, value);
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
    this.raw(bytes);
  }

  private text(value: string): void {
    const bytes = Buffer.from(value);
    const head = Buffer.alloc(5, 0x58);
    head.writeUInt32LE(bytes.length, 1);
    this.raw(head);
    this.raw(bytes);
  }

  private global(module: string, name: string): void {
    this.raw(Buffer.from(`c${module}\n${name}\n`));
  }

  private opcode(...codes: number[]): void {
    this.raw(Buffer.from(codes));
  }

  private raw(bytes: Buffer): void {
    this.parts.push(bytes);
  }
}

function isMap(value: object): value is ReadonlyMap<WritableTree, WritableTree> {
  return value instanceof Map;
}

function isList(value: object): value is readonly WritableTree[] {
  return Array.isArray(value);
}
