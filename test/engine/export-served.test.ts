/** A stored result as a file: the same bytes, whether this process has the workspace or another one serves it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { requests, type ResponseOf } from '../../src-shared/api.ts';
import { jobKindNames, jobKinds, type JobKindName } from '../../src-shared/jobs/index.ts';
import type { Client } from '../../src-shared/rpc.ts';
import { reachEngine } from '../../src-main/engine/index.ts';
import { ResultStore } from '../../src-main/engine/results.ts';
import { openDatabase } from '../../src-main/engine/store/database.ts';
import { createWorkspace } from '../../src-main/engine/store/workspace.ts';
import { basin } from '../support/cli.ts';
import { sampleResult } from '../support/sample-result.ts';
import { startServed, stopAfterEach } from '../support/served.ts';
import { newFolder, testEngine } from './support/workspace.ts';

stopAfterEach();

const formats = requests['results.export'].args.shape.format.options;

/** A workspace with one result of each kind, as jobs leave them. Returns kind -> id. */
function fill(folder: string): Map<JobKindName, string> {
  const workspace = createWorkspace(folder);
  const db = openDatabase(workspace.database, { check: false });
  try {
    const store = new ResultStore(db, workspace);
    const provenance = { basinVersion: '0.0.0', kind: 'a test', seeds: { seed: 3 } };
    return new Map(
      jobKindNames.map((kind) => {
        const { version, title } = jobKinds[kind];
        const of = { ...{ kind, version, title, jobId: null, origin: 'computed' as const }, cacheKey: null };
        const { id } = store.write({
          ...of,
          runIds: [],
          params: { kind },
          provenance,
          data: sampleResult(kind),
        });
        return [kind, id];
      }),
    );
  } finally {
    db.close();
  }
}

/** What an export gives, or the sentence with which it is refused. */
type Exported = { filename: string; bytes: Buffer } | { refused: string };

async function exported(
  client: Client,
  resultId: string,
  format: (typeof formats)[number],
): Promise<Exported> {
  try {
    return plain(await client.call('results.export', { resultId, format }));
  } catch (error) {
    return { refused: (error as Error).message };
  }
}

/** What is written to a file must be bytes; a copy, so that both sides compare alike. */
function plain({ filename, bytes }: ResponseOf<'results.export'>): Exported {
  expect(bytes).toBeInstanceOf(Uint8Array);
  return { filename, bytes: Buffer.from(bytes) };
}

describe('a result of every kind, in every format', () => {
  const found: { alone: Map<string, Exported>; served: Map<string, Exported> } = {
    alone: new Map(),
    served: new Map(),
  };
  const bundles: Buffer[] = [];
  let ids: Map<JobKindName, string>;

  beforeAll(async () => {
    const folder = newFolder();
    ids = fill(folder);
    const ask = async (client: Client, into: Map<string, Exported>): Promise<void> => {
      for (const [kind, id] of ids)
        for (const format of formats) into.set(`${kind}.${format}`, await exported(client, id, format));
      bundles.push(
        Buffer.from((await client.call('results.bundle', { resultIds: [...ids.values()] })).bytes),
      );
    };
    const alone = await reachEngine({ workspace: folder });
    await ask(alone, found.alone);
    alone.close();
    await alone.closed;
    const engine = await testEngine(folder);
    const served = await reachEngine({ workspace: folder });
    await ask(served, found.served);
    served.close();
    await engine.close();
  });

  it.each(jobKindNames.flatMap((kind) => formats.map((format) => `${kind}.${format}`)))('%s', (name) => {
    expect(found.served.get(name)).toEqual(found.alone.get(name));
    const refused = /has no matrices/;
    const file = found.alone.get(name)!;
    if ('refused' in file)
      expect([name, file.refused]).toEqual([expect.stringMatching(/\.npy$/), expect.stringMatching(refused)]);
    else expect(file.bytes.length).toBeGreaterThan(0);
  });

  it('has the numbers of the sample', () => {
    for (const [kind] of ids) {
      const file = found.served.get(`${kind}.json`) as { bytes: Buffer };
      const { data } = JSON.parse(file.bytes.toString()) as { data: unknown };
      const rows = JSON.parse(JSON.stringify(sampleResult(kind), asRows)) as unknown;
      expect(data).toEqual(rows);
    }
  });

  it('all of them as one zip', () => {
    expect(bundles[0]!.equals(bundles[1]!)).toBe(true);
    const names = Object.keys(unzipSync(bundles[1]!));
    for (const id of ids.values()) expect(names).toContain(`results/${id}/result.json`);
  });
});

/** A matrix as the JSON export writes it. */
function asRows(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || !('data' in value)) return value;
  if (!(value.data instanceof Float64Array)) return value;
  const { rows, columns, data } = value as { rows: number; columns: number; data: Float64Array };
  return Array.from({ length: rows }, (_, i) => Array.from(data.subarray(i * columns, (i + 1) * columns)));
}

describe('basin export', () => {
  it('writes the same files while the workbench serves the workspace', { timeout: 120_000 }, async () => {
    const folder = newFolder();
    const id = fill(folder).get('permutation-sensitivity')!;
    const files = ['a.json', 'a.csv', 'a.parquet', 'a.npy', 'a.zip'];
    const write = async (): Promise<Buffer[]> => {
      const out = newFolder();
      for (const name of files) {
        const { code, stderr } = await basin(['export', id, '--out', join(out, name), '--workspace', folder]);
        expect([name, code, stderr]).toEqual([name, 0, stderr]);
      }
      return files.map((name) => readFileSync(join(out, name)));
    };
    const alone = await write();
    await startServed(folder);
    const served = await write();
    for (const [i, name] of files.entries())
      expect([name, served[i]!.equals(alone[i]!)]).toEqual([name, true]);
  });
});
