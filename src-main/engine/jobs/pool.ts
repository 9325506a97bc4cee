/** Worker processes by lane: started when needed, used again, replaced when their memory does not come back. */
import type { PoolPlan } from './memory.ts';
import type { JobLane } from '../../../src-shared/jobs/define.ts';
import { WorkerProcess, type Outcome, type WorkerJob } from './worker-process.ts';

export interface PoolOptions extends PoolPlan {
  entry: string;
  node: string;
  env: Record<string, string>;
  /** An idle worker is ended after this many milliseconds. */
  idleAfter: number;
}

/** A worker that keeps this share of its limit after a job is replaced. */
const recycleShare = 0.5;
const jobsPerWorker = 200;
/** Reading headers and hashing needs little; a hostile file must not get more. */
const lightMemory = 1.5 * 2 ** 30;

/** `quick`: questions that somebody waits for, beside the queue. */
type Lane = JobLane | 'quick';

/** A person waits for an import; beside many busy processes a worse place in the queue made it take a minute. */
const niceness: Record<Lane, number> = { main: 0, quick: 0, light: 0, background: 15 };

interface Slot {
  worker: WorkerProcess;
  lane: Lane;
  idleTimer: NodeJS.Timeout | undefined;
}

export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #slots = new Set<Slot>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get plan(): PoolPlan {
    return this.#options;
  }

  busy(lane: Lane): number {
    return [...this.#slots].filter((slot) => slot.lane === lane && slot.worker.busy).length;
  }

  hasRoom(lane: Lane): boolean {
    return !this.#closed && this.busy(lane) < (lane === 'main' ? this.#options.workers : 1);
  }

  /** The process that would work on a job of this lane; started if there is none idle. */
  take(lane: Lane): WorkerProcess {
    const idle = [...this.#slots].find(
      (slot) => slot.lane === lane && !slot.worker.busy && !slot.worker.dead,
    );
    const slot = idle ?? this.#start(lane);
    clearTimeout(slot.idleTimer);
    return slot.worker;
  }

  async run(worker: WorkerProcess, job: WorkerJob): Promise<Outcome> {
    const outcome = await worker.run(job);
    const slot = [...this.#slots].find((candidate) => candidate.worker === worker);
    if (slot) this.#afterJob(slot, outcome);
    return outcome;
  }

  /** Ends every worker. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      [...this.#slots].map((slot) => {
        clearTimeout(slot.idleTimer);
        return slot.worker.stop();
      }),
    );
  }

  #start(lane: Lane): Slot {
    const { entry, node, env, threads, memoryLimit } = this.#options;
    const light = lane === 'light' || lane === 'background';
    const worker = new WorkerProcess({
      entry,
      node,
      env,
      threads: light ? 1 : threads,
      memoryLimit: light ? Math.min(memoryLimit, lightMemory) : memoryLimit,
      niceness: niceness[lane],
    });
    const slot: Slot = { worker, lane, idleTimer: undefined };
    this.#slots.add(slot);
    void worker.exited.then(() => {
      clearTimeout(slot.idleTimer);
      this.#slots.delete(slot);
    });
    return slot;
  }

  #afterJob(slot: Slot, outcome: Outcome): void {
    if (slot.worker.dead || this.#closed) return;
    const kept = outcome.type === 'died' ? 0 : outcome.residentBytes;
    if (kept > this.#options.memoryLimit * recycleShare || slot.worker.jobsDone >= jobsPerWorker) {
      this.#slots.delete(slot);
      void slot.worker.stop();
      return;
    }
    slot.idleTimer = setTimeout(() => void slot.worker.stop(), this.#options.idleAfter);
    slot.idleTimer.unref();
  }
}
