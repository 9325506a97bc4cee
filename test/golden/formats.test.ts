/** The readers against what PyTorch and the reference's own evaluation say about the same files. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readIdxImages, readIdxLabels } from '../../src-main/formats/idx.ts';
import { readNpy } from '../../src-main/formats/npy.ts';
import { openCheckpoint } from '../../src-main/formats/run-directory.ts';
import type { Checkpoint } from '../../src-main/formats/run-directory.ts';
import { LazyTensor } from '../../src-main/formats/tensor.ts';
import { openTorchFile } from '../../src-main/formats/torch/torch-file.ts';
import type { Tree } from '../../src-main/formats/torch/tree.ts';
import { fixturePath, goldenJson, goldenNpy } from '../support/fixtures.ts';

type Digests = Record<string, Record<string, [dtype: string, shape: number[], sha256: string]>>;

const digestsPath = fileURLToPath(new URL('../unit/formats/data/tensor-digests.json', import.meta.url));
const digests = JSON.parse(readFileSync(digestsPath, 'utf8')) as Digests;

function* tensorsOf(value: Tree, path = ''): Generator<[string, LazyTensor]> {
  if (value instanceof LazyTensor) yield [path, value];
  else if (value instanceof Map)
    for (const [key, item] of value) yield* tensorsOf(item, `${path}/${String(key)}`);
}

describe.each(Object.entries(digests))('%s', (name, expected) => {
  it('has the tensors that PyTorch reads, bit for bit', () => {
    const file = openTorchFile(fixturePath(`runs/${name}`));
    const found: Digests[string] = {};
    for (const [path, tensor] of tensorsOf(file.root)) {
      const sha256 = createHash('sha256').update(tensor.readBytes()).digest('hex').slice(0, 16);
      found[path] = [tensor.dtype, [...tensor.shape], sha256];
    }
    expect(Object.keys(found).length).toBeGreaterThan(50);
    expect(found).toEqual(expected);
    file.close();
  });
});

interface MaskFacts {
  zeros_per_row_min: number;
  zeros_per_row_max: number;
  mask_mean: number;
  mask_constant: number;
  effective_weight_fro: number;
}

describe.each(['sym1_kappa0', 'sym1_kappa1'])('the masks of %s', (name) => {
  const golden = goldenJson<{ mask_facts: Record<string, MaskFacts> }>(name).mask_facts;
  it('have the zeros, and the effective weights the norm, that the reference measured', () => {
    const checkpoint = openCheckpoint(fixturePath(`runs/${name}/checkpoint_epoch_5_model_1.pt`));
    const read = (key: string): Float64Array => checkpoint.tensors.get(key)!.readFloat64();
    for (const [layer, facts] of Object.entries(golden)) {
      const [weight, mask, fixed] = [
        read(`${layer}.weight`),
        read(`${layer}.mask`),
        read(`${layer}.normal_mask`),
      ];
      const [rows, columns] = checkpoint.tensors.get(`${layer}.mask`)!.shape as [number, number];
      const zeros = Array.from(
        { length: rows },
        (_, i) => mask.subarray(i * columns, (i + 1) * columns).filter((m) => m === 0).length,
      );
      expect([Math.min(...zeros), Math.max(...zeros)]).toEqual([
        facts.zeros_per_row_min,
        facts.zeros_per_row_max,
      ]);
      let squares = 0;
      for (let i = 0; i < weight.length; i++)
        squares += (mask[i]! * weight[i]! + (1 - mask[i]!) * facts.mask_constant * fixed[i]!) ** 2;
      expect(Math.abs(Math.sqrt(squares) / facts.effective_weight_fro - 1)).toBeLessThan(1e-6);
    }
    checkpoint.close();
  });
});

describe('the distance of models 1 and 2', () => {
  it.each(['sym0', 'sym1_kappa1', 'sym2', 'sym3_kappa1'])(
    '%s: over all state-dict entries, as the reference has it',
    (name) => {
      const golden = goldenJson<{ pairs: Record<string, { unaligned: { distance: number } }> }>(name).pairs[
        '1-2'
      ]!.unaligned.distance;
      const open = (model: number): Checkpoint =>
        openCheckpoint(fixturePath(`runs/${name}/checkpoint_epoch_5_model_${model}.pt`));
      const [a, b] = [open(1), open(2)];
      let squares = 0;
      for (const [key, tensor] of a.tensors) {
        const other = b.tensors.get(key)!.readFloat64();
        tensor.readFloat64().forEach((value, i) => (squares += (value - other[i]!) ** 2));
      }
      expect(Math.abs(Math.sqrt(squares) / golden - 1)).toBeLessThan(1e-6);
    },
  );
});

describe('the embedded digits', () => {
  const golden = goldenJson<{ sha256: Record<string, string>; test_first20_labels: number[] }>('data_split');
  const path = (name: string): string =>
    fileURLToPath(new URL(`../../resources/data/mnist-10k/${name}.gz`, import.meta.url));
  const header = (shape: readonly number[]): Buffer => {
    const bytes = Buffer.from([0, 0, 8, shape.length, ...Array<number>(4 * shape.length).fill(0)]);
    shape.forEach((dimension, i) => bytes.writeUInt32BE(dimension, 4 + 4 * i));
    return bytes;
  };

  it.each(['train', 't10k'])('%s images and labels are those the reference was given', (part) => {
    const { count, rows, columns, pixels } = readIdxImages(path(`${part}-images-idx3-ubyte`));
    const labels = readIdxLabels(path(`${part}-labels-idx1-ubyte`));
    const digest = (head: Buffer, body: Uint8Array): string =>
      createHash('sha256').update(head).update(body).digest('hex');
    expect(digest(header([count, rows, columns]), pixels)).toBe(golden.sha256[`${part}-images-idx3-ubyte`]);
    expect(digest(header([labels.length]), labels)).toBe(golden.sha256[`${part}-labels-idx1-ubyte`]);
    if (part === 't10k') expect([...labels.subarray(0, 20)]).toEqual(golden.test_first20_labels);
  });
});

describe('npy', () => {
  it.each([
    'sym0/rc_m1_lins.0_mahalanobis_squared_f64',
    'sym0/sim_1-2_P_0_dot_product',
    'sym1_kappa1/train_grad1_lins.1.bias',
  ])('%s reads the same by a second, independent reader', (name) => {
    const { shape, data } = readNpy(fixturePath(`golden/${name}.npy`));
    const other = goldenNpy(name);
    expect(shape).toEqual(other.shape);
    expect(Float64Array.from(data as Float64Array)).toEqual(other.data);
  });
});
