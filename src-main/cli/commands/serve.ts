/** `basin serve`: the workbench in a browser, on this machine or through SSH. */
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { UserError } from '../../../src-shared/errors.ts';
import { openEngine, reachHolder, WorkspaceBusyError, type Engine } from '../../engine/index.ts';
import { projectRoot } from '../../engine/options.ts';
import { parseHostName } from '../../server/hosts.ts';
import { serve, type Served } from '../../server/serve.ts';
import type { DefineCommand, Globals } from '../globals.ts';

interface ServeFlags {
  port: number;
  host: string;
  allowHost: string[];
  newAddress?: boolean;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidArgumentError('Expected a port from 0 to 65535; 0 picks a free one.');
}

function addHost(text: string, before: string[]): string[] {
  try {
    return [...before, parseHostName(text)];
  } catch (error) {
    if (error instanceof UserError) throw new InvalidArgumentError(`${error.message}. ${error.hint ?? ''}`);
    throw error;
  }
}

/** Serves until Ctrl-C; running jobs are interrupted then, and go on when the workspace is opened again. */
async function serveUntilInterrupted(globals: Globals, flags: ServeFlags): Promise<void> {
  const { workspace, interrupt, signal } = globals;
  const engine = await openEngine({ ...(workspace === undefined ? {} : { workspace }), queue: 'all' }).catch(
    async (error: unknown) => Promise.reject(await explainBusy(globals, error)),
  );
  try {
    const served = await serve({
      engine,
      workspace: engine.workspace.root,
      pages: join(projectRoot, 'out', 'renderer'),
      ...{ port: flags.port, host: flags.host, allowHosts: flags.allowHost },
    });
    engine.showTo(served);
    interrupt.isTheEnd = true;
    announce(globals, engine, served);
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

function announce({ terminal }: Globals, engine: Engine, served: Served): void {
  const { url, ws, ssh, port, alsoAt } = served;
  const { root } = engine.workspace;
  terminal.document({ url, ws, ssh, port, workspace: root, pid: process.pid });
  terminal.print(`${terminal.style.bold('Basin')} is open at ${terminal.style.bold(url)}`);
  terminal.print(
    'Each address works only once, for one browser; "basin serve --new-address" prints another.',
  );
  if (alsoAt.length > 0) terminal.print(`It also accepts the host name ${alsoAt.join(', ')}.`);
  terminal.print(`From another machine: ${ssh}   and open the same address there.`);
  terminal.print(
    `Workspace ${root}. Ctrl-C closes it; running jobs are resumed when the workspace is opened again.`,
  );
}

/** A second `basin serve` is told where the first one is, and how to get in. */
async function explainBusy({ workspace }: Globals, error: unknown): Promise<unknown> {
  if (!(error instanceof WorkspaceBusyError)) return error;
  const client = await reachHolder(workspace).catch(() => undefined);
  const info = await client?.call('engine.info', {}).catch(() => undefined);
  client?.close();
  if (!info) return error;
  if (info.served !== null) {
    return new UserError(`The workspace ${info.workspace} is open at ${info.served} (process ${info.pid}).`, {
      hint: '`basin serve --new-address` prints a new address for another browser.',
    });
  }
  return new UserError(
    `The workspace ${info.workspace} is open in process ${info.pid}, which serves no browsers (the desktop app, or another command).`,
    { hint: 'Close it first, or choose another folder with --workspace DIR.' },
  );
}

/** A fresh address of the server that is running on the workspace. Throws UserError where there is none. */
async function printNewAddress({ workspace, terminal }: Globals): Promise<void> {
  const client = await reachHolder(workspace);
  if (!client) {
    throw new UserError('No Basin is running on this workspace, so there is no address to give.', {
      hint: 'Start one with `basin serve`; --workspace DIR names another workspace.',
    });
  }
  try {
    const { workspace: root, pid } = await client.call('engine.info', {});
    const { url, ssh, port } = await client.call('server.address', {});
    terminal.document({ url, ssh, port, workspace: root, pid });
    terminal.print(`Open ${terminal.style.bold(url)}`);
    terminal.print('The address works only once, for one browser.');
    terminal.print(`From another machine: ${ssh}   and open the same address there.`);
  } finally {
    client.close();
  }
}

/** What the running server was started with cannot be changed by asking for an address. */
function refuseOtherFlags(command: Command): void {
  const given = ['port', 'host', 'allowHost'].filter(
    (name) => command.getOptionValueSource(name) !== 'default' && command.getOptionValue(name) !== undefined,
  );
  if (given.length === 0) return;
  command.error('error: --new-address queries the running server: remove --port, --host and --allow-host.', {
    exitCode: 2,
  });
}

export const define: DefineCommand = (command, globals) => {
  command
    .description('Serves the app to a browser. Only this machine can reach it unless --host is given.')
    .addOption(new Option('--port <n>', 'port; 0 picks a free one').default(7077).argParser(parsePort))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(
      new Option(
        '--allow-host <name>',
        "also accept this host name, which this machine does not know, such as a proxy's; repeatable",
      )
        .default([], 'none')
        .argParser(addHost),
    )
    .option('--new-address', 'print a new address of the running server, for another browser')
    .action(async (flags: ServeFlags) => {
      if (flags.newAddress) {
        refuseOtherFlags(command);
        await printNewAddress(globals);
      } else await serveUntilInterrupted(globals, flags);
    });
};
