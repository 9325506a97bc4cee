import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { messageOf, UserError } from '../../../src-shared/errors.ts';
import { roundsProducts } from './exact-product.ts';
import { hasBinding, intraOpThreads, loadNative } from './native.ts';
import type { Native } from './native.ts';
import { howToMend, whyAbsent } from './setup-status.ts';
import type { Tf } from './tensors.ts';
import type { Backend, BackendName } from './types.ts';
import { backendNames } from './types.ts';
import { loadCpu, loadWasm } from './wasm.ts';

const require = createRequire(import.meta.url);

export interface BackendOptions {
  /** The back end to try first; the environment's BASIN_BACKEND overrides it. Default `tensorflow`. */
  prefer?: BackendName;
  /** Threads for one operation, settled when TensorFlow first loads. Default BASIN_THREADS, else all cores. */
  threads?: number;
}

interface Shortfall {
  reason: string;
  fix: string;
}

let native: Native | Shortfall | undefined;

/**
 * Loads tfjs and the best back end there is, in the order tensorflow, wasm, cpu from the preferred one on, and makes it
 * tfjs's current one. Never fails for want of the native library: `reason` and `fix` then say why it fell back.
 * tfjs is one per process: the last call decides what `tf` operations run on.
 */
export async function loadBackend(options: BackendOptions = {}): Promise<Backend> {
  const prefer = preferred(options);
  const threads = wantedThreads(options);
  const tf = require('@tensorflow/tfjs') as Tf;
  const shortfalls: Shortfall[] = [];
  for (const name of backendNames.slice(backendNames.indexOf(prefer))) {
    const loaded = await tryBackend(name, tf, threads);
    if ('reason' in loaded) shortfalls.push(loaded);
    else return describe(name, tf, 'shortfall' in loaded ? [loaded.shortfall] : shortfalls, loaded);
  }
  throw new Error(
    `no back end could be started: ${shortfalls.map((shortfall) => shortfall.reason).join('; ')}`,
  );
}

function preferred(options: BackendOptions): BackendName {
  const asked = process.env['BASIN_BACKEND'] || options.prefer || 'tensorflow';
  const name = backendNames.find((known) => known === asked);
  if (name) return name;
  throw new UserError(`BASIN_BACKEND is '${asked}', expected one of ${backendNames.join(', ')}`);
}

/** Threads for one operation. @throws UserError where BASIN_THREADS is no such number */
export function wantedThreads(options: BackendOptions = {}): number {
  const asked = options.threads ?? process.env['BASIN_THREADS'];
  if (asked === undefined || asked === '') return availableParallelism();
  const threads = Number(asked);
  if (Number.isInteger(threads) && threads > 0 && threads <= 1024) return threads;
  throw new UserError(`threads is '${asked}', expected a whole number from 1 to 1024`);
}

async function tryBackend(name: BackendName, tf: Tf, threads: number): Promise<Native | Shortfall | object> {
  if (name === 'tensorflow') {
    native ??= startNative(tf, threads);
    if (!('reason' in native)) await tf.setBackend('tensorflow');
    return native;
  }
  if (name === 'wasm') {
    try {
      await loadWasm(tf);
      return {};
    } catch (error) {
      return { reason: `wasm does not start: ${messageOf(error)}`, fix: howToMend(' -- --force') };
    }
  }
  await loadCpu(tf);
  return {};
}

function startNative(tf: Tf, threads: number): Native | Shortfall {
  if (!hasBinding()) return whyAbsent();
  try {
    return loadNative(tf, threads);
  } catch (error) {
    return {
      reason: `the native TensorFlow does not load: ${messageOf(error)}`,
      fix: howToMend(' -- --force'),
    };
  }
}

function describe(name: BackendName, tf: Tf, shortfalls: Shortfall[], loaded: Native | object): Backend {
  const found = 'kernels' in loaded ? loaded : undefined;
  const version = found?.version ?? tf.version_core;
  const device = found?.device ?? 'cpu';
  const threads = found ? intraOpThreads() : 1;
  const plural = threads === 1 ? 'thread' : 'threads';
  const precision = device === 'gpu' && roundsProducts(tf) ? 'tf32' : undefined;
  return {
    ...{ name, version, device, threads, tf },
    ...(precision && { precision }),
    ...(shortfalls.length > 0 && {
      reason: shortfalls.map((shortfall) => shortfall.reason).join('; '),
      fix: shortfalls[0]!.fix,
    }),
    label: `${name} ${version} (${device === 'gpu' ? `GPU${precision ? ', TF32' : ''}` : `CPU, ${threads} ${plural}`})`,
    ...(found && { native: found.kernels }),
    kernel: found?.kernels.kernel ?? refuseKernel(name),
  };
}

function refuseKernel(name: BackendName): Backend['kernel'] {
  return (kernel: string): never => {
    throw new Error(`the ${name} back end has no raw TensorFlow operations (asked for ${kernel})`);
  };
}
