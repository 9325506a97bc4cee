/** Small files of settings: whole or not there, and never a reason to fail. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../src-shared/errors.ts';

export function writeSettingsFile(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, JSON.stringify(value));
    renameSync(temporary, path);
  } catch (error) {
    process.stderr.write(`basin: ${path} could not be written: ${messageOf(error)}\n`);
  }
}
