/** `basin doctor`: what this installation computes with, why, how fast; whether the workspace is sound. */
import { cpus, freemem, totalmem } from 'node:os';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import { machineFindings } from '../../../src-shared/machine.ts';
import type { Finding } from '../../../src-shared/machine.ts';
import type { WorkspaceReport } from '../../engine/index.ts';
import { checkWorkspace, rebuildCatalog } from '../../engine/index.ts';
import { checkGpu } from '../check-gpu.ts';
import { withEngine } from '../engine.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runKind } from '../job.ts';

async function examine(globals: Globals) {
  return withEngine(globals, async (client) => {
    const info = await client.call('engine.info', {});
    const { result } = await runKind(client, 'diagnose', {}, globals.signal);
    const runs = await client.call('runs.list', {});
    return {
      info,
      parts: await client.call('parts.report', {}),
      compute: result,
      unwell: runs.filter((run) => run.state === 'missing' || run.state === 'broken'),
    };
  });
}

type Examined = Awaited<ReturnType<typeof examine>>;

function findings({ info, parts, compute, unwell }: Examined): Finding[] {
  const { runs, checkpoints, groups, results } = info.counts;
  return [
    { ok: true, text: `Node ${compute.node}` },
    ...machineFindings(compute),
    { ok: true, text: `${info.workers.limit} workers with ${info.workers.threadsEach} threads each` },
    {
      ok: true,
      text: `workspace ${info.workspace}: ${runs} runs, ${checkpoints} checkpoints, ${groups} groups, ${results} results`,
    },
    ...(parts.count === 0 ? [] : [{ ok: true, text: partsText(parts) }]),
    ...unwell.map((run) => ({
      ok: false,
      text: `run ${run.name} is ${run.state}${run.problems.length > 0 ? `: ${run.problems.join('; ')}` : ` (${run.path})`}`,
      fix:
        run.state === 'missing'
          ? `basin runs relocate ${run.id} DIR`
          : 'repair the folder and import it again',
    })),
  ];
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

function partsText({ count, bytes, unused }: Examined['parts']): string {
  const kept = `${count} cached partial results, one per checkpoint (${megabytes(bytes)}, shared with results)`;
  if (unused.count === 0) return kept;
  return `${kept}; ${unused.count} in no result (${megabytes(unused.bytes)}): --clear-parts deletes these; otherwise they expire after 30 days`;
}

/** Removes partial results that no result is made of. */
async function clearParts(globals: Globals): Promise<void> {
  const { terminal } = globals;
  const { count, bytes } = await withEngine(globals, (client) => client.call('parts.clear', {}));
  terminal.document({ count, bytes });
  terminal.print(`${count} cached partial results deleted, ${megabytes(bytes)}.`);
}

function machine() {
  const gib = (bytes: number): number => Number((bytes / 2 ** 30).toFixed(1));
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGib: gib(totalmem()),
    freeGib: gib(freemem()),
  };
}

function workspaceFindings({ workspace, holder, problems, repairable }: WorkspaceReport): Finding[] {
  const busy = holder === null ? [] : [{ ok: true, text: `the workspace is open in ${holder}` }];
  const fix = repairable ? { fix: '`basin doctor --repair` rebuilds the catalog from the folders' } : {};
  return [...busy, ...problems.map((text) => ({ ok: false, text: `${workspace}: ${text}`, ...fix }))];
}

async function repair({ workspace, terminal }: Globals): Promise<void> {
  const options = workspace === undefined ? {} : { workspace };
  const report = await rebuildCatalog(options);
  terminal.document(report);
  const { runs, checkpoints, results, setAside, problems } = report;
  terminal.print(`The catalog was rebuilt: ${runs} runs, ${checkpoints} checkpoints, ${results} results.`);
  if (setAside !== null)
    terminal.print(`The old catalog, with its groups and history, was saved as: ${setAside}`);
  for (const problem of problems) terminal.print(terminal.style.bad(problem));
}

export const define: DefineCommand = (command, globals) => {
  command.option('--repair', 'set a damaged catalog aside and rebuild it from the folders');
  command.option('--clear-parts', 'delete the cached partial results of stopped jobs');
  command.option(
    '--check-gpu',
    'run a small fixed computation on the GPU and on the processor and compare the numbers (exit code 2: no GPU in use)',
  );
  command.action(async (flags: { repair?: boolean; clearParts?: boolean; checkGpu?: boolean }) => {
    const { terminal } = globals;
    if (flags.checkGpu === true) return checkGpu(globals);
    if (flags.repair === true) return repair(globals);
    if (flags.clearParts === true) return clearParts(globals);
    const host = machine();
    const state = checkWorkspace(globals.workspace);
    if (state.repairable)
      return showFindings(globals, workspaceFindings(state), { machine: host, workspace: state });
    const examined = await examine(globals).catch((error: unknown) => {
      terminal.print(`${terminal.style.bad('✗')} ${messageOf(error)}`);
      throw error;
    });
    const found = [...findings(examined), ...workspaceFindings(state)];
    terminal.print(
      `${terminal.style.good('✓')} ${host.cpu}, ${host.cores} cores, ${host.memoryGib} GiB (${host.freeGib} free)`,
    );
    showFindings(globals, found, { machine: host, workspace: state, ...examined });
  });
};

/** Prints what was found. Throws where something needs attention, so that the exit code says so too. */
function showFindings({ terminal }: Globals, found: Finding[], rest: object): void {
  const problems = found.filter((finding) => !finding.ok);
  terminal.document({ ok: problems.length === 0, findings: found, ...rest });
  for (const { ok, text, fix } of found) {
    terminal.print(`${ok ? terminal.style.good('✓') : terminal.style.bad('✗')} ${text}`);
    if (!ok && fix !== undefined) terminal.print(`    ${fix}`);
  }
  if (problems.length > 0) {
    throw new UserError(
      `${problems.length} ${problems.length === 1 ? 'thing needs' : 'things need'} attention`,
    );
  }
}
