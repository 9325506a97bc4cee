/** Dropout: masks that follow from seed and step alone, and steps that use them as PyTorch does. */
import { describe, expect, it } from 'vitest';
import type { MlpSpec } from '../../../src-shared/model.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { graphOf } from '../../../src-shared/networks/of-model.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import { loadBackend, tensorCount } from '../../../src-main/compute/backend/index.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import { droppingNodes, fillMasks } from '../../../src-main/compute/training/dropout.ts';
import type { Dropping } from '../../../src-main/compute/training/dropout.ts';
import { TrainingSession } from '../../../src-main/compute/training/session.ts';
import type { StepInput } from '../../../src-main/compute/training/session.ts';

const rate = 0.4;
const [inputs, hidden, classes] = [3, 6, 4];
const layer = (index: number, from: number, to: number) => ({
  ...{ index, inputs: from, outputs: to, sigmaF: 0, numFixed: 0, normalMask: true },
});
const spec: MlpSpec = {
  ...{ architecture: 'mlp', family: 'standard', norm: 'none', elementwiseAffine: true, asymInitOnly: false },
  ...{ activation: 'tanh', layers: [layer(0, inputs, hidden), layer(1, hidden, classes)], dropout: rate },
};
const node: Dropping = { id: 'dropouts.0', rate, shape: [hidden] };

describe('masks', () => {
  const seeds = [7, 8];
  const batch = 5;
  const masks = (first: number, count: number, of = seeds): Float32Array => {
    const out = new Float32Array(count * of.length * batch * hidden);
    fillMasks(out, node, of, { first, count, batch });
    return out;
  };

  it('are the same however many steps a call makes, and each model’s own', () => {
    const together = masks(4, 3);
    expect(together).toEqual(Float32Array.from([4, 5, 6].flatMap((step) => [...masks(step, 1)])));
    const single = batch * hidden;
    expect(masks(4, 1).subarray(single)).toEqual(masks(4, 1, [8]));
    expect(masks(4, 1)).not.toEqual(masks(5, 1));
    expect(masks(4, 1, [7])).not.toEqual(masks(4, 1, [8]));
  });

  it('drop the share asked for and scale up the rest', () => {
    const out = new Float32Array(200_000);
    fillMasks(out, { ...node, shape: [out.length] }, [1], { first: 1, count: 1, batch: 1 });
    const kept = out.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / (1 - rate))]));
    // Five standard deviations.
    expect(Math.abs(kept.length / out.length - (1 - rate))).toBeLessThan(5 * Math.sqrt(0.24 / out.length));
  });
});

const rows = 8;
const examples = {
  ...{ count: rows, features: inputs },
  x: Float32Array.from({ length: rows * inputs }, (_, i) => Math.sin(1 + i)),
  labels: Int32Array.from({ length: rows }, (_, i) => i % classes),
};
const states = () => initialise(spec, { init: [1, 2], mask: 3 });
const dropoutSeeds = [7, 8];
type Way = TrainingSession['execution'];

function sessionOf(backend: Backend, execution?: Way, of = spec): TrainingSession {
  const optimizer = { name: 'sgd', lr: 0.1, momentum: 0.9, weightDecay: 0 } as const;
  const plan = {
    spec: of,
    optimizer,
    batchSize: 4,
    totalSteps: 6,
    dropoutSeeds,
    ...(execution && { execution }),
  };
  return new TrainingSession(backend, plan, states(), examples);
}

const batchOf = (step: number): StepInput => ({
  rows: [0, 1].map((m) => Int32Array.from({ length: 4 }, (_, b) => (3 * step + b + m) % rows)),
  learningRate: 0.1,
});

/** Loss of model m at a step, in doubles. */
function hostLoss(state: Map<string, Float64Array>, m: number, step: number): number {
  const mask = new Float32Array(2 * 4 * hidden);
  fillMasks(mask, node, dropoutSeeds, { first: step, count: 1, batch: 4 });
  const [w0, b0, w1, b1] = ['lins.0.weight', 'lins.0.bias', 'lins.1.weight', 'lins.1.bias'].map((name) =>
    state.get(name)!,
  );
  const losses = [...batchOf(step).rows[m]!].map((row, b) => {
    const units = Array.from({ length: hidden }, (_, j) => {
      let z = b0![j]!;
      for (let i = 0; i < inputs; i++) z += w0![j * inputs + i]! * examples.x[row * inputs + i]!;
      return Math.tanh(z) * mask[(m * 4 + b) * hidden + j]!;
    });
    const logits = Array.from({ length: classes }, (_, k) =>
      units.reduce((sum, unit, j) => sum + w1![k * hidden + j]! * unit, b1![k]!),
    );
    const top = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
    return top - logits[examples.labels[row]!]!;
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('a step on %s', (name) => {
  it('has the loss and the gradients of the network with these masks', async () => {
    const backend = await loadBackend({ prefer: name });
    const before = tensorCount(backend);
    const session = sessionOf(backend);
    const [losses] = session.run([batchOf(1)]);
    const gradients = [...session.snapshots()].map(({ slots }) => slots.get('momentum_buffer')!);
    session.dispose();
    expect(tensorCount(backend)).toEqual(before);
    states().forEach((state, m) => {
      const values = new Map([...state].map(([name, { data }]) => [name, Float64Array.from(data)]));
      expect(losses![m]!).toBeCloseTo(hostLoss(values, m, 1), 5);
      for (const [parameter, { data }] of gradients[m]!)
        data.forEach((found, i) => {
          const own = values.get(parameter)!;
          const at = own[i]!;
          const [above, below] = [1e-5, -1e-5].map((h) => {
            own[i] = at + h;
            return hostLoss(values, m, 1);
          });
          own[i] = at;
          expect(Math.abs(found - (above! - below!) / 2e-5), `${parameter} ${i}`).toBeLessThan(1e-5);
        });
    });
  });
});

describe('compiled', () => {
  const lossesOf = (session: TrainingSession): number[] => {
    const found: number[] = [];
    for (let step = 1; step <= 6; step += session.stepsPerCall) {
      const call = Array.from({ length: session.stepsPerCall }, (_, i) => batchOf(step + i));
      for (const losses of session.run(call)) found.push(...losses);
    }
    session.dispose();
    return found;
  };

  it.each([1, 2, 3])('%i steps in a call: the same steps as one by one', async (steps_per_call) => {
    const native = await loadBackend({ prefer: 'tensorflow' });
    const expected = lossesOf(sessionOf(native));
    const found = lossesOf(sessionOf(native, { way: 'xla', steps_per_call }));
    found.forEach((loss, i) => expect(Math.abs(loss - expected[i]!)).toBeLessThan(1e-5));
    const { dropout: _without, ...whole } = spec;
    const undropped = lossesOf(sessionOf(native, { way: 'xla', steps_per_call }, whole));
    expect(Math.max(...undropped.map((loss, i) => Math.abs(loss - found[i]!)))).toBeGreaterThan(0.05);
  });
});

it('is in the network that is trained, and not in the one that is measured', () => {
  expect(droppingNodes(readNetwork(mlpGraph(spec)))).toEqual([node]);
  expect(droppingNodes(readNetwork(graphOf(spec)))).toEqual([]);
});
