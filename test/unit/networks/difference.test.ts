/** What keeps two networks from being compared parameter by parameter, and what does not. */
import { describe, expect, test } from 'vitest';
import { networkDifference } from '../../../src-main/compute/networks/difference.ts';
import { readConfig, resolveModel } from '../../../src-shared/config.ts';
import { families } from '../../../src-shared/domain.ts';
import type { Graph } from '../../../src-shared/networks/graph.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { specOf } from './random-models.ts';
import type { NetworkWish } from './random-models.ts';
import { residualNetwork } from './small-networks.ts';

const mlp = (wish: Partial<NetworkWish> = {}) =>
  readNetwork(mlpGraph(specOf({ family: 'standard', norm: 'layer', ...wish })));

describe('two MLPs', () => {
  test.each(families.filter((family) => family !== 'sigma-asymmetric'))(
    'a %s one and a standard one act alike',
    (family) => {
      const widths = [12, 9, 9, 8, 5];
      expect(networkDifference(mlp({ widths }), mlp({ family, widths }))).toBeUndefined();
    },
  );

  test.each<[Partial<NetworkWish>, string]>([
    [{ widths: [12, 9, 5] }, 'one has 4 linear layers, the other 2'],
    [{ widths: [12, 9, 6, 8, 5] }, 'lins.1 is linear from 9 to 7 in one and linear from 9 to 6 in the other'],
    [{ norm: 'batch' }, 'norms.0 is norm layer, affine in one and norm batch, affine in the other'],
    [{ norm: 'none' }, 'norms.0 is norm layer, affine in one and missing in the other'],
    [{ elementwiseAffine: false }, 'norms.0 is norm layer, affine in one and norm layer in the other'],
    [{ activation: 'tanh' }, 'activations.0 is gelu in one and tanh in the other'],
    [{ family: 'sigma-asymmetric' }, 'activations.0 is gelu in one and gate in the other'],
  ])('%j', (wish, difference) => {
    expect(networkDifference(mlp(), mlp(wish))).toBe(difference);
  });
});

describe('residual networks', () => {
  const resnet = (change: Record<string, unknown> = {}) => {
    const model = { name: 'resnet_cifar', depth: 20, w: 1, num_classes: 3, symmetry: 0, mask_params: {} };
    const config = readConfig({ model: { ...model, input_shape: [2, 8, 8], ...change } });
    return readNetwork(graphOf(resolveModel(config, 'c.yaml')));
  };

  test.each<[Record<string, unknown>, string]>([
    [{}, ''],
    [
      { w: 2 },
      'conv1 is convolution from 2 to 16 channels, 3 x 3 pixels in one and convolution from 2 to 32 channels, 3 x 3 pixels in the other',
    ],
    [
      { input_shape: [3, 8, 8] },
      'conv1 is convolution from 2 to 16 channels, 3 x 3 pixels in one and convolution from 3 to 16 channels, 3 x 3 pixels in the other',
    ],
    [{ depth: 32 }, 'one has 21 convolutions, the other 33'],
    [{ input_shape: [2, 16, 16] }, 'one takes [2, 8, 8], the other [2, 16, 16]'],
  ])('%j', (change, difference) => {
    expect(networkDifference(resnet(), resnet(change)) ?? '').toBe(difference);
  });

  test('kernels of another size, which their values do not tell', () => {
    const graph = structuredClone(resnet().graph);
    graph.parameters.find(({ name }) => name === 'conv1.weight')!.shape = [16, 2, 1, 1];
    graph.nodes.find(({ id }) => id === 'conv1')!.attributes['padding'] = [0, 0];
    expect(networkDifference(resnet(), readNetwork(graph))).toBe(
      'conv1 is convolution from 2 to 16 channels, 3 x 3 pixels in one and convolution from 2 to 16 channels, 1 x 1 pixels in the other',
    );
  });
});

describe('networks that are no chains', () => {
  const changed = (change: (graph: Graph) => void) => {
    const graph = structuredClone(residualNetwork().graph);
    change(graph);
    return readNetwork(graph);
  };
  const node = (graph: Graph, id: string) => graph.nodes.find((one) => one.id === id)!;

  test.each<[string, (graph: Graph) => void]>([
    [
      'sum.1 is add of sum.0, down.1 in one and add of sum.0, embed in the other',
      (graph) => (node(graph, 'sum.1').inputs[1] = 'embed'),
    ],
    [
      'norm is norm layer, affine {"kind":"layer","epsilon":0.00001} in one and norm layer, affine {"kind":"layer","epsilon":0.1} in the other',
      (graph) => (node(graph, 'norm').attributes['epsilon'] = 0.1),
    ],
    [
      'head is with weight "head.weight", bias "head.bias" in one and with weight "renamed", bias "head.bias" in the other',
      (graph) => {
        node(graph, 'head').parameters['weight'] = 'renamed';
        graph.parameters.find(({ name }) => name === 'head.weight')!.name = 'renamed';
      },
    ],
    ['one ends with head, the other with norm', (graph) => (graph.output = 'norm')],
  ])('%s', (difference, change) => {
    expect(networkDifference(residualNetwork(), changed(change))).toBe(difference);
    expect(networkDifference(residualNetwork(), residualNetwork())).toBeUndefined();
  });
});
