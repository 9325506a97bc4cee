/** Networks of PyTorch, most of them no plain chain, adopted by declaration: the logits are PyTorch's. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadBackend } from '../../src-main/compute/backend/index.ts';
import { loadModels } from '../../src-main/compute/load-models.ts';
import type { LoadedModel } from '../../src-main/compute/load-models.ts';
import { stateDictFromCheckpoint } from '../../src-main/compute/models/index.ts';
import { actingArrays } from '../../src-main/compute/networks/effective.ts';
import { hostForward } from '../../src-main/compute/networks/host.ts';
import { mathsOf } from '../../src-main/compute/networks/maths.ts';
import type { NamedArrays } from '../../src-main/compute/networks/permute.ts';
import { forward } from '../../src-main/compute/networks/run.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { readYaml } from '../../src-main/formats/yaml.ts';
import { readDeclared } from '../../src-shared/networks/declared.ts';
import { readNetwork } from '../../src-shared/networks/network.ts';
import type { Network } from '../../src-shared/networks/network.ts';
import { job } from '../support/job.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/declared/${name}`, import.meta.url));
const { inputs, logits } = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as {
  inputs: number[][];
  logits: Record<string, number[][]>;
};
const names = Object.keys(logits);
const folder = mkdtempSync(join(tmpdir(), 'basin-declared-golden-'));
let count = 0;
const fresh = (): string => join(folder, `${++count}`);

interface Adopted {
  directory: string;
  architecture: string;
  layers: unknown[];
  operations: unknown[];
  notes: string[];
}
const adopt = (name: string, format = 'pt'): Promise<Adopted> =>
  job('adopt', {
    paths: [fixture(`${name}-1.pt`), fixture(`${name}-2.pt`)],
    ...{ directory: fresh(), architecture: fixture(`${name}.yaml`), format },
  });

async function expectLogits(
  network: Network,
  arrays: NamedArrays<Float32Array>,
  name: string,
): Promise<void> {
  const wanted = logits[name]!.flat();
  const largest = Math.max(...wanted.map(Math.abs));
  const doubles = new Map([...arrays].map(([key, { data }]) => [key, Float64Array.from(data)]));
  const exact = hostForward(network, doubles, Float64Array.from(inputs.flat()));
  const backend = await loadBackend();
  const { tf } = backend;
  const single = tf.tidy(() => {
    const tensors = [...arrays].map(
      ([key, { shape, data }]) => [key, tf.tensor(data, [1, ...shape])] as const,
    );
    return forward(mathsOf(backend), network, new Map(tensors), tf.tensor([inputs])).output.dataSync();
  });
  wanted.forEach((logit, i) => {
    expect(Math.abs(exact[i]! - logit), `float64, entry ${i}`).toBeLessThan(1e-12 * largest);
    expect(Math.abs(single[i]! - logit), `float32, entry ${i}`).toBeLessThan(1e-5 * largest);
  });
}

describe('declared networks compute what PyTorch computes', () => {
  it.each(names)('%s, adopted', async (name) => {
    for (const format of ['pt', 'safetensors']) {
      const { directory } = await adopt(name, format);
      const [model] = loadModels(directory, [1], 1);
      await expectLogits(model!.run.graph, model!.acting, name);
    }
  });

  it.each(names)('%s, as its declaration says', async (name) => {
    const spec = readDeclared(readYaml(fixture(`${name}.yaml`)), name);
    const file = openCheckpoint(fixture(`${name}-1.pt`));
    const state = stateDictFromCheckpoint(file.tensors, spec, file.path);
    file.close();
    const network = readNetwork(spec.graph);
    await expectLogits(network, actingArrays(network, state), name);
  });
});

const modelOf = (directory: string): Record<string, unknown> =>
  (parse(readFileSync(join(directory, 'config.yaml'), 'utf8')) as { model: Record<string, unknown> }).model;

describe('what is written, and what is said of it', () => {
  it('a plain chain without biases is written as a chain', async () => {
    const { directory, architecture, layers, operations, notes } = await adopt('tapered');
    expect(modelOf(directory)).toMatchObject({ name: 'mlp_chain', constants: { 'lins.0.bias': 0 } });
    expect(architecture).toBe('a standard MLP 6-7-5-4-3 (norm none)');
    expect([layers.length, operations.length]).toEqual([4, 0]);
    expect(notes).toEqual([
      'Random permutations of 3 groups leave the logits unchanged: 0 is P_0, 2 is P_1, 4 is P_2.',
      'Group 0: 7 units; they move [0.weight, 0], [2.weight, 1].',
      'Group 2: 5 units; they move [2.weight, 0], [4.weight, 1].',
      'Group 4: 4 units; they move [4.weight, 0], [6.weight, 1].',
      'Fixed (input of the network): [0.weight, 1].',
      'Fixed (output of the network): [6.weight, 0].',
    ]);
  });

  it('a chain with RMS norms is written as a chain', async () => {
    const { directory } = await adopt('rms');
    expect(modelOf(directory)).toMatchObject({
      name: 'mlp_chain',
      layers: [5, 4]
        .map((outputs) => ({ outputs, norm: 'rms', activation: 'silu' }))
        .concat([{ outputs: 3 } as never]),
    });
  });

  it('a residual network is written in the words of its declaration', async () => {
    const { directory, architecture, layers, operations, notes } = await adopt('residual');
    const { name, layers: written, description, permutations, ...rest } = modelOf(directory);
    const declared = readYaml(fixture('residual.yaml')) as { layers: object[] };
    expect({ name, description, rest }).toEqual({ name: 'declared', description: 'residual', rest: {} });
    // Counters and defaults are not written; order of words aside it is the same.
    expect(written).toEqual(declared.layers);
    expect(Object.keys(permutations as object)).toEqual(['stream', 'inside 0', 'inside 1']);
    expect(architecture).toBe(
      'residual: a declared network of 6 linear layers, 2 norms, 3 activations, 2 sums',
    );
    expect(layers).toEqual([]);
    expect(operations.slice(0, 3)).toEqual([
      {
        ...{ value: 'stream', operation: 'linear', takes: ['input'], size: 5 },
        tensors: ['project.weight', 'project.bias'],
      },
      {
        ...{ value: 'blocks.0.norm', operation: 'batch norm', takes: ['stream'], size: 5 },
        tensors: ['weight', 'bias', 'running_mean', 'running_var'].map((word) => `blocks.0.norm.${word}`),
      },
      {
        ...{ value: 'blocks.0.up', operation: 'linear', takes: ['blocks.0.norm'], size: 8 },
        tensors: ['blocks.0.up.weight', 'blocks.0.up.bias'],
      },
    ]);
    expect(notes[0]).toBe(
      'Random permutations of 3 groups leave the logits unchanged: stream, inside 0, inside 1.',
    );
    expect(notes.slice(1)).toEqual([
      expect.stringMatching(
        /^Group stream: 5 units; they move \[project\.weight, 0\], .*\[head\.weight, 1\]\.$/,
      ),
      'Group inside 0: 8 units; they move [blocks.0.up.weight, 0], [blocks.0.up.bias, 0], [blocks.0.down.weight, 1].',
      'Group inside 1: 8 units; they move [blocks.1.up.weight, 0], [blocks.1.up.bias, 0], [blocks.1.down.weight, 1].',
      'Fixed (input of the network): [project.weight, 1].',
      'Fixed (output of the network): [head.weight, 0], [head.bias, 0].',
    ]);
  });

  it('axes that a shared layer ties move together, and a norm of the inputs stays', async () => {
    const shared = await adopt('shared');
    expect(shared.notes).toContain(
      'Group start: 5 units; they move [start.weight, 0], [start.bias, 0], [step.weight, 0], [step.weight, 1], [step.bias, 0], [head.weight, 1].',
    );
    const behind = await adopt('norms-behind');
    expect(behind.notes).toContain(
      'Fixed (input of the network): [inputs.weight, 0], [inputs.bias, 0], [inputs.running_mean, 0], [inputs.running_var, 0], [first.weight, 1].',
    );
  });

  it.each(['residual', 'norms-behind', 'shared'])(
    '%s is exported under its own names, bit for bit',
    async (name) => {
      const { directory } = await adopt(name);
      const out = fresh();
      const { notes } = await job<{ notes: string[] }>('export-checkpoints', {
        run: directory,
        directory: out,
      });
      expect(notes.join()).toContain(
        'config.yaml declares a network that the published scripts do not support',
      );
      expect(modelOf(out)).toEqual(modelOf(directory));
      const [exported, original] = [join(out, 'checkpoint_epoch_1_model_1.pt'), fixture(`${name}-1.pt`)].map(
        openCheckpoint,
      );
      const bare = [...original!.tensors].map(
        ([key, tensor]) => [key.replace('module.', ''), tensor] as const,
      );
      expect([...exported!.tensors.keys()]).toEqual(bare.map(([key]) => key));
      for (const [key, tensor] of bare) expect(exported!.tensors.get(key)!.read()).toEqual(tensor.read());
      expect(exported!.trainable).toEqual(
        bare.flatMap(([key]) => (/\.(weight|bias)$/.test(key) ? [key] : [])),
      );
      for (const file of [exported!, original!]) file.close();
      const arrays = (run: string): LoadedModel['acting'] => loadModels(run, [1], 1)[0]!.acting;
      expect(arrays(out)).toEqual(arrays(directory));
    },
  );
});
