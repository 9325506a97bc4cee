/** A whole analysis as one zip: out of one workspace, into another. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { fixturePath, fixtureRun } from '../support/fixtures.ts';
import { importInto, only, open } from './support/exchange.ts';
import { newFolder, runJob } from './support/workspace.ts';

describe('an analysis as one zip', () => {
  it('comes back with numbers, matrices, seeds, figures', async () => {
    const engine = await open();
    const run = fixtureRun('sym1_kappa1');
    const params = {
      run,
      models: [1, 2],
      epoch: 5,
      withMatrices: true,
      matchingSeed: 11,
      data: { name: 'mnist-10k' },
    };
    const job = await runJob(engine, 'match-activations', params);
    expect(job.error).toBeNull();
    const resultId = job.resultId!;
    const recipe = {
      kind: 'histogram',
      data: { panels: [{ title: 'x', values: [1, 2, 2, 3] }] },
      options: {},
    };
    await engine.call('figures.save', { title: 'My figure', resultIds: [resultId], recipe });
    const { bytes, results, figures } = await engine.call('results.bundle', {});
    expect({ results, figures }).toEqual({ results: 1, figures: 1 });
    const entries = unzipSync(bytes);
    const names = Object.keys(entries).join('\n');
    expect(names).toMatch(/runs\/[^\n]*sym1_kappa1\/config\.yaml/);
    expect(names).toContain(`results/${resultId}/matrices/`);
    const manifest = JSON.parse(Buffer.from(entries['analysis.json']!).toString()) as { versions: object };
    expect(manifest.versions).toMatchObject({ basin: expect.any(String), node: process.version });
    const path = join(newFolder(), 'analysis.zip');
    writeFileSync(path, bytes);
    const other = await open();
    expect(await importInto(other, path)).toMatchObject({ broken: [], recognised: [{ results: 1 }] });
    const { id } = await only(other, 'match-activations');
    const [before, after] = [
      await engine.call('results.get', { resultId }),
      await other.call('results.get', { resultId: id }),
    ];
    expect(after.data).toEqual(before.data);
    expect(after.params).toEqual(before.params);
    expect(after.provenance).toEqual(before.provenance);
    const name = /"\$matrix":"([^"]+)"/.exec(JSON.stringify(before.data))![1]!;
    expect(await other.call('results.matrix', { resultId: id, name })).toEqual(
      await engine.call('results.matrix', { resultId, name }),
    );
    const [figure] = await other.call('figures.list', {});
    expect(figure).toMatchObject({ title: 'My figure', resultIds: [id], recipe });
    await importInto(other, path);
    expect(await other.call('figures.list', {})).toHaveLength(1);
    expect(await other.call('results.list', {})).toHaveLength(1);
  });

  it('with a changed number is refused', async () => {
    const engine = await open();
    const path = fixturePath('synthetic_full/exact-copy.json');
    await importInto(engine, path);
    const entries = unzipSync((await engine.call('results.bundle', {})).bytes);
    const name = Object.keys(entries).find((entry) => entry.endsWith('result.json'))!;
    entries[name] = strToU8(Buffer.from(entries[name]!).toString().replace('0.0', '0.1'));
    const changed = join(newFolder(), 'changed.zip');
    writeFileSync(changed, zipSync(entries));
    const { broken } = await importInto(await open(), changed);
    expect(broken[0]!.reason).toMatch(/result\.json is damaged or was changed/);
  });

  it.each([
    ['../../evil.txt', /offset \d+: the zip entry name .* is not allowed/],
    ['/etc/evil', /is not allowed/],
    ['a\\..\\b', /is not allowed/],
    ['C:/evil', /is not allowed/],
  ])('with an entry %j is refused', async (name, message) => {
    const path = join(newFolder(), 'evil.zip');
    writeFileSync(path, zipSync({ 'analysis.json': strToU8('{}'), [name]: strToU8('x') }));
    const { broken } = await importInto(await open(), path);
    expect(broken).toHaveLength(1);
    expect(broken[0]!.reason).toMatch(message);
  });
});
