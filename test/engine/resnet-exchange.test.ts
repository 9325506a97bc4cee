/** Published residual networks through the product: imported, measured, and out again as PyTorch's files. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exportCheckpointsJob } from '../../src-shared/jobs/export-checkpoints.ts';
import { interpolateJob } from '../../src-shared/jobs/interpolate.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { goldenJson } from '../support/fixtures.ts';
import { largestDifference } from '../support/reference-run.ts';
import { cifarFolder, resnetCheckpoint, resnetRun, resnetRuns } from '../support/resnet-runs.ts';
import { itWithTorch, runPython } from '../support/torch.ts';
import { importInto, open } from './support/exchange.ts';
import { newFolder, runJob } from './support/workspace.ts';

const families = { resnet_sym0: 'standard', resnet_sym1_kappa2: 'w-asymmetric', resnet_sym3_kappa2: 'syre' };

interface Golden {
  models: { comprehensive: Record<string, number> }[];
  'pair_1-2': { unaligned: Record<string, number[]>; midpoint: Record<string, number> };
}

/** Names in the file's order, and values. */
function tensorsOf(path: string) {
  const checkpoint = openCheckpoint(path);
  const tensors = [...checkpoint.tensors].map(([name, tensor]) => [name, tensor.shape, tensor.readFloat32()]);
  const { trainable } = checkpoint;
  const optimizer = [...checkpoint.readOptimizer()!.state].map(([name, slots]) => [
    name,
    [...slots].map(([slot, tensor]) => [slot, tensor.readFloat32()]),
  ]);
  checkpoint.close();
  return { tensors, trainable, optimizer };
}

describe('published residual networks', () => {
  it('are catalogued, and their curves are the published ones', { timeout: 300_000 }, async () => {
    const engine = await open();
    const imported = await importInto(engine, ...resnetRuns.map(resnetRun));
    expect(imported).toMatchObject({ runs: 3, broken: [], changes: { added: 3 } });
    const rows = await engine.call('runs.list', {});
    for (const run of resnetRuns) {
      const row = rows.find(({ name }) => name === run)!;
      expect(row).toMatchObject({
        ...{ family: families[run], architecture: 'resnet', models: 2, state: 'ready' },
        ...{ sigmaF: run === 'resnet_sym0' ? null : 2, origin: 'imported' },
      });
      const job = await runJob(engine, 'interpolate', {
        ...{ run: row.path, epoch: 6, steps: 4, midpoint: true },
        data: { name: 'cifar10', dataDir: cifarFolder() },
      });
      expect(job.error).toBeNull();
      const { data } = await engine.call('results.get', { resultId: job.resultId! });
      const curve = interpolateJob.result.parse(data);
      if ('pairs' in curve) throw new Error('one pair was expected');
      expect(curve.split_sizes).toEqual({ train: 461, val: 51, test: 128 });
      const golden = goldenJson<Golden>(run);
      const { unaligned, midpoint } = golden['pair_1-2'];
      expect(curve.lambdas).toEqual(unaligned['lambdas']);
      for (const split of ['train', 'val', 'test'] as const) {
        const [loss, accuracy] = [curve[`${split}_loss`]!, curve[`${split}_accuracy`]!] as number[][];
        expect(largestDifference(loss!, unaligned[`${split}_loss`]!)).toBeLessThan(1e-4);
        expect(largestDifference(accuracy!, unaligned[`${split}_accuracy`]!)).toBeLessThan(1e-4);
        // Both ends are the networks by themselves.
        const alone = golden.models.map(({ comprehensive }) => comprehensive[`${split}_loss`]!);
        expect(largestDifference([loss![0]!, loss!.at(-1)!], alone)).toBeLessThan(1e-4);
        expect(Math.abs(curve.midpoint![`${split}_loss`]! - midpoint[`${split}_loss`]!)).toBeLessThan(1e-4);
      }
      expect(curve.num_params).toBe(unaligned['num_params']);
      expect(Math.abs(curve.distance! - Number(unaligned['distance']))).toBeLessThan(1e-4);
    }
  });

  it('go out as .pt with every key and value, and come in again', { timeout: 120_000 }, async () => {
    const engine = await open();
    await importInto(engine, ...resnetRuns.map(resnetRun));
    const rows = await engine.call('runs.list', {});
    for (const run of resnetRuns) {
      const directory = join(newFolder(), run);
      const { path } = rows.find(({ name }) => name === run)!;
      const job = await runJob(engine, 'export-checkpoints', { run: path, format: 'pt', directory });
      expect(job.error).toBeNull();
      const { data } = await engine.call('results.get', { resultId: job.resultId! });
      const { files } = exportCheckpointsJob.result.parse(data);
      expect(files).toEqual([1, 2].map((model) => `checkpoint_epoch_6_model_${model}.pt`));
      for (const model of [1, 2])
        expect(tensorsOf(join(directory, files[model - 1]!))).toEqual(
          tensorsOf(resnetCheckpoint(run, model)),
        );
      const again = await importInto(engine, directory);
      // It is the same run: known by its contents.
      expect(again.broken).toEqual([]);
      expect(again.runs).toBe(1);
    }
  });

  itWithTorch('PyTorch reads the same numbers from them', async () => {
    const engine = await open();
    const script = fileURLToPath(new URL('../unit/interop/read_checkpoints.py', import.meta.url));
    for (const run of resnetRuns) {
      const directory = join(newFolder(), run);
      const job = await runJob(engine, 'export-checkpoints', {
        run: resnetRun(run),
        format: 'pt',
        directory,
      });
      expect(job.error).toBeNull();
      const pairs = [1, 2].map((model) => [
        resnetCheckpoint(run, model),
        join(directory, `checkpoint_epoch_6_model_${model}.pt`),
      ]);
      const found = runPython([script, 'digests'], pairs.flat()) as Record<string, Record<string, unknown>>;
      for (const [original, exported] of pairs) {
        expect(Object.keys(found[exported!]!)).toEqual(Object.keys(found[original!]!));
        expect(found[exported!]).toEqual(found[original!]);
      }
    }
  });
});
