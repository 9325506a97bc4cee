/** What the state of a training step holds at the beginning: parameters, what the optimizer keeps, and the data. */
import type { Network } from '../../../src-shared/networks/network.ts';
import { types } from '../backend/index.ts';
import type { Backend, Spec, Tensor } from '../backend/index.ts';
import { requireFitting, uploadExamples } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import type { StateDict } from '../models/index.ts';
import { isCounter } from '../../formats/tensor-names.ts';
import { fixedParts } from '../networks/effective.ts';
import { readParameters } from '../networks/parameters.ts';
import { concatenate } from './entries.ts';
import { slotNames } from './optimizer.ts';
import type { OptimizerSettings } from './optimizer.ts';
import type { StatePlace } from './step.ts';

/** Names of the trained tensors, in PyTorch's order. */
export const trainedNames = (network: Network): string[] =>
  network.graph.parameters.flatMap(({ name, role }) => (role === 'trained' ? [name] : []));

export interface StateValue {
  place: StatePlace;
  spec: Spec;
  /** Its first value, made only when it is wanted: all of them at once would be in memory twice. */
  tensor: (backend: Backend) => Tensor;
}

/** Everything a step reads, in the order of the state. */
export function stateValues(
  network: Network,
  optimizer: OptimizerSettings,
  states: readonly StateDict[],
  examples: Examples,
): StateValue[] {
  const float = (place: StatePlace, shape: readonly number[], data: () => Float32Array): StateValue => ({
    ...{ place, spec: { dtype: types.float32, shape } },
    tensor: ({ tf }) => tf.tensor(data(), [...shape]),
  });
  // Not F and D: they act through the weights.
  const read = new Set(readParameters(network).map(({ name }) => name));
  const declared = network.graph.parameters.filter(({ name }) => read.has(name) && !isCounter(name));
  const own = declared.map(({ name, shape, role }) =>
    float({ kind: role, name }, [states.length, ...shape], () =>
      concatenate(states.map((state) => state.get(name)!.data)),
    ),
  );
  const slots = slotNames(optimizer).flatMap((slot) =>
    trainedNames(network).map((name): StateValue => {
      const shape = [states.length, ...network.parameters.get(name)!.shape];
      const spec = { dtype: types.float32, shape };
      return { place: { kind: 'slot', name, slot }, spec, tensor: ({ tf }) => tf.fill(shape, 0) };
    }),
  );
  const parts = fixedParts(network, states[0]!).flatMap(({ parameter: name, shape, offset, mask }) => [
    ...(offset ? [float({ kind: 'offset', name }, [1, ...shape], () => offset)] : []),
    ...(mask ? [float({ kind: 'mask', name }, [1, ...shape], () => mask)] : []),
  ]);
  const inputShape = [examples.count, ...network.graph.inputs[0]!.shape];
  return [
    ...[...own, ...slots, ...parts],
    {
      place: { kind: 'inputs', name: '' },
      spec: { dtype: types.float32, shape: inputShape },
      tensor: (backend) => {
        requireFitting(examples, network.graph.inputs[0]!.shape);
        const flat = uploadExamples(backend, examples);
        const tensor = backend.tf.reshape(flat, inputShape);
        flat.dispose();
        return tensor;
      },
    },
    labelsValue(examples),
    ...edgeValues(examples),
  ];
}

function labelsValue({ labels, count, targets }: Examples): StateValue {
  const place = { kind: 'labels', name: '' } as const;
  const shape = targets ? [count, targets.each] : [count];
  if (targets === undefined || targets.kind === 'tokens')
    return {
      ...{ place, spec: { dtype: types.int32, shape } },
      tensor: ({ tf }) => tf.tensor(labels, shape, 'int32'),
    };
  return {
    ...{ place, spec: { dtype: types.float32, shape } },
    tensor: ({ tf }) => tf.tensor(Float32Array.from(labels), shape),
  };
}

/** The ends of the edges, if examples are the nodes of a graph. */
function edgeValues({ edges }: Examples): StateValue[] {
  if (!edges) return [];
  return (['sources', 'targets'] as const).map((kind) => ({
    place: { kind, name: '' },
    spec: { dtype: types.int32, shape: [edges[kind].length] },
    tensor: ({ tf }) => tf.tensor(edges[kind], [edges[kind].length], 'int32'),
  }));
}
