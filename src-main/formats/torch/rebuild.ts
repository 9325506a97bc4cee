/** The functions of torch/_utils.py that make a tensor out of a storage, as far as Basin reads such tensors. */
import { UserError } from '../../../src-shared/errors.ts';
import { LazyTensor, lazyTensor } from '../tensor.ts';
import { isOpaqueTensor, opaqueTensor } from './opaque.ts';
import type { Opaque } from './opaque.ts';
import { AllowedGlobal, StorageReference } from './values.ts';
import type { ElementType, PickleValue, PythonCall } from './values.ts';

/** (storage, storage offset, size, stride[, requires_grad, hooks[, metadata]]); versions 1 and 2. */
export const rebuildTensor: PythonCall = (args, describe) => {
  const [reference] = args;
  if (args.length < 4 || args.length > 7 || !(reference instanceof StorageReference))
    throw wrong(describe, '_rebuild_tensor_v2', tensorArguments);
  return viewOf(reference, reference.element, args, args[6], describe);
};

/** Version 3 names the dtype, because its storage is only bytes. */
export const rebuildTensorV3: PythonCall = (args, describe) => {
  const [reference, , , , , , type] = args;
  const element = type instanceof AllowedGlobal ? type.element : undefined;
  if (args.length < 7 || args.length > 8 || !(reference instanceof StorageReference) || !element)
    throw wrong(describe, '_rebuild_tensor_v3', `${tensorArguments} and a dtype`);
  return viewOf(reference, element, args, args[7], describe);
};

/** (tensor, requires_grad, hooks[, state]): the tensor. */
export const rebuildParameter: PythonCall = (args, describe) => {
  const [data] = args;
  if (args.length < 3 || args.length > 4 || !isTensor(data))
    throw wrong(describe, '_rebuild_parameter', '(tensor, requires_grad, hooks)');
  return data;
};

/** (function, class, arguments, state): a tensor with attributes, which carry no weights. */
export const rebuildFromType: PythonCall = (args, describe) => {
  const [rebuild, type, inner] = args;
  const fits =
    args.length === 4 &&
    rebuild instanceof AllowedGlobal &&
    rebuild.name.startsWith('torch._utils._rebuild_') &&
    rebuild.call !== undefined &&
    type instanceof AllowedGlobal &&
    Array.isArray(inner);
  if (!fits) throw wrong(describe, '_rebuild_from_type_v2', '(function, class, arguments, state)');
  return rebuild.call(inner as readonly PickleValue[], describe);
};

/** (tensor on the CPU, dtype, device, requires_grad): of accelerators that PyTorch has no storages for. */
export const rebuildDeviceTensor: PythonCall = (args, describe) => {
  const [data, type] = args;
  const element = type instanceof AllowedGlobal ? type.element : undefined;
  if (args.length !== 4 || !isTensor(data) || !element)
    throw wrong(describe, '_rebuild_device_tensor_from_cpu_tensor', '(tensor, dtype, device, requires_grad)');
  if (data instanceof LazyTensor && data.dtype !== element.dtype)
    return opaqueTensor(`a ${data.dtype} tensor to be converted to ${element.name}`, 'tensor.cpu()');
  return data;
};

/** Tensors without a dense, real, stored array of elements behind them. */
export function otherTensor(what: string, advice: string): PythonCall {
  return () => opaqueTensor(what, advice);
}

function viewOf(
  { storage }: StorageReference,
  { name, dtype }: ElementType,
  [, storageOffset, shape, stride]: readonly PickleValue[],
  metadata: PickleValue | undefined,
  describe: string,
): LazyTensor | Opaque {
  if (typeof storageOffset !== 'number' || !isNumbers(shape) || !isNumbers(stride))
    throw wrong(describe, '_rebuild_tensor', tensorArguments);
  if (dtype === undefined) return opaqueTensor(`a tensor of dtype ${name}`, adviceFor(name));
  // The bit of torch.Tensor.neg(): the stored elements have the other sign.
  if (metadata instanceof Map && (metadata.get('neg') === true || metadata.get('conj') === true))
    return opaqueTensor('a lazily negated tensor', 'tensor.resolve_neg()');
  const layout = { shape: [...shape], stride: [...stride], storageOffset };
  return lazyTensor(dtype, storage, layout, describe);
}

const tensorArguments = '(storage, storage offset, shape, stride, ...)';

function adviceFor(element: string): string {
  if (element.includes('complex')) return 'torch.view_as_real(tensor)';
  return /^qu?int/.test(element) ? 'tensor.dequantize()' : 'tensor.to(torch.float32)';
}

function isTensor(value: unknown): value is LazyTensor | Opaque {
  return value instanceof LazyTensor || isOpaqueTensor(value);
}

export function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

export function wrong(describe: string, name: string, expected: string): UserError {
  return new UserError(`${describe}: ${name} was given other arguments than ${expected}.`);
}
