/** `basin serve`: the workbench in a browser, on this machine or through SSH. */
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { openEngine } from '../../engine/index.ts';
import { projectRoot } from '../../engine/options.ts';
import { serve } from '../../server/serve.ts';
import type { DefineCommand, Globals } from '../globals.ts';

interface ServeFlags {
  port: number;
  host: string;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidArgumentError('Expected a port from 0 to 65535; 0 takes a free one.');
}

/** Serves until Ctrl-C; running jobs are interrupted then, and go on when the workspace is opened again. */
async function serveUntilInterrupted(globals: Globals, flags: ServeFlags): Promise<void> {
  const { workspace, terminal, interrupt, signal } = globals;
  const engine = await openEngine({ ...(workspace === undefined ? {} : { workspace }), queue: 'all' });
  try {
    const served = await serve({
      engine,
      workspace: engine.workspace.root,
      pages: join(projectRoot, 'out', 'renderer'),
      ...flags,
    });
    const { url, ws, ssh, port } = served;
    interrupt.isTheEnd = true;
    terminal.document({ url, ws, ssh, port, workspace: engine.workspace.root, pid: process.pid });
    terminal.print(
      `${terminal.style.bold('Basin')} is open at ${terminal.style.bold(url)}  (the address works once)`,
    );
    terminal.print(`From another machine: ${ssh}   and open the same address there.`);
    terminal.print(
      `Workspace ${engine.workspace.root}. Ctrl-C closes it; what is running goes on next time.`,
    );
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
      // The desktop app of an old Electron starts an engine this way; the engine must not outlive it.
      process.once('disconnect', () => {
        resolve();
      });
    });
    await served.close();
  } finally {
    await engine.close();
    // An open channel to the app that started this would keep the process.
    if (process.connected) process.disconnect();
  }
}

export const define: DefineCommand = (command, globals) => {
  command
    .description(
      'Opens the workbench to a browser. Only this machine can reach it, unless --host says otherwise.',
    )
    .addOption(new Option('--port <n>', 'port; 0 takes a free one').default(7077).argParser(parsePort))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .action((flags: ServeFlags) => serveUntilInterrupted(globals, flags));
};
