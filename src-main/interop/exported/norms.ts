/** Norms and dropout: from PyTorch's names to operations. */
import {
  batchSize,
  divideSize,
  isPerExample,
  productOf,
  sameSizes,
  shapeText,
} from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { Value } from './builder.ts';
import type { ExportedCall, Handler, Handlers, Outputs } from './call.ts';
import { combine } from './elementwise.ts';
import { permuted, reshaped } from './shapes.ts';

/** PyTorch's default of most norms. */
const usual = 1e-5;

export const added = (call: ExportedCall, name: 'add' | 'mul' | 'sub', a: Value, b: Value): Value =>
  combine(call, name, [{ value: a }, { value: b }], { operands: (kind) => kind, result: (kind) => kind });

/** Values [batch, channels, ...] by running statistics, or those of the batch while training: Basin's own operation. */
function batchNorm(call: ExportedCall, momentum: number): Value {
  const value = call.value('input');
  const { sizes } = value;
  const rank = sizes.length;
  if (!isPerExample(sizes) || rank < 2 || rank > 4)
    return call.fail(
      `values [batch, channels], [batch, channels, length] or images were expected, found ${shapeText(sizes)}`,
    );
  const words = { weight: 'weight', bias: 'bias', running_mean: 'running_mean', running_var: 'running_var' };
  const parameters: Record<string, string> = {};
  for (const word of Object.keys(words)) {
    const given = call.optional(word);
    if (!given) continue;
    if (given.parameter === undefined)
      return call.fail(`${word} is computed; a parameter or buffer was expected`);
    parameters[word] = given.parameter;
  }
  if (!('running_mean' in parameters) || !('running_var' in parameters))
    return call.fail(
      'it has no running statistics, so that every example would depend on the batch it is in',
      'Make the norm with track_running_stats=True.',
    );
  const mean = parameters['running_mean']!;
  const counter = mean.replace(/(^|\.)running_mean$/, '$1num_batches_tracked');
  // A module's own buffers may have any names; then there is no counter.
  if (counter !== mean && call.scope.hasParameter(counter)) parameters['num_batches_tracked'] = counter;
  const attributes = { kind: 'batch', epsilon: call.number('eps'), momentum };
  const node = (id: string): string =>
    call.builder.node({ op: 'norm', inputs: [id], attributes, parameters });
  if (rank === 4) return { sizes, kind: 'float', last: node(call.builder.lastId(value)) };
  if (rank === 2) return { sizes, kind: 'float', plain: node(call.builder.plainId(value)) };
  const turned = permuted(call, value, [0, 2, 1]);
  const normed: Value = { sizes: turned.sizes, kind: 'float', plain: node(call.builder.plainId(turned)) };
  return permuted(call, normed, [0, 2, 1]);
}

const momentumOf = (call: ExportedCall): number => {
  const momentum = call.number('momentum', 0.1);
  if (momentum >= 0 && momentum <= 1) return momentum;
  return call.fail(`momentum is ${momentum}; 0 to 1 was expected`);
};

const batch: Handler = (call) => batchNorm(call, momentumOf(call));

/** As run_decompositions leaves it: further outputs are what training keeps. */
const batchOutputs =
  (count: number): Handler =>
  (call): Outputs => [batchNorm(call, momentumOf(call)), ...new Array<undefined>(count - 1).fill(undefined)];

/** Mean and deviation over everything but the channels, of values whose first axis is no batch. */
const withoutStatistics: Handler = (call) => {
  const value = call.value('input');
  const { sizes } = value;
  if (sizes[0] !== 1)
    return call.fail('it takes its statistics from the batch, so that examples depend on each other');
  const inside = productOf(sizes.slice(2)) ?? call.fail('its size cannot be told');
  const channels = sizes[1]!;
  const flat = reshaped(call, value, [channels, inside]);
  const settings = {
    call: 'layer_norm',
    axes: 1,
    epsilon: call.number('eps'),
    weight: false,
    bias: false,
  } as const;
  const plain = call.builder.plain(settings, [flat], flat.sizes, 'float');
  return [perChannel(call, reshaped(call, plain, sizes)), undefined, undefined];
};

/** Times weight, plus bias, along axis 1. */
function perChannel(call: ExportedCall, value: Value): Value {
  const shaped = (parameter: Value): Value =>
    reshaped(call, parameter, [...parameter.sizes, ...value.sizes.slice(2).map((): Size => 1)]);
  const [weight, bias] = [call.optional('weight'), call.optional('bias')];
  const scaled = weight ? added(call, 'mul', value, shaped(weight)) : value;
  return bias ? added(call, 'add', scaled, shaped(bias)) : scaled;
}

const layer = (call: ExportedCall): Value => {
  const value = call.value('input');
  const shape = call.sizes('normalized_shape');
  requireEnd(call, value, shape);
  const [weight, bias] = [call.optional('weight'), call.optional('bias')];
  const settings = {
    ...({ call: 'layer_norm', axes: shape.length, epsilon: call.number('eps', usual) } as const),
    ...{ weight: weight !== undefined, bias: bias !== undefined },
  };
  return call.builder.plain(
    settings,
    [value, weight, bias].flatMap((each) => each ?? []),
    value.sizes,
    'float',
  );
};

function requireEnd(call: ExportedCall, value: Value, shape: readonly Size[]): void {
  const end = value.sizes.slice(value.sizes.length - shape.length);
  if (shape.length === 0 || !sameSizes(end, shape) || shape.some((size) => typeof size !== 'number'))
    call.fail(`the last axes of ${shapeText(value.sizes)} are not ${shapeText(shape)}`);
}

const rms: Handler = (call) => {
  const value = call.value('input');
  const shape = call.sizes('normalized_shape');
  requireEnd(call, value, shape);
  const weight = call.optional('weight');
  // torch.finfo(torch.float32).eps
  const epsilon = call.number('eps', 2 ** -23);
  const settings = { call: 'rms_norm', axes: shape.length, epsilon, weight: weight !== undefined } as const;
  return call.builder.plain(settings, weight ? [value, weight] : [value], value.sizes, 'float');
};

function groups(call: ExportedCall, count: number): Value {
  const value = call.value('input');
  const channels = call.fixed(value, 1, 'the norm');
  if (count < 1 || channels % count !== 0)
    return call.fail(`${channels} channels cannot be split into ${count} equal groups`);
  const [weight, bias] = [call.optional('weight'), call.optional('bias')];
  const settings = {
    ...({ call: 'group_norm', groups: count, epsilon: call.number('eps', usual) } as const),
    ...{ weight: weight !== undefined, bias: bias !== undefined },
  };
  return call.builder.plain(
    settings,
    [value, weight, bias].flatMap((each) => each ?? []),
    value.sizes,
    'float',
  );
}

/** By every channel of every example. With running statistics it would do one thing in training and another in evaluation. */
const instance: Handler = (call) => {
  if (call.has('running_mean') || !call.bool('use_input_stats', true))
    return call.fail(
      'an instance norm with running statistics (track_running_stats=True) is not supported',
      'Without them (the default of PyTorch) it is.',
    );
  const value = call.value('input');
  return groups(call, call.fixed(value, 1, 'the norm'));
};

/** While Basin trains, whatever the mode in which the network was exported; in evaluation nothing. */
export function dropped(call: ExportedCall, value: Value, rate: number): Value {
  if (rate === 0) return value;
  if (!(rate > 0 && rate < 1)) return call.fail(`p is ${rate}; from 0 to below 1 was expected`);
  const node = (id: string): string =>
    call.builder.node({ op: 'dropout', inputs: [id], attributes: { rate } });
  if (isPerExample(value.sizes)) {
    const isLast = value.plain === undefined;
    const id = node(isLast ? call.builder.lastId(value) : call.builder.plainId(value));
    return { sizes: value.sizes, kind: value.kind, ...(isLast ? { last: id } : { plain: id }) };
  }
  // Every entry by itself: in whatever order they stand.
  const whole = productOf(value.sizes);
  const each = whole === undefined ? undefined : divideSize(whole, batchSize);
  if (each === undefined) return call.fail('it drops entries of a value that does not belong to examples');
  const flat = reshaped(call, value, [batchSize, each]);
  const id = node(call.builder.plainId(flat));
  return reshaped(call, { sizes: flat.sizes, kind: value.kind, plain: id }, value.sizes);
}

export const norms: Handlers = {
  batch_norm: batch,
  _native_batch_norm_legit_no_training: batchOutputs(3),
  _native_batch_norm_legit_functional: batchOutputs(5),
  _native_batch_norm_legit: (call) =>
    call.overload === 'no_stats' ? withoutStatistics(call) : batchOutputs(3)(call),
  layer_norm: layer,
  native_layer_norm: (call) => [layer(call), undefined, undefined],
  rms_norm: rms,
  group_norm: (call) => groups(call, call.int('num_groups')),
  native_group_norm: (call) => [groups(call, call.int('group')), undefined, undefined],
  instance_norm: instance,
  // The form that works in place calls it self.
  dropout: (call) => dropped(call, call.value(call.has('self') ? 'self' : 'input'), call.number('p')),
  native_dropout: (call) => [dropped(call, call.value('input'), call.number('p')), undefined],
};
