import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import type { TrainResult } from '../../../src-shared/jobs/train.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { readRunDirectory } from '../../../src-main/formats/run-directory.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-train-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `run-${++count}`);
});

/** 400 of the 8,000 digits train, so that an epoch is 7 steps. */
const quick = [
  'dataset.val_split=0.95',
  'model.hidden_dim=8',
  'model.mask_params.default.num_fixed=3',
  'num_models=2',
  'seed=5',
];
const mask = [0, 1, 2, 3].map((i) => `~model.mask_params.linear_mask_params_${i}`);

interface Run {
  result: TrainResult;
  events: JobEvent[];
}

async function run(
  preset: string,
  overrides: string[],
  options: { resume?: boolean; onEvent?: (event: JobEvent, stop: () => void) => void } = {},
): Promise<Run> {
  const events: JobEvent[] = [];
  const stopper = new AbortController();
  const config = options.resume ? undefined : { ...loadTrainingConfig(preset, overrides) };
  const result = await train(
    { run: directory, resume: options.resume ?? false, ...(config && { config }) },
    {
      backend: () => loadBackend(),
      signal: stopper.signal,
      emit: (event) => {
        events.push(event);
        options.onEvent?.(event, () => stopper.abort());
      },
    },
  );
  return { result, events };
}

function bytesOf(epoch: number): Map<string, Buffer> {
  const files = readdirSync(directory).filter((name) => name.includes(`_epoch_${epoch}_`));
  return new Map(files.map((name) => [name, readFileSync(join(directory, name))]));
}

describe('a training run', () => {
  const small: [string, string[]] = [
    'w-asymmetric-small',
    [...quick, ...mask, 'training.num_epochs=3', 'training.save_every=2'],
  ];

  it('writes config, split, metrics and checkpoints, and tells about them', async () => {
    const { result, events } = await run(small[0], small[1]);
    const files = readdirSync(directory).sort();
    const checkpoints = [0, 2, 3].flatMap((e) =>
      [1, 2].map((m) => `checkpoint_epoch_${e}_model_${m}.safetensors`),
    );
    expect(files.filter((name) => name.startsWith('checkpoint'))).toEqual(checkpoints);
    expect(files).toEqual(expect.arrayContaining(['config.yaml', 'metrics.json', 'split.json']));
    expect(events.filter((event) => event.type === 'checkpoint')).toHaveLength(6);
    expect(events.filter((event) => event.type === 'epoch').map((event) => event.metrics.epoch)).toEqual([
      0, 1, 2, 3,
    ]);
    const metrics = JSON.parse(readFileSync(join(directory, 'metrics.json'), 'utf8')) as {
      trainLoss: number[] | null;
    }[];
    expect(metrics.map((entry) => entry.trainLoss?.length)).toEqual([undefined, 2, 2, 2]);
    expect(metrics[3]!.trainLoss![0]!).toBeLessThan(metrics[1]!.trainLoss![0]!);
    expect(result).toMatchObject({ models: 2, epochs: 3, resumed_from: null, family: 'w-asymmetric' });
    expect(result.test_accuracy).toHaveLength(2);
    expect(result.ms_per_model_step).toBeGreaterThan(0);
    const progress = events.filter((event) => event.type === 'progress');
    expect(progress.at(-1)!.progress.fraction).toBe(1);
  });

  it('records every seed it drew, and trains the same weights from them again', async () => {
    const unseeded = small[1].filter((o) => o !== 'seed=5');
    const first = await run(small[0], unseeded);
    const config = readRunDirectory(directory).config;
    expect(config).toMatchObject({ ...first.result.seeds, num_models: 2 });
    const before = bytesOf(3);
    directory += '-again';
    const { seed, init_seed: init, optimization_seed: order, mask_seed: fixed } = first.result.seeds;
    await run(small[0], [
      ...unseeded,
      `seed=${seed}`,
      `init_seed=[${init.join()}]`,
      `optimization_seed=[${order.join()}]`,
      `mask_seed=${fixed}`,
    ]);
    expect(bytesOf(3)).toEqual(before);
    expect(before.size).toBe(4);
  });

  it('gives other weights under another seed, and the same fixed part to all models', async () => {
    await run(small[0], small[1]);
    const first = bytesOf(0);
    directory += '-other';
    await run(
      small[0],
      small[1].map((o) => (o === 'seed=5' ? 'seed=6' : o)),
    );
    for (const [name, bytes] of bytesOf(0))
      if (name.startsWith('checkpoint')) expect(bytes).not.toEqual(first.get(name));
  });
});

describe('an interrupted run', () => {
  const cases: [string, string, string[]][] = [
    ['AdamW, W-asymmetric', 'w-asymmetric-small', mask],
    ['AdamW, sigma-asymmetric', 'sigma-asymmetric-small', []],
    ['AdamW, SYRE, cosine', 'syre-small', ['scheduler=cosine', 'scheduler.T_max=4']],
    [
      'SGD with momentum, batch norm, warm-up',
      'standard-small',
      ['model.norm=batch', 'optimizer=sgd', 'scheduler=linear_warmup', 'scheduler.warmup_steps=3'],
    ],
    [
      'SGD with Nesterov momentum, clipped, RMSNorm',
      'standard-small',
      ['model.norm=rms', 'optimizer=sgd', 'optimizer.nesterov=true', 'training.clip_grad_norm=0.5'],
    ],
    [
      'RMSprop with momentum, centered, smoothed labels, SiLU, dropout',
      'standard-small',
      [
        ...['model.activation=silu', 'optimizer=rmsprop', 'optimizer.momentum=0.9'],
        ...['optimizer.centered=true', 'training.label_smoothing=0.1', 'model.dropout=0.3'],
      ],
    ],
    [
      'Adam, linearised norm',
      'w-asymmetric-small',
      [...mask, 'model.norm=layer_linear', 'optimizer=adam', 'optimizer.weight_decay=0.01'],
    ],
  ];
  const settings = ['training.num_epochs=4', 'training.save_every=1'];

  it.each(cases)('resumes to the very same weights: %s', async (_, preset, extra) => {
    const overrides = preset.startsWith('w') ? quick : quick.filter((o) => !o.includes('mask_params'));
    const all = [...overrides, ...extra, ...settings];
    const whole = await run(preset, all);
    const expected = bytesOf(4);
    const curves = readFileSync(join(directory, 'metrics.json'), 'utf8');
    directory += '-cut';
    const stopAt = (event: JobEvent, stop: () => void): void => {
      if (event.type === 'epoch' && event.metrics.epoch === 2) stop();
    };
    await expect(run(preset, all, { onEvent: stopAt })).rejects.toBeInstanceOf(CancelledError);
    expect(existsSync(join(directory, 'checkpoint_epoch_4_model_1.safetensors'))).toBe(false);
    const resumed = await run(preset, [], { resume: true });
    expect(resumed.result.resumed_from).toBe(2);
    expect(bytesOf(4)).toEqual(expected);
    expect(readFileSync(join(directory, 'metrics.json'), 'utf8')).toBe(curves);
    expect(resumed.result.test_loss).toEqual(whole.result.test_loss);
  });

  it('goes back to the last epoch that all models have whole', async () => {
    const all = [...quick, ...mask, ...settings];
    await run('w-asymmetric-small', all);
    const expected = bytesOf(4);
    rmSync(join(directory, 'optimizer_epoch_4_model_2.safetensors'));
    rmSync(join(directory, 'checkpoint_epoch_3_model_1.safetensors'));
    const { result } = await run('', [], { resume: true });
    expect(result.resumed_from).toBe(2);
    expect(bytesOf(4)).toEqual(expected);
  });

  it('stopped before the first checkpoints were whole starts again from the recorded seeds', async () => {
    const all = [...quick, ...mask, ...settings];
    await run('w-asymmetric-small', all);
    const expected = bytesOf(4);
    for (const name of readdirSync(directory)) if (/_epoch_/.test(name)) rmSync(join(directory, name));
    const { result } = await run('', [], { resume: true });
    expect(result.resumed_from).toBeNull();
    expect(bytesOf(4)).toEqual(expected);
  });

  it('is found again if its config and checkpoints were put elsewhere in its folder', async () => {
    await run('w-asymmetric-small', [...quick, ...mask, ...settings]);
    const expected = bytesOf(4);
    mkdirSync(join(directory, 'checkpoints'));
    for (const name of readdirSync(directory)) {
      if (/_epoch_4_/.test(name)) rmSync(join(directory, name));
      else if (/_epoch_/.test(name)) renameSync(join(directory, name), join(directory, 'checkpoints', name));
    }
    mkdirSync(join(directory, '.hydra'));
    renameSync(join(directory, 'config.yaml'), join(directory, '.hydra/config.yaml'));
    const { result } = await run('', [], { resume: true });
    expect(result.resumed_from).toBe(3);
    expect(bytesOf(4)).toEqual(expected);
    await expect(run('w-asymmetric-small', [...quick, ...mask])).rejects.toThrow('already holds a run');
  });

  it('finished already: evaluates and changes nothing', async () => {
    const whole = await run('w-asymmetric-small', [...quick, ...mask, ...settings]);
    const again = await run('', [], { resume: true });
    expect(again.result).toMatchObject({
      resumed_from: 4,
      test_loss: whole.result.test_loss,
      ms_per_model_step: null,
    });
    expect(again.result.val_accuracy).toEqual(whole.result.val_accuracy);
  });
});

describe('early stopping', () => {
  // Losses that would have to fall by 9 do not: two validations after that of epoch 0 are waited for.
  const stopping = ['training.early_stopping.enabled=true', 'training.early_stopping.min_delta=9'];
  const patient = [...stopping, 'training.early_stopping.patience=2'];
  const all = [...quick, ...mask, 'training.num_epochs=6', 'training.save_every=5'];

  it('ends all models together, saves them, and says when and why', async () => {
    const { result, events } = await run('w-asymmetric-small', [...all, ...patient]);
    expect(result).toMatchObject({
      epochs: 2,
      stopped_early: expect.stringMatching(/last 2 validations/) as string,
    });
    const metrics = JSON.parse(readFileSync(join(directory, 'metrics.json'), 'utf8')) as {
      stopped?: string;
    }[];
    expect(metrics.map(({ stopped }) => stopped)).toEqual([undefined, undefined, result.stopped_early]);
    const lines = events.flatMap((event) => (event.type === 'log' ? [event.line] : []));
    expect(lines.join('\n')).toContain('stopped early after epoch 2 of 6: no model');
    expect(events.filter((event) => event.type === 'progress').at(-1)!.progress.fraction).toBe(1);
    expect(readRunDirectory(directory).config).toMatchObject({ training: { num_epochs: 6 } });
    const before = bytesOf(2);
    expect(before.size).toBe(4);
    // Resuming does nothing more.
    const again = await run('', [], { resume: true });
    expect(again.result).toMatchObject({ epochs: 2, resumed_from: 2, stopped_early: result.stopped_early });
    expect(bytesOf(2)).toEqual(before);
    expect(bytesOf(3).size).toBe(0);
  });

  it('ends a resumed run where it ends an uninterrupted one', async () => {
    const saved = ['training.save_every=1', 'training.early_stopping.patience=3'];
    const whole = await run('w-asymmetric-small', [...all, ...stopping, ...saved]);
    const curves = readFileSync(join(directory, 'metrics.json'), 'utf8');
    const expected = bytesOf(3);
    for (const name of readdirSync(directory)) if (/_epoch_[23]_/.test(name)) rmSync(join(directory, name));
    const { result } = await run('', [], { resume: true });
    expect(result).toMatchObject({ resumed_from: 1, epochs: 3, stopped_early: whole.result.stopped_early });
    expect(bytesOf(3)).toEqual(expected);
    expect(readFileSync(join(directory, 'metrics.json'), 'utf8')).toBe(curves);
    for (const name of readdirSync(directory)) if (/_epoch_[23]_/.test(name)) rmSync(join(directory, name));
    rmSync(join(directory, 'metrics.json'));
    await expect(run('', [], { resume: true })).rejects.toThrow(/no validation loss of epoch 0/);
  });

  it('goes on as long as one model improves, and lets training end by itself', async () => {
    const enabled = ['training.early_stopping.enabled=true', 'training.early_stopping.patience=1'];
    const { result } = await run('w-asymmetric-small', [
      ...quick,
      ...mask,
      'training.num_epochs=2',
      ...enabled,
    ]);
    expect(result.epochs).toBe(2);
    expect(result).not.toHaveProperty('stopped_early');
  });

  it.each([
    [['training.val_every=0'], /training\.val_every is 0/],
    [['training.early_stopping.patience=0'], /patience is 0/],
    [['dataset.val_split=0'], /no examples are set aside/],
  ])('that could not work is refused: %s', async (overrides, message) => {
    await expect(run('w-asymmetric-small', [...all, ...stopping, ...overrides])).rejects.toThrow(message);
    expect(existsSync(directory)).toBe(false);
  });
});

describe('what cannot be trained is refused before anything is written', () => {
  async function refusal(preset: string, overrides: string[]): Promise<string> {
    const thrown = await run(preset, overrides).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(UserError);
    expect(existsSync(directory)).toBe(false);
    return (thrown as UserError).message;
  }

  it.each([
    [['model.mask_params.linear_mask_params_3.num_fixed=64'], /layer 3.*num_fixed is 64.*64 inputs/],
    [
      ['model.n_mul=10', 'model.mask_params.linear_mask_params_0.num_fixed=100'],
      /num_fixed is 1000 \(100 times n_mul 10\).*784 inputs/,
    ],
    [['optimizer.name=lion'], /optimizer\.name is "lion".*adamw, adam, sgd, rmsprop/],
    [
      ['optimizer=sgd', 'optimizer.momentum=0', 'optimizer.nesterov=true'],
      /optimizer\.nesterov is true.*optimizer\.momentum is 0/,
    ],
    [['training.label_smoothing=1'], /label_smoothing is 1/],
    [['training.clip_grad_norm=0'], /clip_grad_norm is 0/],
    [['scheduler.name=cosin'], /scheduler\.name is "cosin".*Did you mean "cosine"/],
    [['model.norm=group'], /model\.norm is "group"/],
    [['init_seed=[1,2,3]'], /init_seed lists 3 seeds for num_models=4/],
    [['dataset.name=mnist'], /data set "mnist": no data folder/],
    [['dataset.name=minst'], /"minst" is unknown.*Did you mean "mnist"/],
    [['model.input_dim=100'], /model\.input_dim is 100.*784/],
    [['model.output_dim=5'], /model\.output_dim is 5.*10 classes/],
    [['model.norm=batch', 'dataset.batch_size=7199'], /batch has 1/],
    [['dataset.split_file=/nowhere/split.json'], /split\.json.*does not exist/],
  ])('%s', async (overrides, message) => {
    expect(await refusal('w-asymmetric-small', overrides)).toMatch(message);
  });

  it('a folder that already holds a run', async () => {
    const overrides = [...quick, ...mask, 'training.num_epochs=0'];
    await run('w-asymmetric-small', overrides);
    await expect(run('w-asymmetric-small', overrides)).rejects.toThrow(
      /already holds a run \(checkpoint_epoch_0_model_1/,
    );
  });

  it('a folder that is a file', async () => {
    writeFileSync(directory, '');
    await expect(run('w-asymmetric-small', quick)).rejects.toThrow(UserError);
  });

  it.skipIf(process.getuid?.() === 0)('a read-only folder', async () => {
    const parent = mkdtempSync(join(root, 'locked-'));
    chmodSync(parent, 0o500);
    directory = join(parent, 'run');
    await expect(run('w-asymmetric-small', quick)).rejects.toThrow(/permission is denied/);
  });

  it('resuming a folder without checkpoints', async () => {
    await expect(run('', [], { resume: true })).rejects.toThrow(UserError);
  });
});

describe('while it runs', () => {
  const wild = [
    ...quick.filter((o) => !o.includes('mask_params')),
    ...['model.norm=null', 'model.activation=relu', 'optimizer=sgd', 'optimizer.lr=1e30'],
  ];

  it('an evaluation that is not finite stops it, though every loss before a step was', async () => {
    // One step per epoch: its loss is that of the initialisation.
    const overrides = [...wild, 'training.num_epochs=1', 'dataset.batch_size=8000'];
    await expect(run('standard-small', overrides)).rejects.toThrow(
      /training stopped: the loss of model [12] on held-out examples is (NaN|Infinity|[\d.e+]+) after step 1: /,
    );
  });

  it('a loss that is no longer finite stops it, with model, step and epoch named', async () => {
    const overrides = [...wild, 'training.num_epochs=2'];
    await expect(run('standard-small', overrides)).rejects.toThrow(
      /the loss of model [12] is (NaN|Infinity) at step \d+ of epoch 1/,
    );
    expect(existsSync(join(directory, 'checkpoint_epoch_0_model_1.safetensors'))).toBe(true);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('a cancel ends it at once and leaves whole files only', async () => {
    const started = (event: JobEvent, stop: () => void): void => {
      if (event.type === 'progress') stop();
    };
    // To the end it would take weeks.
    const endless = ['num_models=4', 'seed=1', 'training.num_epochs=100000'];
    await expect(run('standard', endless, { onEvent: started })).rejects.toBeInstanceOf(CancelledError);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
