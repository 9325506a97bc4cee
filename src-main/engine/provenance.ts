/** Where a result comes from, written into it. */
import { basename } from 'node:path';
import type { BackendInfo } from '../../src-shared/domain.ts';
import type { ProvenanceInput } from '../../src-shared/provenance.ts';
import { isConfigName, runFolderOf } from '../formats/run-layout.ts';
import { runIdAt } from './catalog/run-at.ts';
import type { RunStore } from './catalog/runs.ts';
import type { Input } from './inputs.ts';
import { runPaths, seedsIn } from './jobs/submit.ts';
import type { Job } from './jobs/states.ts';

/** "tensorflow 2.21.0 (CPU, 2 threads)". */
export function describeBackend(backend: BackendInfo): string {
  const threads = `${backend.threads} ${backend.threads === 1 ? 'thread' : 'threads'}`;
  return `${backend.name} ${backend.version} (${backend.device.toUpperCase()}, ${threads})`;
}

type Runs = NonNullable<ProvenanceInput['runs']>;

export function provenanceOf(
  job: Job,
  version: number,
  inputs: readonly Input[],
  backend: BackendInfo | null,
  runs: RunStore,
  basinVersion: string,
): ProvenanceInput & { runs: Runs } {
  const data = dataOf(job.params);
  return {
    basinVersion,
    kind: job.kind,
    jobVersion: version,
    ...(backend && { backend: describeBackend(backend) }),
    runs: runsOf(job.params, inputs, runs),
    checkpoints: inputs.filter(({ path }) => basename(path).startsWith('checkpoint_')),
    seeds: seedsIn(job.params),
    ...(data !== undefined && { data }),
    created: new Date().toISOString(),
  };
}

function runsOf(params: unknown, inputs: readonly Input[], runs: RunStore): Runs {
  const configs = new Map(
    inputs
      .filter(({ path }) => isConfigName(basename(path)))
      .map(({ path, sha256 }) => [runFolderOf(path), sha256]),
  );
  const paths = new Set([...runPaths(params), ...configs.keys()]);
  return [...paths].flatMap((path) => {
    const id = runIdAt(runs, path);
    const configHash = configs.get(path);
    if (id === undefined && configHash === undefined) return [];
    return [{ id: id ?? basename(path), path, configHash: configHash ?? runs.stored(id!).configHash }];
  });
}

/** "mnist-10k, test" where the params say so themselves. */
function dataOf(params: unknown): string | undefined {
  if (params === null || typeof params !== 'object') return undefined;
  const { data, split, splits } = params as Record<string, unknown>;
  const name = data !== null && typeof data === 'object' && 'name' in data ? String(data.name) : undefined;
  const which = typeof split === 'string' ? split : Array.isArray(splits) ? splits.join('/') : undefined;
  const parts = [name, which].filter((part) => part !== undefined);
  return parts.length > 0 ? parts.join(', ') : undefined;
}
