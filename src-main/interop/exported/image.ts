/** Convolutions, pools and resizing: from PyTorch's names to calls. */
import type { CallSettings } from '../../../src-shared/networks/operations/torch.ts';
import { shapeText } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers } from './call.ts';
import { reshaped } from './shapes.ts';

type Pair = [number, number];
type Pads = [Pair, Pair];

interface Image {
  batch: Size;
  channels: number;
  inside: Pair;
}

function imageOf(call: ExportedCall, value: Value): Image {
  const [batch, channels, height, width] = value.sizes;
  if (
    value.sizes.length === 4 &&
    [channels, height, width].every((size) => typeof size === 'number') &&
    value.kind === 'float'
  )
    return { batch: batch!, channels: channels as number, inside: [height as number, width as number] };
  return call.fail(
    `images [batch, channels, height, width] of a known size were expected, found ${shapeText(value.sizes)}`,
  );
}

/** A sequence [batch, channels, length] as an image of one row. */
function asRow(call: ExportedCall, value: Value): Value {
  const [batch, channels, length] = value.sizes as [Size, Size, Size];
  if (value.sizes.length !== 3)
    return call.fail(`sequences [batch, channels, length] were expected, found ${shapeText(value.sizes)}`);
  return reshaped(call, value, [batch, channels, 1, length]);
}

function fromRow(call: ExportedCall, value: Value): Value {
  const [batch, channels, , length] = value.sizes as [Size, Size, Size, Size];
  return reshaped(call, value, [batch, channels, length]);
}

interface Settings {
  stride: Pair;
  dilation: Pair;
  groups: number;
}

function requirePositive(call: ExportedCall, name: string, numbers: readonly number[]): void {
  if (numbers.some((number) => !Number.isInteger(number) || number < 1))
    call.fail(`${name} is ${numbers.join(', ')}; whole numbers from 1 on were expected`);
}

function convolution(
  call: ExportedCall,
  [value, weight, bias]: readonly [Value, Value, Value | undefined],
  settings: Settings & { padding: Pads },
): Value {
  const { batch, channels, inside } = imageOf(call, value);
  const { stride, dilation, groups, padding } = settings;
  const [outputs, inputs, ...kernel] = weight.sizes as [number, number, number, number];
  requirePositive(call, 'stride, dilation or groups', [...stride, ...dilation, groups]);
  if (padding.flat().some((zeros) => zeros < 0)) return call.fail('padding below 0 is not supported');
  if (inputs * groups !== channels || outputs % groups !== 0)
    return call.fail(
      `a weight ${shapeText(weight.sizes)} with ${groups} groups does not fit ${channels} channels`,
    );
  const size = inside.map((length, k) => {
    const reach = dilation[k]! * (kernel[k]! - 1) + 1;
    return Math.floor((length + padding[k]![0] + padding[k]![1] - reach) / stride[k]!) + 1;
  });
  if (size.some((length) => length < 1))
    return call.fail(`a kernel of ${kernel.join(' x ')} does not fit into ${inside.join(' x ')}`);
  const written: CallSettings = { call: 'conv', stride, dilation, groups, padding };
  return call.builder.image(written, [value, weight, ...(bias ? [bias] : [])], [batch, outputs, ...size]);
}

function transposedConvolution(
  call: ExportedCall,
  [value, weight, bias]: readonly [Value, Value, Value | undefined],
  settings: Settings & { padding: Pair; outputPadding: Pair },
): Value {
  const { batch, channels, inside } = imageOf(call, value);
  const { stride, dilation, groups, padding, outputPadding } = settings;
  const [inputs, outputs, ...kernel] = weight.sizes as [number, number, number, number];
  requirePositive(call, 'stride, dilation or groups', [...stride, ...dilation, groups]);
  if (inputs !== channels)
    return call.fail(`a weight ${shapeText(weight.sizes)} does not fit ${channels} channels`);
  const size = inside.map((length, k) => {
    const reach = dilation[k]! * (kernel[k]! - 1);
    if (padding[k]! > reach) return call.fail('more padding than the kernel reaches is not supported');
    return (length - 1) * stride[k]! - 2 * padding[k]! + reach + outputPadding[k]! + 1;
  });
  const written: CallSettings = { call: 'conv_transpose', stride, dilation, groups, padding, outputPadding };
  return call.builder.image(
    written,
    [value, weight, ...(bias ? [bias] : [])],
    [batch, outputs * groups, ...size],
  );
}

const both = (padding: Pair): Pads => [
  [padding[0], padding[0]],
  [padding[1], padding[1]],
];

const operands = (call: ExportedCall): [Value, Value, Value | undefined] => [
  call.value('input'),
  call.value('weight'),
  call.optional('bias'),
];

const settingsOf = (call: ExportedCall): Settings => ({
  stride: call.pair('stride', [1]),
  dilation: call.pair('dilation', [1]),
  groups: call.int('groups', 1),
});

/** So that a stride of 1 keeps the size; what is odd goes behind. */
function samePadding(kernel: readonly number[], { dilation, stride }: Settings, call: ExportedCall): Pads {
  if (stride.some((step) => step !== 1)) return call.fail('padding "same" goes with a stride of 1 only');
  return kernel.map((length, k): Pair => {
    const whole = dilation[k]! * (length - 1);
    return [Math.floor(whole / 2), whole - Math.floor(whole / 2)];
  }) as Pads;
}

const conv2d: Handler = (call) => {
  const parts = operands(call);
  const settings = settingsOf(call);
  if (call.overload !== 'padding')
    return convolution(call, parts, { ...settings, padding: both(call.pair('padding', [0])) });
  const word = call.text('padding', 'valid');
  if (word !== 'same' && word !== 'valid')
    return call.fail(`padding is "${word}"; same and valid are supported`);
  const kernel = parts[1].sizes.slice(2) as number[];
  return convolution(call, parts, {
    ...settings,
    padding: word === 'same' ? samePadding(kernel, settings, call) : both([0, 0]),
  });
};

const one = (numbers: readonly number[]): number => numbers[0]!;

const conv1d: Handler = (call) => {
  if (call.overload !== 'default') return call.fail('padding as a word is not supported for sequences');
  const [value, weight, bias] = operands(call);
  const settings: Settings = {
    stride: [1, one(call.ints('stride', [1]))],
    dilation: [1, one(call.ints('dilation', [1]))],
    groups: call.int('groups', 1),
  };
  const padding: Pads = both([0, one(call.ints('padding', [0]))]);
  return fromRow(
    call,
    convolution(call, [asRow(call, value), asRow(call, weight), bias], { ...settings, padding }),
  );
};

const convTranspose2d: Handler = (call) =>
  transposedConvolution(call, operands(call), {
    ...settingsOf(call),
    padding: call.pair('padding', [0]),
    outputPadding: call.pair('output_padding', [0]),
  });

const convTranspose1d: Handler = (call) => {
  const [value, weight, bias] = operands(call);
  const settings = {
    stride: [1, one(call.ints('stride', [1]))] as Pair,
    dilation: [1, one(call.ints('dilation', [1]))] as Pair,
    groups: call.int('groups', 1),
    padding: [0, one(call.ints('padding', [0]))] as Pair,
    outputPadding: [0, one(call.ints('output_padding', [0]))] as Pair,
  };
  return fromRow(
    call,
    transposedConvolution(call, [asRow(call, value), asRow(call, weight), bias], settings),
  );
};

/** The one operation that all convolutions are after run_decompositions. */
const anyConvolution: Handler = (call) => {
  const parts = operands(call);
  const rank = parts[0].sizes.length;
  if (rank === 3) return call.bool('transposed') ? convTranspose1d(call) : conv1d(call);
  if (rank !== 4)
    return call.fail(`only images and sequences are supported, found ${shapeText(parts[0].sizes)}`);
  if (call.bool('transposed')) return convTranspose2d(call);
  return convolution(call, parts, { ...settingsOf(call), padding: both(call.pair('padding')) });
};

interface Window {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  ceil: boolean;
}

const windowOf = (call: ExportedCall): Window => {
  const kernel = call.pair('kernel_size');
  const stride = call.ints('stride', []).length > 0 ? call.pair('stride') : kernel;
  return { kernel, stride, padding: call.pair('padding', [0]), ceil: call.bool('ceil_mode', false) };
};

/** Sizes that come out, and the padding that windows reach into. */
function pooled(
  call: ExportedCall,
  value: Value,
  { kernel, stride, padding, ceil }: Window,
): { sizes: Size[]; pads: Pads } {
  const { batch, channels, inside } = imageOf(call, value);
  requirePositive(call, 'kernel or stride', [...kernel, ...stride]);
  if (padding.some((zeros, k) => zeros < 0 || 2 * zeros > kernel[k]!))
    return call.fail('padding of at most half the kernel was expected');
  const along = inside.map((length, k) => {
    const room = length + 2 * padding[k]! - kernel[k]!;
    let count = (ceil ? Math.ceil(room / stride[k]!) : Math.floor(room / stride[k]!)) + 1;
    // A window that would begin beyond image and padding in front is left out.
    if (ceil && (count - 1) * stride[k]! >= length + padding[k]!) count--;
    if (count < 1)
      return call.fail(`a window of ${kernel.join(' x ')} does not fit into ${inside.join(' x ')}`);
    const reach = (count - 1) * stride[k]! + kernel[k]!;
    return { count, pads: [padding[k]!, Math.max(padding[k]!, reach - length - padding[k]!)] as Pair };
  });
  return {
    sizes: [batch, channels, ...along.map(({ count }) => count)],
    pads: along.map(({ pads }) => pads) as Pads,
  };
}

const maxPool = (call: ExportedCall, value: Value, window: Window): Value => {
  if (call.ints('dilation', [1]).some((step) => step !== 1)) return call.fail('dilation is not supported');
  const { sizes, pads } = pooled(call, value, window);
  const { kernel, stride, padding } = window;
  return call.builder.image(
    {
      ...{ call: 'pool', name: 'max', kernel, stride, dilation: [1, 1] },
      ...{ padding: pads, countPadding: false, counted: padding },
    },
    [value],
    sizes,
  );
};

const averagePool = (call: ExportedCall, value: Value, window: Window): Value => {
  const { sizes, pads } = pooled(call, value, window);
  const { kernel, stride, padding } = window;
  const divisor = call.optionalNumber('divisor_override');
  return call.builder.image(
    {
      ...{ call: 'pool', name: 'average', kernel, stride, dilation: [1, 1] },
      ...{ padding: pads, countPadding: call.bool('count_include_pad', true), counted: padding },
      ...(divisor !== undefined && { divisor }),
    },
    [value],
    sizes,
  );
};

/** Windows over sequences: one row high. */
const rowWindow = (call: ExportedCall): Window => {
  const kernel = one(call.ints('kernel_size'));
  const stride = call.ints('stride', []);
  return {
    ...{ kernel: [1, kernel], stride: [1, stride[0] ?? kernel] },
    ...{ padding: [0, one(call.ints('padding', [0]))], ceil: call.bool('ceil_mode', false) },
  };
};

const adaptive = (call: ExportedCall, value: Value, size: Pair): Value => {
  const { batch, channels, inside } = imageOf(call, value);
  requirePositive(call, 'output_size', size);
  if (size.some((length, k) => length > 512 && inside[k]! % length !== 0))
    return call.fail(
      `output_size is ${size.join(' x ')}; up to 512 are supported, and what divides the image`,
    );
  return call.builder.image({ call: 'adaptive_average', size }, [value], [batch, channels, ...size]);
};

function resized(call: ExportedCall, name: 'nearest' | 'bilinear'): Value {
  const value = call.value('input');
  const { batch, channels, inside } = imageOf(call, value);
  const factors = call.has('scale_factors') ? floats(call) : undefined;
  const size = (
    call.has('output_size')
      ? call.pair('output_size')
      : inside.map((length, k) => Math.floor(length * factors![k]!))
  ) as Pair;
  const align = name === 'bilinear' && call.bool('align_corners');
  const scale = inside.map((length, k) => factors?.[k] ?? size[k]! / length) as Pair;
  requirePositive(call, 'output_size', size);
  if (
    name === 'nearest' &&
    size.some((length, k) => length % inside[k]! !== 0 || scale[k] !== length / inside[k]!)
  )
    return call.fail(`from ${inside.join(' x ')} to ${size.join(' x ')}: whole multiples are supported`);
  return call.builder.image(
    { call: 'upsample', name, size, align, scale },
    [value],
    [batch, channels, ...size],
  );
}

function floats(call: ExportedCall): Pair {
  const found = call.node.inputs.find(({ name }) => name === 'scale_factors')!.arg;
  const list = 'as_floats' in found ? (found.as_floats as (number | string)[]).map(Number) : [];
  if (list.length === 2 && list.every((factor) => factor > 0)) return list as Pair;
  return call.fail('two scale factors were expected');
}

/** Of windows that lie side by side. */
const adaptiveMax = (call: ExportedCall, value: Value, size: Pair): Value => {
  const { inside } = imageOf(call, value);
  requirePositive(call, 'output_size', size);
  if (size.some((length, k) => inside[k]! % length !== 0))
    return call.fail(
      `output_size is ${size.join(' x ')} of an image of ${inside.join(' x ')}; sizes that divide the image are supported`,
    );
  const kernel = inside.map((length, k) => length / size[k]!) as Pair;
  return maxPool(call, value, { kernel, stride: kernel, padding: [0, 0], ceil: false });
};

const own = (call: ExportedCall): Value => call.value(call.has('self') ? 'self' : 'input');

export const image: Handlers = {
  ...{ conv2d, conv1d, conv_transpose2d: convTranspose2d, conv_transpose1d: convTranspose1d },
  convolution: anyConvolution,
  max_pool2d: (call) => maxPool(call, own(call), windowOf(call)),
  max_pool2d_with_indices: (call) => [maxPool(call, own(call), windowOf(call)), undefined],
  max_pool1d: (call) => fromRow(call, maxPool(call, asRow(call, own(call)), rowWindow(call))),
  avg_pool2d: (call) => averagePool(call, own(call), windowOf(call)),
  avg_pool1d: (call) => fromRow(call, averagePool(call, asRow(call, own(call)), rowWindow(call))),
  adaptive_avg_pool2d: (call) => adaptive(call, own(call), call.pair('output_size')),
  _adaptive_avg_pool2d: (call) => adaptive(call, own(call), call.pair('output_size')),
  adaptive_avg_pool1d: (call) =>
    fromRow(call, adaptive(call, asRow(call, own(call)), [1, one(call.ints('output_size'))])),
  adaptive_max_pool2d: (call) => [adaptiveMax(call, own(call), call.pair('output_size')), undefined],
  upsample_nearest2d: (call) => resized(call, 'nearest'),
  upsample_bilinear2d: (call) => resized(call, 'bilinear'),
};
