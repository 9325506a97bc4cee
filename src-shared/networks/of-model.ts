/** The network that an architecture stands for, whichever way it was written down. */
import type { ModelSpec, TrainableSpec } from '../model.ts';
import type { Graph } from './graph.ts';
import { gnnGraph } from './gnn.ts';
import { withHeldApart } from './held.ts';
import { mlpGraph } from './mlp.ts';
import { resnetGraph } from './resnet.ts';

/**
 * For evaluation: without dropout, which does nothing there, so that runs which were trained with and without it can be
 * compared. What trains takes `trainedGraphOf`.
 */
export function graphOf(spec: ModelSpec): Graph {
  switch (spec.architecture) {
    case 'mlp': {
      const { dropout: _trainingOnly, ...evaluated } = spec;
      return mlpGraph(evaluated);
    }
    case 'resnet':
      return resnetGraph(spec);
    case 'gnn': {
      const { dropout: _trainingOnly, ...evaluated } = spec;
      return gnnGraph(evaluated);
    }
    case 'declared':
      return spec.graph;
  }
}

/** For training: with dropout, and with F and D apart from the weights, if the network has any. */
export function trainedGraphOf(spec: TrainableSpec): Graph {
  if (spec.architecture === 'declared') return withHeldApart(spec.graph);
  if (spec.architecture === 'gnn') return gnnGraph(spec);
  return spec.architecture === 'mlp' ? mlpGraph(spec) : graphOf(spec);
}
