/** Fetching against servers that break off, lie and send rubbish. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadDataset } from '../../src-main/compute/data/index.ts';
import { fetchable, fetchDataSet, type DataSet } from '../../src-main/engine/data-fetch.ts';
import { listDataSets } from '../../src-main/engine/data-list.ts';
import { partOf } from '../../src-main/engine/fetch-file.ts';
import { cifarVariants } from '../../src-main/formats/cifar.ts';
import { dataHomeVariable } from '../../src-main/formats/data-registry.ts';
import type { Progress } from '../../src-shared/progress.ts';
import { fixturePath } from '../support/fixtures.ts';
import { tarOf } from '../support/tar.ts';
import { newFolder, refusal } from './support/workspace.ts';

const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
const file = {
  name: 'images.gz',
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
};

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close().closeAllConnections()));

type Behaviour = (request: IncomingMessage, response: ServerResponse, from: number) => void;

interface Mirror {
  url: string;
  /** The Range headers that were asked for. */
  ranges: (string | undefined)[];
}

async function mirror(behaviour: Behaviour): Promise<Mirror> {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    behaviour(request, response, Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/files/`, ranges };
}

const head = (response: ServerResponse, from: number, length = bytes.length - from): void => {
  const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': length, ...range });
};

const honest: Behaviour = (_request, response, from) => {
  head(response, from);
  response.end(bytes.subarray(from));
};
/** A server that sends `count` bytes and cuts the line as soon as `onProgress` has told that they are on the disk. */
function breaking(count: number): { behaviour: Behaviour; onProgress: (progress: Progress) => void } {
  let open: { response: ServerResponse; until: number } | undefined;
  return {
    behaviour: (_request, response, from) => {
      head(response, from);
      open = { response, until: Math.min(bytes.length, from + count) };
      response.write(bytes.subarray(from, open.until));
    },
    onProgress: ({ fraction }) => {
      if (open && Math.round(fraction * bytes.length) >= open.until) open.response.destroy();
    },
  };
}

const setOf = (...mirrors: Mirror[]): DataSet => ({ mirrors: mirrors.map((one) => one.url), files: [file] });

describe('data fetch', () => {
  it('fetches, reports progress, and does nothing the second time', async () => {
    const folder = join(newFolder(), 'deep', 'mnist');
    const source = await mirror(honest);
    const seen: number[] = [];
    const report = await fetchDataSet({
      set: setOf(source),
      folder,
      onProgress: ({ fraction }) => seen.push(fraction),
    });
    expect(report).toEqual({ folder, fetched: ['images.gz'], bytes: bytes.length });
    expect(readFileSync(join(folder, file.name)).equals(bytes)).toBe(true);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect((await fetchDataSet({ set: setOf(source), folder })).fetched).toEqual([]);
    expect(source.ranges.length).toBe(1);
  });

  it('goes on where a connection broke, with Range', async () => {
    const folder = newFolder();
    const { behaviour, onProgress } = breaking(100_000);
    const source = await mirror(behaviour);
    await fetchDataSet({ set: setOf(source), folder, onProgress });
    expect(source.ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
    expect(readFileSync(join(folder, file.name)).equals(bytes)).toBe(true);
  });

  it('goes on in a later call, and at another mirror', async () => {
    const folder = newFolder();
    let calls = 0;
    const { behaviour, onProgress } = breaking(120_000);
    const dying = await mirror((request, response, from) => {
      if (calls++ === 0) behaviour(request, response, from);
      else response.destroy();
    });
    expect(await refusal(fetchDataSet({ set: setOf(dying), folder, onProgress }))).toContain(
      'could not be downloaded from any of 1 mirrors',
    );
    const part = readFileSync(partOf(folder, file)).length;
    expect(part).toBe(120_000);
    expect(existsSync(join(folder, file.name))).toBe(false);
    const good = await mirror(honest);
    await fetchDataSet({ set: setOf(dying, good), folder });
    expect(good.ranges).toEqual([`bytes=${part}-`]);
    expect(readFileSync(join(folder, file.name)).equals(bytes)).toBe(true);
  });

  it('starts over where a server knows no Range', async () => {
    const folder = newFolder();
    writeFileSync(partOf(folder, file), bytes.subarray(0, 1000));
    const plain = await mirror((_request, response) => {
      head(response, 0);
      response.end(bytes);
    });
    await fetchDataSet({ set: setOf(plain), folder });
    expect(readFileSync(join(folder, file.name)).equals(bytes)).toBe(true);
  });

  it('throws wrong bytes away and asks the next mirror', async () => {
    const folder = newFolder();
    const wrong = await mirror((_request, response) => {
      head(response, 0);
      response.end(Buffer.alloc(bytes.length, 1));
    });
    const good = await mirror(honest);
    const notes: string[] = [];
    await fetchDataSet({ set: setOf(wrong, good), folder, onNote: (line) => notes.push(line) });
    expect(notes).toEqual([
      expect.stringMatching(/wrong content: its SHA-256 is [0-9a-f]{12}\.\.\., expected/),
    ]);
    expect(good.ranges).toEqual([undefined]);
    expect(readFileSync(join(folder, file.name)).equals(bytes)).toBe(true);
  });

  it('does not believe lengths: too long, too short, other range, error pages', async () => {
    const long = await mirror((_request, response) => {
      response.writeHead(200);
      response.end(Buffer.concat([bytes, bytes]));
    });
    const short = await mirror((_request, response, from) => {
      response.writeHead(from > 0 ? 416 : 200, { 'content-length': 10 });
      response.end(from > 0 ? 'x'.repeat(10) : bytes.subarray(0, 10));
    });
    const shifted = await mirror((_request, response, from) => {
      response.writeHead(206, { 'content-range': `bytes ${from + 5}-${bytes.length - 1}/${bytes.length}` });
      response.end(bytes.subarray(from + 5));
    });
    const missing = await mirror((_request, response) => {
      response.writeHead(404, 'Not Found');
      response.end('<html>');
    });
    const said = await refusal(
      fetchDataSet({ set: setOf(long, short, shifted, missing), folder: newFolder() }),
    );
    expect(said).toContain(`the server sent more than the file's ${bytes.length} bytes`);
    expect(said).toContain('the server responded 416');
    expect(said).toContain('the server sent other bytes');
    expect(said).toContain('the server responded 404 Not Found');
  });

  it('leaves a mirror that is stuck', async () => {
    const stuck = await mirror((_request, response) => {
      head(response, 0);
      response.write(bytes.subarray(0, 10));
    });
    const folder = newFolder();
    const good = await mirror(honest);
    const notes: string[] = [];
    // Nobody waits: the time of the stuck mirror is up as soon as its ten bytes are there.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await fetchDataSet({
        set: setOf(stuck, good),
        folder,
        onProgress: ({ fraction }) => {
          if (Math.round(fraction * bytes.length) === 10) vi.advanceTimersByTime(3_600_000);
        },
        onNote: (line) => notes.push(line),
      });
    } finally {
      vi.useRealTimers();
    }
    expect(notes).toEqual([expect.stringContaining('no data arrived for')]);
    expect(readFileSync(join(folder, file.name)).equals(bytes)).toBe(true);
  });

  it('asks for room before anything is fetched', async () => {
    const source = await mirror(honest);
    const said = await refusal(
      fetchDataSet({ set: setOf(source), folder: newFolder(), freeBytes: () => 1000 }),
    );
    expect(said).toMatch(/has 1 MB free; 64 MB are needed/);
    expect(source.ranges).toEqual([]);
  });

  it('ends at once when cancelled, and keeps what it has', async () => {
    const slow = await mirror((_request, response) => {
      head(response, 0);
      response.write(bytes.subarray(0, 50_000));
    });
    const folder = newFolder();
    const controller = new AbortController();
    const call = fetchDataSet({
      set: setOf(slow),
      folder,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(await refusal(call)).toBe('cancelled');
    expect(existsSync(join(folder, file.name))).toBe(false);
  });

  it('knows the four files of both data sets', () => {
    for (const name of ['mnist', 'fashion-mnist']) expect(fetchable(name).files.length).toBe(4);
    expect(() => fetchable('imagenet')).toThrow('There is no data set "imagenet" to download.');
  });
});

describe('CIFAR', () => {
  it('is in the table, with the size and checksum of the published archives', () => {
    for (const name of ['cifar10', 'cifar100']) {
      const { mirrors, files } = fetchable(name);
      expect(mirrors.length).toBeGreaterThan(0);
      expect(files.map((each) => each.name)).toEqual([cifarVariants.find((v) => v.name === name)!.archive]);
    }
  });

  it('is fetched as an archive, resumed after a break, and read from the workspace by its name', async () => {
    const batch = readFileSync(fixturePath('cifar/data_batch_1.bin'));
    const names = [
      'data_batch_1',
      'data_batch_2',
      'data_batch_3',
      'data_batch_4',
      'data_batch_5',
      'test_batch',
    ];
    const members = names.map((name) => [`cifar-10-batches-bin/${name}.bin`, batch] as const);
    const archive = gzipSync(tarOf(Object.fromEntries(members)));
    const sha256 = createHash('sha256').update(archive).digest('hex');
    const wanted = { name: 'cifar-10-binary.tar.gz', bytes: archive.length, sha256 };
    let open: ServerResponse | undefined;
    const { url, ranges } = await mirror((_request, response, from) => {
      const range = `bytes ${from}-${archive.length - 1}/${archive.length}`;
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': archive.length - from,
        ...(from > 0 && { 'content-range': range }),
      });
      // The first response ends in the middle, once its bytes are on the disk.
      if (open) return response.end(archive.subarray(from));
      open = response;
      response.write(archive.subarray(0, 20_000));
    });
    const home = newFolder();
    const messages: string[] = [];
    const report = await fetchDataSet({
      set: { mirrors: [url], files: [wanted] },
      folder: join(home, 'cifar10'),
      onProgress: ({ message }) => {
        messages.push(message ?? '');
        open?.destroy();
      },
    });
    expect(report.fetched).toEqual(['cifar-10-binary.tar.gz']);
    expect(ranges[0]).toBeUndefined();
    expect(ranges[1]).toMatch(/^bytes=\d+-$/);
    expect(messages.at(-1)).toMatch(/cifar-10-binary\.tar\.gz: .* of /);
    vi.stubEnv(dataHomeVariable, home);
    try {
      const { name, train, test } = await loadDataset({ name: 'cifar10' });
      expect([name.slice(0, 8), train.count, test.count]).toEqual(['cifar10-', 5 * 24, 24]);
    } finally {
      vi.unstubAllEnvs();
    }
    expect(listDataSets(home).find(({ name }) => name === 'cifar10')).toMatchObject({
      state: 'fetched',
      folder: join(home, 'cifar10'),
    });
  });
});
