/** How much memory there is and how much a process holds. Linux tells; elsewhere the unknown is 0. */
import { availableParallelism, freemem, totalmem } from 'node:os';
import { readText } from '../folders.ts';

const gigabyte = 2 ** 30;

export function formatBytes(bytes: number): string {
  if (bytes >= gigabyte) return `${(bytes / gigabyte).toFixed(1)} GB`;
  return `${Math.max(1, Math.round(bytes / 2 ** 20))} MB`;
}

/** Resident memory of a process in bytes; 0 when it is gone or the system does not tell. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`))?.[1];
  return kilobytes === undefined ? 0 : Number(kilobytes) * 1024;
}

/** How often the kernel has ended a process of this container or machine for want of memory. */
export function kernelKills(): number {
  const group = /^oom_kill (\d+)/m.exec(readText('/sys/fs/cgroup/memory.events'))?.[1];
  const machine = /^oom_kill (\d+)/m.exec(readText('/proc/vmstat'))?.[1];
  return Math.max(Number(group ?? 0), Number(machine ?? 0));
}

/** Memory that this machine or container has, in bytes. */
export function totalMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

export interface PoolPlan {
  /** Heavy jobs at once. */
  workers: number;
  /** Threads that each of them may use; workers x threads never exceeds the cores. */
  threads: number;
  /** Resident bytes at which a worker is ended. */
  memoryLimit: number;
}

/**
 * One heavy job per four cores, as long as each has 2 GB: a single training job already uses several cores well.
 * Values that are given win; threads then follow from them.
 */
export function planPool(
  given: Partial<PoolPlan> = {},
  cores = availableParallelism(),
  memory = totalMemory(),
): PoolPlan {
  const byCores = Math.floor(cores / 4);
  const byMemory = Math.floor(Math.max(freemem(), memory / 2) / (2 * gigabyte));
  const workers = Math.max(1, given.workers ?? Math.min(byCores, byMemory));
  const threads = Math.max(1, given.threads ?? Math.floor(cores / workers));
  const share = Math.floor((memory * 0.8) / workers);
  return { workers, threads, memoryLimit: given.memoryLimit ?? Math.max(gigabyte, share) };
}
