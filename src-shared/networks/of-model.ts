/** The network that an architecture stands for, whichever way it was written down. */
import type { ModelSpec } from '../model.ts';
import type { Graph } from './graph.ts';
import { mlpGraph } from './mlp.ts';

/**
 * For evaluation: without dropout, which does nothing there, so that runs which were trained with and without it can be
 * compared. What trains takes `mlpGraph`.
 */
export function graphOf(spec: ModelSpec): Graph {
  if (spec.architecture === 'declared') return spec.graph;
  const { dropout: _trainingOnly, ...evaluated } = spec;
  return mlpGraph(evaluated);
}
