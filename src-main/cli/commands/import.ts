/** `basin import DIR...`: adds run directories to the catalog; copies nothing. */
import { withEngine } from '../engine.ts';
import type { DefineCommand } from '../globals.ts';
import { runKind } from '../job.ts';
import { listenerFor } from '../show-job.ts';
import { typedPath } from '../../formats/typed-path.ts';

const shown = 20;

/** Most reasons name the file already. */
const about = (path: string, reason: string): string =>
  reason.includes(path) ? reason : `${path}: ${reason}`;

export const define: DefineCommand = (command, globals) => {
  command
    .description(
      'Looks for run folders below the given folders and adds them to the catalog; no checkpoint is copied. Result files (.json, .parquet, interpolation_results.pt, an analysis archive .zip), named or found below the folders, are imported as results; weights without a config are listed with what they contain.',
    )
    .argument('<dir...>', 'folders to search, single run folders, or files')
    .action(async (dirs: string[]) => {
      const { terminal, signal } = globals;
      const paths = dirs.map((dir) => typedPath(dir));
      await withEngine(globals, async (client) => {
        const progress = listenerFor(terminal, 'Import');
        const { result } = await runKind(client, 'import', { paths }, signal, progress.listener);
        progress.finish();
        terminal.document(result);
        const { changes, broken, remarks, recognised, passedOver, passedOverCount } = result;
        const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
        const found = `${counted(result.runs, 'run')} with ${counted(result.checkpoints, 'checkpoint')} below ${paths.join(', ')}`;
        if (changes === null) terminal.print(found);
        else {
          const { added, updated, unchanged, relocated, notes } = changes;
          terminal.print(
            `${found}: ${added} new, ${updated} changed, ${unchanged} already known, ${relocated} moved`,
          );
          for (const note of notes) terminal.print(note);
        }
        for (const { path, what, results } of recognised.slice(0, shown))
          terminal.print(`${path}: ${what}${results > 0 ? ` (${results} results)` : ''}`);
        if (recognised.length > shown)
          terminal.print(`... and ${recognised.length - shown} more files; --json lists all`);
        if (passedOverCount > 0)
          terminal.print(
            `${passedOverCount} other files are not runs, results or weights that Basin recognises, such as`,
          );
        for (const { path, reason } of passedOver.slice(0, 3)) terminal.print(`  ${path}: ${reason}`);
        for (const { path, reason } of remarks.slice(0, shown)) terminal.print(about(path, reason));
        if (remarks.length > shown)
          terminal.print(`... and ${remarks.length - shown} more remarks; --json lists all`);
        if (broken.length > 0) terminal.print(`\n${terminal.style.bad(`${broken.length} cannot be used:`)}`);
        for (const { path, reason } of broken.slice(0, shown)) terminal.print(`  ${about(path, reason)}`);
        if (broken.length > shown)
          terminal.print(`  ... and ${broken.length - shown} more; --json lists all`);
      });
    });
};
