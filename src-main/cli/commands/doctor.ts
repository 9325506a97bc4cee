/** `basin doctor`: what this installation computes with, why, how fast; whether the workspace is sound. */
import { cpus, freemem, totalmem } from 'node:os';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import { withEngine } from '../engine.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runKind } from '../job.ts';

interface Finding {
  ok: boolean;
  text: string;
  /** What to do about it. */
  fix?: string;
}

async function examine(globals: Globals) {
  return withEngine(globals, async (client) => {
    const info = await client.call('engine.info', {});
    const { result } = await runKind(client, 'diagnose', {}, globals.signal);
    const runs = await client.call('runs.list', {});
    return { info, compute: result, unwell: runs.filter((run) => run.state === 'missing' || run.state === 'broken') };
  });
}

type Examined = Awaited<ReturnType<typeof examine>>;

function findings({ info, compute, unwell }: Examined): Finding[] {
  const { backend, label, fix, gigaflops } = compute;
  const { runs, checkpoints, groups, results } = info.counts;
  return [
    { ok: true, text: `Node ${compute.node}` },
    {
      ok: backend.name === 'tensorflow',
      text: backend.reason === undefined ? label : `${label}: ${backend.reason}`,
      ...(fix === null ? {} : { fix }),
    },
    { ok: true, text: `${gigaflops.toFixed(0)} GFLOP/s (float32 matrix product, 1024 x 1024)` },
    { ok: true, text: `${info.workers.limit} workers with ${info.workers.threadsEach} threads each` },
    { ok: true, text: `workspace ${info.workspace}: ${runs} runs, ${checkpoints} checkpoints, ${groups} groups, ${results} results` },
    ...unwell.map((run) => ({
      ok: false,
      text: `run ${run.name} is ${run.state}${run.problems.length > 0 ? `: ${run.problems.join('; ')}` : ` (${run.path})`}`,
      fix: run.state === 'missing' ? `basin runs relocate ${run.id} DIR` : 'mend the folder and import it again',
    })),
  ];
}

function machine() {
  const gib = (bytes: number): number => Number((bytes / 2 ** 30).toFixed(1));
  return { cores: cpus().length, cpu: cpus()[0]?.model ?? 'unknown', memoryGib: gib(totalmem()), freeGib: gib(freemem()) };
}

export const define: DefineCommand = (command, globals) => {
  command.action(async () => {
    const { terminal } = globals;
    const host = machine();
    const examined = await examine(globals).catch((error: unknown) => {
      terminal.print(`${terminal.style.bad('✗')} ${messageOf(error)}`);
      throw error;
    });
    const found = findings(examined);
    const problems = found.filter((finding) => !finding.ok);
    terminal.document({ ok: problems.length === 0, machine: host, findings: found, ...examined });
    terminal.print(`${terminal.style.good('✓')} ${host.cpu}, ${host.cores} cores, ${host.memoryGib} GiB (${host.freeGib} free)`);
    for (const { ok, text, fix } of found) {
      terminal.print(`${ok ? terminal.style.good('✓') : terminal.style.bad('✗')} ${text}`);
      if (!ok && fix !== undefined) terminal.print(`    ${fix}`);
    }
    if (problems.length > 0) throw new UserError(`${problems.length} ${problems.length === 1 ? 'thing needs' : 'things need'} attention`);
  });
};
