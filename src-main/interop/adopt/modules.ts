/** The tensors of a state dict as modules: linear layers and norms, or what no multilayer perceptron has. */
import { isBookkeeping } from '../../formats/tensor-names.ts';
import { foreignModule, refusal, withoutBias } from './foreign.ts';
import type { Entry, Refusal, TensorFacts } from './foreign.ts';

export interface Linear {
  /** Name of the module, without wrappers: `fc1`, `backbone.block.0.linear`. */
  path: string;
  inputs: number;
  outputs: number;
}

export interface NormModule {
  path: string;
  kind: 'layer' | 'batch';
  width: number;
  affine: boolean;
}

export interface Modules {
  linears: Linear[];
  norms: NormModule[];
}

export const moduleOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('.')));
export const fieldOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

type Fields = Map<string, TensorFacts>;

/** @param bare names without wrappers -> tensors */
export function modulesOf(bare: ReadonlyMap<string, Entry>): Modules | Refusal {
  const refusal = foreignModule(bare);
  if (refusal) return refusal;
  const found: Modules = { linears: [], norms: [] };
  const noBias: string[] = [];
  for (const [path, fields] of byModule(bare)) {
    const weight = fields.get('weight')?.shape;
    const problem =
      weight?.length === 2 ? addLinear(path, fields, found, noBias) : addNorm(path, fields, found);
    if (problem) return problem;
  }
  if (noBias.length > 0) return withoutBias(noBias, found.norms.length > 0);
  return found;
}

function byModule(bare: ReadonlyMap<string, Entry>): Map<string, Fields> {
  const modules = new Map<string, Fields>();
  for (const [name, { facts }] of bare) {
    if (isBookkeeping(name)) continue;
    const path = moduleOf(name);
    modules.set(path, (modules.get(path) ?? new Map<string, TensorFacts>()).set(fieldOf(name), facts));
  }
  return modules;
}

const full = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);

function unknown(path: string, fields: Fields, known: readonly string[]): Refusal | undefined {
  const field = [...fields.keys()].find((name) => !known.includes(name));
  if (field === undefined) return undefined;
  return refusal(
    `a network with a tensor "${full(path, field)}", which no multilayer perceptron has`,
    ignoreHint,
  );
}

const ignoreHint =
  'If the logits do not depend on it, declare the network in a file and list it under "ignore": --architecture FILE (docs/architectures.md).';

function addLinear(path: string, fields: Fields, into: Modules, noBias: string[]): Refusal | undefined {
  const problem = unknown(path, fields, ['weight', 'bias']);
  if (problem) return problem;
  const [outputs, inputs] = fields.get('weight')!.shape as [number, number];
  const bias = fields.get('bias')?.shape;
  if (!bias) noBias.push(path);
  else if (bias.length === 1 && bias[0] === inputs && inputs !== outputs)
    return refusal(
      `weights that are stored as [inputs, outputs]: "${full(path, 'weight')}" is [${outputs}, ${inputs}], but its bias has ${inputs} entries; PyTorch's linear layers have [outputs, inputs]`,
      'Transpose every weight of a linear layer before saving: weight.T.contiguous().',
    );
  else if (bias.length !== 1 || bias[0] !== outputs)
    return refusal(
      `"${full(path, 'bias')}" has shape [${bias.join(', ')}], but "${full(path, 'weight')}" is [${outputs}, ${inputs}]; a linear layer's bias has one entry per output`,
    );
  into.linears.push({ path, inputs, outputs });
  return undefined;
}

function addNorm(path: string, fields: Fields, into: Modules): Refusal | undefined {
  const problem = unknown(path, fields, ['weight', 'bias', 'running_mean', 'running_var']);
  if (problem) return problem;
  const has = (field: string): boolean => fields.has(field);
  const example = full(path, [...fields.keys()][0]!);
  const refuse = (reason: string): Refusal =>
    refusal(reason, `Basin supports layer norms and batch norms with running statistics. ${ignoreHint}`);
  if (has('running_mean') !== has('running_var'))
    return refuse(
      `"${full(path, has('running_mean') ? 'running_mean' : 'running_var')}" without ${has('running_mean') ? 'running_var' : 'running_mean'}: a batch norm that cannot be evaluated`,
    );
  const batch = has('running_mean');
  if (has('weight') && !has('bias') && !batch)
    return refuse(
      `"${example}" has no bias: a PReLU, an RMSNorm or a LayerNorm without bias, which Basin does not support`,
    );
  if (has('weight') !== has('bias'))
    return refuse(`"${example}": a norm has a weight and a bias, or neither; one of them is missing`);
  const shapes = [...fields.values()].map(({ shape }) => shape);
  const [width = 0] = shapes[0]!;
  if (shapes.some((shape) => shape.length !== 1 || shape[0] !== width))
    return refuse(
      `"${example}": the tensors of a norm have one axis, of one length; found [${shapes.map((s) => s.join(', ')).join('], [')}]`,
    );
  const name = path.toLowerCase();
  if (
    !batch &&
    /(?:^|[._\d])(?:bn|batch_?norm|gn|group_?norm|in(?:st(?:ance)?)?_?norm|instance_?norm|rms)/.test(name)
  )
    return refuse(
      `"${path}" is called a ${/bn|batch/.test(name) ? 'batch norm, but has no running statistics' : 'norm other than a layer norm'}; its tensors alone would suggest a layer norm`,
    );
  into.norms.push({ path, kind: batch ? 'batch' : 'layer', width, affine: has('weight') });
  return undefined;
}
