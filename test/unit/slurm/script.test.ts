/** The script for sbatch, as text and as bash reads it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { optionsOf, scriptOf } from '../../../src-main/engine/slurm/script.ts';
import { sbatchWords, slurmSettingsSchema } from '../../../src-shared/slurm.ts';

const plan = {
  name: 'basin-x',
  count: 64,
  folder: '/shared/ws/slurm/basin-x',
  node: '/n/node',
  entry: '/b/basin.mjs',
};
const options = (script: string): string[] =>
  script.split('\n').flatMap((line) => (line.startsWith('#SBATCH ') ? [line.slice(8)] : []));

describe('script of a job array', () => {
  test('asks for nothing that the settings do not name', () => {
    expect(options(scriptOf(plan, slurmSettingsSchema.parse({})))).toEqual([
      '--job-name=basin-x',
      '--array=0-63',
      '--output=/shared/ws/slurm/basin-x/%a/slurm.out',
      '--open-mode=append',
      '--requeue',
      '--nodes=1',
      '--ntasks=1',
      '--signal=B:TERM@60',
    ]);
  });

  test('every setting has its place', () => {
    const settings = slurmSettingsSchema.parse({
      ...{
        partition: 'gpu',
        account: 'lab',
        qos: 'high',
        time: '1-12',
        memory: '16G',
        cpus: 8,
        gpus: 'a100:1',
      },
      ...{ simultaneous: 16, sbatch: ['--constraint=skylake'], setup: ['module load cuda'] },
      ...{ container: 'apptainer exec --nv /shared/basin.sif', node: '/usr/bin/node', stopBefore: 120 },
    });
    const script = scriptOf(plan, settings);
    expect(options(script)).toEqual(
      expect.arrayContaining([
        ...['--array=0-63%16', '--signal=B:TERM@120', '--partition=gpu', '--account=lab', '--qos=high'],
        ...['--time=1-12', '--mem=16G', '--cpus-per-task=8', '--gpus=a100:1', '--constraint=skylake'],
      ]),
    );
    const [last, container, setup] = [
      /^exec (.*)$/m.exec(script)![1]!,
      settings.container!,
      'module load cuda',
    ];
    expect(last.startsWith(`${container} '/usr/bin/node' '/b/basin.mjs' worker --spec `)).toBe(true);
    expect(script.indexOf(setup)).toBeLessThan(script.indexOf('exec '));
  });

  test('bash hands the spec of its task to Basin, whatever the folder is called', () => {
    const root = mkdtempSync(join(tmpdir(), 'basin-test-'));
    const folder = join(root, `it's a "folder" $HOME %a`);
    mkdirSync(folder);
    const node = join(root, 'node');
    writeFileSync(node, '#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n');
    chmodSync(node, 0o755);
    const script = scriptOf(
      { ...plan, folder, node },
      slurmSettingsSchema.parse({ setup: ['export WORD=set'] }),
    );
    const file = join(root, 'script.sh');
    writeFileSync(file, script);
    const env = { ...process.env, SLURM_ARRAY_TASK_ID: '7', SLURM_ARRAY_JOB_ID: '12' };
    const words = execFileSync('bash', [file], { encoding: 'utf8', env }).trim().split('\n');
    expect(words).toEqual(['/b/basin.mjs', 'worker', '--spec', join(folder, '7', 'spec.json')]);
    expect(readFileSync(join(folder, 'slurm-id'), 'utf8')).toBe('12\n');
    // sbatch puts the task's number for %a, and a percent sign for two.
    const output = `--output=${folder.replace('%a', '%%a')}/%a/slurm.out`;
    expect(options(readFileSync(file, 'utf8')).flatMap(sbatchWords)).toContain(output);
    expect(optionsOf({ ...plan, folder }, slurmSettingsSchema.parse({}))).toContain(output);
    rmSync(root, { recursive: true });
  });

  test('what basin.yaml asks is on the command line too, word by word', () => {
    const sbatch = ['-C skylake', String.raw`--comment="two \"words\"" # why`];
    const settings = slurmSettingsSchema.parse({ partition: 'gpu', sbatch });
    const words = optionsOf(plan, settings);
    expect(words).toContain('--partition=gpu');
    expect(words.slice(-3)).toEqual(['-C', 'skylake', '--comment=two "words"']);
    expect(options(scriptOf(plan, settings)).slice(-2)).toEqual(sbatch);
  });
});
