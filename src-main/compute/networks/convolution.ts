/** Convolutions of images [B, height, width, channels] with filters [height, width, inputs, outputs], with gradients. */
import type { ConvolutionSettings } from '../../../src-shared/networks/operations/image.ts';
import { attr } from '../backend/index.ts';
import type { Backend, Tensor, Tensor4D } from '../backend/index.ts';

/** `padding`: TensorFlow's "SAME" would put the zeros on one side only where the stride is 2. */
export type Convolve = (x: Tensor, filter: Tensor, settings: ConvolutionSettings) => Tensor;

/** TensorFlow's own kernels where they are: those of tfjs know no explicit padding backwards. */
export const convolutionOf = (backend: Backend): Convolve =>
  backend.native ? nativeConvolution(backend) : portableConvolution(backend);

const portableConvolution =
  ({ tf }: Backend): Convolve =>
  (x, filter, { stride, padding: [rows, columns] }) => {
    const pads: [number, number][] = [
      [0, 0],
      [rows, rows],
      [columns, columns],
      [0, 0],
    ];
    return tf.conv2d(tf.pad(x, pads) as Tensor4D, filter as Tensor4D, [...stride], 'valid');
  };

function nativeConvolution({ tf, native }: Backend): Convolve {
  const run = (name: string, inputs: Tensor[], filter: Tensor, settings: ConvolutionSettings): Tensor => {
    const [rows, columns] = settings.padding;
    // The same numbers; oneDNN takes it, and works on the gradients twice as fast.
    const same = keepsSize(filter, settings);
    return native!.kernel(name, inputs, {
      T: attr.type('float32'),
      strides: attr.int([1, ...settings.stride, 1]),
      padding: attr.string(same ? 'SAME' : 'EXPLICIT'),
      explicit_paddings: attr.int(same ? [] : [0, 0, rows, rows, columns, columns, 0, 0]),
      dilations: attr.int([1, 1, 1, 1]),
      data_format: attr.string('NHWC'),
      use_cudnn_on_gpu: attr.bool(true),
    });
  };
  const sizes = (tensor: Tensor): Tensor => tf.tensor1d(tensor.shape, 'int32');
  return (x, filter, settings) => {
    const convolved = tf.customGrad((image, weight, save) => {
      const at = [image, weight] as Tensor[];
      (save as (tensors: Tensor[]) => void)(at);
      return {
        value: run('Conv2D', at, at[1]!, settings),
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [before, kernel] = saved as [Tensor, Tensor];
          return [
            run('Conv2DBackpropInput', [sizes(before), kernel, dy], kernel, settings),
            run('Conv2DBackpropFilter', [before, sizes(kernel), dy], kernel, settings),
          ];
        },
      };
    });
    return convolved(x, filter);
  };
}

/** Whether images come out as large as they went in, with as many zeros on every side: TensorFlow's "SAME". */
const keepsSize = (filter: Tensor, { stride, padding }: ConvolutionSettings): boolean =>
  stride.every((step) => step === 1) && padding.every((zeros, axis) => 2 * zeros === filter.shape[axis]! - 1);
