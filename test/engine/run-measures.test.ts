/** What the catalog's columns show of results: which result counts for a run, and what of it. */
import { describe, expect, it } from 'vitest';
import { MeasureStore } from '../../src-main/engine/run-measures.ts';
import type { ResultFile } from '../../src-main/engine/results.ts';
import type { ResultRow } from '../../src-shared/api.ts';

const second = 1000;

interface Given {
  id: string;
  kind: 'train' | 'interpolate';
  data: unknown;
  at: number;
  runIds?: string[];
  origin?: 'computed' | 'imported';
}

/** The newest first, as the store lists them. */
function storeOf(given: Given[], writes: [string, number, number][] = []) {
  const reads: string[] = [];
  const rows = given
    .map<ResultRow>(({ id, kind, at, runIds = ['a'], origin = 'computed' }) => ({
      ...{ id, kind, runIds, origin, createdAt: at * second },
      ...{ title: id, jobId: null, path: '' },
    }))
    .sort((a, b) => b.createdAt - a.createdAt);
  const results = {
    list: (kind?: string) => rows.filter((row) => row.kind === kind),
    read: (id: string) => {
      reads.push(id);
      return { data: given.find((each) => each.id === id)!.data } as ResultFile;
    },
  };
  const lastWrites = () => {
    const found = new Map<string, Map<number, number>>();
    for (const [run, epoch, at] of writes)
      found.set(run, (found.get(run) ?? new Map<number, number>()).set(epoch, at * second));
    return found;
  };
  return { store: new MeasureStore(results, { lastWrites }), reads };
}

const backend = { name: 'wasm', version: '1', device: 'cpu', threads: 1 };
const pair = (
  epoch: number | null,
  [first, second_]: [number, number],
  middle: number,
  more: object = {},
) => ({
  ...{ model1_index: 1, model2_index: 2, epoch, checkpoint_path_1: '/m1', checkpoint_path_2: '/m2' },
  ...{ lambdas: [0, 0.5, 1], test_loss: [0.5, 1.5, 0.5], test_accuracy: [first, middle, second_] },
  ...{ distance: 1, normalized_distance: 1, num_params: 4, align: 'none', ...more },
});
const interpolation = (pairs: object[]) => ({ pairs, warnings: [], backend, split_sizes: { test: 10 } });

const training = (accuracy: number[], epochs: number) => ({
  ...{
    run_directory: '/a',
    family: 'standard',
    sigma_f: [0],
    num_fixed: [0],
    models: accuracy.length,
    epochs,
  },
  ...{ data: { name: 'mnist', origin: '', sha256: {} }, parameters: 4 },
  seeds: { seed: 1, init_seed: [1], optimization_seed: [1], mask_seed: 1 },
  ...{ train_loss: null, val_loss: null, val_accuracy: null, test_loss: [1], test_accuracy: accuracy },
  ...{ seconds: 1, ms_per_model_step: null, resumed_from: null, backend },
  execution: { way: 'eager', reason: 'few steps', steps_per_call: 1 },
});

describe('measures of runs', () => {
  it('are those of the newest interpolation, aligned and not, at its last epoch', async () => {
    const { store } = storeOf([
      { id: 'old', kind: 'interpolate', at: 1, data: interpolation([pair(10, [90, 90], 10)]) },
      {
        ...{ id: 'new', kind: 'interpolate', at: 3 },
        data: interpolation([
          pair(0, [10, 10], 10),
          pair(10, [90, 94], 72),
          pair(10, [90, 90], 80, { checkpoint_path_2: '/m3', model2_index: 3 }),
        ]),
      },
      {
        ...{ id: 'anti', kind: 'interpolate', at: 4 },
        data: interpolation([pair(10, [90, 94], 1, { align: 'activation', mode: 'reference-lmc-script' })]),
      },
      {
        ...{ id: 'aligned', kind: 'interpolate', at: 2 },
        data: interpolation([pair(10, [90, 94], 91, { align: 'weight', test_loss: [0.5, 0.75, 0.5] })]),
      },
    ]);
    const [found] = await store.list();
    expect(found).toMatchObject({
      runId: 'a',
      unaligned: {
        ...{ resultId: 'new', epoch: 10, split: 'test', align: 'none', filesNewer: false, imported: false },
        barrier: { mean: 1, std: 0, n: 2, missing: 0 },
        // 92 - 72 and 90 - 80.
        drop: { mean: 15, n: 2, missing: 0 },
      },
      aligned: { resultId: 'aligned', align: 'weight', barrier: { mean: 0.25, std: null, n: 1 } },
      // Each model once: 90, 94 and 90.
      test: { source: 'interpolation', resultId: 'new', accuracy: { n: 3 } },
    });
    expect(found!.test!.accuracy.mean).toBeCloseTo(274 / 3, 10);
    expect(found!.unaligned!.drop!.std).toBeCloseTo(Math.sqrt(50), 10);
  });

  it('take the test accuracy from training, if there was one', async () => {
    const { store } = storeOf([
      { id: 'trained', kind: 'train', at: 1, data: training([80, 90], 10) },
      { id: 'curve', kind: 'interpolate', at: 2, data: interpolation([pair(0, [10, 10], 10)]) },
    ]);
    const [found] = await store.list();
    expect(found!.test).toMatchObject({ source: 'training', epoch: 10, accuracy: { mean: 85, n: 2 } });
    expect(found!.unaligned).toMatchObject({ epoch: 0 });
  });

  it('say if checkpoints of that epoch were written later, and count what has no number', async () => {
    const broken = pair(10, [90, 90], 80, { checkpoint_path_2: '/m3', test_accuracy: [90, null, 90] });
    const { store } = storeOf(
      [{ id: 'r', kind: 'interpolate', at: 10, data: interpolation([pair(10, [90, 90], 80), broken]) }],
      [
        ['a', 0, 1],
        ['a', 10, 20],
      ],
    );
    const [found] = await store.list();
    expect(found!.unaligned).toMatchObject({ filesNewer: true, drop: { mean: 10, n: 1, missing: 1 } });
  });

  it('leave out results of several runs, and read each result once', async () => {
    const data = interpolation([pair(10, [90, 90], 80)]);
    const { store, reads } = storeOf([
      { id: 'both', kind: 'interpolate', at: 2, runIds: ['a', 'b'], data },
      { id: 'b', kind: 'interpolate', at: 1, runIds: ['b'], data },
      { id: 'damaged', kind: 'train', at: 1, runIds: ['c'], data: { nothing: true } },
    ]);
    expect((await store.list()).map(({ runId }) => runId)).toEqual(['b']);
    await store.list();
    expect(reads.toSorted()).toEqual(['b', 'damaged']);
  });
});
