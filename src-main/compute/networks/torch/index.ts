/** Every call of an exported network but `parameter`, which needs no computing. */
import type { TorchCall } from '../../../../src-shared/networks/operations/torch.ts';
import type { RunCalls } from './call.ts';
import { elementwise } from './elementwise.ts';
import { image } from './image.ts';
import { reductions } from './reductions.ts';
import { shapes } from './shapes.ts';

export const calls: RunCalls<Exclude<TorchCall['call'], 'parameter'>> = {
  ...elementwise,
  ...shapes,
  ...image,
  ...reductions,
};
