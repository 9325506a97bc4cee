/** Child processes that are stopped, and temporary folders that are removed, when the script is interrupted. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import process from 'node:process';

const children = new Set();
const cleanups = new Set();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
let listening = false;

const cleanUp = () => cleanups.forEach((cleanup) => cleanup());

function end(signal) {
  for (const child of children) child.kill(signal);
  process.exit(128 + constants.signals[signal]);
}

function listen() {
  if (listening) return;
  listening = true;
  process.on('exit', cleanUp);
  for (const signal of signals) process.on(signal, end);
}

/** Signals are the program's own again as soon as nothing is left to stop or to clean up. */
function listenNoMore() {
  if (!listening || children.size || cleanups.size) return;
  listening = false;
  process.off('exit', cleanUp);
  for (const signal of signals) process.off(signal, end);
}

/** Registers work for the end of the process, however it ends; returns a function that does it now instead. */
export function onEnd(cleanup) {
  listen();
  cleanups.add(cleanup);
  return () => {
    if (cleanups.delete(cleanup)) cleanup();
    listenNoMore();
  };
}

export function removeOnEnd(path) {
  return onEnd(() => rmSync(path, { recursive: true, force: true }));
}

/**
 * Runs a program to its end. Never rejects.
 * stdout / stderr: 'capture' (returned), 'show' (to our stderr: stdout stays free for JSON), 'inherit'.
 * Returns { code, signal, stdout, stderr, missing }; missing: the program is not on this machine.
 */
export function run(
  command,
  args,
  { cwd, env, stdout = 'capture', stderr = 'capture', stdin = 'ignore', onLine } = {},
) {
  listen();
  const pipe = (how) => (how === 'capture' ? 'pipe' : how === 'show' ? 2 : 'inherit');
  return new Promise((resolve) => {
    const result = { code: 1, signal: null, stdout: '', stderr: '', missing: false };
    const child = spawn(command, args, { cwd, env, stdio: [stdin, pipe(stdout), pipe(stderr)] });
    children.add(child);
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      result.stdout += text;
      if (!onLine) return;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(onLine);
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => (result.stderr += text));
    child.on('error', (error) => {
      children.delete(child);
      listenNoMore();
      resolve({ ...result, missing: error.code === 'ENOENT', stderr: result.stderr + error.message });
    });
    child.on('close', (code, signal) => {
      children.delete(child);
      listenNoMore();
      if (rest && onLine) onLine(rest);
      resolve({ ...result, code: code ?? 1, signal });
    });
  });
}

/** The last line of a program's output that says something. */
export function lastLine(text) {
  return text.trim().split('\n').pop()?.trim() ?? '';
}
