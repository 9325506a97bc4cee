/** The import rules really fail: each on a tree of few files with one violation planted. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const clone = fileURLToPath(new URL('../../..', import.meta.url));
let root: string;

/** A house that keeps the rules: one small file per layer. */
const house: Record<string, string> = {
  'src-shared/domain.ts': "import { z } from 'zod';\nexport const run = z.string();",
  'src-main/formats/npy.ts': "import { run } from '../../src-shared/domain.ts';\nexport const npy = run;",
  'src-main/compute/train.ts':
    "import { npy } from '../formats/npy.ts';\nimport { run } from '../../src-shared/domain.ts';\nexport const train = [npy, run];",
  'src-main/worker/index.ts': "import { train } from '../compute/train.ts';\nexport const worker = train;",
  'src-main/engine/index.ts':
    "import { npy } from '../formats/npy.ts';\nimport { join } from 'node:path';\nexport const engine = [npy, join];",
  'src-main/server/index.ts': "import { engine } from '../engine/index.ts';\nexport const server = engine;",
  'src-main/cli/main.ts': "import { server } from '../server/index.ts';\nexport const main = server;",
  'src-main/electron/main.ts':
    "import { engine } from '../engine/index.ts';\nimport { app } from 'electron';\nexport const door = [engine, app];",
  'src-renderer/client.ts': "import { run } from '../src-shared/domain.ts';\nexport const client = run;",
};

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'basin-architecture-'));
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.base.json', 'package.json'])
    copyFileSync(join(clone, name), join(root, name));
  symlinkSync(join(clone, 'node_modules'), join(root, 'node_modules'));
  for (const [path, text] of Object.entries(house)) write(path, text);
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function cruise(): { code: number | null; output: string } {
  const program = join(clone, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = [
    'src-shared',
    'src-main',
    'src-renderer',
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'err-long',
  ];
  const ended = spawnSync(process.execPath, [program, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { code: ended.status, output: ended.stdout + ended.stderr };
}

it('lets the house as it is meant pass', () => {
  const { code, output } = cruise();
  expect(output).toContain('no dependency violations found');
  expect(code).toBe(0);
});

const violations: { rule: string; file: string; text: string }[] = [
  {
    rule: 'src-shared-imports',
    file: 'src-shared/x.ts',
    text: "export { npy } from '../src-main/formats/npy.ts';",
  },
  {
    rule: 'src-renderer-imports',
    file: 'src-renderer/x.ts',
    text: "export { engine } from '../src-main/engine/index.ts';",
  },
  {
    rule: 'src-main-formats-imports',
    file: 'src-main/formats/x.ts',
    text: "export { engine } from '../engine/index.ts';",
  },
  {
    rule: 'src-main-compute-imports',
    file: 'src-main/compute/x.ts',
    text: "export { engine } from '../engine/index.ts';",
  },
  {
    rule: 'src-main-worker-imports',
    file: 'src-main/worker/x.ts',
    text: "export { engine } from '../engine/index.ts';",
  },
  {
    rule: 'src-main-engine-imports',
    file: 'src-main/engine/x.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'src-main-server-imports',
    file: 'src-main/server/x.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'src-main-cli-imports',
    file: 'src-main/cli/x.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'src-main-electron-imports',
    file: 'src-main/electron/x.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'only-electron-imports-electron',
    file: 'src-main/engine/x.ts',
    text: "export { app } from 'electron';",
  },
  { rule: 'shared-is-pure', file: 'src-shared/x.ts', text: "export { join } from 'node:path';" },
  { rule: 'shared-is-pure', file: 'src-shared/x.ts', text: "export { WebSocket } from 'ws';" },
  { rule: 'renderer-knows-no-node', file: 'src-renderer/x.ts', text: "export { join } from 'node:path';" },
  { rule: 'nothing-missing', file: 'src-main/engine/x.ts', text: "export { gone } from './gone.ts';" },
  {
    rule: 'no-development-packages',
    file: 'src-main/engine/x.ts',
    text: "export { Matrix } from 'ml-matrix';",
  },
  {
    rule: 'no-circles',
    file: 'src-main/formats/npy.ts',
    text: "import { back } from './x.ts';\nexport const npy = back;",
  },
];

it.each(violations)('$rule: fails on $text', ({ rule, file, text }) => {
  if (rule === 'no-circles')
    write('src-main/formats/x.ts', "import { npy } from './npy.ts';\nexport const back = npy;");
  write(file, text);
  const { code, output } = cruise();
  expect(output).toContain(`error ${rule}: ${file}`);
  expect(code).toBeGreaterThan(0);
});

it('counts an import of a type alone', () => {
  write(
    'src-main/engine/x.ts',
    "import type { train } from '../compute/train.ts';\nexport type T = typeof train;",
  );
  expect(cruise().output).toContain('error src-main-engine-imports: src-main/engine/x.ts');
});
