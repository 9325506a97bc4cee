/** Networks as PyTorch saves them, adopted without a word about their layers: the logits are PyTorch's, or it is refused. */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { loadModels } from '../../src-main/compute/load-models.ts';
import { RandomStream } from '../../src-main/compute/random.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { writeSafetensors } from '../../src-main/formats/safetensors.ts';
import { writeTorchFile } from '../../src-main/formats/torch/write-torch.ts';
import { exactOutput, singleOutput } from '../support/model-output.ts';
import { job } from '../support/job.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/adopt/${name}`, import.meta.url));
const { inputs, networks } = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as {
  inputs: number[][];
  networks: Record<string, { activation: string; logits: number[][]; normPosition?: string }>;
};
const folder = mkdtempSync(join(tmpdir(), 'basin-adopt-golden-'));
let count = 0;
const fresh = (ending = ''): string => join(folder, `${++count}${ending}`);

async function expectLogits(path: string, { logits, ...more }: (typeof networks)[string]): Promise<void> {
  const { directory } = await job<{ directory: string }>('adopt', {
    ...{ paths: [path], directory: fresh(), format: 'safetensors' },
    ...more,
  });
  const [model] = loadModels(directory, [1], 1);
  const wanted = logits.flat();
  const largest = Math.max(...wanted.map(Math.abs));
  const exact = exactOutput(model!, inputs.flat());
  const single = singleOutput(await loadBackend(), model!, inputs.flat());
  wanted.forEach((logit, i) => {
    expect(Math.abs(exact[i]! - logit), `float64, entry ${i}`).toBeLessThan(1e-12 * largest);
    expect(Math.abs(single[i]! - logit), `float32, entry ${i}`).toBeLessThan(1e-5 * largest);
  });
}

/** The same tensors in another order, in both formats. */
function shuffled(path: string, seed: number): string[] {
  const checkpoint = openCheckpoint(path);
  const entries = [...checkpoint.tensors];
  const order = new RandomStream(seed, 'file order').permutation(entries.length);
  const tensors = new Map(Array.from(order, (k) => entries[k]!));
  const [torch, safetensors] = [fresh('.pt'), fresh('.safetensors')];
  writeTorchFile(torch, tensors);
  writeSafetensors(safetensors, tensors);
  checkpoint.close();
  return [torch, safetensors];
}

describe('adopted networks compute what PyTorch computes', () => {
  it.each(Object.entries(networks))('%s', async (name, network) => {
    await expectLogits(fixture(name), network);
  });

  it.each(Object.entries(networks))('%s, in other orders and formats', async (name, network) => {
    for (const seed of [1, 2])
      for (const path of shuffled(fixture(name), seed)) await expectLogits(path, network);
  });
});

describe('what cannot be told is refused, and no folder is left', () => {
  it.each([
    ['norm-behind', /norm after the activation: by their numbers, "2" does not directly follow "0"/],
    ['fc-norms', /do not say whether norms come before activations: "bn1"/],
    ['unnumbered', /order neither names nor shapes determine/],
    ['no-bias', /without a bias \("0"\)/],
    ['weight_norm', /weight norm .*"0\.weight_g"/],
    ['parametrized_weight_norm', /weight norm .*parametrizations\.weight\.original0/],
    ['spectral_norm', /spectral norm/],
    ['parametrized_spectral_norm', /spectral norm/],
  ])('%s', async (name, reason) => {
    const directory = join(fresh(), 'run');
    const paths = [fixture(`refused-${name}.pt`)];
    await expect(job('adopt', { paths, directory, activation: 'relu' })).rejects.toThrow(reason);
    expect(existsSync(join(directory, '..'))).toBe(false);
  });
});
