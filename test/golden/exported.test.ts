/** Networks of real PyTorch and torchvision, exported by them here, and what comes out of them. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect } from 'vitest';
import { hasBinding } from '../../src-main/compute/backend/native.ts';
import { readRunDirectory } from '../../src-main/formats/run-directory.ts';
import { writeNpy } from '../../src-main/formats/npy.ts';
import { doubleStep, expectPyTorchsNumbers, furthest, largestOf, numbersOf } from '../support/exported.ts';
import { job } from '../support/job.ts';
import { itWithTorch, runPython } from '../support/torch.ts';

const script = (name: string): string => fileURLToPath(new URL(`exported/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'basin-exported-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = [
  ...['resnet18', 'vgg11_bn', 'mobilenet_v2', 'shufflenet_v2_x0_5', 'vit', 'transformer_encoder', 'gpt'],
  ...['mlp_mixer', 'unet'],
];
const timeout = 600_000;

// Without TensorFlow's native library there is no double precision.
describe.skipIf(!hasBinding())('a network exported from PyTorch', () => {
  for (const name of names)
    itWithTorch(`has PyTorch's logits, and goes back under the same keys: ${name}`, { timeout }, async () => {
      runPython([script('networks.py'), folder, name], {});
      const run = await expectPyTorchsNumbers(folder, name);
      const checkpoint = join(run, 'checkpoint_epoch_1_model_1.pt');
      expect(runPython([script('networks.py'), '--load', name, checkpoint], {})).toEqual({
        keys: true,
        different: [],
      });
      const decomposed = `${name}_decomposed`;
      expect(existsSync(join(folder, `${decomposed}.pt2`))).toBe(name !== 'vgg11_bn');
      if (name !== 'vgg11_bn') await expectPyTorchsNumbers(folder, decomposed, name);
      rmSync(run, { recursive: true });
    });

  itWithTorch('has the numbers of every operation that is read, decomposed too', { timeout }, async () => {
    const cases = runPython([script('operations.py'), folder], {}) as string[];
    expect(cases.length).toBeGreaterThan(20);
    for (const name of cases) {
      await expectPyTorchsNumbers(folder, name);
      if (name !== 'norms') await expectPyTorchsNumbers(folder, `${name}_decomposed`, name);
    }
  });

  itWithTorch('is refused where its numbers would be others than PyTorch has', { timeout }, async () => {
    const cases = runPython([script('operations.py'), '--refused', folder], {}) as Record<string, string>;
    expect(Object.keys(cases)).toHaveLength(9);
    for (const [name, words] of Object.entries(cases)) {
      const directory = join(folder, `refused-${name}`);
      await expect(job('adopt', { network: join(folder, `${name}.pt2`), directory })).rejects.toThrow(words);
      expect(existsSync(directory)).toBe(false);
    }
  });

  itWithTorch('with fixed entries goes back as the network that acts', { timeout }, async () => {
    const path = (name: string): string => join(folder, name);
    const network = fileURLToPath(new URL('../fixtures/exported/digits.pt2', import.meta.url));
    await job('adopt', { network, directory: path('digits') });
    const { config } = readRunDirectory(path('digits'));
    const family = { name: 'w-asymmetric', parameters: ['*.weight'], num_fixed: 9, sigma_f: 1 };
    const trained = {
      ...{ ...config, model: { ...(config['model'] as object), family }, num_models: 1, seed: 1 },
      ...{ dataset: { name: 'mnist-10k', batch_size: 400 }, training: { num_epochs: 1 } },
    };
    await job('train', { run: path('fixed'), config: trained });
    await job('export-checkpoints', { run: path('fixed'), directory: path('back') });
    const data = Float32Array.from({ length: 3 * 784 }, (_, i) => Math.sin(i));
    writeNpy(path('x.npy'), { dtype: 'float32', shape: [3, 1, 28, 28], data });
    const asked = { inputs: path('x.npy'), out: path('y.npy'), precision: 'float64' };
    await job('evaluate', { run: path('fixed'), epoch: 1, ...asked });
    const checkpoint = join(path('back'), 'checkpoint_epoch_1_model_1.pt');
    const theirs = Float64Array.from(
      runPython([script('back.py'), checkpoint, path('x.npy')], {}) as number[],
    );
    expect(furthest(numbersOf(path('y.npy')), theirs)).toBeLessThanOrEqual(1e-9 * largestOf(theirs));
  });

  for (const name of ['resnet18', 'convolutions', 'vit', 'mlp_mixer', 'bag_of_tokens', 'conditions'])
    itWithTorch(
      `has the gradients and running statistics of a step of training: ${name}`,
      { timeout },
      async () => {
        const { loss, labels, parameters, buffers } = runPython(
          [script('networks.py'), '--gradients', folder, name],
          {},
        ) as { loss: number; labels: number[]; parameters: string[]; buffers: string[] };
        const path = join(folder, name);
        const x = Float32Array.from(numbersOf(`${path}_x.npy`));
        const found = await doubleStep(`${path}.pt2`, x, labels);
        expect(Math.abs(found.loss - loss)).toBeLessThan(1e-9 * loss);
        const all = numbersOf(`${path}_found.npy`);
        const most = largestOf(all);
        let at = 0;
        const compare = (key: string, own: Float64Array): void => {
          const expected = all.subarray(at, (at += own.length));
          // What is 0 but for rounding (a bias before a batch norm) has no digits of its own.
          const scale = Math.max(largestOf(expected), 1e-6 * most);
          expect(furthest(own, expected), key).toBeLessThanOrEqual(1e-6 * scale);
        };
        for (const key of parameters) compare(key, found.gradient(key));
        for (const key of buffers) compare(key, found.statistic(key));
        expect(at).toBe(all.length);
        expect(buffers.length > 0).toBe(name === 'resnet18' || name === 'convolutions');
      },
    );
});
