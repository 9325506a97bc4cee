/** What only the desktop window has: other engines to connect to, and paths that were named outside of it. */
import type { DesktopProblem } from '../../src-shared/desktop.ts';
import { engine } from './engine.svelte.ts';
import { importPaths } from './imports.svelte.ts';

class Desktop {
  /** The dialog that asks for an engine's address is open. */
  connecting = $state(false);
  readonly isDesktop = window.basin !== undefined;
  /** Where the engine of this window runs, as its process says. */
  readonly engineAt = new URLSearchParams(window.location.search).get('engine');

  /** Imports what a file manager or a command line handed to the app. */
  async takePaths(): Promise<void> {
    const paths = await window.basin?.takePaths();
    if (paths) await importPaths(paths);
  }

  /** The lost engine again. */
  async reopen(): Promise<void> {
    const problem = await window.basin?.reopen();
    if (problem) engine.reason = sentence(problem);
  }
}

const sentence = ({ message, hint }: DesktopProblem): string =>
  [`${message.replace(/\.$/, '')}.`, hint].filter(Boolean).join(' ');

export const desktop = new Desktop();
