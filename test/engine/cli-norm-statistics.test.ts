/** Norm statistics from the terminal: chosen, printed, kept apart in the workspace, told in captions of figures. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { ResultRow } from '../../src-shared/api.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';
import { fixtureRun } from '../support/fixtures.ts';

const root = temporaryFolder();
const here = ['--workspace', join(root, 'workspace')];
const run = fileURLToPath(new URL('../fixtures/norm-statistics/mlp', import.meta.url));
const interpolate = ['run', 'interpolate', '--run', run, '--epoch', '1', '--steps', '2', '--splits', 'test'];
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const plain = (text: string): string => text.replace(/[│\s]+/g, ' ');

test('what was chosen is printed with the numbers, and so is that nothing was', async () => {
  const chosen = await basin([
    ...interpolate,
    ...['--norm-statistics', 're-estimate', '--statistics-batch', '40', ...here],
  ]);
  expect(chosen.code, chosen.stderr).toBe(0);
  const told = plain(chosen.stdout);
  expect(told).toMatch(/Norm statistics: re-estimate, batches of 40/);
  expect(told).toContain('means over the 105 examples of the train split');
  expect(told).toContain('accuracy of the ends as stored');
  expect(told).toMatch(
    /With the norm statistics in their files the models reach [\d.]+ to [\d.]+ % on test\./,
  );
  const open = plain((await basin([...interpolate, ...here])).stdout);
  expect(open).toMatch(/Norm statistics: interpolate/);
  expect(open).toContain('No norm statistics were requested');
});

test('each choice has a result of its own in the workspace, and a figure of all says which is which', async () => {
  const found: number[] = [];
  for (const name of ['interpolate', 're-estimate', 'batch']) {
    const args = [...interpolate, '--norm-statistics', name];
    const { test_loss } = await basinJson<{ test_loss: number[] }>([...args, ...here]);
    found.push(test_loss[1]!);
    const again = await basin([...args, ...here]);
    expect(again.stderr).toContain('cached result from the workspace');
  }
  expect(new Set(found).size).toBe(3);
  const results = await basinJson<ResultRow[]>(['results', ...here]);
  const titled = (what: string) => results.find(({ title }) => title.includes(what))!;
  const names = ['interpolated', 're-estimated', 'of the batch'].map((name) => `norm statistics ${name}`);
  const ids = names.map((name) => titled(name).id);
  const smaller = ['--norm-statistics', 'batch', '--statistics-batch', '40'];
  await basinJson([...interpolate, ...smaller, ...here]);
  const { title } = (await basinJson<ResultRow[]>(['results', ...here]))[0]!;
  expect(title).toContain('norm statistics of the batch, batches of 40:');
  const out = join(root, 'all.svg');
  const drawn = await basin(['figure', ...ids, '--out', out, ...here]);
  expect(drawn.code, drawn.stderr).toBe(0);
  const svg = plain(readFileSync(out, 'utf8').replace(/<[^>]*>/g, ' '));
  for (const name of names) expect(svg).toContain(`Unaligned, ${name}`);
});

test('a choice without effect is refused in words', async () => {
  const standard = ['run', 'interpolate', '--run', fixtureRun('sym0'), '--epoch', '5', '--data', 'mnist-10k'];
  const refused = await basin([...standard, '--norm-statistics', 'batch', ...here]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/no batch norm with running statistics: it would have no effect/);
  const alone = await basin([...interpolate, '--statistics-batch', '40', ...here]);
  expect(alone.code).not.toBe(0);
  expect(alone.stderr).toMatch(
    /statistics-?batch.*has no effect unless normStatistics is re-estimate or batch/i,
  );
  const unknown = await basin([...interpolate, '--norm-statistics', 'running', ...here]);
  expect(unknown.stderr).toMatch(/--norm-statistics "running".*interpolate, re-estimate, batch/);
});
