/** The catalog's schema, one numbered step after the other. A step that was released is never changed again. */

const initial = `
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  path TEXT NOT NULL UNIQUE,
  architecture TEXT NOT NULL,
  family TEXT,
  sigma_f REAL,
  dataset TEXT,
  widths TEXT,
  config TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  /* Hash over the config and the names and sizes of the checkpoints: finds a run again after its folder was moved. */
  fingerprint TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('trained', 'imported')),
  state TEXT NOT NULL CHECK (state IN ('ready', 'training', 'interrupted', 'broken')),
  missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
  problems TEXT NOT NULL DEFAULT '[]',
  added_at INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_fingerprint ON runs (fingerprint);

CREATE TABLE models (
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  model INTEGER NOT NULL CHECK (model > 0),
  PRIMARY KEY (run_id, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  run_id TEXT NOT NULL,
  model INTEGER NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  file TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  mtime_ms REAL NOT NULL,
  sha256 TEXT,
  val_accuracy REAL,
  missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
  problem TEXT,
  PRIMARY KEY (run_id, epoch, model),
  FOREIGN KEY (run_id, model) REFERENCES models (run_id, model) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

/* Content hashes of files that are no checkpoints: data sets, split files, configs. */
CREATE TABLE file_hashes (
  path TEXT PRIMARY KEY,
  bytes INTEGER NOT NULL,
  mtime_ms REAL NOT NULL,
  sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
  id TEXT PRIMARY KEY,
  architecture TEXT NOT NULL,
  key TEXT NOT NULL,
  position INTEGER NOT NULL,
  colour TEXT NOT NULL,
  notes TEXT NOT NULL,
  UNIQUE (architecture, key)
) STRICT;

CREATE TABLE members (
  group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  /* JSON list of checkpoint ids; null: the whole run. */
  checkpoint_ids TEXT,
  PRIMARY KEY (group_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_run ON members (run_id);

CREATE TABLE results (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  title TEXT NOT NULL,
  job_id TEXT,
  origin TEXT NOT NULL CHECK (origin IN ('computed', 'imported')),
  cache_key TEXT,
  run_ids TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX results_cache_key ON results (cache_key);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
  params TEXT NOT NULL,
  cache_key TEXT,
  lane TEXT NOT NULL CHECK (lane IN ('main', 'light', 'background')),
  position REAL NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  /* Attempts in a row that wrote no checkpoint. */
  fruitless INTEGER NOT NULL DEFAULT 0,
  cached INTEGER NOT NULL DEFAULT 0 CHECK (cached IN (0, 1)),
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
  progress TEXT,
  backend TEXT,
  error TEXT,
  hint TEXT,
  result_id TEXT REFERENCES results (id) ON DELETE SET NULL,
  /* Run directory that this job writes; a training job goes on from the last checkpoint there. */
  run_path TEXT,
  /* The process that works on it, so that one which outlived its engine can be ended. */
  worker_pid INTEGER,
  worker_start TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  CHECK (state <> 'running' OR (started_at IS NOT NULL AND attempt > 0)),
  CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL)),
  CHECK (state NOT IN ('failed', 'interrupted') OR error IS NOT NULL),
  CHECK (state = 'running' OR worker_pid IS NULL)
) STRICT;
CREATE INDEX jobs_state ON jobs (state, position);

CREATE TABLE job_transitions (
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  PRIMARY KEY (before, after)
) STRICT, WITHOUT ROWID;
INSERT INTO job_transitions (before, after) VALUES
  ('queued', 'running'), ('queued', 'cancelled'), ('queued', 'done'),
  ('running', 'done'), ('running', 'failed'), ('running', 'cancelled'), ('running', 'interrupted'),
  ('failed', 'queued'), ('cancelled', 'queued'), ('interrupted', 'queued'), ('interrupted', 'cancelled');
CREATE TRIGGER jobs_transition BEFORE UPDATE OF state ON jobs
WHEN NOT EXISTS (SELECT 1 FROM job_transitions WHERE before = OLD.state AND after = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a job cannot change like this'); END;
CREATE TRIGGER jobs_birth BEFORE INSERT ON jobs
WHEN NEW.state <> 'queued'
BEGIN SELECT RAISE(ABORT, 'a job begins queued'); END;

CREATE TABLE job_logs (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (job_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_epochs (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  metrics TEXT NOT NULL,
  PRIMARY KEY (job_id, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE figures (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  kind TEXT NOT NULL,
  result_ids TEXT NOT NULL,
  recipe TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

/* Changes to the groups with the data before and after, so that undo is an ordinary change. */
CREATE TABLE undo_log (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  label TEXT NOT NULL,
  changes TEXT NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0 CHECK (undone IN (0, 1)),
  created_at INTEGER NOT NULL
) STRICT;
`;

const parts = `
/* Parts of its result that the job has computed, over all attempts. */
ALTER TABLE jobs ADD COLUMN parts_kept INTEGER NOT NULL DEFAULT 0;

/* Which parts (folders below results/.parts) a result was put together from. */
CREATE TABLE part_uses (
  result_id TEXT NOT NULL REFERENCES results (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  PRIMARY KEY (result_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_uses_key ON part_uses (key);
`;

const identity = `
/* Hash of some blocks of the file: tells checkpoints of one name and size apart before all of it was hashed. */
ALTER TABLE checkpoints ADD COLUMN sample TEXT;
/* Hash over the samples of a run's checkpoints. */
ALTER TABLE runs ADD COLUMN contents TEXT;
DROP INDEX runs_fingerprint;
CREATE INDEX runs_fingerprint ON runs (fingerprint, contents);

/* The step that this one took back although later ones had been done. */
ALTER TABLE undo_log ADD COLUMN reverts INTEGER;
`;

const labels = `
/* What a person says of a run: a name of their own (null: the folder's), notes, a JSON list of tags. */
ALTER TABLE runs ADD COLUMN title TEXT;
ALTER TABLE runs ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE runs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1));
ALTER TABLE runs ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1));
/* When it was moved to the trash; null: it was not. */
ALTER TABLE runs ADD COLUMN trashed_at INTEGER;

/* What a step changed. */
ALTER TABLE undo_log ADD COLUMN subject TEXT NOT NULL DEFAULT 'groups' CHECK (subject IN ('groups', 'runs'));
`;

/** Step n brings a database of version n to version n + 1. */
export const migrations: readonly string[] = [initial, parts, identity, labels];
