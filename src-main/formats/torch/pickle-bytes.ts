/** The bytes of a pickle as they are gone through: numbers, texts, and a budget of memory for what they make. */
import { isUtf8 } from 'node:buffer';
import { UserError } from '../../../src-shared/errors.ts';

/** Estimated bytes that all values of one pickle may take. */
const memoryBudget = 64 * 2 ** 20;
export const cost = { value: 16, tuple: 64, list: 96, dict: 256, item: 64, memo: 48, call: 256 };
const longestInteger = 256;

/** The bytes given end before the pickle does; with more of the file it may be sound. */
export class PickleCutShort extends UserError {}

export class PickleBytes {
  protected readonly bytes: Buffer;
  protected at = 0;
  /** Offset of the opcode being carried out. */
  protected start = 0;
  private readonly name: string;
  /** Where in the file `bytes` begin. */
  private readonly base: number;
  private spent = 0;
  private readonly budget: number;

  /** @param budget estimated bytes that all values may take */
  constructor(bytes: Uint8Array, name: string, base: number, budget = memoryBudget) {
    this.budget = budget;
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.name = name;
    this.base = base;
  }

  protected opcode(): number {
    this.start = this.at;
    if (this.at >= this.bytes.length) throw this.cutShort('the pickle ends without STOP: it is cut short');
    return this.bytes[this.at++]!;
  }

  protected u8(): number {
    return this.bytes[this.take(1)]!;
  }

  protected u16(): number {
    return this.bytes.readUInt16LE(this.take(2));
  }

  protected i32(): number {
    return this.bytes.readInt32LE(this.take(4));
  }

  protected u32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  protected float64(): number {
    return this.bytes.readDoubleBE(this.take(8));
  }

  protected length64(): number {
    const length = this.bytes.readBigUInt64LE(this.take(8));
    if (length > BigInt(this.bytes.length - this.at)) throw this.announced(length);
    return Number(length);
  }

  /** Moves past `length` bytes and returns where they begin. With `consume` 0 it only checks that they exist. */
  protected take(length: number, consume = length): number {
    const from = this.at;
    if (from + length > this.bytes.length) throw this.announced(length);
    this.at += consume;
    return from;
  }

  protected text(length: number): string {
    const from = this.take(length);
    this.spend(2 * length);
    const value = this.bytes.toString('utf8', from, from + length);
    if (value.includes('\uFFFD') && Buffer.byteLength(value) !== length)
      throw this.fail('a string is not valid UTF-8');
    return value;
  }

  /** A string of Python 2: a text, or bytes if it is not UTF-8. */
  protected bytesOrText(length: number): string | Uint8Array {
    const from = this.at;
    if (from + length <= this.bytes.length && !isUtf8(this.bytes.subarray(from, from + length)))
      return this.blob(length);
    return this.text(length);
  }

  protected blob(length: number): Uint8Array {
    const from = this.take(length);
    this.spend(cost.tuple + length);
    return new Uint8Array(this.bytes.subarray(from, from + length));
  }

  protected line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0 || end - this.at > 1000) throw this.fail('a module or class name does not end');
    const value = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return value;
  }

  /** A little-endian two's complement integer of any length. */
  protected integer(length: number): number | bigint {
    if (length < 0 || length > longestInteger) throw this.fail(`an integer of ${length} bytes is absurd`);
    const from = this.take(length);
    if (length === 0) return 0;
    let value = 0n;
    for (let i = from + length - 1; i >= from; i--) value = (value << 8n) | BigInt(this.bytes[i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  protected spend(amount: number): void {
    this.spent += amount;
    if (this.spent > this.budget)
      throw this.fail(`the pickle needs more than ${Math.round(this.budget / 2 ** 20)} MiB of memory`);
  }

  protected where(): string {
    return `${this.name}, offset ${this.base + this.start}`;
  }

  protected fail(why: string, hint?: string): UserError {
    return new UserError(`${this.where()}: ${why}.`, hint === undefined ? {} : { hint });
  }

  private announced(length: number | bigint): UserError {
    return this.cutShort(`${length} bytes are announced, but the pickle ends before`);
  }

  private cutShort(why: string): UserError {
    return new PickleCutShort(`${this.where()}: ${why}.`);
  }
}
