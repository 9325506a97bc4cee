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
  const forward = (image: Tensor, filter: Tensor, settings: ConvolutionSettings): Tensor => {
    if (!isMisread(image, filter, settings)) return run('Conv2D', [image, filter], filter, settings);
    const { stride, padding } = settings;
    const turnedFilter = tf.transpose(filter, [1, 0, 2, 3]);
    const turned = run('Conv2D', [tf.transpose(image, [0, 2, 1, 3]), turnedFilter], turnedFilter, {
      stride: [stride[1], stride[0]],
      padding: [padding[1], padding[0]],
    });
    return tf.transpose(turned, [0, 2, 1, 3]);
  };
  const sizes = (tensor: Tensor): Tensor => tf.tensor1d(tensor.shape, 'int32');
  return (x, filter, settings) => {
    const convolved = tf.customGrad((image, weight, save) => {
      const at = [image, weight] as Tensor[];
      (save as (tensors: Tensor[]) => void)(at);
      return {
        value: forward(at[0]!, at[1]!, settings),
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

/**
 * TensorFlow's kernel for processors takes wrong pixels of images with one channel if the stride is 1 down and more
 * across and the result is one pixel wide. Turned by a quarter, the same images are read right; so are all gradients.
 */
function isMisread(image: Tensor, filter: Tensor, { stride, padding }: ConvolutionSettings): boolean {
  const [, , width, channels] = image.shape as [number, number, number, number];
  const across = Math.floor((width + 2 * padding[1] - filter.shape[1]!) / stride[1]) + 1;
  return channels === 1 && stride[0] === 1 && stride[1] > 1 && across === 1;
}

/** Whether images come out as large as they went in, with as many zeros on every side: TensorFlow's "SAME". */
const keepsSize = (filter: Tensor, { stride, padding }: ConvolutionSettings): boolean =>
  stride.every((step) => step === 1) && padding.every((zeros, axis) => 2 * zeros === filter.shape[axis]! - 1);
