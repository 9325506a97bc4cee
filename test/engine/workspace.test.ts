/** Workspaces that cannot be used, catalogs that are damaged or new, and two engines at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import {
  checkWorkspace,
  openEngine,
  reachEngine,
  rebuildCatalog,
  WorkspaceBusyError,
  workspacePath,
} from '../../src-main/engine/index.ts';
import { openDatabase } from '../../src-main/engine/store/database.ts';
import { migrations } from '../../src-main/engine/store/migrations.ts';
import type { RunEdit } from '../../src-shared/run-labels.ts';
import { makeRun } from './support/make-runs.ts';
import { newFolder, refusal, runJob, testEngine, testOptions, whenRunning } from './support/workspace.ts';

const isRoot = process.getuid?.() === 0;

describe('the folder', () => {
  it('is chosen by option, then BASIN_WORKSPACE, then home', () => {
    expect(workspacePath('/a/b', { BASIN_WORKSPACE: '/c' })).toBe('/a/b');
    expect(workspacePath(undefined, { BASIN_WORKSPACE: '/c' })).toBe('/c');
    expect(workspacePath(undefined, {})).toMatch(/Basin$/);
  });

  it('is made on first use, with its parents', async () => {
    const root = join(newFolder(), 'deep', 'down');
    await testEngine(root);
    expect(readdirSync(root)).toEqual(expect.arrayContaining(['basin.db', 'figures', 'results', 'runs']));
  });

  it('is refused when a file is in the way', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    expect(await refusal(openEngine({ workspace: join(file, 'inside') }))).toMatch(/a file is in the way/);
    expect(await refusal(openEngine({ workspace: file }))).toMatch(/a file is in the way/);
  });

  it.skipIf(isRoot)('is refused when it cannot be written', async () => {
    const root = newFolder();
    chmodSync(root, 0o500);
    expect(await refusal(openEngine({ workspace: root }))).toMatch(/cannot be written: permission denied/);
    chmodSync(root, 0o700);
  });

  it.skipIf(process.platform !== 'linux')('is refused on a file system that takes nothing', async () => {
    // The kernel's own file systems refuse new folders even to root.
    expect(await refusal(openEngine({ workspace: '/proc/basin' }))).toMatch(
      /The workspace \/proc\/basin cannot be/,
    );
    expect(await refusal(openEngine({ workspace: '/sys/basin' }))).toMatch(
      /permission denied|read-only disk/,
    );
  });
});

describe('a full disk', () => {
  it('fails the change with one message, keeps what was there, and works again when there is room', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    await engine.close();
    // SQLite itself gives SQLITE_FULL beyond this many pages, as it does on a full disk.
    const db = openDatabase(join(workspace, 'basin.db'));
    const pages = db.pragma('page_count', { simple: true }) as number;
    db.pragma(`max_page_count = ${pages + 2}`);
    const fill = (): void => {
      for (let i = 0; i < 100; i++) {
        db.prepare('INSERT INTO groups VALUES (?, ?, ?, 1, ?, ?)').run(
          `g${i}`,
          'mlp',
          `k${i}`,
          '#000000',
          'n'.repeat(3000),
        );
      }
    };
    const { guarded } = await import('../../src-main/engine/store/database.ts');
    expect(() => guarded(join(workspace, 'basin.db'), () => db.transaction(fill)())).toThrow(
      /The disk that holds the catalog .* is full; the change was not saved/,
    );
    expect(db.prepare('SELECT count(*) FROM groups').pluck().get()).toBe(0);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.pragma(`max_page_count = ${pages + 1000}`);
    db.transaction(fill)();
    db.close();
  });
});

describe('the catalog', () => {
  it('of a newer Basin is refused and left alone', async () => {
    const workspace = newFolder();
    await (await testEngine(workspace)).close();
    const path = join(workspace, 'basin.db');
    const db = new Database(path);
    db.pragma('user_version = 99');
    db.close();
    expect(await refusal(openEngine({ workspace }))).toContain(
      'was written by a newer Basin (its version is 99',
    );
    expect(existsSync(join(workspace, 'engine.lock'))).toBe(false);
  });

  it('of another program is refused', async () => {
    const workspace = newFolder();
    const db = new Database(join(workspace, 'basin.db'));
    db.exec('CREATE TABLE mine (x)');
    db.close();
    expect(await refusal(openEngine({ workspace }))).toContain('database of another program');
  });

  it.each(['text', 'middle', 'cut'])(
    'that is damaged (%s) is refused with the way out, and rebuilt from the folders',
    async (how) => {
      const workspace = newFolder();
      const runs = newFolder();
      for (let i = 0; i < 30; i++) makeRun(runs, { name: `r${i}` });
      makeRun(join(workspace, 'runs'), { name: 'own' });
      const engine = await testEngine(workspace);
      await runJob(engine, 'import', { paths: [runs, join(workspace, 'runs')] });
      const { resultId } = await runJob(engine, 'table', { n: 2 });
      await engine.close();
      const path = join(workspace, 'basin.db');
      if (how === 'text') writeFileSync(path, 'this is no database, not even a little bit of one');
      if (how === 'cut') truncateSync(path, 8192);
      if (how === 'middle') {
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(0x5a, 4096, bytes.length - 4096));
      }
      // As after a crash: the whole file is looked through first.
      writeFileSync(join(workspace, 'engine.lock'), JSON.stringify(deadLock()));
      expect(await refusal(openEngine(testOptions(workspace)))).toMatch(/The catalog .* is damaged/);
      const report = checkWorkspace(workspace);
      expect(report).toMatchObject({ repairable: true, holder: null });
      expect(report.problems.length).toBeGreaterThan(0);
      const repair = await rebuildCatalog(testOptions(workspace), [runs]);
      expect(repair).toMatchObject({ runs: 31, checkpoints: 124, problems: [] });
      expect(existsSync(repair.setAside!)).toBe(true);
      const next = await testEngine(workspace);
      expect((await next.call('results.get', { resultId: resultId! })).row.kind).toBe('table');
      expect(await runJob(next, 'table', { n: 2 })).toMatchObject({ cached: true, resultId });
      expect(checkWorkspace(workspace).problems).toEqual([]);
    },
  );

  it('keeps its groups when it is rebuilt from a file that can still be read', async () => {
    const workspace = newFolder();
    const runs = newFolder();
    makeRun(runs, { name: 'a' });
    const engine = await testEngine(workspace);
    await runJob(engine, 'import', { paths: [runs] });
    const { id: runId } = (await engine.call('runs.list', {}))[0]!;
    const members = [{ runId, checkpointIds: [`${runId}/e5m2`] }];
    const edit = { type: 'create' as const, architecture: 'mlp', key: 'kept', notes: 'mine', members };
    const { groups } = await engine.call('groups.edit', { edit });
    const edits: RunEdit[] = [
      { type: 'rename', runId, title: 'baseline' },
      { type: 'annotate', runId, notes: 'warm start' },
      { type: 'tag', runIds: [runId], add: ['paper'], remove: [] },
      { type: 'star', runIds: [runId], starred: true },
    ];
    for (const one of edits) await engine.call('runs.edit', { edit: one });
    await engine.close();
    expect(await rebuildCatalog(testOptions(workspace))).toMatchObject({ runs: 1, problems: [] });
    const next = await testEngine(workspace);
    const after = (await next.call('groups.get', {})).groups;
    expect(after).toEqual([{ ...groups[0], id: after[0]!.id }]);
    expect(await next.call('runs.list', {})).toMatchObject([
      { title: 'baseline', notes: 'warm start', tags: ['paper'], starred: true, archived: false },
    ]);
    await next.call('runs.edit', { edit: { type: 'trash', runIds: [after[0]!.members[0]!.runId] } });
    await next.close();
    await rebuildCatalog(testOptions(workspace));
    const again = await testEngine(workspace);
    expect(await again.call('runs.list', {})).toEqual([]);
    expect(await again.call('runs.trash', {})).toMatchObject([{ title: 'baseline' }]);
  });

  it('keeps the groups of an older Basin when it is rebuilt', async () => {
    const workspace = newFolder();
    const folder = makeRun(newFolder(), { name: 'a' });
    const db = openDatabase(join(workspace, 'basin.db'), { steps: migrations.slice(0, 3) });
    db.prepare(
      `INSERT INTO runs (id, name, path, architecture, config, config_hash, fingerprint, origin, state, added_at)
       VALUES ('a-1', 'a', ?, 'mlp', '{}', '', '', 'imported', 'ready', 0)`,
    ).run(folder);
    db.exec(`INSERT INTO groups VALUES ('g', 'mlp', 'kept', 0, '#123456', 'mine');
      INSERT INTO members VALUES ('g', 'a-1', 0, NULL);`);
    db.close();
    expect(await rebuildCatalog(testOptions(workspace))).toMatchObject({ runs: 1, problems: [] });
    const engine = await testEngine(workspace);
    expect((await engine.call('groups.get', {})).groups).toMatchObject([
      { key: 'kept', notes: 'mine', members: [{}] },
    ]);
  });

  it('is migrated step by step, with a backup before', () => {
    const path = join(newFolder(), 'basin.db');
    openDatabase(path).close();
    const steps = [
      ...migrations,
      'ALTER TABLE runs ADD COLUMN extra TEXT',
      'CREATE TABLE more (x INTEGER) STRICT',
    ];
    const db = openDatabase(path, { steps });
    expect(db.pragma('user_version', { simple: true })).toBe(migrations.length + 2);
    db.close();
    expect(statSync(`${path}.v${migrations.length}.backup`).size).toBeGreaterThan(4096);
    expect(
      openDatabase(`${path}.v${migrations.length}.backup`).pragma('integrity_check', { simple: true }),
    ).toBe('ok');
  });

  it('stays at its version when a step fails', () => {
    const path = join(newFolder(), 'basin.db');
    openDatabase(path).close();
    const steps = [...migrations, 'CREATE TABLE half (x); SELECT nonsense FROM nowhere'];
    expect(() => openDatabase(path, { steps })).toThrow();
    const db = openDatabase(path);
    expect(db.prepare(`SELECT count(*) FROM sqlite_schema WHERE name = 'half'`).pluck().get()).toBe(0);
    db.close();
  });

  it('takes in results that were written but not yet in it, and clears half-written ones away', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const { resultId } = await runJob(engine, 'table', { n: 2 });
    await engine.close();
    const db = openDatabase(join(workspace, 'basin.db'));
    db.exec('DELETE FROM results');
    db.close();
    const half = join(workspace, 'results', '.table-0000000000.tmp');
    mkdirSync(half);
    const next = await testEngine(workspace);
    expect((await next.call('results.list', {})).map((row) => row.id)).toEqual([resultId]);
    expect(existsSync(half)).toBe(false);
  });
});

function deadLock(): object {
  const lock = {
    pid: 2 ** 22 + 1,
    host: '',
    boot: '',
    processStart: '1',
    startedAt: 1,
    socket: '',
    version: '0',
  };
  return { ...lock, host: hostnameOf() };
}

function hostnameOf(): string {
  return readFileSync('/proc/sys/kernel/hostname', 'utf8').trim();
}

describe('two engines', () => {
  it('are refused by name; the terminal talks to the one that is there', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const error: unknown = await openEngine({ workspace }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WorkspaceBusyError);
    expect((error as Error).message).toContain(`process ${process.pid} on this machine`);
    const client = await reachEngine(testOptions(workspace));
    const events: string[] = [];
    client.listen((event) => events.push(event.type));
    const job = await client.call('jobs.submit', { kind: 'table', params: { n: 7 } });
    const ended = await engine.wait(job.id);
    const m = await client.call('results.matrix', { resultId: ended.resultId!, name: 'layers.0.products' });
    expect(m.data).toBeInstanceOf(Float64Array);
    expect(m.data[48]).toBe(49);
    await expect(client.call('jobs.get', { jobId: 'nobody' })).rejects.toThrow('There is no job "nobody"');
    expect(events).toContain('job-changed');
    const running = await client.call('jobs.submit', {
      kind: 'act',
      params: { what: 'stubborn', ms: 20_000 },
    });
    await whenRunning(engine, running.id);
    // Asked for just before the end: it gets a response, and is not left hanging.
    const called = vi.spyOn(engine, 'call');
    const pending = client.call('jobs.cancel', { jobId: running.id });
    const closed = new Promise((resolve) => client.onClose(resolve));
    await expect.poll(() => called.mock.calls.map(([name]) => name)).toContain('jobs.cancel');
    await engine.close();
    expect(await closed).toContain('closed');
    expect(await pending).toMatchObject({ state: 'cancelled' });
    expect(await refusal(client.call('runs.list', {}))).toBe('The engine was closed.');
  });

  it('on another machine are refused with what to do', async () => {
    const workspace = newFolder();
    writeFileSync(
      join(workspace, 'engine.lock'),
      JSON.stringify({ ...deadLock(), host: 'labbox', pid: 4711 }),
    );
    const error = (await openEngine({ workspace }).catch((thrown: unknown) => thrown)) as WorkspaceBusyError;
    expect(error.message).toContain('process 4711 on labbox');
    expect(error.hint).toContain('engine.lock');
  });

  it('whose process is gone, whose pid is another now, or whose lock is garbage leave the workspace free', async () => {
    const workspace = newFolder();
    for (const lock of [deadLock(), { ...deadLock(), pid: process.pid, processStart: '123' }, 'garbage']) {
      writeFileSync(join(workspace, 'engine.lock'), typeof lock === 'string' ? lock : JSON.stringify(lock));
      const engine = await testEngine(workspace);
      expect(JSON.parse(readFileSync(join(workspace, 'engine.lock'), 'utf8'))).toMatchObject({
        pid: process.pid,
      });
      await engine.close();
      expect(existsSync(join(workspace, 'engine.lock'))).toBe(false);
    }
  });

  it('that race for a stale lock are not both let in', async () => {
    const workspace = newFolder();
    writeFileSync(join(workspace, 'engine.lock'), JSON.stringify(deadLock()));
    const script = `
      import { acquireLock } from '${new URL('../../src-main/engine/store/lock.ts', import.meta.url).href}';
      import { createWorkspace } from '${new URL('../../src-main/engine/store/workspace.ts', import.meta.url).href}';
      try { acquireLock(createWorkspace(process.argv[1]), '1'); console.log('in'); } catch { console.log('out'); }
      process.stdin.resume();`;
    const racers = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script, workspace]),
    );
    // Nobody leaves before all have tried: a slow starter must not find the lock given back.
    const outcomes = await Promise.all(
      racers.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()),
    );
    for (const racer of racers) racer.stdin.end();
    expect(outcomes.toSorted()).toEqual(['in', 'out', 'out', 'out']);
  });

  it('refuse a socket message that breaks the schema, and run nothing', async () => {
    const workspace = newFolder();
    const engine = await testEngine(workspace);
    const client = await reachEngine(testOptions(workspace));
    const call = client.call as (name: string, args: unknown) => Promise<unknown>;
    await expect(call('runs.get', { runId: 5 })).rejects.toThrow('runs.get: runId');
    await expect(call('system.exec', {})).rejects.toThrow('There is no request "system.exec"');
    await expect(call('constructor', {})).rejects.toThrow('There is no request');
    expect(await engine.call('jobs.list', {})).toEqual([]);
    client.close();
  });
});
