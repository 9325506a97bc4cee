/** What is tracked while a run trains: the numbers of the jobs, and a training that does not notice. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import { interpolateJob } from '../../../src-shared/jobs/interpolate.ts';
import { ntkJob } from '../../../src-shared/jobs/ntk.ts';
import { similarityJob } from '../../../src-shared/jobs/similarity.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import { trackingFileSchema } from '../../../src-shared/tracking.ts';
import { loadBackend } from '../../../src-main/compute/backend/index.ts';
import type { ComputeContext } from '../../../src-main/compute/context.ts';
import { interpolate } from '../../../src-main/compute/connectivity/interpolate.ts';
import { ntk } from '../../../src-main/compute/ntk/ntk.ts';
import { runInParts } from '../../../src-main/compute/parts.ts';
import { similarity } from '../../../src-main/compute/similarity/similarity.ts';
import { train } from '../../../src-main/compute/training/train.ts';
import { readNpy } from '../../../src-main/formats/npy.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { metricsFileSchema } from '../../../src-main/formats/run-files.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-tracking-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type OnEvent = (event: JobEvent, stop: () => void) => void;

function contextOf(events: JobEvent[] = [], onEvent?: OnEvent): ComputeContext {
  const stopper = new AbortController();
  return {
    backend: () => loadBackend(),
    signal: stopper.signal,
    emit: (event) => {
      events.push(event);
      onEvent?.(event, () => stopper.abort());
    },
  };
}

async function trainIn(run: string, overrides: string[] | undefined, onEvent?: OnEvent) {
  const events: JobEvent[] = [];
  const config = overrides && { ...loadTrainingConfig('w-asymmetric-small', overrides) };
  const params = { run: join(root, run), resume: !overrides, ...(config && { config }) };
  const result = await train(params, contextOf(events, onEvent));
  return { result, events };
}

/** 400 of the 8,000 digits train, so that an epoch is 7 steps. */
const quick = [
  ...['dataset.val_split=0.95', 'model.hidden_dim=8', 'num_fixed=3', 'num_models=2', 'seed=5'],
  ...['training.num_epochs=5', 'training.save_every=3'],
];
const trackers = [
  ...['interpolation=grid', 'interpolation.steps=3', 'interpolation.save_every=2'],
  'training.cosine_similarity={enabled: true, save_every: 1}',
  'training.functional_similarity={enabled: true, save_every: 2, splits: [val, test]}',
  'training.ntk_tracking={enabled: true, save_every: 2, num_samples: 12, compute_ntk_stats: true}',
  ...['training.ntk_tracking.compute_linearization=true', 'training.ntk_tracking.save_matrix=true'],
];

const fileIn = (run: string) =>
  trackingFileSchema.parse(JSON.parse(readFileSync(join(root, run, 'tracking.json'), 'utf8')));
const metricsIn = (run: string) =>
  metricsFileSchema.parse(JSON.parse(readFileSync(join(root, run, 'metrics.json'), 'utf8')));

/** Everything but the clock and the folder. */
const numbersIn = (run: string): unknown =>
  JSON.parse(JSON.stringify({ ...fileIn(run), seconds: 0 }).replaceAll(join(root, run), 'RUN'));

const filesIn = (run: string, part: string): Map<string, Buffer> =>
  new Map(
    readdirSync(join(root, run))
      .filter((name) => name.includes(part))
      .map((name) => [name, readFileSync(join(root, run, name))]),
  );

describe('all trackers', () => {
  let whole: Awaited<ReturnType<typeof trainIn>>;
  beforeAll(async () => {
    whole = await trainIn('tracked', [...quick, ...trackers]);
  });

  it('measure the epochs that the config says, and the last', () => {
    const file = fileIn('tracked');
    expect(file.interpolation!.all_epoch_results.map(({ epoch }) => epoch)).toEqual([0, 2, 4, 5]);
    expect(file.cosine_similarity!.epochs).toEqual([0, 1, 2, 3, 4, 5]);
    expect(file.functional_similarity!.epochs).toEqual([0, 2, 4, 5]);
    expect(file.ntk_tracking!.all_epoch_results.map(({ epoch }) => epoch)).toEqual([0, 2, 4, 5]);
    expect(whole.result.tracking!.epochs).toEqual([0, 1, 2, 3, 4, 5]);
    expect(file.notes.join(' ')).toMatch(/published code/);
  });

  it('leave every weight and every state of the optimizer as they are', async () => {
    await trainIn('plain', [
      ...quick.filter((word) => !word.includes('save_every')),
      'training.save_every=1',
    ]);
    expect(existsSync(join(root, 'plain', 'tracking.json'))).toBe(false);
    for (const part of ['checkpoint_', 'optimizer_']) {
      const [with_, without] = [filesIn('tracked', part), filesIn('plain', part)];
      expect(with_.size).toBe(12);
      expect(with_).toEqual(without);
    }
    expect(metricsIn('tracked').map(({ tracked: _tracked, ...rest }) => rest)).toEqual(metricsIn('plain'));
  });

  it('give the numbers of the job interpolate', async () => {
    for (const { epoch, result } of fileIn('tracked').interpolation!.all_epoch_results) {
      const params = interpolateJob.params.parse({ run: join(root, 'tracked'), epoch, steps: 3 });
      const job = await runInParts(interpolateJob.parts!, interpolate, params, contextOf());
      expect(result).toEqual(interpolateJob.result.parse(JSON.parse(JSON.stringify(job))));
    }
  });

  it('give the numbers of the job similarity', async () => {
    const file = fileIn('tracked');
    const rowAt = async (epochs: number[]) => {
      const params = similarityJob.params.parse({
        run: join(root, 'tracked'),
        epochs,
        splits: ['val', 'test'],
      });
      const result = similarityJob.result.parse(
        await runInParts(similarityJob.parts!, similarity, params, contextOf()),
      );
      return 'pairs' in result ? result.pairs[0]! : result;
    };
    const updates = await rowAt([0, 1, 2, 3, 4, 5]);
    expect(file.cosine_similarity!.pairs).toEqual([
      { model1_index: 1, model2_index: 2, ...updates.cosine_similarity },
    ]);
    const agreements = await rowAt([0, 2, 4, 5]);
    expect(file.functional_similarity!.pairs).toEqual([
      { model1_index: 1, model2_index: 2, ...agreements.functional_similarity },
    ]);
    expect(agreements.functional_similarity.num_epochs).toBe(4);
  });

  it('give the numbers and the kernels of the job ntk', async () => {
    const tracked = fileIn('tracked').ntk_tracking!;
    const params = ntkJob.params.parse({
      ...{ run: join(root, 'tracked'), epochs: [0, 2, 4, 5], samples: 12, withMatrices: true },
    });
    const job = await ntk(params, contextOf());
    const { all_epoch_results: epochs, ...rest } = tracked;
    expect(job).toMatchObject(rest);
    expect(epochs).toHaveLength(4);
    for (const [i, { ntk_matrix_file: name, ...entry }] of epochs.entries()) {
      const { ntk_matrix: kernel, ...own } = job.all_epoch_results[i]!;
      expect(entry).toEqual(own);
      const stored = readNpy(join(root, 'tracked', name!));
      expect(stored).toMatchObject({ dtype: 'float64', shape: [12, 12] });
      expect([...stored.data]).toEqual([...kernel!.data]);
    }
  });

  it('are told with the epoch, and kept in metrics.json', () => {
    const told = whole.events.flatMap((event) => (event.type === 'epoch' ? [event.metrics] : []));
    expect(told).toEqual(metricsIn('tracked'));
    const file = fileIn('tracked');
    const { tracked } = told[4]!;
    const [row] = file.cosine_similarity!.pairs;
    expect(tracked!.updateCosine).toEqual([
      row!.all_epoch_results.find(({ epoch }) => epoch === 4)!.aggregate_similarity,
    ]);
    const curve = file.interpolation!.all_epoch_results[2]!.result;
    expect(tracked!.lossBarriers!.chord).toEqual('pairs' in curve ? [] : [curve.test_loss_barriers!.chord]);
    expect(tracked!.cka).toBe(file.ntk_tracking!.all_epoch_results[2]!.init!.cka);
    expect(tracked!.topEigenvalues).toHaveLength(10);
    // Only the cosine is due there.
    expect(Object.keys(told[3]!.tracked!).sort()).toEqual(['pairs', 'updateCosine']);
    const messages = whole.events.flatMap((e) => (e.type === 'progress' ? [e.progress.message] : []));
    expect(messages.some((text) => text.startsWith('tracking epoch '))).toBe(true);
    const lines = whole.events.flatMap((e) => (e.type === 'log' ? [e.line] : []));
    expect(lines.join('\n')).toMatch(/12 examples and 6562 weights hold up to 1 MiB/);
    expect(lines.join('\n')).toMatch(/tracking of epoch 0 took: interpolation/);
  });

  it.each<[string, (event: JobEvent) => boolean]>([
    [
      'in the middle of a tangent kernel',
      (event) => event.type === 'progress' && /^tracking epoch \d: tangent/.test(event.progress.message),
    ],
    [
      'before anything of an epoch is measured',
      (event) => event.type === 'checkpoint' && event.epoch === 4 && event.model === 2,
    ],
    [
      'while the epoch behind one that was measured trains',
      (event) => event.type === 'epoch' && event.metrics.epoch === 2,
    ],
  ])('lose nothing and measure nothing twice if the run is cancelled %s', async (name, when) => {
    const run = `cancelled ${name}`;
    const outcome = await trainIn(run, [...quick, ...trackers], (event, stop) => {
      if (when(event)) stop();
    }).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(CancelledError);
    const { result } = await trainIn(run, undefined);
    expect(result.resumed_from).not.toBeNull();
    expect(numbersIn(run)).toEqual(numbersIn('tracked'));
    expect(metricsIn(run)).toEqual(metricsIn('tracked'));
  });
});

describe('a training that was killed', () => {
  it('between what was tracked and its metrics has both when it is resumed', async () => {
    const asked = [...quick, 'training.cosine_similarity.enabled=true'];
    await trainIn('killed', asked, (event, stop) => {
      if (event.type === 'epoch' && event.metrics.epoch === 3) stop();
    }).catch((error: unknown) => {
      expect(error).toBeInstanceOf(CancelledError);
    });
    const whole = metricsIn('killed');
    const cut = whole.map(({ tracked, ...entry }) => (entry.epoch === 3 ? entry : { ...entry, tracked }));
    expect(whole[3]!.tracked?.updateCosine).toHaveLength(1);
    writeFileSync(join(root, 'killed', 'metrics.json'), JSON.stringify(cut));
    const { events } = await trainIn('killed', undefined);
    expect(metricsIn('killed')[3]).toEqual(whole[3]);
    const told = events.flatMap((event) => (event.type === 'epoch' ? [event.metrics] : []));
    expect(told).toEqual(metricsIn('killed').slice(3));
  });
});

describe('single trackers', () => {
  it('evaluate the mean of more than two models for the type auto, at the last epoch alone', async () => {
    const three = [...quick.filter((word) => !word.startsWith('num_models')), 'num_models=3'];
    await trainIn('three', [...three, 'interpolation=auto']);
    const { interpolation } = fileIn('three');
    expect(interpolation).toMatchObject({ type: 'midpoint', num_epochs: 1 });
    const { epoch, result } = interpolation!.all_epoch_results[0]!;
    expect(epoch).toBe(5);
    expect(result.midpoint!.models).toEqual([1, 2, 3]);
    const { tracked } = metricsIn('three').at(-1)!;
    const rows = 'pairs' in result ? result.pairs : [];
    const ends = [rows[0]!.test_loss![0]!, rows[0]!.test_loss!.at(-1)!, rows[2]!.test_loss!.at(-1)!];
    const mean = ends.reduce((a, b) => a + b) / 3;
    expect(tracked!.midpoint!.loss).toBeCloseTo(result.midpoint!.test_loss! - mean, 12);
    // Saved as training.save_every says.
    expect(filesIn('three', '_model_1.safetensors').size).toBe(2 * 3);
  });

  it('compute what was asked for of a kernel and nothing else', async () => {
    await trainIn('linear', [
      ...quick,
      'training.ntk_tracking={enabled: true, save_every: 5, num_samples: 5, class_balanced: false, split: test, compute_linearization: true}',
    ]);
    const tracked = fileIn('linear').ntk_tracking!;
    expect(tracked).toMatchObject({ examples: [0, 1, 2, 3, 4], split: 'test', sample_seed: null });
    expect(tracked.all_epoch_results.map((entry) => Object.keys(entry).sort())).toEqual([
      ['epoch', 'linearization_agreement'],
      ['epoch', 'linearization_agreement'],
    ]);
    expect(tracked.all_epoch_results[0]!.linearization_agreement).toBeNull();
    const params = ntkJob.params.parse({
      ...{ run: join(root, 'linear'), epochs: [0, 5], samples: 5, classBalanced: false, split: 'test' },
    });
    const job = await ntk(params, contextOf());
    expect(tracked.all_epoch_results[1]!.linearization_agreement).toEqual(
      job.all_epoch_results[1]!.linearization_agreement,
    );
  });

  it.each([
    [
      'training.ntk_tracking={enabled: true, compute_ntk_stats: true, num_samples: 500}',
      /num_samples is too large/,
    ],
    [
      'training.ntk_tracking={enabled: true, compute_ntk_stats: true, class_balanced: false, num_samples: 900}',
      /num_samples is too large: .*400/,
    ],
  ])('are refused before the run is made: %s', async (setting, message) => {
    const outcome = await trainIn('refused', [...quick, setting]).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(UserError);
    expect((outcome as UserError).message).toMatch(message);
    expect(existsSync(join(root, 'refused'))).toBe(false);
  });

  it('go by the saved epochs if a run of an older Basin is resumed, and say so', async () => {
    // As if the trackers had had no effect when it began.
    const events: JobEvent[] = [];
    await trainIn('older', [...quick, 'training.cosine_similarity.enabled=true'], (event, stop) => {
      if (event.type === 'epoch' && event.metrics.epoch === 4) stop();
    }).catch((error: unknown) => {
      expect(error).toBeInstanceOf(CancelledError);
    });
    rmSync(join(root, 'older', 'tracking.json'));
    for (const name of filesIn('older', '_epoch_1_').keys()) rmSync(join(root, 'older', name));
    await trainIn('older', undefined, (event) => events.push(event));
    const file = fileIn('older');
    expect(file.cosine_similarity!.epochs).toEqual([0, 2, 3, 4, 5]);
    expect(file.cosine_similarity!.pairs[0]!.all_epoch_results[0]).toMatchObject({
      epoch: 2,
      previous_epoch: 0,
    });
    expect(file.notes.at(-1)).toMatch(/epoch 1 was not saved/);
    expect(metricsIn('older').map((entry) => entry.tracked?.updateCosine?.length)).toEqual([
      ...[undefined, undefined, 1, 1, 1, 1],
    ]);
  });
});
