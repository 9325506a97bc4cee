/** Imported curves are shown as what they are: they say where they come from, and never stand for a measurement. */
import { describe, expect, it } from 'vitest';
import { groupsOfImported, importedFrom } from '../../src-renderer/interpolation/imported.ts';
import { interpolateJob } from '../../src-shared/jobs/interpolate.ts';
import { provenanceSchema } from '../../src-shared/provenance.ts';
import { writeLmcResults, writeRunWithCurves } from '../support/published-results.ts';
import { importInto, open } from './support/exchange.ts';
import { newFolder } from './support/workspace.ts';

async function curvesOf(engine: Awaited<ReturnType<typeof open>>) {
  const rows = await engine.call('results.list', { kind: 'interpolate' });
  return Promise.all(
    rows.map(async (row) => {
      const { params, data, provenance } = await engine.call('results.get', { resultId: row.id });
      return {
        row,
        params,
        data: interpolateJob.result.parse(data),
        provenance: provenanceSchema.parse(provenance),
      };
    }),
  );
}

describe('curves that an import brought', () => {
  it('of a run in the catalog name it, but are no results of its files: nobody knows what they were made from', async () => {
    const folder = newFolder();
    writeRunWithCurves(folder);
    const engine = await open();
    const { recognised } = await importInto(engine, folder);
    expect(recognised.map(({ results }) => results)).toEqual([1]);
    const [run] = await engine.call('runs.list', {});
    const [found] = await curvesOf(engine);
    const asked = {
      ...{ run: run!.path, epoch: run!.epochs.at(-1), steps: 8, splits: ['test'], align: 'none' },
      midpoint: true,
    };
    expect(interpolateJob.params.parse(found!.params)).toMatchObject({
      run: run!.path,
      epoch: 5,
      align: 'none',
    });
    expect(
      await engine.call('results.current', { questions: [{ kind: 'interpolate', params: asked }] }),
    ).toEqual([{ resultId: null, outdated: false }]);
    const { row } = found!;
    expect((await engine.call('results.standing', { resultIds: [row.id] }))[row.id]).toMatchObject({
      state: 'unchecked',
    });
    expect(found!.row).toMatchObject({ origin: 'imported', runIds: [run!.id] });
    expect(found!.provenance.runs).toMatchObject([{ id: run!.id, path: run!.path }]);
    expect(found!.provenance.backend).toMatch(/^imported from .*interpolation_results\.pt$/);
    const pairs = 'pairs' in found!.data ? found!.data.pairs : [];
    expect(pairs).toHaveLength(6);
    expect(pairs[5]).toMatchObject({ model1_index: 3, model2_index: 4, epoch: 5 });
    expect(pairs[5]!.checkpoint_path_2).toMatch(/checkpoint_epoch_5_model_4\.pt$/);
  });

  it('of runs that are elsewhere become groups of their own, by run and file', async () => {
    const folder = newFolder();
    const path = writeLmcResults(folder);
    const engine = await open();
    await importInto(engine, folder);
    const found = await curvesOf(engine);
    expect(found.map(({ data }) => ('pairs' in data ? data.pairs.length : 1))).toEqual([2, 2, 2, 2]);
    const groups = groupsOfImported(
      found.map(({ params, row, provenance }) => importedFrom(params, row.title, provenance)),
    );
    expect(groups.map(({ key }) => key).toSorted()).toEqual([
      'mlp_sym0 (imported)',
      'mlp_sym1_kappa1 (imported)',
    ]);
    expect(new Set(groups.map(({ notes }) => notes))).toEqual(new Set([`imported from ${path}`]));
    // Two pairs of four models are no result of a question about all pairs of a run.
    for (const { params } of found)
      expect(params).toMatchObject({
        pairs: [
          [1, 2],
          [3, 4],
        ],
        epoch: 5,
        steps: 8,
      });
  });
});
