/** From a declaration to a network: names are looked up, sizes compared, permutation groups derived. */
import type { DeclaredSpec } from '../model.ts';
import { didYouMean } from '../near-miss.ts';
import { groupNamesOf } from './declared-groups.ts';
import { declarationError, parseDeclaration } from './declaration.ts';
import type { Declaration, DeclaredLayer, DeclaredLinear, DeclaredNorm, Place } from './declaration.ts';
import type { Graph, Node, Parameter } from './graph.ts';
import { readNetwork } from './network.ts';
import { usualEpsilonOf } from './operations/norm.ts';

/** The id of the network's input, and its name in declarations. */
export const declaredInput = 'input';

/**
 * @param value parsed YAML: the file of a declaration, or these words of a config's section `model`
 * @param where names the file in messages
 * @param prefix stands before the names of fields in messages
 * @throws UserError naming the field
 */
export function readDeclared(value: unknown, where: string, prefix = ''): DeclaredSpec {
  const place = { where, prefix };
  const declaration = parseDeclaration(value, place);
  const graph = new Builder(declaration, place).graph();
  const network = readNetwork(graph, where);
  const { name, permutations, ignore } = declaration;
  const groupNames = permutations ? groupNamesOf(network, permutations, place) : {};
  refuseIgnored(declaration, network.parameters, place);
  return {
    architecture: 'declared',
    graph: { ...graph, groupNames },
    ...(name !== undefined && { description: name }),
    ...(ignore.length > 0 && { ignored: ignore }),
  };
}

/** What tells the id of a layer without a name. */
export interface Nameless {
  readonly op: string;
  readonly attributes: unknown;
  /** By the operation's word. */
  readonly parameters: Readonly<Record<string, { readonly name: string }>>;
}

/** The id of a layer without a name: its module's, or what it does. @param taken which ids are in use */
export function defaultId({ op, attributes, parameters }: Nameless, taken: (id: string) => boolean): string {
  const tensor = parameters['weight'] ?? parameters['running_mean'] ?? parameters['bias'];
  const kind = op === 'activation' ? (attributes as { kind: string }).kind : op;
  const own = tensor ? moduleOf(tensor.name) : kind;
  for (let count = 1; ; count++) {
    const id = count === 1 ? own : `${own}#${count}`;
    if (!taken(id)) return id;
  }
}

const moduleOf = (tensor: string): string => tensor.replace(/\.(?:weight|bias|running_mean)$/, '');

/** The counter that PyTorch keeps beside the statistics of a batch norm; undefined where the names do not tell. */
function counterOf(runningMean: string): string | undefined {
  const counter = runningMean.replace(/(^|\.)running_mean$/, '$1num_batches_tracked');
  return counter === runningMean ? undefined : counter;
}

interface Use {
  readonly parameter: Parameter;
  readonly op: string;
  readonly word: string;
  /** Field of the layer that named it first. */
  readonly at: string;
}

/** Builds the nodes one after the other. */
class Builder {
  readonly #declaration: Declaration;
  readonly #place: Place;
  readonly #nodes: Node[] = [];
  readonly #uses = new Map<string, Use>();
  /** Entries of the values, by id. */
  readonly #widths = new Map<string, number>();
  /** Names that layers have, and where. */
  readonly #named = new Map<string, number>();
  readonly #taken = new Set<string>();

  constructor(declaration: Declaration, place: Place) {
    this.#declaration = declaration;
    this.#place = place;
  }

  graph(): Graph {
    const { layers } = this.#declaration;
    const inputs = this.#inputSize();
    this.#widths.set(declaredInput, inputs);
    this.#readNames();
    layers.forEach((layer, i) => this.#push(layer, i));
    this.#refuseUnused();
    this.#checkEnd();
    return {
      inputs: [{ id: declaredInput, shape: [inputs] }],
      parameters: [...this.#uses.values()].map(({ parameter }) => parameter),
      nodes: this.#nodes,
      output: this.#nodes.at(-1)!.id,
      groupNames: {},
    };
  }

  #fail(path: string, message: string, hint?: string): never {
    throw declarationError(this.#place, path, message, hint);
  }

  /** Before the first layer with a size of its own every value is as long as the input. */
  #inputSize(): number {
    for (const { op, value } of this.#declaration.layers) {
      if (op === 'linear') return value.shape[1];
      if (op === 'norm') return value.shape[0];
    }
    return this.#fail('layers', 'there is no linear layer.');
  }

  #readNames(): void {
    this.#declaration.layers.forEach(({ name }, i) => {
      if (name === undefined) return;
      if (name === declaredInput)
        this.#fail(`layers.${i}.name`, `"${declaredInput}" is the name of the network's input.`);
      const other = this.#named.get(name);
      if (other !== undefined) this.#fail(`layers.${i}.name`, `"${name}" is the name of layers.${other}.`);
      this.#named.set(name, i);
      this.#taken.add(name);
    });
    this.#taken.add(declaredInput);
  }

  #push(layer: DeclaredLayer, i: number): void {
    const at = `layers.${i}`;
    const { op } = layer;
    const from =
      layer.from === undefined
        ? (this.#nodes.at(-1)?.id ?? declaredInput)
        : this.#earlier(layer.from, `${at}.from`);
    const width = this.#widths.get(from)!;
    const others = op === 'add' ? this.#summands(layer.value, width, `${at}.add`) : [];
    const { parameters, attributes } = this.#contents(layer, width, at);
    const words = Object.entries(parameters).map(([word, name]) => [word, { name }]);
    const facts = { op, attributes, parameters: Object.fromEntries(words) as Nameless['parameters'] };
    const id = layer.name ?? defaultId(facts, (other) => this.#taken.has(other));
    this.#taken.add(id);
    this.#widths.set(id, op === 'linear' ? layer.value.shape[0] : width);
    this.#nodes.push({ id, op, inputs: [from, ...others], parameters, attributes });
  }

  #contents(layer: DeclaredLayer, width: number, at: string): Pick<Node, 'parameters' | 'attributes'> {
    switch (layer.op) {
      case 'linear':
        return { parameters: this.#linear(layer.value, width, `${at}.linear`), attributes: {} };
      case 'norm': {
        const { kind, eps = usualEpsilonOf(kind) } = layer.value;
        const parameters = this.#norm(layer.value, width, `${at}.norm`);
        return { parameters, attributes: { kind, epsilon: eps } };
      }
      case 'activation':
        return { parameters: {}, attributes: { kind: layer.value } };
      case 'add':
        return { parameters: {}, attributes: {} };
    }
  }

  #summands(names: readonly string[], width: number, at: string): string[] {
    return names.map((name) => {
      const id = this.#earlier(name, at);
      const size = this.#widths.get(id)!;
      if (size !== width)
        this.#fail(at, `"${name}" has ${size} entries, but the value that it is added to has ${width}.`);
      return id;
    });
  }

  /** The id of a value that a name stands for. */
  #earlier(name: string, at: string): string {
    if (name === declaredInput || this.#nodes.some(({ id }) => id === name && this.#named.has(name)))
      return name;
    const known = [declaredInput, ...this.#nodes.flatMap(({ id }) => (this.#named.has(id) ? [id] : []))];
    const later = this.#named.get(name);
    return this.#fail(
      at,
      later === undefined
        ? `no layer has the name "${name}".${didYouMean(name, known)}`
        : `"${name}" is layers.${later}, which does not come before.`,
      'Give the layer whose value is meant a name: - { name: a, linear: { ... } }.',
    );
  }

  #linear({ weight, bias, shape }: DeclaredLinear, width: number, at: string): Record<string, string> {
    if (shape[1] !== width)
      this.#fail(
        `${at}.shape`,
        `[${shape.join(', ')}] takes ${shape[1]} inputs, but the value that it is given has ${width} entries.`,
      );
    this.#use('linear', 'weight', { name: weight, shape: [...shape], role: 'trained' }, at);
    if (bias == null) return { weight };
    this.#use('linear', 'bias', { name: bias, shape: [shape[0]], role: 'trained' }, at);
    return { weight, bias };
  }

  #norm(norm: DeclaredNorm, width: number, at: string): Record<string, string> {
    const { kind } = norm;
    if (norm.shape[0] !== width)
      this.#fail(
        `${at}.shape`,
        `[${norm.shape[0]}] was expected to be [${width}]: its input has that many entries.`,
      );
    const parameters: Record<string, string> = {};
    const use = (word: string, role: Parameter['role'], name: string, shape = [width]): void => {
      this.#use('norm', word, { name, shape, role }, at);
      parameters[word] = name;
    };
    for (const word of ['weight', 'bias'] as const) if (norm[word] != null) use(word, 'trained', norm[word]);
    for (const word of ['running_mean', 'running_var'] as const) {
      const name = norm[word];
      if (kind !== 'batch' && name != null)
        this.#fail(
          `${at}.${word}`,
          `"${name}": ${kind === 'rms' ? 'an RMS' : 'a layer'} norm keeps no statistics.`,
        );
      if (kind === 'batch' && name == null)
        this.#fail(at, `${word} is missing: a batch norm is evaluated with its running statistics.`);
      if (name != null) use(word, 'statistics', name);
    }
    const counter = norm.running_mean == null ? undefined : counterOf(norm.running_mean);
    if (counter !== undefined) use('num_batches_tracked', 'statistics', counter, []);
    return parameters;
  }

  /** Layers share a tensor if they use it for the same and at one size. */
  #use(op: string, word: string, parameter: Parameter, layer: string): void {
    const { name, shape } = parameter;
    const at = `${layer}.${word}`;
    const before = this.#uses.get(name);
    if (!before) {
      this.#uses.set(name, { parameter, op, word, at });
      return;
    }
    if (before.op !== op || before.word !== word)
      this.#fail(at, `"${name}" is already ${before.at}; layers can share a tensor only in the same role.`);
    const other = before.parameter.shape;
    if (other.join() !== shape.join())
      this.#fail(
        at,
        `"${name}" has the shape [${shape.join(', ')}] here and [${other.join(', ')}] as ${before.at}; layers that share a tensor have one shape.`,
      );
  }

  #refuseUnused(): void {
    const used = new Set(this.#nodes.flatMap(({ inputs }) => inputs));
    const unused = this.#nodes.findIndex(({ id }, i) => i < this.#nodes.length - 1 && !used.has(id));
    if (unused < 0) return;
    this.#fail(
      `layers.${unused}`,
      'no later layer uses its value.',
      'Remove the layer, or use its value with "from" or "add".',
    );
  }

  #checkEnd(): void {
    const linear = this.#nodes.filter(({ op }) => op === 'linear');
    if (linear.length < 2)
      this.#fail('layers', 'at least two linear layers are needed; otherwise there is no neuron to permute.');
    const last = this.#declaration.layers.at(-1)!;
    if (last.op === 'activation' && last.value !== 'identity')
      this.#fail(
        `layers.${this.#nodes.length - 1}`,
        'an activation is the last layer; the network must end with its logits.',
      );
  }
}

/** Counters may be listed: nothing depends on them. */
function refuseIgnored(
  { ignore }: Declaration,
  parameters: ReadonlyMap<string, Parameter>,
  place: Place,
): void {
  const needed = ignore.find((name) => parameters.has(name) && !name.endsWith('num_batches_tracked'));
  if (needed !== undefined)
    throw declarationError(place, 'ignore', `"${needed}" belongs to a layer, which needs it.`);
}
