/** What every command is given besides its own flags. */
import type { Terminal } from './terminal.ts';

export interface Globals {
  /** Absolute path of the workspace; undefined: `BASIN_WORKSPACE`, else `~/Basin`, as the engine decides. */
  readonly workspace: string | undefined;
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A command file's one export: defines flags and action on `command`. */
export type DefineCommand = (command: import('commander').Command, globals: Globals) => void | Promise<void>;
