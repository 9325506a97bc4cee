/** A run of a declared residual network on digits, adopted from files written here. */
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { RandomStream } from '../../src-main/compute/random.ts';
import type { TensorValue } from '../../src-main/formats/tensor.ts';
import { writeTorchFile } from '../../src-main/formats/torch/write-torch.ts';
import { readDeclared } from '../../src-shared/networks/declared.ts';
import { job } from './job.ts';

const linear = (own: string, outputs: number, inputs: number, bias = true) => ({
  linear: { weight: `${own}.weight`, ...(bias && { bias: `${own}.bias` }), shape: [outputs, inputs] },
});

/** 784 -> 16, a block x + f(x) with a batch norm in front, ReLU, 10 logits. */
export const residualDeclaration = {
  name: 'residual digits',
  layers: [
    { name: 'stream', ...linear('project', 16, 784) },
    {
      norm: {
        ...{ kind: 'batch', weight: 'norm.weight', bias: 'norm.bias', shape: [16] },
        ...{ running_mean: 'norm.running_mean', running_var: 'norm.running_var' },
      },
    },
    { activation: 'silu' },
    linear('block', 16, 16, false),
    { add: 'stream' },
    { activation: 'relu' },
    linear('head', 10, 16),
  ] as Record<string, unknown>[],
};

/** Weights drawn at random, in the order of the declaration, a counter of batches among them. */
export function randomTensors(
  seed: number,
  declaration: unknown = residualDeclaration,
): Map<string, TensorValue> {
  const stream = new RandomStream(seed, 'declared-run');
  return new Map(
    readDeclared(declaration, 'declaration').graph.parameters.map(
      ({ name, shape }): [string, TensorValue] => {
        if (shape.length === 0) return [name, { dtype: 'int64', shape: [], data: BigInt64Array.of(7n) }];
        const size = shape.reduce((a, b) => a * b, 1);
        const scale = shape.length === 2 ? 1 / Math.sqrt(shape[1]!) : 0.3;
        const data = Float32Array.from(stream.normals(size), (value) => scale * value);
        const positive = name.endsWith('running_var');
        return [
          name,
          { dtype: 'float32', shape: [...shape], data: positive ? data.map((v) => 0.5 + v * v) : data },
        ];
      },
    ),
  );
}

/** @returns the folder of the run, of as many models as seeds */
export async function declaredRun(
  folder: string,
  { seeds = [1, 2], declaration = residualDeclaration as unknown, name = 'run' } = {},
): Promise<string> {
  const paths = seeds.map((seed) => {
    const path = join(folder, `${name}-${seed}.pt`);
    writeTorchFile(path, randomTensors(seed, declaration));
    return path;
  });
  const architecture = join(folder, `${name}.yaml`);
  writeFileSync(architecture, stringify(declaration));
  const directory = join(folder, name);
  await job('adopt', { paths, architecture, directory, dataset: 'mnist-10k' });
  return directory;
}
