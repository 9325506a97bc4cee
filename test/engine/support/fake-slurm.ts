/** Slurm's programs as shell scripts that write down how they were called: what Basin does without a cluster. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
