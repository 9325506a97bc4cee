/** `basin sweep PRESET key=value ... --grid key=a,b`: trains every combination of some settings. */
import { documentOfSweep } from '../../../src-shared/sweep-figures.ts';
import type { SweepStanding } from '../../../src-shared/sweep-requests.ts';
import { withEngine } from '../engine.ts';
import { asUsageError } from '../errors.ts';
import type { DefineCommand } from '../globals.ts';
import { wholeNumber } from '../numbers.ts';
import { addSlurmFlags, onSlurm, printScript, type SlurmFlags } from '../slurm/flags.ts';
import { draftOf, type SweepFlags } from '../sweep/plan.ts';
import { runSweep } from '../sweep/run.ts';
import { tableOfSweep } from '../sweep/show.ts';

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
      const draft = draftOf(words, flags);
      const slurm = onSlurm(flags, globals, true);
      await withEngine(globals, async (client) => {
        const { terminal } = globals;
        const planned = await client
          .call('sweeps.plan', { draft, thorough: true })
          .catch((thrown: unknown) => Promise.reject(asUsageError(thrown) as Error));
        const show = (standing: SweepStanding): void => {
          terminal.document(documentOfSweep(standing));
          terminal.print(tableOfSweep(standing.sweep, standing.cells, terminal.style));
        };
        const { name, folder, runs } = planned;
        if (flags.dryRun && slurm) return printScript(runs, slurm, globals);
        if (flags.dryRun) {
          show(planned);
          terminal.note(`${runs} runs in ${folder}; nothing was trained.`);
          return;
        }
        try {
          await runSweep(client, { ...draft, name }, slurm, globals);
        } finally {
          // There is none if it could not be begun: then that is what the person reads.
          const standing = await client.call('sweeps.get', { name }).catch(() => undefined);
          if (standing && !globals.signal.aborted) show(standing);
        }
        terminal.note(
          slurm?.detach
            ? 'The app, `basin serve` or the same command takes the results and submits the measures.'
            : `Drawn by: basin sweeps figure ${name} --out ${name}.pdf`,
        );
      });
    });
};
