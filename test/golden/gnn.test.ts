/** Graph networks as the published code computes and trains them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import type { Backend } from '../../src-main/compute/backend/index.ts';
import { scoredCount } from '../../src-main/compute/data/index.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { numParameters } from '../../src-main/compute/models/index.ts';
import { dataOf, requireGroups } from '../../src-main/compute/networks/check-symmetries.ts';
import { actingArrays, actingDoubles } from '../../src-main/compute/networks/effective.ts';
import { evaluationOf } from '../../src-main/compute/networks/evaluate.ts';
import { valuesOf } from '../../src-main/compute/networks/doubles.ts';
import { hostForward, hostValues } from '../../src-main/compute/networks/host.ts';
import { recordingPlaces } from '../../src-main/compute/networks/recording-places.ts';
import { predictions, agreements } from '../../src-main/compute/similarity/predictions.ts';
import { updateSimilarity } from '../../src-main/compute/similarity/updates.ts';
import type { OptimizerSettings } from '../../src-main/compute/training/optimizer.ts';
import { resolveSchedule } from '../../src-shared/config/schedule.ts';
import { TrainingSession } from '../../src-main/compute/training/session.ts';
import type { Snapshot } from '../../src-main/compute/training/session.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import { graphOf } from '../../src-shared/networks/of-model.ts';
import { symmetriesOf } from '../../src-shared/networks/symmetries.ts';
import { goldenJson, goldenNpy } from '../support/fixtures.ts';
import { gnnCheckpoint, gnnRuns, gnnSpec, gnnState, graphDataset, graphSplits } from '../support/gnn-runs.ts';
import { largestDifference } from '../support/reference-run.ts';

interface Golden {
  adjacency: { nonzeros: number; degree_sum_first10: number[]; degree_min: number; degree_max: number };
  split_sizes: Record<'train' | 'valid' | 'test', number>;
  state_dict_shapes: Record<string, number[]>;
  num_params_minus_masked?: number;
  models: {
    logprob_nodes0_7: number[][];
    logprob_nodes0_7_epoch0?: number[][];
    conv0_aggregate_node0: number[];
    conv0_output_node0: number[];
    conv0_bn_output_node0: number[];
    evaluate: Record<string, number>;
  }[];
  train_steps: {
    lr: number;
    losses: number[];
    grad_norms_step1: Record<string, number>;
    param_norms_after3: Record<string, number>;
    bn_after3: Record<string, number>;
  };
  lr_per_epoch_gnn_trainer: number[];
  functional_similarity: { results: Record<string, number>; aggregate: number };
  cosine_similarity_epoch10_to_20: { per_layer: Record<string, number>; aggregate: number };
  permutation_spec_ours?: { axes_to_perm: Record<string, (string | null)[]>; recording: object };
}

let backend: Backend;

beforeAll(async () => {
  backend = await loadBackend();
});

const dataset = graphDataset();
const splits = graphSplits();
const { edges } = dataset.train;
const networkOf = (run: string) => readNetwork(graphOf(gnnSpec(run)), run);
const adamw = (lr: number): OptimizerSettings => ({
  ...{ name: 'adamw', lr, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
});
const norm = (data: ArrayLike<number>): number =>
  Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0));

it('the graph: edges both ways, once each', () => {
  const { adjacency, split_sizes: sizes } = goldenJson<Golden>('gnn_sym0');
  const degrees = new Int32Array(dataset.train.count);
  for (const target of edges!.targets) degrees[target]!++;
  expect(edges!.sources).toHaveLength(adjacency.nonzeros);
  expect([...degrees.subarray(0, 10)]).toEqual(adjacency.degree_sum_first10);
  expect(Math.min(...degrees)).toBe(adjacency.degree_min);
  expect(Math.max(...degrees)).toBe(adjacency.degree_max);
  expect([splits.train, splits.val, splits.test].map(scoredCount)).toEqual([
    sizes.train,
    sizes.valid,
    sizes.test,
  ]);
});

describe('the permutation groups', () => {
  const golden = goldenJson<Golden>('gnn_sym0').permutation_spec_ours!;
  const network = networkOf('gnn_sym0');
  const { groups } = symmetriesOf(network);

  it('move the axes that change places without changing the function', () => {
    const found: Record<string, (string | null)[]> = {};
    for (const [name, { shape }] of network.parameters)
      if (shape.length > 0) found[name] = shape.map(() => null);
    for (const { name, axes } of groups)
      for (const { parameter, axis } of axes) found[parameter]![axis] = name;
    expect(found).toEqual(golden.axes_to_perm);
    requireGroups(network, actingArrays(network, gnnState('gnn_sym0', 20, 1)), 'model 1');
  });

  it('are recorded at the end of their layer, before neighbours are added', () => {
    expect(
      groups.map((group) => recordingPlaces(network, group).post_activation_function.map(({ node }) => node)),
    ).toEqual([['convs.0.mlp.2'], ['convs.1.mlp.2'], ['convs.2.mlp.2']]);
    const [first] = groups;
    const { post_linear, post_norm } = recordingPlaces(network, first!);
    expect([post_linear, post_norm].map((places) => places.map(({ node }) => node))).toEqual([
      ['convs.0.mlp.0'],
      ['convs.0.mlp.1'],
    ]);
  });

  it('move the matrices of gates, if there are any', () => {
    const gated = networkOf('gnn_sym1');
    expect(
      symmetriesOf(gated).groups.map(({ movesFixed }) => movesFixed.filter((n) => n.endsWith('.C'))),
    ).toEqual([0, 1, 2].map((i) => [`convs.${i}.mlp.2.C`]));
    requireGroups(gated, actingArrays(gated, gnnState('gnn_sym1', 20, 1)), 'model 1');
  });
});

describe.each(gnnRuns)('%s', (run) => {
  const golden = goldenJson<Golden>(run);
  const spec = gnnSpec(run);
  const network = networkOf(run);
  const acting = (epoch: number) => [1, 2].map((model) => actingArrays(network, gnnState(run, epoch, model)));

  it('holds the tensors of its files, in their order', () => {
    const layout = graphOf(spec).parameters;
    expect(Object.fromEntries(layout.map(({ name, shape }) => [name, shape]))).toEqual(
      golden.state_dict_shapes,
    );
    const checkpoint = openCheckpoint(gnnCheckpoint(run, 20, 1));
    expect(layout.map(({ name }) => name)).toEqual([...checkpoint.tensors.keys()]);
    expect(layout.flatMap(({ name, role }) => (role === 'trained' ? [name] : []))).toEqual(
      checkpoint.trainable,
    );
    checkpoint.close();
    expect(numParameters(spec).free).toBe(golden.num_params_minus_masked ?? 3013);
  });

  it('has the log-probabilities of all nodes in single precision, and of both epochs', () => {
    for (const model of [1, 2]) {
      const evaluation = evaluationOf(backend, network, [acting(20)[model - 1]!], 'eager', splits.train);
      const found = evaluation.logits(splits.train, 0, splits.train.count);
      evaluation.dispose();
      expect(largestDifference(found, goldenNpy(`${run}_logprob_m${model}`).data)).toBeLessThan(2e-5);
    }
    const first = actingArrays(network, gnnState(run, 0, 1));
    const evaluation = evaluationOf(backend, network, [first], 'eager', splits.train);
    const found = evaluation.logits(splits.train, 0, splits.train.count).subarray(0, 40);
    evaluation.dispose();
    expect(largestDifference(found, golden.models[0]!.logprob_nodes0_7_epoch0!.flat())).toBeLessThan(1e-5);
  });

  it('has them in double precision, on TensorFlow and in plain TypeScript', () => {
    const state = gnnState(run, 20, 1);
    const { x, count } = splits.train;
    const expected = golden.models[0]!.logprob_nodes0_7.flat();
    const host = hostForward(network, dataOf(actingDoubles(network, state)), Float64Array.from(x), edges);
    expect(largestDifference(host.subarray(0, 40), expected)).toBeLessThan(1e-5);
    const values = valuesOf(backend, { network, state }, [network.graph.output], {
      rows: count,
      count,
      edges,
    });
    values.each(x, (value) => {
      const numbers = value instanceof Float64Array ? value : backend.native!.doubles.read(value);
      expect(largestDifference(numbers, host)).toBeLessThan(1e-10);
    });
    values.dispose();
  });

  it('has the values of its first layer', () => {
    const model = golden.models[0]!;
    const values = hostValues(
      network,
      dataOf(actingDoubles(network, gnnState(run, 20, 1))),
      Float64Array.from(splits.train.x),
      edges,
    );
    for (const [node, expected] of [
      ['convs.0.neighbours', model.conv0_aggregate_node0],
      ['convs.0.mlp.1', model.conv0_bn_output_node0],
      ['convs.0.mlp.2', model.conv0_output_node0],
    ] as const)
      expect(largestDifference(values.get(node)!.subarray(0, expected.length), expected), node).toBeLessThan(
        1e-5,
      );
  });

  it.each(['eager', 'graph'] as const)('has the losses and accuracies of all splits, %s', async (way) => {
    for (const split of ['train', 'val', 'test'] as const) {
      const evaluation = evaluationOf(backend, network, acting(20), way, splits[split]);
      const { loss, accuracy } = await evaluation.scores(splits[split], () => Promise.resolve());
      evaluation.dispose();
      for (const m of [0, 1]) {
        const { evaluate } = golden.models[m]!;
        expect(Math.abs(loss[m]! - evaluate[`${split}_loss`]!)).toBeLessThan(2e-6);
        expect(Math.abs(accuracy![m]! - evaluate[`${split}_accuracy`]!)).toBeLessThan(1e-4);
      }
    }
  });

  it('gives the same outputs on as many nodes, and moves alike', async () => {
    const names = { train: 'train', val: 'valid', test: 'test' } as const;
    for (const split of ['train', 'val', 'test'] as const) {
      const [a, b] = await predictions(backend, network, acting(20), splits[split], () => Promise.resolve());
      const { results } = golden.functional_similarity;
      expect(a).toHaveLength(results[`${names[split]}_total_samples`]!);
      expect(agreements(a!, b!)).toBe(results[`${names[split]}_agreement_count`]);
    }
    const update = (model: number) => ({ before: gnnState(run, 10, model), after: gnnState(run, 20, model) });
    const found = updateSimilarity(network, update(1), update(2));
    const { per_layer: perLayer, aggregate } = golden.cosine_similarity_epoch10_to_20;
    expect(Object.keys(found.per_layer_similarities)).toEqual(Object.keys(perLayer));
    for (const [name, expected] of Object.entries(perLayer))
      expect(Math.abs(found.per_layer_similarities[name]! - expected), name).toBeLessThan(1e-5);
    expect(Math.abs(found.aggregate_similarity - aggregate)).toBeLessThan(1e-5);
  });
});

function sessionOf(run: string, copies: number, optimizer: OptimizerSettings): TrainingSession {
  const states = Array.from({ length: copies }, () => gnnState(run, 0, 1));
  const plan = { spec: gnnSpec(run), optimizer, batchSize: 1, totalSteps: 3 };
  return new TrainingSession(backend, plan, states, splits.train);
}

describe.each(gnnRuns)('%s: training steps as PyTorch makes them', (run) => {
  const { train_steps: golden } = goldenJson<Golden>(run);

  it('three AdamW steps of two stacked models', () => {
    const session = sessionOf(run, 2, adamw(golden.lr));
    expect(session.execution.way).toBe('graph');
    for (const expected of golden.losses)
      for (const loss of session.run([{ rows: [], learningRate: golden.lr }])[0]!)
        expect(Math.abs(loss - expected)).toBeLessThan(5e-5);
    const snapshots = [...session.snapshots()];
    session.dispose();
    for (const { state } of snapshots) {
      for (const [name, expected] of Object.entries(golden.param_norms_after3)) {
        // What a batch norm takes out has a gradient of rounding errors, whose sign AdamW follows.
        if (/mlp\.0\.bias$/.test(name)) continue;
        expect(Math.abs(norm(state.get(name)!.data) - expected), name).toBeLessThan(1e-3 * expected);
      }
      for (const [name, expected] of Object.entries(golden.bn_after3)) {
        if (name.endsWith('running_mean')) continue; // it follows those biases
        expect(Math.abs(norm(state.get(name)!.data) - expected), name).toBeLessThan(1e-3 * expected);
      }
    }
  });

  it('the gradients of the first', () => {
    const session = sessionOf(run, 1, { name: 'sgd', lr: 0, momentum: 0.9, weightDecay: 0 });
    session.run([{ rows: [], learningRate: 0 }]);
    const [{ slots }] = [...session.snapshots()] as [Snapshot];
    session.dispose();
    const gradients = slots.get('momentum_buffer')!;
    for (const [name, expected] of Object.entries(golden.grad_norms_step1))
      expect(Math.abs(norm(gradients.get(name)!.data) - expected), name).toBeLessThan(
        1e-5 * Math.max(expected, 0.1),
      );
  });

  it('the learning rates of its trainer, which steps the schedule twice an epoch', () => {
    const config = {
      optimizer: { lr: golden.lr },
      scheduler: { name: 'linear_warmup', warmup_steps: 25, steps_per_epoch: 2 },
    };
    const schedule = resolveSchedule(config, golden.lr);
    const expected = goldenJson<Golden>(run).lr_per_epoch_gnn_trainer;
    expect(
      largestDifference(
        expected.map((_, epoch) => schedule(epoch)),
        expected,
      ),
    ).toBeLessThan(1e-15);
  });
});
