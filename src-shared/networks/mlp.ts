/**
 * The multilayer perceptrons of neuron-identifiability (src/models/mlp.py) as graphs: lins.0, norms.0, activation, ...,
 * lins.{L-1}, of every family, norm and activation, and declared chains whose hidden layers differ.
 */
import type { Norm } from '../domain.ts';
import { activationOf, normOf } from '../model.ts';
import type { LayerSpec, MlpSpec } from '../model.ts';
import { withGeneralFamily } from './general-family.ts';
import type { Graph, Initial, Node, Parameter } from './graph.ts';
import { linearName } from './mlp-names.ts';
import { rmsEpsilon } from './operations/norm.ts';

/** The id of the network's input. */
export const mlpInput = 'input';

/** Parameters by Basin's own names, in PyTorch's order. */
export function mlpGraph(spec: MlpSpec): Graph {
  const nodes: Node[] = [];
  const last = spec.layers.length - 1;
  let current = mlpInput;
  const push = (node: Omit<Node, 'inputs'>): void => {
    nodes.push({ ...node, inputs: [current] });
    current = node.id;
  };
  for (const layer of spec.layers) {
    const lin = linearName(layer.index);
    push({ id: lin, op: 'linear', parameters: words(lin, ['weight', 'bias']), attributes: {} });
    if (layer.index === last) break;
    const kind = normOf(spec, layer);
    if (kind !== 'none') push(normNode(spec, layer, kind));
    push(activationNode(spec, layer));
    if (spec.dropout !== undefined)
      push({
        id: `dropouts.${layer.index}`,
        op: 'dropout',
        parameters: {},
        attributes: { rate: spec.dropout },
      });
  }
  return {
    inputs: [{ id: mlpInput, shape: [spec.layers[0]!.inputs] }],
    parameters: parametersOf(spec),
    nodes,
    output: current,
    groupNames: Object.fromEntries(
      spec.layers.slice(0, -1).map(({ index }) => [linearName(index), `P_${index}`]),
    ),
  };
}

const words = (module: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `${module}.${name}`]));

function normNode(spec: MlpSpec, { index }: LayerSpec, kind: Exclude<Norm, 'none'>): Omit<Node, 'inputs'> {
  const module = `norms.${index}`;
  const linearised = kind === 'layer_linear' || kind === 'batch_linear';
  return {
    id: module,
    op: 'norm',
    parameters: {
      // Without affine the linearised norms keep ones and zeros as buffers.
      ...(spec.elementwiseAffine || linearised ? words(module, affineWords(kind)) : {}),
      ...(kind === 'batch' ? words(module, ['running_mean', 'running_var', 'num_batches_tracked']) : {}),
      ...(linearised ? { scale: `${module}.${scaleName(kind)}` } : {}),
    },
    attributes: { kind, ...(kind === 'rms' && { epsilon: rmsEpsilon }) },
  };
}

/** RMSNorm has no bias. */
const affineWords = (kind: Norm): string[] => (kind === 'rms' ? ['weight'] : ['weight', 'bias']);

const scaleName = (kind: 'layer_linear' | 'batch_linear'): string =>
  kind === 'layer_linear' ? 'scale' : 'inv_std';

function activationNode(spec: MlpSpec, layer: LayerSpec): Omit<Node, 'inputs'> {
  const id = `activations.${layer.index}`;
  if (familyOf(spec) === 'sigma-asymmetric')
    return { id, op: 'gate', parameters: words(id, ['C']), attributes: {} };
  return { id, op: 'activation', parameters: {}, attributes: { kind: activationOf(spec, layer) } };
}

/** A model that was only initialised asymmetrically is a standard one. */
const familyOf = (spec: MlpSpec) => (spec.asymInitOnly ? 'standard' : spec.family);

function parametersOf(spec: MlpSpec): Parameter[] {
  const hidden = spec.layers.slice(0, -1);
  const gates = familyOf(spec) === 'sigma-asymmetric' ? hidden : [];
  const all = [
    ...spec.layers.flatMap((layer) => linearParameters(spec, layer)),
    ...gates.map(({ index, outputs }) =>
      fixed(`activations.${index}.C`, [outputs, outputs], normal(`gate/${index}`)),
    ),
    ...hidden.flatMap((layer) => normParameters(spec, layer)),
  ];
  // What a person's files lack is neither trained nor counted.
  return all.map((parameter) => {
    const value = spec.constants?.[parameter.name];
    return value === undefined
      ? parameter
      : { ...parameter, role: 'fixed', constant: value, initial: constant(value) };
  });
}

const of =
  (role: Parameter['role']) =>
  (name: string, shape: number[], initial: Initial): Parameter => ({ name, shape, role, initial });
const trained = of('trained');
const fixed = of('fixed');
const statistics = of('statistics');

const constant = (value: number): Initial => ({ kind: 'constant', value });
const normal = (stream: string, deviation = 1): Initial => ({ kind: 'normal', deviation, stream });

/**
 * Standard, sigma-asymmetric and the families of `model.family`: weight and bias U(+-1/sqrt(inputs)). W-asymmetric and
 * SYRE: weight N(0, 1/inputs), bias U(+-1/sqrt(inputs)).
 */
function linearParameters(spec: MlpSpec, layer: LayerSpec): Parameter[] {
  const { index, inputs, outputs } = layer;
  const module = linearName(index);
  const shape = [outputs, inputs];
  const bound = 1 / Math.sqrt(inputs);
  const uniform = (stream: string): Initial => ({ kind: 'uniform', bound, stream });
  const weight = (initial: Initial): Parameter => trained(`${module}.weight`, shape, initial);
  const bias = trained(`${module}.bias`, [outputs], uniform(`bias/${index}`));
  const gaussian = normal(`weight/${index}`, bound);
  switch (familyOf(spec)) {
    case 'w-asymmetric': {
      // mask * W + (1 - mask) * sigma_F * F
      const [mask, drawn] = [`${module}.mask`, `${module}.normal_mask`];
      const family = { fixed: { tensor: drawn, scale: layer.sigmaF }, mask, support: 'fixed' as const };
      return [
        { ...weight(gaussian), family },
        bias,
        fixed(mask, shape, { kind: 'mask', zeros: layer.numFixed, stream: `mask/${index}` }),
        fixed(drawn, shape, layer.normalMask ? normal(`normal_mask/${index}`) : constant(1)),
      ];
    }
    case 'syre': {
      // W + sigma_F * noise
      const noise = `${module}.noise`;
      const family = { fixed: { tensor: noise, scale: layer.sigmaF }, support: 'all' as const };
      return [{ ...weight(gaussian), family }, bias, fixed(noise, shape, normal(`noise/${index}`))];
    }
    default:
      return withGeneralFamily(spec, layer, [weight(uniform(`weight/${index}`)), bias]);
  }
}

function normParameters(spec: MlpSpec, layer: LayerSpec): Parameter[] {
  const kind = normOf(spec, layer);
  if (kind === 'none') return [];
  const module = `norms.${layer.index}`;
  const shape = [layer.outputs];
  const affine = (make: typeof trained): Parameter[] => [
    make(`${module}.weight`, shape, constant(1)),
    make(`${module}.bias`, shape, constant(0)),
  ];
  const own = spec.elementwiseAffine ? affine(trained) : [];
  switch (kind) {
    case 'rms':
      return own.slice(0, 1);
    case 'layer':
      return own;
    case 'batch':
      return [
        ...own,
        statistics(`${module}.running_mean`, shape, constant(0)),
        statistics(`${module}.running_var`, shape, constant(1)),
        statistics(`${module}.num_batches_tracked`, [], constant(0)),
      ];
    case 'layer_linear':
    case 'batch_linear': {
      const scale = fixed(`${module}.${scaleName(kind)}`, kind === 'layer_linear' ? [] : shape, {
        kind: 'expected-scale',
        weight: `${linearName(layer.index)}.weight`,
      });
      return spec.elementwiseAffine ? [...own, scale] : [scale, ...affine(fixed)];
    }
  }
}
