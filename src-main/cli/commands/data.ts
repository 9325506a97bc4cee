/** `basin data fetch NAME`, `basin data list`: the full data sets; the embedded one is always there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchable, fetchableNames, fetchDataSet, workspacePath } from '../../engine/index.ts';
import { geometryKinds } from '../../../src-shared/config.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { fetchedFolder } from '../data-folder.ts';
import { self } from '../self.ts';
import { formatTable } from '../table.ts';
import { didYouMean } from '../../../src-shared/near-miss.ts';
import { typedPath } from '../../formats/typed-path.ts';

interface Row {
  name: string;
  state: string;
  folder: string;
}

function rows({ workspace }: Globals): Row[] {
  const root = workspacePath(workspace);
  return [
    { name: 'mnist-10k', state: 'embedded', folder: '' },
    ...fetchableNames.map((name) => {
      const folder = fetchedFolder(root, name);
      const files = fetchable(name).files.filter((file) => existsSync(join(folder, file.name))).length;
      const complete = files === fetchable(name).files.length;
      return { name, state: complete ? 'fetched' : 'not downloaded', folder: complete ? folder : '' };
    }),
    ...geometryKinds.map((name) => ({
      name,
      state: name === 'mnist-coherence' ? 'made from digits by rotation' : 'made from seeds',
      folder: '',
    })),
  ];
}

async function fetchNamed(name: string, dir: string | undefined, globals: Globals): Promise<void> {
  const { terminal, signal } = globals;
  if (name === 'mnist-10k') throw new UserError('mnist-10k is embedded: there is nothing to download');
  if (!fetchableNames.includes(name)) {
    throw new UserError(`There is no data set "${name}" to download.${didYouMean(name, fetchableNames)}`, {
      hint: `Known: ${fetchableNames.join(', ')}.`,
    });
  }
  const folder = dir === undefined ? fetchedFolder(workspacePath(globals.workspace), name) : typedPath(dir);
  const line = terminal.progress(`downloading ${name}`);
  const report = await fetchDataSet({
    set: fetchable(name),
    folder,
    signal,
    onProgress: (progress) => {
      line.update(progress);
    },
    onNote: (text) => {
      terminal.note(text);
    },
  });
  line.finish();
  terminal.document({ name, ...report });
  const what = report.fetched.length === 0 ? 'already complete' : `${report.fetched.length} files downloaded`;
  terminal.print(`${name}: ${what}, in ${report.folder}`);
  const use = dir === undefined ? `dataset=${name}` : `dataset=${name} --data-dir ${report.folder}`;
  terminal.print(`next: ${self} train w-asymmetric ${use}`);
}

export const define: DefineCommand = (command, globals) => {
  const { terminal } = globals;
  const list = (): void => {
    const found = rows(globals);
    terminal.document(found);
    const columns = [
      { title: 'data set', text: (row: Row) => row.name },
      { title: 'state', text: (row: Row) => row.state },
      { title: 'folder', text: (row: Row) => row.folder },
    ];
    terminal.print(formatTable(found, columns, terminal.style));
  };
  command.action(list);
  command.command('list').description('list the data sets and where they are').action(list);
  command
    .command('fetch <name>')
    .description(
      `download a data set (${fetchableNames.join(', ')}), checked by its SHA-256; interrupted downloads resume`,
    )
    .option(
      '--dir <dir>',
      "folder for the files (default: the workspace's data folder, where training looks)",
    )
    .action((name: string, options: { dir?: string }) => fetchNamed(name, options.dir, globals));
};
