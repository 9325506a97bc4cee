/** The cosine between two models' weight updates (neuron-identifiability, src/utils/cosine_similarity.py). */
import type { Parameter } from '../../../src-shared/networks/graph.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { tensorOf } from '../models/index.ts';
import type { StateDict } from '../models/index.ts';

/** A model's weights at two moments. */
export interface Update {
  before: StateDict;
  after: StateDict;
}

export interface UpdateSimilarity {
  per_layer_similarities: Record<string, number>;
  aggregate_similarity: number;
  aggregate_without_fixed: number;
}

/** Smallest norm that is divided by, as in torch's cosine_similarity. */
const leastNorm = 1e-8;

/** Inner product and squared norms of two vectors, summed up piece by piece. */
class CosineSum {
  #dot = 0;
  #a = 0;
  #b = 0;

  add(a: number, b: number): void {
    this.#dot += a * b;
    this.#a += a * a;
    this.#b += b * b;
  }

  addSum(other: CosineSum): void {
    this.#dot += other.#dot;
    this.#a += other.#a;
    this.#b += other.#b;
  }

  /** 0 where either vector is 0. */
  cosine(): number {
    if (this.#a === 0 || this.#b === 0) return 0;
    return this.#dot / (Math.max(Math.sqrt(this.#a), leastNorm) * Math.max(Math.sqrt(this.#b), leastNorm));
  }
}

/**
 * Tensor by tensor and of all trained tensors together. Buffers (masks, F, running statistics) take no part; the raw
 * entries that a mask hides do, except in `aggregate_without_fixed`.
 */
export function updateSimilarity(network: Network, first: Update, second: Update): UpdateSimilarity {
  const perLayer: Record<string, number> = {};
  const all = new CosineSum();
  const free = new CosineSum();
  for (const parameter of network.parameters.values()) {
    const { name, role } = parameter;
    if (role !== 'trained') continue;
    const { kept, hidden } = sumsOf(parameter, first, second);
    free.addSum(kept);
    kept.addSum(hidden);
    all.addSum(kept);
    perLayer[name] = kept.cosine();
  }
  return {
    per_layer_similarities: perLayer,
    aggregate_similarity: all.cosine(),
    aggregate_without_fixed: free.cosine(),
  };
}

/** Of one tensor: the entries that the function depends on, and those under a mask. */
function sumsOf(
  { name, family }: Parameter,
  first: Update,
  second: Update,
): { kept: CosineSum; hidden: CosineSum } {
  const mask = family?.mask === undefined ? undefined : tensorOf(first.after, family.mask).data;
  const [a0, a1] = [tensorOf(first.before, name).data, tensorOf(first.after, name).data];
  const [b0, b1] = [tensorOf(second.before, name).data, tensorOf(second.after, name).data];
  const kept = new CosineSum();
  const hidden = new CosineSum();
  for (let i = 0; i < a0.length; i++) {
    const part = mask?.[i] === 0 ? hidden : kept;
    part.add(a1[i]! - a0[i]!, b1[i]! - b0[i]!);
  }
  return { kept, hidden };
}
