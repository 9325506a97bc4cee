/** The network that an architecture stands for, whichever way it was written down. */
import type { ModelSpec } from '../model.ts';
import type { Graph } from './graph.ts';
import { mlpGraph } from './mlp.ts';
import { resnetGraph } from './resnet.ts';

export function graphOf(spec: ModelSpec): Graph {
  switch (spec.architecture) {
    case 'mlp':
      return mlpGraph(spec);
    case 'resnet':
      return resnetGraph(spec);
    case 'declared':
      return spec.graph;
  }
}
