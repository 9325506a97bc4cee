import { describe, expect, it } from 'vitest';
import {
  closest,
  facetLabel,
  gridOf,
  seriesOf,
  usualAxes,
  varying,
  type Facets,
} from '../../../src-renderer/matrices/facets.ts';
import { factsOf } from '../../../src-renderer/matrices/run-facts.ts';
import { scaleTicks } from '../../../src-renderer/matrices/scale-ticks.ts';
import { findMatrices, type MatrixSource } from '../../../src-renderer/matrices/sources.ts';
import { gridRecipe } from '../../../src-renderer/matrices/recipe.ts';
import { drawFigure, figureNumbers } from '../../../src-shared/figures/index.ts';
import { matrix } from '../../../src-shared/matrix.ts';

/** A result as `results.get` gives it: costs of some models at some epochs. */
function result(id: string, run: string, models: number[], epochs: number[], layers = ['lins.0', 'lins.1']) {
  const rows = epochs.flatMap((epoch) =>
    models.map((model) => ({
      ...{ run_key: run, model_index: model, epoch, run_directory: `/runs/${run}` },
      checkpoint_path: `/runs/${run}/checkpoint_epoch_${epoch}_model_${model}.pt`,
      realization_cost_results: layers.map((layer) => ({
        layer,
        transposition_cost_squared: { $matrix: `${id}.${model}.${epoch}.${layer}`, rows: 3, columns: 3 },
      })),
    })),
  );
  const facts = (path: string) => ({
    ...{ name: path.slice('/runs/'.length), k: null },
    sigmaF: path.endsWith('one') ? 1 : 0,
  });
  const params = { data: { name: 'mnist-10k' }, split: 'train', explainedVariance: 0.95 };
  return findMatrices(id, rows.length === 1 ? rows[0] : rows, params, facts);
}

const titles = (cells: (MatrixSource | undefined)[][]) =>
  cells.map((row) =>
    row.map((cell) => cell && `${cell.facets.run} ${cell.facets.layer} ${cell.facets.epoch}`),
  );

describe('matrices side by side', () => {
  it('finds what a matrix is of, and where its neurons are', () => {
    const [source] = result('r', 'one', [2], [5]);
    expect(source!.facets).toEqual({
      ...{ layer: 'lins.0', sigmaF: 1, k: null, epoch: 5, model: 2, run: 'one', variant: null },
    });
    expect(source!.place).toEqual({
      runDirectory: '/runs/one',
      params: {
        ...{ checkpoints: ['/runs/one/checkpoint_epoch_5_model_2.pt'], layer: 'lins.0', withCosts: true },
        ...{ data: { name: 'mnist-10k' }, split: 'train', explainedVariance: 0.95 },
      },
    });
  });

  it('finds both models of a matching, and no costs', () => {
    const data = {
      ...{ model1_index: 1, model2_index: 2, epoch: 5 },
      ...{ checkpoint_path_1: '/r/a_1.pt', checkpoint_path_2: '/r/a_2.pt' },
      matching_results: [
        { layer: 'P_1', matching_mode: 'post_norm', similarity: { $matrix: 'm', rows: 4, columns: 4 } },
      ],
    };
    const [source] = findMatrices('r', data, { split: 'train' });
    expect(source!.place).toEqual({
      runDirectory: '/r',
      params: {
        ...{ checkpoints: ['/r/a_1.pt', '/r/a_2.pt'], layer: 'P_1', withCosts: false },
        // The activations that the matching compared: of a small data set the very same numbers.
        ...{ activationSplit: 'train', examples: 10_000 },
        recordingPoint: 'post_norm',
      },
    });
    expect(source!.facets).toMatchObject({ model: '1–2', variant: 'post norm' });
  });

  it('says which model the neurons along each axis are of', () => {
    const pair = {
      ...{ model1_index: 2, model2_index: 4 },
      matching_results: [{ layer: 'P_1', similarity: { $matrix: 'm', rows: 4, columns: 4 } }],
    };
    const axes = (source: MatrixSource | undefined) => [source?.rowAxis, source?.columnAxis];
    expect(axes(findMatrices('r', pair)[0])).toEqual(['model 2, neuron i', 'model 4, neuron j']);
    const [own] = result('a', 'one', [3], [5]);
    expect(axes(own)).toEqual(['model 3, neuron i', 'model 3, neuron j']);
    expect(own!.map).toBe('diverging');
  });

  it('puts layers below each other and sigma_F across, at the last epoch unless another is chosen', () => {
    const sources = [...result('a', 'one', [1], [0, 5]), ...result('b', 'zero', [1], [0, 5])];
    expect(usualAxes(sources)).toEqual({ rows: 'layer', columns: 'sigmaF' });
    const grid = gridOf(sources, usualAxes(sources), {});
    expect(titles(grid.cells)).toEqual([
      ['zero lins.0 5', 'one lins.0 5'],
      ['zero lins.1 5', 'one lins.1 5'],
    ]);
    expect(grid.choices).toEqual([{ name: 'epoch', values: [0, 5], chosen: 5 }]);
    const early = gridOf(sources, usualAxes(sources), { epoch: 0 });
    expect(titles(early.cells)[0]).toEqual(['zero lins.0 0', 'one lins.0 0']);
  });

  it('leaves a cell empty where an epoch was not measured, and takes another model where one is missing', () => {
    const sources = [...result('a', 'one', [1, 2], [0, 5]), ...result('b', 'zero', [2], [5])];
    const axes = { rows: 'layer', columns: 'run' } as const;
    const early = gridOf(sources, axes, { epoch: 0, model: 1 });
    expect(titles(early.cells)[0]).toEqual(['one lins.0 0', undefined]);
    const late = gridOf(sources, axes, { epoch: 5, model: 1 });
    expect(late.cells[0]!.map((cell) => cell?.facets.model)).toEqual([1, 2]);
  });

  it('puts what varies alone into one row', () => {
    const sources = result('a', 'one', [1], [0, 1, 10], ['lins.0']);
    expect(varying(sources)).toEqual(['epoch']);
    const grid = gridOf(sources, usualAxes(sources), {});
    expect([grid.rows, grid.columns, grid.columnValues]).toEqual(['none', 'epoch', [0, 1, 10]]);
    expect(grid.choices).toEqual([]);
  });

  it('follows one matrix over the epochs, and finds it again in another result', () => {
    const sources = result('a', 'one', [1, 2], [0, 5]);
    const one = sources.find(({ facets }) => facets.layer === 'lins.1' && facets.model === 2)!;
    const series = seriesOf(sources, one);
    expect([...series.keys()]).toEqual([0, 5]);
    expect([...series.values()].every(({ facets }) => facets.layer === 'lins.1' && facets.model === 2)).toBe(
      true,
    );
    const longer = result('b', 'one', [1, 2], [0, 1, 5]);
    const again = closest(longer, one.family, { ...one.facets, epoch: 1 });
    expect(again!.facets).toEqual({ ...one.facets, epoch: 1 });
  });

  it('knows the intrinsic dimension of data that are made, under both names of the data set', () => {
    const k = (properties: Record<string, string | number>) =>
      factsOf({ name: 'one', sigmaF: null, properties }).k;
    const sections = {
      'dataset.gaussian_subspace_dataset.d_intrinsic': 8,
      'dataset.multilabel_subspace_dataset.num_binary_labels': 50,
    };
    expect(k({ ...sections, 'dataset.name': 'gaussian-subspace' })).toBe(8);
    expect(k({ ...sections, 'dataset.name': 'gaussian-subspace-dataset' })).toBe(8);
    expect(k({ ...sections, 'dataset.name': 'multilabel-subspace' })).toBe(50);
    expect(k({ ...sections, 'dataset.name': 'mnist' })).toBeNull();
  });

  it('says what a value is', () => {
    const names: [keyof Facets, string | number | null][] = [
      ['sigmaF', 1],
      ['sigmaF', null],
      ['model', '1–2'],
      ['epoch', 5],
    ];
    expect(names.map(([name, value]) => facetLabel(name, value))).toEqual([
      ...['σ_F 1', 'no σ_F', 'models 1–2', 'epoch 5'],
    ]);
  });

  it('becomes a figure of rows that share a colour bar, labelled by what they are', () => {
    const sources = [...result('a', 'one', [1], [5]), ...result('b', 'zero', [1], [5])];
    const grid = gridOf(sources, usualAxes(sources), {});
    const size = new Map(sources.map((source, i) => [source, i + 1]));
    const recipe = gridRecipe(grid, sources[0]!, {
      ...{ scale: 'signed-sqrt', map: 'diverging', range: 'row' },
      overlay: false,
      loaded: (source) => {
        const data = Float64Array.from({ length: 9 }, (_, k) => (k - 4) * size.get(source)! ** 3);
        return { matrix: matrix(3, 3, data), range: [0, 1] };
      },
    });
    const { svg } = drawFigure(recipe);
    const text = svg.replace(/<[^>]+>/g, ' ');
    expect(text).toMatch(/lins\.0,\s+σ\s+F\s+0[^]*lins\.1,\s+σ\s+F\s+1/);
    expect(text.match(/swap cost, signed square-root scale/g)).toHaveLength(2);
    const { rows } = figureNumbers(recipe);
    expect(rows).toHaveLength(36);
    expect(rows[0]![0]).toBe(grid.cells[0]![0]!.title);
  });
});

describe('ticks of a colour bar', () => {
  it('lie at even places of the colours, in the units of the values', () => {
    const scale = { map: 'diverging', transform: 'signed-sqrt', domain: [-16, 16] } as const;
    expect(scaleTicks(scale, 4).map(({ value }) => value)).toEqual([-16, -4, 0, 4, 16]);
    const log = { map: 'viridis', transform: 'log', domain: [1, 100] } as const;
    expect(scaleTicks(log, 2).map(({ value }) => Math.round(value))).toEqual([1, 10, 100]);
  });
});
