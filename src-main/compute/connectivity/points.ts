/**
 * Exact loss and accuracy at many points of the affine hull of a few networks, in one pass over the data.
 *
 * Interpolating parameters as they act is interpolating the models: where F and D are shared, W_eff = F + D * W is affine
 * in W, so the acting parameters of a weighted mean (weights that sum to 1) are the weighted mean of the acting parameters.
 */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend, Tensor } from '../backend/index.ts';
import { rowsOf } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import { estimateStatistics } from '../networks/batch-statistics.ts';
import { Evaluation, networksPerCall, rowsPerCall } from '../networks/evaluation.ts';
import { graphPlan } from '../networks/evaluation-plan.ts';
import type { EvaluationPlan } from '../networks/evaluation-plan.ts';
import type { Way } from '../networks/execution.ts';
import { headsOf } from '../networks/heads.ts';
import type { Head } from '../networks/heads.ts';
import { mixInto } from '../networks/lines.ts';
import { runsAlone } from '../networks/parameters.ts';
import type { NamedArrays } from '../networks/permute.ts';
import type { Scores } from '../networks/scores.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

/** A network that points are made of. */
export interface Vertex {
  /** Its parameters as they act. */
  arrays: NamedArrays<Float32Array>;
  /** Where this is another vertex with permuted units: which one, and where each output of a head, by weight, comes from. */
  permutedFrom?: { vertex: number; heads: ReadonlyMap<string, Int32Array> };
}

/** Weights of vertices; they sum to 1. */
export type Point = readonly { vertex: number; weight: number }[];

export interface PointScores {
  /** Exact mean cross entropy over the split; infinite or NaN if the network overflows there. */
  loss: number;
  /** Percent; NaN if no class is the largest; absent if there is none, see Scores. */
  accuracy?: number;
}

/** Points of one architecture, all on the same vertices. */
export interface PointSet {
  network: Network;
  vertices: readonly Vertex[];
  points: readonly Point[];
  /** Where batch norms take their statistics from; absent: they are mixed like weights. */
  norms?: PointNorms | undefined;
}

export interface PointNorms {
  /** Examples per batch: it decides the numbers. */
  batch: number;
  /** Statistics are estimated on these at every point; absent: they are those of each batch that is evaluated. */
  train?: Examples;
}

/** Bytes that the weights of points evaluated together may take. */
const weightBudget = 256 * 2 ** 20;
const mostPointsTogether = 96;

/**
 * Evaluates all points on every split, as many together as memory allows.
 * @param between called between passes with the number of examples times points just done, and on which split; undefined
 * is the estimation of norm statistics. Throw there to stop
 */
export async function evaluatePoints<Split extends string>(
  backend: Backend,
  set: PointSet,
  way: Way,
  splits: ReadonlyMap<Split, Examples>,
  between: (done: number, split: Split | undefined) => Promise<void>,
): Promise<Map<Split, PointScores[]>> {
  const scores = new Map(
    [...splits.keys()].map((split) => [split, new Array<PointScores>(set.points.length)]),
  );
  for (const places of apart(set, [...splits.values()])) {
    const pass = new Pass(backend, set, places, { way, examples: [...splits.values()][0] });
    try {
      for (const chunk of pass.chunks) {
        pass.load(chunk);
        await pass.estimate((count) => between(count * chunk.length, undefined));
        for (const [split, examples] of splits) {
          const found = await pass.evaluation.scores(examples, (part) =>
            between(part * examples.count * chunk.length, split),
          );
          chunk.forEach((place, i) => (scores.get(split)![place] = scoresOf(found, i)));
        }
      }
    } finally {
      pass.dispose();
    }
  }
  return scores;
}

const scoresOf = ({ loss, accuracy }: Scores, i: number): PointScores => ({
  loss: loss[i]!,
  ...(accuracy && { accuracy: accuracy[i]! }),
});

/** Logits [points, rows, classes] on the first `rows` examples, by mixed statistics; for comparing, not for scoring. */
export function logitsAtPoints(
  backend: Backend,
  set: Omit<PointSet, 'norms'>,
  examples: Examples,
  rows: number,
): Float32Array {
  const { network, points } = set;
  const classes = sizeOf(network.shapes.get(network.graph.output)!);
  const size = Math.min(rows, examples.count) * classes;
  // The nodes of a graph are computed together.
  const called = examples.edges ? examples.count : Math.min(rows, examples.count);
  const logits = new Float32Array(points.length * size);
  for (const places of apart(set, [examples])) {
    const pass = new Pass(backend, set, places, { way: 'eager', examples });
    try {
      for (const chunk of pass.chunks) {
        pass.load(chunk);
        const found = pass.evaluation.logits(examples, 0, called);
        chunk.forEach((place, i) => {
          const start = i * called * classes;
          logits.set(found.subarray(start, start + size), place * size);
        });
      }
    } finally {
      pass.dispose();
    }
  }
  return logits;
}

/** Outputs of a head below this stay finite in float32, whatever the order of the sum. */
const safeProduct = 1e36;

/**
 * Places of the points that may be evaluated in one pass. Outputs of heads are mixed by a product with the points' shares,
 * and 0 * infinity is NaN: a network of which a head may overflow would spoil every other point, so the points that it
 * takes part in are evaluated without any other network.
 */
function apart({ network, vertices, points }: PointSet, examples: readonly Examples[]): number[][] {
  const largestInput = Math.max(...examples.map(largestOf));
  const heads = headsOf(network);
  const risky = vertices.map(({ arrays }) =>
    heads.some((head) => largestProduct(head, arrays, largestInput) >= safeProduct),
  );
  const groups = Map.groupBy(points.keys(), (place) => {
    const used = points[place]!.map(({ vertex }) => vertex);
    return used.some((vertex) => risky[vertex]) ? used.toSorted((a, b) => a - b).join() : 'safe';
  });
  return [...groups.values()];
}

/** The largest that an output of a head can be. */
function largestProduct(
  { weight, inputs, outputs }: Head,
  arrays: NamedArrays<Float32Array>,
  largestInput: number,
): number {
  const { data } = arrays.get(weight)!;
  let largest = 0;
  for (let row = 0; row < outputs; row++) {
    let sum = 0;
    for (let k = row * inputs; k < (row + 1) * inputs; k++) sum += Math.abs(data[k]!);
    largest = Math.max(largest, sum);
  }
  return largest * largestInput;
}

/** By the data: they are looked through once. */
const largestInputs = new WeakMap<Examples, number>();

function largestOf(examples: Examples): number {
  const known = largestInputs.get(examples) ?? findLargest(examples);
  largestInputs.set(examples, known);
  return known;
}

function findLargest(examples: Examples): number {
  const rows = 1024;
  let largest = 0;
  for (let start = 0; start < examples.count; start += rows) {
    const x = rowsOf(examples, start, Math.min(examples.count, start + rows));
    for (let k = 0; k < x.length; k++) {
      const size = Math.abs(x[k]!);
      if (size > largest) largest = size;
    }
  }
  return largest;
}

/** Points that go through the data together, a chunk of equally many at a time. */
class Pass {
  readonly evaluation: Evaluation;
  /** Of norm statistics, if they are estimated. */
  readonly #estimation: Evaluation | undefined;
  /** Places of points. */
  readonly chunks: readonly (readonly number[])[];
  readonly #backend: Backend;
  readonly #set: PointSet;

  /** @param on.examples some of those that are evaluated; all nodes of a graph are in each split */
  constructor(
    backend: Backend,
    set: PointSet,
    places: readonly number[],
    { way, examples }: { way: Way; examples: Examples | undefined },
  ) {
    this.#backend = backend;
    this.#set = set;
    this.chunks = chunksOf(set, places, way);
    const count = this.chunks[0]!.length;
    const chunks = this.chunks.map((chunk) => this.#vertices(chunk));
    const most = (key: 'used' | 'sources'): number => Math.max(...chunks.map((each) => each[key].length));
    const used = most('used');
    const permuted = chunks.some((each) => each.used.some((v) => set.vertices[v]!.permutedFrom));
    const plan: EvaluationPlan = {
      ...{ network: set.network, count, way },
      rows: rowsPerCall(set.network, Math.max(count, used), way),
      ...(examples && graphPlan(examples)),
      mix: { sources: most('sources'), used, permuted },
    };
    const { norms } = set;
    const byBatch = norms && { ...plan, rows: norms.batch };
    const estimates = norms?.train !== undefined;
    this.#estimation = estimates
      ? new Evaluation(backend, { ...byBatch!, byBatch: 'statistics' })
      : undefined;
    this.evaluation = new Evaluation(
      backend,
      byBatch && !estimates ? { ...byBatch, byBatch: 'scores' } : plan,
    );
  }

  /** Sets the parameters of a chunk; a last, smaller one is filled up with its first point. */
  load(chunk: readonly number[]): void {
    this.#load(this.evaluation, chunk);
    if (this.#estimation) this.#load(this.#estimation, chunk);
  }

  /** Puts estimated norm statistics in place of the mixed ones, if there are to be any. */
  async estimate(between: (examples: number) => Promise<void>): Promise<void> {
    if (!this.#estimation) return;
    const { count } = this.evaluation.plan;
    for (const [name, values] of await estimateStatistics(
      this.#estimation,
      this.#set.norms!.train!,
      between,
    )) {
      this.#put([count, ...this.#set.network.parameters.get(name)!.shape], values, (tensor) => {
        this.evaluation.setParameter(name, tensor);
      });
    }
  }

  #load(evaluation: Evaluation, chunk: readonly number[]): void {
    const { count, mix } = evaluation.plan;
    const { vertices } = this.#set;
    const places = Array.from({ length: count }, (_, i) => chunk[i] ?? chunk[0]!);
    const points = places.map((place) => this.#set.points[place]!);
    const { used, sources } = this.#vertices(chunk);
    for (const name of evaluation.parameters) this.#loadParameter(evaluation, name, points);
    const { heads } = evaluation;
    for (const head of heads) {
      const { weight, outputs, inputs } = head;
      const size = outputs * inputs;
      const all = new Float32Array(mix!.sources * size);
      sources.forEach((v, s) => all.set(vertices[v]!.arrays.get(weight)!.data, s * size));
      const order = mix!.permuted
        ? placesOfOutputs(vertices, { used, sources }, weight, mix!.used * outputs)
        : undefined;
      this.#put([mix!.sources, outputs, inputs], all, (tensor) => {
        const placed = order && this.#backend.tf.tensor1d(order, 'int32');
        evaluation.setSources(head, tensor, placed);
        placed?.dispose();
      });
    }
    if (heads.length === 0) return;
    const shares = new Float32Array(count * mix!.used);
    points.forEach((point, p) => {
      for (const { vertex, weight } of point) shares[p * mix!.used + used.indexOf(vertex)]! += weight;
    });
    this.#put([count, mix!.used], shares, (tensor) => {
      evaluation.setShares(tensor);
    });
  }

  dispose(): void {
    this.evaluation.dispose();
    this.#estimation?.dispose();
  }

  #loadParameter(evaluation: Evaluation, name: string, points: readonly Point[]): void {
    const { shape } = this.#set.network.parameters.get(name)!;
    const size = sizeOf(shape);
    const all = new Float32Array(points.length * size);
    points.forEach((point, p) => {
      const parts = point.map(({ vertex, weight }) => ({
        of: this.#set.vertices[vertex]!.arrays.get(name)!.data,
        weight,
      }));
      mixInto(all.subarray(p * size, (p + 1) * size), parts);
    });
    this.#put([points.length, ...shape], all, (tensor) => {
      evaluation.setParameter(name, tensor);
    });
  }

  #put(shape: number[], values: Float32Array, use: (tensor: Tensor) => void): void {
    const tensor = this.#backend.tf.tensor(values, shape);
    use(tensor);
    tensor.dispose();
  }

  /** Vertices that these points are made of, and those of them that are not permuted copies of others. */
  #vertices(chunk: readonly number[]): { used: number[]; sources: number[] } {
    const { points, vertices } = this.#set;
    const used = [...new Set(chunk.flatMap((place) => points[place]!.map(({ vertex }) => vertex)))];
    const sources = [...new Set(used.map((vertex) => vertices[vertex]!.permutedFrom?.vertex ?? vertex))];
    return { used, sources };
  }
}

/** As many chunks as memory demands, all of one size but for the last. */
function chunksOf({ network, vertices, norms }: PointSet, places: readonly number[], way: Way): number[][] {
  const heads = new Set(headsOf(network).map(({ weight }) => weight));
  const perPoint = [...vertices[0]!.arrays].reduce(
    (bytes, [name, { data }]) => (heads.has(name) ? bytes : bytes + data.byteLength),
    0,
  );
  // Networks with convolutions, or over graphs, run one after the other anyway, and a program of many takes long to make.
  const most = runsAlone(network) ? 1 : mostPointsTogether;
  const together = Math.max(
    1,
    Math.min(
      most,
      Math.floor(weightBudget / perPoint),
      norms ? networksPerCall(network, norms.batch, way) : Infinity,
    ),
  );
  const size = Math.ceil(places.length / Math.ceil(places.length / together));
  return Array.from({ length: Math.ceil(places.length / size) }, (_, i) =>
    places.slice(i * size, (i + 1) * size),
  );
}

/** Where the outputs of each vertex in use are among those of the sources. */
function placesOfOutputs(
  vertices: readonly Vertex[],
  { used, sources }: { used: readonly number[]; sources: readonly number[] },
  weight: string,
  length: number,
): Int32Array {
  const all = new Int32Array(length);
  const outputs = vertices[0]!.arrays.get(weight)!.shape[0]!;
  used.forEach((v, u) => {
    const { permutedFrom } = vertices[v]!;
    const first = sources.indexOf(permutedFrom?.vertex ?? v) * outputs;
    const order = permutedFrom?.heads.get(weight);
    for (let k = 0; k < outputs; k++) all[u * outputs + k] = first + (order?.[k] ?? k);
  });
  return all;
}
