/** The engine: one catalog, one queue, one API. The desktop app, the command line and the server all use it. */
import { dataHomeVariable } from '../formats/data-registry.ts';
import { hostname } from 'node:os';
import type { ArgsOf, EngineEvent, EngineInfo, Job, RequestName, ResponseOf } from '../../src-shared/api.ts';
import type { AnyJobKind } from '../../src-shared/jobs/index.ts';
import { isJobKind, jobKindNamed } from '../../src-shared/jobs/index.ts';
import { GroupStore } from './catalog/groups.ts';
import { RunStore } from './catalog/runs.ts';
import { Demo } from './demo.ts';
import { FigureStore } from './figure-store.ts';
import { handlersOf } from './handlers.ts';
import { planPool } from './jobs/memory.ts';
import { WorkerPool } from './jobs/pool.ts';
import { JobService } from './jobs/service.ts';
import { JobStore, type Resumption } from './jobs/store.ts';
import { resumableKinds } from './jobs/training.ts';
import { defaultEntry, type EngineOptions } from './options.ts';
import type { PageServer, EngineServices } from './services.ts';
import { ResultStore } from './results.ts';
import { MeasureStore } from './run-measures.ts';
import { PartStore } from './part-store.ts';
import { Questions } from './questions.ts';
import { parseArgs } from './rpc.ts';
import { listen, type SocketServer } from './socket.ts';
import { explainDatabase, openDatabase, type Db } from './store/database.ts';
import { SavedFilters } from './saved-filters.ts';
import { Standings } from './standing.ts';
import { StepTimes } from './step-times.ts';
import { Sweeps } from './sweeps/sweeps.ts';
import { acquireLock, type Lock } from './store/lock.ts';
import { createWorkspace, workspacePath, type Workspace } from './store/workspace.ts';
import { basinVersion } from './version.ts';

export interface Engine {
  readonly workspace: Workspace;
  /** Typed calls; arguments are parsed whoever calls. Throws UserError. */
  call<N extends RequestName>(name: N, args: ArgsOf<N>): Promise<ResponseOf<N>>;
  subscribe(listener: (event: EngineEvent) => void): () => void;
  /** Resolves with the job as soon as it has ended, whichever way. */
  wait(jobId: string): Promise<Job>;
  /** Processes that are connected to this engine through the local socket. */
  clients(): number;
  /** Resolves when no other process is connected any more. */
  alone(): Promise<void>;
  /** From now on `server.address` and `engine.info` speak of this server. */
  showTo(pages: PageServer): void;
  /** Ends workers (running jobs become interrupted) and gives the workspace free. */
  close(): Promise<void>;
}

/** How long what was seen of the run folders counts as fresh, in milliseconds. */
const presenceFor = 5000;
/** Milliseconds between two events, at least, of those that an import or the hashing has many of a second. */
const pauseAfter = { 'runs-changed': 300, 'files-changed': 2000 };
type Frequent = keyof typeof pauseAfter;
const isFrequent = (type: string): type is Frequent => type in pauseAfter;

/**
 * Opens the workspace: takes its lock, opens and migrates the catalog, brings catalog and folders together, and (with
 * `queue: 'all'`) resumes the queue. Throws WorkspaceBusyError when another engine has it, UserError for a
 * folder or catalog that cannot be used.
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const workspace = createWorkspace(workspacePath(options.workspace));
  const lock = acquireLock(workspace, basinVersion());
  let db: Db | undefined;
  try {
    db = openDatabase(workspace.database, { check: lock.afterCrash });
    const engine = new LocalEngine(workspace, lock, db, options);
    await engine.start(options.listen !== false);
    return engine;
  } catch (error) {
    db?.close();
    lock.release();
    throw explainDatabase(workspace.database, error);
  }
}

class LocalEngine implements Engine, EngineServices {
  readonly workspace: Workspace;
  readonly runs: RunStore;
  readonly groups: GroupStore;
  readonly results: ResultStore;
  readonly partStore: PartStore;
  readonly figures: FigureStore;
  readonly jobs: JobService;
  readonly questions: Questions;
  readonly store: JobStore;
  readonly demo: Demo;
  readonly stepTimes: StepTimes;
  readonly standings: Standings;
  readonly measures: MeasureStore;
  readonly savedFilters: SavedFilters;
  readonly sweeps: Sweeps;
  readonly dataHome: string;
  pages: PageServer | undefined;
  readonly #lock: Lock;
  readonly #db: Db;
  readonly #options: EngineOptions;
  readonly #pool: WorkerPool;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #handlers = handlersOf(this);
  #socket: SocketServer | undefined;
  #presenceSeen = -Infinity;
  /** When a frequent event was told last, and the timer of the next one. */
  readonly #told = new Map<Frequent, { at: number; next: NodeJS.Timeout | undefined }>();
  #closing: Promise<void> | undefined;

  constructor(workspace: Workspace, lock: Lock, db: Db, options: EngineOptions) {
    this.workspace = workspace;
    this.#lock = lock;
    this.#db = db;
    this.#options = options;
    this.dataHome = workspace.data;
    this.runs = new RunStore(db, workspace.data);
    this.groups = new GroupStore(db);
    this.results = new ResultStore(db, workspace);
    this.partStore = new PartStore(db, workspace);
    this.figures = new FigureStore(db);
    this.store = new JobStore(db, (kind) => this.#resumption(kind));
    this.stepTimes = new StepTimes(this.results);
    this.demo = new Demo(this, workspace.runs);
    const node = options.worker?.node ?? process.execPath;
    const env = { [dataHomeVariable]: workspace.data, ...options.worker?.env };
    this.#pool = new WorkerPool({
      ...planPool(options.pool),
      ...{ entry: options.worker?.entry ?? defaultEntry(), node, env },
      idleAfter: options.worker?.idleAfter ?? 60_000,
    });
    const mode = options.queue ?? 'all';
    const { store, runs, results, figures, partStore } = this;
    const pool = this.#pool;
    const kindNamed = (name: string): AnyJobKind => this.#kindNamed(name);
    const emit = (event: EngineEvent): void => this.emit(event);
    const explain = (error: unknown): unknown => explainDatabase(workspace.database, error);
    this.questions = new Questions({ pool, kindNamed, hashes: runs.hashes });
    this.standings = new Standings({ results, kindNamed, hashes: runs.hashes });
    this.measures = new MeasureStore(results, runs);
    this.savedFilters = new SavedFilters(workspace.filters);
    this.jobs = new JobService({
      store,
      runs,
      results,
      partStore,
      figures,
      pool,
      mode,
      kindNamed,
      emit,
      explain,
      version: basinVersion(),
      workspace: workspace.root,
      worker: { env, node, entry: options.worker?.entry },
      infoChanged: () => this.emit({ type: 'engine-info', info: this.info() }),
    });
    const { groups, measures, stepTimes, jobs } = this;
    // One run more than there are workers waits in the queue, so that none is idle.
    const atOnce = this.#pool.plan.workers + 1;
    const sources = { runs, results, store, groups, measures, stepTimes, jobs };
    this.sweeps = new Sweeps({ ...sources, workspace, atOnce, emit });
  }

  async start(listening: boolean): Promise<void> {
    const mode = this.#options.queue ?? 'all';
    this.results.reconcile();
    this.partStore.sweep();
    const problems = this.jobs.slurm.open();
    for (const problem of problems) process.stderr.write(`warning: ${problem}\n`);
    this.jobs.queue.recover(this.#options.resume ?? mode === 'all');
    this.runs.settleTraining();
    await this.jobs.slurm.recover();
    if (listening) {
      this.#socket = await listen(this, this.workspace);
      this.#lock.announce(this.#socket.path);
    }
    if (mode === 'all') this.jobs.hashInBackground();
    if (this.#options.resume ?? mode === 'all') this.sweeps.recover();
    this.jobs.queue.schedule();
  }

  async call<N extends RequestName>(name: N, args: ArgsOf<N>): Promise<ResponseOf<N>> {
    try {
      const handler = this.#handlers[name] as (parsed: unknown) => Promise<ResponseOf<N>> | ResponseOf<N>;
      return await handler(parseArgs(name, args));
    } catch (error) {
      throw explainDatabase(this.workspace.database, error);
    }
  }

  subscribe(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Of frequent events one tells of many: each makes listeners read whole lists. */
  emit(event: EngineEvent): void {
    if (!isFrequent(event.type)) return this.#tell(event);
    const { type } = event;
    const told = this.#told.get(type) ?? { at: -Infinity, next: undefined };
    this.#told.set(type, told);
    const tell = (): void => {
      clearTimeout(told.next);
      told.next = undefined;
      told.at = performance.now();
      this.#tell({ type });
    };
    const wait = told.at + pauseAfter[type] - performance.now();
    if (wait <= 0) return tell();
    told.next ??= setTimeout(tell, wait).unref();
  }

  wait(jobId: string): Promise<Job> {
    return this.jobs.queue.wait(jobId);
  }

  showTo(pages: PageServer): void {
    this.pages = pages;
    this.emit({ type: 'engine-info', info: this.info() });
  }

  clients(): number {
    return this.#socket?.clients() ?? 0;
  }

  alone(): Promise<void> {
    return this.#socket?.alone() ?? Promise.resolve();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Looks where the run folders are, at most every few seconds. */
  async lookForFolders(): Promise<void> {
    if (performance.now() - this.#presenceSeen < presenceFor) return;
    this.#presenceSeen = performance.now();
    if (await this.runs.refreshPresence()) this.emit({ type: 'runs-changed' });
  }

  info(): EngineInfo {
    const { runs, checkpoints } = this.runs.counts();
    const { workers, threads } = this.#pool.plan;
    return {
      version: basinVersion(),
      workspace: this.workspace.root,
      host: hostname(),
      pid: process.pid,
      node: process.version,
      backend: this.jobs.backend,
      workers: { limit: workers, busy: this.#pool.busy('main'), threadsEach: threads },
      served: this.pages?.origin ?? null,
      counts: {
        runs,
        checkpoints,
        groups: this.groups.count(),
        results: this.results.count(),
        figures: this.figures.count(),
      },
    };
  }

  #tell(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #kindNamed(name: string): AnyJobKind {
    return this.#options.kinds?.find((kind) => kind.kind === name) ?? jobKindNamed(name);
  }

  /** A kind of an older Basin, still in the catalog, cannot be resumed. */
  #resumption(kind: string): Resumption | undefined {
    if (resumableKinds.has(kind)) return 'run';
    if (!this.#options.kinds?.some((known) => known.kind === kind) && !isJobKind(kind)) return undefined;
    return this.#kindNamed(kind).parts ? 'parts' : undefined;
  }

  async #close(): Promise<void> {
    for (const { next } of this.#told.values()) clearTimeout(next);
    this.sweeps.close();
    // The next engine would not find what Slurm is just taking.
    await this.jobs.close();
    await this.jobs.slurm.close();
    await this.jobs.queue.close();
    // Calls that waited for the jobs that ended just now write their responses first.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#socket?.close();
    try {
      this.#db.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // A full disk: the journal keeps what was acknowledged, the next engine takes it in.
    }
    this.#db.close();
    this.#lock.release();
  }
}
