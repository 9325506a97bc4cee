/**
 * The residual networks of neuron-identifiability for small images (src/models/resnet.py: ResNet20, 32, 56 and 110): a
 * convolution, three layers of blocks with 16, 32 and 64 times `width` channels, the mean over all pixels, a linear layer.
 *
 * A block: ReLU(norm(conv x)), then ReLU(norm(conv) + shortcut x). The shortcut is x itself, or where size or channels
 * change a convolution of single pixels and a norm. Convolutions have no biases.
 */
import type { ModuleLayer, ResnetSpec } from '../model.ts';
import type { FamilyPart } from './families.ts';
import type { Graph, Initial, Node, Parameter } from './graph.ts';
import { blocksOf } from './resnet-sizes.ts';
import type { Block } from './resnet-sizes.ts';
import { sizeOf } from '../shapes.ts';

/** Parameters in PyTorch's order, under its names. */
export function resnetGraph(spec: ResnetSpec): Graph {
  return new Builder(spec).graph();
}

const imageInput = 'input';

class Builder {
  readonly #spec: ResnetSpec;
  readonly #layers: ReadonlyMap<string, ModuleLayer>;
  readonly #nodes: Node[] = [];
  readonly #parameters: Parameter[] = [];

  constructor(spec: ResnetSpec) {
    this.#spec = spec;
    this.#layers = new Map(spec.layers.map((layer) => [layer.module, layer]));
  }

  graph(): Graph {
    const norm = this.#spec.norm === 'group' ? 'ln' : 'bn';
    this.#push('channels_last', 'transpose', [imageInput], { attributes: { order: [1, 2, 0] } });
    this.#convolution('conv1', 'channels_last', 1);
    this.#norm(`${norm}1`, 'conv1');
    this.#relu('relu', `${norm}1`);
    let last = 'relu';
    const blocks = blocksOf(this.#spec);
    for (const block of blocks) last = this.#block(block, last, norm);
    this.#push('pool', 'pool', [last], { attributes: { kind: 'global_average' } });
    const weights = { ...this.#weight('linear'), bias: this.#bias('linear') };
    this.#push('linear', 'linear', ['pool'], { parameters: weights });
    this.#companions('linear');
    return {
      inputs: [{ id: imageInput, shape: [...this.#spec.input] }],
      parameters: this.#parameters,
      nodes: this.#nodes,
      output: 'linear',
      groupNames: groupNamesOf(blocks),
    };
  }

  #block({ module, stride }: Block, from: string, norm: string): string {
    const inside = (name: string): string => `${module}.${name}`;
    this.#convolution(inside('conv1'), from, stride);
    this.#norm(inside(`${norm}1`), inside('conv1'));
    this.#relu(inside('relu'), inside(`${norm}1`));
    this.#convolution(inside('conv2'), inside('relu'), 1);
    this.#norm(inside(`${norm}2`), inside('conv2'));
    let shortcut = from;
    if (stride === 2) {
      this.#convolution(inside('shortcut.0'), from, stride);
      this.#norm(inside('shortcut.1'), inside('shortcut.0'));
      shortcut = inside('shortcut.1');
    }
    this.#push(inside('add'), 'add', [inside(`${norm}2`), shortcut]);
    this.#relu(module, inside('add'));
    return module;
  }

  #push(id: string, op: string, inputs: string[], rest: Partial<Node> = {}): void {
    this.#nodes.push({ ...{ id, op, inputs }, parameters: {}, attributes: {}, ...rest });
  }

  #relu(id: string, from: string): void {
    this.#push(id, 'activation', [from], { attributes: { kind: 'relu' } });
  }

  #convolution(module: string, from: string, stride: 1 | 2): void {
    const [, , kernel] = this.#layers.get(module)!.shape;
    const padding = kernel === 3 ? 1 : 0;
    this.#push(module, 'conv2d', [from], {
      parameters: this.#weight(module),
      attributes: { stride: [stride, stride], padding: [padding, padding] },
    });
    this.#companions(module);
  }

  #norm(module: string, from: string): void {
    const channels = this.#layers.get(from)!.shape[0]!;
    const declare = (role: Parameter['role'], word: string, shape: number[], value: number) => {
      this.#parameters.push({ name: `${module}.${word}`, shape, role, initial: constant(value) });
      return { [word]: `${module}.${word}` };
    };
    const affine = {
      ...declare('trained', 'weight', [channels], 1),
      ...declare('trained', 'bias', [channels], 0),
    };
    if (this.#spec.norm === 'group') {
      this.#push(module, 'norm', [from], { parameters: affine, attributes: { kind: 'group' } });
      return;
    }
    const statistics = {
      ...declare('statistics', 'running_mean', [channels], 0),
      ...declare('statistics', 'running_var', [channels], 1),
      ...declare('statistics', 'num_batches_tracked', [], 0),
    };
    this.#push(module, 'norm', [from], {
      parameters: { ...affine, ...statistics },
      attributes: { kind: 'batch' },
    });
  }

  #weight(module: string): { weight: string } {
    const layer = this.#layers.get(module)!;
    const family = familyPart(this.#spec, layer);
    const name = `${module}.weight`;
    const initial = initialWeight(this.#spec, layer);
    this.#parameters.push({ name, shape: layer.shape, role: 'trained', ...(family && { family }), initial });
    return { weight: name };
  }

  #bias(module: string): string {
    const layer = this.#layers.get(module)!;
    const name = `${module}.bias`;
    const initial: Initial = { kind: 'uniform', bound: boundOf(layer), stream: `bias/${module}` };
    this.#parameters.push({ name, shape: [layer.shape[0]!], role: 'trained', initial });
    return name;
  }

  /** The fixed tensors of a module stand behind its trained ones. */
  #companions(module: string): void {
    const layer = this.#layers.get(module)!;
    const { mask, fixed } = familyPart(this.#spec, layer) ?? {};
    const declare = (name: string, initial: Initial): void =>
      void this.#parameters.push({ name, shape: layer.shape, role: 'fixed', initial });
    if (mask !== undefined) declare(mask, { kind: 'mask', zeros: layer.numFixed, stream: `mask/${module}` });
    if (fixed) declare(fixed.tensor, initialFixed(this.#spec, layer));
  }
}

const constant = (value: number): Initial => ({ kind: 'constant', value });

/** 1 / sqrt(fan-in) */
const boundOf = ({ shape }: ModuleLayer): number => 1 / Math.sqrt(sizeOf(shape.slice(1)));

/**
 * Convolutions of all families, and the linear layer of standard networks: U(+-1/sqrt(fan-in)). The linear layer of the
 * others: N(0, 1/fan-in).
 */
function initialWeight({ family, asymInitOnly }: ResnetSpec, layer: ModuleLayer): Initial {
  const { module } = layer;
  const stream = `weight/${module}`;
  const gaussian = module === 'linear' && family !== 'standard' && !asymInitOnly;
  return gaussian
    ? { kind: 'normal', deviation: boundOf(layer), stream }
    : { kind: 'uniform', bound: boundOf(layer), stream };
}

function initialFixed({ family }: ResnetSpec, { module, normalMask }: ModuleLayer): Initial {
  if (family === 'syre') return { kind: 'normal', deviation: 1, stream: `noise/${module}` };
  return normalMask ? { kind: 'normal', deviation: 1, stream: `normal_mask/${module}` } : constant(1);
}

/** W-asymmetric: mask * W + (1 - mask) * sigma_F * F. SYRE: W + sigma_F * noise. */
function familyPart(
  { family, asymInitOnly }: ResnetSpec,
  { module, sigmaF }: ModuleLayer,
): FamilyPart | undefined {
  // A model that was only initialised asymmetrically is a standard one.
  if (asymInitOnly || family === 'standard') return undefined;
  if (family === 'syre') return { fixed: { tensor: `${module}.noise`, scale: sigmaF }, support: 'all' };
  const fixed = { tensor: `${module}.normal_mask`, scale: sigmaF };
  return { fixed, mask: `${module}.mask`, support: 'fixed' };
}

/** As the published code has them: the three residual streams (`bg`: between groups), and the channels inside each block. */
function groupNamesOf(blocks: readonly Block[]): Record<string, string> {
  const inner = blocks.map(({ module }) => [`${module}.conv1`, `P_${module}_inner`]);
  const streams = [
    ['conv1', 'P_bg0'],
    ['layer2.0.conv2', 'P_bg1'],
    ['layer3.0.conv2', 'P_bg2'],
  ];
  return Object.fromEntries([...streams, ...inner]) as Record<string, string>;
}
