/** What a file is, told from its first bytes and not from its name: weights that Basin reads, or another format by name. */
import { UserError } from '../../src-shared/errors.ts';
import type { ByteSource } from './source.ts';

/** A format that holds no weights in a form that Basin reads. */
export interface ForeignFormat {
  /** With an article: "a web page". */
  what: string;
  /** What to do about it. */
  hint: string;
}

export type FileKind =
  /** `zip`: of torch.save, unless the names of its entries say otherwise. */
  | { kind: 'zip' }
  | { kind: 'torch-legacy' }
  | { kind: 'safetensors' }
  | ({ kind: 'foreign' } & ForeignFormat);

const lookedAt = 1024;

/** Undefined for bytes that say nothing. */
export function kindOfFile(source: ByteSource): FileKind | undefined {
  const head = Buffer.from(source.read(0, Math.min(source.size, lookedAt)));
  const starts = (...bytes: number[]): boolean => head.subarray(0, bytes.length).equals(Buffer.from(bytes));
  if (starts(0x50, 0x4b, 3, 4) || starts(0x50, 0x4b, 5, 6)) return { kind: 'zip' };
  // The first pickle of the older format is a number and nothing else; protocol 4 puts a frame before it.
  if (head[0] === 0x80 && head.subarray(0, 40).includes(legacyMagic)) return { kind: 'torch-legacy' };
  if (isSafetensors(head, source.size)) return { kind: 'safetensors' };
  const foreign = foreignBytes(head, source) ?? foreignText(head);
  return foreign && { kind: 'foreign', ...foreign };
}

/** @throws UserError for a format that is known and not read */
export function refuseForeign(source: ByteSource, kind: FileKind | undefined): void {
  if (source.size === 0)
    throw new UserError(
      `${source.name}: the file is empty; weights were expected (a file of torch.save or safetensors).`,
    );
  if (kind?.kind === 'foreign') throw new UserError(`${source.name}: ${kind.what}.`, { hint: kind.hint });
}

/** LONG1 of 10 bytes, torch/serialization.py's MAGIC_NUMBER, and STOP. */
const legacyMagic = Buffer.from([0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]);

function isSafetensors(head: Buffer, size: number): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false;
  const length = head.readBigUInt64LE();
  return length >= 2n && length <= BigInt(size - 8);
}

const transposed =
  'Kernels of Keras and Flax have inputs before outputs, PyTorch the other way round: transpose them.';

function foreignBytes(head: Buffer, source: ByteSource): ForeignFormat | undefined {
  const text = (from: number, to: number): string => head.toString('latin1', from, to);
  if (text(0, 8) === '\x89HDF\r\n\x1a\n')
    return {
      what: 'an HDF5 file, such as Keras weights (.h5)',
      hint: `Convert it in Python: read the arrays (h5py or keras), and torch.save them as a dict of tensors by name. ${transposed}`,
    };
  if (text(0, 6) === '\x93NUMPY')
    return {
      what: 'a single NumPy array (.npy)',
      hint: 'Convert it in Python: torch.save({"fc1.weight": torch.from_numpy(numpy.load("x.npy")), ...}, "weights.pt"), with one entry for each tensor.',
    };
  if (text(257, 262) === 'ustar') return tarArchive(text(0, 100).split('\0')[0]!);
  if (head[0] === 0x80 && head[1]! <= 5) return barePickle;
  // Protocol 0, in text: (dp0 or ccollections\nOrderedDict\n
  if (/^(?:\([dl]p?\d+\n|c[\w.]+\n\w+\n)/.test(text(0, 80))) return barePickle;
  if (isLuaTorch(head))
    return {
      what: 'a Lua Torch (Torch7) file, not a PyTorch file',
      hint: 'Read it in Python with the package torchfile, and torch.save the tensors as a dict by name.',
    };
  if (isMessagePack(head))
    return {
      what: 'MessagePack, such as Flax weights',
      hint: `Convert it in Python: flax.serialization.msgpack_restore(open("x.msgpack", "rb").read()), then torch.save the arrays as a dict of tensors by name. ${transposed}`,
    };
  if (head[0] === 8 && head[1]! >= 1 && head[1]! <= 30 && (head[2] === 0x12 || head[2] === 0x3a))
    return head[1] === 1 ? tensorflow('a TensorFlow SavedModel') : onnx;
  if (source.size >= 48 && isTensorflowTable(source))
    return tensorflow('the index of a TensorFlow checkpoint');
  return binaryNames.find(({ at, magic }) => text(at, at + magic.length) === magic)?.format ?? packed(head);
}

const barePickle: ForeignFormat = {
  what: 'a bare Python pickle: torch.save would have put its magic number at offset 0 (torch.load does not read the file either)',
  hint: 'If you trust the file, save what it holds with torch: import pickle, torch; torch.save(pickle.load(open("weights.pkl", "rb")), "weights.pt"), with your own file names.',
};

const onnx: ForeignFormat = {
  what: 'an ONNX model',
  hint: 'Save the weights in Python: torch.save({w.name: torch.from_numpy(onnx.numpy_helper.to_array(w).copy()) for w in onnx.load("model.onnx").graph.initializer}, "weights.pt").',
};

function tensorflow(what: string): ForeignFormat {
  return {
    what,
    hint: `Convert it in Python: read the variables (tf.train.load_checkpoint), and torch.save them as a dict of tensors by name. ${transposed}`,
  };
}

function tarArchive(first: string): ForeignFormat {
  // PyTorch before 0.1.10: entries sys_info, pickle, storages, tensors.
  if (/^(\.\/)?(sys_info|pickle|storages|tensors)$/.test(first))
    return {
      what: 'the tar format of PyTorch before 0.1.10',
      hint: 'Load it in Python and save it again, if you trust it: torch.save(torch.load("old.pt", map_location="cpu", weights_only=False), "new.pt").',
    };
  return {
    what: `a tar archive of files${first === '' ? '' : ` (the first is ${JSON.stringify(first)})`}`,
    hint: 'Unpack it (tar -xf) and choose a file in it. A .pth.tar file is usually not a tar archive, but this one is.',
  };
}

const binaryNames: { at: number; magic: string; format: ForeignFormat }[] = [
  {
    at: 0,
    magic: 'GGUF',
    format: { what: 'a GGUF model', hint: 'Use the weights it was converted from.' },
  },
  { at: 4, magic: 'TFL3', format: tensorflow('a TensorFlow Lite model') },
  {
    at: 0,
    magic: 'MATLAB 5.0 MAT-file',
    format: {
      what: 'a MATLAB file (.mat)',
      hint: 'Convert it in Python: torch.save({k: torch.as_tensor(v) for k, v in scipy.io.loadmat("x.mat").items() if k[0] != "_"}, "weights.pt").',
    },
  },
];

function packed(head: Buffer): ForeignFormat | undefined {
  const kinds: [string, string, string][] = [
    ['\x1f\x8b\b', 'compressed with gzip', 'gunzip'],
    ['BZh', 'compressed with bzip2', 'bunzip2'],
    ['\xfd7zXZ\0', 'compressed with xz', 'unxz'],
    ['\x28\xb5\x2f\xfd', 'compressed with zstd', 'unzstd'],
    ['7z\xbc\xaf\x27\x1c', 'a 7-Zip archive', '7z x'],
    ['Rar!\x1a\x07', 'a RAR archive', 'unrar x'],
  ];
  const found = kinds.find(([magic]) => head.toString('latin1', 0, magic.length) === magic);
  return found && { what: found[1], hint: `Unpack it first: ${found[2]} FILE.` };
}

/** Type 4 (an object) or 3 (a table), index 1; an object then has its version, "V 1". */
function isLuaTorch(head: Buffer): boolean {
  if (head.length < 16 || head.readUInt32LE(4) !== 1) return false;
  const type = head.readUInt32LE(0);
  return (type === 4 && head.toString('latin1', 8, 15) === '\x03\0\0\0V 1') || (type === 3 && head[12]! <= 8);
}

/** A map whose first key is a short text of letters. */
function isMessagePack(head: Buffer): boolean {
  const first = head[0]!;
  const at = first > 0x80 && first <= 0x8f ? 1 : first === 0xde ? 3 : undefined;
  const length = at === undefined ? 0 : head[at]! - 0xa0;
  return length > 0 && length < 32 && /^\w+$/.test(head.toString('latin1', at! + 1, at! + 1 + length));
}

/** The last 8 bytes of a LevelDB table. */
function isTensorflowTable(source: ByteSource): boolean {
  return Buffer.from(source.read(source.size - 8, 8)).readBigUInt64LE() === 0xdb4775248b80fb57n;
}

function foreignText(head: Buffer): ForeignFormat | undefined {
  const text = head
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (text.startsWith('version https://git-lfs.github.com/spec/'))
    return {
      what: 'a Git LFS pointer instead of the file itself',
      hint: 'Fetch the file: git lfs pull (in the repository it comes from).',
    };
  if (/^(\.\.\/)*(\.git|\/)\/?annex\/objects\//.test(text))
    return {
      what: 'a git-annex pointer instead of the file itself',
      hint: 'Fetch the file: git annex get FILE.',
    };
  if (/^(<!doctype html|<html|<head|<!--)/i.test(text))
    return {
      what: 'a web page (HTML) instead of the file itself',
      hint: 'The download returned a page, such as a login or an error, instead of the file. Open it in a browser to see it, and download again.',
    };
  if (/^<\?xml|^<Error>/.test(text))
    return {
      what: 'an XML document, such as an error message from a file server, instead of the file itself',
      hint: 'Open it in an editor to see what the server said, and download again.',
    };
  return undefined;
}
