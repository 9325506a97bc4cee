/**
 * The residual networks of neuron-identifiability for small images (src/models/resnet.py: ResNet20, 32, 56 and 110): a
 * convolution, three layers of blocks with 16, 32 and 64 times `width` channels, the mean over all pixels, a linear layer.
 *
 * A block: ReLU(norm(conv x)), then ReLU(norm(conv) + shortcut x). The shortcut is x itself, or where size or channels
 * change a convolution of single pixels and a norm. Convolutions have no biases.
 */
import type { ResnetLayer, ResnetSpec } from '../model.ts';
import type { FamilyPart } from './families.ts';
import type { Graph, Node, Parameter } from './graph.ts';
import { blocksOf } from './resnet-sizes.ts';
import type { Block } from './resnet-sizes.ts';

/** Parameters in PyTorch's order, under its names. */
export function resnetGraph(spec: ResnetSpec): Graph {
  return new Builder(spec).graph();
}

const imageInput = 'input';

class Builder {
  readonly #spec: ResnetSpec;
  readonly #layers: ReadonlyMap<string, ResnetLayer>;
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
    const weights = { ...this.#weight('linear'), bias: this.#bias('linear', this.#spec.classes) };
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
    const names = (words: readonly string[]) =>
      Object.fromEntries(words.map((word) => [word, `${module}.${word}`]));
    const affine = names(['weight', 'bias']);
    for (const name of Object.values(affine))
      this.#parameters.push({ name, shape: [channels], role: 'trained' });
    if (this.#spec.norm === 'group') {
      this.#push(module, 'norm', [from], { parameters: affine, attributes: { kind: 'group' } });
      return;
    }
    const statistics = names(['running_mean', 'running_var', 'num_batches_tracked']);
    for (const [word, name] of Object.entries(statistics))
      this.#parameters.push({
        name,
        shape: word === 'num_batches_tracked' ? [] : [channels],
        role: 'statistics',
      });
    this.#push(module, 'norm', [from], {
      parameters: { ...affine, ...statistics },
      attributes: { kind: 'batch' },
    });
  }

  #weight(module: string): { weight: string } {
    const layer = this.#layers.get(module)!;
    const family = familyPart(this.#spec, layer);
    const weight = `${module}.weight`;
    this.#parameters.push({ name: weight, shape: layer.shape, role: 'trained', ...(family && { family }) });
    return { weight };
  }

  #bias(module: string, size: number): string {
    const name = `${module}.bias`;
    this.#parameters.push({ name, shape: [size], role: 'trained' });
    return name;
  }

  /** The fixed tensors of a module stand behind its trained ones. */
  #companions(module: string): void {
    const layer = this.#layers.get(module)!;
    const family = familyPart(this.#spec, layer);
    for (const name of [family?.mask, family?.fixed?.tensor])
      if (name !== undefined) this.#parameters.push({ name, shape: layer.shape, role: 'fixed' });
  }
}

/** W-asymmetric: mask * W + (1 - mask) * sigma_F * F. SYRE: W + sigma_F * noise. */
function familyPart(
  { family, asymInitOnly }: ResnetSpec,
  { module, sigmaF }: ResnetLayer,
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
