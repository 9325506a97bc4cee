/** `basin sweep`: every combination trained once, whatever happens in between; its table, figure, and its end. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});

const own = ['--workspace', workspace];
const small = ['training.num_epochs=1', 'model.hidden_dim=8'];
const sweep = ['sweep', 'standard-small', ...small, '--grid', 'seed=1-3', '--grid', 'optimizer.lr=1e-3,1e-2'];
const asked = [...sweep, '--seeds', '2', '--name', 'rates', '--then', 'interpolate', ...own];
const folder = join(workspace, 'runs', 'rates');
const long = { timeout: 400_000 };

interface Document {
  cells: {
    name: string;
    values: Record<string, string>;
    run: string;
    state: string;
    measures: { test: { accuracy: { n: number } } | null; unaligned: object | null } | null;
  }[];
}

/** Files of the checkpoints with their times: what is trained again has others. */
const checkpoints = (cell: string): string[] =>
  readdirSync(join(folder, cell))
    .filter((name) => name.includes('epoch_1'))
    .map((name) => `${name} ${statSync(join(folder, cell, name)).mtimeMs}`);

describe('a sweep', () => {
  test('a dry run lists the runs and makes nothing', long, async () => {
    const { cells } = await basinJson<Document>([...asked, '--dry-run']);
    expect(cells.map(({ state }) => state)).toEqual(Array(6).fill('missing'));
    expect(cells[1]!.values).toEqual({ seed: '1', 'optimizer.lr': '1e-2' });
    expect(existsSync(folder)).toBe(false);
  });

  test(
    'that is killed goes on where it was, and one run that fails does not stop the others',
    long,
    async () => {
      const killed = await basin(asked, {
        timeoutMs: 200_000,
        started: (kill) => {
          const watch = setInterval(() => {
            if (!existsSync(join(folder, 'seed=2+lr=1e-3'))) return;
            clearInterval(watch);
            kill('SIGKILL');
          }, 20);
        },
      });
      expect(killed.code).toBe(137);
      const before = checkpoints('seed=1+lr=1e-3');
      expect(before.length).toBeGreaterThan(0);

      // A file stands where the last run wants its folder.
      const inTheWay = join(folder, 'seed=3+lr=1e-2');
      writeFileSync(inTheWay, '');
      const partly = await basin(asked, { timeoutMs: 200_000 });
      expect(partly.code).not.toBe(0);
      expect(partly.stderr).toContain('seed=3+lr=1e-2, training: failed');
      expect(partly.stderr).toContain('1 of 6 runs did not succeed: seed=3+lr=1e-2.');
      expect(partly.stdout.match(/ trained$/gm)).toHaveLength(5);
      rmSync(inTheWay);

      const { cells } = await basinJson<Document>(asked, { timeoutMs: 200_000 });
      expect(cells.map(({ state }) => state)).toEqual(Array(6).fill('trained'));
      for (const { measures } of cells) {
        expect(measures!.test!.accuracy.n).toBe(2);
        expect(measures!.unaligned).not.toBeNull();
      }
      expect(checkpoints('seed=1+lr=1e-3')).toEqual(before);
    },
  );

  test('of other settings under the same name is refused', long, async () => {
    const other = await basin([...asked.with(2, 'training.num_epochs=2')]);
    expect(other.code).not.toBe(0);
    expect(other.stderr).toContain('holds a sweep of other settings');
    expect(other.stderr).toContain('basin sweep standard-small training.num_epochs=1');
  });

  test('what cannot be trained or measured is refused before anything is', long, async () => {
    for (const [words, message] of [
      [['--grid', 'model.hidden_dim=8,none'], 'hidden_dim'],
      [['--grid', 'seed=1', '--then', 'interpolat'], 'Did you mean'],
      [['--grid', 'seed=1', '--then', 'train'], 'it needs more than a run and an epoch'],
    ] as const) {
      const refused = await basin(['sweep', 'standard-small', ...words, '--name', 'bad', ...own]);
      expect(refused.code, words.join(' ')).not.toBe(0);
      expect(refused.stderr).toContain(message);
    }
    expect(existsSync(join(workspace, 'runs', 'bad'))).toBe(false);
  });

  test('is listed, renamed, drawn over what was varied and exported', long, async () => {
    await basinJson(['sweeps', 'rename', 'rates', 'Rates of learning', ...own]);
    const [listed] = await basinJson<{ name: string; title: string; runs: number; trained: number }[]>([
      'sweeps',
      ...own,
    ]);
    expect(listed).toMatchObject({ name: 'rates', title: 'Rates of learning', runs: 6, trained: 6 });
    // Under its new title it is still the sweep that the same command means.
    expect((await basin(asked)).stderr).toContain('All 6 runs are trained.');

    const csv = join(workspace, 'rates.csv');
    await basinJson(['sweeps', 'export', 'rates', '--out', csv, ...own]);
    const [head, ...rows] = readFileSync(csv, 'utf8').trim().split('\n');
    expect(head).toMatch(
      /^seed,optimizer\.lr,run,state,outdated,test_accuracy,test_accuracy_std,test_accuracy_n,barrier,/,
    );
    expect(rows).toHaveLength(6);

    const figure = join(workspace, 'rates.svg');
    await basinJson([
      'sweeps',
      'figure',
      'rates',
      '--over',
      'lr',
      '--log',
      '--metric',
      'test_accuracy',
      '--out',
      figure,
      ...own,
    ]);
    const svg = readFileSync(figure, 'utf8');
    for (const text of ['learning rate', 'seed = 3', 'test accuracy (%)']) expect(svg).toContain(text);
    const unvaried = await basin(['sweeps', 'figure', 'rates', '--over', 'sigma_f', '--out', figure, ...own]);
    expect(unvaried.stderr).toContain('the sweep varies seed, lr');
  });

  test('is forgotten with its runs in the trash', long, async () => {
    await basinJson(['sweeps', 'remove', 'rates', '--runs', ...own]);
    expect(await basinJson(['sweeps', ...own])).toEqual([]);
    expect(await basinJson(['runs', ...own])).toEqual([]);
    expect(await basinJson<unknown[]>(['runs', 'trash', ...own])).toHaveLength(6);
  });
});
