/** How training runs follows from its config; compiled, any number of steps per call gives the same bits. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accounted } from '../../../src-main/compute/accounted.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { Backend } from '../../../src-main/compute/backend/index.ts';
import { hasBinding } from '../../../src-main/compute/backend/native.ts';
import { initialise } from '../../../src-main/compute/models/index.ts';
import { RandomStream } from '../../../src-main/compute/random.ts';
import { executionOf } from '../../../src-main/compute/training/execution.ts';
import { TrainingSession } from '../../../src-main/compute/training/session.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { resolveChain } from '../../../src-shared/config.ts';
import type { TrainingExecution } from '../../../src-shared/domain.ts';
import { CancelledError } from '../../../src-shared/errors.ts';
import { mlpGraph } from '../../../src-shared/networks/mlp.ts';
import { readNetwork } from '../../../src-shared/networks/network.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';

let backend: Backend;
beforeAll(async () => {
  backend = await loadBackend();
});

const compilerHere = hasBinding() && !process.env['BASIN_BACKEND'];
const presetSpec = (preset: string) => resolveChain(loadTrainingConfig(preset), preset);
const rule = (on: Backend, preset: string, models: number, totalSteps: number): TrainingExecution =>
  executionOf(on, readNetwork(mlpGraph(presetSpec(preset))), { models, batchSize: 64, totalSteps });

describe('the rule', () => {
  test.skipIf(process.env['BASIN_BACKEND'] !== undefined)(
    'compiles from 200 steps on; small networks make several steps per call',
    () => {
      expect(rule(backend, 'standard-small', 4, 199)).toEqual({
        ...{ way: 'eager', steps_per_call: 1, reason: '199 steps; compiling pays off from 200' },
      });
      expect(rule(backend, 'standard', 16, 200)).toEqual({ way: 'xla', steps_per_call: 1 });
      const small = rule(backend, 'standard-small', 4, 2000);
      expect(small.way).toBe('xla');
      expect(small.steps_per_call).toBeGreaterThan(4);
      expect(rule(backend, 'standard-small', 1, 2000).steps_per_call).toBe(32);
    },
  );

  test.skipIf(!compilerHere)('a GPU that cannot compile runs eagerly and says why', () => {
    const compiler = { ...backend.native!.compiler, shortfall: () => 'libdevice is missing' };
    const gpu: Backend = { ...backend, device: 'gpu', native: { ...backend.native!, compiler } };
    expect(rule(gpu, 'standard-small', 4, 2000)).toEqual({
      ...{ way: 'eager', steps_per_call: 1 },
      reason: "TensorFlow's compiler does not work on this GPU: libdevice is missing",
    });
  });

  test('other back ends run eagerly and say why', async () => {
    const wasm = await loadBackend({ prefer: 'wasm' });
    expect(rule(wasm, 'standard-small', 4, 2000)).toEqual({
      ...{ way: 'eager', steps_per_call: 1, reason: 'the wasm back end does not support compiled execution' },
    });
    backend = await loadBackend();
  });
});

test.each(['w-asymmetric-small', 'standard-small'])(
  '%s: the same bits with 1, 3 and 5 steps per call',
  async (preset) => {
    const spec = presetSpec(preset);
    const run = (steps: number) =>
      accounted(backend, 'seven steps', () => {
        const stream = new RandomStream(3, 'rows');
        const examples = {
          ...{ count: 300, features: 784, x: stream.normals(300 * 784) },
          labels: Int32Array.from({ length: 300 }, (_, i) => i % 10),
        };
        const session = new TrainingSession(
          backend,
          {
            ...{ spec, batchSize: 16, totalSteps: 7, execution: { way: 'xla', steps_per_call: steps } },
            optimizer: { name: 'adamw', lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 },
          },
          initialise(spec, { init: [1, 2], mask: 3 }),
          examples,
        );
        const rows = () => Int32Array.from({ length: 16 }, () => stream.integer(300));
        const inputs = Array.from({ length: 7 }, () => ({ rows: [rows(), rows()], learningRate: 1e-3 }));
        const losses = [];
        for (let i = 0; i < 7; i += steps)
          losses.push(...session.run(inputs.slice(i, i + steps)).map((each) => Array.from(each)));
        const out = { losses, models: [...session.snapshots()], steps: session.steps };
        session.dispose();
        return Promise.resolve(out);
      });
    const one = await run(1);
    expect(one.steps).toBe(7);
    expect(await run(3)).toEqual(one);
    expect(await run(5)).toEqual(one);
  },
);

describe('a compiled run', () => {
  const root = mkdtempSync(join(tmpdir(), 'basin-compiled-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  // 400 digits: 7 steps an epoch, 210 in all.
  const overrides = [
    'dataset.val_split=0.95',
    'model.hidden_dim=8',
    'num_models=2',
    'seed=5',
    'training.num_epochs=30',
    'training.save_every=10',
  ];

  const start = async (
    directory: string,
    resume: boolean,
    onEvent: (event: JobEvent, stop: () => void) => void,
  ) => {
    const stopper = new AbortController();
    const config = resume ? {} : { config: { ...loadTrainingConfig('standard-small', overrides) } };
    return train(
      { run: directory, resume, ...config },
      {
        backend: () => loadBackend(),
        signal: stopper.signal,
        emit: (event) => onEvent(event, () => stopper.abort()),
      },
    );
  };

  test('says that it compiles, ends in the same bits if cancelled and resumed', async () => {
    const messages: string[] = [];
    const whole = await start(join(root, 'whole'), false, (event) => {
      if (event.type === 'progress') messages.push(event.progress.message);
    });
    if (backend.native) {
      expect(whole.execution.way).toBe('xla');
      expect(messages).toContain('compiling the training step');
    }
    const stopped = start(join(root, 'parts'), false, (event, stop) => {
      if (event.type === 'epoch' && event.metrics.epoch === 14) stop();
    });
    await expect(stopped).rejects.toBeInstanceOf(CancelledError);
    const resumed = await start(join(root, 'parts'), true, () => undefined);
    expect(resumed.resumed_from).toBe(10);
    expect(resumed.execution).toEqual(whole.execution);
    const files = readdirSync(join(root, 'whole')).filter((name) => name.includes('_epoch_30_'));
    expect(files.length).toBeGreaterThan(1);
    for (const name of files)
      expect(
        readFileSync(join(root, 'parts', name)).equals(readFileSync(join(root, 'whole', name))),
        name,
      ).toBe(true);
  });
});
