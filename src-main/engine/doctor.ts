/** Looking after a workspace: is everything in order, and putting it in order from what lies in the folders. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { Job } from '../../src-shared/api.ts';
import { messageOf } from '../../src-shared/errors.ts';
import type { RunEdit, RunLabels } from '../../src-shared/run-labels.ts';
import { exportGroups } from './catalog/group-files.ts';
import { GroupStore } from './catalog/groups.ts';
import { RunStore } from './catalog/runs.ts';
import { labelsOf, type RunRecord } from './catalog/run-rows.ts';
import { openEngine, type Engine } from './engine.ts';
import type { EngineOptions } from './options.ts';
import { integrityProblems, openDatabase, setAside } from './store/database.ts';
import { migrations } from './store/migrations.ts';
import { acquireLock, lockHolder } from './store/lock.ts';
import { basinVersion } from './version.ts';
import { ResultStore } from './results.ts';
import { createWorkspace, workspaceAt, workspacePath, type Workspace } from './store/workspace.ts';

export interface WorkspaceReport {
  workspace: string;
  exists: boolean;
  /** Who holds it now, e.g. "process 4711 on labbox"; null when nobody does. */
  holder: string | null;
  catalogBytes: number;
  /** Sentences; empty when all is well. */
  problems: string[];
  /** `rebuildCatalog` would mend them. */
  repairable: boolean;
}

/** Checks folder, lock and catalog without changing anything. */
export function checkWorkspace(given?: string): WorkspaceReport {
  const workspace = workspaceAt(workspacePath(given));
  const holder = lockHolder(workspace);
  const report: WorkspaceReport = {
    workspace: workspace.root,
    exists: existsSync(workspace.root),
    holder: holder ? `process ${holder.pid} on ${holder.host}` : null,
    catalogBytes: statSync(workspace.database, { throwIfNoEntry: false })?.size ?? 0,
    problems: [],
    repairable: false,
  };
  if (!report.exists) return report;
  try {
    createWorkspace(workspace.root);
    const problems =
      report.catalogBytes === 0 ? [] : catalogProblems(workspace.database, holder !== undefined);
    report.problems.push(...problems);
    report.repairable = problems.length > 0;
  } catch (error) {
    report.problems.push(messageOf(error));
    report.repairable = /damaged/.test(messageOf(error));
  }
  for (const left of leftovers(workspace.root, workspace.data)) report.problems.push(leftoverText(left));
  return report;
}

/** A catalog in use is read through a connection of its own; one that is not is opened (and migrated) as usual. */
function catalogProblems(path: string, inUse: boolean): string[] {
  const db = inUse ? new Database(path, { readonly: true }) : openDatabase(path, { check: true });
  try {
    return integrityProblems(db);
  } finally {
    db.close();
  }
}

/** What a replacement had set aside may be the only copy of a data set. */
function leftoverText(path: string): string {
  const set = /^\.(.+)\.\d+\.before\.tmp$/.exec(basename(path))?.[1];
  if (set === undefined || existsSync(join(dirname(path), set)))
    return `${path} was left behind by an interrupted write.`;
  return `${path} is the data set ${set}, left behind by an interrupted replacement: rename the folder to ${set} to have it back.`;
}

/** Temporary files and folders directly in the workspace, in results, parts of results, figures and data sets. */
function leftovers(root: string, data: string): string[] {
  const results = join(root, 'results');
  const folders = [root, results, join(results, '.parts'), join(root, 'figures')].filter((folder) =>
    existsSync(folder),
  );
  const found = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.tmp$/.test(name))
      .map((name) => join(folder, name)),
  );
  // A data set may be called `x.tmp`, but never `.x.tmp`.
  const hidden = existsSync(data) ? readdirSync(data).filter((name) => /^\..*\.tmp$/.test(name)) : [];
  return [...found, ...hidden.map((name) => join(data, name))];
}

export interface RepairReport {
  /** Where the old catalog lies now; null when there was none. */
  setAside: string | null;
  runs: number;
  checkpoints: number;
  results: number;
  problems: string[];
}

/**
 * Sets the catalog aside and builds a new one from the folders: runs below `runs/` and below `alsoImport` (folders that
 * were imported before), results below `results/`. Groups, and what was said of runs, are taken over as far as the old file
 * can be read; the history of jobs stays in it.
 */
export async function rebuildCatalog(
  options: EngineOptions,
  alsoImport: readonly string[] = [],
): Promise<RepairReport> {
  const workspace = createWorkspace(workspacePath(options.workspace));
  // Refuses a workspace in use before anything is moved.
  acquireLock(workspace, basinVersion()).release();
  const old = salvage(workspace.database);
  const imported = [...new Set([...old.folders, ...alsoImport])].filter((folder) => existsSync(folder));
  const aside = existsSync(workspace.database) ? setAside(workspace.database) : null;
  const engine = await openEngine({ ...options, queue: 'own' });
  try {
    const { counts } = await engine.call('engine.info', {});
    const job = await engine.call('jobs.submit', {
      kind: 'import',
      params: { paths: [workspace.runs, ...imported] },
    });
    const ended: Job = await engine.wait(job.id);
    relinkResults(workspace);
    await giveBackLabels(engine, old.labels);
    if (old.groups !== null) await engine.call('groups.import', { format: 'json', text: old.groups });
    const after = (await engine.call('engine.info', {})).counts;
    const { runs, checkpoints } = after;
    return {
      setAside: aside,
      runs,
      checkpoints,
      results: counts.results,
      problems: ended.error === null ? [] : [ended.error],
    };
  } finally {
    await engine.close();
  }
}

/** Through a connection of its own: the engine is at work. */
function relinkResults(workspace: Workspace): void {
  const db = openDatabase(workspace.database);
  try {
    const runs = new RunStore(db);
    new ResultStore(db, workspace).relink((path) => runs.idAt(path));
  } finally {
    db.close();
  }
}

interface Salvaged {
  /** Run folders that the old catalog knew. */
  folders: string[];
  /** Its groups as JSON; null where they cannot be read. */
  groups: string | null;
  /** What was said of runs; none for those of which nothing was. */
  labels: SalvagedLabels[];
}

interface SalvagedLabels extends RunLabels {
  path: string;
  trashed: boolean;
}

/** What can still be read of an old catalog; whatever is damaged is left out. */
function salvage(path: string): Salvaged {
  const found: Salvaged = { folders: [], groups: null, labels: [] };
  if (!existsSync(path)) return found;
  try {
    const db = upToDate(path);
    try {
      found.folders = db.prepare('SELECT path FROM runs').pluck().all() as string[];
      const { groups } = new GroupStore(db).state();
      if (groups.length > 0) found.groups = exportGroups('json', groups, new RunStore(db)).text;
      found.labels = labelsIn(db);
    } finally {
      db.close();
    }
  } catch {
    // Then the folders alone must tell.
  }
  return found;
}

/** The catalog, to be read; one of an older Basin as a copy in memory that has today's tables. */
function upToDate(path: string): Database.Database {
  const db = new Database(path, { readonly: true });
  if ((db.pragma('user_version', { simple: true }) as number) >= migrations.length) return db;
  try {
    const bytes = db.serialize();
    // A write-ahead log cannot be in memory.
    bytes[18] = bytes[19] = 1;
    const copy = new Database(bytes);
    for (const step of migrations.slice(db.pragma('user_version', { simple: true }) as number))
      copy.exec(step);
    return copy;
  } finally {
    db.close();
  }
}

function labelsIn(db: Database.Database): SalvagedLabels[] {
  const rows = db.prepare('SELECT * FROM runs').all() as RunRecord[];
  const all = rows.map((run) => ({ ...labelsOf(run), path: run.path, trashed: run.trashed_at !== null }));
  return all.filter(
    ({ title, notes, tags, starred, archived, trashed }) =>
      title !== null || notes !== '' || tags.length > 0 || starred || archived || trashed,
  );
}

/** Runs have the ids of the new catalog. */
async function giveBackLabels(engine: Engine, labels: readonly SalvagedLabels[]): Promise<void> {
  const byPath = new Map((await engine.call('runs.list', {})).map((run) => [run.path, run.id]));
  const edit = (one: RunEdit) => engine.call('runs.edit', { edit: one });
  for (const { path, title, notes, tags, starred, archived, trashed } of labels) {
    const runId = byPath.get(path);
    if (runId === undefined) continue;
    if (title !== null) await edit({ type: 'rename', runId, title });
    if (notes !== '') await edit({ type: 'annotate', runId, notes });
    if (tags.length > 0) await edit({ type: 'tag', runIds: [runId], add: tags, remove: [] });
    if (starred) await edit({ type: 'star', runIds: [runId], starred });
    if (archived) await edit({ type: 'archive', runIds: [runId], archived });
    if (trashed) await edit({ type: 'trash', runIds: [runId] });
  }
}
