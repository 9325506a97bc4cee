/** `basin export RESULT`: a stored result as a file for a notebook. `basin export RUN --format pt`: checkpoints. */
import { extname } from 'node:path';
import type { CheckpointFormat } from '../../../src-shared/jobs/export-checkpoints.ts';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import { completeParams, flagsOf, parseFlag } from '../flags.ts';
import type { DefineCommand, Globals } from '../globals.ts';
import { runKind } from '../job.ts';
import { checkFolderOf, checkOutFile, writeFileWhole } from '../out-file.ts';
import { findRuns } from '../pick.ts';
import { listenerFor } from '../show-job.ts';
import { warnOfOutdated } from '../standing.ts';
import { jobKinds } from '../../../src-shared/jobs/index.ts';
import { findResult } from './results.ts';
import { typedPath } from '../../formats/typed-path.ts';

const formats = ['json', 'csv', 'parquet', 'npy'] as const;

interface Options {
  out: string;
  format?: string;
  models?: string;
  epochs?: string;
  optimizer: boolean;
}

export const define: DefineCommand = (command, globals) => {
  command
    .argument(
      '[what...]',
      'id of a result (`basin results` lists them), or a run with --format pt or safetensors',
    )
    .requiredOption(
      '--out <path>',
      `result: the file to write, in the format of its extension: ${formats.map((f) => `.${f}`).join(', ')}; several results or all: .zip; run: a new folder`,
    )
    .option('--format <format>', 'checkpoints of a run: pt (for PyTorch) or safetensors')
    .option('--models <list>', 'run: models, from 1, such as 1,2; absent: all')
    .option('--epochs <list>', 'run: epochs, such as 0,100; absent: all that are saved')
    .option('--no-optimizer', 'run: leave out the optimizer state')
    .action((texts: string[], options: Options) => {
      if (extname(typedPath(options.out)) === '.zip') return exportAnalysis(texts, options, globals);
      const [text] = texts;
      if (text === undefined || texts.length > 1)
        throw new UsageError(
          'name one result or run; several results (or all) need a file name that ends with .zip',
        );
      return options.format === 'pt' || options.format === 'safetensors'
        ? exportRun(text, options.format, options, globals)
        : exportFile(text, options, globals);
    });
};

/** Results, their figures and configs in one zip, which `basin import` takes back. */
async function exportAnalysis(texts: readonly string[], { out }: Options, globals: Globals): Promise<void> {
  const path = typedPath(out);
  await checkFolderOf(path);
  await withEngine(globals, async (client) => {
    const rows = [];
    for (const text of texts) rows.push(await findResult(client, text));
    const wanted = rows.length === 0 ? {} : { resultIds: rows.map((row) => row.id) };
    const { bytes, results, figures } = await client.call('results.bundle', wanted);
    const bundled = rows.length > 0 ? rows : await client.call('results.list', {});
    const ids = bundled.map(({ id }) => id);
    await warnOfOutdated(client, globals.terminal, ids);
    await writeFileWhole(path, bytes);
    globals.terminal.document({ path, results, figures, bytes: bytes.byteLength });
    globals.terminal.print(
      `${results} results and ${figures} figures written to ${path} (${bytes.byteLength} bytes)`,
    );
  });
}

async function exportFile(text: string, { out, format: named }: Options, globals: Globals): Promise<void> {
  const path = typedPath(out);
  const format = formats.find((name) => extname(path) === `.${name}`);
  if (format === undefined) {
    throw new UsageError(
      `--out ${out}: expected a name that ends with ${formats.map((f) => `.${f}`).join(', ')}`,
      { hint: 'A run is exported with --format pt or --format safetensors into a folder.' },
    );
  }
  if (named !== undefined && named !== format) {
    throw new UsageError(
      `--format ${named}: expected pt or safetensors for a run; a result's format is the extension of --out`,
    );
  }
  await checkOutFile(path);
  await withEngine(globals, async (client) => {
    const row = await findResult(client, text);
    const { bytes } = await client.call('results.export', { resultId: row.id, format });
    await warnOfOutdated(client, globals.terminal, [row.id]);
    await writeFileWhole(path, bytes);
    globals.terminal.document({ result: row.id, path, bytes: bytes.byteLength });
    globals.terminal.print(`${row.title} written to ${path} (${bytes.byteLength} bytes)`);
  });
}

async function exportRun(
  text: string,
  format: CheckpointFormat,
  options: Options,
  globals: Globals,
): Promise<void> {
  const { terminal, signal } = globals;
  const kind = jobKinds['export-checkpoints'];
  const flags = flagsOf(kind.params);
  const parsed = (name: 'models' | 'epochs'): object => {
    const given = options[name];
    const flag = flags.find((candidate) => candidate.name === name);
    return given === undefined || flag === undefined ? {} : { [name]: parseFlag(flag, given) };
  };
  await withEngine(globals, async (client) => {
    const [run] = await findRuns(client, [text]);
    const wanted = { ...parsed('models'), ...parsed('epochs'), format, optimizer: options.optimizer };
    const params = completeParams(
      kind.params,
      { run: run!.path, directory: typedPath(options.out), ...wanted },
      flags,
    );
    const shown = listenerFor(terminal, kind.title);
    const { result } = await runKind(client, 'export-checkpoints', params, signal, shown.listener);
    shown.finish();
    terminal.document(result);
    terminal.print(
      `${result.files.length} checkpoints written to ${result.directory} (${result.bytes} bytes)`,
    );
    for (const note of result.notes) terminal.print(note);
  });
}
