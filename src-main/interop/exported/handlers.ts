/** Every operation of PyTorch that is understood, by its name without overload and without the underscore of its in-place form. */
import type { Handler, Handlers } from './call.ts';
import { composed } from './composed.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import { image } from './image.ts';
import { norms } from './norms.ts';
import { pieces } from './pieces.ts';
import { reductions } from './reductions.ts';
import { shapes } from './shapes.ts';

const handlers: Handlers = {
  ...composed,
  ...creation,
  ...elementwise,
  ...image,
  ...norms,
  ...pieces,
  ...reductions,
  ...shapes,
};

export const handlerOf = (operation: string): Handler | undefined =>
  Object.hasOwn(handlers, operation) ? handlers[operation] : undefined;

export const supportedOperations = Object.keys(handlers).toSorted();

/** They say something about values, and make none. */
const idle = new Set([
  '_assert_tensor_metadata',
  '_assert_scalar',
  '_assert_async',
  'sym_constrain_range_for_size',
]);
export const isIdle = (operation: string): boolean => idle.has(operation);

export interface Target {
  kind: 'aten' | 'python' | 'other';
  operation: string;
  overload: string;
  /** `relu_`: what it takes is changed in place. */
  inPlace: boolean;
}

/** `torch.ops.aten.relu_.default` */
export function targetOf(target: string): Target {
  const aten = /^torch\.ops\.aten\.(\w+)\.(\w+)$/.exec(target);
  if (aten) {
    const [, name, overload] = aten as unknown as [string, string, string];
    const inPlace = /[^_]_$/.test(name) && name !== 'detach_';
    return { kind: 'aten', operation: name.replace(/([^_])_$/, '$1'), overload, inPlace };
  }
  const python = /^_operator\.(\w+)$/.exec(target);
  return python
    ? { kind: 'python', operation: python[1]!, overload: 'python', inPlace: false }
    : { kind: 'other', operation: target, overload: '', inPlace: false };
}
