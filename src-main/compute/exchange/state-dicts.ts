/** What network a state dict is of, told from the names and shapes of its tensors alone. */
import type { Family } from '../../../src-shared/domain.ts';

export interface TensorFacts {
  readonly shape: readonly number[];
}

export interface MlpFound {
  kind: 'mlp';
  family: Family;
  /** From input to output. */
  widths: number[];
  norm: 'layer' | 'batch' | 'none';
  elementwiseAffine: boolean;
  /** Name in the file -> name as Basin and neuron-identifiability have it. */
  names: Map<string, string>;
}

export interface OtherFound {
  kind: 'other';
  /** What it is, and why Basin cannot compute with it. */
  reason: string;
}

/** Put before every name by DataParallel and torch.compile. */
const wrappers = /^(?:(?:module|_orig_mod)\.)+/;

/** Names of neuron-identifiability and asymmetric-networks (lmc/models): they share them. */
const ownNames =
  /^(?:lins\.\d+\.(?:weight|bias|mask|normal_mask|noise)|norms\.\d+\.(?:weight|bias|running_mean|running_var|num_batches_tracked|scale|inv_std)|activations\.\d+\.C)$/;

/** An MLP that Basin can compute with, or what it is instead. */
export function recogniseStateDict(tensors: ReadonlyMap<string, TensorFacts>): MlpFound | OtherFound {
  const bare = new Map([...tensors].map(([name, facts]) => [name.replace(wrappers, ''), { name, facts }]));
  const convolution = [...bare].find(([, { facts }]) => facts.shape.length === 4);
  if (convolution) return { kind: 'other', reason: convolutional(convolution[0], new Set(bare.keys())) };
  if ([...bare.keys()].every((name) => ownNames.test(name))) return ownMlp(bare);
  return plainMlp(bare);
}

type Bare = ReadonlyMap<string, { name: string; facts: TensorFacts }>;

function convolutional(example: string, names: ReadonlySet<string>): string {
  const has = (suffix: string): boolean => [...names].some((name) => name.endsWith(suffix));
  const asymmetric = has('.normal_mask')
    ? ' with W-asymmetric layers (mask, normal_mask), as asymmetric-networks has them'
    : has('.F_mat')
      ? ' with sigma-asymmetric gates (F_mat), as asymmetric-networks has them'
      : '';
  return `a convolutional network${asymmetric} (${example} has four axes); Basin computes with multilayer perceptrons`;
}

function ownMlp(bare: Bare): MlpFound | OtherFound {
  const has = (name: string): boolean => bare.has(name);
  const count = [...bare.keys()].filter((name) => /^lins\.\d+\.weight$/.test(name)).length;
  const shapes = Array.from({ length: count }, (_, i) => bare.get(`lins.${i}.weight`)?.facts.shape);
  const widths = chain(shapes);
  if (!widths)
    return { kind: 'other', reason: 'layers lins.0, lins.1, ... that do not fit one behind the other' };
  const norm = has('norms.0.running_mean') ? 'batch' : has('norms.0.weight') ? 'layer' : 'none';
  const family: Family = has('lins.0.normal_mask')
    ? 'w-asymmetric'
    : has('lins.0.noise')
      ? 'syre'
      : has('activations.0.C')
        ? 'sigma-asymmetric'
        : 'standard';
  if (has('norms.0.scale') || has('norms.0.inv_std'))
    return { kind: 'other', reason: 'an MLP with linearised norms, whose kind only its config.yaml tells' };
  return {
    ...{ kind: 'mlp', family, widths, norm, elementwiseAffine: has('norms.0.weight') },
    names: new Map([...bare].map(([name, entry]) => [entry.name, name])),
  };
}

/** Linear layers under any names, in the order of the file, perhaps with a norm behind each but the last. */
function plainMlp(bare: Bare): MlpFound | OtherFound {
  const names = new Map<string, string>();
  const shapes: (readonly number[])[] = [];
  let norms = 0;
  let isBatch = false;
  for (const [name, entry] of bare) {
    const [, module = '', field = ''] = /^(.*?)\.?([^.]+)$/.exec(name) ?? [];
    const weight = bare.get(`${module}.weight`)?.facts.shape;
    const target = weight?.length === 2 ? 'lins' : 'norms';
    if (field === 'weight') {
      if (target === 'lins') shapes.push(entry.facts.shape);
      else norms++;
    }
    const index = (target === 'lins' ? shapes.length : norms) - 1;
    isBatch ||= field === 'running_mean';
    const known =
      target === 'lins'
        ? ['weight', 'bias']
        : ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'];
    if (index < 0 || !known.includes(field))
      return { kind: 'other', reason: `a network with a tensor "${name}" that no multilayer perceptron has` };
    names.set(entry.name, `${target}.${index}.${field}`);
  }
  const widths = chain(shapes);
  if (!widths || (norms > 0 && norms !== shapes.length - 1))
    return { kind: 'other', reason: 'no chain of linear layers, each taking what the one before gives' };
  const norm = norms === 0 ? 'none' : isBatch ? 'batch' : 'layer';
  return { kind: 'mlp', family: 'standard', widths, norm, elementwiseAffine: norms > 0, names };
}

/** [outputs, inputs] of each layer -> widths, or undefined where they do not follow one another. */
function chain(shapes: readonly (readonly number[] | undefined)[]): number[] | undefined {
  const widths: number[] = [];
  for (const shape of shapes) {
    if (shape?.length !== 2) return undefined;
    const [outputs, inputs] = shape as [number, number];
    if (widths.length > 0 && widths.at(-1) !== inputs) return undefined;
    if (widths.length === 0) widths.push(inputs);
    widths.push(outputs);
  }
  return widths.length >= 2 ? widths : undefined;
}
