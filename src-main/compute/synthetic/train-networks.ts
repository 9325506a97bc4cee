/** Trains networks one by one: some here, others in threads. Each has the same numbers wherever it is trained. */
import type { ParamsOf } from '../../../src-shared/jobs/define.ts';
import type { syntheticCoherenceJob } from '../../../src-shared/jobs/synthetic-coherence.ts';
import { RandomStream } from '../random.ts';
import { inLanes } from '../threads/lanes.ts';
import { inThread, threadCount } from '../threads/pool.ts';
import { taskOf } from '../threads/tasks.ts';
import { scalarTraining } from './scalar-network.ts';
import type { ScalarNetwork, ScalarTask } from './scalar-network.ts';

export type Params = ParamsOf<typeof syntheticCoherenceJob>;

/** What is told on the way; both stop a cancelled job. */
export interface Watch {
  epochDone(): Promise<void>;
  networkDone(): Promise<void>;
}

/**
 * The network of one seed, from its initial weights to its last epoch.
 * @param stop shared by threads: not 0 once nobody wants the network any more; undefined then
 */
export function trainedNetwork(
  task: ScalarTask,
  params: Params,
  seed: number,
  stop: Int32Array,
): ScalarNetwork | undefined {
  const training = trainingOf(task, params, seed);
  while (Atomics.load(stop, 0) === 0) {
    const { done, value } = training.next();
    if (done) return value;
  }
  return undefined;
}

const trainedNetworkTask = taskOf(import.meta.url, trainedNetwork);

/** Networks of these seeds, in their order. */
export async function trainNetworks(
  task: ScalarTask,
  params: Params,
  seeds: readonly number[],
  watch: Watch,
): Promise<ScalarNetwork[]> {
  const networks: ScalarNetwork[] = [];
  const stop = new Int32Array(new SharedArrayBuffer(4));
  await inLanes(
    {
      ...{ count: seeds.length, helpers: threadCount() },
      stop: () => void Atomics.store(stop, 0, 1),
    },
    async (i, here) => {
      const seed = seeds[i]!;
      const network = here
        ? await trainHere(task, params, seed, watch)
        : await inThread(trainedNetworkTask, [task, params, seed, stop]);
      if (!network) return;
      networks[i] = network;
      await watch.networkDone();
    },
  );
  return networks;
}

async function trainHere(
  task: ScalarTask,
  params: Params,
  seed: number,
  watch: Watch,
): Promise<ScalarNetwork> {
  const training = trainingOf(task, params, seed);
  for (;;) {
    const { done, value } = training.next();
    if (done) return value;
    await watch.epochDone();
  }
}

const trainingOf = (task: ScalarTask, params: Params, seed: number): Generator<void, ScalarNetwork> =>
  scalarTraining(task, initialNetwork(task, seed), ordersOf(params, seed), {
    batchSize: params.batchSize,
    learningRate: params.learningRate,
    weightDecay: params.weightDecay,
    biasWeightDecay: params.biasWeightDecay,
    trainBias: params.trainHiddenBias,
  });

const initialDeviation = 0.05;

function initialNetwork({ width, inputs }: ScalarTask, seed: number): ScalarNetwork {
  const stream = new RandomStream(seed, 'synthetic-coherence', 'weight');
  const weight = Float64Array.from({ length: width * inputs }, () => initialDeviation * stream.normal());
  return { weight, bias: new Float64Array(width) };
}

function* ordersOf({ epochs, nTrain }: Params, seed: number): Generator<Int32Array> {
  const stream = new RandomStream(seed, 'synthetic-coherence', 'batches');
  for (let epoch = 0; epoch < epochs; epoch++) yield stream.permutation(nTrain);
}
