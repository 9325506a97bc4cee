/** The network that an architecture stands for, whichever way it was written down. */
import type { ModelSpec } from '../model.ts';
import type { Graph } from './graph.ts';
import { mlpGraph } from './mlp.ts';

export const graphOf = (spec: ModelSpec): Graph =>
  spec.architecture === 'declared' ? spec.graph : mlpGraph(spec);
