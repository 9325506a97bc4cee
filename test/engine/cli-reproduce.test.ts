/** `basin reproduce`: experiments of the papers from one command, on data sets of known geometry too. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});
const here = ['--workspace', workspace];

interface Report {
  name: string;
  size: string;
  rows: { what: string; expected: string; measured: string; holds: string | null }[];
  figures: string[];
}

describe('basin reproduce', () => {
  test(
    'chord-deviation: the slope of the theory, figures in three formats',
    { timeout: 120_000 },
    async () => {
      const report = await basinJson<Report>(['reproduce', 'chord-deviation', ...here]);
      expect(report).toMatchObject({ name: 'chord-deviation', size: 'quick' });
      const [slope] = report.rows;
      expect(slope!.what).toContain('100000 examples');
      expect(report.rows.every((row) => row.holds === 'yes')).toBe(true);
      expect(Math.abs(Number.parseFloat(slope!.measured) - 1.5)).toBeLessThanOrEqual(0.1);
      expect(report.figures.map((path) => path.replace(/^.*\./, '')).sort()).toEqual(['pdf', 'png', 'svg']);
      expect(report.figures.every((path) => existsSync(path))).toBe(true);
      const svg = readFileSync(
        report.figures.find((path) => path.endsWith('.svg'))!,
        'utf8',
      );
      expect(svg).toContain('reproduce chord-deviation');
    },
  );

  test(
    'another seed is another draw, and the same seed comes from the cache',
    { timeout: 120_000 },
    async () => {
      const measured = async (seed: string) => {
        const report = await basinJson<Report>(['reproduce', 'chord-deviation', '--seed', seed, ...here]);
        return report.rows.map((row) => row.measured);
      };
      const [first, again, other] = [await measured('1'), await measured('1'), await measured('2')];
      expect(again).toEqual(first);
      expect(other).not.toEqual(first);
    },
  );
});

describe('basin train on made data', () => {
  const model = ['model.input_dim=32', 'model.hidden_dim=16', 'model.output_dim=4'];
  const section = 'dataset.gaussian_subspace_dataset';
  const fixed = [0, 1, 2, 3].map((i) => `model.mask_params.linear_mask_params_${i}.num_fixed=4`);
  const made = [
    'dataset=gaussian-subspace',
    ...[`${section}.num_samples_train=400`, `${section}.num_samples_test=100`, `${section}.num_classes=4`],
    ...[`${section}.d_intrinsic=3`, `${section}.d_ambient=32`, `${section}.class_separation=3`],
  ];
  const short = ['training.num_epochs=2', 'training.save_every=1', 'num_models=2', 'seed=1'];

  test(
    'trains, records how the data were made, and is compared over epochs',
    { timeout: 120_000 },
    async () => {
      const { run_directory: run } = await basinJson<{ run_directory: string }>([
        ...['train', 'w-asymmetric', ...made, ...model, ...fixed, ...short, ...here],
      ]);
      expect(readFileSync(`${run}/config.yaml`, 'utf8')).toMatch(/structure_seed: 789/);
      const likeness = await basinJson<{ cosine_similarity: { num_epochs: number } }>([
        ...['run', 'similarity', '--run', run, '--models', '1,2', ...here],
      ]);
      expect(likeness.cosine_similarity.num_epochs).toBe(2);
    },
  );

  test.each([
    [[...made], /model\.input_dim is 784.*d_ambient is 32/],
    [['dataset=multilabel-subspace', 'model.input_dim=512', 'model.output_dim=60'], /50 binary labels/],
    [[...made, ...model, `${section}.class_seperation=2`], /class_seperation.*class_separation/s],
    [[...made, ...model, `${section}.d_intrinsic=40`], /40 dimensions/],
  ])('%j is refused with the reason', async (overrides, message) => {
    const outcome = await basin(['train', 'standard', ...overrides, ...here]);
    expect([1, 2]).toContain(outcome.code);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stdout).toBe('');
  });
});
