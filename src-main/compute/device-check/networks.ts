/** The small networks of the check: fixed numbers, no file and no data set. */
import type { Activation, Norm } from '../../../src-shared/domain.ts';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Examples } from '../data/index.ts';
import type { StateDict } from '../models/index.ts';
import { RandomStream } from '../random.ts';
import { sizeOf } from '../../../src-shared/shapes.ts';

export const models = 2;
const widths = [48, 64, 64, 10];
export const features = widths[0]!;
const classes = widths.at(-1)!;

/** Roundings that one layer's norm, activation and bias add to the sum of its products. */
const besidesSum = 30;

/** Of a forward pass. */
export const forwardRoundings = widths.slice(0, -1).reduce((sum, width) => sum + width + besidesSum, 0);

export function specOf(norm: Norm, activation: Activation): MlpSpec {
  const layers = widths.slice(1).map((outputs, index) => ({
    ...{ index, inputs: widths[index]!, outputs },
    ...{ sigmaF: 0, numFixed: 0, normalMask: true },
  }));
  return {
    ...{ architecture: 'mlp', family: 'standard', layers, norm, activation },
    ...{ elementwiseAffine: true, asymInitOnly: false },
  };
}

export const networkOf = (spec: MlpSpec): Network => readNetwork(mlpGraph(spec));

/** Weights of the models, norms and their statistics away from where training starts. */
export function statesOf(network: Network): StateDict[] {
  const linear = new Set(
    network.nodes
      .filter(({ op }) => op === 'linear')
      .flatMap(({ parameters }) => Object.values(parameters).map(({ name }) => name)),
  );
  return Array.from(
    { length: models },
    (_, model) =>
      new Map(
        network.graph.parameters.map(({ name, shape }) => [
          name,
          { shape: [...shape], data: valuesOf(name, shape, model, linear.has(name)) },
        ]),
      ),
  );
}

function valuesOf(name: string, shape: readonly number[], model: number, linear: boolean): Float32Array {
  const count = sizeOf(shape);
  const stream = new RandomStream(model + 1, 'device check', name);
  if (name.endsWith('num_batches_tracked')) return new Float32Array(count);
  if (linear) return stream.uniforms(count, 1.5 / Math.sqrt(shape.length === 2 ? shape[1]! : 64));
  // Variances and what is divided by their roots: positive.
  if (/\.(running_var|scale|inv_std)$/.test(name))
    return stream.uniforms(count, 0.4).map((value) => 1 + value);
  const offset = name.endsWith('.weight') ? 1 : 0;
  return stream.normals(count, 0.2).map((value) => offset + value);
}

export function examplesOf(count: number): Examples {
  const stream = new RandomStream(5, 'device check', 'examples');
  const x = stream.normals(count * features);
  return { count, features, x, labels: Int32Array.from({ length: count }, () => stream.integer(classes)) };
}
