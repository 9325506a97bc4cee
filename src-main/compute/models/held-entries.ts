/**
 * Entries of an exported network that stay as they were drawn (networks/held.ts), taken apart for training and for
 * measures of identifiability, and put together again for the files.
 * Inside, F and D stand beside W, which is 0 where D is 0: neither weight decay nor momentum then has anything to move there.
 * Outside, a tensor is the weight that acts, under the one key that the state dict has for it.
 */
import { UserError } from '../../../src-shared/errors.ts';
import type { ModelSpec, TrainableSpec } from '../../../src-shared/model.ts';
import { companionsOf } from '../../../src-shared/networks/families.ts';
import type { Graph } from '../../../src-shared/networks/graph.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { trainedGraphOf } from '../../../src-shared/networks/of-model.ts';
import { actingArrays, fixedParts } from '../networks/effective.ts';
import { fixedPart } from './initialise.ts';
import type { HostTensor, StateDict } from './tensors.ts';

export const holdsEntries = (spec: ModelSpec): boolean =>
  spec.architecture === 'declared' && spec.graph.parameters.some(({ held }) => held !== undefined);

/**
 * Of models as they act: with F and D, and W without what is held. Others come back as they are.
 * @param seed decides F and D
 * @param nameOf if they were read: names the model at a place, for messages; what is held must then be what the seed draws
 * @throws UserError naming the parameter whose entries are others
 */
export function withHeldApart(
  spec: TrainableSpec,
  states: readonly StateDict[],
  seed: number,
  nameOf?: (place: number) => string,
): StateDict[] {
  if (!holdsEntries(spec)) return [...states];
  const network = readNetwork(trainedGraphOf(spec));
  const shared = sharedTensors(network, seed);
  const parts = fixedParts(network, shared);
  return states.map((state, m) => {
    const own: StateDict = new Map([...state, ...shared]);
    for (const { parameter, offset, mask } of parts) {
      const { shape, data } = state.get(parameter)!;
      if (nameOf && mask && !isHeld(data, mask, offset))
        throw new UserError(
          `${nameOf(m)}: entries of "${parameter}" that stay fixed are not those that mask_seed (${seed}) gives.`,
          { hint: 'Use the config.yaml of the run that the checkpoint belongs to.' },
        );
      own.set(parameter, { shape, data: mask ? data.map((value, i) => (mask[i] === 0 ? 0 : value)) : data });
    }
    return own;
  });
}

const companions = ({ parameters }: Graph): Set<string> =>
  new Set(parameters.flatMap(({ family }) => (family ? companionsOf(family) : [])));

/** F and D by name. */
function sharedTensors({ graph, parameters }: Network, seed: number): Map<string, HostTensor> {
  const drawn = fixedPart(graph, { init: [], mask: seed });
  return new Map(
    [...companions(graph)].map((name) => [
      name,
      { shape: parameters.get(name)!.shape, data: drawn.get(name)! },
    ]),
  );
}

function isHeld(data: Float32Array, mask: Float32Array, offset: Float32Array | undefined): boolean {
  return data.every((value, i) => mask[i] !== 0 || value === (offset?.[i] ?? 0));
}

/** As the files have them: weights as they act, without F and D. */
export function withHeldInside(spec: TrainableSpec, network: Network, state: StateDict): StateDict {
  if (!holdsEntries(spec)) return state;
  const acting = actingArrays(network, state);
  const apart = companions(network.graph);
  return new Map(
    [...state].flatMap(([name, value]) => {
      if (apart.has(name)) return [];
      const { family } = network.parameters.get(name)!;
      return [[name, family ? { shape: value.shape, data: acting.get(name)!.data } : value] as const];
    }),
  );
}
