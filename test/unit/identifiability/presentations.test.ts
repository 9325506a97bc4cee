/** Results of the measures in words, tables and figures; every figure can be drawn. */
import { describe, expect, test } from 'vitest';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { present } from '../../../src-shared/presentations/index.ts';
import { fixtureRun } from '../../support/fixtures.ts';
import { goldenData, job } from '../../support/job.ts';

const ask = (kind: string, run: string, more: object = {}) =>
  job<object>(kind, {
    ...{
      run: fixtureRun(run),
      models: [1],
      epoch: 5,
      layers: ['lins.1', 'lins.2'],
      data: goldenData(),
      ...more,
    },
  });

const kinds: [string, object][] = [
  ['realization-cost', {}],
  ['subspace-coherence', {}],
  ['permutation-sensitivity', { randomCount: 10 }],
  ['realization-cost-ridge', { numNeurons: 3, iterations: 3, betas: [0.1, 1] }],
];

describe.each(kinds)('%s', (kind, more) => {
  test('one checkpoint and several', async () => {
    for (const models of [[1], [1, 2]]) {
      const shown = present(kind, await ask(kind, 'sym1_kappa1', { models, ...more }))!;
      expect(shown.verdict).toMatch(/\.$/);
      expect(shown.verdict + JSON.stringify(shown.table)).not.toMatch(/NaN|undefined|Infinity/);
      expect(shown.table!.rows.length).toBe(2 * models.length * (kind.endsWith('ridge') ? 2 : 1));
      for (const row of shown.table!.rows) expect(row).toHaveLength(shown.table!.columns.length);
      expect(shown.figures.length).toBeGreaterThan(0);
      for (const { recipe } of shown.figures) expect(drawFigure(recipe).svg).toContain('<svg');
    }
  });
});

describe('a residual network with 22 layers', () => {
  const layers = [
    'conv1',
    ...[1, 2, 3].flatMap((stage) =>
      [0, 1, 2].flatMap((block) => [
        `layer${stage}.${block}.conv1`,
        `layer${stage}.${block}.conv2`,
        ...(stage > 1 && block === 0 ? [`layer${stage}.0.shortcut.0`] : []),
      ]),
    ),
    'linear',
  ];
  const patches = {
    count: 24576,
    images: 24,
    positions: 1024,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
  };
  const pixels = { count: 6144, images: 24, positions: 256, kernel: [1, 1], stride: [2, 2], padding: [0, 0] };
  const patchesAt = (layer: string) =>
    layer === 'linear' ? {} : { patches: layer.includes('shortcut') ? pixels : patches };
  const row = (model: number, epoch: number) => ({
    ...{ run_key: 'r', model_index: model, epoch, checkpoint_path: 'c', run_directory: 'r' },
    ...{
      split: 'train',
      data: 'd',
      warnings: [],
      backend: { name: 'tensorflow', version: '2', device: 'cpu', threads: 2 },
    },
    coherence_results: layers.map((layer, i) => ({
      ...{ layer, hook_mode: 'RecordInput', ...patchesAt(layer) },
      ...{ subspace_dimension: 2, full_dimension: 9, explained_variance_ratio: 0.9 },
      subspace_coherence: 0.3 + 0.02 * i,
      anisotropy_operator_norms: [0.1, 0.2, 0.3],
      ...{ mean_anisotropy_operator_norm: 0.2, anisotropy_bounds: null },
    })),
  });
  const labels = (svg: string) => layers.filter((layer) => svg.includes(`>${layer}<`));

  test.each([
    ['one checkpoint', [row(1, 1)]],
    ['several epochs', [1, 2].flatMap((model) => [0, 5, 10].map((epoch) => row(model, epoch)))],
  ])('%s: every figure names every layer', (_name, rows) => {
    const { figures } = present('subspace-coherence', rows.length === 1 ? rows[0] : rows)!;
    expect(figures).toHaveLength(rows.length === 1 ? 2 : 3);
    for (const { title, recipe } of figures) expect(labels(drawFigure(recipe).svg), title).toEqual(layers);
  });

  test('says what the patches of its convolutions are', () => {
    const notes = present('subspace-coherence', row(1, 1))!.notes.join(' ');
    expect(notes).toContain('Convolutions are measured on patches');
    expect(notes).toContain(
      'Patches: 3 × 3, stride 1, padding 1: 24 images × 1,024 positions = 24,576 patches (conv1 and 18 other layers); 1 × 1, stride 2, padding 0: 24 images × 256 positions = 6,144 patches (layer2.0.shortcut.0 and 1 other layer).',
    );
  });
});

test('what is true of a family is said in the words for it', async () => {
  const of = async (run: string) => present('realization-cost', await ask('realization-cost', run))!;
  expect((await of('sym0')).verdict).toContain('costs nothing in any layer');
  expect((await of('sym1_kappa1')).verdict).toContain('100.0 % of all pairs');
  const sigma = await of('sym2');
  expect(sigma.verdict).toContain('costs nothing');
  expect(sigma.notes.join(' ')).toContain('σ-asymmetric');
  const told = async (run: string) =>
    present('permutation-sensitivity', await ask('permutation-sensitivity', run, { layers: ['lins.1'] }))!
      .verdict;
  expect(await told('sym0')).toContain('are not identifiable');
  expect(await told('sym1_kappa1')).toContain('are identifiable');
});
