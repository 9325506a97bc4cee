/** What the engine knows, kept current by its events. Views read it; they change it only by asking the engine. */
import { isActive } from '../../src-shared/api.ts';
import type {
  EngineEvent,
  EngineInfo,
  GroupsState,
  Job,
  RequestName,
  ArgsOf,
  ResponseOf,
  RunRow,
} from '../../src-shared/api.ts';
import { propertiesOf, unpackRuns, type PackedRuns } from '../../src-shared/packed-runs.ts';
import type { Client } from '../../src-shared/rpc.ts';
import { openClient } from '../client.ts';
import { notices } from './notices.svelte.ts';

type Listener = (event: EngineEvent) => void;

/** Jobs that are done which a window holds; every other job it holds. */
const doneJobs = 200;
/** A long list takes long to read: the pause before it is read again is at least this multiple of it. */
const rest = 8;

class EngineState {
  status = $state<'connecting' | 'ready' | 'lost'>('connecting');
  /** Why the engine is lost, one sentence. */
  reason = $state('');
  info = $state.raw<EngineInfo | null>(null);
  runs = $state.raw<RunRow[]>([]);
  groups = $state.raw<GroupsState>({ groups: [], undo: null, redo: null });
  jobs = $state.raw<Job[]>([]);
  /** Rise whenever the engine's list changed; views that fetch on demand depend on them. */
  resultsVersion = $state(0);
  figuresVersion = $state(0);
  /** Rises whenever files of runs may have changed: what is shown of them is compared with them again. */
  filesVersion = $state(0);
  /** Rises when more files of runs are hashed. */
  hashesVersion = $state(0);

  readonly runById = $derived(new Map(this.runs.map((run) => [run.id, run])));
  /** Every property that any run's config has, in the order of first sight. */
  propertyNames = $state.raw<readonly string[]>([]);
  readonly activeJobs = $derived(this.jobs.filter(isActive));

  #client: Client | undefined;
  readonly #listeners = new Set<Listener>();

  /** Connects and loads everything a first screen needs. Called once, and again by "Reconnect". */
  async open(): Promise<void> {
    this.status = 'connecting';
    const client = openClient();
    this.#client = client;
    client.onClose((reason) => {
      if (this.#client !== client) return;
      this.status = 'lost';
      this.reason = reason;
    });
    client.listen((event) => this.#take(event));
    try {
      const [info, runs, groups, jobs] = await Promise.all([
        client.call('engine.info', {}),
        client.call('runs.packed', {}),
        client.call('groups.get', {}),
        client.call('jobs.list', { done: doneJobs }),
      ]);
      // A newer Basin serves newer pages.
      if (!window.basin && this.info && this.info.version !== info.version) return window.location.reload();
      this.info = info;
      this.#takeRuns(runs);
      this.groups = groups;
      this.jobs = jobs;
      this.status = 'ready';
      // Events that came while nobody listened are caught up with.
      this.resultsVersion++;
      this.figuresVersion++;
      this.filesVersion++;
    } catch (error) {
      this.status = 'lost';
      this.reason = error instanceof Error ? error.message : String(error);
    }
  }

  call<N extends RequestName>(name: N, args: ArgsOf<N>): Promise<ResponseOf<N>> {
    if (!this.#client) return Promise.reject(new Error('The engine is not connected yet.'));
    return this.#client.call(name, args);
  }

  /** `call` for actions: a failure is shown to the person, and gives undefined. */
  async attempt<N extends RequestName>(name: N, args: ArgsOf<N>): Promise<ResponseOf<N> | undefined> {
    try {
      return await this.call(name, args);
    } catch (error) {
      notices.error(error);
      return undefined;
    }
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits until a job has ended, whichever way. @param job as it was when it was submitted */
  finished(job: Job): Promise<Job> {
    return new Promise((resolve, reject) => {
      const now = this.jobs.find(({ id }) => id === job.id) ?? job;
      if (!isActive(now)) return resolve(now);
      const stop = this.listen((event) => {
        if (event.type === 'job-changed' && event.job.id === job.id && !isActive(event.job)) {
          stop();
          resolve(event.job);
        }
      });
      this.#client?.onClose((reason) => reject(new Error(reason)));
    });
  }

  #take(event: EngineEvent): void {
    switch (event.type) {
      case 'runs-changed':
        this.filesVersion++;
        void this.#refreshRuns();
        break;
      case 'files-changed':
        this.filesVersion++;
        this.hashesVersion++;
        break;
      case 'groups-changed':
        this.groups = event.state;
        break;
      case 'job-changed':
        this.jobs = replaceJob(this.jobs, event.job);
        // Its place in the queue may be another; only the engine knows the order.
        if (event.job.state === 'queued') void this.#refreshJobs();
        break;
      case 'job-removed':
        this.jobs = this.jobs.filter((job) => job.id !== event.jobId);
        break;
      case 'job-progress':
        this.jobs = this.jobs.map((job) =>
          job.id === event.jobId ? { ...job, progress: event.progress } : job,
        );
        break;
      case 'results-changed':
        this.resultsVersion++;
        this.filesVersion++;
        break;
      case 'figures-changed':
        this.figuresVersion++;
        break;
      case 'engine-info':
        this.info = event.info;
        break;
      case 'filters-changed':
      case 'sweeps-changed':
      case 'job-log':
      case 'job-epoch':
        break;
    }
    for (const listener of this.#listeners) listener(event);
  }

  #refreshing = false;
  #again = false;

  #readingJobs = false;

  /** Many changes at once are one look. */
  async #refreshJobs(): Promise<void> {
    if (this.#readingJobs) return;
    this.#readingJobs = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
    this.#readingJobs = false;
    const jobs = await this.attempt('jobs.list', { done: doneJobs });
    if (jobs) this.jobs = jobs;
  }

  #takeRuns(packed: PackedRuns): void {
    this.propertyNames = propertiesOf(packed);
    this.runs = unpackRuns(packed);
  }

  /** An import announces many changes at once: never more than one request under way. */
  async #refreshRuns(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true;
      return;
    }
    this.#refreshing = true;
    do {
      this.#again = false;
      const began = performance.now();
      const runs = await this.attempt('runs.packed', {});
      if (runs) this.#takeRuns(runs);
      const took = performance.now() - began;
      if (this.#again) await new Promise((resolve) => setTimeout(resolve, rest * took));
    } while (this.#again);
    this.#refreshing = false;
  }
}

function replaceJob(jobs: Job[], job: Job): Job[] {
  return jobs.some((known) => known.id === job.id)
    ? jobs.map((known) => (known.id === job.id ? job : known))
    : [...jobs, job];
}

export const engine = new EngineState();
