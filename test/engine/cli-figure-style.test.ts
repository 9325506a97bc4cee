/** `basin figure` with a style: drawn, saved with the figure, drawn again from it; what cannot be is refused. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { drawFigure } from '../../src-shared/figures/index.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';
import { figureSamples } from '../support/figure-samples.ts';

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const here = ['--workspace', folder];
const path = join(folder, 'recipe.json');
const recipe = { kind: 'interpolation', data: figureSamples.interpolation };
writeFileSync(path, JSON.stringify(recipe));

interface Made {
  recipe: { options: object };
  saved: string;
}

describe('basin figure, style', () => {
  test('is drawn, saved and drawn again', async () => {
    const out = join(folder, 'styled.svg');
    const flags = ['--width', 'single', '--legend', 'inside', '--y-range=60,100', '--y-label', 'accuracy'];
    const made = await basinJson<Made>([
      ...['figure', path, ...flags, '--title', 'Mine', '--save', 'Mine', '--out', out, ...here],
    ]);
    const options = {
      size: 'single',
      legend: 'inside',
      y: { range: [60, 100], label: 'accuracy' },
      title: 'Mine',
    };
    expect(made.recipe.options).toEqual(options);
    const drawn = readFileSync(out, 'utf8');
    expect(drawn).toContain(drawFigure({ ...recipe, options }).svg);
    const again = join(folder, 'again.svg');
    await basin(['figure', made.saved, '--out', again, ...here]);
    expect(readFileSync(again, 'utf8')).toBe(drawn);
    const other = await basinJson<Made>([
      ...['figure', made.saved, '--y-range', 'auto', '--legend', 'none', '--out', again, ...here],
    ]);
    expect(other.recipe.options).toEqual({ ...options, legend: 'none', y: { label: 'accuracy' } });
  });

  test('says which characters of names PDF and PNG cannot show', async () => {
    const series = [{ label: '对照组', lambdas: [0, 1], curves: [{ pair: '1–2', values: [90, 91] }] }];
    const named = join(folder, 'named.json');
    const data = { metric: 'accuracy', split: 'test', panels: [{ title: 't', series }] };
    writeFileSync(named, JSON.stringify({ kind: 'interpolation', data }));
    const made = async (...files: string[]) =>
      basin(['figure', named, '--out', ...files.map((file) => join(folder, file)), ...here]);
    const warned = await made('a.pdf', 'a.png');
    expect(warned.code).toBe(0);
    expect(warned.stderr.match(/warning: The fonts of PDF and PNG lack 对 照 组 in “对照组”/g)).toHaveLength(
      1,
    );
    expect((await made('a.svg')).stderr).not.toContain('warning');
  });

  test('is refused in the words of the flags', async () => {
    const refused = async (...flags: string[]) =>
      basin(['figure', path, ...flags, '--out', join(folder, 'no.svg'), ...here]);
    expect((await refused('--y-range=5,5')).stderr).toMatch(/--y-range.*lower one first/);
    expect((await refused('--y-range=101,120')).stderr).toMatch(
      /--y-range: 101 to 120 shows none of the values/,
    );
    expect((await refused('--x-scale', 'log')).stderr).toMatch(/--x-scale: .*lowest here is 0/);
    expect((await refused('--legend', 'left')).stderr).toMatch(/inside/);
    const width = await refused('--width', 'column');
    expect(width.stderr).toMatch(/single, text, double/);
    expect(width.code).not.toBe(0);
  });
});
