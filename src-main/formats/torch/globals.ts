/**
 * The allow-list: every Python name that a .pt file may mention. Anything else is refused, whatever it is. It has what
 * `torch.load(weights_only=True)` takes (torch/_weights_only_unpickler.py of PyTorch 2.15), and a few containers that
 * trainers put beside their weights. None of the functions here does more than build a plain value.
 */
import { elementTypes, storageClasses } from './element-types.ts';
import { numpyArray, numpyDType, numpyScalar, numpyTensor } from './numpy-values.ts';
import { Opaque, OpaqueObject } from './opaque.ts';
import {
  isNumbers,
  otherTensor,
  rebuildDeviceTensor,
  rebuildFromType,
  rebuildParameter,
  rebuildTensor,
  rebuildTensorV3,
  wrong,
} from './rebuild.ts';
import { AllowedGlobal } from './values.ts';
import type { GlobalOptions, PickleValue, PythonCall } from './values.ts';

/** By module, then name: "torch" with "Size.x" is not "torch.Size" with "x". */
const allowed = new Map<string, Map<string, AllowedGlobal>>();

/** Looks a name up in the list. Nothing is imported or resolved, here or elsewhere. */
export function findAllowed(module: string, name: string): AllowedGlobal | undefined {
  // Python 2 and pickles of protocol 2 have the old name.
  return allowed.get(module === '__builtin__' ? 'builtins' : module)?.get(name);
}

function allow(module: string, names: string | readonly string[], options: GlobalOptions = {}): void {
  const known = allowed.get(module) ?? new Map<string, AllowedGlobal>();
  for (const name of typeof names === 'string' ? [names] : names)
    known.set(name, new AllowedGlobal(module, name, options));
  allowed.set(module, known);
}

const newDict: PythonCall = () => new Map();

const orderedDict: PythonCall = (args, describe) => {
  if (args.length === 0) return new Map();
  const pairs = args[0];
  if (args.length !== 1 || !Array.isArray(pairs))
    throw wrong(describe, 'OrderedDict', 'no argument or a list of pairs');
  const map = new Map<PickleValue, PickleValue>();
  for (const pair of pairs as PickleValue[]) {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong(describe, 'OrderedDict', 'a list of pairs');
    const [key, value] = pair as [PickleValue, PickleValue];
    if (typeof key !== 'string' && typeof key !== 'number')
      throw wrong(describe, 'OrderedDict', 'keys that are strings or ints');
    map.set(key, value);
  }
  return map;
};

const counter: PythonCall = (args, describe) => {
  const [counts] = args;
  if (args.length === 0) return new Map();
  if (args.length !== 1 || !(counts instanceof Map)) throw wrong(describe, 'Counter', 'a dict');
  return new Map(counts);
};

const defaultDict: PythonCall = (args, describe) => {
  const [factory] = args;
  if (args.length > 1 || !(factory == null || factory instanceof AllowedGlobal))
    throw wrong(describe, 'defaultdict', 'a class or None');
  return new Map();
};

const torchSize: PythonCall = (args, describe) => {
  const [shape] = args;
  if (args.length !== 1 || !isNumbers(shape)) throw wrong(describe, 'torch.Size', 'one tuple of ints');
  return Object.freeze([...shape]);
};

const torchDevice: PythonCall = (args, describe) => {
  const [kind, index] = args;
  if (typeof kind !== 'string' || args.length > 2 || (args.length === 2 && typeof index !== 'number'))
    throw wrong(describe, 'torch.device', 'a name and possibly an index');
  return args.length === 2 ? `${kind}:${String(index)}` : kind;
};

/** encode(text, 'latin1'): how pickles of protocol 2 hold bytes. */
const encode: PythonCall = (args, describe) => {
  const [text, encoding] = args;
  if (args.length !== 2 || typeof text !== 'string' || !/^latin-?1$/.test(String(encoding)))
    throw wrong(describe, '_codecs.encode', 'a text and "latin1"');
  return latin1(text, describe);
};

/** bytearray(), bytearray(bytes) or bytearray(text, 'latin-1'); bytes() likewise. */
const byteArray: PythonCall = (args, describe) => {
  const [value, encoding] = args;
  if (args.length === 0) return new Uint8Array(0);
  if (args.length === 1 && value instanceof Uint8Array) return value;
  if (args.length === 2 && typeof value === 'string' && /^latin-?1$/.test(String(encoding)))
    return latin1(value, describe);
  throw wrong(describe, 'bytearray', 'bytes, or a text and "latin-1"');
};

function latin1(text: string, describe: string): Uint8Array {
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) > 255) throw wrong(describe, '_codecs.encode', 'characters of latin1');
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

const inert = (what: string): PythonCall => {
  const value = new Opaque(what);
  return () => value;
};

allow('collections', 'OrderedDict', { call: orderedDict, create: newDict });
allow('collections', 'Counter', { call: counter, create: newDict });
allow('collections', 'defaultdict', { call: defaultDict });
allow('builtins', 'set', { call: inert('a set') });
allow('builtins', 'frozenset', { call: inert('a set') });
allow('builtins', 'complex', { call: inert('a complex number') });
allow('builtins', ['bytearray', 'bytes'], { call: byteArray });
// Factories of a defaultdict: named, never called.
allow('builtins', ['int', 'float', 'bool', 'str', 'list', 'dict', 'tuple']);
allow('_codecs', 'encode', { call: encode });

allow('torch', 'Size', { call: torchSize });
allow('torch', 'device', { call: torchDevice });
allow('torch', 'Tensor');
allow('torch.nn.parameter', 'Parameter');
allow('torch.serialization', '_get_layout', { call: inert('a tensor layout') });
for (const [name, element] of elementTypes) allow('torch', name, { element });
for (const [name, element] of storageClasses)
  for (const module of ['torch', 'torch.cuda']) allow(module, name, { element });
allow('torch.storage', 'UntypedStorage', { element: elementTypes.get('uint8')! });
allow('torch.storage', 'TypedStorage');
const elements = ['Double', 'Float', 'Half', 'BFloat16', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool'];
for (const module of ['torch', 'torch.cuda', 'torch.sparse', 'torch.cuda.sparse'])
  allow(
    module,
    elements.map((element) => `${element}Tensor`),
  );
for (const kind of ['tensor_affine', 'tensor_symmetric', 'channel_affine', 'channel_symmetric'])
  allow('torch', `per_${kind}`);
allow('torch', 'per_channel_affine_float_qparams');

allow('torch._utils', ['_rebuild_tensor', '_rebuild_tensor_v2'], { call: rebuildTensor });
allow('torch._utils', '_rebuild_tensor_v3', { call: rebuildTensorV3 });
allow('torch._utils', ['_rebuild_parameter', '_rebuild_parameter_with_state'], { call: rebuildParameter });
allow('torch._utils', '_rebuild_sparse_tensor', {
  call: otherTensor('a sparse tensor', 'tensor.to_dense()'),
});
allow('torch._utils', '_rebuild_qtensor', {
  call: otherTensor('a quantized tensor', 'tensor.dequantize()'),
});
allow('torch._utils', '_rebuild_meta_tensor_no_storage', {
  call: otherTensor(
    'a tensor of the "meta" device, which has no elements',
    'model.state_dict() once the weights are loaded',
  ),
});
allow('torch._utils', '_rebuild_wrapper_subclass', {
  call: otherTensor('a tensor of a custom class', 'torch.Tensor(tensor)'),
});
allow('torch._utils', '_rebuild_device_tensor_from_cpu_tensor', { call: rebuildDeviceTensor });
allow('torch._utils', '_rebuild_device_tensor_from_numpy', { call: numpyTensor });
allow('torch._tensor', '_rebuild_from_type_v2', { call: rebuildFromType });

allow('numpy', 'dtype', { call: numpyDType });
allow('numpy', 'ndarray');
for (const module of ['numpy.core.multiarray', 'numpy._core.multiarray']) {
  allow(module, 'scalar', { call: numpyScalar });
  allow(module, '_reconstruct', { call: numpyArray });
}

// What trainers save beside the weights: hyperparameters of PyTorch Lightning, arguments of a script, paths.
for (const lightning of ['pytorch_lightning.utilities.parsing', 'lightning.pytorch.utilities.parsing'])
  allow(lightning, 'AttributeDict', { call: newDict, create: newDict });
for (const fabric of ['lightning_fabric.utilities.data', 'lightning.fabric.utilities.data'])
  allow(fabric, 'AttributeDict', { call: newDict, create: newDict });
allow('argparse', 'Namespace', { create: () => new OpaqueObject('an argparse.Namespace') });
for (const module of ['pathlib', 'pathlib._local'])
  allow(module, ['PosixPath', 'WindowsPath', 'PurePosixPath', 'PureWindowsPath'], { call: inert('a path') });
