/** `basin jobs`, `basin jobs log|cancel|retry|remove ID`. */
import type { Job } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { withEngine } from '../engine.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { duration } from '../progress-line.ts';
import type { Column } from '../table.ts';
import { formatTable } from '../table.ts';
import { when } from '../when.ts';

const columns: Column<Job>[] = [
  { title: 'id', text: (job) => job.id },
  { title: 'kind', text: (job) => job.kind },
  { title: 'what', text: (job) => job.title },
  { title: 'state', text: stateText },
  { title: 'asked', text: (job) => when(job.createdAt) },
  { title: 'took', align: 'right', text: tookText },
  { title: 'why', text: (job) => job.error ?? '' },
];

function stateText(job: Job): string {
  if (job.state === 'running' && job.progress !== null)
    return `running ${Math.floor(job.progress.fraction * 100)} %`;
  return job.cached ? `${job.state} (cached)` : job.state;
}

function tookText({ startedAt, finishedAt }: Job): string {
  return startedAt === null || finishedAt === null ? '-' : duration((finishedAt - startedAt) / 1000);
}

async function findJob(client: Client, text: string): Promise<Job> {
  const jobs = await client.call('jobs.list', {});
  const exact = jobs.filter((job) => job.id === text);
  const found = exact.length > 0 ? exact : jobs.filter((job) => job.id.startsWith(text));
  if (found.length === 1) return found[0]!;
  throw new UserError(`${found.length === 0 ? 'No' : 'More than one'} job has the id "${text}"`, {
    hint: '`basin jobs` lists them.',
  });
}

function showJobs(globals: Globals, jobs: Job[]): void {
  globals.terminal.print(
    jobs.length === 0 ? 'No jobs yet.' : formatTable(jobs, columns, globals.terminal.style),
  );
}

export const define: DefineCommand = (command, globals) => {
  const { terminal } = globals;
  const listJobs = async (): Promise<void> => {
    const jobs = await withEngine(globals, (client) => client.call('jobs.list', {}));
    terminal.document(jobs);
    showJobs(globals, jobs);
  };
  command.action(listJobs);
  command.command('list').description('list all jobs, newest first').action(listJobs);
  for (const [name, description] of [
    ['cancel', 'cancel a queued or running job'],
    ['retry', 'run a failed, cancelled or interrupted job again; training resumes from its last checkpoint'],
  ] as const) {
    command
      .command(`${name} <id>`)
      .description(description)
      .action(async (text: string) => {
        const job = await withEngine(globals, async (client) => {
          const { id } = await findJob(client, text);
          return client.call(`jobs.${name}`, { jobId: id });
        });
        terminal.document(job);
        showJobs(globals, [job]);
      });
  }
  command
    .command('log <id>')
    .description("print the job's log")
    .action(async (text: string) => {
      const lines = await withEngine(globals, async (client) => {
        const { id } = await findJob(client, text);
        return client.call('jobs.log', { jobId: id });
      });
      terminal.document(lines);
      terminal.print(lines.length === 0 ? '(nothing)' : lines.join('\n'));
    });
  command
    .command('remove <id...>')
    .description('remove ended jobs from the list; their results are kept')
    .action(async (texts: string[]) => {
      const removed = await withEngine(globals, async (client) => {
        const jobs = [];
        for (const text of texts) jobs.push(await findJob(client, text));
        for (const job of jobs) await client.call('jobs.remove', { jobId: job.id });
        return jobs;
      });
      terminal.document(removed);
      for (const job of removed) terminal.print(`removed ${job.id} (${job.title})`);
    });
};
