/** What every command is given besides its own flags. */
import type { Command } from 'commander';
import type { Interrupt } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

export interface Globals {
  /** Absolute path of the workspace; undefined: `BASIN_WORKSPACE`, else `~/Basin`, as the engine decides. */
  readonly workspace: string | undefined;
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly interrupt: Interrupt;
}

/** A command file's one export: defines flags and action on `command`. */
export type DefineCommand = (command: Command, globals: Globals) => void | Promise<void>;
