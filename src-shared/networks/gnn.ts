/**
 * The graph networks of neuron-identifiability for node classification (src/models/gnn.py): in every layer each node adds
 * the mean of its neighbours, then linear, BatchNorm, nonlinearity; at the end a linear layer and log-probabilities.
 */
import type { GnnSpec, ModuleLayer } from '../model.ts';
import type { FamilyPart } from './families.ts';
import type { Graph, Initial, Node, Parameter } from './graph.ts';

/** The id of the network's input: the features of a node. */
const nodeInput = 'input';

/** Parameters in PyTorch's order, under its names. */
export function gnnGraph(spec: GnnSpec): Graph {
  const nodes: Node[] = [];
  const parameters: Parameter[] = [];
  let current = nodeInput;
  const push = (id: string, op: string, rest: Partial<Node> = {}): void => {
    nodes.push({ id, op, inputs: [current], parameters: {}, attributes: {}, ...rest });
    current = id;
  };
  const convolutions = spec.layers.slice(0, -1);
  for (const [i, layer] of convolutions.entries()) {
    const module = `convs.${i}`;
    push(`${module}.neighbours`, 'neighbours');
    push(layer.module, 'linear', linear(spec, layer, parameters));
    push(`${module}.mlp.1`, 'norm', batchNorm(`${module}.mlp.1`, layer.shape[0]!, parameters));
    pushNonlinearity(spec, i, layer.shape[0]!);
    if (spec.dropout !== undefined && i < convolutions.length - 1)
      push(`${module}.dropout`, 'dropout', { attributes: { rate: spec.dropout } });
  }
  const last = spec.layers.at(-1)!;
  push(last.module, 'linear', linear(spec, last, parameters));
  push('log_softmax', 'log_softmax');
  return {
    inputs: [{ id: nodeInput, shape: [spec.layers[0]!.shape[1]!] }],
    parameters,
    nodes,
    output: current,
    groupNames: Object.fromEntries(convolutions.map(({ module }, i) => [module, `P_${i}`])),
  };

  function pushNonlinearity({ nonlinearity }: GnnSpec, i: number, units: number): void {
    const module = `convs.${i}.mlp.2`;
    if (nonlinearity === 'gelu') {
      push(module, 'activation', { attributes: { kind: 'gelu' } });
      return;
    }
    const name = `${module}.C`;
    const initial = normal(`gate/${i}`, gateScale / Math.sqrt(units));
    parameters.push({ name, shape: [units, units], role: 'fixed', initial });
    const kind = nonlinearity === 'gelu_gate' ? 'gelu' : 'sigmoid';
    push(module, 'gate', { parameters: { C: name }, attributes: { kind } });
  }
}

/** C of a gate of n units is this / sqrt(n) times a standard normal draw. */
const gateScale = 0.01;

const constant = (value: number): Initial => ({ kind: 'constant', value });
const normal = (stream: string, deviation = 1): Initial => ({ kind: 'normal', deviation, stream });

/**
 * Weight and bias U(+-1/sqrt(inputs)); the weight of W-asymmetric networks and of SYRE N(0, 1/inputs). Fixed tensors stand
 * behind them.
 */
function linear(spec: GnnSpec, layer: ModuleLayer, parameters: Parameter[]): Partial<Node> {
  const { module, shape, numFixed } = layer;
  const bound = 1 / Math.sqrt(shape[1]!);
  const uniform = (stream: string): Initial => ({ kind: 'uniform', bound, stream });
  const family = familyPart(spec, layer);
  const initial = family ? normal(`weight/${module}`, bound) : uniform(`weight/${module}`);
  const [weight, bias] = [`${module}.weight`, `${module}.bias`];
  parameters.push(
    { name: weight, shape, role: 'trained', ...(family && { family }), initial },
    { name: bias, shape: [shape[0]!], role: 'trained', initial: uniform(`bias/${module}`) },
  );
  const fixed = (name: string, own: Initial): void =>
    void parameters.push({ name, shape, role: 'fixed', initial: own });
  if (family?.mask !== undefined)
    fixed(family.mask, { kind: 'mask', zeros: numFixed, stream: `mask/${module}` });
  if (family?.fixed) fixed(family.fixed.tensor, initialFixed(spec, layer));
  return { parameters: { weight, bias } };
}

function initialFixed({ family }: GnnSpec, { module, normalMask }: ModuleLayer): Initial {
  if (family === 'syre') return normal(`noise/${module}`);
  return normalMask ? normal(`normal_mask/${module}`) : constant(1);
}

/** W-asymmetric: mask * W + (1 - mask) * sigma_F * F. SYRE: W + sigma_F * noise. */
function familyPart({ family }: GnnSpec, { module, sigmaF }: ModuleLayer): FamilyPart | undefined {
  switch (family) {
    case 'w-asymmetric': {
      const fixed = { tensor: `${module}.normal_mask`, scale: sigmaF };
      return { fixed, mask: `${module}.mask`, support: 'fixed' };
    }
    case 'syre':
      return { fixed: { tensor: `${module}.noise`, scale: sigmaF }, support: 'all' };
    default:
      return undefined;
  }
}

function batchNorm(module: string, units: number, parameters: Parameter[]): Partial<Node> {
  const declare = (role: Parameter['role'], word: string, shape: number[], value: number) => {
    parameters.push({ name: `${module}.${word}`, shape, role, initial: constant(value) });
    return { [word]: `${module}.${word}` };
  };
  return {
    parameters: {
      ...declare('trained', 'weight', [units], 1),
      ...declare('trained', 'bias', [units], 0),
      ...declare('statistics', 'running_mean', [units], 0),
      ...declare('statistics', 'running_var', [units], 1),
      ...declare('statistics', 'num_batches_tracked', [], 0),
    },
    attributes: { kind: 'batch' },
  };
}
