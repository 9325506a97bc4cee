/** What `npm start` and `npm run demo` open at a terminal, with and without a screen, in a clone with stand-ins. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scratch } from './scratch.ts';

const scripts = fileURLToPath(new URL('../../../scripts', import.meta.url));
/** Gives a command a terminal of its own. */
const terminal = '/usr/bin/script';
if (!existsSync(terminal)) process.stderr.write('NOT TESTED HERE: what opens at a terminal (no "script")\n');

describe.skipIf(!existsSync(terminal))('at a terminal', () => {
  let scratch: Scratch;
  let electron: string;

  beforeAll(async () => {
    scratch = new Scratch();
    expect((await scratch.setup()).code).toBe(0);
    const put = (path: string, text: string) => {
      mkdirSync(join(scratch.root, path, '..'), { recursive: true });
      writeFileSync(join(scratch.root, path), text);
    };
    put('src-main/cli/basin.mjs', 'console.log("basin", ...process.argv.slice(2));');
    put('out/renderer/index.html', '');
    put('out/built.json', '{}');
    electron = join(scratch.folder, 'electron');
    electronThat('echo electron "$@"');
  });
  afterAll(() => scratch.dispose());

  function electronThat(does: string): void {
    writeFileSync(electron, `#!/bin/sh\n[ "$ELECTRON_RUN_AS_NODE" ] && echo 45.4.1 && exit\n${does}\n`);
    chmodSync(electron, 0o755);
  }

  /** Everything that appears, without the terminal's own line ends. */
  async function run(script: string, args: string[], env: Record<string, string>, pty = true) {
    const words = [process.execPath, join(scripts, script), ...args];
    const [program, given] = pty
      ? [terminal, ['-qec', words.join(' '), '/dev/null']]
      : [words[0]!, words.slice(1)];
    const child = spawn(program, given, {
      cwd: scratch.root,
      env: { ...scratch.environment(), SHELL: '/bin/sh', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, lines: text.replaceAll('\r', '').split('\n').filter(Boolean) };
  }

  const screen = () => ({ DISPLAY: ':0', BASIN_ELECTRON: electron });
  const opened = (...args: string[]) =>
    expect.stringMatching(new RegExp(`^electron .*clone ?${args.join(' ')}$`));

  it('npm start opens the app, with its arguments', async () => {
    const { code, lines } = await run('start.mjs', ['--workspace', 'w', 'folder'], screen());
    expect(lines).toContainEqual(opened('--workspace w folder'));
    expect(code).toBe(0);
  });

  it('npm start serves where no screen is, and says so', async () => {
    const { lines } = await run('start.mjs', ['--workspace=w'], { BASIN_ELECTRON: electron });
    expect(lines[0]).toMatch(/^No display here .*serving the app to a browser/);
    expect(lines[1]).toMatch(/^basin serve --workspace w( --port 0)?$/);
  });

  it('npm start serves where Electron cannot be had, and says how to name one', async () => {
    const { lines } = await run('start.mjs', [], { DISPLAY: ':0' });
    expect(lines[0]).toMatch(
      /^Electron's binary could not be downloaded \(.+\): serving the same app to a browser/,
    );
    expect(lines[1]).toContain('BASIN_ELECTRON=/path/to/electron');
    expect(lines[2]).toMatch(/^basin serve/);
  });

  it('npm start serves where Electron does not run', async () => {
    electronThat('echo "electron: error while loading shared libraries" >&2; exit 127');
    const { lines } = await run('start.mjs', [], screen());
    expect(lines).toContainEqual(expect.stringMatching(/does not run here \(127\): serving the same app/));
    expect(lines.at(-1)).toMatch(/^basin serve/);
    electronThat('echo electron "$@"');
  });

  it('npm run demo ends by opening the app on its workspace', async () => {
    const { code, lines } = await run('demo.mjs', ['--workspace', 'w'], screen());
    expect(lines[0]).toBe('basin demo --workspace w');
    expect(lines).toContainEqual(opened('--workspace w'));
    expect(code).toBe(0);
  });

  it('npm run demo ends by serving where no screen is', async () => {
    const { lines } = await run('demo.mjs', ['--workspace=w'], {});
    expect(lines[0]).toBe('basin demo --workspace=w');
    expect(lines.at(-1)).toMatch(/^basin serve --workspace w/);
  });

  it.each([
    ['with --json', ['--json'], {}, true],
    ['with CI=true', [], { CI: 'true' }, true],
    ['without a terminal', [], {}, false],
    ['with --no-open', ['--no-open'], {}, true],
  ] as const)('npm run demo opens and serves nothing %s', async (_when, args, env, pty) => {
    const { code, lines } = await run('demo.mjs', [...args], { ...screen(), ...env }, pty);
    expect(lines).toEqual([['basin demo', ...args].filter((word) => word !== '--no-open').join(' ')]);
    expect(code).toBe(0);
  });
});
