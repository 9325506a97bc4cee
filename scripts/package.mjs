/**
 * `npm run package [-- ELECTRON-BUILDER-ARGS]`: the desktop app as AppImage and deb into dist/, native TensorFlow and
 * Node 24 inside; `-- dir` makes the unpacked folder only. Then the packed copy is asked what it computes with, in an
 * environment that has nothing of this machine's.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from './lib/build.mjs';
import { environment, foreground, inClone, script } from './lib/launch.mjs';
import { modules } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { readStatus } from './lib/status.mjs';

const say = (text) => process.stderr.write(`${text}\n`);
const args = process.argv.slice(2);

function warnAboutNative() {
  const status = readStatus();
  if (!status?.ok) {
    say('Native TensorFlow is not set up: the package will use WebAssembly, which is many times slower.');
    say('  "npm run setup" installs it, or explains why it cannot.');
  } else if (status.variant === 'gpu') {
    say(
      'The CUDA build is set up, but its NVIDIA libraries are not packaged: the package will compute on the CPU.',
    );
    say('  For a smaller package: npm run setup -- --cpu');
  }
}

/** BASIN_ELECTRON names an Electron that is there already; else electron-builder fetches its own. */
function electronArgs() {
  const binary = process.env.BASIN_ELECTRON;
  return binary ? [`-c.electronDist=${join(binary, '..')}`] : [];
}

/** The packed copy's own words about its back end. */
async function check() {
  const app = inClone('dist', 'linux-unpacked', 'resources', 'app');
  const node = join(app, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  if (!existsSync(node)) throw new Error(`The package has no Node: ${node} is missing.`);
  const home = mkdtempSync(join(tmpdir(), 'basin-package-'));
  const cli = join(app, 'src-main', 'cli', 'basin.mjs');
  const { stdout, stderr } = await run(node, [cli, 'doctor', '--workspace', join(home, 'workspace')], {
    cwd: home,
    env: { PATH: '/usr/bin:/bin', HOME: home },
  });
  rmSync(home, { recursive: true, force: true });
  say(`The packaged app reports:\n${(stdout || stderr).trimEnd()}`);
}

script(async () => {
  warnAboutNative();
  await ensureBuilt({ say });
  const builder = join(modules, 'electron-builder', 'cli.js');
  const code = await foreground([builder, '--linux', ...args, ...electronArgs()], {
    cwd: inClone(),
    env: environment(),
  });
  if (code === 0) await check();
  return code;
});
