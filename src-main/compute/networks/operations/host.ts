/** Every operation of the vocabulary in plain doubles, on values [rows, ...shape] in C order. */
import type { z } from 'zod';
import type { CheckedNode } from '../../../../src-shared/networks/network.ts';
import type { OperationName } from '../../../../src-shared/networks/operations.ts';
import type {
  activation as activationOperation,
  ActivationKind,
  gate as gateOperation,
} from '../../../../src-shared/networks/operations/activation.ts';
import { UserError } from '../../../../src-shared/errors.ts';
import type { NormAttributes } from '../../../../src-shared/networks/operations/norm.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import { erf } from '../erf.ts';
import { need } from './host-operation.ts';
import type { Get, HostOperation, Values } from './host-operation.ts';
import { conv2d, flatten, pool, transpose } from './host-image.ts';
import { log_softmax, neighbours } from './host-nodes.ts';

/** x W^T: x [rows, inputs], W [outputs, inputs] */
function product(x: Values, weight: Values, inputs: number): Float64Array {
  const outputs = weight.length / inputs;
  const rows = x.length / inputs;
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let out = 0; out < outputs; out++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * weight[out * inputs + i]!;
      y[row * outputs + out] = sum;
    }
  }
  return y;
}

const linear: HostOperation = ([x], node, parameter) => {
  const y = product(x!, need(parameter, 'weight'), node.inputs[0]!.at(-1)!);
  const bias = parameter('bias');
  return bias ? y.map((value, i) => value + bias[i % bias.length]!) : y;
};

const norm: HostOperation = ([x], node, parameter) => {
  const units = node.inputs[0]!.at(-1)!;
  const y = normalised(x!, node, parameter, units);
  const weight = parameter('weight');
  const bias = parameter('bias');
  return y.map((value, i) => value * (weight?.[i % units] ?? 1) + (bias?.[i % units] ?? 0));
};

function normalised(x: Values, node: CheckedNode, parameter: Get, units: number): Values {
  const { kind, epsilon } = node.attributes as NormAttributes;
  switch (kind) {
    case 'layer':
      return byRow(x, units, (row) => 1 / Math.sqrt(meanOf(row.map((v) => v * v)) + epsilon));
    case 'group':
      return byGroup(x, node, (mean) => 1 / Math.sqrt(mean + epsilon));
    case 'rms':
      return byRow(x, units, (row) => 1 / Math.sqrt(meanOf(row.map((v) => v * v)) + epsilon), false);
    case 'layer_linear': {
      const [scale] = need(parameter, 'scale');
      return byRow(x, units, () => scale!);
    }
    case 'batch': {
      const mean = need(parameter, 'running_mean');
      const variance = need(parameter, 'running_var');
      return x.map((value, i) => (value - mean[i % units]!) / Math.sqrt(variance[i % units]! + epsilon));
    }
    case 'batch_linear': {
      const scale = need(parameter, 'scale');
      return x.map((value, i) => value * scale[i % units]!);
    }
  }
}

const meanOf = (values: Values): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Every row, minus its mean where `centring`, times what `scale` makes of that. */
function byRow(x: Values, units: number, scale: (centred: Values) => number, centring = true): Values {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += units) {
    const row = x.slice(start, start + units);
    const mean = centring ? meanOf(row) : 0;
    const centred = row.map((value) => value - mean);
    const factor = scale(centred);
    y.set(
      centred.map((value) => value * factor),
      start,
    );
  }
  return y;
}

/** As `byRow`, over all pixels and the units of a group of each example; `scale` is given the mean square. */
function byGroup(x: Values, node: CheckedNode, scale: (meanSquare: number) => number): Values {
  const { groups = 1 } = node.attributes as NormAttributes;
  const [shape] = node.inputs as [readonly number[]];
  const units = shape.at(-1)! / groups;
  const y = new Float64Array(x.length);
  const size = sizeOf(shape);
  const mean = (start: number, of: (at: number) => number): number => {
    let sum = 0;
    for (let i = start; i < start + size; i += units * groups)
      for (let unit = 0; unit < units; unit++) sum += of(i + unit);
    return (sum * groups) / size;
  };
  for (let example = 0; example < x.length; example += size) {
    for (let group = 0; group < groups; group++) {
      const start = example + group * units;
      const centre = mean(start, (at) => x[at]!);
      const factor = scale(mean(start, (at) => (x[at]! - centre) ** 2));
      mean(start, (at) => (y[at] = (x[at]! - centre) * factor));
    }
  }
  return y;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const functions: Record<ActivationKind, (x: number) => number> = {
  identity: (x) => x,
  relu: (x) => (x > 0 ? x : x === x ? 0 : NaN),
  gelu: (x) => (x * (1 + erf(x * Math.SQRT1_2))) / 2,
  tanh: Math.tanh,
  sigmoid,
  silu: (x) => x * sigmoid(x),
};

const activation: HostOperation = ([x], node) =>
  x!.map(functions[(node.attributes as z.output<typeof activationOperation.attributes>).kind]);

const gate: HostOperation = ([x], node, parameter) => {
  const units = node.inputs[0]!.at(-1)!;
  const C = need(parameter, 'C');
  if ((node.attributes as GateAttributes).kind === 'gelu')
    return product(x!.map(functions.gelu), transposed(C, units), units).map(functions.gelu);
  const opened = product(x!, C, units);
  return x!.map((value, i) => value * sigmoid(opened[i]!));
};

type GateAttributes = z.output<typeof gateOperation.attributes>;

const transposed = (square: Values, n: number): Values =>
  square.map((_, i) => square[(i % n) * n + Math.floor(i / n)]!);

const add: HostOperation = (inputs) =>
  inputs[0]!.map((_, i) => inputs.reduce((sum, values) => sum + values[i]!, 0));

const multiply: HostOperation = ([x, y]) => x!.map((value, i) => value * y![i]!);

const concat: HostOperation = (inputs, node) => {
  const widths = node.inputs.map((shape) => shape.at(-1)!);
  const width = widths.reduce((sum, own) => sum + own, 0);
  const rows = inputs[0]!.length / widths[0]!;
  const y = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    let at = row * width;
    inputs.forEach((values, k) => {
      y.set(values.subarray(row * widths[k]!, (row + 1) * widths[k]!), at);
      at += widths[k]!;
    });
  }
  return y;
};

/** Of these there is no second version in plain doubles: real PyTorch is what they are compared with. */
const torch: HostOperation = () => {
  throw new UserError('Networks exported from PyTorch are computed in float64 with native TensorFlow only.', {
    hint: 'Choose the back end tensorflow (npm run setup), or float32.',
  });
};

/** In evaluation. */
const dropout: HostOperation = ([x]) => x!;

export const hostOperations: Record<OperationName, HostOperation> = {
  ...{ linear, conv2d, norm, activation, gate, add, multiply, concat, dropout },
  ...{ pool, flatten, transpose },
  ...{ neighbours, log_softmax },
  torch,
};
