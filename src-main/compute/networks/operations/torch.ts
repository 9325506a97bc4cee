import type { TorchCall } from '../../../../src-shared/networks/operations/torch.ts';
import { messageOf } from '../../../../src-shared/errors.ts';
import type { Tensor } from '../../backend/index.ts';
import { calls } from '../torch/index.ts';
import type { RunCall } from '../torch/call.ts';
import { storedAs } from '../torch/call.ts';
import type { RunOperation } from './context.ts';

/** Values are those of one model; the interpreter runs such networks model by model. */
export const torch: RunOperation = (inputs, context) => {
  const { maths, node, examples } = context;
  const { tf } = maths;
  const settings = node.attributes as TorchCall;
  const alone = (tensor: Tensor): Tensor => {
    if (tensor.shape[0] !== 1) throw new Error(`${node.id}: one model at a time was expected`);
    return tf.reshape(tensor, tensor.shape.slice(1));
  };
  const compute = (): Tensor => {
    if (settings.call === 'parameter')
      return storedAs(maths, alone(context.parameter('value')!), settings.kind);
    const run = calls[settings.call] as RunCall<TorchCall>;
    return run(inputs.map(alone), settings, { maths, examples });
  };
  try {
    const value = compute();
    return tf.reshape(value, [1, ...value.shape]);
  } catch (thrown) {
    const where = settings.module === undefined ? '' : ` in module "${settings.module}"`;
    throw new Error(`${node.id}${where} (${settings.call}): ${messageOf(thrown)}`, { cause: thrown });
  }
};
