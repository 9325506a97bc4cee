/** Are the installed npm packages those of the lockfile, and if not, install them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modules, root } from './paths.mjs';
import { run } from './process.mjs';

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Compares the lockfile with npm's own record of what it installed (node_modules/.package-lock.json, which npm
 * writes last, so an interrupted install counts as none). Returns undefined when current, else what differs.
 */
export function stalePackages() {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  if (!wanted) return 'package-lock.json is missing or unreadable';
  if (!existsSync(modules)) return 'node_modules is missing';
  const installed = packagesOf(join(modules, '.package-lock.json'));
  if (!installed) return 'node_modules is incomplete';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue;
    const found = installed[path];
    if (!found && entry.optional) continue;
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) {
      return `${path.replace('node_modules/', '')} ${entry.version} is not installed`;
    }
  }
  return undefined;
}

/** `npm ci` without install scripts (no dependency needs its own). Throws with what to do. */
export async function installPackages(say) {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const [command, first] = npm && /\.c?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []];
  const result = await run(command, [...first, ...args], { cwd: root, stdout: 'show', stderr: 'show' });
  if (result.missing)
    throw new Error('npm was not found. Install npm 10 or newer (https://nodejs.org), then try again.');
  if (result.code !== 0) {
    throw new Error(
      'npm ci failed (its message is above). The usual cause is the network: check it and try again.',
    );
  }
  say('Packages are installed.');
}
