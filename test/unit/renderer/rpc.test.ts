import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  connect,
  decodeMessage,
  encodeMessage,
  type ClientMessage,
  type ServerMessage,
} from '../../../src-shared/rpc.ts';

const arrays = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.float32Array({ maxLength: 9, noNaN: true }),
  fc.float64Array({ maxLength: 9, noNaN: true }),
  fc.int32Array({ maxLength: 9 }),
);

describe('a message as bytes', () => {
  it('comes back as it was, typed arrays included, from any offset of a larger buffer', () => {
    const value = fc.dictionary(
      fc.stringMatching(/^[a-zα]{1,5}$/),
      fc.oneof(arrays, fc.string(), fc.integer(), fc.constant(null), fc.array(arrays, { maxLength: 3 })),
    );
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 9 }), (given, offset) => {
        const message = { type: 'response', id: 1, value: { ...given } } as const;
        const bytes = encodeMessage(message);
        const chunk = new Uint8Array(bytes.length + offset);
        chunk.set(bytes, offset);
        expect(decodeMessage(chunk.subarray(offset))).toEqual(message);
      }),
    );
  });

  it('takes a Node Buffer for the bytes that it is', () => {
    const response = (bytes: Uint8Array) =>
      ({ type: 'response', id: 1, value: { files: [{ bytes }] } }) as const;
    const bytes = Buffer.from([0, 1, 254, 255]);
    expect(decodeMessage(encodeMessage(response(bytes)))).toEqual(response(Uint8Array.from(bytes)));
    expect(encodeMessage(response(bytes))).toEqual(encodeMessage(response(Uint8Array.from(bytes))));
  });

  it('refuses arrays that the other side could not read', () => {
    const message = { type: 'response', id: 1, value: { steps: new BigInt64Array(2) } } as const;
    expect(() => encodeMessage(message)).toThrow('a BigInt64Array cannot be encoded');
  });

  it('is refused or read, but never crashes, when bytes are damaged', () => {
    const whole = encodeMessage({ type: 'response', id: 1, value: { a: new Float64Array([1, 2, 3]) } });
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255), (length, at, byte) => {
        const damaged = whole.slice(0, length);
        if (at < damaged.length) damaged[at] = byte;
        try {
          decodeMessage(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe('a client', () => {
  function pair() {
    const sent: ClientMessage[] = [];
    let take: (message: ServerMessage) => void = () => undefined;
    let end: (reason: string) => void = () => undefined;
    const client = connect({
      send: (message) => void sent.push(message),
      onMessage: (listener) => void (take = listener),
      onClose: (listener) => void (end = listener),
      close: () => undefined,
    });
    return { client, sent, take: (message: ServerMessage) => take(message), end: (why: string) => end(why) };
  }

  it('gives each response to its own call, in any order, and ignores strangers', async () => {
    const { client, sent, take } = pair();
    const [one, two] = [client.call('jobs.list', {}), client.call('runs.list', {})];
    take({ type: 'response', id: 99, value: 'nobody asked' });
    take({ type: 'response', id: sent[1]!.id, value: 'second' });
    take({ type: 'response', id: sent[0]!.id, value: 'first' });
    expect(await Promise.all([one, two])).toEqual(['first', 'second']);
  });

  it('fails what is pending, and what comes after, with the reason of the end', async () => {
    const { client, end } = pair();
    const pending = client.call('jobs.list', {});
    const reasons: string[] = [];
    client.onClose((reason) => reasons.push(reason));
    end('The engine was stopped.');
    end('again');
    await expect(pending).rejects.toMatchObject({ kind: 'closed', message: 'The engine was stopped.' });
    await expect(client.call('jobs.list', {})).rejects.toMatchObject({ kind: 'closed' });
    expect(reasons).toEqual(['The engine was stopped.']);
  });
});
