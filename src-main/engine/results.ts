/** Results: a folder each, `result.json` with the matrices beside it as .npy, and a row in the catalog. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { resultRowSchema, type ResultRow } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import { kindsThatAre } from '../../src-shared/jobs/index.ts';
import { matrix, type Matrix } from '../../src-shared/matrix.ts';
import { provenanceSchema, type ProvenanceInput } from '../../src-shared/provenance.ts';
import { writeFileAtomic } from '../formats/atomic.ts';
import { readNpy } from '../formats/npy.ts';
import { readdirOf, syncFolder } from './folders.ts';
import type { Input } from './inputs.ts';
import { writeMatrices, type PlaceMatrices } from './matrix-files.ts';
import type { Db } from './store/database.ts';
import { explainFolder, type Workspace } from './store/workspace.ts';

const fileSchema = z.object({
  id: z.string(),
  kind: z.string(),
  version: z.int(),
  title: z.string(),
  jobId: z.string().nullable(),
  origin: z.enum(['computed', 'imported']),
  cacheKey: z.string().nullable(),
  runIds: z.array(z.string()),
  createdAt: z.number(),
  params: z.unknown(),
  provenance: provenanceSchema,
  /** Keys of the parts that it was put together from. */
  parts: z.array(z.string()).optional(),
  /** The files that decided it, as they were. */
  inputs: z.array(z.object({ path: z.string(), sha256: z.string() })).optional(),
  data: z.unknown(),
});
export type ResultFile = z.infer<typeof fileSchema>;

export interface NewResult {
  kind: string;
  version: number;
  title: string;
  jobId: string | null;
  origin: 'computed' | 'imported';
  cacheKey: string | null;
  runIds: string[];
  params: unknown;
  provenance: ProvenanceInput;
  parts?: string[];
  inputs?: Input[];
  data: unknown;
}

interface Row {
  id: string;
  kind: string;
  title: string;
  job_id: string | null;
  origin: 'computed' | 'imported';
  run_ids: string;
  created_at: number;
}

const quietKinds = kindsThatAre('quiet');

export class ResultStore {
  readonly #db: Db;
  readonly #workspace: Workspace;
  /** Asked for thousands of times when the catalog's columns are filled. */
  #select: ReturnType<Db['prepare']> | undefined;

  constructor(db: Db, workspace: Workspace) {
    this.#db = db;
    this.#workspace = workspace;
  }

  /**
   * Writes a result's folder; it appears under its name only when every file in it is on the disk. The row follows
   * with `register`, in the same transaction as whatever tells about the result.
   */
  write(result: NewResult, place: PlaceMatrices = writeMatrices): ResultFile {
    const id = `${result.kind}-${randomBytes(5).toString('hex')}`;
    const temporary = join(this.#workspace.results, `.${id}.tmp`);
    try {
      mkdirSync(join(temporary, 'matrices'), { recursive: true });
      const data = place(result.data, join(temporary, 'matrices'));
      const provenance = provenanceSchema.parse(result.provenance);
      const file: ResultFile = { ...result, id, createdAt: Date.now(), provenance, data };
      writeFileAtomic(join(temporary, 'result.json'), `${JSON.stringify(file, null, 1)}\n`);
      renameSync(temporary, join(this.#workspace.results, id));
      syncFolder(this.#workspace.results);
      return file;
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw explainFolder(this.#workspace.root, error);
    }
  }

  /** Takes a written result into the catalog. Doing it twice changes nothing. */
  register(file: ResultFile): ResultRow {
    this.#db
      .prepare(
        `INSERT INTO results (id, kind, version, title, job_id, origin, cache_key, run_ids, created_at)
         VALUES (@id, @kind, @version, @title, @jobId, @origin, @cacheKey, @runIds, @createdAt)
         ON CONFLICT (id) DO NOTHING`,
      )
      .run({
        id: file.id,
        kind: file.kind,
        version: file.version,
        title: file.title,
        jobId: file.jobId,
        origin: file.origin,
        cacheKey: file.cacheKey,
        runIds: JSON.stringify(file.runIds),
        createdAt: file.createdAt,
      });
    const use = this.#db.prepare('INSERT OR IGNORE INTO part_uses (result_id, key) VALUES (?, ?)');
    for (const key of file.parts ?? []) use.run(file.id, key);
    return this.row(file.id);
  }

  row(id: string): ResultRow {
    this.#select ??= this.#db.prepare('SELECT * FROM results WHERE id = ?');
    const row = this.#select.get(id) as Row | undefined;
    if (!row) throw new UserError(`There is no result "${id}".`, { hint: '`basin results` lists them.' });
    return this.#row(row);
  }

  /** As many as `list` shows. */
  count(): number {
    const quiet = [...quietKinds].map((kind) => `'${kind}'`).join(', ');
    return this.#db
      .prepare(`SELECT count(*) FROM results WHERE kind NOT IN (${quiet})`)
      .pluck()
      .get() as number;
  }

  list(kind?: string): ResultRow[] {
    return this.#all((row) => (kind === undefined ? !quietKinds.has(row.kind) : row.kind === kind));
  }

  #all(isWanted: (row: Row) => boolean = () => true): ResultRow[] {
    const rows = this.#db
      .prepare('SELECT * FROM results ORDER BY created_at DESC, rowid DESC')
      .all() as Row[];
    return rows.filter(isWanted).map((row) => this.#row(row));
  }

  ofJob(jobId: string): string | undefined {
    return this.#db.prepare('SELECT id FROM results WHERE job_id = ?').pluck().get(jobId) as
      string | undefined;
  }

  /** The newest result of the same question; one whose folder is gone does not count. */
  withKey(cacheKey: string): string | undefined {
    const ids = this.#db
      .prepare('SELECT id FROM results WHERE cache_key = ? ORDER BY created_at DESC')
      .pluck()
      .all(cacheKey) as string[];
    return ids.find((id) => readdirOf(join(this.#workspace.results, id)).includes('result.json'));
  }

  /** The result with matrices as references. Throws UserError where its file is gone or damaged. */
  read(id: string): ResultFile {
    this.row(id);
    return this.#readFile(id);
  }

  matrix(id: string, name: string): Matrix {
    this.row(id);
    if (!/^[\w.-]+$/.test(name) || name.startsWith('.')) {
      throw new UserError(`"${name}" is not the name of a matrix.`);
    }
    const { shape, data } = readNpy(join(this.#workspace.results, id, 'matrices', `${name}.npy`));
    if (shape.length !== 2 || !(data instanceof Float64Array || data instanceof Float32Array)) {
      throw new UserError(`Matrix "${name}" of result ${id} is not a matrix of floating point numbers.`);
    }
    return matrix(shape[0]!, shape[1]!, data);
  }

  /** Removes row and folder. Returns the parts that it was put together from. */
  remove(id: string): string[] {
    this.row(id);
    const parts = this.#db
      .prepare('SELECT key FROM part_uses WHERE result_id = ?')
      .pluck()
      .all(id) as string[];
    this.#db.prepare('DELETE FROM results WHERE id = ?').run(id);
    rmSync(join(this.#workspace.results, id), { recursive: true, force: true });
    return parts;
  }

  /**
   * Brings catalog and folder together after a crash or a loss of the catalog: half-written folders go, complete ones
   * without a row are taken in. Returns how many were taken in.
   */
  reconcile(): number {
    const known = new Set(this.#db.prepare('SELECT id FROM results').pluck().all() as string[]);
    let adopted = 0;
    for (const name of readdirOf(this.#workspace.results)) {
      if (/^\..*\.tmp$/.test(name))
        rmSync(join(this.#workspace.results, name), { recursive: true, force: true });
      if (name.startsWith('.') || known.has(name)) continue;
      try {
        this.register(this.#readFile(name));
        adopted++;
      } catch (error) {
        // Some other folder: not ours to touch.
        if (!(error instanceof UserError)) throw error;
      }
    }
    return adopted;
  }

  /**
   * After the catalog was made anew its runs have other ids: results are of the runs that are now where they were.
   * @param idAt the run in a folder
   */
  relink(idAt: (path: string) => string | undefined): void {
    const update = this.#db.prepare('UPDATE results SET run_ids = ? WHERE id = ?');
    for (const { id, runIds } of this.#all()) {
      const places = new Map(this.#readFile(id).provenance.runs.map((run) => [run.id, run.path]));
      const now = runIds.map((runId) => idAt(places.get(runId) ?? '') ?? runId);
      if (now.join() !== runIds.join()) update.run(JSON.stringify(now), id);
    }
  }

  #readFile(id: string): ResultFile {
    const path = join(this.#workspace.results, id, 'result.json');
    let value: unknown;
    try {
      value = JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      const why = error instanceof SyntaxError ? 'is damaged' : 'cannot be read';
      throw new UserError(`The result file ${path} ${why}.`, { hint: 'Run the job again.', cause: error });
    }
    const parsed = fileSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new UserError(`${path}: ${parsed.error.issues[0]?.path.join('.')}: not in Basin's format.`);
  }

  #row(row: Row): ResultRow {
    return resultRowSchema.parse({
      id: row.id,
      kind: row.kind,
      title: row.title,
      jobId: row.job_id,
      origin: row.origin,
      runIds: JSON.parse(row.run_ids) as unknown,
      path: join(this.#workspace.results, row.id),
      createdAt: row.created_at,
    });
  }
}
