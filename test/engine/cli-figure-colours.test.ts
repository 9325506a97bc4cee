/** `basin figure --colours --range --share`: the colours of a recipe from the command line. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { drawFigure } from '../../src-shared/figures/index.ts';
import { basin, basinJson, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const here = ['--workspace', folder];

const matrix = [
  [0, 4],
  [9, -1],
];
const recipe = {
  kind: 'matrix',
  data: { rows: [[{ title: 'lins.0', matrix }]], valueLabel: 'swap cost', scale: 'signed-sqrt' },
};
const path = join(folder, 'recipe.json');
writeFileSync(path, JSON.stringify(recipe));

const pixels = (svg: string) => [...svg.matchAll(/base64,([^"]+)"/g)].map(([, data]) => data);

describe('basin figure, colours', () => {
  test('are laid over a recipe', async () => {
    const out = join(folder, 'costs.svg');
    const flags = ['--colours', 'swap-costs', '--range=-2,30', '--share', 'all'];
    const document = await basinJson<{ recipe: { data: object } }>([
      ...['figure', path, ...flags, '--out', out, ...here],
    ]);
    expect(document.recipe.data).toMatchObject({ colours: 'swap-costs', range: [-2, 30], share: 'all' });
    const drawn = pixels(readFileSync(out, 'utf8'));
    const data = { ...recipe.data, colours: 'swap-costs', range: [-2, 30], share: 'all' };
    expect(drawn).toEqual(pixels(drawFigure({ ...recipe, data }).svg));
    expect(drawn).not.toEqual(pixels(drawFigure(recipe).svg));
  });

  test('are refused if the map, the range or the kind does not allow them', async () => {
    const refused = async (...flags: string[]) =>
      basin(['figure', path, ...flags, '--out', join(folder, 'no.svg'), ...here]);
    expect((await refused('--range=30,-2')).stderr).toMatch(/lower one first/);
    expect((await refused('--colours', 'jet')).stderr).toMatch(/swap-costs/);
    writeFileSync(path, JSON.stringify({ ...recipe, data: { ...recipe.data, scale: 'log' } }));
    const log = await refused('--colours', 'swap-costs');
    expect(log.stderr).toMatch(/figure\.data\.colours: the map swap-costs/);
    expect(log.code).not.toBe(0);
    writeFileSync(path, JSON.stringify({ kind: 'boxes', data: {} }));
    expect((await refused('--share', 'row')).stderr).toMatch(/--share: a figure of the kind boxes/);
  });
});
