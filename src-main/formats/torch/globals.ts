/** The allow-list: every Python name that a .pt file may mention. Anything else is refused, whatever it is. */
import { UserError } from '../../../src-shared/errors.ts';
import type { DType } from '../dtype.ts';
import { LazyTensor, lazyTensor } from '../tensor.ts';
import { AllowedGlobal, StorageReference } from './values.ts';
import type { PickleValue } from './values.ts';

const storageClasses: Record<string, DType> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  UntypedStorage: 'uint8',
};

/** By module, then name: "torch" with "Size.x" is not "torch.Size" with "x". */
const allowed = new Map<string, Map<string, AllowedGlobal>>();
allow('collections', 'OrderedDict', { call: orderedDict });
allow('torch', 'Size', { call: torchSize });
allow('torch', 'device', { call: torchDevice });
allow('torch._utils', '_rebuild_tensor_v2', { call: rebuildTensor });
allow('torch._utils', '_rebuild_parameter', { call: rebuildParameter });
allow('torch.storage', 'UntypedStorage', { dtype: 'uint8' });
for (const [name, dtype] of Object.entries(storageClasses)) allow('torch', name, { dtype });

/** Looks a name up in the list. Nothing is imported or resolved, here or elsewhere. */
export function findAllowed(module: string, name: string): AllowedGlobal | undefined {
  return allowed.get(module)?.get(name);
}

function allow(module: string, name: string, options: { call?: AllowedGlobal['call']; dtype?: DType }): void {
  const names = allowed.get(module) ?? new Map<string, AllowedGlobal>();
  allowed.set(module, names.set(name, new AllowedGlobal(module, name, options)));
}

function orderedDict(args: readonly PickleValue[], describe: string): PickleValue {
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
}

function torchSize(args: readonly PickleValue[], describe: string): PickleValue {
  const [shape] = args;
  if (args.length !== 1 || !isNumbers(shape)) throw wrong(describe, 'torch.Size', 'one tuple of ints');
  return Object.freeze([...shape]);
}

function torchDevice(args: readonly PickleValue[], describe: string): PickleValue {
  const [kind, index] = args;
  if (typeof kind !== 'string' || args.length > 2 || (args.length === 2 && typeof index !== 'number')) {
    throw wrong(describe, 'torch.device', 'a name and possibly an index');
  }
  return args.length === 2 ? `${kind}:${String(index)}` : kind;
}

/** Arguments (storage, storage_offset, size, stride, requires_grad, backward_hooks[, metadata]); torch/_utils.py. */
function rebuildTensor(args: readonly PickleValue[], describe: string): PickleValue {
  const [reference, storageOffset, shape, stride] = args;
  const fits =
    args.length >= 4 &&
    args.length <= 7 &&
    reference instanceof StorageReference &&
    typeof storageOffset === 'number' &&
    isNumbers(shape) &&
    isNumbers(stride);
  if (!fits) throw wrong(describe, '_rebuild_tensor_v2', '(storage, storage offset, shape, stride, ...)');
  const layout = { shape: [...shape], stride: [...stride], storageOffset };
  return lazyTensor(reference.dtype, reference.storage, layout, describe);
}

function rebuildParameter(args: readonly PickleValue[], describe: string): PickleValue {
  const [data] = args;
  if (args.length !== 3 || !(data instanceof LazyTensor))
    throw wrong(describe, '_rebuild_parameter', '(tensor, requires_grad, hooks)');
  return data;
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function wrong(describe: string, name: string, expected: string): UserError {
  return new UserError(`${describe}: ${name} was given other arguments than ${expected}.`);
}
