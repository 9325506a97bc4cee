/** The import rules really fail: on a tree of few files, first without, then with one violation of each planted. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

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
    "import { engine } from '../engine/index.ts';\nimport { app } from 'electron';\nexport const both = [engine, app];",
  'src-renderer/client.ts': "import { run } from '../src-shared/domain.ts';\nexport const client = run;",
};

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'basin-architecture-'));
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.base.json', 'package.json'])
    copyFileSync(join(clone, name), join(root, name));
  symlinkSync(join(clone, 'node_modules'), join(root, 'node_modules'));
  for (const [path, text] of Object.entries(house)) write(path, text);
});

afterAll(() => {
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
    file: 'src-shared/x1.ts',
    text: "export { npy } from '../src-main/formats/npy.ts';",
  },
  {
    rule: 'src-renderer-imports',
    file: 'src-renderer/x2.ts',
    text: "export { engine } from '../src-main/engine/index.ts';",
  },
  {
    rule: 'src-main-formats-imports',
    file: 'src-main/formats/x3.ts',
    text: "export { engine } from '../engine/index.ts';",
  },
  {
    rule: 'src-main-compute-imports',
    file: 'src-main/compute/x4.ts',
    text: "export { engine } from '../engine/index.ts';",
  },
  {
    rule: 'src-main-worker-imports',
    file: 'src-main/worker/x5.ts',
    text: "export { engine } from '../engine/index.ts';",
  },
  {
    rule: 'src-main-engine-imports',
    file: 'src-main/engine/x6.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'src-main-server-imports',
    file: 'src-main/server/x7.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'src-main-cli-imports',
    file: 'src-main/cli/x8.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'src-main-electron-imports',
    file: 'src-main/electron/x9.ts',
    text: "export { train } from '../compute/train.ts';",
  },
  {
    rule: 'only-electron-imports-electron',
    file: 'src-main/engine/x10.ts',
    text: "export { app } from 'electron';",
  },
  { rule: 'shared-is-pure', file: 'src-shared/x11.ts', text: "export { join } from 'node:path';" },
  { rule: 'shared-is-pure', file: 'src-shared/x12.ts', text: "export { WebSocket } from 'ws';" },
  { rule: 'renderer-knows-no-node', file: 'src-renderer/x13.ts', text: "export { join } from 'node:path';" },
  { rule: 'nothing-missing', file: 'src-main/engine/x14.ts', text: "export { gone } from './gone.ts';" },
  {
    rule: 'no-development-packages',
    file: 'src-main/engine/x15.ts',
    text: "export { linearSumAssignment } from 'linear-sum-assignment';",
  },
  {
    rule: 'no-circles',
    file: 'src-main/formats/back.ts',
    text: "import { there } from './there.ts';\nexport const back = there;",
  },
  {
    rule: 'no-circles',
    file: 'src-main/formats/typed-back.ts',
    text: "import type { There } from './typed-there.ts';\nexport interface Back { there: There }",
  },
  {
    rule: 'src-main-engine-imports',
    file: 'src-main/engine/typed.ts',
    text: "import type { train } from '../compute/train.ts';\nexport type T = typeof train;",
  },
];

describe('with violations', () => {
  let output: string;
  let code: number | null;
  beforeAll(() => {
    write('src-main/formats/there.ts', "import { back } from './back.ts';\nexport const there = back;");
    write(
      'src-main/formats/typed-there.ts',
      "import type { Back } from './typed-back.ts';\nexport interface There { back: Back }",
    );
    for (const { file, text } of violations) write(file, text);
    ({ output, code } = cruise());
  });

  it('fails', () => {
    expect(code).toBeGreaterThan(0);
  });

  it.each(violations)('$rule: finds $text', ({ rule, file }) => {
    expect(output).toContain(`error ${rule}: ${file}`);
  });

  it('finds nothing else, and says where the rules are explained', () => {
    const found = [...output.matchAll(/error ([\w-]+): (\S+)/g)].map(([, rule, file]) => `${rule} ${file}`);
    const planted = violations.map(({ rule, file }) => `${rule} ${file}`);
    expect([...new Set(found)].filter((line) => !planted.includes(line))).toEqual([]);
    expect(output.replace(/\s+/g, ' ')).toContain('See CONTRIBUTING.md, "Who may import whom"');
  });
});
