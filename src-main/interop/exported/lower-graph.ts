/** The nodes of an exported graph, one after the other, as nodes of a network. */
import { dtypeNamed } from '../../formats/exported/open-exported.ts';
import { exportedGraphSchema } from '../../formats/exported/schema.ts';
import type { Argument, ExportedGraph, ExportedNode, TensorMeta } from '../../formats/exported/schema.ts';
import { UserError } from '../../../src-shared/errors.ts';
import {
  addSizes,
  divideSize,
  productOf,
  sameSize,
  sameSizes,
  shapeText,
  timesSize,
} from '../../../src-shared/networks/sizes.ts';
import type { Size } from '../../../src-shared/networks/sizes.ts';
import type { ValueKind } from '../../../src-shared/networks/operations/torch.ts';
import { isSureView, isView, Names } from './aliases.ts';
import type { Builder, Value } from './builder.ts';
import { ExportedCall, isNarrow, kindOfCode, unsupportedType } from './call.ts';
import type { Outputs, Scope } from './call.ts';
import { castTo, expandTo } from './elementwise.ts';
import { handlerOf, isIdle, supportedOperations, targetOf } from './handlers.ts';
import type { Target } from './handlers.ts';
import { recordedSize } from './recorded.ts';
import type { Symbols } from './recorded.ts';

interface Surroundings {
  where: string;
  builder: Builder;
  symbols: Symbols;
  hasParameter(name: string): boolean;
}

const inner = 'torch.ops.higher_order.wrap_with_set_grad_enabled';
const deepest = 16;

/** The module that a node stands in: the innermost. */
export function moduleOf({ metadata }: ExportedNode): string | undefined {
  const last = metadata['nn_module_stack']?.split(';').at(-1)?.split(',');
  return last?.[1] === undefined || last[1] === '' ? undefined : last[1];
}

const nameOf = (argument: Argument | undefined): string | undefined =>
  argument && 'as_tensor' in argument ? (argument.as_tensor as { name: string }).name : undefined;

/** @throws UserError naming every operation that is not known, with the modules it stands in */
export function refuseUnknown(graph: ExportedGraph, where: string): void {
  const unknown = new Map<string, Set<string>>();
  for (const node of graph.nodes) {
    const target = targetOf(node.target);
    if (node.target === inner || isKnown(target)) continue;
    const name =
      target.kind === 'aten'
        ? `${target.operation}${target.inPlace ? '_' : ''}.${target.overload}`
        : node.target;
    const modules = unknown.get(name) ?? new Set();
    unknown.set(name, modules.add(moduleOf(node) ?? 'the network itself'));
  }
  if (unknown.size === 0) return;
  const listed = [...unknown].slice(0, 8).map(([name, modules]) => {
    const some = [...modules].slice(0, 3).join(', ');
    return `${name} (in ${some}${modules.size > 3 ? `, and ${modules.size - 3} more` : ''})`;
  });
  const more = unknown.size > 8 ? ` and ${unknown.size - 8} more` : '';
  throw new UserError(`${where}: these operations are not supported: ${listed.join(', ')}${more}.`, {
    hint: `Supported are ${supportedOperations.join(', ')}; docs/pytorch.md says more.`,
  });
}

/** Entries are what they were, somewhere else. */
const keepsNumbers = (operation: string): boolean =>
  isView(operation) && operation !== 'to' && operation !== 'type_as';

const pythonOperations = new Set(['mul', 'add', 'sub', 'floordiv', 'neg']);

function isKnown({ kind, operation }: Target): boolean {
  if (kind === 'aten')
    return (
      handlerOf(operation) !== undefined ||
      isIdle(operation) ||
      operation === 'sym_size' ||
      operation === 'sym_numel'
    );
  return kind === 'python' && pythonOperations.has(operation);
}

export class GraphLowering implements Scope {
  readonly #graph: ExportedGraph;
  readonly #around: Surroundings;
  readonly #depth: number;
  readonly #names = new Names();
  readonly #sizes = new Map<string, Size>();

  constructor(graph: ExportedGraph, around: Surroundings, depth = 0) {
    this.#graph = graph;
    this.#around = around;
    this.#depth = depth;
  }

  get builder(): Builder {
    return this.#around.builder;
  }

  get where(): string {
    return this.#around.where;
  }

  hasParameter(name: string): boolean {
    return this.#around.hasParameter(name);
  }

  bind(name: string, value: Value, stored = false): void {
    this.#names.set(name, value, stored);
  }

  value(name: string): Value {
    const found = this.#names.get(name);
    if (!found)
      return this.#fail(
        `"${name}" is read, which nothing before it makes (or an output that is not computed)`,
      );
    if (found.closed !== undefined) return this.#fail(`"${name}" is read; ${found.closed}`);
    return found.value;
  }

  /** Whether it was changed in place, and must not be read any more. */
  isClosed(name: string): boolean {
    return this.#names.get(name)?.closed !== undefined;
  }

  size(name: string): Size {
    const found = this.#sizes.get(name);
    return found ?? this.#fail(`the size "${name}" is not known`);
  }

  kindOf(name: string): ValueKind | undefined {
    const meta = this.#meta(name);
    return meta && kindOfCode(meta.dtype);
  }

  stridesOf(name: string): readonly (Size | undefined)[] | undefined {
    const meta = this.#meta(name);
    const offset = meta?.storage_offset;
    if (offset && !('as_int' in offset && offset.as_int === 0)) return undefined;
    return meta?.strides?.map((stride) => recordedSize(stride, this.#around.symbols));
  }

  #meta(name: string): TensorMeta | undefined {
    const { tensor_values: values } = this.#graph;
    return Object.hasOwn(values, name) ? values[name] : undefined;
  }

  #fail(why: string): never {
    const { name, module } = this.builder.at;
    throw new UserError(
      `${this.where}: ${name}${module === undefined ? '' : ` in module "${module}"`}: ${why}.`,
    );
  }

  /** Lowers all nodes. */
  run(): void {
    for (const node of this.#graph.nodes) {
      const output = node.outputs[0];
      const first =
        output &&
        ('as_tensors' in output ? (output.as_tensors as { name: string }[])[0]?.name : nameOf(output));
      this.builder.at = { name: first ?? node.target, module: moduleOf(node) };
      this.#node(node);
    }
  }

  #node(node: ExportedNode): void {
    if (node.target === inner) {
      this.#withoutGradient(node);
      return;
    }
    const target = targetOf(node.target);
    if (isIdle(target.operation)) return;
    const call = new ExportedCall(node, this, target);
    if (target.kind === 'python' || target.operation.startsWith('sym_')) this.#symbolic(node, call, target);
    else this.#operation(node, call, target);
  }

  #operation(node: ExportedNode, call: ExportedCall, { operation, inPlace }: Target): void {
    const handler = handlerOf(operation);
    if (!handler) return call.fail('the operation is not supported');
    const compute = (): Outputs => {
      const made = handler(call);
      return Array.isArray(made) ? (made as Outputs) : [made as Value];
    };
    const [first] = node.inputs;
    const taken = nameOf(first?.arg);
    const outputs = compute();
    const names = outputNames(node);
    if (inPlace && isSureView(operation))
      return call.fail('it changes the shape of a tensor in place, which is not supported');
    if (inPlace) {
      if (taken === undefined || names.length > 1)
        return call.fail('what it changes in place cannot be told');
      const before = this.value(taken);
      const after = expandTo(call, castTo(call, outputs[0]!, before.kind), before.sizes);
      if (!sameSizes(after.sizes, before.sizes)) return call.fail('it changes the shape in place');
      this.#names.change(taken, after);
      if (names[0] !== undefined) this.#names.setSame(names[0], taken);
      return;
    }
    names.forEach((name, i) => {
      const value = outputs[i];
      if (name === undefined || !value) return;
      this.#check(name, value, call);
      if (taken !== undefined && isView(operation))
        this.#names.setView(name, value, taken, call, () => compute()[i]!);
      else this.#names.set(name, value);
    });
    if (outputs.length < names.length)
      call.fail(`${names.length} outputs are recorded; it has ${outputs.length}`);
  }

  /** What was recorded when the network was exported must be what comes out. */
  #check(name: string, value: Value, call: ExportedCall): void {
    const meta = this.#meta(name);
    if (!meta) return;
    const kind = kindOfCode(meta.dtype);
    if (kind === undefined) call.fail(unsupportedType(meta.dtype));
    if (isNarrow(meta.dtype) && !keepsNumbers(call.operation))
      call.fail(
        `it computes whole numbers of type ${dtypeNamed(meta.dtype)}, whose wrapping around is not supported`,
        'Compute with int64 or float32; a table of such numbers may be stored, and turned into float32.',
      );
    if (kind !== value.kind) call.fail(`PyTorch recorded values of kind ${kind}; ${value.kind} was found`);
    const sizes = meta.sizes.map((size) => recordedSize(size, this.#around.symbols));
    const differs = (size: Size | undefined, axis: number): boolean =>
      size !== undefined && !sameSize(size, value.sizes[axis]!);
    if (sizes.length !== value.sizes.length || sizes.some(differs))
      call.fail(
        `PyTorch recorded the shape [${sizes.map((size) => (size === undefined ? '?' : shapeText([size]).slice(1, -1))).join(', ')}]; ${shapeText(value.sizes)} was found`,
      );
  }

  /** Arithmetic on sizes. */
  #symbolic(node: ExportedNode, call: ExportedCall, { operation }: Target): void {
    const [output] = node.outputs;
    const symbol =
      output && 'as_sym_int' in output ? (output.as_sym_int as { as_name?: string }).as_name : undefined;
    if (symbol === undefined) return;
    const size = this.#arithmetic(call, operation);
    // What nobody reads may stay unknown.
    if (size !== undefined) this.#sizes.set(symbol, size);
  }

  #arithmetic(call: ExportedCall, operation: string): Size | undefined {
    if (operation === 'sym_size') {
      const value = call.value('self');
      return value.sizes[call.axis('dim', value.sizes.length)];
    }
    if (operation === 'sym_numel') return productOf(call.value('self').sizes);
    const [a, b] = ['a', 'b'].map((name) => (call.has(name) ? call.size(name) : undefined));
    if (a === undefined) return undefined;
    if (operation === 'neg') return timesSize(a, -1);
    if (b === undefined) return undefined;
    if (operation === 'mul') return timesSize(a, b);
    if (operation === 'add') return addSizes(a, b);
    if (operation === 'sub') return addSizes(a, timesSize(b, -1)!);
    if (typeof a === 'number' && typeof b === 'number' && b !== 0) return Math.floor(a / b);
    return divideSize(a, b);
  }

  /** `with torch.no_grad()`: a graph in a node. */
  #withoutGradient(node: ExportedNode): void {
    const [enabled, graph, ...given] = node.inputs.map(({ arg }) => arg);
    const written = graph && 'as_graph' in graph ? (graph.as_graph as { graph?: unknown }).graph : undefined;
    const parsed = exportedGraphSchema.safeParse(written);
    if (!parsed.success || !enabled || !('as_bool' in enabled) || this.#depth > deepest)
      return this.#fail('a part without gradients could not be read');
    refuseUnknown(parsed.data, this.where);
    const part = new GraphLowering(parsed.data, this.#around, this.#depth + 1);
    parsed.data.inputs.forEach((argument, i) => {
      const [own, other] = [nameOf(argument), nameOf(given[i])];
      if (own === undefined || other === undefined)
        return this.#fail('a part without gradients takes something other than tensors');
      // As what is stored: a change in place would not be seen outside.
      part.bind(own, this.value(other), true);
    });
    part.run();
    parsed.data.inputs.forEach((argument, i) => {
      if (part.isClosed(nameOf(argument)!))
        this.#fail(
          `"${nameOf(given[i])!}" is changed in place where gradients are switched off, which is not supported`,
        );
    });
    const outputs = parsed.data.outputs.map((argument) => nameOf(argument));
    outputNames(node).forEach((name, i) => {
      const own = outputs[i];
      if (name === undefined || own === undefined) return;
      const value = part.value(own);
      const isStopped = enabled.as_bool === false && value.kind === 'float';
      this.#names.set(
        name,
        isStopped
          ? this.builder.entries({ call: 'unary', name: 'stop' }, [value], value.sizes, 'float')
          : value,
      );
    });
  }
}

function outputNames(node: ExportedNode): (string | undefined)[] {
  return node.outputs.flatMap((output) => {
    if ('as_tensors' in output) return (output.as_tensors as { name: string }[]).map(({ name }) => name);
    return [nameOf(output)];
  });
}
