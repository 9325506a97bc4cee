/** A declared network from the terminal: adopted, imported, listed, interpolated, exported. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { RunRow } from '../../src-shared/api.ts';
import { openCheckpoint } from '../../src-main/formats/checkpoint.ts';
import { writeTorchFile } from '../../src-main/formats/torch/write-torch.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';
import { randomTensors, residualDeclaration } from '../support/declared-run.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];
const run = join(root, 'runs', 'residual');
const architecture = join(root, 'residual.yaml');
const paths = [1, 2].map((seed) => join(root, `${seed}.pt`));
const adopt = ['run', 'adopt', '--paths', paths.join(','), '--architecture', architecture];

beforeAll(async () => {
  writeFileSync(architecture, stringify(residualDeclaration));
  paths.forEach((path, i) => writeTorchFile(path, randomTensors(i + 1)));
  await basinJson([...adopt, '--directory', run, '--dataset', 'mnist-10k', ...here]);
  await basinJson(['import', join(root, 'runs'), ...here]);
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

test('adopt prints the operations, the groups and what stays in place', async () => {
  const { stdout, code } = await basin([...adopt, '--directory', join(root, 'again'), ...here]);
  expect(code).toBe(0);
  expect(stdout).toContain(
    'Interpreted as residual digits: a declared network of 3 linear layers, 1 norm, 2 activations, 1 sum.',
  );
  expect(stdout).toMatch(/add\s+│?\s*add\s+│?\s*block \+ stream\s+│?\s*16/);
  const words = stdout.replace(/\s+/g, ' ');
  expect(words).toContain('Group stream: 16 units; they move [project.weight, 0], [project.bias, 0],');
  expect(words).toContain('Fixed (output of the network): [head.weight, 0], [head.bias, 0].');
});

test('a list of runs says that it is a declared network', async () => {
  const [row] = await basinJson<RunRow[]>(['runs', ...here]);
  expect(row).toMatchObject({
    architecture: 'declared',
    family: null,
    state: 'ready',
    models: 2,
    problems: [],
  });
  const listed = await basin(['runs', ...here]);
  expect(listed.stdout).toMatch(/residual\s.*declared/);
  const shown = await basin(['runs', 'show', 'residual', ...here]);
  expect(shown.stdout).toMatch(/widths\s+declared, see model\.layers/);
});

test('it is interpolated, and exported with equal tensors', async () => {
  const interpolate = [
    'run',
    'interpolate',
    '--run',
    run,
    '--epoch',
    '1',
    '--steps',
    '2',
    '--splits',
    'test',
  ];
  const { test_loss } = await basinJson<{ test_loss: number[] }>([...interpolate, ...here]);
  expect(test_loss).toHaveLength(3);
  const out = join(root, 'exported');
  await basinJson(['export', 'residual', '--format', 'safetensors', '--out', out, ...here]);
  const exported = openCheckpoint(join(out, 'checkpoint_epoch_1_model_2.safetensors'));
  const expected = randomTensors(2);
  expect([...exported.tensors.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [name, tensor] of exported.tensors) expect(tensor.read()).toEqual(expected.get(name)!.data);
  exported.close();
});

test('its layers are measured under the names of the declaration', async () => {
  const found = await basinJson(['run', 'realization-cost', '--run', run, '--epoch', '1', ...here]);
  for (const layer of ['stream', 'block', 'head'])
    expect(JSON.stringify(found)).toContain(`"layer":"${layer}"`);
});

test('what needs a chain says so in one line', async () => {
  const config = join(root, 'train.yaml');
  const model = { name: 'declared', layers: residualDeclaration.layers };
  writeFileSync(config, stringify({ model, dataset: { name: 'mnist-10k' } }));
  const { code, stderr } = await basin(['train', config, ...here]);
  expect(code).not.toBe(0);
  expect(stderr).toContain('is a declared network; so far, training works only for chains of linear layers.');
});
