/** Opening the workbench: in Electron where there is a screen and its binary, else in a browser. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { environment, foreground, inClone } from './launch.mjs';
import { modules } from './paths.mjs';
import { run } from './process.mjs';

const say = (text) => process.stderr.write(`${text}\n`);
const folder = join(modules, 'electron');
const fetchMinutes = 5;

export function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

function binary() {
  if (process.env.BASIN_ELECTRON) return process.env.BASIN_ELECTRON;
  const named = join(folder, 'path.txt');
  const path = existsSync(named) ? join(folder, 'dist', readFileSync(named, 'utf8')) : undefined;
  return path && existsSync(path) ? path : undefined;
}

/** The package brings its binary at its first start only; without a network that fails, which is no error here. */
async function fetchBinary() {
  if (!existsSync(join(folder, 'install.js'))) return;
  say('Fetching Electron (about 110 MB, once).');
  const limit = AbortSignal.timeout(fetchMinutes * 60_000);
  await Promise.race([
    run(process.execPath, [join(folder, 'install.js')], { env: environment() }),
    new Promise((resolve) => limit.addEventListener('abort', resolve)),
  ]);
}

/** Resolves to the exit code of the app. `args` go to it: --workspace DIR, folders to import; --browser serves. */
export async function openApp(args) {
  const forBrowser = args.includes('--browser') || args.includes('--port') || args.includes('--json');
  const rest = args.filter((word) => word !== '--browser');
  const serve = () => foreground([inClone('src-main', 'cli', 'basin.mjs'), 'serve', ...rest]);
  if (forBrowser) return serve();
  if (!hasDisplay()) {
    say('No display here (DISPLAY is not set): serving the app to a browser instead of opening its window.');
    return serve();
  }
  if (!binary()) await fetchBinary();
  const electron = binary();
  if (!electron) {
    say("Electron's binary could not be fetched: serving the same app to a browser.");
    say('  BASIN_ELECTRON=/path/to/electron names one that is there already.');
    return serve();
  }
  await ensureBuilt({ say });
  const child = spawn(electron, [inClone(), ...rest], { env: environment(), stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
