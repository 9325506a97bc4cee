/** `basin results [KIND]`, `basin results show ID`, `basin results remove ID`. */
import type { ResultRow } from '../../../src-shared/api.ts';
import { UserError } from '../../../src-shared/errors.ts';
import { jobKindNamed } from '../../../src-shared/jobs/index.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import type { Standing } from '../../../src-shared/standing.ts';
import { withEngine } from '../engine.ts';
import type { DefineCommand } from '../globals.ts';
import { readResult } from '../job.ts';
import { presentResult } from '../present.ts';
import { warnOfOutdated } from '../standing.ts';
import type { Column } from '../table.ts';
import { formatTable } from '../table.ts';
import { when } from '../when.ts';

type Shown = ResultRow & { standing: Standing };

/** Words for what a person must know; a result that holds needs none. */
const remarks: Record<Standing['state'], string> = {
  current: '',
  outdated: 'outdated',
  gone: 'files missing',
  unchecked: '',
};

const columns: Column<Shown>[] = [
  { title: 'id', text: (row) => row.id },
  { title: 'kind', text: (row) => row.kind },
  { title: 'what', text: (row) => row.title },
  { title: 'made', text: (row) => when(row.createdAt) },
  { title: 'files', text: (row) => remarks[row.standing.state] },
  { title: 'file', text: (row) => row.path },
];

/** The result of that id, or of the only id that starts so. */
export async function findResult(client: Client, text: string): Promise<ResultRow> {
  const rows = await client.call('results.list', {});
  const exact = rows.filter((row) => row.id === text);
  const found = exact.length > 0 ? exact : rows.filter((row) => row.id.startsWith(text));
  if (found.length === 1) return found[0]!;
  throw new UserError(`${found.length === 0 ? 'No' : 'More than one'} result has the id "${text}"`, {
    hint: '`basin results` lists them.',
  });
}

export const define: DefineCommand = (command, globals) => {
  const { terminal } = globals;
  command.argument('[kind]', 'only results of this kind of job').action(async (kind: string | undefined) => {
    if (kind !== undefined) jobKindNamed(kind);
    const args = kind === undefined ? {} : { kind };
    const rows = await withEngine(globals, async (client): Promise<Shown[]> => {
      const found = await client.call('results.list', args);
      const standings = await client.call('results.standing', { resultIds: found.map(({ id }) => id) });
      return found.map((row) => ({ ...row, standing: standings[row.id]! }));
    });
    terminal.document(rows);
    terminal.print(rows.length === 0 ? 'No results yet.' : formatTable(rows, columns, terminal.style));
  });
  command
    .command('show <id>')
    .description('print one result')
    .action(async (text: string) => {
      await withEngine(globals, async (client) => {
        const row = await findResult(client, text);
        const { result } = await readResult(client, row.id);
        await warnOfOutdated(client, terminal, [row.id]);
        terminal.document(result);
        terminal.print(presentResult(jobKindNamed(row.kind), result, terminal));
      });
    });
  command
    .command('remove <id...>')
    .description('delete results; running the same job computes them again')
    .action(async (texts: string[]) => {
      const removed = await withEngine(globals, async (client) => {
        const rows = [];
        for (const text of texts) rows.push(await findResult(client, text));
        for (const row of rows) await client.call('results.remove', { resultId: row.id });
        return rows;
      });
      terminal.document(removed);
      for (const row of removed) terminal.print(`removed ${row.id} (${row.title})`);
    });
};
