/** The cluster that basin.yaml in the workspace describes: asked when a view of sweeps opens, since the file may change. */
import type { ResponseOf } from '../../src-shared/api.ts';
import { engine } from '../state/engine.svelte.ts';

export type Cluster = NonNullable<ResponseOf<'slurm.cluster'>>;

class KnownCluster {
  /** Null until it is known, and if there is none. */
  value = $state.raw<Cluster | null>(null);
  looked = $state(false);

  async look(): Promise<void> {
    try {
      this.value = await engine.call('slurm.cluster', {});
      this.looked = true;
    } catch {
      // The window says that the engine is away.
    }
  }
}

export const cluster = new KnownCluster();

/** `partition gpu, 4 CPUs, 1 GPU, 16G, 04:00:00 each` */
export function askedText({ settings }: Cluster): string {
  if (!settings) return '';
  const { partition, cpus, gpus, memory, time, simultaneous } = settings;
  const parts = [
    ...(partition === undefined ? [] : [`partition ${partition}`]),
    ...(cpus === undefined ? [] : [`${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`]),
    ...(gpus === undefined ? [] : [`${gpus} ${gpus === '1' ? 'GPU' : 'GPUs'}`]),
    ...(memory === undefined ? [] : [memory]),
    ...(time === undefined ? [] : [`time limit ${time}`]),
  ];
  const each = parts.length === 0 ? "the cluster's defaults" : parts.join(', ');
  return `${each} for each task${simultaneous === undefined ? '' : `, ${simultaneous} at a time`}`;
}
