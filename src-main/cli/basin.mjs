#!/usr/bin/env node
/**
 * `basin`: starts under any Node >= 18, sees that setup is done (its words go to stderr, so that --json keeps stdout
 * pure), and hands over to main.ts under Node 24, which runs TypeScript as it is.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const isNewEnough = Number(process.versions.node.split('.')[0]) >= 24;
const setupModule = new URL('../../scripts/lib/ensure.mjs', import.meta.url);

/** Runs the same command under the Node that npm installed, passing signals on, and takes over how it ended. */
function handOver(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

/** `basin serve` in a clone shows the pages of the sources beside it. */
async function buildPages() {
  const buildModule = new URL('../../scripts/lib/build.mjs', import.meta.url);
  if (!existsSync(fileURLToPath(buildModule))) return;
  const { ensureBuilt } = await import(buildModule.href);
  await ensureBuilt({ pagesOnly: true, say: (text) => process.stderr.write(`${text}\n`) });
}

async function start() {
  // A packaged copy has no scripts/: it comes set up.
  if (process.env.BASIN_SETUP_DONE !== '1' && existsSync(fileURLToPath(setupModule))) {
    const { assertNode, ensureSetup } = await import(setupModule.href);
    await ensureSetup();
    assertNode();
    process.env.BASIN_SETUP_DONE = '1';
  }
  if (!isNewEnough) return handOver(fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url)));
  if (process.argv.includes('serve') && !process.argv.includes('--help')) await buildPages();
  // Before the first TypeScript file: stripping types is most of what a short command takes.
  nodeModule.enableCompileCache();
  const { main } = await import('./main.ts');
  return main(process.argv.slice(2));
}

start().then(
  (code) => (process.exitCode = code),
  (error) => {
    process.stderr.write(`basin: ${process.argv.includes('--debug') ? error.stack : error.message}\n`);
    process.exitCode = 1;
  },
);
