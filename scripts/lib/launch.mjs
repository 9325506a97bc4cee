/** Running Basin's own programs under its own Node, after setup. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { assertNode, ensureSetup } from './ensure.mjs';
import { basinNode, modules, root } from './paths.mjs';

/** The environment of everything that runs from here: `node` means Basin's Node, and setup is not looked at again. */
export function environment(extra = {}) {
  const path = [join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path, BASIN_SETUP_DONE: '1', ...extra };
}

/** Runs `node ARGS`, or another program, in the foreground; signals go to it. Resolves to its exit code, as a shell counts. */
export function foreground(args, { env = environment(), cwd, program = basinNode() } = {}) {
  const child = spawn(program, args, { cwd, env, stdio: 'inherit' });
  const pass = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, pass);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** The whole of a small script: setup where needed, then `work()`, whose exit code is ours. */
export function script(work) {
  ensureSetup()
    .then(assertNode)
    .then(work)
    .then(
      (code) => (process.exitCode = code),
      (error) => {
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 1;
      },
    );
}

/** A file of the clone, as an absolute path. */
export const inClone = (...parts) => join(root, ...parts);
