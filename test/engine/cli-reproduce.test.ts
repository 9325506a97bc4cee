/** `basin reproduce`: experiments of the papers from one command, on data sets of known geometry too. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
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

describe('basin reproduce, sizes', () => {
  interface Plan {
    name: string;
    seconds: number;
    memoryMiB: number;
    known: string;
  }

  test('--dry-run says of every experiment what it takes, and trains nothing', async () => {
    const own = ['--workspace', `${workspace}/dry`];
    for (const size of ['quick', 'paper']) {
      const { experiments } = await basinJson<{ experiments: Plan[] }>([
        ...['reproduce', 'all', '--size', size, '--dry-run', ...own],
      ]);
      expect(experiments.length).toBeGreaterThan(9);
      for (const { name, seconds, memoryMiB, known } of experiments) {
        expect(seconds, name).toBeGreaterThan(0);
        expect(memoryMiB, name).toBeGreaterThan(0);
        // Nobody has to guess how long the quick sizes take.
        expect(known, name).toMatch(size === 'quick' ? /^measured$/ : /^(measured|estimated)$/);
      }
      if (size === 'quick')
        expect(experiments.reduce((sum, { seconds }) => sum + seconds, 0)).toBeLessThan(45 * 60);
    }
    const alone = await basin(['reproduce', 'main-table', '--size', 'paper', '--dry-run', ...own]);
    expect(alone.code).toBe(0);
    expect(alone.stdout).toMatch(/16 networks each[^]*Expected: about/);
    expect(existsSync(`${workspace}/dry/runs`)).toBe(false);
  });

  test(
    '--limit runs a part of a size through the same code, and judges nothing',
    { timeout: 240_000 },
    async () => {
      const limited = ['--limit', 'epochs=1,models=2,settings=1', ...here];
      const report = await basinJson<Report & { limit: object }>(['reproduce', 'instability', ...limited], {
        timeoutMs: 230_000,
      });
      expect(report.limit).toEqual({ epochs: 1, models: 2, settings: 1 });
      expect(report.rows).toHaveLength(1);
      expect(report.rows.every(({ holds }) => holds === null)).toBe(true);
      const kept = readFileSync(report.figures[0]!.replace(/[^/]*$/, 'report.json'), 'utf8');
      expect(JSON.parse(kept)).toMatchObject({ format: 'basin-experiment', limit: { epochs: 1 } });
    },
  );

  test.each([
    ['epochs=0', /"epochs=0" is not a limit/],
    ['epochs=1,epochs=2', /epochs is given twice/],
    ['seeds=2', /"seeds=2" is not a limit.*epochs, models, settings/s],
    ['models=1', /models would change nothing.*not made of trainings/s],
  ])('--limit %s is refused', async (limit, message) => {
    const outcome = await basin(['reproduce', 'chord-deviation', '--limit', limit, ...here]);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(message);
  });

  test(
    '--page puts what was found on a page, and keeps what stands there of others',
    { timeout: 120_000 },
    async () => {
      const folder = `${workspace}/pages`;
      mkdirSync(folder);
      const page = `${folder}/experiments.md`;
      await basinJson<Report>(['reproduce', 'chord-deviation', '--page', page, ...here]);
      const text = readFileSync(page, 'utf8');
      expect(text).toMatch(/## chord-deviation\n[^#]*3 held/);
      expect(text).toMatch(/## main-table\n[^#]*Not run for this page\./);
      for (const [, picture] of text.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g))
        expect(existsSync(`${folder}/${picture}`)).toBe(true);
      await basinJson<Report>(['reproduce', 'symmetry', '--page', page, ...here], { timeoutMs: 110_000 });
      const both = readFileSync(page, 'utf8');
      expect(both).toMatch(/## chord-deviation\n[^#]*3 held/);
      expect(both).not.toMatch(/## symmetry\n[^#]*Not run/);
      const refused = await basin(['reproduce', 'symmetry', '--page', page, '--size', 'paper', ...here]);
      expect(refused.stderr).toMatch(/shows whole quick sizes only/);
      expect(readFileSync(page, 'utf8')).toBe(both);
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
