/** Own data from the command line to the engine: added, trained on, measured, changed, and missing elsewhere. */
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { encodeNpy } from '../../src-main/formats/npy.ts';
import { openEngine } from '../../src-main/engine/index.ts';
import { basin, basinJson } from '../support/cli.ts';
import { newFolder } from './support/workspace.ts';

/** Three classes that a line tells apart, of `count` rows of 6 numbers. */
function write(folder: string, count = 240): { inputs: string; labels: string } {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const data = Float32Array.from({ length: count * 6 }, (_, i) =>
    (i % 6) % 3 === labels[Math.floor(i / 6)] ? 2 : Math.sin(i),
  );
  const [inputs, classes] = [join(folder, 'x.npy'), join(folder, 'y.npy')];
  writeFileSync(inputs, encodeNpy({ dtype: 'float32', shape: [count, 6], data }));
  writeFileSync(classes, encodeNpy({ dtype: 'int32', shape: [count], data: labels }));
  return { inputs, labels: classes };
}

interface Trained {
  run_directory: string;
  test_accuracy: number[];
  data: { name: string; origin: string };
}

interface Measured {
  pairs: Record<string, unknown>[];
}

const withoutPaths = ({ pairs }: Measured): unknown[] =>
  pairs.map((pair) => Object.fromEntries(Object.entries(pair).filter(([key]) => !key.includes('path'))));

describe('own data', () => {
  it(
    'is added, trained on and interpolated; another machine says what is missing',
    { timeout: 240_000 },
    async () => {
      const folder = newFolder();
      const workspace = join(folder, 'workspace');
      const here = ['--workspace', workspace];
      const { inputs, labels } = write(folder);
      const files = ['--inputs', inputs, '--labels', labels];
      const added = await basinJson<{ train: number; classes: number; contents: string }>([
        ...['data', 'add', 'toy', ...files, '--test-share', '0.25'],
        ...here,
      ]);
      expect(added).toMatchObject({ name: 'toy', train: 180, test: 60, features: 6, classes: 3 });
      const list = await basinJson<{ name: string; state: string; examples: string }[]>([
        'data',
        'list',
        ...here,
      ]);
      expect(list).toContainEqual(
        expect.objectContaining({
          name: 'toy',
          state: 'added',
          examples: '180 + 60 of 6 numbers, 3 classes',
        }),
      );
      const again = await basin(['data', 'add', 'toy', ...files, ...here]);
      expect([again.code, again.stderr]).toEqual([
        1,
        expect.stringContaining('there is a data set "toy" already'),
      ]);

      // The sizes of the preset's network follow from the data.
      const settings = ['training.num_epochs=6', 'model.hidden_dim=16', 'seed=3', 'num_models=3'];
      const trained = await basinJson<Trained>([
        'train',
        'standard-small',
        'dataset=toy',
        ...settings,
        ...here,
      ]);
      expect(Math.min(...trained.test_accuracy)).toBeGreaterThan(80);
      const { run_directory: run } = trained;
      const config = parse(readFileSync(join(run, 'config.yaml'), 'utf8')) as {
        dataset: Record<string, unknown>;
        model: Record<string, unknown>;
      };
      expect(config.dataset).toMatchObject({ name: 'toy', contents: added.contents.slice(0, 16) });
      expect(config.model).toMatchObject({ input_dim: 6, output_dim: 3 });

      const ask = ['run', 'interpolate', '--run', run, '--epoch', '6', '--steps', '2'];
      const measured = await basinJson<Measured>([...ask, ...here]);
      expect(measured.pairs).toHaveLength(3);

      // A workspace elsewhere, without the data and with them.
      const there = join(folder, 'elsewhere');
      cpSync(run, join(there, 'runs', 'moved'), { recursive: true });
      renameSync(join(workspace, 'data', 'toy'), join(folder, 'away'));
      const moved = [
        'run',
        'interpolate',
        '--run',
        join(there, 'runs', 'moved'),
        '--epoch',
        '6',
        '--steps',
        '2',
      ];
      const missing = await basin([...moved, '--workspace', there]);
      expect(missing.code).toBe(1);
      expect(missing.stderr).toMatch(/data set "toy" is unknown.*\n.*basin data add NAME --inputs FILE/s);
      await basinJson(['data', 'add', 'toy', ...files, '--test-share', '0.25', '--workspace', there]);
      const found = await basinJson<Measured>([...moved, '--workspace', there]);
      expect(withoutPaths(found)).toEqual(withoutPaths(measured));
      // Other data under the name are not the run's.
      await basinJson([
        'data',
        'add',
        'toy',
        ...files,
        '--test-share',
        '0.5',
        '--replace',
        '--workspace',
        there,
      ]);
      const other = await basin([...moved, '--workspace', there]);
      expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('than the run was trained on')]);

      // The run of this workspace still names the set.
      renameSync(join(folder, 'away'), join(workspace, 'data', 'toy'));
      const kept = await basin(['data', 'remove', 'toy', ...here]);
      expect([kept.code, kept.stderr]).toEqual([
        1,
        expect.stringMatching(/1 run names the data set toy.*--force/s),
      ]);
      const removed = await basinJson(['data', 'remove', 'toy', '--force', ...here]);
      expect(removed).toMatchObject({ name: 'toy', folder: join(workspace, 'data', 'toy') });
      expect(existsSync(join(workspace, 'data', 'toy'))).toBe(false);
    },
  );

  it('decides the result: changed data are asked about anew', { timeout: 120_000 }, async () => {
    const folder = newFolder();
    const engine = await openEngine({ workspace: folder, listen: false });
    try {
      const { inputs, labels } = write(folder);
      const files = { name: 'toy', inputs, labels };
      const wait = async (kind: string, params: unknown) => {
        const { id } = await engine.call('jobs.submit', { kind, params });
        const ended = await engine.wait(id);
        expect([ended.state, ended.error]).toEqual(['done', null]);
        return ended;
      };
      await wait('add-data', { ...files, testShare: 0.5 });
      const run = join(folder, 'runs', 'r');
      const presets = await engine.call('train.presets', {});
      const preset = presets.find(({ name }) => name === 'standard-small')!.config;
      const config = {
        ...preset,
        model: { ...(preset['model'] as object), input_dim: 6, output_dim: 3, hidden_dim: 8 },
        dataset: { name: 'toy', batch_size: 32, val_split: 0.1, data_dir: null },
        training: { ...(preset['training'] as object), num_epochs: 1 },
        ...{ num_models: 2, seed: 1 },
      };
      await wait('train', { run, config });
      const question = { run, epoch: 1, steps: 2, splits: ['test'], data: { name: 'toy' } };
      expect((await wait('interpolate', question)).cached).toBe(false);
      expect((await wait('interpolate', question)).cached).toBe(true);
      await wait('add-data', { ...files, testShare: 0.25, replace: true });
      const anew = await wait('interpolate', question);
      expect(anew.cached).toBe(false);
      const { data } = await engine.call('results.get', { resultId: anew.resultId! });
      expect(JSON.stringify(data)).toContain('The run was trained on toy');
      rmSync(join(folder, 'data', 'toy'), { recursive: true });
      const { id } = await engine.call('jobs.submit', {
        kind: 'interpolate',
        params: { ...question, steps: 4 },
      });
      expect((await engine.wait(id)).error).toMatch(/data set "toy" is unknown/);
    } finally {
      await engine.close();
    }
  });
});
