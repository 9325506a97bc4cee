/** The script that `sbatch` is given: one job array, a task of which is one job of Basin. */
import type { SlurmSettings } from '../../../src-shared/slurm.ts';

export interface ScriptPlan {
  /** Of the array, as `squeue` shows it. */
  name: string;
  /** Tasks, numbered from 0. */
  count: number;
  /** Folder of the array: task I finds its spec in `I/spec.json`, and writes beside it. */
  folder: string;
  /** Node.js that runs Basin, and Basin's entry file. */
  node: string;
  entry: string;
}

/** A word for bash, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** `sbatch` replaces %a and the like in file names; a percent sign of the folder itself is doubled. */
const inPattern = (path: string): string => path.replaceAll('%', '%%');

export function scriptOf({ name, count, folder, node, entry }: ScriptPlan, settings: SlurmSettings): string {
  const { partition, account, qos, time, memory, cpus, gpus, simultaneous } = settings;
  const asked: [string, string | number | undefined][] = [
    ['partition', partition],
    ['account', account],
    ['qos', qos],
    ['time', time],
    ['mem', memory],
    ['cpus-per-task', cpus],
    ['gpus', gpus],
  ];
  const limit = simultaneous === undefined ? '' : `%${simultaneous}`;
  const options = [
    `--job-name=${name}`,
    `--array=0-${count - 1}${limit}`,
    `--output=${quotedOption(`${inPattern(folder)}/%a/slurm.out`)}`,
    '--open-mode=append',
    '--requeue',
    '--nodes=1',
    '--ntasks=1',
    // To the script itself, which by then is Basin: it stops after its last checkpoint.
    `--signal=B:TERM@${settings.stopBefore}`,
    ...asked.flatMap(([key, value]) => (value === undefined ? [] : [`--${key}=${value}`])),
    ...settings.sbatch,
  ];
  const container = settings.container === undefined ? '' : `${settings.container} `;
  const program = `${quoted(settings.node ?? node)} ${quoted(entry)}`;
  return [
    '#!/bin/bash',
    ...options.map((option) => `#SBATCH ${option}`),
    '',
    ...settings.setup,
    'export BASIN_SETUP_DONE=1',
    '# Replaces this shell, so that signals of Slurm arrive.',
    `exec ${container}${program} worker --spec ${quoted(folder)}/"$SLURM_ARRAY_TASK_ID"/spec.json`,
    '',
  ].join('\n');
}

/** In #SBATCH lines only quotation marks keep spaces together. */
const quotedOption = (text: string): string => (/\s/.test(text) ? `"${text}"` : text);
