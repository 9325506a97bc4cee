/** Jobs in the catalog. Every change of state goes through `transition`. */
import { randomBytes } from 'node:crypto';
import type { BackendInfo } from '../../../src-shared/domain.ts';
import { UserError } from '../../../src-shared/errors.ts';
import type { JobLane } from '../../../src-shared/jobs/define.ts';
import type { EpochMetrics, Progress } from '../../../src-shared/progress.ts';
import type { Db } from '../store/database.ts';
import { isActive } from '../../../src-shared/api.ts';
import { mayBecome, type Job, type JobState } from './states.ts';

interface JobRow {
  id: string;
  kind: string;
  version: number;
  title: string;
  state: JobState;
  params: string;
  cache_key: string | null;
  lane: JobLane;
  position: number;
  attempt: number;
  fruitless: number;
  cached: number;
  cancel_requested: number;
  progress: string | null;
  backend: string | null;
  error: string | null;
  hint: string | null;
  result_id: string | null;
  run_path: string | null;
  parts_kept: number;
  worker_pid: number | null;
  worker_start: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
}

export interface NewJob {
  /** Absent: a new one. */
  id?: string;
  kind: string;
  version: number;
  title: string;
  params: unknown;
  cacheKey: string | null;
  lane: JobLane;
  runPath: string | null;
}

/** What may be written together with a change of state. */
export interface StateFields {
  error?: string | null;
  hint?: string | null;
  resultId?: string | null;
  cached?: boolean;
  backend?: BackendInfo | null;
  progress?: Progress | null;
  workerPid?: number | null;
  workerStart?: string | null;
}

/** What the engine knows of a job besides what it shows. */
export interface JobDetail {
  job: Job;
  lane: JobLane;
  cacheKey: string | null;
  version: number;
  runPath: string | null;
  /** Attempts in a row, this one included, that wrote no checkpoint and no part. */
  fruitless: number;
  cancelRequested: boolean;
  worker: { pid: number; start: string } | null;
}

/** A job that is about a run folder below a certain one. */
export interface JobOnRun {
  id: string;
  kind: string;
  state: JobState;
  error: string | null;
  /** Its run folder. */
  run: string;
}

/** How a kind of job goes on where it was stopped: from the checkpoints in its run's folder, or from the parts it has. */
export type Resumption = 'run' | 'parts';

export const newJobId = (kind: string): string => `${kind}-${randomBytes(5).toString('hex')}`;

const logLimit = 5000;
const json = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value);
const parse = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));

export class JobStore {
  readonly #db: Db;
  readonly #resumption: (kind: string) => Resumption | undefined;
  #clock = 0;

  constructor(db: Db, resumption: (kind: string) => Resumption | undefined) {
    this.#db = db;
    this.#resumption = resumption;
  }

  /** Milliseconds that never repeat, so that jobs made in the same moment keep their order. */
  #now(): number {
    this.#clock = Math.max(Date.now(), this.#clock + 1);
    return this.#clock;
  }

  create(job: NewJob): Job {
    const id = job.id ?? newJobId(job.kind);
    const now = this.#now();
    this.#db
      .prepare(
        `INSERT INTO jobs (id, kind, version, title, state, params, cache_key, lane, position, run_path, created_at)
         VALUES (?, ?, ?, ?, 'queued', ?, ?, ?,
           (SELECT coalesce(max(position), 0) + 1 FROM jobs), ?, ?)`,
      )
      .run(
        id,
        job.kind,
        job.version,
        job.title,
        JSON.stringify(job.params),
        job.cacheKey,
        job.lane,
        job.runPath,
        now,
      );
    return this.get(id).job;
  }

  find(id: string): JobDetail | undefined {
    const row = this.#db.prepare('SELECT * FROM jobs WHERE id = ?').get(id) as JobRow | undefined;
    return row && this.#detail(row);
  }

  get(id: string): JobDetail {
    const found = this.find(id);
    if (!found) throw new UserError(`There is no job "${id}".`, { hint: '`basin jobs` lists them.' });
    return found;
  }

  /** Queued first in their order, then the rest, newest first. @param done at most so many that are done, the newest */
  list(done?: number): Job[] {
    const rows = this.#db
      .prepare(
        `SELECT * FROM jobs WHERE state <> 'done' OR id IN
           (SELECT id FROM jobs WHERE state = 'done' ORDER BY created_at DESC LIMIT ?)
         ORDER BY state <> 'running', state <> 'queued',
           CASE WHEN state = 'queued' THEN position END, created_at DESC`,
      )
      .all(done ?? -1) as JobRow[];
    return rows.map((row) => this.#detail(row).job);
  }

  inState(state: JobState): JobDetail[] {
    const rows = this.#db
      .prepare('SELECT * FROM jobs WHERE state = ? ORDER BY position')
      .all(state) as JobRow[];
    return rows.map((row) => this.#detail(row));
  }

  /** A job with the same question that is still waiting or at work. */
  activeWithKey(cacheKey: string): Job | undefined {
    const row = this.#db
      .prepare(`SELECT * FROM jobs WHERE cache_key = ? AND state IN ('queued', 'running') LIMIT 1`)
      .get(cacheKey) as JobRow | undefined;
    return row && this.#detail(row).job;
  }

  /** A job that waits to write this run folder, or is writing it. */
  activeOn(runPath: string): Job | undefined {
    const row = this.#db
      .prepare(`SELECT * FROM jobs WHERE run_path = ? AND state IN ('queued', 'running') LIMIT 1`)
      .get(runPath) as JobRow | undefined;
    return row && this.#detail(row).job;
  }

  /** Jobs whose param `run` is a folder in this one, the oldest first. */
  onRunsIn(folder: string): JobOnRun[] {
    const prefix = `${folder}/`;
    return this.#db
      .prepare(
        `SELECT id, kind, state, error, json_extract(params, '$.run') AS run FROM jobs
         WHERE substr(run, 1, ?) = ? ORDER BY created_at`,
      )
      .all(prefix.length, prefix) as JobOnRun[];
  }

  /**
   * The one way a job changes its state; a change that the state machine does not know throws and writes nothing.
   * What belongs to the new state (times, attempt, worker) is set here, so that no caller can forget it.
   */
  transition(id: string, to: JobState, fields: StateFields = {}): Job {
    return this.#db.transaction(() => {
      const { job } = this.get(id);
      if (!mayBecome(job.state, to)) {
        throw new UserError(`Job ${id} is ${job.state}; it cannot become ${to}.`);
      }
      const now = this.#now();
      const fresh = to === 'queued' || to === 'running';
      const values = {
        id,
        to,
        attempt: job.attempt + (to === 'running' ? 1 : 0),
        cached: fields.cached ? 1 : 0,
        progress: json(fields.progress === undefined && !fresh ? job.progress : fields.progress),
        backend: json(fields.backend === undefined && !fresh ? job.backend : fields.backend),
        error: fields.error ?? null,
        hint: fields.hint ?? null,
        resultId: fields.resultId ?? null,
        workerPid: to === 'running' ? (fields.workerPid ?? null) : null,
        workerStart: to === 'running' ? (fields.workerStart ?? null) : null,
        startedAt: to === 'running' ? now : to === 'queued' ? null : job.startedAt,
        finishedAt: fresh ? null : now,
      };
      this.#db
        .prepare(
          `UPDATE jobs SET state = @to, attempt = @attempt, fruitless = fruitless + (@to = 'running'), cached = @cached, progress = @progress, backend = @backend,
             error = @error, hint = @hint, result_id = @resultId, worker_pid = @workerPid,
             worker_start = @workerStart, started_at = @startedAt, finished_at = @finishedAt, cancel_requested = 0
           WHERE id = @id`,
        )
        .run(values);
      return this.get(id).job;
    })();
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work)();
  }

  /** Jobs of this kind go on where they were interrupted. */
  isResumable(kind: string): boolean {
    return this.#resumption(kind) !== undefined;
  }

  /** Kept, so that a cancelled job is not resumed when the engine dies before its worker has stopped. */
  requestCancel(id: string): void {
    this.#db.prepare('UPDATE jobs SET cancel_requested = 1 WHERE id = ?').run(id);
  }

  /** The job has written a checkpoint below `path`: this attempt was worth it. */
  setProgressed(id: string, path: string): void {
    this.#db.prepare('UPDATE jobs SET run_path = ?, fruitless = 0 WHERE id = ?').run(path, id);
  }

  /** The job has one part more of its result: this attempt was worth it. */
  addPart(id: string): void {
    this.#db.prepare('UPDATE jobs SET parts_kept = parts_kept + 1, fruitless = 0 WHERE id = ?').run(id);
  }

  /** Puts a queued job before the one that now is at `index` of its queue; 0 is next. */
  move(id: string, index: number): void {
    this.#db.transaction(() => {
      const { job } = this.get(id);
      if (job.state !== 'queued')
        throw new UserError(`Job ${id} is ${job.state}; only queued jobs can be moved.`);
      const order = this.inState('queued').map((detail) => detail.job.id);
      order.splice(order.indexOf(id), 1);
      order.splice(Math.min(index, order.length), 0, id);
      const update = this.#db.prepare('UPDATE jobs SET position = ? WHERE id = ?');
      for (const [position, jobId] of order.entries()) update.run(position + 1, jobId);
    })();
  }

  remove(id: string): void {
    const { job } = this.get(id);
    if (isActive(job)) throw new UserError(`Job ${id} is ${job.state}; cancel it before removing it.`);
    this.#db.prepare('DELETE FROM jobs WHERE id = ?').run(id);
  }

  addLog(id: string, lines: readonly string[]): void {
    this.#db.transaction(() => {
      const last = this.#db.prepare('SELECT coalesce(max(seq), 0) FROM job_logs WHERE job_id = ?').pluck();
      let seq = last.get(id) as number;
      const insert = this.#db.prepare('INSERT INTO job_logs (job_id, seq, line) VALUES (?, ?, ?)');
      for (const line of lines) insert.run(id, ++seq, line.slice(0, 10_000));
      this.#db.prepare('DELETE FROM job_logs WHERE job_id = ? AND seq <= ?').run(id, seq - logLimit);
    })();
  }

  log(id: string): string[] {
    this.get(id);
    return this.#db
      .prepare('SELECT line FROM job_logs WHERE job_id = ? ORDER BY seq')
      .pluck()
      .all(id) as string[];
  }

  addEpoch(id: string, metrics: EpochMetrics): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO job_epochs (job_id, epoch, metrics) VALUES (?, ?, ?)')
      .run(id, metrics.epoch, JSON.stringify(metrics));
  }

  epochs(id: string): EpochMetrics[] {
    this.get(id);
    const rows = this.#db
      .prepare('SELECT metrics FROM job_epochs WHERE job_id = ? ORDER BY epoch')
      .pluck()
      .all(id);
    return (rows as string[]).map((text) => JSON.parse(text) as EpochMetrics);
  }

  /** There is something to go on from. */
  #hasBegun(row: JobRow): boolean {
    const resumption = this.#resumption(row.kind);
    return resumption === 'run' ? row.run_path !== null : resumption === 'parts' && row.parts_kept > 0;
  }

  #detail(row: JobRow): JobDetail {
    const stopped = row.state === 'failed' || row.state === 'cancelled' || row.state === 'interrupted';
    const job: Job = {
      id: row.id,
      kind: row.kind,
      title: row.title,
      state: row.state,
      params: JSON.parse(row.params) as unknown,
      progress: parse<Progress>(row.progress),
      backend: parse<BackendInfo>(row.backend),
      error: row.error,
      hint: row.hint,
      cached: row.cached === 1,
      resumable: stopped && this.#hasBegun(row),
      resultId: row.result_id,
      createdAt: row.created_at,
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      attempt: row.attempt,
    };
    return {
      job,
      lane: row.lane,
      cacheKey: row.cache_key,
      version: row.version,
      runPath: row.run_path,
      fruitless: row.fruitless,
      cancelRequested: row.cancel_requested === 1,
      worker: row.worker_pid === null ? null : { pid: row.worker_pid, start: row.worker_start ?? '' },
    };
  }
}
