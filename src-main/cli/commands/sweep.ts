/** `basin sweep PRESET key=value ... --grid key=a,b`: trains every combination of some settings. */
import { withEngine } from '../engine.ts';
import type { DefineCommand } from '../globals.ts';
import { wholeNumber } from '../numbers.ts';
import { addSlurmFlags, onSlurm, printScript, type SlurmFlags } from '../slurm/flags.ts';
import { checkedKind, plannedSweep, type SweepFlags } from '../sweep/plan.ts';
import { runSweepOnSlurm } from '../sweep/on-slurm.ts';
import { runSweep } from '../sweep/run.ts';
import { documentOfSweep, tableOfSweep } from '../sweep/show.ts';
import { standingOf } from '../sweep/standing.ts';

const several = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];
const kinds = (text: string): string[] =>
  text
    .split(',')
    .map((kind) => kind.trim())
    .filter((kind) => kind !== '');

const dryRun = 'list the runs and train nothing; with --on slurm, print the script for sbatch';

export const define: DefineCommand = (command, globals) => {
  addSlurmFlags(command, dryRun)
    .description(
      'Trains a preset or config once for every combination of some settings. The same command again does what is missing.',
    )
    .argument('<words...>', 'a preset or config.yaml, then settings of every run, as for `basin train`')
    .option(
      '--grid <key=values>',
      'a setting to vary: sigma_f=0,0.5,1 or seed=0-9; several give all combinations',
      several,
    )
    .option(
      '--seeds <n>',
      'networks of each run, one per seed, trained side by side (num_models)',
      wholeNumber(1, 10_000),
    )
    .option('--name <name>', 'of the sweep and its folder (default: the preset and what is varied)')
    .option(
      '--then <kinds>',
      'measure every run at its last epoch, e.g. interpolate,match-activations',
      kinds,
    )
    .action(async (words: string[], flags: SweepFlags & SlurmFlags) => {
      for (const kind of flags.then ?? []) checkedKind(kind);
      const slurm = onSlurm(flags, globals, true);
      await withEngine(globals, async (client) => {
        const { terminal } = globals;
        const { workspace } = await client.call('engine.info', {});
        const planned = await plannedSweep(words, flags, workspace);
        const show = async (): Promise<void> => {
          const cells = await standingOf(client, planned);
          terminal.document(documentOfSweep(planned, cells));
          terminal.print(tableOfSweep(planned.sweep, cells, terminal.style));
        };
        if (flags.dryRun && slurm) return printScript(planned.cells.length, slurm, globals);
        if (flags.dryRun) {
          await show();
          terminal.note(`${planned.cells.length} runs in ${planned.folder}; nothing was trained.`);
          return;
        }
        let over = true;
        try {
          if (slurm) over = await runSweepOnSlurm({ client, found: planned, workspace, slurm, globals });
          else await runSweep(client, planned, workspace, globals);
        } finally {
          if (over && !globals.signal.aborted) await show();
        }
        if (!over)
          terminal.note('The same command without --detach waits, measures what is trained and shows it.');
        else terminal.note(`Drawn by: basin sweeps figure ${planned.name} --out ${planned.name}.pdf`);
      });
    });
};
