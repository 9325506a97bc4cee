/** From a network that PyTorch exported to one of Basin's: a graph of operations under the names of the state dict. */
import { UserError } from '../../../src-shared/errors.ts';
import type { Graph, Node, Parameter } from '../../../src-shared/networks/graph.ts';
import { packNumbers } from '../../../src-shared/networks/packed.ts';
import { batchSize, sameSize, shapeText } from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { ValueKind } from '../../../src-shared/networks/operations/torch.ts';
import type { ExportedFile } from '../../formats/exported/open-exported.ts';
import type { Argument, TensorMeta } from '../../formats/exported/schema.ts';
import type { LazyTensor } from '../../formats/tensor.ts';
import { Builder } from './builder.ts';
import type { Value } from './builder.ts';
import { kindOfCode, unsupportedType } from './call.ts';
import { initialOf } from './initial.ts';
import { GraphLowering, refuseUnknown } from './lower-graph.ts';
import { hintOf, symbolOf } from './recorded.ts';
import type { Symbols } from './recorded.ts';

export interface LoweredNetwork {
  graph: Graph;
  /** Keys of the state dict that are the same tensor as another: key -> the one that the graph names. */
  tied: Record<string, string>;
  notes: string[];
}

const exportHint =
  'Export with torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},)); docs/pytorch.md has examples.';

/**
 * @param output which of several outputs is the network's, counted from 1
 * @throws UserError naming the file, and the operation and module that is not supported
 */
export function lowerExported(file: ExportedFile, output?: number): LoweredNetwork {
  return new Lowering(file, output).lowered();
}

interface Input {
  name: string;
  kind: ValueKind;
  /** As recorded; the examples along `batch`. */
  sizes: Size[];
  batch: number;
}

class Lowering {
  readonly #file: ExportedFile;
  readonly #output: number | undefined;
  readonly #parameters = new Map<string, Parameter>();
  readonly #constants = new Map<string, Parameter>();
  readonly #tied: Record<string, string> = {};
  readonly #notes: string[] = [];

  constructor(file: ExportedFile, output: number | undefined) {
    this.#file = file;
    this.#output = output;
  }

  get #where(): string {
    return this.#file.path;
  }

  get #module() {
    return this.#file.program.graph_module;
  }

  lowered(): LoweredNetwork {
    const { graph } = this.#module;
    refuseUnknown(graph, this.#where);
    this.#readParameters();
    const { input, symbols } = this.#input();
    const builder = new Builder(this.#where, [input.name]);
    const lowering = new GraphLowering(graph, {
      ...{ where: this.#where, builder, symbols },
      hasParameter: (name) => this.#parameters.has(name),
    });
    this.#bindInputs(lowering, builder, input);
    lowering.run();
    builder.at = { name: 'output' };
    const result = this.#resultOf(lowering, builder);
    const nodes = reachable(builder.nodes, result);
    const shape = input.sizes.filter((_, axis) => axis !== input.batch) as number[];
    if (nodes.length === 0) throw new UserError(`${this.#where}: its output does not depend on its input.`);
    return {
      graph: {
        inputs: [{ id: input.name, shape }],
        parameters: this.#usedParameters(nodes),
        nodes,
        output: result,
        groupNames: {},
      },
      tied: this.#tied,
      notes: this.#notes,
    };
  }

  /** Keys of the state dict; several of the same tensor go under the last, which the graph reads. */
  #readParameters(): void {
    const { weights } = this.#file;
    const places = new Map<string, { name: string; tensor: LazyTensor }>();
    for (const [name, { tensor }] of [...weights].toReversed()) {
      const { key } = tensor.storage;
      const other = places.get(key);
      if (!other || tensor.size === 0) {
        places.set(key, { name, tensor });
        continue;
      }
      const same =
        other.tensor.shape.join() === tensor.shape.join() &&
        other.tensor.stride.join() === tensor.stride.join() &&
        other.tensor.storageOffset === tensor.storageOffset &&
        other.tensor.dtype === tensor.dtype;
      const trained = [name, other.name].map((each) => weights.get(each)!.trained);
      // Training would move the one and not the other.
      if (same ? trained[0] !== trained[1] : trained.includes(true))
        throw new UserError(
          same
            ? `${this.#where}: "${name}" and "${other.name}" are one tensor, and only one of them is trained, which is not supported.`
            : `${this.#where}: "${name}" and "${other.name}" share memory in part, which is not supported.`,
          { hint: 'Copy one of them (.clone()) before exporting.' },
        );
      if (same) this.#tied[name] = other.name;
    }
    for (const [name, { tensor, trained }] of weights)
      if (this.#tied[name] === undefined)
        this.#parameters.set(name, { name, shape: [...tensor.shape], role: trained ? 'trained' : 'fixed' });
    if (Object.keys(this.#tied).length > 0)
      this.#notes.push(
        `Tied, and so one tensor: ${Object.entries(this.#tied)
          .map(([name, other]) => `${name} and ${other}`)
          .join('; ')}.`,
      );
  }

  /** The one input that data go into, and what symbols in recorded shapes stand for. */
  #input(): { input: Input; symbols: Symbols } {
    const { signature } = this.#module;
    const names = signature.input_specs.flatMap((spec) =>
      'user_input' in spec ? [tensorName((spec.user_input as { arg: Argument }).arg)] : [],
    );
    if (names.length !== 1 || names[0] === undefined) {
      const found = names.map((name) => name ?? 'something other than a tensor').join(', ');
      throw new UserError(
        `${this.#where}: the network takes ${names.length} inputs (${found}); one tensor was expected.`,
        {
          hint: 'Wrap it in a module whose forward takes what the data give and fills in the rest (docs/pytorch.md), and export that.',
        },
      );
    }
    const name = names[0];
    const meta = this.#meta(name);
    const kind = kindOfCode(meta.dtype);
    if (kind === undefined)
      throw new UserError(`${this.#where}: input "${name}": ${unsupportedType(meta.dtype)}.`);
    const found = meta.sizes.map(symbolOf);
    const symbolic = found.flatMap((symbol, axis) => (symbol === undefined ? [] : [axis]));
    const batch = symbolic.includes(0) ? 0 : symbolic[0];
    if (batch === undefined)
      throw new UserError(
        `${this.#where}: the input "${name}" has the fixed shape [${meta.sizes.map((size) => hintOf(size) ?? '?').join(', ')}]; no axis is free for any number of examples.`,
        { hint: exportHint },
      );
    const symbols = new Map<string, Size>([[found[batch]!, batchSize]]);
    const sizes = meta.sizes.map((size, axis): Size => {
      if (axis === batch) return batchSize;
      const hint = hintOf(size);
      const symbol = found[axis];
      if (hint === undefined || !Number.isInteger(hint) || hint < 0)
        throw new UserError(
          `${this.#where}: the size of axis ${axis} of the input "${name}" is not recorded.`,
        );
      if (symbol !== undefined) {
        if (symbols.has(symbol)) return symbols.get(symbol)!;
        symbols.set(symbol, hint);
        this.#notes.push(
          `Axis ${axis} of the input may have any length; it is ${hint}, as in the example of the export.`,
        );
      } else if (!('as_int' in size))
        throw new UserError(
          `${this.#where}: the size of axis ${axis} of the input "${name}" is an expression; a number or a symbol was expected.`,
        );
      return hint;
    });
    return { input: { name, kind, sizes, batch }, symbols };
  }

  #meta(name: string): TensorMeta {
    const { tensor_values: values } = this.#module.graph;
    const meta = Object.hasOwn(values, name) ? values[name] : undefined;
    if (meta) return meta;
    throw new UserError(`${this.#where}: tensor_values: "${name}" is missing.`);
  }

  #bindInputs(lowering: GraphLowering, builder: Builder, input: Input): void {
    for (const spec of this.#module.signature.input_specs) {
      if ('parameter' in spec) {
        const { arg, parameter_name: name } = spec.parameter as {
          arg: { name: string };
          parameter_name: string;
        };
        lowering.bind(arg.name, this.#stored(builder, name), true);
      } else if ('buffer' in spec) {
        const {
          arg,
          buffer_name: name,
          persistent,
        } = spec.buffer as { arg: { name: string }; buffer_name: string; persistent: boolean };
        lowering.bind(
          arg.name,
          persistent ? this.#stored(builder, name) : this.#constant(builder, name),
          true,
        );
      } else if ('tensor_constant' in spec) {
        const { arg, tensor_constant_name: name } = spec.tensor_constant as {
          arg: { name: string };
          tensor_constant_name: string;
        };
        lowering.bind(arg.name, this.#constant(builder, name), true);
      } else if (!('user_input' in spec) && !('constant_input' in spec))
        throw new UserError(
          `${this.#where}: an input of kind ${Object.keys(spec).join(', ')} is not supported.`,
        );
    }
    const order = [input.batch, ...[...input.sizes.keys()].filter((axis) => axis !== input.batch)];
    const front: Value = { sizes: order.map((axis) => input.sizes[axis]!), kind: 'float', plain: input.name };
    builder.at = { name: `${input.name}_as_given` };
    const cast =
      input.kind === 'float'
        ? front
        : builder.plain({ call: 'cast', kind: input.kind }, [front], front.sizes, input.kind);
    const back = input.sizes.map((_, axis) => order.indexOf(axis));
    const value =
      input.batch === 0
        ? cast
        : builder.plain({ call: 'permute', order: back }, [cast], input.sizes, input.kind);
    lowering.bind(input.name, value);
  }

  /** A parameter or buffer of the state dict. */
  #stored(builder: Builder, name: string): Value {
    const own = this.#tied[name] ?? name;
    const parameter = this.#parameters.get(own);
    const found = this.#file.weights.get(own);
    if (!parameter || !found)
      throw new UserError(`${this.#where}: the state dict has no "${name}", which the graph reads.`);
    return builder.parameter(parameter, this.#kindOf(name, found.tensor));
  }

  #constant(builder: Builder, name: string): Value {
    const tensor = this.#file.constants.get(name);
    if (!tensor)
      throw new UserError(`${this.#where}: there is no constant "${name}", which the graph reads.`);
    const kind = this.#kindOf(name, tensor);
    const taken = (own: string): boolean => this.#parameters.has(own) || this.#file.weights.has(own);
    const own = taken(name) ? `${name} (constant)` : name;
    const parameter: Parameter = { name: own, shape: [...tensor.shape], role: 'fixed' };
    this.#constants.set(own, { ...parameter, packed: packNumbers(tensor.readFloat32()) });
    return builder.parameter(parameter, kind);
  }

  #kindOf(name: string, tensor: LazyTensor): ValueKind {
    const { dtype } = tensor;
    if (dtype === 'float32') return 'float';
    if (dtype === 'bool') return 'bool';
    if (!dtype.includes('int'))
      throw new UserError(
        `${this.#where}: "${name}" is of ${dtype}; float32, whole numbers and bool are supported.`,
        {
          hint: 'Export the network in float32: model.float().',
        },
      );
    // Kept as float32 from here on.
    if (tensor.readFloat64().some((value) => Math.abs(value) > 2 ** 24))
      throw new UserError(
        `${this.#where}: "${name}" holds whole numbers beyond 2^24, which are not kept exactly.`,
      );
    return 'int';
  }

  #resultOf(lowering: GraphLowering, builder: Builder): string {
    const specs = this.#module.signature.output_specs;
    const names = specs.flatMap((spec) =>
      'user_output' in spec ? [tensorName((spec.user_output as { arg: Argument }).arg)] : [],
    );
    if (names.length > 1 && this.#output === undefined)
      throw new UserError(
        `${this.#where}: the network has ${names.length} outputs; which of them is the one to be computed is not said.`,
        {
          hint: `Choose one with --output 1 to ${names.length}.`,
        },
      );
    const name = names[(this.#output ?? 1) - 1];
    if (name === undefined)
      throw new UserError(
        `${this.#where}: output ${this.#output ?? 1} of ${names.length} was chosen; a tensor was expected there.`,
      );
    const value = lowering.value(name);
    const axes = value.sizes.flatMap((size, axis) => (typeof size === 'number' ? [] : [axis]));
    const [batch] = axes;
    if (value.kind !== 'float' || axes.length !== 1 || !sameSize(value.sizes[batch!]!, batchSize))
      throw new UserError(
        `${this.#where}: the output "${name}" has shape ${shapeText(value.sizes)} and kind ${value.kind}; one axis for the examples was expected, and float32.`,
      );
    if (batch === 0) return builder.plainId(value);
    const order = [batch!, ...[...value.sizes.keys()].filter((axis) => axis !== batch)];
    const sizes = order.map((axis) => value.sizes[axis]!);
    return builder.plainId(builder.plain({ call: 'permute', order }, [value], sizes, 'float'));
  }

  /** Those of the state dict in its order, then constants. What no node reads is kept, and not trained. */
  #usedParameters(nodes: readonly Node[]): Parameter[] {
    const read = new Set(nodes.flatMap(({ parameters }) => Object.values(parameters)));
    const statistics = new Map(
      nodes.flatMap(({ op, parameters }) =>
        op === 'norm'
          ? ['running_mean', 'running_var', 'num_batches_tracked'].flatMap((word) =>
              parameters[word] === undefined ? [] : [[parameters[word], word] as const],
            )
          : [],
      ),
    );
    const own = [...this.#parameters.values()].map((parameter): Parameter => {
      if (statistics.has(parameter.name)) return { ...parameter, role: 'statistics' };
      return read.has(parameter.name) ? parameter : { ...parameter, role: 'fixed' };
    });
    const idle = own.filter(({ name }) => !read.has(name) && this.#file.weights.get(name)!.trained);
    if (idle.length > 0)
      this.#notes.push(
        `The output does not depend on ${idle.map(({ name }) => name).join(', ')}: kept unchanged, and not trained.`,
      );
    const begun = own.map((parameter): Parameter => {
      const { tensor } = this.#file.weights.get(parameter.name)!;
      const initial = initialOf(parameter, tensor, statistics.get(parameter.name));
      return initial ? { ...parameter, initial } : parameter;
    });
    const unknown = begun.filter(({ role, initial }) => role === 'trained' && !initial);
    if (unknown.length > 0)
      this.#notes.push(
        `How ${unknown[0]!.name}${unknown.length > 1 ? ` (and ${unknown.length - 1} more)` : ''} began cannot be inferred from its values: to train from the beginning, export the network before it is trained.`,
      );
    return [...begun, ...[...this.#constants.values()].filter(({ name }) => read.has(name))];
  }
}

const tensorName = (argument: Argument): string | undefined =>
  'as_tensor' in argument ? (argument.as_tensor as { name: string }).name : undefined;

/** The nodes that a value is made of, in their order. */
function reachable(nodes: readonly Node[], output: string): Node[] {
  const wanted = new Set([output]);
  return nodes
    .toReversed()
    .filter(({ id, inputs }) => {
      if (!wanted.has(id)) return false;
      for (const input of inputs) wanted.add(input);
      return true;
    })
    .toReversed();
}
