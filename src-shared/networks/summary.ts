/** A graph in a few words. */
import type { Graph } from './graph.ts';

/** What an operation is called: one of it, several. */
const words: Record<string, readonly [one: string, several: string]> = {
  linear: ['linear layer', 'linear layers'],
  conv2d: ['convolution', 'convolutions'],
  norm: ['norm', 'norms'],
  activation: ['activation', 'activations'],
  gate: ['gate', 'gates'],
  add: ['sum', 'sums'],
  multiply: ['product', 'products'],
  dropout: ['dropout', 'dropouts'],
  concat: ['concatenation', 'concatenations'],
  pool: ['pooling', 'poolings'],
  flatten: ['flattening', 'flattenings'],
  transpose: ['transposition', 'transpositions'],
  neighbours: ['mean over neighbours', 'means over neighbours'],
  log_softmax: ['log-softmax', 'log-softmaxes'],
  // Of exported networks, the commonest.
  conv: ['convolution', 'convolutions'],
  conv_transpose: ['transposed convolution', 'transposed convolutions'],
  matmul: ['matrix product', 'matrix products'],
  attention: ['attention', 'attentions'],
  embedding: ['embedding', 'embeddings'],
  layer_norm: ['layer norm', 'layer norms'],
  group_norm: ['group norm', 'group norms'],
  unary: ['function', 'functions'],
  binary: ['sum or product', 'sums and products'],
  clamp: ['clamp', 'clamps'],
  adaptive_average: ['adaptive pooling', 'adaptive poolings'],
};

/** Calls of exported networks that say nothing about them. */
const silent = new Set(['parameter', 'permute', 'reshape', 'cast', 'expand', 'slice']);

/** `of 3 linear layers, 2 norms, 2 activations, 1 sum`; identities are left out. */
export function countedOperations({ nodes }: Graph): string {
  const counts = new Map<string, number>();
  for (const { op, attributes } of nodes) {
    const name = op === 'torch' ? String(attributes['call']) : op;
    if (attributes['kind'] !== 'identity' && !silent.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const parts = [...counts].map(([op, count]) => `${count} ${words[op]?.[count === 1 ? 0 : 1] ?? op}`);
  return `of ${parts.join(', ')}`;
}
