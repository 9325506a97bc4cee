/** Files that are no weights are told by their bytes and refused by their right name, whatever they are called. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { weightsFixture } from '../../support/fixtures.ts';
import { op, pickle, temporaryFolder, torchZip, zipOf } from './make-files.ts';

const folder = temporaryFolder();
const fixture = (name: string): Buffer => readFileSync(weightsFixture(name));
const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** A tar header of one file. */
function tar(name: string): Buffer {
  const header = Buffer.alloc(1024);
  header.write(name, 0);
  header.write('ustar\0', 257, 'latin1');
  return header;
}

const entries = (...names: string[]): Buffer => zipOf(names.map((name) => ({ name, bytes: text('x') })));
const luaTable = Buffer.from(Int32Array.of(3, 1, 2, 2, 1, 0, 0, 0).buffer);
const luaObject = Buffer.concat([Buffer.from(Int32Array.of(4, 1, 3).buffer), text('V 1'), Buffer.alloc(16)]);
const table = Buffer.alloc(64);
table.writeBigUInt64LE(0xdb4775248b80fb57n, 56);

describe.each(['weights.pt', 'weights.safetensors'])('called %s', (name) => {
  it.each([
    [
      'bare-pickle.pkl',
      fixture('bare-pickle.pkl'),
      /a bare Python pickle/,
      /pickle\.load.*torch\.save|torch\.save\(pickle\.load/,
    ],
    ['a pickle of protocol 0', fixture('bare-pickle-protocol0.pkl'), /a bare Python pickle/, /pickle\.load/],
    [
      'arrays.npz',
      fixture('arrays.npz'),
      /NumPy arrays \(\.npz: weight\.npy, bias\.npy\)/,
      /torch\.from_numpy/,
    ],
    [
      'one array of numpy',
      text('\x93NUMPY\x01\0v\0{}'),
      /a single NumPy array \(\.npy\)/,
      /torch\.from_numpy/,
    ],
    ['Keras, HDF5', text('\x89HDF\r\n\x1a\n\0\0'), /HDF5 .*Keras/, /transpose/],
    ['Keras, zip', entries('metadata.json', 'config.json', 'model.weights.h5'), /a Keras model/, /transpose/],
    [
      'ONNX',
      Buffer.concat([Buffer.from([8, 10, 0x12, 7]), text('pytorch')]),
      /an ONNX model/,
      /numpy_helper/,
    ],
    ['a SavedModel', Buffer.from([8, 1, 0x12, 9, 0]), /TensorFlow SavedModel/, /load_checkpoint/],
    ['a TensorFlow checkpoint', table, /TensorFlow checkpoint/, /load_checkpoint/],
    [
      'Flax',
      Buffer.concat([Buffer.from([0x81, 0xa6]), text('params'), Buffer.from([0x80])]),
      /Flax/,
      /transpose/,
    ],
    ['gzip', gzipSync(fixture('legacy.pt')), /compressed with gzip/, /gunzip/],
    ['7-Zip', text('7z\xbc\xaf\x27\x1c\0'), /7-Zip archive/, /Unpack/],
    [
      'a tar of files',
      tar('checkpoints/a.pt'),
      /tar archive of files \(the first is "checkpoints\/a\.pt"\)/,
      /Unpack/,
    ],
    ['PyTorch of 2016', tar('storages'), /tar format of PyTorch before 0\.1\.10/, /weights_only=False/],
    ['a zip of files', entries('a.pt', 'b.pt'), /0 entries "data\.pkl"/, /Unpack/],
    ['a web page', text('\n <!DOCTYPE html><html>'), /a web page \(HTML\)/, /download again/],
    [
      'a web page, capitals and a byte order mark',
      text('\xef\xbb\xbf<HTML>'),
      /a web page \(HTML\)/,
      /download/,
    ],
    ['an error of a file server', text('<?xml version="1.0"?><Error>'), /an XML document/, /download again/],
    [
      'a pointer of Git LFS',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'),
      /Git LFS pointer/,
      /git lfs pull/,
    ],
    [
      'a pointer of git-annex',
      text('/annex/objects/SHA256E-s1--00.pt\n'),
      /git-annex pointer/,
      /git annex get/,
    ],
    [
      'TorchScript',
      readFileSync(fileURLToPath(new URL('data/torch-script.pt', import.meta.url))),
      /TorchScript/,
      /torch\.jit\.load/,
    ],
    ['torch.package', fixture('torch-package.pt'), /torch\.package/, /PackageImporter/],
    ['torch.export', fixture('torch-export.pt2'), /torch\.export/, /torch\.export\.load/],
    ['Lua Torch, a table', luaTable, /Lua Torch/, /torchfile/],
    ['Lua Torch, an object', luaObject, /Lua Torch/, /torchfile/],
    ['GGUF', text('GGUF\x03\0\0\0'), /GGUF/, /converted from/],
    ['TensorFlow Lite', text('\x1c\0\0\0TFL3'), /TensorFlow Lite/, /load_checkpoint/],
    ['MATLAB', text('MATLAB 5.0 MAT-file, Platform'), /MATLAB/, /loadmat/],
    ['nothing', Buffer.alloc(0), /the file is empty/, /^$/],
  ] as [string, Buffer, RegExp, RegExp][])('%s', (_, bytes, what, advice) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    let thrown: unknown;
    try {
      openCheckpoint(path).close();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(UserError);
    const { message, hint = '' } = thrown as UserError;
    expect(message).toMatch(what);
    expect(message).toContain(path);
    expect(hint).toMatch(advice);
  });
});

describe('what is not mistaken', () => {
  it('a file of torch.save with an odd first entry, and one that holds an empty dict', () => {
    const path = join(folder, 'odd.pt');
    writeFileSync(
      path,
      torchZip(pickle(op.emptyDict), { more: [{ name: 'archive/code', bytes: text('x') }] }),
    );
    expect(() => openCheckpoint(path)).toThrow(/found a dict with the keys/);
  });
});
