/** basin.yaml: which one counts, and what is refused. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBasinFile, slurmSettings } from '../../../src-main/formats/basin-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'basin-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const written = (text: string): string => {
  const path = join(folder, 'basin.yaml');
  writeFileSync(path, text);
  return path;
};

describe('basin.yaml', () => {
  test('numbers are taken as people write them', () => {
    const path = written('slurm:\n  time: 30\n  gpus: 2\n  setup: [module load cuda]\n  poll: 2\n');
    expect(readBasinFile(path)).toMatchObject({
      ...{ time: '30', gpus: '2', setup: ['module load cuda'], sbatch: [], poll: 2, stopBefore: 60 },
    });
    expect(readBasinFile(written('slurm: {}'))).toEqual({ sbatch: [], setup: [], stopBefore: 60, poll: 5 });
  });

  test.each([
    ['slurm: {partitio: gpu}', 'there is no setting "slurm.partitio". Did you mean "partition"?'],
    ['slum: {}', 'there is no setting "slum". Did you mean "slurm"?'],
    ['slurm: {cpus: many}', 'slurm.cpus: a number was expected'],
    ['slurm: {cpus: 0}', 'slurm.cpus:'],
    ['slurm: {memory: lots}', 'slurm.memory: memory such as 8G or 512M was expected'],
    ['slurm: {time: tomorrow}', 'slurm.time:'],
    ['slurm: {partition: a b}', 'slurm.partition: text without spaces was expected'],
    ['slurm: {setup: ["a\\nb"]}', 'slurm.setup.0: one line of text was expected'],
    ['slurm: {sbatch: [hold]}', 'slurm.sbatch.0: an option of sbatch'],
    ...['--job-name=mine', '-J mine', '--arr=1-3', '-C skylake --output=/tmp/%a'].map((option) => [
      `slurm: {sbatch: ["${option}"]}`,
      'slurm.sbatch.0: an option that Basin does not set itself was expected: it sets --job-name',
    ]),
    ['[]', 'the file:'],
  ])('%s is refused', (text, message) => {
    const path = written(text);
    expect(() => readBasinFile(path)).toThrow(`${path}: ${message}`);
  });

  test('the current folder comes before the workspace; none is an error that names both', () => {
    const [here, workspace] = [join(folder, 'here'), join(folder, 'workspace')];
    mkdirSync(here);
    mkdirSync(workspace);
    expect(() => slurmSettings([here, workspace])).toThrow(`no basin.yaml in ${here} or in ${workspace}`);
    writeFileSync(join(workspace, 'basin.yaml'), 'slurm: {partition: w}');
    expect(slurmSettings([here, workspace]).settings.partition).toBe('w');
    writeFileSync(join(here, 'basin.yaml'), 'slurm: {partition: h}');
    expect(slurmSettings([here, workspace]).settings.partition).toBe('h');
  });
});
