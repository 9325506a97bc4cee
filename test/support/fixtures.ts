/** The reference's checkpoints and golden numbers, kept gzipped in test/fixtures and inflated once per machine. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
  copyFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const packed = fileURLToPath(new URL('../fixtures', import.meta.url));
const unpacked = fileURLToPath(new URL('../../.cache/fixtures', import.meta.url));

/** Absolute path of a fixture, e.g. `runs/sym0/checkpoint_epoch_5_model_1.pt`; inflated on first use. */
export function fixturePath(name: string): string {
  const target = join(unpacked, name);
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.tmp`;
  const source = join(packed, name);
  if (existsSync(`${source}.gz`)) writeFileSync(temporary, gunzipSync(readFileSync(`${source}.gz`)));
  else copyFileSync(source, temporary);
  renameSync(temporary, target);
  return target;
}

/** Absolute path of a whole reference run directory (`sym0`, `sym1_kappa0`, `sym1_kappa1`, `sym2`, `sym3_kappa1`). */
export function fixtureRun(name: string): string {
  for (const file of readdirSync(join(packed, 'runs', name)))
    fixturePath(`runs/${name}/${file.replace(/\.gz$/, '')}`);
  return join(unpacked, 'runs', name);
}

/** A golden JSON file, e.g. `goldenJson('sym0')`. The caller narrows what it reads. */
export function goldenJson<T = unknown>(name: string): T {
  return JSON.parse(readFileSync(fixturePath(`golden/${name}.json`), 'utf8')) as T;
}

export interface NpyArray {
  shape: number[];
  data: Float64Array;
}

/** A golden .npy array (little-endian f4, f8, i8, u1 or bool), widened to float64. */
export function goldenNpy(name: string): NpyArray {
  const bytes = readFileSync(fixturePath(`golden/${name}.npy`));
  const headerLength = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + headerLength);
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((s) => s.trim())
    .map(Number);
  const type = /'descr': '([^']+)'/.exec(header)?.[1] ?? '';
  const body = bytes.subarray(10 + headerLength);
  const count = shape.reduce((a, b) => a * b, 1);
  const data = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    if (type === '<f4') data[i] = body.readFloatLE(4 * i);
    else if (type === '<f8') data[i] = body.readDoubleLE(8 * i);
    else if (type === '<i8') data[i] = Number(body.readBigInt64LE(8 * i));
    else if (type === '|u1' || type === '|b1') data[i] = body.readUInt8(i);
    else throw new Error(`golden ${name}: unexpected dtype ${type}`);
  }
  return { shape, data: header.includes("'fortran_order': True") ? rowMajor(data, shape) : data };
}

/** Column-major entries in C order. */
function rowMajor(data: Float64Array, shape: readonly number[]): Float64Array {
  const out = new Float64Array(data.length);
  for (let from = 0; from < data.length; from++) {
    let rest = from;
    const index = shape.map((size) => {
      const i = rest % size;
      rest = Math.floor(rest / size);
      return i;
    });
    out[index.reduce((to, i, axis) => to * shape[axis]! + i, 0)] = data[from]!;
  }
  return out;
}

/** A weight file in test/fixtures/weights, made by the real libraries. */
export function weightsFixture(name: string): string {
  return join(packed, 'weights', name);
}
