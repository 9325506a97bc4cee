/** Which values of a network a group's activations are recorded from. */
import { describe, expect, test } from 'vitest';
import { recordingPlaces } from '../../../src-main/compute/networks/recording-places.ts';
import { recordingPoints } from '../../../src-shared/domain.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { symmetriesOf } from '../../../src-shared/networks/symmetries.ts';
import { specOf } from './random-models.ts';
import { residualNetwork, sharedNetwork } from './small-networks.ts';

/** By group: the nodes of each recording point, in their order. */
const placesOf = (network: Network) =>
  Object.fromEntries(
    symmetriesOf(network).groups.map((group) => {
      const places = recordingPlaces(network, group);
      return [group.name, recordingPoints.map((point) => places[point].map(({ node }) => node).join())];
    }),
  );

describe('places of recording', () => {
  test('of an MLP are the published ones, norm or not, gate or not', () => {
    const mlp = (norm: 'layer' | 'none', family: 'standard' | 'sigma-asymmetric') =>
      placesOf(readNetwork(mlpGraph(specOf({ family, norm, widths: [4, 3, 5, 2] }))));
    const whole = {
      P_0: ['lins.0', 'norms.0', 'activations.0'],
      P_1: ['lins.1', 'norms.1', 'activations.1'],
    };
    expect(mlp('layer', 'standard')).toEqual(whole);
    expect(mlp('layer', 'sigma-asymmetric')).toEqual(whole);
    expect(mlp('none', 'standard')).toEqual({
      P_0: ['lins.0', 'lins.0', 'activations.0'],
      P_1: ['lins.1', 'lins.1', 'activations.1'],
    });
  });

  test('of a residual stream: its last sum, the norm behind it, the inputs of all its readers', () => {
    expect(placesOf(residualNetwork())).toEqual({
      stream: ['sum.1', 'norm', 'norms.0,norms.1,norm'],
      'up.0': ['up.0', 'up.0', 'act.0'],
      'up.1': ['up.1', 'up.1', 'act.1'],
    });
  });

  test('of weights that are used twice: the later use, and all that is read', () => {
    expect(placesOf(sharedNetwork())).toEqual({ first: ['again.2', 'again.2', 'act.0,act.1,act.2'] });
  });

  test('a group that the output does not depend on is refused by name', () => {
    const linear = (id: string, from: string, shape: number[]) => ({
      node: { id, op: 'linear', inputs: [from], parameters: { weight: `${id}.weight` } },
      parameter: { name: `${id}.weight`, shape, role: 'trained' },
    });
    const layers = [
      linear('idle', 'x', [3, 2]),
      linear('hidden', 'x', [3, 2]),
      linear('out', 'hidden', [2, 3]),
    ];
    const network = readNetwork({
      inputs: [{ id: 'x', shape: [2] }],
      parameters: layers.map(({ parameter }) => parameter),
      nodes: layers.map(({ node }) => node),
      output: 'out',
    });
    const [idle, hidden] = symmetriesOf(network).groups;
    expect(() => recordingPlaces(network, idle!)).toThrow(/does not depend on the units of idle/);
    expect(recordingPlaces(network, hidden!).post_linear.map(({ node }) => node)).toEqual(['hidden']);
  });
});
