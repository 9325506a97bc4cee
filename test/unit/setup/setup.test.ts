import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Scratch } from './scratch.ts';

const canCompile = ((): boolean => {
  try {
    execFileSync('g++', ['--version']);
    execFileSync('python3', ['--version']);
    return process.platform === 'linux';
  } catch {
    return false;
  }
})();

describe.skipIf(!canCompile)('npm run setup', () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = new Scratch();
  });
  afterEach(() => {
    scratch.dispose();
  });

  it('fetches, compiles and loads the library; a second run does nothing', async () => {
    const first = await scratch.setup();
    expect(first.stderr).toContain('TensorFlow 0.42 (CPU) is ready.');
    expect(first.code).toBe(0);
    expect(scratch.status()).toMatchObject({ ok: true, variant: 'cpu', version: '0.42' });
    scratch.remove('g++');
    scratch.remove('python3');
    const second = await scratch.setup();
    expect(second).toEqual({ code: 0, stderr: 'Setup is complete.\n' });
    expect(scratch.downloads()).toBe(1);
  });

  it('compiles again, without fetching, when node_modules was made anew', async () => {
    await scratch.setup();
    rmSync(join(scratch.root, 'node_modules', '@tensorflow', 'tfjs-node-gpu', 'lib'), { recursive: true });
    const again = await scratch.setup('offline');
    expect(again.stderr).toContain('TensorFlow 0.42 (CPU) is ready.');
    expect(scratch.downloads()).toBe(1);
  });

  it('notices a damaged library and fetches it again', async () => {
    await scratch.setup();
    truncateSync(scratch.library(), 100);
    const again = await scratch.setup();
    expect(again.stderr).toContain('is incomplete or damaged: downloading it again.');
    expect(again.stderr).toContain('TensorFlow 0.42 (CPU) is ready.');
    expect(scratch.downloads()).toBe(2);
  });

  it('fetches once when two run at the same time', async () => {
    const [one, two] = await Promise.all([scratch.setup(), scratch.setup()]);
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(scratch.downloads()).toBe(1);
    expect(`${one.stderr}${two.stderr}`).toMatch(
      /Another setup is running \(process \d+\); waiting for it\./,
    );
    expect(scratch.status()).toMatchObject({ ok: true });
  });

  it('can be interrupted, leaves nothing half-done, and works the next time', async () => {
    const { child, ended } = scratch.start('slow');
    while (!scratch.downloadStarted) await pause(20);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(readdirSync(scratch.cache)).toEqual([]);
    expect(readdirSync(join(scratch.root, '.cache'))).toEqual([]);
    expect((await scratch.setup()).stderr).toContain('TensorFlow 0.42 (CPU) is ready.');
  });

  it('is not held up by the lock of a setup that was killed', async () => {
    const { child, ended } = scratch.start('slow');
    while (!scratch.downloadStarted) await pause(20);
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(join(scratch.cache, 'setup.lock'))).toBe(true);
    const again = await scratch.setup();
    expect(again.stderr).toContain('TensorFlow 0.42 (CPU) is ready.');
    expect(readdirSync(scratch.cache)).toEqual(['tensorflow-cpu-2.21.0']);
  });

  const shortfalls = [
    {
      what: 'Python',
      pip: 'works',
      arrange: () => {
        scratch.remove('python3');
      },
      kind: 'no-python',
      says: [/python3 was not found/, /apt install python3-pip/],
    },
    { what: 'pip', pip: 'absent', kind: 'no-pip', says: [/python3 has no pip/, /apt install python3-pip/] },
    {
      what: 'a compiler',
      pip: 'works',
      arrange: () => {
        scratch.remove('g++');
      },
      kind: 'no-compiler',
      says: [/no C\+\+ compiler was found/, /apt install g\+\+/],
    },
    {
      what: 'the network',
      pip: 'offline',
      kind: 'no-network',
      says: [/PyPI could not be reached for tensorflow-cpu 0\.42/, /proxy/],
    },
    { what: 'room for pip', pip: 'full', kind: 'no-space', says: [/the disk is full/, /Free some space/] },
    {
      what: 'room for the library',
      pip: 'works',
      arrange: () => {
        scratch.writeList({ unpacked: 1e18 });
      },
      kind: 'no-space',
      says: [/MB free, 1,000,000,000,000 MB are needed/, /BASIN_CACHE/],
    },
    {
      what: 'the right file',
      pip: 'wrong',
      kind: 'bad-checksum',
      says: [/is not the expected file: SHA-256 [0-9a-f]{64}, expected/],
    },
    {
      what: 'a compiler that compiles',
      pip: 'works',
      arrange: () => {
        scratch.fake(
          'g++',
          '[ "$1" = --version ] && exit 0; echo "x.cc:1:1: error: no such thing" >&2; exit 1',
        );
      },
      kind: 'compile-failed',
      says: [/could not compile .*error: no such thing/, /CXX=clang\+\+/],
    },
  ];

  it.each(shortfalls)(
    'ends well without $what: says why and what to do, once, and writes it down',
    async ({ pip, arrange, kind, says }) => {
      arrange?.();
      const { code, stderr } = await scratch.setup(pip);
      expect(code).toBe(0);
      for (const text of says) expect(stderr).toMatch(text);
      expect(stderr.match(/native library is not available/g)).toHaveLength(1);
      expect(stderr).toContain('Until then Basin uses the wasm back end');
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(scratch.status()).toMatchObject({ ok: false, kind });
      expect(existsSync(scratch.cache) ? readdirSync(scratch.cache) : []).not.toContainEqual(
        expect.stringMatching('unpacking'),
      );
    },
  );

  it('mends itself as soon as what was missing is there', async () => {
    scratch.remove('g++');
    await scratch.setup();
    scratch.link('g++');
    expect((await scratch.setup()).stderr).toContain('TensorFlow 0.42 (CPU) is ready.');
    expect(scratch.status()).toMatchObject({ ok: true });
  });

  it('does not wait for an unreachable network again before every command, but shows the reason each time', async () => {
    await scratch.setup('offline');
    const command = await scratch.start('offline', [], 'scripts/bench.mjs').ended;
    expect(command.stderr).toContain('PyPI could not be reached');
    expect(scratch.downloads()).toBe(1);
    await scratch.setup('offline');
    expect(scratch.downloads()).toBe(2);
  });

  it('installs packages when they differ from the lockfile, and stops with one message when npm cannot', async () => {
    scratch.writeLock('package-lock.json', '2.0.0');
    scratch.fake('npm', 'echo "npm error network" >&2; exit 1');
    const { code, stderr } = await scratch.setup();
    expect(code).toBe(1);
    expect(stderr).toContain('Installing packages (left 2.0.0 is not installed).');
    expect(stderr).toContain('Setup failed: npm ci failed');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('passes to npm that no install script is to run', async () => {
    scratch.writeLock('package-lock.json', '2.0.0');
    scratch.fake('npm', 'echo "$@" >&2; cp package-lock.json node_modules/.package-lock.json');
    const { code, stderr } = await scratch.setup();
    expect(stderr).toContain('ci --ignore-scripts --no-audit --no-fund --loglevel=error');
    expect(code).toBe(0);
  });

  it('refuses an option it does not know', async () => {
    const { code, stderr } = await scratch.setup('works', '--cuda');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Unknown option --cuda\.\nnpm run setup/);
  });
});
