/** The app's pages and the desktop's bundles under out/, built when they are missing or older than their sources. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { environment, inClone } from './launch.mjs';
import { withLock } from './lock.mjs';
import { basinNode, localFolder, modules } from './paths.mjs';
import { run } from './process.mjs';

const sources = [
  ...['src-renderer', 'src-shared', 'src-main', 'electron.vite.config.ts', 'package-lock.json'],
  'scripts/lib/old-electron.cjs',
];
/** What the pages are made of; a change elsewhere in src-main does not concern `basin serve`. */
const pageSources = sources.filter((name) => name !== 'src-main');

function newest(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), 0);
}

const stampOf = (out) => join(out, 'built.json');

function isStale(out, names) {
  const stamp = statSync(stampOf(out), { throwIfNoEntry: false });
  if (!stamp || !existsSync(join(out, 'renderer', 'index.html'))) return true;
  return names.some((name) => newest(inClone(name)) > stamp.mtimeMs);
}

/** Builds beside and swaps, so that a server that is up, or a build that fails, never shows half a page. */
async function build(out, old, say) {
  const started = new Date();
  const next = join(out, `next-${process.pid}`);
  say(`Building the app's pages${old ? ' for an old Electron' : ''}.`);
  const result = await run(
    basinNode(),
    [join(modules, 'electron-vite', 'bin', 'electron-vite.js'), 'build'],
    {
      cwd: inClone(),
      env: environment({ BASIN_BUILD_OUT: next, BASIN_OLD_ELECTRON: old ? '1' : '' }),
    },
  );
  if (result.code !== 0) {
    rmSync(next, { recursive: true, force: true });
    throw new Error(`The app's pages could not be built:\n${(result.stderr || result.stdout).trim()}`);
  }
  for (const part of ['main', 'preload', 'renderer']) {
    rmSync(join(out, part), { recursive: true, force: true });
    renameSync(join(next, part), join(out, part));
  }
  rmSync(next, { recursive: true, force: true });
  writeFileSync(stampOf(out), `${JSON.stringify({ started: started.toISOString() })}\n`);
  // What was edited during the build is newer than the build.
  utimesSync(stampOf(out), started, started);
}

/**
 * options: old (for Electron 9, into out/old), pagesOnly (nothing but what a browser gets has to be current).
 * Returns the folder. Throws with the bundler's words when it fails, or when it is not installed.
 */
export async function ensureBuilt({ old = false, pagesOnly = false, say = () => {} } = {}) {
  const out = inClone(...(old ? ['out', 'old'] : ['out']));
  const names = pagesOnly ? pageSources : sources;
  if (!isStale(out, names)) return out;
  if (!existsSync(join(modules, 'electron-vite'))) {
    throw new Error('The app\'s pages are not built, and the bundler is not installed. Run "npm run setup".');
  }
  mkdirSync(out, { recursive: true });
  await withLock(join(localFolder, 'build.lock'), async () => {
    if (isStale(out, names)) await build(out, old, say);
  });
  return out;
}
