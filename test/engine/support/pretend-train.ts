/** Training in miniature: each epoch is a fixed function of the one before, so a resumed run must end the same. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { checkpointCancel, type ComputeContext } from '../../../src-main/compute/context.ts';
import { writeFileAtomic } from '../../../src-main/formats/atomic.ts';
import { parseCheckpointName } from '../../../src-main/formats/checkpoint-name.ts';
import { openCheckpoint, writeCheckpoint } from '../../../src-main/formats/run-directory.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { trainJob } from './kinds.ts';

type Params = z.output<typeof trainJob.params>;
const size = 4096;

const config =
  'model:\n  name: mlp_mnist\n  symmetry: 0\n  input_dim: 8\n  hidden_dim: 8\n  output_dim: 2\n  num_layers: 2\n';

function step(weights: Float32Array<ArrayBuffer>, epoch: number): Float32Array<ArrayBuffer> {
  return weights.map((w, i) => Math.fround(Math.sin(w * 12.9898 + i * 0.1 + epoch)));
}

export async function pretendTrain(params: Params, context: ComputeContext) {
  mkdirSync(params.run, { recursive: true });
  const begun = existsSync(join(params.run, 'config.yaml'));
  if (begun && !params.resume) throw new UserError(`${params.run} already holds a run.`);
  if (!begun) writeFileAtomic(join(params.run, 'config.yaml'), config);
  const from = params.resume ? lastEpoch(params.run) : null;
  let weights: Float32Array<ArrayBuffer> =
    from === null ? new Float32Array(size).fill(0.5) : read(params.run, from);
  for (let epoch = (from ?? 0) + 1; epoch <= params.epochs; epoch++) {
    await new Promise((resolve) => setTimeout(resolve, params.ms));
    await checkpointCancel(context);
    weights = step(weights, epoch);
    const tensors = new Map([['lins.0.weight', { dtype: 'float32' as const, shape: [size], data: weights }]]);
    const path = writeCheckpoint(params.run, { epoch, model: 1, valAccuracy: epoch / (epoch + 1), tensors });
    context.emit({ type: 'checkpoint', path, epoch, model: 1 });
    context.emit({
      type: 'epoch',
      metrics: { epoch, trainLoss: [1 / epoch], valLoss: [1 / epoch], valAccuracy: [50] },
    });
    context.emit({
      type: 'progress',
      progress: { fraction: epoch / params.epochs, message: `epoch ${epoch}` },
    });
    if (epoch === params.dieAfter && from === null) {
      // Let the messages leave first.
      await new Promise((resolve) => setTimeout(resolve, 50));
      process.kill(process.pid, 'SIGKILL');
    }
  }
  return { epochs: params.epochs, resumed_from: from };
}

function lastEpoch(run: string): number | null {
  const epochs = readdirSync(run).flatMap((name) => parseCheckpointName(name)?.epoch ?? []);
  return epochs.length === 0 ? null : Math.max(...epochs);
}

function read(run: string, epoch: number): Float32Array<ArrayBuffer> {
  const checkpoint = openCheckpoint(join(run, `checkpoint_epoch_${epoch}_model_1.safetensors`));
  try {
    return Float32Array.from(checkpoint.tensors.get('lins.0.weight')!.readFloat64());
  } finally {
    checkpoint.close();
  }
}

/** Hash of the weights after `epochs` without any interruption. */
export function expectedWeights(epochs: number): string {
  let weights: Float32Array<ArrayBuffer> = new Float32Array(size).fill(0.5);
  for (let epoch = 1; epoch <= epochs; epoch++) weights = step(weights, epoch);
  return createHash('sha256').update(new Uint8Array(weights.buffer)).digest('hex');
}

export function weightsIn(run: string, epoch: number): string {
  return createHash('sha256')
    .update(new Uint8Array(read(run, epoch).buffer))
    .digest('hex');
}
