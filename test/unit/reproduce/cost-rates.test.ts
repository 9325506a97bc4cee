/** What `basin reproduce cost-rates` makes of the costs it is given. */
import { describe, expect, it } from 'vitest';
import { experiment, nearestByWidth } from '../../../src-main/cli/reproduce/cost-rates.ts';
import type { ExperimentWork, Limit } from '../../../src-main/cli/reproduce/experiment.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { drawFigure } from '../../../src-shared/figures/index.ts';
import { pairedBoxesDataSchema } from '../../../src-shared/figures/kinds/paired-boxes.ts';
import { matrix } from '../../../src-shared/matrix.ts';

interface Told {
  /** Of networks of a width: the dimension of a layer's inputs and the distance to its own function. */
  subspace: (layer: number, k: number, width: number) => number;
  own: (width: number, k: number, model: number) => number;
  /** Of the first `neurons` neurons of an untrained layer. */
  nearest: (neurons: number, k: number) => number;
}

const published: Told = {
  subspace: (layer, k, width) => (layer === 0 ? k : k + width / 16),
  own: (width, k, model) => (1 + 0.001 * model) * width ** (-2 / k),
  nearest: (neurons, k) => neurons ** (-2 / k),
};

/** Of n neurons: the nearest two of the first 16 are neurons 14 and 15, of the first 32 neurons 30 and 31, ... */
function distances(n: number, nearest: (neurons: number) => number): Float64Array {
  const data = new Float64Array(n * n).fill(10);
  for (let i = 0; i < n; i++) data[i * n + i] = 0;
  const put = (i: number, value: number) => {
    data[i * n + i - 1] = data[(i - 1) * n + i] = value;
  };
  // Each block has its own: the same whichever block of a size it is.
  for (let neurons = 16; neurons <= n; neurons *= 2)
    for (let end = neurons; end <= n; end += neurons) put(end - 1, nearest(neurons));
  return data;
}

async function reported(told: Told, limit: Limit = {}) {
  const trained: string[][] = [];
  const at = new Map<string, { k: number; width: number; models: number }>();
  const value = (overrides: readonly string[], key: string) =>
    Number(overrides.find((one) => one.startsWith(`${key}=`))!.slice(key.length + 1));
  const layerOf = (layer: number, model: number, run: string, untrained: boolean) => {
    const { k, width } = at.get(run)!;
    const near = distances(width, (neurons) => told.nearest(neurons, k));
    const own = (e: number) => (e % (width + 1) === 0 ? told.own(width, k, model) ** 2 : 4);
    return {
      layer: `lins.${layer}`,
      subspace_dimension: told.subspace(layer, k, width),
      mahalanobis_distance_squared: matrix(
        width,
        width,
        near.map((d, e) => (untrained ? d * d : own(e))),
      ),
      proj_center_distances: matrix(width, width, near),
    };
  };
  const work: ExperimentWork = {
    ...{ size: 'quick', seed: 3, limit },
    train: (source, overrides) => {
      loadTrainingConfig(source, overrides);
      const run = `/runs/${trained.length}`;
      trained.push([...overrides]);
      at.set(run, {
        k: value(overrides, 'dataset.gaussian_subspace_dataset.d_intrinsic'),
        width: value(overrides, 'model.hidden_dim'),
        models: value(overrides, 'num_models'),
      });
      return Promise.resolve({ run_directory: run } as never);
    },
    fork: () => Promise.reject(new Error('nothing is forked')),
    run: (_kind, params) => {
      const { run, layers } = params as { run: string; layers?: string[] };
      const models = Array.from({ length: at.get(run)!.models }, (_, model) => ({
        realization_cost_results: (layers ? [0] : [0, 1]).map((layer) =>
          layerOf(layer, model, run, layers !== undefined),
        ),
      }));
      return Promise.resolve((models.length === 1 ? models[0] : models) as never);
    },
  };
  return { report: await experiment.run(work), trained };
}

const holding = ({ report }: Awaited<ReturnType<typeof reported>>, words: RegExp) =>
  report.expectations!.filter(({ what }) => words.test(what)).map(({ holds }) => holds);

describe('nearest neurons by width', () => {
  it('takes the smallest of each block, and geometric means over blocks', () => {
    const data = new Float64Array(32 * 32).fill(9);
    data[3 * 32 + 5] = 1; // in the first block of 16
    data[20 * 32 + 30] = 4; // in the second
    data[2 * 32 + 25] = 0.5; // between the two: only among all 32
    for (let i = 0; i < 32; i++) data[i * 32 + i] = 0;
    const all = matrix(32, 32, data);
    expect(nearestByWidth({ proj_center_distances: all, mahalanobis_distance_squared: all })).toEqual([
      {
        neurons: 16,
        centers: expect.closeTo(2, 12) as number,
        functions: expect.closeTo(Math.SQRT2, 12) as number,
      },
      { neurons: 32, centers: 0.5, functions: expect.closeTo(Math.SQRT1_2, 12) as number },
    ]);
  });
});

describe('reproduce cost-rates', () => {
  it('finds planted powers, and judges own costs only where k is one number', async () => {
    const found = await reported(published);
    expect(found.trained).toHaveLength(7 + 30);
    expect(holding(found, /distance between/)).toEqual(Array(6).fill('yes'));
    expect(holding(found, /^lins/)).toEqual(['yes', null]);
    const [row] = found.report.expectations!;
    expect(row).toMatchObject({
      what: 'lins.0, σ_F = 1: distance to the own function, over 32, 64, 128, 256 units',
      expected: 'power −2/k = −0.250 (k = 8), within 25 %',
      measured: "power −0.250 ± 0.000 (others' functions 0.000)",
    });
    expect(found.report.expectations![1]!.expected).toBe('no single power: k from 10 to 24');
  });

  it('says so if costs stay as they are', async () => {
    const flat = await reported({ ...published, own: () => 1, nearest: () => 1 });
    expect(holding(flat, /distance between|^lins.0/)).toEqual(Array(7).fill('no'));
  });

  it('draws the rate from the first median of the own costs', async () => {
    const { figures } = (await reported(published)).report;
    expect(Object.keys(figures)).toEqual([
      'cost-rates-over-dimension',
      'cost-rates-over-width',
      'nearest-centers',
    ]);
    for (const recipe of Object.values(figures)) expect(drawFigure(recipe).svg).toMatch(/^<svg/);
    const { panels } = pairedBoxesDataSchema.parse(figures['cost-rates-over-width']!.data);
    const own = [32, 64, 128, 256].map((width) => width ** -0.25);
    const overDimension = pairedBoxesDataSchema.parse(figures['cost-rates-over-dimension']!.data);
    expect(overDimension.panels.map(({ lines }) => lines)).toEqual([[], []]);
    expect(panels[0]!.lines[0]!.values).toEqual(own.map((v) => expect.closeTo(v, 4) as number));
  });

  it('draws each untrained network with weights of its own', async () => {
    const { trained } = await reported(published);
    const untrained = trained.filter((overrides) => overrides.includes('training.num_epochs=0'));
    expect(new Set(untrained.map((one) => one.filter((o) => /^seed=|intrinsic=/.test(o)).join())).size).toBe(
      30,
    );
  });

  it('can be cut', async () => {
    const { trained, report } = await reported(published, { epochs: 1, models: 1, settings: 1 });
    expect(trained).toHaveLength(2 + 10);
    expect(report.expectations!.find(({ what }) => /^lins.0/.test(what))!.holds).toBe('not clear');
  });
});
