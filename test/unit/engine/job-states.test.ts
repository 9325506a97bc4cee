import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { jobStates } from '../../../src-shared/api.ts';
import { JobStore, type StateFields } from '../../../src-main/engine/jobs/store.ts';
import { mayBecome, type JobState } from '../../../src-main/engine/jobs/states.ts';
import { integrityProblems, openDatabase } from '../../../src-main/engine/store/database.ts';
import { temporaryFolder } from './support.ts';

const db = openDatabase(`${temporaryFolder()}/basin.db`);
db.pragma('synchronous = OFF');
const store = new JobStore(db, (kind) => (kind === 'train' ? 'run' : undefined));
afterAll(() => db.close());

function newJob(): string {
  return store.create({
    kind: 'train',
    version: 1,
    title: 'Train',
    params: {},
    cacheKey: null,
    lane: 'main',
    runPath: '/runs/a',
  }).id;
}

const fieldsFor = (to: JobState): StateFields =>
  to === 'failed' || to === 'interrupted' ? { error: 'why' } : {};

interface Model {
  state: JobState;
  attempt: number;
}

class Change implements fc.Command<Model, { id: string }> {
  readonly to: JobState;
  constructor(to: JobState) {
    this.to = to;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: { id: string }): void {
    const allowed = mayBecome(model.state, this.to);
    if (allowed) {
      store.transition(real.id, this.to, fieldsFor(this.to));
      model.state = this.to;
      if (this.to === 'running') model.attempt++;
    } else {
      expect(() => store.transition(real.id, this.to, fieldsFor(this.to))).toThrow(/cannot become/);
      // The database itself refuses it too, whoever writes.
      expect(() => db.prepare('UPDATE jobs SET state = ? WHERE id = ?').run(this.to, real.id)).toThrow();
    }
    const { job, worker } = store.get(real.id);
    expect(job.state).toBe(model.state);
    expect(job.attempt).toBe(model.attempt);
    if (job.state === 'queued') expect(job.startedAt).toBeNull();
    expect(job.finishedAt === null).toBe(job.state === 'queued' || job.state === 'running');
    expect(job.error !== null).toBe(job.state === 'failed' || job.state === 'interrupted');
    if (job.state !== 'running') expect(worker).toBeNull();
    if (job.state === 'running') expect(job.startedAt).not.toBeNull();
  }
  toString(): string {
    return `-> ${this.to}`;
  }
}

describe('the states of a job', () => {
  it('never reach what the machine does not know, in any order of changes', () => {
    const commands = fc.commands(
      jobStates.map((state) => fc.constant(new Change(state))),
      { maxCommands: 40 },
    );
    fc.assert(
      fc.property(commands, (sequence) => {
        fc.modelRun(
          () => ({ model: { state: 'queued', attempt: 0 } as Model, real: { id: newJob() } }),
          sequence,
        );
      }),
      { numRuns: 120 },
    );
    expect(integrityProblems(db)).toEqual([]);
  });

  it('begin queued, and done is final', () => {
    const insert = `INSERT INTO jobs (id, kind, version, title, state, params, lane, position, created_at, started_at, attempt)
      VALUES ('x', 'k', 1, 't', 'running', '{}', 'main', 1, 1, 1, 1)`;
    expect(() => db.prepare(insert).run()).toThrow('begins queued');
    const id = newJob();
    store.transition(id, 'done', { cached: true });
    for (const state of jobStates) expect(() => store.transition(id, state, fieldsFor(state))).toThrow();
  });

  it('cannot fail without a reason or be written half', () => {
    const id = newJob();
    store.transition(id, 'running');
    expect(() => store.transition(id, 'failed')).toThrow(/CHECK/);
    expect(store.get(id).job.state).toBe('running');
    store.transition(id, 'interrupted', { error: 'power cut' });
    expect(store.get(id).job).toMatchObject({ error: 'power cut', resumable: true });
  });
});

describe('the order of the queue', () => {
  it('follows any sequence of moves like a list does', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(12)), { maxLength: 20 }), (moves) => {
        db.exec('DELETE FROM jobs');
        const model = Array.from({ length: 10 }, newJob);
        for (const [which, to] of moves) {
          const [id] = model.splice(which, 1);
          model.splice(Math.min(to, model.length), 0, id!);
          store.move(id!, to);
          expect(store.inState('queued').map((detail) => detail.job.id)).toEqual(model);
        }
      }),
      { numRuns: 40 },
    );
  });
});
