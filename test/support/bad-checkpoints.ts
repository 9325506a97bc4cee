/** Checkpoints that must be refused, made byte by byte. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { fixtureRun } from './fixtures.ts';

/** A .pt file around a pickle, as torch.save lays it out. */
export function torchFile(pickle: Uint8Array): Uint8Array {
  return zipSync(
    { 'archive/data.pkl': pickle, 'archive/version': strToU8('3\n'), 'archive/data/0': new Uint8Array(16) },
    { level: 0 },
  );
}

/** Would run a command in a reader that builds what it is told to. */
export function systemCallPickle(marker: string): Uint8Array {
  return strToU8(`cos\nsystem\n(S'touch ${marker}'\ntR.`);
}

/** A list in a list in a list ..., `depth` times. */
export function nestedPickle(depth: number): Uint8Array {
  const bytes = new Uint8Array(2 + depth + (depth - 1) + 1);
  bytes.set([0x80, 2]);
  bytes.fill(']'.charCodeAt(0), 2, 2 + depth);
  bytes.fill('a'.charCodeAt(0), 2 + depth, bytes.length - 1);
  bytes[bytes.length - 1] = '.'.charCodeAt(0);
  return bytes;
}

/** `{"__proto__": {"polluted": "yes"}}` */
export function protoPickle(): Uint8Array {
  return strToU8("(dS'__proto__'\n(dS'polluted'\nS'yes'\nss.");
}

/** A copy of a reference run in `folder`, so that its files can be spoilt. */
export function copyRun(name: string, folder: string): string {
  const target = join(folder, name);
  mkdirSync(folder, { recursive: true });
  cpSync(fixtureRun(name), target, { recursive: true });
  return target;
}

/** Turns the first fixed entry of the first mask of a W-asymmetric checkpoint into a trainable one, or back. */
export function flipMaskEntry(path: string): void {
  const entries = unzipSync(new Uint8Array(readFileSync(path)));
  for (const bytes of Object.values(entries)) {
    if (bytes.length < 10_000 || bytes.length % 4 !== 0) continue;
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    if (!values.every((value) => value === 0 || value === 1) || !values.includes(0)) continue;
    const at = values.indexOf(0);
    values[at] = 1;
    values[values.indexOf(1)] = 0;
    bytes.set(new Uint8Array(values.buffer));
    writeFileSync(path, zipSync(entries, { level: 0 }));
    return;
  }
  throw new Error(`${path} holds no mask`);
}
