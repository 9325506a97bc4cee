/**
 * A machine for the part of the pickle language (protocols 2 to 5) that PyTorch writes: literals, tuples, lists, dicts,
 * sets, and calls of the few names in globals.ts. Every other opcode is refused by name and offset. No recursion; its
 * memory is budgeted, so a small hostile file cannot ask for much.
 */
import { findAllowed } from './globals.ts';
import { Opaque } from './opaque.ts';
import { opcodeName } from './opcodes.ts';
import { cost, PickleBytes } from './pickle-bytes.ts';
import { AllowedGlobal } from './values.ts';
import type { PickleValue } from './values.ts';

export interface PickleOptions {
  /** What messages begin with: the file, and the entry in it. */
  name: string;
  /** Added to the offsets in messages: where in the file the bytes begin. */
  base?: number;
  /** Estimated bytes that all values may take; absent: what a checkpoint may need. */
  budget?: number;
  /** What a persistent id stands for. @throws UserError starting with `describe` */
  persistentLoad(id: readonly PickleValue[], describe: string): PickleValue;
}

/** Runs a pickle. @throws UserError naming the offset, for anything outside the allowed language or its limits. */
export function unpickle(bytes: Uint8Array, options: PickleOptions): PickleValue {
  return new Machine(bytes, options).run().value;
}

/** The same where more may follow: `length` is that of the pickle. @throws PickleCutShort if the bytes end before it */
export function unpickleNext(
  bytes: Uint8Array,
  options: PickleOptions,
): { value: PickleValue; length: number } {
  return new Machine(bytes, options).run();
}

class Machine extends PickleBytes {
  private readonly options: PickleOptions;
  private stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array, options: PickleOptions) {
    super(bytes, options.name, options.base ?? 0, options.budget);
    this.options = options;
  }

  run(): { value: PickleValue; length: number } {
    for (let opcode = this.opcode(); opcode !== 0x2e; opcode = this.opcode()) this.step(opcode);
    const value = this.pop();
    if (this.stack.length > 0 || this.marks.length > 0)
      throw this.fail('the pickle leaves more than one value');
    return { value, length: this.at };
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
        return this.push(this.u16());
      case 0x4a: // BININT
        return this.push(this.i32());
      case 0x8a: // LONG1
        return this.push(this.integer(this.u8()));
      case 0x8b: // LONG4
        return this.push(this.integer(this.i32()));
      case 0x47: // BINFLOAT
        return this.push(this.float64());
      case 0x8c: // SHORT_BINUNICODE
        return this.push(this.text(this.u8()));
      case 0x55: // SHORT_BINSTRING, of Python 2
        return this.push(this.bytesOrText(this.u8()));
      case 0x54: // BINSTRING, of Python 2
        return this.push(this.bytesOrText(this.u32()));
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
      case 0x8f: // EMPTY_SET
        return this.push(new OpenSet());
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
      case 0x90: // ADDITEMS
        return this.addItems(this.popToMark());
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
      case 0x81: // NEWOBJ
        return this.create();
      case 0x62: // BUILD
        return this.build();
      case 0x51: // BINPERSID
        return this.persistent();
      default:
        throw this.fail(`opcode ${opcodeName(opcode)} is not allowed in a checkpoint`, resave);
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

  private addItems(items: readonly PickleValue[]): void {
    if (!(this.top() instanceof OpenSet)) throw this.fail('items are added to something that is not a set');
    if (!items.every(isKey)) throw this.fail('an item of a set is a list or a dict');
  }

  private setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.fail('keys are set on something that is not a dict');
    if (items.length % 2 !== 0) throw this.fail('a dict was given a key without a value');
    this.spend((items.length / 2) * cost.item);
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (!isKey(key)) throw this.fail('a dict key is a list or a dict');
      dict.set(key, items[i + 1]!);
    }
  }

  private global(module: string, name: string): void {
    const found = findAllowed(module, name);
    if (!found)
      throw this.fail(
        `the pickle names ${quote(`${module}.${name}`)}, which is not allowed in a checkpoint`,
        resave,
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
    const run = callee instanceof AllowedGlobal ? callee.call : undefined;
    this.push(this.apply('calls', callee!, run, args!));
  }

  private create(): void {
    const [type, args] = this.popMany(2);
    const run = type instanceof AllowedGlobal ? type.create : undefined;
    this.push(this.apply('makes an object of', type!, run, args!));
  }

  private apply(
    verb: string,
    callee: PickleValue,
    run: AllowedGlobal['call'],
    args: PickleValue,
  ): PickleValue {
    if (!run) {
      const what = callee instanceof AllowedGlobal ? callee.name : 'a value that is not a function';
      throw this.fail(`the pickle ${verb} ${what}, which is not allowed in a checkpoint`, resave);
    }
    if (!Array.isArray(args) || !Object.isFrozen(args))
      throw this.fail('a call without a tuple of arguments');
    this.spend(cost.call + args.length * cost.item + innerCost(args));
    return run(args as readonly PickleValue[], this.where());
  }

  /** Attributes (`_metadata` of a state_dict, those of objects that are read past) carry no weights and are dropped. */
  private build(): void {
    const state = this.pop();
    const target = this.top();
    const fits =
      target instanceof Map ? state instanceof Map : target instanceof Opaque && target.build(state);
    if (fits) return;
    const what =
      'BUILD sets attributes of something that has none here, which is not allowed in a checkpoint';
    throw this.fail(what, resave);
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
}

/** Its items are not kept. */
class OpenSet extends Opaque {
  constructor() {
    super('a set');
  }
}

const emptyTuple: readonly PickleValue[] = Object.freeze([]);

const resave =
  'Basin reads tensors and plain values only. If you trust the file, load it in Python and save only the weights: torch.save(model.state_dict(), "new.pt").';

/** What Python can hash, near enough: a list or dict inside a tuple is harmless here. */
function isKey(value: PickleValue): boolean {
  return !(value instanceof Map) && (!Array.isArray(value) || Object.isFrozen(value));
}

/** Of what a call may copy of its arguments. */
function innerCost(args: readonly PickleValue[]): number {
  let sum = 0;
  for (const arg of args) {
    if (typeof arg === 'string') sum += 2 * arg.length;
    else if (Array.isArray(arg)) sum += arg.length * cost.item;
    else if (arg instanceof Map) sum += arg.size * cost.item;
  }
  return sum;
}

function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}...` : name);
}
