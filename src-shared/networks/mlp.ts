/**
 * The multilayer perceptrons of neuron-identifiability (src/models/mlp.py) as graphs: lins.0, norms.0, activation, ...,
 * lins.{L-1}, of every family, norm and activation, and declared chains whose hidden layers differ.
 */
import type { Norm } from '../domain.ts';
import { activationOf, normOf } from '../model.ts';
import type { LayerSpec, MlpSpec } from '../model.ts';
import type { FamilyPart } from './families.ts';
import type { Graph, Node, Parameter } from './graph.ts';
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
    const lin = `lins.${layer.index}`;
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
      spec.layers.slice(0, -1).map(({ index }) => [`lins.${index}`, `P_${index}`]),
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
    ...gates.map(({ index, outputs }) => fixed(`activations.${index}.C`, [outputs, outputs])),
    ...hidden.flatMap((layer) => normParameters(spec, layer)),
  ];
  // What a person's files lack is neither trained nor counted.
  return all.map((parameter) => {
    const constant = spec.constants?.[parameter.name];
    return constant === undefined ? parameter : { ...parameter, role: 'fixed', constant };
  });
}

const trained = (name: string, shape: number[]): Parameter => ({ name, shape, role: 'trained' });
const fixed = (name: string, shape: number[]): Parameter => ({ name, shape, role: 'fixed' });
const statistics = (name: string, shape: number[]): Parameter => ({ name, shape, role: 'statistics' });

function linearParameters(spec: MlpSpec, layer: LayerSpec): Parameter[] {
  const module = `lins.${layer.index}`;
  const shape = [layer.outputs, layer.inputs];
  const family = familyPart(spec, layer);
  const companions = family ? [family.mask, family.fixed?.tensor].flatMap((name) => name ?? []) : [];
  return [
    { ...trained(`${module}.weight`, shape), ...(family && { family }) },
    trained(`${module}.bias`, [layer.outputs]),
    ...companions.map((name) => fixed(name, shape)),
  ];
}

/** W-asymmetric: mask * W + (1 - mask) * sigma_F * F. SYRE: W + sigma_F * noise. */
function familyPart(spec: MlpSpec, { index, sigmaF }: LayerSpec): FamilyPart | undefined {
  const module = `lins.${index}`;
  switch (familyOf(spec)) {
    case 'w-asymmetric':
      return {
        fixed: { tensor: `${module}.normal_mask`, scale: sigmaF },
        mask: `${module}.mask`,
        support: 'fixed',
      };
    case 'syre':
      return { fixed: { tensor: `${module}.noise`, scale: sigmaF }, support: 'all' };
    default:
      return undefined;
  }
}

function normParameters(spec: MlpSpec, layer: LayerSpec): Parameter[] {
  const kind = normOf(spec, layer);
  if (kind === 'none') return [];
  const module = `norms.${layer.index}`;
  const shape = [layer.outputs];
  const affine = [`${module}.weight`, `${module}.bias`];
  const own = spec.elementwiseAffine ? affine.map((name) => trained(name, shape)) : [];
  switch (kind) {
    case 'rms':
      return own.slice(0, 1);
    case 'layer':
      return own;
    case 'batch':
      return [
        ...own,
        statistics(`${module}.running_mean`, shape),
        statistics(`${module}.running_var`, shape),
        statistics(`${module}.num_batches_tracked`, []),
      ];
    case 'layer_linear':
    case 'batch_linear': {
      const scale = fixed(`${module}.${scaleName(kind)}`, kind === 'layer_linear' ? [] : shape);
      return spec.elementwiseAffine ? [...own, scale] : [scale, ...affine.map((name) => fixed(name, shape))];
    }
  }
}
