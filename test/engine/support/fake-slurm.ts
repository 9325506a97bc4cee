/** Slurm's programs as shell scripts that write down how they were called: what Basin does without a cluster. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { newFolder } from './workspace.ts';

const programs = ['sbatch', 'squeue', 'scancel', 'sacct'] as const;
type Program = (typeof programs)[number];

export interface FakeSlurm {
  /** PATH with the programs in front. */
  path: string;
  /** Words of each call of a program, in order. */
  calls(program: Program): string[][];
}

/** @param bodies shell that each runs besides; without one, sbatch takes the array as number 7, the others say nothing */
export function fakeSlurm(bodies: Partial<Record<Program, string>> = {}): FakeSlurm {
  const folder = newFolder();
  const callsOf = (program: Program): string => join(folder, `${program}.calls`);
  for (const program of programs) {
    const body = bodies[program] ?? (program === 'sbatch' ? 'cat > /dev/null; echo 7' : 'true');
    // A word per line, a form feed after each call.
    const note = `{ printf '%s\\n' "$@"; printf '\\f'; } >> '${callsOf(program)}'`;
    writeFileSync(join(folder, program), `#!/bin/bash\n${note}\n${body}\n`);
    chmodSync(join(folder, program), 0o755);
  }
  return {
    path: `${folder}:${process.env['PATH']}`,
    calls: (program) =>
      existsSync(callsOf(program))
        ? readFileSync(callsOf(program), 'utf8')
            .split('\f')
            .slice(0, -1)
            .map((call) => call.trimEnd().split('\n'))
        : [],
  };
}

/**
 * A cluster that starts every task of an array at once, on this machine. Tasks of the first array with one of these
 * numbers are cancelled before they start.
 */
export function workingSlurm(cancelled: readonly number[] = []): FakeSlurm {
  const folder = newFolder();
  const [queue, count] = [join(folder, 'queue'), join(folder, 'count')];
  writeFileSync(queue, '');
  writeFileSync(count, '6');
  const sbatch = `script=$(cat)
    for word in "$@"; do case $word in --job-name=*) name=\${word#*=};; --array=*) last=\${word##*-}; last=\${last%%%*};; esac; done
    id=$(( $(cat '${count}') + 1 )); echo $id > '${count}'
    for i in $(seq 0 $last); do
      if [ $id = 7 ]; then case $i in ${cancelled.join('|') || 'none'}) echo "$name|7|$i|CANCELLED|None|n1" >> '${queue}'; continue;; esac; fi
      echo "$name|$id|$i|RUNNING|None|n1" >> '${queue}'
      SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$i bash -c "$script" > /dev/null 2>&1 &
      echo $! > '${folder}'/$id_$i
    done
    echo $id`;
  const scancel = `for word in "$@"; do case $word in *_*)
      sed -i "s/|\${word%_*}|\${word#*_}|RUNNING/|\${word%_*}|\${word#*_}|CANCELLED/" '${queue}'
      kill $(cat '${folder}'/$word);; esac; done`;
  return fakeSlurm({ sbatch: sbatch.replace('$id_$i', '${id}_$i'), scancel, squeue: `cat '${queue}'` });
}

/** A fake Slurm in PATH for each test of the file; `use` puts another one in its place. */
export function slurmForEach(
  make: () => FakeSlurm,
): Pick<FakeSlurm, 'calls'> & { use(fake: FakeSlurm): void } {
  const { PATH } = process.env;
  let current: FakeSlurm;
  const use = (fake: FakeSlurm): void => {
    current = fake;
    process.env['PATH'] = fake.path;
  };
  beforeEach(() => use(make()));
  afterEach(() => {
    process.env['PATH'] = PATH;
  });
  return { use, calls: (program) => current.calls(program) };
}
