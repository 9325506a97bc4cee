/** Hidden layers of networks that see each example by itself: what their neurons read, and the activation behind them. */
import type { Activation } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Network } from '../../../src-shared/networks/network.ts';
import type { Backend } from '../backend/index.ts';
import { selectExamples } from '../data/index.ts';
import type { Examples } from '../data/index.ts';
import type { LoadedModel } from '../load-models.ts';
import { mathsOf } from '../networks/maths.ts';
import { forward } from '../networks/run.ts';
import { stackArrays } from '../networks/stack-arrays.ts';
import { RandomStream } from '../random.ts';
import { pointsOfLayer } from './activations.ts';
import { measuredLayers } from './layer-weights.ts';

/** All linear layers but those whose outputs are the network's. */
export const hiddenLayers = (network: Network): string[] =>
  measuredLayers(network).flatMap(({ id }) => (id === network.graph.output ? [] : [id]));

/** @throws UserError for a gate: there is no function of one neuron then */
export function refuseGates({ run, name }: LoadedModel): void {
  if (!run.graph.nodes.some(({ op }) => op === 'gate')) return;
  throw new UserError(
    `${name} is σ-asymmetric: a neuron’s output depends on all neurons of its layer, so a single neuron cannot realise another’s function.`,
    { hint: 'Use realization-cost, which measures the linear layers.' },
  );
}

/**
 * Some examples of a split, or all of them.
 * @param stream names the draws
 * @throws UserError if the split has fewer
 */
export function sampled(
  examples: Examples,
  { samples, sampleSeed }: { samples?: number | undefined; sampleSeed: number },
  stream: string,
): Examples {
  if (samples === undefined) return examples;
  if (samples > examples.count) {
    throw new UserError(`samples: ${samples} were requested, but the split has ${examples.count}`);
  }
  const chosen = new RandomStream(sampleSeed, stream).permutation(examples.count).slice(0, samples);
  return selectExamples(examples, chosen.sort());
}

/** Inputs of the layers named, [samples, inputs]. @throws UserError naming a neuron that is not finite */
export function inputsOf(
  backend: Backend,
  { run, acting, name }: LoadedModel,
  examples: Examples,
  layers: readonly string[],
): Map<string, Float32Array> {
  const { tf } = backend;
  const reads = new Map(run.graph.nodes.map((node) => [node.id, node.takes[0]!]));
  const [input] = run.graph.graph.inputs;
  const taps = [...new Set(layers.map((layer) => reads.get(layer)!))].filter((id) => id !== input!.id);
  const values = new Map<string, Float32Array>();
  tf.tidy(() => {
    const x = tf.tensor3d(examples.x, [1, examples.count, examples.features]);
    const parameters = stackArrays(tf, [acting]);
    const found = forward(mathsOf(backend), run.graph, parameters, x, { taps });
    for (const [id, value] of found.taps) values.set(id, value.dataSync() as Float32Array);
  });
  for (const [id, data] of values) {
    const width = data.length / examples.count;
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    throw new UserError(`neuron ${bad % width} of ${id} in ${name} is not a finite number for every example`);
  }
  return new Map(layers.map((layer) => [layer, values.get(reads.get(layer)!) ?? examples.x]));
}

/** The activation of a layer's neurons. */
export function activationBehind(network: Network, layer: string): Activation {
  const id = pointsOfLayer(network, layer).post_activation_function;
  const node = network.nodes.find((each) => each.id === id)!;
  return node.op === 'activation' ? (node.attributes as { kind: Activation }).kind : 'identity';
}
