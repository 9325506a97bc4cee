/** The interpreter: a network's graph as tensor operations, M models stacked on a leading axis. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { OperationName } from '../../../src-shared/networks/operations.ts';
import type { Tensor } from '../backend/index.ts';
import type { Maths } from './maths.ts';
import type { TrainingPass } from './operations/context.ts';
import { tensorOperations } from './operations/index.ts';

/** Acting parameters by name, [M or 1, ...shape]. */
export type Parameters = ReadonlyMap<string, Tensor>;

export interface ForwardOptions {
  /** Ids of nodes whose values are wanted as well. */
  taps?: readonly string[];
  /** Absent: evaluation mode, batch norms use their running statistics. */
  training?: TrainingPass;
  /** Values that are known already, by id, [M, B, ...shape]: their nodes are not computed. */
  known?: ReadonlyMap<string, Tensor>;
}

/**
 * Runs M models on one batch. Pure: whoever calls it holds the tidy (or the trace).
 * @param x [M, B, ...shape], each model on its own rows, or [1, B, ...shape], shared by all
 * @returns the network's value [M, B, ...shape], and values at the taps
 */
export function forward(
  maths: Maths,
  network: Network,
  parameters: Parameters,
  x: Tensor,
  { taps = [], training, known = new Map<string, Tensor>() }: ForwardOptions = {},
): { output: Tensor; taps: Map<string, Tensor> } {
  const [input] = network.graph.inputs;
  const values = new Map<string, Tensor>([[input!.id, x], ...known]);
  for (const node of network.nodes) {
    if (values.has(node.id)) continue;
    const inputs = node.takes.map((id) => values.get(id)!);
    const run = tensorOperations[node.op as OperationName];
    const parameter = (word: string): Tensor | undefined => {
      const declared = node.parameters[word];
      return declared && parameters.get(declared.name);
    };
    values.set(node.id, run(inputs, { maths, node, parameter, training }));
  }
  return {
    output: values.get(network.graph.output)!,
    taps: new Map(taps.map((id) => [id, values.get(id)!])),
  };
}
