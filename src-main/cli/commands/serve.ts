/** `basin serve`: the workbench in a browser, here or through SSH. */
import { InvalidArgumentError } from 'commander';
import { join } from 'node:path';
import { openEngine } from '../../engine/engine.ts';
import { projectRoot } from '../../engine/options.ts';
import { serve } from '../../server/serve.ts';
import type { DefineCommand, Globals } from '../globals.ts';

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new InvalidArgumentError('expected a number from 0 (a free port) to 65535');
  }
  return port;
}

async function run(
  options: { port: number; host: string },
  { workspace, terminal, signal }: Globals,
): Promise<void> {
  const engine = await openEngine({ ...(workspace === undefined ? {} : { workspace }), queue: 'all' });
  try {
    const served = await serve({ engine, pages: join(projectRoot, 'out', 'renderer'), ...options });
    terminal.document({ url: served.url, ws: served.ws, ssh: served.ssh });
    terminal.print(`Basin serves ${engine.workspace.root}\n`);
    terminal.print(`  Open   ${terminal.style.bold(served.url)}`);
    terminal.print(`  The address works once; the browser keeps its own key afterwards.\n`);
    terminal.print(`  From another machine, first run there:\n         ${served.ssh}`);
    terminal.print(
      `  and open the same address there. Ctrl-C stops the engine; running jobs can be resumed.\n`,
    );
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await served.close();
  } finally {
    await engine.close();
  }
}

export const define: DefineCommand = (command, globals) => {
  command
    .option('--port <number>', 'port to listen on; 0 takes a free one', portNumber, 0)
    .option('--host <name>', 'address to listen on; only change this on a network you trust', '127.0.0.1')
    .action((options: { port: number; host: string }) => run(options, globals));
};
