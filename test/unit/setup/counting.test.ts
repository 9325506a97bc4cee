/** `npm test` itself: what it counts, its last line and its exit code, on a scratch clone with suites of our making. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const clone = fileURLToPath(new URL('../../..', import.meta.url));
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'basin-counting-'));
  for (const name of ['node_modules', 'scripts', 'src-main', 'src-shared'])
    symlinkSync(join(clone, name), join(root, name));
  for (const name of ['package.json', 'package-lock.json', 'vitest.config.ts'])
    copyFileSync(join(clone, name), join(root, name));
  mkdirSync(join(root, 'test', 'unit'), { recursive: true });
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function suite(name: string, body: string): void {
  writeFileSync(
    join(root, 'test', 'unit', `${name}.test.ts`),
    `import { expect, it } from 'vitest';\n${body}\n`,
  );
}

/** Runs `npm test -- unit` in the scratch clone; returns exit code and last line. */
function runTests(): { code: number | null; last: string; output: string } {
  const inherited = Object.entries(process.env).filter(
    ([key]) => !/^(VITEST|NODE_OPTIONS|CI$|FORCE_COLOR)/.test(key),
  );
  const env = { ...Object.fromEntries(inherited), BASIN_ROOT: root, NO_COLOR: '1' };
  const ended = spawnSync(process.execPath, [join(clone, 'scripts', 'test.mjs'), 'unit'], {
    env,
    encoding: 'utf8',
  });
  return {
    code: ended.status,
    last: ended.stdout.trimEnd().split('\n').pop() ?? '',
    output: ended.stdout + ended.stderr,
  };
}

/** The static checks are not part of a narrowed run and count as skipped. */
const checks = /(\d+) skipped$/;

it('counts what passed and what was skipped', () => {
  suite('good', "it('a', () => expect(1).toBe(1)); it('b', () => {}); it.skip('c', () => {}); it.todo('d');");
  const { code, last, output } = runTests();
  expect(last).toMatch(/^2 passed, 0 failed, \d+ skipped$/);
  const named = /because the run is narrowed to unit: (.*)\./.exec(output)?.[1]?.split(', ').length;
  expect(Number(checks.exec(last)?.[1])).toBe(named! + 2);
  expect(code).toBe(0);
});

it('fails where a test fails, and names it', () => {
  suite('bad', "it('one and one', () => expect(1 + 1).toBe(3)); it('b', () => {});");
  const { code, last, output } = runTests();
  expect(last).toMatch(/^1 passed, 1 failed, /);
  expect(output).toMatch(/Failed:\n {2}test\/unit\/bad\.test\.ts: one and one\n/);
  expect(code).toBe(1);
});

it('fails where a file does not load', () => {
  suite('good', "it('a', () => {});");
  suite('broken', "import './absent.ts'; it('a', () => {});");
  const { code, last } = runTests();
  expect(last).toMatch(/^1 passed, 1 failed, /);
  expect(code).toBe(1);
});

it('fails where something throws outside of any test', () => {
  suite(
    'late',
    "it('a', () => { setTimeout(() => { throw new Error('too late'); }, 1); }); it('b', () => new Promise((r) => setTimeout(r, 100)));",
  );
  const { code, last } = runTests();
  expect(last).toMatch(/^2 passed, 1 failed, /);
  expect(code).toBe(1);
});

it('fails where a test takes its whole process down', () => {
  suite('good', "it('a', () => {});");
  suite('dying', "it('a', () => { process.kill(process.pid, 'SIGKILL'); });");
  const { code, last } = runTests();
  expect(last).toMatch(/^1 passed, [1-9]\d* failed, /);
  expect(code).toBe(1);
});

it('fails where no test ran', () => {
  suite('empty', "it.skip('a', () => expect(1).toBe(1));");
  const { code, last, output } = runTests();
  expect(last).toMatch(/^0 passed, 1 failed, /);
  expect(output).toContain('no test ran');
  expect(code).toBe(1);
});

it('fails where vitest does not start', () => {
  writeFileSync(join(root, 'vitest.config.ts'), 'throw new Error("no config");');
  suite('good', "it('a', () => {});");
  const { code, last } = runTests();
  expect(last).toMatch(/^0 passed, 1 failed, /);
  expect(code).toBe(1);
});
