/** Forks: children share weights, optimizer state and metrics with their parent up to an epoch, and need it no more. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import { trainJob } from '../../../src-shared/jobs/train.ts';
import type { TrainResult } from '../../../src-shared/jobs/train.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import { planFork } from '../../../src-main/compute/training/fork.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-fork-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const parent = join(root, 'parent');
const quick = [
  ...['dataset.val_split=0.95', 'model.hidden_dim=8', 'num_models=2', 'seed=5', 'model.norm=batch'],
  ...[
    'optimizer=sgd',
    'optimizer.nesterov=true',
    'optimizer.lr=0.02',
    'scheduler=cosine',
    'scheduler.T_max=4',
  ],
  ...['training.num_epochs=4', 'training.save_every=1'],
];

function run(params: object, onEvent?: (event: JobEvent, stop: () => void) => void): Promise<TrainResult> {
  const stopper = new AbortController();
  const emit = (event: JobEvent): void => onEvent?.(event, () => stopper.abort());
  return train(trainJob.params.parse(params), {
    ...{ backend: () => loadBackend(), signal: stopper.signal, emit },
  });
}

interface Asked {
  epoch: number;
  child?: number;
  settings?: string[];
  parent?: string;
}

const fork = (name: string, asked: Asked, onEvent?: Parameters<typeof run>[1]): Promise<TrainResult> =>
  run({ run: join(root, name), fork: { parent, ...asked } }, onEvent);

function bytesOf(name: string, epoch: number): Map<string, Buffer> {
  const folder = join(root, name);
  const files = readdirSync(folder).filter((file) => file.includes(`_epoch_${epoch}_`));
  return new Map(files.map((file) => [file, readFileSync(join(folder, file))]));
}

const textOf = (name: string, file: string): string => readFileSync(join(root, name, file), 'utf8');
const configOf = (name: string) => parse(textOf(name, 'config.yaml')) as Record<string, unknown>;

beforeAll(async () => {
  await run({ run: parent, config: { ...loadTrainingConfig('standard-small', quick) } });
});

describe('a fork', () => {
  it('with its parent’s own batch order becomes its parent, to the bit', async () => {
    const order = configOf('parent')['optimization_seed'] as number[];
    const result = await fork('twin', { epoch: 2, settings: [`optimization_seed=[${order.join()}]`] });
    for (const epoch of [2, 3, 4]) {
      expect(bytesOf('twin', epoch).size).toBe(4);
      expect(bytesOf('twin', epoch)).toEqual(bytesOf('parent', epoch));
    }
    expect(textOf('twin', 'metrics.json')).toBe(textOf('parent', 'metrics.json'));
    expect(textOf('twin', 'split.json')).toBe(textOf('parent', 'split.json'));
    expect(result).toMatchObject({ resumed_from: null, forked_from: { path: parent, epoch: 2, child: 1 } });
  });

  it.each([0, 1])('from epoch %i: children share it and differ from there', async (epoch) => {
    const names = [1, 2].map((child) => `from${epoch}-${child}`);
    for (const [i, name] of names.entries()) await fork(name, { epoch, child: i + 1, settings: ['seed=9'] });
    for (const name of names) {
      const [own, shared] = [bytesOf(name, epoch), bytesOf('parent', epoch)];
      for (const [file, bytes] of own) expect([file, bytes.equals(shared.get(file)!)]).toEqual([file, true]);
      expect(configOf(name)).toMatchObject({
        init_seed: configOf('parent')['init_seed'],
        fork: { path: parent, epoch, run: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      });
    }
    const [a, b] = names.map((name) => bytesOf(name, 4));
    for (const [file, bytes] of a!) expect([file, bytes.equals(b!.get(file)!)]).toEqual([file, false]);
    // The same seed and number give the same child.
    await fork(`${names[1]}-again`, { epoch, child: 2, settings: ['seed=9'] });
    expect(bytesOf(`${names[1]}-again`, 4)).toEqual(b);
  });

  it('stopped on the way goes on to the same weights, without its parent once it has begun', async () => {
    const asked = { epoch: 1, settings: ['seed=3'] };
    await fork('whole', asked);
    const cut = (event: JobEvent, stop: () => void): void => {
      if (event.type === 'epoch' && event.metrics.epoch === 2) stop();
    };
    await expect(fork('cut', asked, cut)).rejects.toBeInstanceOf(CancelledError);
    renameSync(parent, `${parent}-away`);
    await run({ run: join(root, 'cut'), resume: true });
    renameSync(`${parent}-away`, parent);
    expect(bytesOf('cut', 4)).toEqual(bytesOf('whole', 4));
    expect(textOf('cut', 'metrics.json')).toBe(textOf('whole', 'metrics.json'));
  });

  it('stopped before its first checkpoint was whole forks again, if the parent is the same', async () => {
    const folder = join(root, 'whole');
    const expected = bytesOf('whole', 4);
    for (const file of readdirSync(folder)) if (/_epoch_|metrics/.test(file)) rmSync(join(folder, file));
    await run({ run: folder, resume: true });
    expect(bytesOf('whole', 4)).toEqual(expected);
    for (const file of readdirSync(folder)) if (/_epoch_/.test(file)) rmSync(join(folder, file));
    cpSync(parent, `${parent}-kept`, { recursive: true });
    rmSync(join(parent, 'checkpoint_epoch_4_model_2.safetensors'));
    await expect(run({ run: folder, resume: true })).rejects.toThrow(/no longer holds the checkpoints/);
    rmSync(parent, { recursive: true });
    renameSync(`${parent}-kept`, parent);
  });
});

it.each([['seed=null'], ['optimization_seed=null'], ['seed=null', 'optimization_seed=null']])(
  'an empty seed is a new order, never the one of the parent: %s',
  (...settings) => {
    const { plan } = planFork({ parent, epoch: 1, child: 1, settings });
    const own = configOf('parent')['optimization_seed'] as number[];
    for (const order of plan.seeds.optimization) expect(own).not.toContain(order);
  },
);

it('reads paths of its parent from the folder of the parent', () => {
  const moved = join(root, 'moved');
  cpSync(parent, moved, { recursive: true });
  const config = configOf('parent');
  const dataset = { ...(config['dataset'] as object), split_file: 'split.json' };
  writeFileSync(join(moved, 'config.yaml'), stringify({ ...config, dataset }));
  const { plan } = planFork({ parent: moved, epoch: 1, child: 1, settings: [] });
  expect(plan.data.splitFile).toBe(join(moved, 'split.json'));
});

describe('what cannot be forked is refused before anything is written', () => {
  const refused = async (asked: Asked): Promise<UserError> => {
    const error: unknown = await fork('refused', asked).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(existsSync(join(root, 'refused'))).toBe(false);
    return error as UserError;
  };

  it('an epoch that was not saved, or nothing after it', async () => {
    const { message, hint } = await refused({ epoch: 7 });
    expect(message).toMatch(/cannot be forked from epoch 7: epoch 7 was not saved for all 2 models/);
    expect(hint).toMatch(/0, 1, 2, 3, 4/);
    expect((await refused({ epoch: 4 })).message).toMatch(/training ends at epoch 4/);
  });

  it('an epoch without optimizer state, but for the initial weights', async () => {
    const bare = join(root, 'bare');
    cpSync(parent, bare, { recursive: true });
    for (const file of readdirSync(bare)) if (file.startsWith('optimizer')) rmSync(join(bare, file));
    const { message, hint } = await refused({ epoch: 2, parent: bare });
    expect(message).toMatch(/the optimizer state of epoch 2 was not saved/);
    expect(hint).toMatch(/from epoch 0\./);
    await fork('from-bare', { epoch: 0, parent: bare, settings: ['seed=9'] });
    expect(bytesOf('from-bare', 4)).toEqual(bytesOf('from0-1', 4));
  });

  it.each([
    ['optimizer.lr=1', /optimizer\.lr: a fork shares this setting/],
    ['model.hidden_dim=9', /model\.hidden_dim: a fork shares/],
    ['seed=x', /seed is "x"/],
  ])('a setting that is not its own: %s', async (setting, message) => {
    expect((await refused({ epoch: 1, settings: [setting] })).message).toMatch(message);
  });

  it('other validations than its parent had, if they decide when to stop', async () => {
    const watching = join(root, 'watching');
    const stopping = ['training.early_stopping.enabled=true', 'training.val_every=2'];
    await run({
      run: watching,
      config: { ...loadTrainingConfig('standard-small', [...quick, ...stopping]) },
    });
    const settings = ['training.val_every=1'];
    expect((await refused({ epoch: 1, parent: watching, settings })).message).toMatch(
      /val_every: a fork that may stop early validates as its parent did/,
    );
    rmSync(join(watching, 'metrics.json'));
    expect((await refused({ epoch: 2, parent: watching })).message).toMatch(/no validation loss of epoch/);
  });

  it('the config of a fork as that of a new run', async () => {
    const config = configOf('from1-1');
    await expect(run({ run: join(root, 'refused'), config })).rejects.toThrow(/config of a fork of .*parent/);
    expect(existsSync(join(root, 'refused'))).toBe(false);
  });
});
