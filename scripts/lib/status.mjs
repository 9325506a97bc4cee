/** The small file in which setup leaves what it did and why, for `basin doctor` and the back-end module. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { statusFile } from './paths.mjs';

export function readStatus() {
  try {
    return JSON.parse(readFileSync(statusFile, 'utf8'));
  } catch {
    return undefined;
  }
}

/** status: { variant: 'cpu' | 'gpu', ok, library?, kind?, reason?, fix? } */
export function writeStatus(status) {
  mkdirSync(dirname(statusFile), { recursive: true });
  const temporary = `${statusFile}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify({ ...status, when: new Date().toISOString() }, null, 2)}\n`);
  renameSync(temporary, statusFile);
}

/** Something that stops the native library, with what would fix it. Setup goes on with the wasm back end. */
export class NativeProblem extends Error {
  constructor(kind, reason, fix) {
    super(reason);
    this.kind = kind;
    this.fix = fix;
  }
}
