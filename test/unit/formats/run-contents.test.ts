import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentsOf, fingerprintOf, sampleHash } from '../../../src-main/formats/run-contents.ts';
import { writeTorchFile } from '../../../src-main/formats/torch/write-torch.ts';
import { temporaryFolder } from '../engine/support.ts';

const folder = temporaryFolder();
const path = join(folder, 'file');

function sampleOf(bytes: Uint8Array): string {
  writeFileSync(path, bytes);
  return sampleHash(path);
}

describe('the sample of a file', () => {
  it('tells any two small files apart', () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(sampleOf(a) === sampleOf(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  it('of a large file covers its size, its head, its tail and blocks between them', () => {
    const bytes = new Uint8Array(1_000_000);
    const plain = sampleOf(bytes);
    expect(sampleOf(new Uint8Array(1_000_001))).not.toBe(plain);
    for (const at of [0, 4095, 4096, 999_999, 999_999 - 32 * 1024 + 1]) {
      expect(sampleOf(bytes.with(at, 1)), String(at)).not.toBe(plain);
    }
  });

  it('of a large .pt file covers every weight, by the checksums in its directory', () => {
    const write = (changed: number | null): string => {
      const data = new Float32Array(300_000).fill(0.5);
      if (changed !== null) data[changed] = 0.25;
      const weight = { dtype: 'float32' as const, shape: [300_000], data };
      writeTorchFile(path, new Map([['model_state_dict', new Map([['lins.0.weight', weight]])]]));
      return sampleHash(path);
    };
    const plain = write(null);
    expect(write(null)).toBe(plain);
    for (const at of [1, 77_777, 150_000, 299_998]) expect(write(at), String(at)).not.toBe(plain);
  });
});

describe('what tells runs apart', () => {
  const file = { file: 'checkpoint_epoch_1_model_1.pt', bytes: 10, sample: 's1:a' };

  it('is the same for runs of one config up to the contents', () => {
    const other = { ...file, sample: 's1:b' };
    expect(fingerprintOf('config', [file])).toBe(fingerprintOf('config', [other]));
    expect(contentsOf([file])).not.toBe(contentsOf([other]));
    expect(contentsOf([file])).toBe(contentsOf([{ ...file }]));
  });

  it('is unknown without checkpoints, and if one of them was not read', () => {
    expect(contentsOf([])).toBeNull();
    expect(contentsOf([file, { ...file, sample: undefined }])).toBeNull();
  });
});
