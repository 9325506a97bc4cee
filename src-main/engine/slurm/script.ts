/** The script that `sbatch` is given: one job array, a task of which is one job of Basin. */
import { quoted } from '../../../src-shared/shell-word.ts';
import { sbatchWords, type SlurmSettings } from '../../../src-shared/slurm.ts';

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

/** `sbatch` replaces %a and the like in file names; a percent sign of the folder itself is doubled. */
const inPattern = (path: string): string => path.replaceAll('%', '%%');

type Asked = Pick<ScriptPlan, 'name' | 'count' | 'folder'>;

/**
 * What sbatch is asked, as words. Given on its command line too, these come before variables such as
 * SBATCH_JOB_NAME of whoever submits, which come before lines of the script.
 */
export const optionsOf = (plan: Asked, settings: SlurmSettings): string[] => [
  ...ownOptions(plan, settings),
  ...settings.sbatch.flatMap(sbatchWords),
];

function ownOptions({ name, count, folder }: Asked, settings: SlurmSettings): string[] {
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
  return [
    `--job-name=${name}`,
    `--array=0-${count - 1}${limit}`,
    `--output=${inPattern(folder)}/%a/slurm.out`,
    '--open-mode=append',
    '--requeue',
    '--nodes=1',
    '--ntasks=1',
    // To the script itself, which by then is Basin: it stops after its last checkpoint.
    `--signal=B:TERM@${settings.stopBefore}`,
    ...asked.flatMap(([key, value]) => (value === undefined ? [] : [`--${key}=${value}`])),
  ];
}

export function scriptOf(plan: ScriptPlan, settings: SlurmSettings): string {
  const { folder, node, entry } = plan;
  const container = settings.container === undefined ? '' : `${settings.container} `;
  const program = `${quoted(settings.node ?? node)} ${quoted(entry)}`;
  const number = `${quoted(folder)}/slurm-id`;
  return [
    '#!/bin/bash',
    ...ownOptions(plan, settings).map((option) => `#SBATCH ${quotedOption(option)}`),
    ...settings.sbatch.map((option) => `#SBATCH ${option}`),
    '',
    '# For an engine that was killed before sbatch answered.',
    `[ -s ${number} ] || echo "$SLURM_ARRAY_JOB_ID" > ${number}`,
    ...settings.setup,
    'export BASIN_SETUP_DONE=1',
    '# Replaces this shell, so that signals of Slurm arrive.',
    `exec ${container}${program} worker --spec ${quoted(folder)}/"$SLURM_ARRAY_TASK_ID"/spec.json`,
    '',
  ].join('\n');
}

/** In #SBATCH lines quotation marks keep a word together, and a backslash takes the next character as it is. */
const quotedOption = (text: string): string =>
  /[\s"'\\#]/.test(text) ? `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"` : text;
