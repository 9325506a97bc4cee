/** One worker process: started, given a job, told to stop, watched, and its end explained. */
import { spawn, type ChildProcess } from 'node:child_process';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendInfo } from '../../../src-shared/domain.ts';
import type { JobEvent } from '../../../src-shared/progress.ts';
import {
  fromWorkerSchema,
  type FromWorker,
  type JobFailure,
  type ToWorker,
} from '../../../src-shared/worker-protocol.ts';
import { explainDeath, type Death } from './death.ts';
import { kernelKills, residentBytes } from './memory.ts';

export interface WorkerSettings {
  /** Absolute path of the worker's entry file. */
  entry: string;
  /** The Node that runs it; Electron's own executable would not do. */
  node: string;
  threads: number;
  memoryLimit: number;
  /** 0 normal, up to 19 for work that must not be in the way. */
  niceness: number;
  env: Record<string, string>;
}

export interface WorkerJob {
  id: string;
  kind: string;
  params: unknown;
  onEvent: (event: JobEvent) => void;
  /** The worker has split the question; resolves with which parts are known. Never rejects. */
  onPlan: (parts: unknown[]) => Promise<boolean[]>;
  onBackend: (backend: BackendInfo) => void;
}

/** How a job came back from a worker: exactly one of these. */
export type Outcome =
  | {
      type: 'result';
      result: unknown;
      backend: BackendInfo | null;
      residentBytes: number;
      /** Its matrices are files already, in place of which it has references as `linkMatrices` takes them. */
      placed?: true;
    }
  | { type: 'error'; error: JobFailure; residentBytes: number }
  | { type: 'died'; death: Death; stderr: string };

/** Node's default folder for compiled code. Set in the environment, it also serves the modules that a worker loads first. */
const compileCache = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };
const stderrKept = 16_384;
const watchEvery = 200;
/** After a cancel: ask, after this long end it politely, then for good. Together well below a second. */
const politeAfter = 350;
const killAfter = 550;

interface Current {
  job: WorkerJob;
  resolve: (outcome: Outcome) => void;
}

/** What every worker finds in its environment: native libraries by default open one thread per core in each. */
export function workerEnvironment(threads: number): Record<string, string> {
  const names = [
    'OMP_NUM_THREADS',
    'TF_NUM_INTRAOP_THREADS',
    'TF_NUM_INTEROP_THREADS',
    'OPENBLAS_NUM_THREADS',
  ];
  const values = names.map((name) => [name, String(threads)] as const);
  return {
    ...Object.fromEntries(values),
    BASIN_THREADS: String(threads),
    UV_THREADPOOL_SIZE: String(Math.max(2, threads)),
    // Else glibc keeps what compiling took apart for each thread of the compiler: 100 MB of a training's peak.
    MALLOC_ARENA_MAX: '2',
  };
}

export class WorkerProcess {
  readonly pid: number;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #settings: WorkerSettings;
  readonly #killsBefore = kernelKills();
  #current: Current | undefined;
  #ready = false;
  #dead = false;
  #overLimit = false;
  #peak = 0;
  #stderr = '';
  #waiting: ToWorker[] = [];
  #timers: NodeJS.Timeout[] = [];
  jobsDone = 0;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    const heap = Math.max(256, Math.floor(settings.memoryLimit / 2 ** 20));
    this.#child = spawn(settings.node, [`--max-old-space-size=${heap}`, settings.entry], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...compileCache, ...process.env, ...workerEnvironment(settings.threads), ...settings.env },
    });
    this.pid = this.#child.pid ?? 0;
    if (settings.niceness > 0) this.#lower(settings.niceness);
    this.#child.stdout?.resume();
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrKept);
    });
    this.#child.on('message', (message) => this.#receive(message));
    // A worker that dies while a message is on its way: its exit tells the story.
    this.#child.on('error', (error) => (this.#stderr += `\n${error.name}: ${error.message}\n`));
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (!this.#dead) this.#end(code, signal);
        resolve();
      };
      // `close` comes after the last of stderr; but a grandchild may hold the pipe open.
      this.#child.on('close', end);
      this.#child.on('exit', (code, signal) => setTimeout(() => end(code, signal), 200).unref());
      if (this.#child.pid === undefined) this.#child.on('error', () => end(null, null));
    });
  }

  get busy(): boolean {
    return this.#current !== undefined;
  }

  get dead(): boolean {
    return this.#dead;
  }

  run(job: WorkerJob): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#current = { job, resolve };
      if (this.#dead)
        return this.#settle({ type: 'died', death: this.#death(null, null), stderr: this.#stderr });
      this.#send({ type: 'run', id: job.id, kind: job.kind, params: job.params });
      this.#watch();
    });
  }

  /** Asks the running job to stop and makes sure that it does within a second. */
  cancel(): void {
    const id = this.#current?.job.id;
    if (id === undefined) return;
    this.#send({ type: 'cancel', id });
    this.#later(politeAfter, () => this.#current?.job.id === id && this.#child.kill('SIGTERM'));
    this.#later(killAfter, () => this.#current?.job.id === id && this.#child.kill('SIGKILL'));
  }

  /** Ends the process; a running job ends as died or cancelled. */
  async stop(): Promise<void> {
    if (this.#dead) return;
    this.#send({ type: 'shutdown' });
    const polite = setTimeout(() => this.#child.kill('SIGTERM'), politeAfter);
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), killAfter);
    await this.exited;
    clearTimeout(polite);
    clearTimeout(hard);
  }

  #lower(niceness: number): void {
    try {
      setPriority(this.pid, niceness);
    } catch {
      // Only a courtesy to the heavy jobs.
    }
  }

  #send(message: ToWorker): void {
    if (!this.#ready && message.type === 'run') this.#waiting.push(message);
    else if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #receive(raw: unknown): void {
    const parsed = fromWorkerSchema.safeParse(raw);
    if (!parsed.success) {
      this.#stderr += `\nError: message that breaks the protocol: ${parsed.error.issues[0]?.message ?? ''}\n`;
      this.#child.kill('SIGKILL');
      return;
    }
    this.#handle(parsed.data);
  }

  #handle(message: FromWorker): void {
    const current = this.#current;
    if (message.type === 'ready') {
      this.#ready = true;
      for (const waiting of this.#waiting.splice(0)) this.#send(waiting);
    } else if (message.type === 'backend') {
      current?.job.onBackend(message.backend);
    } else if (message.type === 'plan') {
      const { id } = message;
      if (current?.job.id !== id) return;
      void current.job.onPlan(message.parts).then((known) => this.#send({ type: 'known', id, known }));
    } else if (current && message.id === current.job.id) {
      if (message.type === 'event') current.job.onEvent(message.event as JobEvent);
      else if (message.type === 'error') this.#settle(message);
      else
        this.#settle({
          type: 'result',
          result: message.result,
          backend: message.backend,
          residentBytes: message.residentBytes,
        });
    }
  }

  #settle(outcome: Outcome): void {
    const current = this.#current;
    this.#current = undefined;
    this.jobsDone++;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    current?.resolve(outcome);
  }

  #later(after: number, action: () => void): void {
    this.#timers.push(setTimeout(action, after));
  }

  /** Ends the worker when it holds more than its share, before the machine has to choose a victim. */
  #watch(): void {
    const timer = setInterval(() => {
      const resident = residentBytes(this.pid);
      this.#peak = Math.max(this.#peak, resident);
      if (resident <= this.#settings.memoryLimit) return;
      this.#overLimit = true;
      this.#child.kill('SIGKILL');
    }, watchEvery);
    timer.unref();
    this.#timers.push(timer);
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    this.#dead = true;
    if (this.#current) this.#settle({ type: 'died', death: this.#death(code, signal), stderr: this.#stderr });
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }

  #death(code: number | null, signal: NodeJS.Signals | null): Death {
    return explainDeath({
      code,
      signal,
      stderr: this.#stderr,
      overLimit: this.#overLimit,
      memoryLimit: this.#settings.memoryLimit,
      peak: this.#peak,
      kernelKill: kernelKills() > this.#killsBefore,
      starting: !this.#ready,
    });
  }
}
