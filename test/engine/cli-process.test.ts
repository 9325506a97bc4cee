/** The command line as a process: streams, exit codes, Ctrl-C. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { basin, temporaryFolder } from '../support/cli.ts';

const workspace = temporaryFolder();
afterAll(() => {
  rmSync(workspace, { recursive: true, force: true });
});
const here = ['--workspace', workspace];

/** Calls `then` once something is seen, however long that takes. */
function when(seen: () => boolean, then: () => void): void {
  const look = setInterval(() => {
    if (!seen()) return;
    clearInterval(look);
    then();
  }, 5);
}

function isAtWork(): boolean {
  if (!existsSync(join(workspace, 'basin.db'))) return false;
  const db = new Database(join(workspace, 'basin.db'), { readonly: true });
  try {
    return db.prepare("SELECT count(*) FROM jobs WHERE state = 'running'").pluck().get() !== 0;
  } catch {
    // Its tables are just being made.
    return false;
  } finally {
    db.close();
  }
}

describe('streams', () => {
  test('--json prints one document and nothing else on stdout', async () => {
    const outcome = await basin(['run', 'diagnose', '--size', '128', '--seconds', '0.05', '--json', ...here]);
    expect(outcome.code).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ backend: { threads: expect.any(Number) as number } });
    expect(outcome.stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  test('without --json people get text', async () => {
    const outcome = await basin(['run', 'diagnose', '--size', '128', '--seconds', '0.05', ...here]);
    expect(outcome.stdout).toMatch(/gigaflops {2}\d/);
  });

  test('--help is a result, and lists flags with what they mean and their defaults', async () => {
    const outcome = await basin(['run', 'interpolate', '--help']);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/--steps <N>\s+intervals: .*\(default: 8\)/s);
    expect(outcome.stdout).toMatch(/--align <choice> .*\(one of none, activation, weight, orthogonal\)/);
    expect(outcome.stdout).toContain('--workspace <dir>');
  });

  test('--version and the bare command end well', async () => {
    expect((await basin(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const bare = await basin([]);
    expect(bare.code).toBe(0);
    expect(bare.stdout).toContain('demo');
  });
});

describe('Ctrl-C', () => {
  const long = ['run', 'diagnose', '--seconds', '60', '--json', ...here];

  test('cancels cleanly and at once', async () => {
    const outcome = await basin(long, {
      started: (kill) => {
        when(isAtWork, () => kill('SIGINT'));
      },
    });
    expect(outcome.code).toBe(130);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(/cancelled/);
    expect(outcome.stderr).not.toMatch(/error|defect/);
  });

  test('pressed while starting ends it too: at once, and when it has the workspace', async () => {
    const atOnce = await basin(long, { started: (kill) => kill('SIGINT') });
    expect(atOnce.code).toBe(130);
    const locked = () => existsSync(join(workspace, 'engine.lock'));
    const opened = await basin(long, { started: (kill) => when(locked, () => kill('SIGINT')) });
    expect(opened.code).toBe(130);
    expect(locked()).toBe(false);
  });
});

describe('back ends', () => {
  test('the one in use is named, and a slower one says why', async () => {
    const outcome = await basin(['run', 'diagnose', '--size', '64', '--seconds', '0.05', '--json', ...here], {
      env: { BASIN_BACKEND: 'cpu' },
    });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ backend: { name: 'cpu' } });
  });

  test('one that does not exist is refused by name', async () => {
    const outcome = await basin(['run', 'diagnose', ...here], { env: { BASIN_BACKEND: 'cuda' } });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/BASIN_BACKEND.*cuda.*tensorflow/);
  });
});
