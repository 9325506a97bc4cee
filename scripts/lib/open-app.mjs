/** Opening the workbench: in Electron where there is a screen and its binary, else in a browser. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ensureBuilt } from './build.mjs';
import { environment, foreground, inClone } from './launch.mjs';
import { basinNode, modules } from './paths.mjs';
import { lastLine, run } from './process.mjs';

const say = (text) => process.stderr.write(`${text}\n`);
const folder = join(modules, 'electron');
const fetchMinutes = 5;
/** Of `basin serve`; where it is taken any other will do. */
const usualPort = 7077;
/** Electron 35 brings Node 22, which the build for the current one is made for. */
const oldestElectron = 35;

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
  if (!existsSync(join(folder, 'install.js'))) return 'its package is not installed';
  say('Downloading Electron (about 110 MB, once).');
  const limit = AbortSignal.timeout(fetchMinutes * 60_000);
  const result = await Promise.race([
    run(basinNode(), [join(folder, 'install.js')], { env: environment() }),
    new Promise((resolve) => limit.addEventListener('abort', () => resolve(undefined))),
  ]);
  if (!result) return `nothing after ${fetchMinutes} minutes`;
  const complaint = result.stderr.split('\n').find((line) => /error/i.test(line));
  return result.code === 0 ? undefined : (complaint ?? lastLine(result.stderr)).trim();
}

/** The version of an Electron, as a number; an old one (BASIN_ELECTRON) needs a build of its own. */
async function majorOf(electron) {
  const env = environment({ ELECTRON_RUN_AS_NODE: '1' });
  const { stdout } = await run(electron, ['-p', 'process.versions.electron'], { env });
  return Number.parseInt(stdout, 10);
}

/** What starts the app in this Electron: its program's arguments, before those that are the app's. */
async function startArgs(electron) {
  const major = await majorOf(electron);
  const old = major < oldestElectron;
  const out = await ensureBuilt({ old, say });
  const args = [old ? join(out, 'main', 'index.cjs') : inClone()];
  if (process.getuid?.() !== 0) return args;
  say('Chromium has no sandbox for root: the app runs without it.');
  return ['--no-sandbox', ...args];
}

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

async function serve(args) {
  const given = args.some((word) => word === '--port' || word.startsWith('--port='));
  const port = given || (await isFree(usualPort)) ? [] : ['--port', '0'];
  return foreground([inClone('src-main', 'cli', 'basin.mjs'), 'serve', ...args, ...port]);
}

/** The app in a browser takes options only; folders to import are named, not dropped in silence. */
function serveWithout(args) {
  const options = workspaceArgs(args);
  const folders = args.filter((word) => !word.startsWith('--') && !options.includes(word));
  if (folders.length > 0) say(`Not imported: ${folders.join(', ')}. Use Import… in the app.`);
  return serve(options);
}

/** Resolves to the exit code of the app. `args` go to it: --workspace DIR, folders to import; --browser serves. */
export async function openApp(args) {
  const forBrowser = args.some((word) => /^--(browser|json|(port|host)(=.*)?)$/.test(word));
  const rest = args.filter((word) => word !== '--browser');
  const toBrowser = () => serveWithout(rest);
  if (forBrowser) return serve(rest);
  if (!hasDisplay()) {
    say('No display here (DISPLAY is not set): serving the app to a browser instead of opening a window.');
    return toBrowser();
  }
  const problem = binary() ? undefined : await fetchBinary();
  const electron = binary();
  if (!electron) {
    say(`Electron's binary could not be downloaded (${problem}): serving the same app to a browser.`);
    say('  BASIN_ELECTRON=/path/to/electron names an installed one.');
    return toBrowser();
  }
  const code = await foreground([...(await startArgs(electron)), ...rest], { program: electron });
  if (!crashed(code)) return code;
  say(`${electron} does not run here (${code}): serving the same app to a browser.`);
  return toBrowser();
}

/** Ended before or instead of our own code: a library is missing (126, 127), or Chromium gave up (SIGTRAP, SIGABRT ...). */
const crashed = (code) => [126, 127, 128 + 4, 128 + 5, 128 + 6, 128 + 11].includes(code);

/** `--workspace DIR`, as two words or as one; the last one counts. */
export function workspaceArgs(args) {
  const at = args.findLastIndex((word) => word === '--workspace' || word.startsWith('--workspace='));
  if (at === -1) return [];
  return ['--workspace', args[at] === '--workspace' ? args[at + 1] : args[at].slice('--workspace='.length)];
}
