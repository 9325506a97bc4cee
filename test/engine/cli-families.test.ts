/** Networks with an F and D of a person's own, from the terminal: trained, measured, written out; the file may go. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRow } from '../../src-shared/api.ts';
import { loadModels } from '../../src-main/compute/load-models.ts';
import { encodeNpy } from '../../src-main/formats/npy.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];
const tiny = [
  ...['dataset.val_split=0.97', 'model.hidden_dim=8', 'num_models=2', 'seed=5', 'model.norm=null'],
  ...['training.num_epochs=1', 'training.save_every=1'],
];
const run = join(root, 'runs', 'given');

/** Every eleventh weight of the first layer is fixed at 0.05; every bias behind it has 2 added. */
const d = Float32Array.from({ length: 8 * 784 }, (_, i) => (i % 11 === 0 ? 0 : 1));
const f = d.map((value) => (value === 0 ? 0.05 : 0));

const train = (out: string, section: string, cwd = root) =>
  basin(['train', 'standard-small', ...tiny, `model.family=${section}`, '--out', out, ...here], { cwd });

beforeAll(async () => {
  const arrays = {
    'lins.0.weight.D.npy': encodeNpy({ dtype: 'float32', shape: [8, 784], data: d }),
    'lins.0.weight.F.npy': encodeNpy({ dtype: 'float32', shape: [8, 784], data: f }),
    'lins.1.bias.F.npy': encodeNpy({ dtype: 'float64', shape: [8], data: new Float64Array(8).fill(2) }),
  };
  writeFileSync(join(root, 'fd.npz'), zipSync(arrays));
  const outcome = await train(run, '{name: given, file: fd.npz}');
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  expect(outcome.stdout).toMatch(/given F and D:/);
  expect(outcome.stdout).toMatch(
    /fixed part\s+F and D of lins\.0\.weight \(571 entries\), F of lins\.1\.bias \(8/,
  );
  // What was trained holds F and D itself.
  rmSync(join(root, 'fd.npz'));
}, 120_000);
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

test('the config records the file by its absolute path, its contents and what they fix', () => {
  const config = readFileSync(join(run, 'config.yaml'), 'utf8');
  expect(config).toContain(`file: ${join(root, 'fd.npz')}`);
  expect(config).toMatch(/sha256: [0-9a-f]{64}/);
  expect(config).toMatch(/parameter: lins\.0\.weight\s+tensors:\s+- F\s+- D\s+zeros: 571\s+fixed: 571/);
});

test('it is listed with its family and measured without the file; numbers of a random F are left out', async () => {
  const [row] = await basinJson<RunRow[]>(['runs', ...here]);
  expect(row).toMatchObject({ family: 'given', sigmaF: null, state: 'ready', problems: [] });

  const at = ['--run', run, '--epoch', '1', ...here];
  type Matching = { matching_results: { layer: string; sigma_f?: number; fixed_share?: number }[] };
  const matching = await basinJson<Matching>(['run', 'match-activations', ...at]);
  const [first, second] = matching.matching_results;
  expect(first).not.toHaveProperty('sigma_f');
  expect(first!.fixed_share).toBeCloseTo(571 / 6272, 12);
  // Of the second layer the biases are fixed, by no draw.
  expect(second).not.toHaveProperty('sigma_f');

  type Layer = {
    layer: string;
    sigma_f: number | null;
    gamma_in: { value: number | null };
    gamma_out: { value: number };
    gamma_out_theory: number | null;
    verdict: { told_apart: string; text: string };
  };
  const found = await basinJson<{ sensitivity_results: Layer[]; warnings: string[] }>([
    ...['run', 'permutation-sensitivity', ...at, '--models', '1'],
  ]);
  const layer = found.sensitivity_results[0]!;
  expect([layer.sigma_f, layer.gamma_in.value, layer.gamma_out_theory]).toEqual([null, null, null]);
  expect(layer.gamma_out.value).toBeGreaterThan(0);
  // Biases are free in these costs, but not in the network.
  const { verdict } = found.sensitivity_results[1]!;
  expect(verdict.told_apart).toBe('no');
  expect(verdict.text).toMatch(/costs anything\.$/);
  expect(found.warnings.join()).toMatch(/fixed part on its biases, which are free in this measure/);
});

test('merge writes the weights that act, as standard networks', async () => {
  const directory = join(root, 'plain');
  await basinJson([
    ...['run', 'merge', '--run', run, '--epoch', '1', '--write', 'aligned', '--align', 'none'],
    ...['--directory', directory, ...here],
  ]);
  const [stored] = loadModels(run, [1], 1);
  const [plain] = loadModels(directory, [1], 1);
  expect(plain!.spec).toMatchObject({ family: 'standard' });
  const raw = stored!.state.get('lins.0.weight')!.data;
  const acts = plain!.state.get('lins.0.weight')!.data;
  expect(Array.from(acts)).toEqual(Array.from(raw, (w, i) => (d[i] === 0 ? f[i]! : w)));
  const bias = stored!.state.get('lins.1.bias')!.data;
  expect(Array.from(plain!.state.get('lins.1.bias')!.data)).toEqual(
    Array.from(bias, (b) => Math.fround(b + 2)),
  );
});

test('an export for PyTorch keeps W, F and D apart and says that no published script knows them', async () => {
  const { notes } = await basinJson<{ notes: string[] }>([
    ...['export', 'given', '--format', 'pt', '--out', join(root, 'pt'), '--epochs', '1', ...here],
  ]);
  expect(notes.join()).toMatch(
    /published scripts do not know this family \(given F and D\).*basin run merge --write aligned/,
  );
  // It comes back as it is.
  const [model] = loadModels(join(root, 'pt'), [1], 1);
  expect(model!.state.get('lins.0.weight.D')!.data).toEqual(d);
});

test('a checkpoint without its config is refused with what to do', async () => {
  const paths = join(run, 'checkpoint_epoch_1_model_1.safetensors');
  const adopt = ['run', 'adopt', '--paths', paths, '--activation', 'gelu', '--dataset', 'mnist-10k'];
  const outcome = await basin([...adopt, '--directory', join(root, 'adopted'), ...here]);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(/only its config\.yaml says how it acts/);
  expect(outcome.stderr).toMatch(/Import the run folder/);
});

test.each([
  ['{name: given, file: gone.npz}', /gone\.npz: there is no such file \(model\.family\.file\)/],
  ['{name: sparse, share: 2}', /model\.family\.share is 2; a number between 0 and 1/],
])('%s is refused before anything is trained', async (section, message) => {
  const out = join(root, 'refused');
  const outcome = await train(out, section);
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toMatch(message);
  expect(() => readFileSync(join(out, 'config.yaml'))).toThrow(/ENOENT/);
});
