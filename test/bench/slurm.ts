/**
 * What a task on a cluster costs besides its work: the same small jobs run directly, in a loop of `srun`, and submitted by
 * Basin as a job array, two at a time each. `node test/bench/slurm.ts [--tasks 32] [--turns 3] [--json]`, as root, with
 * Debian's slurm-wlm and munge: it starts a Slurm of two nodes on this machine.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openEngine } from '../../src-main/engine/index.ts';
import { slurmSettingsSchema } from '../../src-shared/slurm.ts';
import { basinEntry } from '../support/cli.ts';
import { startSlurm, whyNoSlurm } from '../support/slurm.ts';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '32' },
    turns: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const [tasks, turns] = [Number(values.tasks), Number(values.turns)];
const atOnce = 2;

if (whyNoSlurm !== undefined) {
  console.error(`not measured: ${whyNoSlurm}`);
  process.exit(0);
}

const root = mkdtempSync(join(tmpdir(), 'basin-bench-'));
const slurm = await startSlurm();
Object.assign(process.env, slurm.env, { BASIN_SETUP_DONE: '1' });
const run = promisify(execFile);
let used = 0;

const question = (seed: number) => ({ kind: 'skip-connections', params: { seed, starts: 8, samples: 20 } });
const seeds = (): number[] => Array.from({ length: tasks }, () => ++used);

/** Seconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/** `basin worker` for each of them, two at a time, each after the words of `before`. */
async function loop(before: readonly string[]): Promise<number> {
  const specs = seeds().map((seed) => {
    const folder = join(root, `task-${seed}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'spec.json'), JSON.stringify(question(seed)));
    return join(folder, 'spec.json');
  });
  const work = async (): Promise<void> => {
    for (let spec = specs.shift(); spec !== undefined; spec = specs.shift()) {
      const [program, ...rest] = [...before, process.execPath, basinEntry, 'worker', '--spec', spec];
      await run(program!, rest);
    }
  };
  return timed(() => Promise.all(Array.from({ length: atOnce }, work)));
}

/** From the submission to the last result in the catalog. */
async function submitted(): Promise<number> {
  const engine = await openEngine({ workspace: join(root, `workspace-${used}`), queue: 'own' });
  const settings = slurmSettingsSchema.parse({ simultaneous: atOnce, poll: 1 });
  const jobs = seeds().map(question);
  const seconds = await timed(async () => {
    const made = await engine.call('jobs.submitOnSlurm', { jobs, settings });
    const ends = await Promise.all(made.map(({ id }) => engine.wait(id)));
    const failed = ends.find(({ state }) => state !== 'done');
    if (failed) throw new Error(`a task ended as ${failed.state}: ${failed.error ?? ''}`);
  });
  await engine.close();
  return seconds;
}

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;

try {
  const ways = {
    'basin worker, directly': () => loop([]),
    'a loop of srun': () => loop(['srun', '--ntasks=1', '--quiet']),
    '--on slurm': submitted,
  };
  const found: Record<string, number[]> = {};
  for (let turn = 0; turn < turns; turn++)
    for (const [name, measure] of Object.entries(ways)) (found[name] ??= []).push(await measure());
  const rows = Object.entries(found).map(([name, seconds]) => ({ name, perTask: median(seconds) / tasks }));
  const [plain] = rows;
  if (values.json) console.log(JSON.stringify({ tasks, turns, atOnce, seconds: found }));
  else
    for (const { name, perTask } of rows) {
      const more = name === plain!.name ? '' : `   ${((perTask - plain!.perTask) * 1000).toFixed(0)} ms more`;
      console.log(`${name.padEnd(24)} ${perTask.toFixed(2)} s per task${more}`);
    }
} finally {
  await slurm.stop();
  rmSync(root, { recursive: true, force: true });
}
