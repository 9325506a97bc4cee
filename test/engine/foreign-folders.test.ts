/** Run folders as other programs leave them, through the engine: found once, measured alike, followed, exported, moved. */
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src-main/engine/index.ts';
import { loadCheckpoints } from '../../src-main/compute/load-models.ts';
import { loadAnalysisData } from '../../src-main/compute/analysis-data.ts';
import { inputFiles } from '../../src-main/engine/inputs.ts';
import { importJob } from '../../src-shared/jobs/import.ts';
import { fixturePath, fixtureRun } from '../support/fixtures.ts';
import { makeCheckpoint, makeRun } from './support/make-runs.ts';
import { newFolder, runJob, testEngine } from './support/workspace.ts';

async function importInto(engine: Engine, ...paths: string[]) {
  const job = await runJob(engine, 'import', { paths });
  expect(job.error).toBeNull();
  return importJob.result.parse((await engine.call('results.get', { resultId: job.resultId! })).data);
}

const rowsOf = (engine: Engine) => engine.call('runs.list', {});
const checkpoints = [1, 2].map((model) => `checkpoint_epoch_5_model_${model}.pt`);
const config = readFileSync(join(fixtureRun('sym0'), 'config.yaml'), 'utf8')
  .replace('name: mnist', 'name: mnist-10k')
  .replace('./data', 'null');

/** A run of real weights; `change` rewrites its config. */
function realRun(
  folder: string,
  change: (text: string) => string | Uint8Array = (text) => text,
  places = { config: 'config.yaml', checkpoints: '.' },
): string {
  const path = join(folder, places.config);
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(join(folder, places.checkpoints), { recursive: true });
  writeFileSync(path, change(config));
  for (const name of checkpoints)
    cpSync(fixturePath(`runs/sym0/${name}`), join(folder, places.checkpoints, name));
  return folder;
}

const weightsOf = (run: string) => loadCheckpoints({ run, epoch: 5 }).map(({ acting }) => acting);

describe('folders of Hydra and others', () => {
  it.each([
    ['config.yml', { config: 'config.yml', checkpoints: '.' }],
    ['.hydra/config.yaml', { config: '.hydra/config.yaml', checkpoints: '.' }],
    ['checkpoints/', { config: 'config.yaml', checkpoints: 'checkpoints' }],
    ['.hydra/config.yaml and checkpoints/', { config: '.hydra/config.yaml', checkpoints: 'checkpoints' }],
  ])('%s: imported once, measured, hashed, moved and exported', async (_what, places) => {
    const parent = newFolder();
    const run = realRun(join(parent, 'run'), undefined, places);
    const engine = await testEngine();
    expect(await importInto(engine, parent)).toMatchObject({
      runs: 1,
      checkpoints: 2,
      broken: [],
      changes: { added: 1 },
    });
    expect(
      (await importInto(engine, join(run, places.checkpoints), join(run, places.config))).changes,
    ).toMatchObject({ added: 0, unchanged: 1 });
    const [row] = await rowsOf(engine);
    expect(row).toMatchObject({
      path: run,
      state: 'ready',
      family: 'standard',
      dataset: 'mnist-10k',
      models: 2,
      problems: [],
    });
    const detail = async () => (await engine.call('runs.get', { runId: row!.id })).checkpointRows;
    expect((await detail()).map(({ path }) => path)).toEqual(
      checkpoints.map((name) => join(run, places.checkpoints, name)),
    );
    await expect.poll(async () => (await detail()).every(({ sha256 }) => sha256 !== null)).toBe(true);

    expect(weightsOf(run)).toEqual(weightsOf(realRun(join(newFolder(), 'plain'))));
    const file = join(run, places.checkpoints, checkpoints[0]!);
    expect(loadCheckpoints({ checkpoints: [file] })[0]!.run.directory).toBe(run);
    const configPath = join(run, places.config);
    expect(await inputFiles({ run, epoch: 5, models: [1] })).toEqual([file, configPath].toSorted());
    expect(await inputFiles({ checkpoints: [file] })).toEqual([file, configPath].toSorted());

    const moved = join(parent, 'moved');
    renameSync(run, moved);
    await rowsOf(engine);
    const relocated = await engine.call('runs.relocate', { runId: row!.id, path: ` "${moved}" ` });
    expect(relocated).toMatchObject({ path: moved, state: 'ready' });
  });

  it('two jobs of a multirun with a config at both places are two runs, config.yaml first', async () => {
    const parent = newFolder();
    for (const job of ['0', '1']) {
      const run = makeRun(parent, { name: job, symmetry: 1 });
      mkdirSync(join(run, '.hydra'));
      writeFileSync(join(run, '.hydra/config.yaml'), 'model: {}\n');
    }
    const engine = await testEngine();
    expect(await importInto(engine, parent)).toMatchObject({ runs: 2, broken: [], passedOver: [] });
    expect((await rowsOf(engine)).map(({ family }) => family)).toEqual(['w-asymmetric', 'w-asymmetric']);
  });

  it('a run under a link and again under its real path is one', async () => {
    const parent = newFolder();
    const run = makeRun(join(parent, 'gpfs/lab'), { name: 'a' });
    symlinkSync(join(parent, 'gpfs/lab'), join(parent, 'home'));
    const engine = await testEngine();
    await importInto(engine, join(parent, 'home/a'));
    expect((await importInto(engine, run)).changes).toMatchObject({ added: 0, unchanged: 1 });
    await importInto(engine, parent);
    expect((await rowsOf(engine)).map(({ path }) => path)).toEqual([run]);
  });

  it('configs of trackers are other files, and a run that has only begun is kept', async () => {
    const parent = newFolder();
    makeRun(parent, { name: 'outputs/run1' });
    const begun = makeRun(parent, { name: 'outputs/begun', epochs: [] });
    for (const [name, text] of Object.entries({
      'wandb/run-1/files':
        'wandb_version: 1\nmodel:\n  desc: null\n  value: {name: mlp_mnist, input_dim: 4, output_dim: 2}\n',
      'lightning_logs/version_0': 'trainer: {max_epochs: 5}\n',
      configs: 'defaults:\n  - model: mlp\n',
    })) {
      mkdirSync(join(parent, name), { recursive: true });
      writeFileSync(join(parent, name, 'config.yaml'), text);
    }
    const engine = await testEngine();
    const result = await importInto(engine, parent);
    expect(result.passedOver.map(({ path }) => path).toSorted()).toEqual(
      ['configs', 'lightning_logs/version_0', 'wandb/run-1/files'].map((name) =>
        join(parent, name, 'config.yaml'),
      ),
    );
    expect(result.broken.map(({ path }) => path)).toEqual([begun]);
    const names = async () =>
      (await rowsOf(engine)).map((row) => `${basename(row.path)} ${row.state}`).toSorted();
    expect(await names()).toEqual(['begun broken', 'run1 ready']);
    makeCheckpoint(begun, 0, 1);
    expect((await importInto(engine, parent)).changes).toMatchObject({ added: 0, updated: 1 });
    expect(await names()).toEqual(['begun ready', 'run1 ready']);
  });
});

describe('configs that can be read only in part', () => {
  const replaced = (from: RegExp | string, to: string) => (text: string) => {
    expect(text).toMatch(from);
    return text.replace(from, to);
  };
  const prefixed = (before: string, change: (text: string) => string) => (text: string) =>
    `${before}${change(text)}`;
  const encoded = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');

  /** What becomes of each: nothing to say, a remark, or what blocks it. */
  const cases: Record<
    string,
    [change: (text: string) => string | Uint8Array, remark?: RegExp | undefined, blocked?: RegExp]
  > = {
    needed: [prefixed('width: 64\n', replaced('hidden_dim: 64', 'hidden_dim: ${width}'))],
    'needed-nested': [
      prefixed('names: {n: classes}\nclasses: 10\n', replaced('output_dim: 10', 'output_dim: ${${names.n}}')),
    ],
    'needed-unknown': [
      replaced('hidden_dim: 64', 'hidden_dim: ${width}'),
      undefined,
      /model\.hidden_dim is "\$\{width\}": it refers to "width"/,
    ],
    'needed-computed': [
      replaced('num_layers: 4', 'num_layers: ${eval:"2*2"}'),
      undefined,
      /model\.num_layers is .*only the program/,
    ],
    'not-needed': [
      replaced('batch_size: 64', 'batch_size: ${oc.env:BATCH,64}'),
      /dataset\.batch_size is \$\{oc\.env:BATCH,64\}: its default is used/,
    ],
    'not-resolved': [
      replaced('batch_size: 64', 'batch_size: ${oc.env:BATCH}'),
      /dataset\.batch_size is .*No analysis needs it/,
    ],
    epochs: [
      replaced('num_epochs: 5', 'num_epochs: ${eval:"5*1"}'),
      /training\.num_epochs is .*No analysis needs it/,
    ],
    'missing-value': [
      replaced('lr: 0.001', 'lr: ???'),
      /optimizer\.lr is "\?\?\?": it was never filled in\. No analysis needs it/,
    ],
    'lr-as-text': [replaced('lr: 0.001', "lr: '1e-3'\n  betas: !!python/tuple\n  - 0.9\n  - 0.999")],
    'lr-list': [replaced('lr: 0.001', "lr: 0.001\n  betas: '(0.9, 0.999)'")],
    'lr-nonsense': [replaced('lr: 0.001', 'lr: fast'), /optimizer\.lr is "fast".*No analysis needs it/],
    'norm-None': [replaced('norm: layer', 'norm: None')],
    'bool-text': [replaced('elementwise_affine: true', 'elementwise_affine: "True"')],
    'act-class': [replaced(/activation: .*/, 'activation: {_target_: torch.nn.GELU}')],
    'act-upper': [replaced(/activation: .*/, 'activation: GELU')],
    'widths-list': [replaced('hidden_dim: 64', 'hidden_dim: [64, 64, 64]')],
    'widths-differ': [
      replaced('hidden_dim: 64', 'hidden_dim: [64, 32, 64]'),
      undefined,
      /model\.hidden_dim is \[64,32,64\]: one width is expected/,
    ],
    'no-data': [
      replaced('name: mnist-10k', 'name: ${data.name}'),
      /dataset\.name is .*Name the data with each analysis/,
    ],
    bom: [(text) => `\uFEFF${text}`],
    crlf: [(text) => text.replaceAll('\n', '\r\n')],
    utf16: [encoded],
    tabs: [
      replaced('  name: mlp', '\tname: mlp'),
      undefined,
      /Tabs are not allowed as indentation at line \d+/,
    ],
  };

  it('are imported with what is wrong said once, and measured alike if they mean the same', async () => {
    const parent = newFolder();
    for (const [name, [change]] of Object.entries(cases)) realRun(join(parent, name), change);
    const engine = await testEngine();
    const result = await importInto(engine, parent);
    const rows = new Map((await rowsOf(engine)).map((row) => [row.name, row]));
    const expected = weightsOf(
      realRun(join(newFolder(), 'plain'), replaced(/activation: .*/, 'activation: gelu')),
    );
    const asWritten = weightsOf(realRun(join(newFolder(), 'as-written')));
    for (const [name, [, remark, blocked]] of Object.entries(cases)) {
      const folder = join(parent, name);
      const remarks = result.remarks.filter(({ path }) => path === folder).map(({ reason }) => reason);
      const broken = result.broken.filter(({ path }) => path === folder).map(({ reason }) => reason);
      expect([name, remarks.length, broken.length]).toEqual([name, remark ? 1 : 0, blocked ? 1 : 0]);
      if (remark) expect(remarks[0]).toMatch(remark);
      expect([name, rows.get(name)?.state]).toEqual([name, blocked ? 'broken' : 'ready']);
      if (blocked) {
        expect(broken[0]).toMatch(blocked);
        expect(() => weightsOf(folder)).toThrow(blocked);
      } else if (name === 'norm-None') {
        // Understood as no norm, which these weights contradict.
        expect(() => weightsOf(folder)).toThrow(/norms\.0\.weight.*norm none/);
      } else {
        expect(rows.get(name)).toMatchObject({ family: 'standard', sigmaF: null });
        expect(weightsOf(folder)).toEqual(name.startsWith('act-') ? expected : asWritten);
      }
    }
  });

  it('of no network that can be built are broken, and say so; other networks keep their names', async () => {
    const parent = newFolder();
    realRun(join(parent, 'no-model'), () => 'dataset: {name: mnist}\n');
    realRun(join(parent, 'no-size'), replaced(/ {2}output_dim: 10\n/, ''));
    realRun(join(parent, 'vit'), () => 'model: {name: vit_tiny}\n');
    const engine = await testEngine();
    const { broken } = await importInto(engine, parent);
    expect(broken.map(({ reason }) => reason.slice(reason.indexOf(': ') + 2))).toEqual([
      'there is no section "model".',
      'model.output_dim is missing; it is needed to build the model.',
    ]);
    const rows = await rowsOf(engine);
    expect(
      rows.map(({ name, state, architecture }) => `${name} ${state} ${architecture}`).toSorted(),
    ).toEqual(['no-model broken unknown', 'no-size broken mlp', 'vit ready vit']);
  });

  it('let an analysis name the data that the config does not', async () => {
    const run = realRun(join(newFolder(), 'run'), replaced('name: mnist-10k', 'name: ${data.name}'));
    const [model] = loadCheckpoints({ run, epoch: 5 });
    await expect(loadAnalysisData(model!.run, {}, ['test'])).rejects.toThrow(
      'dataset.name is "${data.name}"',
    );
    const data = await loadAnalysisData(model!.run, { name: 'mnist-10k' }, ['test']);
    expect(data.splits.get('test')!.count).toBe(2000);
  });

  it('leave nothing behind once they are mended', async () => {
    const parent = newFolder();
    const run = realRun(join(parent, 'run'), replaced('hidden_dim: 64', 'hidden_dim: ${width}'));
    const engine = await testEngine();
    await importInto(engine, parent);
    writeFileSync(join(run, 'config.yaml'), config);
    expect((await importInto(engine, parent)).broken).toEqual([]);
    expect(await rowsOf(engine)).toMatchObject([{ state: 'ready', problems: [], family: 'standard' }]);
    rmSync(join(run, 'config.yaml'));
  });
});
