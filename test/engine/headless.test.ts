/** `basin worker`: one job in a folder, without an engine, done once whatever happens to its processes. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { localBinding } from '../../src-main/engine/headless/local-library.ts';
import { takeClaim } from '../../src-main/engine/headless/claim.ts';
import { readSpec, runTask } from '../../src-main/engine/headless/run.ts';
import { readNpy } from '../../src-main/formats/npy.ts';
import { basin } from '../support/cli.ts';
import { makeRun } from './support/make-runs.ts';
import { testKinds } from './support/kinds.ts';
import { expectedWeights, weightsIn } from './support/pretend-train.ts';
import { newFolder, testWorker } from './support/workspace.ts';

const never = new AbortController().signal;
const quiet = (): void => undefined;
const kindOf = (name: string) => testKinds.find(({ kind }) => kind === name);

function written(spec: object, folder = newFolder()): string {
  const path = join(folder, 'spec.json');
  writeFileSync(path, JSON.stringify({ worker: testWorker, ...spec }));
  return path;
}
const beside = (path: string, name: string): string => path.replace('spec.json', name);
const json = (path: string, name: string): unknown =>
  JSON.parse(readFileSync(beside(path, name), 'utf8')) as unknown;
const run = (path: string, signal = never) => runTask(path, readSpec(path), signal, quiet, kindOf);
const worker = (path: string, options: Parameters<typeof basin>[1] = {}) =>
  basin(['worker', '--spec', path], options);

describe('the files and exit codes of a task', () => {
  test('a result with its matrices; again, and nothing is computed', async () => {
    const path = written({ kind: 'table', params: { n: 3 } });
    expect((await worker(path)).code).toBe(0);
    const { result } = json(path, 'result.json') as {
      result: { layers: { products: object }[]; pid: number };
    };
    expect(result.layers[0]!.products).toEqual({ $matrix: 'layers.0.products', rows: 3, columns: 3 });
    const { data } = readNpy(beside(path, 'matrices/layers.0.products.npy'));
    expect(Array.from(data as Float64Array)).toEqual([1, 2, 3, 2, 4, 6, 3, 6, 9]);

    const again = await worker(path);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('nothing was computed');
    expect((json(path, 'result.json') as { result: { pid: number } }).result.pid).toBe(result.pid);
  });

  test.each([
    ['refuse', 1, 'user', 'expected a colour'],
    ['throw', 70, 'defect', 'undefined is not a number'],
    ['segfault', 70, 'died', 'SIGSEGV'],
    ['exit', 70, 'died', 'the pretended library gave up'],
  ])('%s ends with %i', async (what, code, kind, message) => {
    const path = written({ kind: 'act', params: { what } });
    const ended = await worker(path);
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(code);
    expect(json(path, 'failure.json')).toMatchObject({ kind });
    expect(existsSync(beside(path, 'result.json'))).toBe(false);
  });

  test.each([
    ['{', 'cannot be read as JSON'],
    ['{"params": {}}', 'kind: text was expected'],
    ['{"kind": "train", "params": {}, "patition": 1}', 'patition'],
    ['{"kind": "trian", "params": {}}', 'there is no kind of job "trian"'],
    ['{"kind": "train", "version": 0, "params": {}}', 'it was written for version 0 of train'],
  ])('%s is no spec', async (text, message) => {
    const path = written({});
    writeFileSync(path, text);
    const ended = await worker(path);
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(2);
  });

  test('a real job tells its progress', async () => {
    const path = written({ worker: undefined, kind: 'skip-connections', params: { starts: 8, samples: 20 } });
    expect((await worker(path)).code).toBe(0);
    expect(json(path, 'result.json')).toMatchObject({ result: { width: 1, seed: 1 }, backend: null });
    expect(json(path, 'progress.json')).toMatchObject({ fraction: 1 });
  });
});

describe('a training that is stopped', () => {
  test('by SIGTERM, goes on from its last checkpoint', async () => {
    const folder = join(newFolder(), 'run');
    const path = written({ kind: 'train', params: { run: folder, epochs: 4, ms: 600 } });
    const stopped = await worker(path, {
      started: (kill) => {
        const watch = setInterval(() => {
          if (!existsSync(join(folder, 'checkpoint_epoch_1_model_1.safetensors'))) return;
          clearInterval(watch);
          kill('SIGTERM');
        }, 10);
      },
    });
    expect(stopped.code).toBe(130);
    expect(json(path, 'failure.json')).toMatchObject({ kind: 'stopped' });

    expect(await run(path)).toEqual({ type: 'done' });
    const { result } = json(path, 'result.json') as { result: { resumed_from: number } };
    expect(result.resumed_from).toBeGreaterThan(0);
    expect(weightsIn(folder, 4)).toBe(expectedWeights(4));
    expect(existsSync(beside(path, 'failure.json'))).toBe(false);
  });

  test('a run that was there before is not touched', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'config.yaml'), 'model: {}\n');
    const path = written({ kind: 'train', params: { run: folder, epochs: 1 } });
    for (const _ of [1, 2])
      expect(await run(path)).toMatchObject({
        failure: { kind: 'user', message: `${folder} already holds a run.` },
      });
  });

  test('parts that were measured are kept, unless their files have changed', async () => {
    const runs = newFolder();
    makeRun(runs, { name: 'r', epochs: [0, 1, 2] });
    const [diary, trap] = [join(newFolder(), 'diary'), join(newFolder(), 'trap')];
    writeFileSync(trap, '');
    const params = {
      ...{ run: join(runs, 'r'), epochs: [0, 1, 2], diary: `@${diary}`, trap: `@${trap}`, dieAt: 2 },
    };
    const path = written({ kind: 'squares', params });
    expect(await run(path)).toMatchObject({ failure: { kind: 'died', cause: 'killed' } });
    const [changed] = readdirSync(params.run).filter((name) => name.startsWith('checkpoint_epoch_1_'));
    appendFileSync(join(params.run, changed!), 'x');
    expect(await run(path)).toEqual({ type: 'done' });
    expect(readFileSync(diary, 'utf8').trim().split(' ').sort()).toEqual(['0', '1', '1', '2']);
    const { result } = json(path, 'result.json') as {
      result: { epoch: number; squares: { rows: number } }[];
    };
    expect(result.map(({ epoch, squares }) => [epoch, squares.rows])).toEqual([0, 1, 2].map((e) => [e, 3]));
    expect(readdirSync(beside(path, 'matrices'))).toHaveLength(3);
  });
});

describe('a claim', () => {
  const fast = { beat: 20, silence: 150, look: 5 };
  const isOver = (): boolean => false;

  test('two processes: the second one waits, and finds that all is done', async () => {
    const path = written({ kind: 'table', params: { n: 2, ms: 300 } });
    const ends = await Promise.all([run(path), run(path)]);
    expect(ends.map(({ type }) => type).sort()).toEqual(['done', 'known']);
  });

  test('of a holder that is dead or silent is taken over; the silent one is told', async () => {
    const path = join(newFolder(), 'claim.json');
    const first = (await takeClaim(path, never, isOver, { ...fast, beat: 100_000 }))!;
    // As if it were of another machine, where nobody can see whether its process lives.
    const other = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...other, host: 'elsewhere' }));
    const second = (await takeClaim(path, never, isOver, fast))!;
    expect(first.isHeld()).toBe(false);
    expect(second.isHeld()).toBe(true);
    first.release();
    expect(second.isHeld()).toBe(true);

    writeFileSync(path, JSON.stringify({ ...other, pid: 2 ** 22 + 1, start: '1' }));
    await expect.poll(() => second.lost.aborted).toBe(true);
    const third = (await takeClaim(path, never, isOver, { ...fast, silence: 1e6 }))!;
    third.release();
    expect(existsSync(path)).toBe(false);
  });

  test('a holder on another machine that gives signs of life keeps it', async () => {
    const path = join(newFolder(), 'claim.json');
    const first = (await takeClaim(path, never, isOver, fast))!;
    const file = JSON.parse(readFileSync(path, 'utf8')) as { beat: number };
    let beats = 0;
    const until = new AbortController();
    // At each look of the one that waits, so that no look finds it silent, however slow this machine is.
    const beat = (): boolean => {
      writeFileSync(path, JSON.stringify({ ...file, token: 'x', host: 'elsewhere', beat: ++beats }));
      if (beats === 40) until.abort();
      return false;
    };
    await expect(takeClaim(path, until.signal, beat, { ...fast, silence: 50 })).rejects.toThrow('cancelled');
    expect(beats).toBe(40);
    first.release();
  });
});

describe('the library on the disk of the node', () => {
  /** As setup leaves it, in small. */
  function installed(): { binding: string; library: string } {
    const [root, cache] = [newFolder(), newFolder()];
    const library = join(cache, 'tensorflow');
    mkdirSync(join(library, 'include'), { recursive: true });
    writeFileSync(join(library, 'libtensorflow_cc.so.2'), 'library');
    writeFileSync(join(library, 'include', 'header.h'), '');
    const lib = join(root, 'lib', 'napi-v8');
    mkdirSync(lib, { recursive: true });
    writeFileSync(join(lib, 'tfjs_binding.node'), 'binding');
    mkdirSync(join(root, 'deps', 'lib'), { recursive: true });
    writeFileSync(join(root, 'deps', 'lib', 'libtensorflow_cc.so.2'), 'library');
    return { binding: join(lib, 'tfjs_binding.node'), library: join(root, 'deps', 'lib') };
  }

  test('is copied once for all tasks of a node, and anew after another setup', async () => {
    const { binding, library } = installed();
    const shared = join(newFolder(), 'cache');
    const cache = `${shared}-${userInfo().uid}`;
    const copies = await Promise.all([1, 2, 3].map(() => localBinding(shared, never, binding)));
    expect(new Set(copies).size).toBe(1);
    expect(readFileSync(copies[0]!, 'utf8')).toBe('binding');
    const copied = join(copies[0]!, '../../../deps/lib');
    expect(readdirSync(copied)).toEqual(['libtensorflow_cc.so.2']);
    expect(readdirSync(cache)).toHaveLength(1);
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    // Copied again, this would be gone.
    writeFileSync(join(copied, 'mark'), '');
    expect(await localBinding(shared, never, binding)).toBe(copies[0]);
    expect(readdirSync(copied)).toContain('mark');

    writeFileSync(join(library, 'libtensorflow_cc.so.2'), 'another library');
    expect(await localBinding(shared, never, binding)).not.toBe(copies[0]);
  });

  test('nothing is loaded from a folder that others can write, or have put there', async () => {
    const { binding } = installed();
    const shared = join(newFolder(), 'cache');
    const cache = `${shared}-${userInfo().uid}`;
    const elsewhere = newFolder();
    symlinkSync(elsewhere, cache);
    const ask = () => localBinding(shared, never, binding);
    await expect(ask()).rejects.toThrow(`localCache: ${cache} is not a folder of yours`);
    rmSync(cache);
    mkdirSync(cache);
    chmodSync(cache, 0o777);
    await expect(ask()).rejects.toThrow(`localCache: ${cache} can be written by others`);
    expect([...readdirSync(cache), ...readdirSync(elsewhere)]).toEqual([]);
  });

  test('a folder that cannot be made is named', async () => {
    const { binding } = installed();
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    await expect(localBinding(join(file, 'cache'), never, binding)).rejects.toThrow(
      `localCache: ${file}/cache-${userInfo().uid}:`,
    );
    expect(await localBinding(file, never, join(file, 'absent.node'))).toBeUndefined();
  });
});
