/** Files that must be refused: by name, with the offset, at once. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTorchBytes, openTorchFile } from '../../../src-main/formats/torch/torch-file.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { dictOps, op, pickle, temporaryFolder, tensorOps, torchZip, zipOf } from './make-files.ts';
import type { TensorClaim, ZipPart } from './make-files.ts';

const folder = temporaryFolder();

function refusal(open: () => unknown): string {
  // Processor time: the wall clock of a busy machine says nothing about the reader.
  const start = process.cpuUsage();
  try {
    open();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(UserError);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(2000);
    return (thrown as UserError).message;
  }
  throw new Error('it was accepted');
}

const refusePickle = (...parts: Uint8Array[]): string =>
  refusal(() => openTorchBytes(torchZip(pickle(...parts)), 'bad.pt'));

describe('pickles that name anything outside the allow-list', () => {
  it('names os.system and the offset', () => {
    const attack = [op.global('os', 'system'), op.text('touch /tmp/owned'), op.tuple1, op.reduce];
    expect(refusePickle(...attack)).toBe(
      'bad.pt: data.pkl, offset 2: the pickle names "os.system", which is not allowed in a checkpoint.',
    );
  });

  it.each([
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['posix', 'system'],
    ['nt', 'system'],
    ['subprocess', 'Popen'],
    ['__builtin__', 'exec'],
    ['torch', 'load'],
    ['torch', '_utils._rebuild_tensor_v2'],
    ['torch.hub', 'load'],
    ['torch', 'FloatStorage.__init__'],
    ['collections', 'OrderedDict.__reduce__'],
    ['numpy.core.multiarray', 'fromstring'],
    ['numpy', 'load'],
    ['functools', 'partial'],
    ['operator', 'attrgetter'],
    ['torch._utils', '_rebuild_xla_tensor'],
    ['torch.serialization', 'load'],
    ['_codecs', 'decode'],
    ['pathlib', 'Path.read_text'],
    ['argparse', 'FileType'],
    ['__proto__', 'x'],
    ['constructor', 'constructor'],
    ['', ''],
    ['builtins', 'open'],
    ['builtins', '__import__'],
  ])('%s.%s as GLOBAL and as STACK_GLOBAL', (module, name) => {
    expect(refusePickle(op.global(module, name))).toContain('is not allowed in a checkpoint');
    expect(refusePickle(op.text(module), op.text(name), op.stackGlobal)).toContain(
      `names "${module}.${name}"`,
    );
  });

  it('refuses a name it knows inside a name that it does not', () => {
    expect(refusePickle(op.none, op.global('os', 'system'), Buffer.from('0'))).toContain('offset 3');
  });
});

describe('opcodes and calls outside the allowed language', () => {
  it.each([
    ['INST', Buffer.from('(ios\nsystem\n')],
    ['OBJ', Buffer.from('(o')],
    ['EXT1', Buffer.from([0x82, 1])],
    ['EXT2', Buffer.from([0x83, 1, 0])],
    ['EXT4', Buffer.from([0x84, 1, 0, 0, 0])],
    ['PERSID', Buffer.from('Pstorage\n')],
    ['NEXT_BUFFER', Buffer.from([0x97])],
    ['READONLY_BUFFER', Buffer.from([0x98])],
    ['BYTEARRAY8', Buffer.from([0x96, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['NEWOBJ_EX', Buffer.from([0x92])],
    ['FROZENSET', Buffer.from([0x91])],
    ['STRING', Buffer.from("S'x'\n")],
    ['INT', Buffer.from('I1\n')],
    ['GET', Buffer.from('g0\n')],
    ['0xff (unknown)', Buffer.from([0xff])],
  ])('refuses %s by name', (name, bytes) => {
    expect(refusePickle(bytes)).toContain(`opcode ${name} is not allowed`);
  });

  it.each([
    [
      'a call of a storage class',
      [op.global('torch', 'FloatStorage'), op.emptyTuple, op.reduce],
      /calls torch\.FloatStorage/,
    ],
    [
      'a call of a string',
      [op.text('os.system'), op.emptyTuple, op.reduce],
      /calls a value that is not a function/,
    ],
    [
      'a call of a call',
      [op.global('torch', 'Size'), op.emptyTuple, op.tuple1, op.reduce, op.emptyTuple, op.reduce],
      /not a function/,
    ],
    ['BUILD on a tensor', [tensorOps(), op.emptyDict, op.build], /BUILD/],
    ['BUILD on a class', [op.global('collections', 'OrderedDict'), op.emptyDict, op.build], /BUILD/],
    ['BUILD on a list', [op.emptyList, op.emptyDict, op.build], /BUILD/],
    ['BUILD with a state tuple', [op.emptyDict, op.none, op.tuple1, op.build], /BUILD/],
    ['BUILD on a set', [Buffer.from([0x8f]), op.emptyDict, op.build], /BUILD/],
    [
      'BUILD of a numpy dtype with an absurd state',
      [
        ...[op.global('numpy', 'dtype'), op.text('f8'), op.tuple1, op.reduce],
        ...[op.none, op.text('?'), Buffer.from([0x86]), op.build],
      ],
      /BUILD/,
    ],
    [
      'a call of a class that is only named',
      [op.global('builtins', 'list'), op.emptyTuple, op.reduce],
      /calls builtins\.list/,
    ],
    ['a call of a dtype', [op.global('torch', 'float32'), op.emptyTuple, op.reduce], /calls torch\.float32/],
    [
      'an object of a class that makes none',
      [op.global('torch', 'FloatTensor'), op.emptyTuple, op.newObject],
      /makes an object of torch\.FloatTensor/,
    ],
    [
      'an object of a string',
      [op.text('os.system'), op.emptyTuple, op.newObject],
      /makes an object of a value that is not a function/,
    ],
    [
      'a tensor rebuilt by something else',
      [
        ...[op.global('torch._tensor', '_rebuild_from_type_v2'), op.mark, op.global('torch', 'device')],
        ...[op.global('torch', 'Tensor'), op.text('cpu'), op.tuple1, op.none, op.tuple, op.reduce],
      ],
      /_rebuild_from_type_v2 was given other arguments/,
    ],
    [
      'a numpy scalar of the wrong length',
      [
        ...[op.global('numpy.core.multiarray', 'scalar'), op.global('numpy', 'dtype'), op.text('f8')],
        ...[op.tuple1, op.reduce, Buffer.from([0x43, 1, 0]), Buffer.from([0x86]), op.reduce],
      ],
      /numpy scalar was given other arguments than 8 bytes/,
    ],
    ['items added to a list', [op.emptyList, op.mark, op.none, Buffer.from([0x90])], /not a set/],
    ['a list in a set', [Buffer.from([0x8f]), op.mark, op.emptyList, Buffer.from([0x90])], /item of a set/],
    ['a list as a dict key', [op.emptyDict, op.emptyList, op.none, op.setItem], /dict key/],
    ['a dict as a dict key', [op.emptyDict, op.emptyDict, op.none, op.setItem], /dict key/],
    ['append to a tuple', [op.emptyTuple, op.none, op.append], /not a list/],
    ['setting a key of a list', [op.emptyList, op.none, op.none, op.setItem], /not a dict/],
    ['reading below a mark', [op.none, op.mark, op.tuple1], /stack is empty/],
    ['a memo that was never written', [op.get(3)], /memo 3/],
    ['two results', [op.none, op.none], /more than one value/],
    [
      'a string longer than the file',
      [Buffer.from([0x58, 255, 255, 255, 127])],
      /2147483647 bytes are announced/,
    ],
    [
      'an 8-byte length',
      [Buffer.from([0x8d, 255, 255, 255, 255, 255, 255, 255, 255])],
      /18446744073709551615 bytes/,
    ],
    ['an endless integer', [Buffer.from([0x8b, 0, 0, 0, 1])], /integer of 16777216 bytes/],
    ['invalid UTF-8', [Buffer.from([0x58, 2, 0, 0, 0, 0xff, 0xfe])], /UTF-8/],
    ['protocol 9', [Buffer.from([0x80, 9])], /protocol 9/],
  ] as [string, Uint8Array[], RegExp][])('refuses %s', (_, parts, message) => {
    expect(refusePickle(...parts)).toMatch(message);
  });

  it('refuses a pickle that is cut short anywhere', () => {
    const whole = pickle(dictOps({ w: tensorOps() }));
    for (let length = 0; length < whole.length; length += 3) {
      expect(refusal(() => openTorchBytes(torchZip(whole.subarray(0, length)), 'cut.pt'))).toMatch(
        /cut\.pt: data\.pkl, offset \d+/,
      );
    }
  });
});

describe('limits', () => {
  it.each([
    ['lists', Buffer.alloc(200_000, ']'), Buffer.alloc(199_999, 'a')],
    ['tuples', Buffer.from(')'), Buffer.alloc(200_000, 0x85)],
  ])('200,000 nested %s', (_, opening, closing) => {
    expect(refusePickle(opening, closing)).toMatch(/nested more than 200 deep/);
  });

  it('300 nested dicts, by their depth', () => {
    const opening = Buffer.concat(Array.from({ length: 300 }, () => Buffer.from('}N')));
    expect(refusePickle(opening, op.none, Buffer.alloc(300, 's'))).toMatch(/nested more than 200 deep/);
  });

  it('200,000 nested dicts, by their memory', () => {
    const opening = Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from('}N')));
    expect(refusePickle(opening, op.none, Buffer.alloc(200_000, 's'))).toMatch(
      /offset \d+: the pickle needs more than 64 MiB of memory/,
    );
  });

  it('a list, and a dict, that contains itself through the memo', () => {
    expect(refusePickle(op.emptyList, op.put(0), op.get(0), op.append)).toMatch(/contains itself/);
    expect(refusePickle(op.emptyDict, op.put(0), op.text('me'), op.get(0), op.setItem)).toMatch(
      /contains itself/,
    );
  });

  it('values that double at every level', () => {
    const levels = Array.from({ length: 40 }, () => [op.put(1), op.get(1), Buffer.from([0x86])]).flat();
    expect(refusePickle(op.emptyList, ...levels)).toMatch(/more than 20000000 values/);
  });

  it('a text that is turned into bytes over and over, by its memory', () => {
    const encode = Buffer.concat([op.global('_codecs', 'encode'), op.get(0), op.text('latin1')]);
    const once = Buffer.concat([encode, Buffer.from([0x86]), op.reduce, Buffer.from('0')]);
    const repeated = Buffer.concat(Array.from({ length: 200 }, () => once));
    expect(refusePickle(op.text('x'.repeat(1_000_000)), op.put(0), repeated)).toMatch(/MiB of memory/);
  });

  it('half a million dicts, and ten million values, by their memory', () => {
    expect(refusePickle(op.mark, Buffer.alloc(500_000, '}'), op.tuple)).toMatch(/MiB of memory/);
    expect(refusePickle(op.mark, Buffer.alloc(10_000_000, 'N'), op.tuple)).toMatch(/MiB of memory/);
  });
});

describe('tensors that do not fit their storage', () => {
  it.each([
    ['too many elements', { shape: [3] }, /needs 3 elements, but its storage "0" holds 2 of float32/],
    ['an offset past the end', { offset: 1 }, /needs 3 elements/],
    ['a negative offset', { offset: -1 }, /negative or absurd size/],
    ['a negative stride', { stride: [-1] }, /negative or absurd stride/],
    ['a negative size', { shape: [-2] }, /negative or absurd size/],
    ['a stride too many', { stride: [1, 1] }, /number of strides/],
    ['an absurd size', { shape: [2 ** 40, 2 ** 40], stride: [0, 0] }, /more elements than any machine/],
    ['an absurd stride', { stride: [2 ** 52] }, /needs 4503599627370497 elements/],
    ['endless repetition', { shape: [2 ** 40], stride: [0] }, /repeats the 2 elements/],
    ['a storage smaller than said', { count: 3 }, /should hold 3 elements of float32, but has 8 bytes/],
    ['another element width', { storageClass: 'DoubleStorage' }, /should hold 2 elements of float64/],
    ['a storage that is not there', { key: '7' }, /storage "7" is not in the file/],
    ['a storage outside the folder', { key: '../data.pkl' }, /is not in the file/],
    ['a key from the prototype', { key: '__proto__' }, /is not in the file/],
  ] as [string, TensorClaim, RegExp][])('%s', (_, claim, message) => {
    expect(refusePickle(dictOps({ w: tensorOps(claim) }))).toMatch(message);
  });

  it('a big-endian file', () => {
    const bytes = torchZip(pickle(dictOps({ w: tensorOps() })), { byteorder: 'big' });
    expect(refusal(() => openTorchBytes(bytes, 'big.pt'))).toMatch(/big\.pt: offset \d+: byte order "big"/);
  });
});

describe('zip containers', () => {
  const tree = pickle(op.emptyDict);
  const good: ZipPart = { name: 'a/data.pkl', bytes: tree };
  const refuseZip = (...parts: ZipPart[]): string => refusal(() => openTorchBytes(zipOf(parts), 'bad.pt'));

  it.each(['../evil', 'a/../../evil', '/etc/passwd', 'a\\..\\evil', 'C:evil', 'a\0b', ''])(
    'refuses the name %j',
    (name) => {
      expect(refuseZip(good, { name, bytes: tree })).toMatch(/zip entry name .* is not allowed/);
    },
  );

  it.each([
    ['two entries of one name', [good, good], /two zip entries have the name "a\/data\.pkl"/],
    ['entries that overlap', [good, { name: 'b', bytes: tree, claim: { offset: 1 } }], /overlaps/],
    ['two entries over the same bytes', [good, { name: 'b', bytes: tree, claim: { offset: 0 } }], /overlaps/],
    [
      'an entry that runs into the directory',
      [{ ...good, claim: { size: 1e6, storedSize: 1e6 } }],
      /overlaps/,
    ],
    ['an entry beyond the file', [{ ...good, claim: { offset: 1e9 } }], /overlaps/],
    ['another local name', [{ ...good, localName: 'a/data.pxl' }], /another name/],
    ['encryption', [{ ...good, claim: { flags: 1 } }], /encrypted/],
    ['an unknown method', [{ ...good, claim: { method: 12 } }], /method 12/],
    ['sizes that differ', [{ ...good, claim: { size: 3 } }], /two sizes differ/],
    ['a wrong checksum of the pickle', [{ ...good, claim: { crc: 7 } }], /checksum/],
    ['no pickle', [{ name: 'a/readme', bytes: tree }], /0 entries "data\.pkl"/],
    ['two pickles', [good, { name: 'b/data.pkl', bytes: tree }], /2 entries "data\.pkl"/],
  ] as [string, ZipPart[], RegExp][])('refuses %s', (_, parts, message) => {
    expect(refuseZip(...parts)).toMatch(message);
  });

  it('refuses a zip bomb by the size that is announced, and one that announces too little', () => {
    const zeros = { name: 'a/data.pkl', bytes: Buffer.alloc(80 * 2 ** 20), deflated: true };
    expect(refuseZip(zeros)).toMatch(/pickle has 83886080 bytes/);
    expect(refuseZip({ ...zeros, claim: { size: 100 } })).toMatch(
      /cannot be inflated to the 100 bytes announced/,
    );
    expect(refuseZip({ name: 'a/data.pkl', bytes: tree, deflated: true, claim: { size: 100 } })).toMatch(
      /inflates to 4 bytes/,
    );
  });

  it('refuses a deflated tensor that would fill the memory', () => {
    const data = pickle(dictOps({ w: tensorOps({ count: 2 ** 28, shape: [2 ** 28] }) }));
    const claim = { size: 2 ** 30 };
    const file = openTorchBytes(
      zipOf([
        { name: 'a/data.pkl', bytes: data },
        { name: 'a/data/0', bytes: tree, deflated: true, claim },
      ]),
    );
    const tensor = (file.root as Map<string, { read(): unknown }>).get('w');
    expect(refusal(() => tensor?.read())).toMatch(/would inflate to 1073741824 bytes/);
  });

  it('refuses a directory that counts more entries than it holds', () => {
    const bytes = zipOf([good]);
    bytes.writeUInt16LE(60000, bytes.length - 12);
    expect(refusal(() => openTorchBytes(bytes))).toMatch(/60000 zip entries cannot fit/);
  });
});

describe('files that are no PyTorch files', () => {
  it('refuses an empty file, a folder, a missing file and a text, naming each', () => {
    const empty = join(folder, 'empty.pt');
    writeFileSync(empty, '');
    expect(refusal(() => openTorchFile(empty))).toBe(
      `${empty}: the file is empty; weights were expected (a file of torch.save or safetensors).`,
    );
    mkdirSync(join(folder, 'folder.pt'));
    expect(refusal(() => openTorchFile(join(folder, 'folder.pt')))).toMatch(
      /folder\.pt: it is a folder; a file was expected/,
    );
    expect(refusal(() => openTorchFile(join(folder, 'none.pt')))).toMatch(/none\.pt: it does not exist/);
    expect(refusal(() => openTorchFile(join(empty, 'x.pt')))).toMatch(/a part of the path is a file/);
    expect(refusal(() => openTorchBytes(Buffer.from('epoch,loss\n1,2\n')))).toMatch(/no zip directory/);
  });

  it('refuses every truncation of a sound file', () => {
    const whole = torchZip(pickle(dictOps({ w: tensorOps() })));
    for (let length = 1; length < whole.length; length += 7) {
      expect(refusal(() => openTorchBytes(whole.subarray(0, length), 'cut.pt'))).toMatch(/^cut\.pt: /);
    }
  });
});
