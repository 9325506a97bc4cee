/** The symmetry laboratory from the terminal: what the three main kinds print, and what they refuse. */
import { existsSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});
const here = ['--workspace', workspace];

describe('basin run', () => {
  test('linear-components finds 2^(l-1) components by joining', async () => {
    const found = await basinJson<{
      classes: { signs: number[]; count: number }[];
      min_singular_value_across: number;
    }>([
      'run',
      'linear-components',
      '--layers',
      '3',
      '--width',
      '4',
      '--starts',
      '200',
      '--seed',
      '1',
      ...here,
    ]);
    expect(found).toMatchObject({ expected: 4, found: 4, starts: 200 });
    expect(found.classes).toHaveLength(4);
    expect(found.min_singular_value_across).toBeLessThan(1e-3);
  });

  test('rescaling-barrier sets the measured loss beside the closed form', async () => {
    const { rows } = await basinJson<{
      rows: { factor: number; measured_loss: number; closed_form_loss: number }[];
    }>(['run', 'rescaling-barrier', '--factors', '1,10,100,1000', ...here]);
    expect(rows.map((row) => row.factor)).toEqual([1, 10, 100, 1000]);
    for (const row of rows) expect(row.measured_loss / row.closed_form_loss).toBeCloseTo(1, 6);
  });

  test('symmetry-curve is flat where the line is not', async () => {
    const curve = await basinJson<{ t: number[]; curve_loss: number[]; line_loss: number[] }>([
      'run',
      'symmetry-curve',
      '--layers',
      '3',
      '--width',
      '4',
      '--seed',
      '1',
      ...here,
    ]);
    expect(curve.curve_loss).toHaveLength(curve.t.length);
    const spread = Math.max(...curve.curve_loss) - Math.min(...curve.curve_loss);
    expect(spread).toBeLessThanOrEqual(1e-9 * Math.max(...curve.line_loss));
  });

  test.each([
    [['rescaling-barrier', '--factors', '1,0'], /factors/],
    [['rescaling-barrier', '--factors', '1,-2'], /factors/],
    [['symmetry-curve', '--width', '2', '--g', '[[1,2],[2,4]]'], /singular/],
    [['symmetry-curve', '--width', '2', '--g', '[[1,0],[0,-1]]'], /determinant|det/],
    [['symmetry-curve', '--width', '2', '--g', '[[1,0]'], /--g.*JSON/],
  ])('%j is refused with the reason', async (args, message) => {
    const outcome = await basin(['run', ...args, ...here]);
    expect([1, 2]).toContain(outcome.code);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).not.toMatch(/defect|^\s+at /m);
    expect(outcome.stdout).toBe('');
  });
});

describe('basin reproduce', () => {
  test('symmetry finds what the paper says, and draws it', { timeout: 300_000 }, async () => {
    const report = await basinJson<{
      rows: { what: string; holds: string | null }[];
      figures: string[];
      seconds: number;
    }>(['reproduce', 'symmetry', ...here], { timeoutMs: 290_000 });
    expect(report.rows.filter((row) => row.holds !== 'yes')).toEqual([]);
    expect(report.figures.every((path) => existsSync(path))).toBe(true);
  });

  test('a name that does not exist is refused with its near miss', async () => {
    const outcome = await basin(['reproduce', 'symetry', ...here]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/"symmetry"/);
  });
});
