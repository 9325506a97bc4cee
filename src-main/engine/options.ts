/** How an engine is opened. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { workerEntry } from '../../src-shared/worker-protocol.ts';
import type { PoolPlan } from './jobs/memory.ts';
import type { QueueMode } from './jobs/queue.ts';

export interface EngineOptions {
  /** Folder; absent: `BASIN_WORKSPACE`, else `~/Basin`. */
  workspace?: string;
  /** `all` (desktop, serve): works through the whole queue. `own` (one command): only what is submitted meanwhile. */
  queue?: QueueMode;
  /** Resume training jobs that a crash interrupted; by default with `all`. */
  resume?: boolean;
  /** Serve the local socket, so that the terminal can talk to this engine. Default true. */
  listen?: boolean;
  pool?: Partial<PoolPlan>;
  worker?: {
    /** Absolute path of the worker's entry file. */
    entry?: string;
    /** Node that runs it; Electron must name one. */
    node?: string;
    env?: Record<string, string>;
    /** Milliseconds after which an idle worker ends. */
    idleAfter?: number;
  };
  /** Kinds of job besides the table's own. */
  kinds?: readonly AnyJobKind[];
}

/** Where package.json, resources and the worker lie. */
export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function defaultEntry(): string {
  return join(projectRoot, workerEntry);
}
