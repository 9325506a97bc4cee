/** Running jobs with parts: which parts each has planned, which were known, and the whole result put together. */
import { createHash } from 'node:crypto';
import type { AnyJobKind } from '../../../src-shared/jobs/index.ts';
import type { Provenance } from '../../../src-shared/provenance.ts';
import type { HashStore } from '../inputs.ts';
import { withoutMatrices } from '../matrix-files.ts';
import type { PartStore } from '../part-store.ts';
import { describeBackend } from '../provenance.ts';
import type { JobPart } from './hooks.ts';
import type { JobDetail } from './store.ts';
import { identify } from './submit.ts';

interface Plan {
  /** Complete params of each part. */
  parts: readonly unknown[];
  keys: string[];
  known: boolean[];
}

export interface Joined {
  /** Matrices as references into the folders of the parts. */
  data: unknown;
  keys: string[];
  /** Distinct ones, joined; null where no part needed tensors. */
  backend: string | null;
  provenance: NonNullable<Provenance['parts']>;
}

export interface PartWorkParts {
  store: PartStore;
  hashes: HashStore;
  version: string;
}

export class PartWork {
  readonly #parts: PartWorkParts;
  readonly #plans = new Map<string, Plan>();

  constructor(parts: PartWorkParts) {
    this.#parts = parts;
  }

  /** Takes the plan of a job. Returns which parts are known. */
  async plan({ job, version }: JobDetail, parts: readonly unknown[]): Promise<boolean[]> {
    const keys: string[] = [];
    for (const part of parts) keys.push(await this.#keyOf(job.kind, version, part));
    this.#parts.store.hold(job.id, keys);
    const known = keys.map((key) => this.#parts.store.has(key));
    for (const key of keys.filter((_, i) => known[i])) this.#parts.store.touch(key);
    this.#plans.set(job.id, { parts, keys, known });
    return known;
  }

  /** Keeps one partial result. Returns a warning where it cannot serve other jobs. */
  async keep({ job, version }: JobDetail, { index, partial, backend }: JobPart): Promise<string | undefined> {
    const plan = this.#plans.get(job.id);
    const part = plan?.parts[index];
    if (!plan || part === undefined)
      throw new Error(`job ${job.id} sent part ${index}, which it never planned`);
    const planned = plan.keys[index]!;
    const steady = (await this.#keyOf(job.kind, version, part)) === planned;
    // What was read is neither surely the old nor surely the new files: good for this job only.
    if (!steady) plan.keys[index] = createHash('sha256').update(`${planned} ${job.id}`).digest('hex');
    this.#parts.store.hold(job.id, plan.keys);
    this.#parts.store.write(plan.keys[index]!, {
      ...{ kind: job.kind, version, params: part, basinVersion: this.#parts.version },
      backend: backend && describeBackend(backend),
      createdAt: Date.now(),
      data: partial,
    });
    return steady ? undefined : 'warning: files changed while a part of the job ran; it will not be reused.';
  }

  /** The whole result, checked by the kind's schema. Throws UserError where a part is gone or damaged. */
  join({ job }: JobDetail, kind: AnyJobKind): Joined {
    const plan = this.#plans.get(job.id);
    if (!plan || !kind.parts) throw new Error(`job ${job.id} has no parts to join`);
    const files = plan.keys.map((key) => this.#parts.store.read(key));
    const data = kind.parts.join(
      job.params,
      files.map((file) => file.data),
    );
    kind.result.parse(withoutMatrices(data));
    const backends = [...new Set(files.map(({ backend }) => backend).filter((name) => name !== null))];
    return {
      data,
      keys: [...new Set(plan.keys)],
      backend: backends.length === 0 ? null : backends.join(', '),
      provenance: {
        unit: kind.parts.unit[1],
        total: files.length,
        known: plan.known.filter(Boolean).length,
        since: new Date(Math.min(...files.map(({ createdAt }) => createdAt))).toISOString(),
      },
    };
  }

  end(jobId: string): void {
    this.#plans.delete(jobId);
    this.#parts.store.release(jobId);
  }

  async #keyOf(kind: string, version: number, params: unknown): Promise<string> {
    return (await identify({ kind: `${kind}, part`, version, params }, this.#parts.hashes)).key;
  }
}
