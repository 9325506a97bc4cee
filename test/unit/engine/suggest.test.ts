/** Suggested groups: what differs in seeds alone, under names that people use. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { GroupSuggestion } from '../../../src-shared/api.ts';
import { GroupStore } from '../../../src-main/engine/catalog/groups.ts';
import { RunStore } from '../../../src-main/engine/catalog/runs.ts';
import { suggestGroups } from '../../../src-main/engine/catalog/suggest.ts';
import { openDatabase } from '../../../src-main/engine/store/database.ts';
import { foundRun, temporaryFolder } from './support.ts';

const db = openDatabase(`${temporaryFolder()}/basin.db`);
db.pragma('synchronous = OFF');
const runs = new RunStore(db);
const groups = new GroupStore(db);
afterAll(() => db.close());
beforeEach(() => {
  db.exec('DELETE FROM groups; DELETE FROM runs');
});

type Made = Parameters<typeof foundRun>[1];

function take(path: string, options: Made = {}, more: Record<string, unknown> = {}): string {
  const found = foundRun(path, options);
  return runs.take({ ...found, config: { ...found.config, ...more } }, 'imported').id;
}

const suggest = (): GroupSuggestion[] =>
  suggestGroups(runs.list(), groups.state().groups, ({ id }) => runs.stored(id).config);
const proposed = () => Object.fromEntries(suggest().map(({ key, runIds }) => [key, runIds]));

function accept(suggestions = suggest()): void {
  const made = suggestions.map(({ architecture, key, runIds }) => ({
    architecture,
    key,
    members: runIds.map((runId) => ({ runId })),
  }));
  groups.edit({ type: 'create-many', groups: made });
}

describe('suggested groups', () => {
  it('are named by family and sigma_F', () => {
    const standard = take('/s/standard');
    const half = take('/s/half', { sigmaF: 0.5 });
    const zero = take('/s/zero', { sigmaF: 0 });
    const [one, oneMore] = [take('/s/one', { sigmaF: 1 }), take('/s/one-more', { sigmaF: 1 })];
    expect(proposed()).toEqual({
      standard: [standard],
      'W-asymmetric, sigma_F 0': [zero],
      'W-asymmetric, sigma_F 0.5': [half],
      'W-asymmetric, sigma_F 1': [one, oneMore].toSorted(),
    });
  });

  it('keep runs apart that differ in anything but seeds', () => {
    const rates = [1e-4, 1e-3, 1e-2];
    for (const lr of rates)
      for (const seed of [1, 2]) take(`/s/${lr}-${seed}`, {}, { seed, optimizer: { name: 'adamw', lr } });
    const counted = suggest().map(({ key, runIds }) => [key, runIds.length]);
    expect(Object.fromEntries(counted)).toEqual({
      'standard, lr 0.0001': 2,
      'standard, lr 0.001': 2,
      'standard, lr 0.01': 2,
    });
    db.exec('DELETE FROM runs');
    take('/s/a', { sigmaF: 1, norm: 'batch' });
    take('/s/b', { sigmaF: 1, norm: null });
    take('/s/c', { sigmaF: 1 }, { my_own: { dropout: 0.5 } });
    take('/s/d', { sigmaF: 1, width: 32 });
    take('/s/e', { sigmaF: 1 });
    expect(suggest()).toHaveLength(5);
    expect(new Set(suggest().map(({ key }) => key)).size).toBe(5);
  });

  it('look past seeds, names, places, devices and what is recorded', () => {
    const [one, two] = [
      take('/s/1', {}, { seed: 1, init_seed: [1, 2], device: 'cpu', experiment_name: 'a', output_dir: 'x' }),
      take('/s/2', {}, { seed: null, mask_seed: 3, device: 'cuda', logging: { use_wandb: true } }),
    ];
    expect(proposed()).toEqual({ standard: [one, two].toSorted() });
  });

  it('take a default that is written down for the same as one that is not', () => {
    const found = foundRun('/s/x', { sigmaF: 1 });
    const model = found.config!['model'] as Record<string, unknown>;
    const layers = Object.fromEntries(
      [0, 1, 2].map((i) => [`linear_mask_params_${i}`, { mask_constant: 1, num_fixed: 2 }]),
    );
    const ids = [
      take('/s/1', { sigmaF: 1 }),
      take('/s/2', { sigmaF: 1 }, { model: { ...model, mask_params: layers, activation: 'gelu' } }),
      take('/s/3', { sigmaF: 1 }, { dataset: { name: 'mnist', batch_size: 64, val_split: 0.1 } }),
    ];
    expect(Object.values(proposed())).toEqual([ids.toSorted()]);
  });

  it('know that another seed of made data is another task', () => {
    for (const seed of [1, 2])
      take(`/s/${seed}`, {}, { dataset: { name: 'own', parity: { projection_seed: seed } } });
    expect(suggest()).toHaveLength(2);
  });

  it('leave out what is in any group, and add to the group that has the same settings', () => {
    const [one, two] = [take('/s/1', {}, { seed: 1 }), take('/s/2', {}, { seed: 2 })];
    groups.edit({ type: 'create', architecture: 'mlp', key: 'mine', members: [{ runId: one }] });
    expect(proposed()).toEqual({ mine: [two] });
    accept();
    expect(suggest()).toEqual([]);
    expect(groups.state().groups.map(({ members }) => members.length)).toEqual([2]);
    take('/s/3', { sigmaF: 1 });
    accept();
    expect(suggest()).toEqual([]);
  });

  it('never take the name of a group that is there', () => {
    const other = take('/s/1', { sigmaF: 1 });
    groups.edit({ type: 'create', architecture: 'mlp', key: 'standard', members: [{ runId: other }] });
    const own = take('/s/2');
    expect(proposed()).toEqual({ 'standard (2)': [own] });
  });
});
