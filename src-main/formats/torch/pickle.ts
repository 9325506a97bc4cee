/**
 * A machine for the part of the pickle language (protocols 2 to 5) that PyTorch writes: literals, tuples, lists, dicts,
 * and calls of the few names in globals.ts. Every other opcode is refused by name and offset. No recursion; its memory
 * is budgeted, so a small hostile file cannot ask for much.
 */
import { UserError } from '../../../src-shared/errors.ts';
import { findAllowed } from './globals.ts';
import { opcodeName } from './opcodes.ts';
import { AllowedGlobal } from './values.ts';
import type { PickleValue } from './values.ts';

export interface PickleOptions {
  /** What messages begin with: the file, and the entry in it. */
  name: string;
  /** What a persistent id stands for. @throws UserError starting with `describe` */
  persistentLoad(id: readonly PickleValue[], describe: string): PickleValue;
}

/** Estimated bytes that all values of one pickle may take. */
const memoryBudget = 64 * 2 ** 20;
const cost = { value: 16, tuple: 64, list: 96, dict: 256, item: 64, memo: 48, call: 256 };
const longestInteger = 256;

/** Runs a pickle. @throws UserError naming the offset, for anything outside the allowed language or its limits. */
export function unpickle(bytes: Uint8Array, options: PickleOptions): PickleValue {
  return new Machine(bytes, options).run();
}

class Machine {
  private readonly bytes: Buffer;
  private readonly options: PickleOptions;
  private at = 0;
  /** Offset of the opcode being carried out. */
  private start = 0;
  private stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private spent = 0;

  constructor(bytes: Uint8Array, options: PickleOptions) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.options = options;
  }

  run(): PickleValue {
    for (;;) {
      this.start = this.at;
      if (this.at >= this.bytes.length) throw this.fail('the pickle ends without STOP: it is cut short');
      const opcode = this.bytes[this.at++]!;
      if (opcode === 0x2e) break; // STOP
      this.step(opcode);
    }
    const result = this.pop();
    if (this.stack.length > 0 || this.marks.length > 0)
      throw this.fail('the pickle leaves more than one value');
    return result;
  }

  private step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        return this.protocol(this.u8());
      case 0x95: // FRAME
        return void this.take(this.length64(), 0);
      case 0x28: // MARK
        this.spend(cost.value);
        this.marks.push(this.stack.length);
        return;
      case 0x30: // POP
        return this.discard();
      case 0x4e: // NONE
        return this.push(null);
      case 0x88: // NEWTRUE
        return this.push(true);
      case 0x89: // NEWFALSE
        return this.push(false);
      case 0x4b: // BININT1
        return this.push(this.u8());
      case 0x4d: // BININT2
        return this.push(this.bytes.readUInt16LE(this.take(2)));
      case 0x4a: // BININT
        return this.push(this.bytes.readInt32LE(this.take(4)));
      case 0x8a: // LONG1
        return this.push(this.integer(this.u8()));
      case 0x8b: // LONG4
        return this.push(this.integer(this.bytes.readInt32LE(this.take(4))));
      case 0x47: // BINFLOAT
        return this.push(this.bytes.readDoubleBE(this.take(8)));
      case 0x8c: // SHORT_BINUNICODE
        return this.push(this.text(this.u8()));
      case 0x58: // BINUNICODE
        return this.push(this.text(this.u32()));
      case 0x8d: // BINUNICODE8
        return this.push(this.text(this.length64()));
      case 0x43: // SHORT_BINBYTES
        return this.push(this.blob(this.u8()));
      case 0x42: // BINBYTES
        return this.push(this.blob(this.u32()));
      case 0x8e: // BINBYTES8
        return this.push(this.blob(this.length64()));
      case 0x29: // EMPTY_TUPLE
        return this.push(emptyTuple);
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.pushTuple(this.popMany(opcode - 0x84));
      case 0x74: // TUPLE
        return this.pushTuple(this.popToMark());
      case 0x5d: // EMPTY_LIST
        this.spend(cost.list);
        return this.push([]);
      case 0x7d: // EMPTY_DICT
        this.spend(cost.dict);
        return this.push(new Map());
      default:
        return this.stepMore(opcode);
    }
  }

  private stepMore(opcode: number): void {
    switch (opcode) {
      case 0x61: // APPEND
        return this.append(this.popMany(1));
      case 0x65: // APPENDS
        return this.append(this.popToMark());
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popToMark());
      case 0x68: // BINGET
        return this.recall(this.u8());
      case 0x6a: // LONG_BINGET
        return this.recall(this.u32());
      case 0x71: // BINPUT
        return this.remember(this.u8());
      case 0x72: // LONG_BINPUT
        return this.remember(this.u32());
      case 0x94: // MEMOIZE
        return this.remember(this.memo.size);
      case 0x63: // GLOBAL
        return this.global(this.line(), this.line());
      case 0x93: // STACK_GLOBAL
        return this.stackGlobal();
      case 0x52: // REDUCE
        return this.call();
      case 0x62: // BUILD
        return this.build();
      case 0x51: // BINPERSID
        return this.persistent();
      default:
        throw this.fail(`opcode ${opcodeName(opcode)} is not allowed in a checkpoint`, true);
    }
  }

  private protocol(version: number): void {
    if (version < 2 || version > 5)
      throw this.fail(`pickle protocol ${version} is not supported; 2 to 5 were expected`);
  }

  private discard(): void {
    if (this.marks.length > 0 && this.marks.at(-1) === this.stack.length) this.marks.pop();
    else this.pop();
  }

  private append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list) || Object.isFrozen(list))
      throw this.fail('items are appended to something that is not a list');
    this.spend(items.length * cost.value);
    for (const item of items) (list as PickleValue[]).push(item);
  }

  private setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.fail('keys are set on something that is not a dict');
    if (items.length % 2 !== 0) throw this.fail('a dict was given a key without a value');
    this.spend((items.length / 2) * cost.item);
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (!isKey(key)) throw this.fail('a dict key is neither a string, a number, a bool, None nor a tuple');
      dict.set(key, items[i + 1]!);
    }
  }

  private global(module: string, name: string): void {
    const found = findAllowed(module, name);
    if (!found)
      throw this.fail(
        `the pickle names ${quote(`${module}.${name}`)}, which is not allowed in a checkpoint`,
        true,
      );
    this.push(found);
  }

  private stackGlobal(): void {
    const [module, name] = this.popMany(2);
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.fail('STACK_GLOBAL without two strings');
    this.global(module, name);
  }

  private call(): void {
    const [callee, args] = this.popMany(2);
    if (!(callee instanceof AllowedGlobal) || !callee.call) {
      const what = callee instanceof AllowedGlobal ? callee.name : 'a value that is not a function';
      throw this.fail(`the pickle calls ${what}, which is not allowed in a checkpoint`, true);
    }
    if (!Array.isArray(args) || !Object.isFrozen(args))
      throw this.fail('a call without a tuple of arguments');
    this.spend(cost.call + args.length * cost.item + innerLength(args) * cost.item);
    this.push(callee.call(args as readonly PickleValue[], this.where()));
  }

  /** Attributes of an OrderedDict (`_metadata` of a state_dict) carry no weights and are dropped. Nothing else is built. */
  private build(): void {
    const state = this.pop();
    if (!(this.top() instanceof Map) || !(state instanceof Map)) {
      throw this.fail(
        'BUILD sets attributes of something that is not a dict, which is not allowed in a checkpoint',
        true,
      );
    }
  }

  private persistent(): void {
    const id = this.pop();
    if (!Array.isArray(id)) throw this.fail('a persistent id is not a tuple');
    this.spend(cost.call);
    this.push(this.options.persistentLoad(id as readonly PickleValue[], this.where()));
  }

  private remember(index: number): void {
    this.spend(cost.memo);
    this.memo.set(index, this.top());
  }

  private recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.fail(`memo ${index} is read before it is written`);
    this.push(value);
  }

  private push(value: PickleValue): void {
    this.spend(cost.value);
    this.stack.push(value);
  }

  private pushTuple(items: PickleValue[]): void {
    this.spend(cost.tuple + items.length * cost.value);
    this.push(Object.freeze(items));
  }

  private top(): PickleValue {
    const value = this.stack.length > this.floor() ? this.stack.at(-1) : undefined;
    if (value === undefined) throw this.fail('the stack is empty');
    return value;
  }

  private pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  private popMany(count: number): PickleValue[] {
    if (this.stack.length - count < this.floor()) throw this.fail('the stack is empty');
    return this.stack.splice(this.stack.length - count);
  }

  private popToMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.fail('a MARK is missing');
    return this.stack.splice(mark);
  }

  /** Values below the last mark belong to what is outside it. */
  private floor(): number {
    return this.marks.at(-1) ?? 0;
  }

  private u8(): number {
    return this.bytes[this.take(1)]!;
  }

  private u32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  private length64(): number {
    const length = this.bytes.readBigUInt64LE(this.take(8));
    if (length > BigInt(this.bytes.length - this.at))
      throw this.fail(`${length} bytes are announced, but the pickle ends before`);
    return Number(length);
  }

  /** Moves past `length` bytes and returns where they begin. With `consume` 0 it only checks that they exist. */
  private take(length: number, consume = length): number {
    const from = this.at;
    if (from + length > this.bytes.length)
      throw this.fail(`${length} bytes are announced, but the pickle ends before`);
    this.at += consume;
    return from;
  }

  private text(length: number): string {
    const from = this.take(length);
    this.spend(2 * length);
    const value = this.bytes.toString('utf8', from, from + length);
    if (value.includes('\uFFFD') && Buffer.byteLength(value) !== length)
      throw this.fail('a string is not valid UTF-8');
    return value;
  }

  private blob(length: number): Uint8Array {
    const from = this.take(length);
    this.spend(cost.tuple + length);
    return new Uint8Array(this.bytes.subarray(from, from + length));
  }

  private line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0 || end - this.at > 1000) throw this.fail('a module or class name does not end');
    const value = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return value;
  }

  /** A little-endian two's complement integer of any length. */
  private integer(length: number): number | bigint {
    if (length < 0 || length > longestInteger) throw this.fail(`an integer of ${length} bytes is absurd`);
    const from = this.take(length);
    if (length === 0) return 0;
    let value = 0n;
    for (let i = from + length - 1; i >= from; i--) value = (value << 8n) | BigInt(this.bytes[i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  private spend(amount: number): void {
    this.spent += amount;
    if (this.spent > memoryBudget)
      throw this.fail(`the pickle needs more than ${memoryBudget / 2 ** 20} MiB of memory`);
  }

  private where(): string {
    return `${this.options.name}, offset ${this.start}`;
  }

  private fail(why: string, foreign = false): UserError {
    const hint = foreign
      ? 'Basin reads tensors and plain values only. If you trust the file, load it in Python and save what matters again: torch.save({"model_state_dict": model.state_dict()}, "new.pt").'
      : undefined;
    return new UserError(`${this.where()}: ${why}.`, hint === undefined ? {} : { hint });
  }
}

const emptyTuple: readonly PickleValue[] = Object.freeze([]);

function isKey(value: PickleValue): boolean {
  if (value === null || typeof value !== 'object') return true;
  return (
    Array.isArray(value) &&
    Object.isFrozen(value) &&
    value.every((item) => item === null || typeof item !== 'object')
  );
}

/** What a call copies: the lengths of its array arguments. */
function innerLength(args: readonly PickleValue[]): number {
  let sum = 0;
  for (const arg of args) if (Array.isArray(arg)) sum += arg.length;
  return sum;
}

function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}...` : name);
}
