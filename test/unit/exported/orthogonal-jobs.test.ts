/** Alignment of exported networks by orthogonal and invertible maps, as jobs do it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasBinding } from '../../../src-main/compute/backend/native.ts';
import { openCheckpoint } from '../../../src-main/formats/checkpoint.ts';
import { readNpy, writeNpy } from '../../../src-main/formats/npy.ts';
import { writeInFormat } from '../../../src-main/formats/write-checkpoint.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { JobResult } from '../../../src-shared/jobs/index.ts';
import { rotationFacts } from '../../../src-shared/presentations/rotation-facts.ts';
import { job } from '../../support/job.ts';
import { exportedFixture } from './files.ts';
import { modelOf, planted } from './mixed.ts';
import type { Model } from './mixed.ts';

const folder = mkdtempSync(join(tmpdir(), 'basin-orthogonal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Model 2 of a run: a copy of its network that is mixed at random. */
function writeMixed(run: string, model: Model): void {
  writeInFormat(run, 'pt', {
    ...{ epoch: 1, model: 2, step: 0, trainable: [] },
    tensors: new Map(
      [...planted(model, 5)].map(([name, { shape, data }]) => [
        name,
        { dtype: 'float32' as const, shape: [...shape], data: Float32Array.from(data) },
      ]),
    ),
  });
}

describe.skipIf(!hasBinding())('jobs', () => {
  const run = join(folder, 'run');
  const model = modelOf('vit');
  const question = { run, epoch: 1, splits: ['test'], steps: 4 };

  beforeAll(async () => {
    await job('adopt', { network: exportedFixture('vit.pt2'), directory: run, dataset: 'mnist-10k' });
    writeMixed(run, model);
  });

  it('interpolate: a mixed copy has no barrier any more, and the result says how it was aligned', async () => {
    const plain = await job<Interpolation>('interpolate', question);
    const loss = plain.test_loss!;
    expect(Math.max(...loss.map((value) => Math.abs(value! - loss[0]!)))).toBeGreaterThan(0.01);
    const found = await job<Interpolation>('interpolate', { ...question, align: 'orthogonal', restarts: 2 });
    for (const value of found.test_loss!) expect(value).toBeCloseTo(loss[0]!, 4);
    expect(found.distance).toBeLessThan(1e-4);
    expect(found.permutations).toBeUndefined();
    expect(found.note).toMatch(/scales of norms are in the weights that read them/);
    expect(found.orthogonal).toMatchObject({
      permuted: [
        { group: 'block.qkv:blocks' },
        { group: 'block.up', reason: 'gelu: gelu acts entry by entry' },
      ],
      unbalanced: [],
    });
    expect(found.orthogonal!.maps[0]).toEqual({
      ...{ group: 'patch', size: 8, kind: 'orthogonal', keeps_ones: true },
      folded: ['block.first.weight', 'block.second.weight', 'norm.weight'],
    });
    expect(found.orthogonal!.max_relative_change).toBeLessThan(1e-9);
    expect(Object.fromEntries(rotationFacts([found]))).toMatchObject({
      'Orthogonal maps': 'patch (8)',
      'Only permuted: block.up': 'gelu: gelu acts entry by entry',
    });
  });

  it('merge: the mean of a model and its mixed copy computes what they compute, in a run of the same network', async () => {
    const ends = await job<Interpolation>('interpolate', { ...question, steps: 1 });
    const directory = join(folder, 'merged');
    const merged = await job<JobResult<'merge'>>('merge', {
      ...{ run, epoch: 1, align: 'orthogonal', restarts: 2, directory },
    });
    expect(merged.orthogonal).toHaveLength(1);
    expect(merged.permutations).toBeUndefined();
    const aligned = join(folder, 'aligned');
    await job('merge', {
      run,
      epoch: 1,
      align: 'orthogonal',
      restarts: 2,
      directory: aligned,
      write: 'aligned',
    });
    const checkpoints = [
      join(directory, merged.files[0]!),
      ...[1, 2].map((each) => join(aligned, `checkpoint_epoch_1_model_${each}.pt`)),
    ];
    const { pairs } = await job<{ pairs: Interpolation[] }>('interpolate', {
      ...{ checkpoints, splits: ['test'], steps: 1 },
    });
    for (const { test_loss: loss } of pairs)
      for (const value of loss!) expect(value).toBeCloseTo(ends.test_loss![0]!, 4);
  });

  it('merge: a table that is also the head becomes two tensors under its two keys, and the function stays', async () => {
    const own = join(folder, 'gpt');
    await job('adopt', { network: exportedFixture('gpt.pt2'), directory: own });
    writeMixed(own, modelOf('gpt'));
    const directory = join(folder, 'gpt-merged');
    const merged = await job<JobResult<'merge'>>('merge', {
      ...{ run: own, epoch: 1, align: 'orthogonal', restarts: 2, directory },
    });
    expect(merged.orthogonal![0]).toMatchObject({ untied: [['head.weight', 'table.weight']] });
    expect(merged.orthogonal![0]!.maps[0]).toMatchObject({
      group: 'table',
      kind: 'orthogonal',
      keeps_ones: false,
    });
    expect(merged.orthogonal![0]!.distance_aligned).toBeLessThan(1e-5);
    expect(merged.notes.join()).toMatch(
      /"head.weight" and "table.weight" are one tensor in the models and two/,
    );
    const checkpoint = openCheckpoint(join(directory, merged.files[0]!));
    const [head, table] = ['head.weight', 'table.weight'].map((key) =>
      checkpoint.tensors.get(key)!.readFloat32(),
    );
    checkpoint.close();
    expect(head).not.toEqual(table);
    const inputs = join(folder, 'tokens.npy');
    writeNpy(inputs, {
      dtype: 'int64',
      shape: [3, 4],
      data: BigInt64Array.from({ length: 12 }, (_, i) => BigInt(i % 11)),
    });
    const outputs = async (run: string): Promise<number[]> => {
      const out = join(folder, 'outputs.npy');
      await job('evaluate', { run, epoch: 1, inputs, out });
      return Array.from(readNpy(out).data as Float32Array);
    };
    const [before, after] = [await outputs(own), await outputs(directory)];
    before.forEach((value, i) => {
      expect(after[i]).toBeCloseTo(value, 4);
    });
  });

  it('refuses networks without such maps, and settings without effect', async () => {
    await expect(job('interpolate', { ...question, align: 'orthogonal', order: [0] })).rejects.toThrow(
      /^order: /,
    );
    const other = join(folder, 'digits');
    await job('adopt', {
      ...{ network: exportedFixture('digits.pt2'), directory: other, dataset: 'mnist-10k' },
      paths: [exportedFixture('digits.pt2'), exportedFixture('digits.pt2')],
    });
    await expect(job('interpolate', { ...question, run: other, align: 'orthogonal' })).rejects.toThrow(
      /no units of the network meet linear maps and norms only, .*: conv \(batch_norm: norm takes them one by one\)/,
    );
  });
});
