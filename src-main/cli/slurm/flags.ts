/** `--on slurm` and what belongs to it: for every command that computes. */
import { Option, type Command } from 'commander';
import { join } from 'node:path';
import type { SlurmSettings } from '../../../src-shared/slurm.ts';
import { workspacePath } from '../../engine/index.ts';
import { basinEntry } from '../../engine/slurm/submission.ts';
import { scriptOf } from '../../engine/slurm/script.ts';
import { slurmSettings } from '../../formats/basin-file.ts';
import { UsageError } from '../errors.ts';
import type { Globals } from '../globals.ts';

export interface SlurmFlags {
  on?: 'local' | 'slurm' | undefined;
  detach?: true | undefined;
  dryRun?: true | undefined;
}

export interface OnSlurm {
  settings: SlurmSettings;
  /** Submit, and do not wait. */
  detach: boolean;
}

/** @param dryRun what the command's own `--dry-run` says; absent: it has none besides that of Slurm */
export function addSlurmFlags(command: Command, dryRun?: string): Command {
  return command
    .addOption(
      new Option('--on <place>', 'this machine, or the cluster that it belongs to (basin.yaml says how)')
        .choices(['local', 'slurm'])
        .default('local'),
    )
    .option('--detach', 'with --on slurm: submit and return; `basin jobs` and the app show how it goes')
    .option('--dry-run', dryRun ?? 'with --on slurm: print the script for sbatch and submit nothing');
}

/**
 * What the flags ask for; undefined: this machine.
 * @throws UsageError for flags without --on slurm; UserError for a basin.yaml that is missing or wrong
 */
export function onSlurm(
  { on, detach, dryRun }: SlurmFlags,
  globals: Globals,
  ownDryRun = false,
): OnSlurm | undefined {
  if (on !== 'slurm') {
    if (detach) throw new UsageError('--detach belongs to --on slurm.');
    if (dryRun && !ownDryRun) throw new UsageError('--dry-run belongs to --on slurm.');
    return undefined;
  }
  const { settings } = slurmSettings([process.cwd(), workspacePath(globals.workspace)]);
  return { settings, detach: detach ?? false };
}

/** The script that would be submitted for `count` jobs. */
export function printScript(count: number, { settings }: OnSlurm, { terminal, workspace }: Globals): void {
  const name = 'basin-NAME';
  const folder = join(workspacePath(workspace), 'slurm', name);
  const script = scriptOf({ name, folder, count, node: process.execPath, entry: basinEntry }, settings);
  terminal.document({ script });
  terminal.print(script.trimEnd());
}
