/** `basin export RESULT`: a stored result as a file for a notebook. */
import { extname, resolve } from 'node:path';
import { withEngine } from '../engine.ts';
import { UsageError } from '../errors.ts';
import type { DefineCommand } from '../globals.ts';
import { checkOutFile, writeFileWhole } from '../out-file.ts';
import { findResult } from './results.ts';

const formats = ['json', 'csv', 'parquet', 'npy'] as const;

export const define: DefineCommand = (command, globals) => {
  command
    .argument('<result>', 'id of a result; `basin results` lists them')
    .requiredOption(
      '--out <file>',
      `where to write; its ending says how: ${formats.map((f) => `.${f}`).join(', ')}`,
    )
    .action(async (text: string, options: { out: string }) => {
      const path = resolve(options.out);
      const format = formats.find((name) => extname(path) === `.${name}`);
      if (format === undefined) {
        throw new UsageError(
          `--out ${options.out}: expected a name that ends with ${formats.map((f) => `.${f}`).join(', ')}`,
        );
      }
      await checkOutFile(path);
      await withEngine(globals, async (client) => {
        const row = await findResult(client, text);
        const { bytes } = await client.call('results.export', { resultId: row.id, format });
        await writeFileWhole(path, bytes);
        globals.terminal.document({ result: row.id, path, bytes: bytes.byteLength });
        globals.terminal.print(`${row.title} written to ${path} (${bytes.byteLength} bytes)`);
      });
    });
};
