/** Pairs of ReLU layers that share their fixed weights, as they act on the latent numbers of Gaussian subspace data. */
import { gaussianStructure } from '../data/subspace.ts';
import { multiply } from '../linalg/multiply.ts';
import { RandomStream } from '../random.ts';

export interface LayerSizes {
  width: number;
  ambient: number;
  intrinsic: number;
  numFixed: number;
  sigmaF: number;
}

/**
 * With x = B e, e standard normal of k numbers, Sigma = B B^T, so |M Sigma^(1/2)|_F = |M B|_F. Each part is a weight
 * matrix times B, [width, k]: a layer's pre-activations are (fixed + trained) e.
 */
export interface LayerPair {
  fixed: Float64Array;
  /** Trained parts, scaled to |trained|_F <= |fixed|_F, equal for the larger one: times beta they have ratio beta. */
  first: Float64Array;
  second: Float64Array;
}

/** B = P Q diag(s) [D, k] of one Gaussian of a Gaussian subspace data set. */
export function subspaceRoot(ambient: number, intrinsic: number, seed: number): Float64Array {
  const { rotations, scale, projection } = gaussianStructure({
    ...{ num_samples_train: 1, num_samples_test: 1, sampling_seed_train: 0, sampling_seed_test: 0 },
    ...{
      num_classes: 1,
      d_intrinsic: intrinsic,
      d_ambient: ambient,
      class_separation: 0,
      structure_seed: seed,
    },
  });
  const scaled = rotations.map((entry, i) => entry * scale[i % intrinsic]!);
  return multiply(projection, scaled, ambient, intrinsic, intrinsic);
}

const norm = (values: Float64Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

export interface FullLayers {
  /** [width, ambient], nonzero at the fixed places only. */
  fixed: Float64Array;
  /** [width, ambient], nonzero at the other places only. */
  first: Float64Array;
  second: Float64Array;
}

/** Weights as drawn: normal at their places, every neuron with its own random fixed places. */
export function drawLayers(sizes: LayerSizes, seed: number, pair: number): FullLayers {
  const { width, ambient, numFixed, sigmaF } = sizes;
  const stream = (what: string) => new RandomStream(seed, 'chord-deviation', pair, what);
  const [places, fixedDraws, firstDraws, secondDraws] = [
    stream('places'),
    stream('fixed'),
    stream('first'),
    stream('second'),
  ];
  const size = width * ambient;
  const [fixed, first, second] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
  for (let j = 0; j < width; j++) {
    const order = places.permutation(ambient);
    for (const [rank, place] of order.entries()) {
      const at = j * ambient + place;
      if (rank < numFixed) fixed[at] = sigmaF * fixedDraws.normal();
      else [first[at], second[at]] = [firstDraws.normal(), secondDraws.normal()];
    }
  }
  return { fixed, first, second };
}

export function layerPair(layers: FullLayers, root: Float64Array, sizes: LayerSizes): LayerPair {
  const { width, ambient, intrinsic } = sizes;
  const onLatents = (weights: Float64Array) => multiply(weights, root, width, ambient, intrinsic);
  const [fixed, first, second] = [onLatents(layers.fixed), onLatents(layers.first), onLatents(layers.second)];
  const factor = norm(fixed) / Math.max(norm(first), norm(second));
  return { fixed, first: first.map((x) => x * factor), second: second.map((x) => x * factor) };
}
