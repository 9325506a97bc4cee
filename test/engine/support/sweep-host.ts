/**
 * An engine in a process of its own that works on a sweep, to be killed: `node sweep-host.ts WORKSPACE WORKER DRAFT`.
 * The first one begins the sweep; those after it are told nothing of it. Prints a JSON line for each job that is done.
 */
import { openEngine } from '../../../src-main/engine/index.ts';
import { sweepDraftSchema } from '../../../src-shared/sweep-requests.ts';
import { testKinds } from './kinds.ts';

const [workspace, entry, text] = process.argv.slice(2) as [string, string, string];
const draft = sweepDraftSchema.parse(JSON.parse(text));

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const engine = await openEngine({
  ...{ workspace, kinds: testKinds, worker: { entry }, pool: { workers: 2, threads: 1 } },
});
engine.subscribe((event) => {
  if (event.type === 'job-changed' && event.job.state === 'done')
    say({ submitted: event.job.id, resultId: event.job.resultId });
  if (event.type === 'sweeps-changed') void look();
});

async function look(): Promise<void> {
  const [row] = (await engine.call('sweeps.list', {})).sweeps;
  if (row && !row.active) say({ finished: { complete: row.complete, runs: row.runs } });
}

const { sweeps } = await engine.call('sweeps.list', {});
if (sweeps.length === 0) await engine.call('sweeps.start', { draft });
say({ open: process.pid });
await look();
