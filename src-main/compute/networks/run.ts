/** The interpreter: a network's graph as tensor operations, M models stacked on a leading axis. */
import type { Network } from '../../../src-shared/networks/network.ts';
import type { OperationName } from '../../../src-shared/networks/operations.ts';
import type { Tensor } from '../backend/index.ts';
import type { EdgeTensors } from './edges.ts';
import type { Maths } from './maths.ts';
import type { TrainingPass } from './operations/context.ts';
import { runsAlone } from './parameters.ts';
import { tensorOperations } from './operations/index.ts';

/** Acting parameters by name, [M or 1, ...shape]. */
export type Parameters = ReadonlyMap<string, Tensor>;

export interface ForwardOptions {
  /** Ids of nodes whose values are wanted as well. */
  taps?: readonly string[];
  /** Absent: evaluation mode, batch norms use their running statistics. */
  training?: TrainingPass;
  /** Which rows are neighbours, if they are the nodes of a graph. */
  edges?: EdgeTensors | undefined;
  /** Values that are known already, by id, [M, B, ...shape]: their nodes are not computed. */
  known?: ReadonlyMap<string, Tensor>;
}

interface Forward {
  output: Tensor;
  taps: Map<string, Tensor>;
}

/**
 * Runs M models on one batch: all at once, or one after the other if there are convolutions or means over neighbours,
 * which TensorFlow has for one model only. Pure: whoever calls it holds the tidy (or the trace).
 * @param x [M, B, ...shape], each model on its own rows, or [1, B, ...shape], shared by all
 * @returns the network's value [M, B, ...shape], and values at the taps
 */
export function forward(
  maths: Maths,
  network: Network,
  parameters: Parameters,
  x: Tensor,
  options: ForwardOptions = {},
): Forward {
  const models = Math.max(x.shape[0]!, ...[...parameters.values()].map(({ shape }) => shape[0]!));
  if (models > 1 && runsAlone(network)) return eachModel(maths, network, parameters, x, { models, options });
  const { taps = [], training, edges, known = new Map<string, Tensor>() } = options;
  const [input] = network.graph.inputs;
  const given = [x, ...known.values()];
  const values = new Map<string, Tensor>([[input!.id, x], ...known]);
  const spent = training ? undefined : spentValues(network, [network.graph.output, ...taps]);
  for (const [i, node] of network.nodes.entries()) {
    if (!values.has(node.id)) {
      const inputs = node.takes.map((id) => values.get(id)!);
      const run = tensorOperations[node.op as OperationName];
      const parameter = (word: string): Tensor | undefined => {
        const declared = node.parameters[word];
        return declared && parameters.get(declared.name);
      };
      const compute = (): Tensor =>
        run(inputs, { maths, node, parameter, training, edges, examples: x.shape[1]! });
      // Not in training: what a batch norm tracks is to stay.
      values.set(node.id, training ? compute() : maths.tf.tidy(compute));
    }
    for (const id of spent?.get(i) ?? []) release(values, id, given);
  }
  return {
    output: values.get(network.graph.output)!,
    taps: new Map(taps.map((id) => [id, values.get(id)!])),
  };
}

/** Place of a node -> the values that nothing reads after it: with those of all nodes a wide network would fill the memory. */
function spentValues(network: Network, wanted: readonly string[]): Map<number, string[]> {
  const last = new Map<string, number>();
  network.nodes.forEach(({ id, takes }, i) => {
    for (const read of [id, ...takes]) last.set(read, i);
  });
  for (const id of wanted) last.delete(id);
  const spent = new Map<number, string[]>();
  for (const [id, place] of last) spent.set(place, [...(spent.get(place) ?? []), id]);
  return spent;
}

/** Disposes of a value that the caller did not give, unless it is another's too: an identity passes on what it takes. */
function release(values: Map<string, Tensor>, id: string, given: readonly Tensor[]): void {
  const value = values.get(id);
  if (!value) return;
  values.delete(id);
  if (!given.includes(value) && ![...values.values()].includes(value)) value.dispose();
}

/** The same, one model after the other. */
function eachModel(
  maths: Maths,
  network: Network,
  parameters: Parameters,
  x: Tensor,
  { models, options }: { models: number; options: ForwardOptions },
): Forward {
  const { tf } = maths;
  const apart = (tensor: Tensor): Tensor[] => (tensor.shape[0] === 1 ? [tensor] : tf.split(tensor, models));
  const partOf = (values: ReadonlyMap<string, Tensor>): ((m: number) => Map<string, Tensor>) => {
    const parts = [...values].map(([name, value]) => [name, apart(value)] as const);
    return (m) => new Map(parts.map(([name, own]) => [name, own[m] ?? own[0]!]));
  };
  const [own, known, inputs] = [partOf(parameters), partOf(options.known ?? new Map()), apart(x)];
  // By name, of each application of a norm, the models' values.
  const tracked = new Map<string, Tensor[][]>();
  const { training } = options;
  const runs = Array.from({ length: models }, (_, m) => {
    const track = (name: string, value: Tensor): void => {
      const applications = tracked.get(name) ?? [];
      const open = applications.find((values) => values.length === m);
      if (open) open.push(value);
      else applications.push([value]);
      tracked.set(name, applications);
    };
    const mask = (id: string): Tensor | undefined => {
      const all = training?.mask(id);
      const parts = all ? apart(all) : [];
      return parts[m] ?? parts[0];
    };
    return forward(maths, network, own(m), inputs[m] ?? inputs[0]!, {
      ...options,
      known: known(m),
      ...(training && { training: { ...training, track, mask } }),
    });
  });
  for (const [name, applications] of tracked)
    for (const values of applications) training!.track(name, tf.concat(values, 0));
  return {
    output: tf.concat(
      runs.map(({ output }) => output),
      0,
    ),
    taps: new Map(
      (options.taps ?? []).map((id) => [
        id,
        tf.concat(
          runs.map(({ taps }) => taps.get(id)!),
          0,
        ),
      ]),
    ),
  };
}
