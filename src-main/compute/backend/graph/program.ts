/** A compiled computation with its state, in a TensorFlow session of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TensorMetadata } from '@tensorflow/tfjs-node-gpu/dist/tfjs_binding.d.ts';
import type { Computation } from '../computation.ts';
import type { Double } from '../doubles.ts';
import type { Tensor } from '../tensors.ts';
import { specOf, types, typeSizes } from './graph.ts';
import { sizeOf } from '../../../../src-shared/shapes.ts';
import type { Graph, Spec } from './graph.ts';
import type { Bytes } from './protobuf.ts';
import type { NativeBackend } from './trace.ts';

/** A tensor of tfjs, or one of TensorFlow's own where a spec says float64. */
export type Fed = Tensor | Double;

const isTensor = (value: Fed): value is Tensor => 'dataId' in value;

/**
 * Calls are synchronous and block the thread. After a call that failed, the state of an `xla` program is as before; that
 * of a `graph` program may have been updated in part: set it anew.
 */
export class Program implements Computation {
  readonly #backend: NativeBackend;
  readonly #id: number;
  readonly #graph: Graph;
  readonly #stack: readonly number[];
  readonly #feeds: string;
  readonly #fetches: string;
  readonly #retire: (program: Program) => void;
  /** State that this user has set; what another left is not to be seen. */
  readonly #assigned = new Set<number>();
  #disposed = false;
  /** For whoever compares it with the operations one by one: it was found to agree. Stays with the program. */
  checked = false;

  /** @param retire takes the program when its user is done with it */
  constructor(
    backend: NativeBackend,
    graph: Graph,
    encoded: Bytes,
    steps: number | undefined,
    retire: (program: Program) => void,
  ) {
    this.#backend = backend;
    this.#graph = graph;
    this.#retire = retire;
    this.#stack = steps === undefined ? [] : [steps];
    this.#feeds = graph.arguments.map((_, i) => `a${i}:0`).join();
    this.#fetches = graph.outputs.map((_, i) => `call:${i}`).join();
    const folder = mkdtempSync(join(tmpdir(), 'basin-graph-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), encoded);
      this.#id = backend.binding.loadSavedModel(folder, 'serve');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** @returns the outputs, the caller's to dispose of; none of them may be float64 */
  run(args: readonly Fed[]): Tensor[] {
    return this.#call(args).map((made) => this.#backend.createOutputTensor(made));
  }

  /** As `run`, where all outputs are float64. */
  runDoubles(args: readonly Fed[]): Double[] {
    return this.#call(args);
  }

  /** Copies the value into state `index`. */
  set(index: number, value: Fed): void {
    this.setAll([[index, value]]);
  }

  /** As `set`, in one call: TensorFlow plans every kind of call the first time, some 15 ms. Each index once. */
  setAll(values: readonly (readonly [index: number, value: Fed])[]): void {
    if (values.length === 0) return;
    for (const [index, value] of values) this.#check(value, this.#graph.state[index]!, `state ${index}`);
    const done = this.#session(
      values.map(([, value]) => value),
      values.map(([index]) => `set${index}:0`).join(),
      values.map(([index]) => `did_set${index}:0`).join(),
    );
    for (const { id } of done) this.#backend.binding.deleteTensor(id);
    for (const [index] of values) this.#assigned.add(index);
  }

  /** As `get`, in one call. */
  getAll(indices: readonly number[]): Tensor[] {
    if (indices.length === 0) return [];
    const found = this.#session([], '', indices.map((index) => `get${index}:0`).join());
    return found.map((made) => this.#backend.createOutputTensor(made));
  }

  /** State `index` as it is now, not changed by later calls; the caller's to dispose of. */
  get(index: number): Tensor {
    return this.getAll([index])[0]!;
  }

  /** What output `index` of a call is. */
  outputSpec(index: number): Spec {
    const { dtype, shape } = specOf(this.#graph, this.#graph.outputs[index]!);
    return { dtype, shape: [...this.#stack, ...shape] };
  }

  /** Bytes of its state. */
  get stateBytes(): number {
    return this.#graph.state.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * typeSizes[dtype]!, 0);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#retire(this);
  }

  /** Given to another user: its state has to be set anew. */
  reopen(): void {
    this.#disposed = false;
    this.#assigned.clear();
  }

  /** Gives back the session and all its memory. */
  unload(): void {
    this.#backend.binding.deleteSavedModel(this.#id);
  }

  #call(args: readonly Fed[]): TensorMetadata[] {
    const { arguments: specs } = this.#graph;
    if (args.length !== specs.length)
      throw new Error(`a compiled computation of ${specs.length} arguments was given ${args.length}`);
    const unset = this.#graph.state.findIndex((_, i) => !this.#assigned.has(i));
    if (unset >= 0) throw new Error(`state ${unset} of a compiled computation was not set`);
    for (const [i, { dtype, shape }] of specs.entries())
      this.#check(args[i]!, { dtype, shape: [...this.#stack, ...shape] }, `argument ${i}`);
    return this.#session(args, this.#feeds, this.#fetches);
  }

  /** TensorFlow would compile a second version for another shape, without a word. */
  #check(value: Fed, { dtype, shape }: Spec, what: string): void {
    const found = isTensor(value) ? value.dtype : 'float64';
    if (types[found as keyof typeof types] === dtype && value.shape.join() === shape.join()) return;
    const expected = Object.entries(types).find(([, number]) => number === dtype)?.[0];
    throw new Error(
      `${what} of a compiled computation is ${found} [${value.shape.join(', ')}]; ${expected} [${shape.join(', ')}] was expected`,
    );
  }

  #session(values: readonly Fed[], feeds: string, fetches: string): TensorMetadata[] {
    if (this.#disposed) throw new Error('a compiled computation was used after it was disposed of');
    const ids = values.map((value) =>
      isTensor(value) ? this.#backend.getInputTensorIds([value])[0]! : value.id,
    );
    return this.#backend.binding.runSavedModel(this.#id, ids, feeds, fetches);
  }
}
