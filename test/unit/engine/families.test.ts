/** Families of `model.family` in the form for training and in the catalog: every number of what is fixed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../../../src-main/engine/catalog/settings.ts';
import { suggestGroups } from '../../../src-main/engine/catalog/suggest.ts';
import { summarise } from '../../../src-main/engine/catalog/summary.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import type { StepTimes } from '../../../src-main/engine/step-times.ts';
import { preview } from '../../../src-main/engine/train-form.ts';
import { loadTrainingConfig } from '../../../src-main/formats/presets.ts';
import { writeSafetensors } from '../../../src-main/formats/safetensors.ts';
import { fieldsOf, valuesOf } from '../../../src-renderer/training/fields.ts';
import { resnetNorms } from '../../../src-shared/config.ts';
import { foundRun } from './support.ts';

const root = mkdtempSync(join(tmpdir(), 'basin-family-form-'));
const db = openDatabase(join(root, 'basin.db'));
afterAll(() => {
  db.close();
  rmSync(root, { recursive: true, force: true });
});
const file = join(root, 'f.safetensors');
writeSafetensors(
  file,
  new Map([
    ['lins.1.weight.D', { dtype: 'float32', shape: [64, 64], data: new Float32Array(4096).fill(1, 100) }],
    ['lins.1.weight.F', { dtype: 'float32', shape: [64, 64], data: new Float32Array(4096).fill(2, 90, 110) }],
  ]),
);

/** No data set was added. */
const home = join(tmpdir(), 'basin-no-such-data');
const times = { estimate: () => null } as unknown as StepTimes;
const form = (family: string, preset = 'standard-small', more: string[] = []) =>
  preview(loadTrainingConfig(preset) as Record<string, unknown>, [`model.family=${family}`, ...more], {
    stepTimes: times,
    home,
  });
/** Weights, biases and norms of 784-64-64-64-10. */
const all = 784 * 64 + 64 + 2 * (64 * 64 + 64) + 64 * 10 + 10 + 3 * 128;

describe('the form for training', () => {
  it.each([
    [
      '{name: linear-residual, alpha: 2}',
      all,
      128,
      [],
      [],
      /F = 2 I on lins\.1, lins\.2; lins\.0, lins\.3 are plain/,
    ],
    [
      '{name: sparse, share: 0.25}',
      all - 64 * (196 + 16 + 16) - 160,
      64 * 228 + 160,
      [],
      [196, 16, 16, 16],
      /share 0\.25/,
    ],
    ['{name: bias-only, sigma_f: 2}', all, 202, [2, 2, 2, 2], [], /sigma_F 2, on the biases only/],
    // 100 zeros of D, and 10 entries of F behind them.
    [`{name: given, file: ${file}}`, all - 100, 110, [], [], /F and D of lins\.1\.weight \(110 entries\)/],
  ])('shows %s as it will be trained', (family, parameters, fixedParameters, sigmaF, numFixed, text) => {
    const shown = form(family);
    expect(shown).toMatchObject({ problems: [], parameters, fixedParameters, sigmaF, numFixed });
    expect(shown.summary).toMatch(text);
  });

  it('counts the families of the reference as before', () => {
    const counted = (preset: string) => {
      const { parameters, fixedParameters } = preview(
        loadTrainingConfig(preset) as Record<string, unknown>,
        [],
        { stepTimes: times, home },
      );
      return [parameters, fixedParameters];
    };
    expect(counted('standard-small')).toEqual([all, 0]);
    const fixed = 64 * 3 * 16 + 10 * 32;
    expect(counted('w-asymmetric-small')).toEqual([all - fixed, fixed]);
    expect(counted('syre-small')).toEqual([all, 784 * 64 + 2 * 4096 + 640]);
    expect(counted('sigma-asymmetric-small')).toEqual([all, 3 * 4096]);
  });

  it('says what is wrong with a family, and never throws', () => {
    expect(form('{name: given, file: /nowhere.npz}').problems.join()).toMatch(
      /\/nowhere\.npz: there is no such file/,
    );
    expect(form('{name: sparse, share: 0.5}', 'syre-small').problems.join()).toMatch(
      /a network is of one family/,
    );
  });

  it('offers a family on standard networks, and the settings of the one that is chosen', () => {
    const offered = (preset: string, overrides: string[] = []) => {
      const values = valuesOf(loadTrainingConfig(preset, overrides) as Record<string, unknown>);
      const paths = fieldsOf(values, values, {}).map(({ path }) => path);
      return paths.filter((path) => path.startsWith('model.family'));
    };
    expect(offered('standard-small')).toEqual(['model.family.name']);
    expect(offered('syre-small')).toEqual([]);
    expect(offered('standard-small', ['model.family={name: sparse, share: 0.5}'])).toEqual([
      'model.family.name',
      'model.family.share',
    ]);
  });

  it('offers a ResNet its own norms and no other fixed part', () => {
    const values = valuesOf(loadTrainingConfig('resnet-small') as Record<string, unknown>);
    const fields = fieldsOf(values, values, {});
    expect(fields.filter(({ path }) => path.startsWith('model.family'))).toEqual([]);
    expect(fields.find(({ path }) => path === 'model.norm')?.options).toEqual([...resnetNorms]);
  });

  it('offers a graph network what it has, and counts one step per epoch', () => {
    const config = loadTrainingConfig('gnn-w-asymmetric-small') as Record<string, unknown>;
    const values = valuesOf(config);
    const fields = fieldsOf(values, values, {});
    const paths = fields.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['model.hidden_channels', 'sigma_f', 'num_fixed']));
    expect(paths).not.toContain('dataset.batch_size');
    expect(paths.filter((path) => path.startsWith('model.family'))).toEqual([]);
    expect(fields.find(({ path }) => path === 'model.num_layers')?.label).toBe('Layers over neighbours');
    const shown = preview(config, ['sigma_f=0.7', 'num_fixed=4'], { stepTimes: times, home });
    expect(shown).toMatchObject({
      ...{ problems: [], notes: [], steps: 60, seconds: null },
      ...{ sigmaF: [0.7, 0.7, 0.7], numFixed: [4, 4, 4] },
    });
    expect(shown.summary).toContain('graph network 16-32-32-5');
  });
});

describe('the catalog', () => {
  const config = (family: Record<string, unknown>) => ({
    ...(loadTrainingConfig('standard-small') as Record<string, unknown>),
    model: { ...loadTrainingConfig('standard-small').model, family },
  });
  const families = [
    { name: 'linear-residual', alpha: 1 },
    { name: 'linear-residual', alpha: 2 },
    { name: 'sparse', share: 0.5 },
    { name: 'bias-only', sigma_f: 0.5 },
  ];

  it('has the family, and sigma_F where there is one', () => {
    const of = families.map((family) => summarise(config(family)));
    expect(of.map(({ family, sigmaF }) => [family, sigmaF])).toEqual([
      ['linear-residual', null],
      ['linear-residual', null],
      ['sparse', null],
      ['bias-only', 0.5],
    ]);
    // What a config says of a file that nobody recorded is still a family.
    expect(summarise(config({ name: 'given', file: '/x.npz' }))).toMatchObject({
      family: 'given',
      sigmaF: null,
    });
    expect(settingsOf(config(families[2]!))).toMatchObject({
      'model.share': 0.5,
      'model.num_fixed': '392/32/32/32',
    });
  });

  it('proposes groups by family and its setting', () => {
    const runs = new RunStore(db);
    for (const [i, family] of families.entries()) {
      const found = foundRun(`/f/${i}`, {});
      runs.take({ ...found, config: config(family) }, 'imported');
    }
    const keys = suggestGroups(runs.list(), [], ({ id }) => runs.stored(id).config).map(({ key }) => key);
    expect(keys.toSorted()).toEqual([
      'bias-only, sigma_F 0.5',
      'linear residual, alpha 1',
      'linear residual, alpha 2',
      'sparse, share 0.5',
    ]);
  });
});
