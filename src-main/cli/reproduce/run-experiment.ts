/** Runs one experiment through the engine, draws its figures and keeps what it found. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledError, UserError } from '../../../src-shared/errors.ts';
import type { ProvenanceInput } from '../../../src-shared/provenance.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { wholeProgress, type WholeProgress } from '../demo/progress.ts';
import type { Globals } from '../globals.ts';
import { runKind } from '../job.ts';
import { writeFileWhole } from '../out-file.ts';
import { jsonText } from '../terminal.ts';
import { forkParams, trainingParams } from '../training.ts';
import type { Experiment, ExperimentReport, ExperimentRow, ExperimentSize, Limit } from './experiment.ts';
import type { ExperimentWork } from './experiment.ts';
import { isLimited, unjudged } from './limit.ts';
import { plainRow, thisMachine, type ExperimentRecord } from './record.ts';

export interface Asked {
  size: ExperimentSize;
  seed: number;
  limit: Limit;
  dataDir?: string;
  /** For the figures and `report.json`. Made if it is not there. */
  folder: string;
}

export interface Reproduced {
  report: ExperimentReport;
  record: ExperimentRecord;
  /** Absolute paths. */
  figures: string[];
}

/** Every figure as SVG, PDF and PNG. Returns absolute paths. */
async function draw(
  client: Client,
  figures: ExperimentReport['figures'],
  folder: string,
  provenance: ProvenanceInput,
): Promise<string[]> {
  const paths: string[] = [];
  for (const [name, recipe] of Object.entries(figures)) {
    for (const format of ['svg', 'pdf', 'png'] as const) {
      const { bytes } = await client.call('figures.export', {
        recipe: { options: {}, provenance, ...recipe },
        format,
        dpi: 200,
      });
      const path = join(folder, `${name}.${format}`);
      await writeFileWhole(path, bytes);
      paths.push(path);
    }
  }
  return paths;
}

/** @throws UserError if an expectation that is required does not hold: the command fails, with everything printed */
export function refuseMissed(name: string, rows: readonly ExperimentRow[]): void {
  const missed = rows.filter(({ required, holds }) => required === true && holds !== 'yes');
  if (missed.length === 0) return;
  throw new UserError(
    `reproduce ${name}: what is required does not hold: ${missed.map(({ what, measured }) => `${what} (${measured})`).join('; ')}.`,
    { hint: 'Runs and figures are kept. Another --seed draws other networks.' },
  );
}

function workOf(
  client: Client,
  asked: Asked,
  workspace: string,
  { signal, progress }: { signal: AbortSignal; progress: WholeProgress },
): ExperimentWork {
  const { size, seed, limit, dataDir } = asked;
  const run: ExperimentWork['run'] = async (kind, params, message, share) => {
    if (signal.aborted) throw new CancelledError();
    return (await runKind(client, kind, params, signal, progress.step(message, share))).result;
  };
  return {
    ...{ size, seed, limit, run },
    fork: (fork, message, share) => {
      const { parent, epoch, settings = [] } = fork;
      const [params] = forkParams({ parent, epoch, children: 1, settings }, workspace);
      return run('train', { ...params!, fork }, message, share);
    },
    train: async (source, overrides, message, share) =>
      run('train', await trainingParams({ source, overrides, dataDir }, workspace), message, share),
  };
}

/** @throws UserError if a job fails; what was trained and measured until then stays in the workspace */
export async function runExperiment(
  client: Client,
  name: string,
  experiment: Experiment,
  asked: Asked,
  { terminal, signal }: Globals,
): Promise<Reproduced> {
  const { workspace, version } = await client.call('engine.info', {});
  const { size, seed, limit, folder } = asked;
  const date = new Date().toISOString();
  const started = performance.now();
  const progress = wholeProgress(terminal, name);
  const found = await experiment
    .run(workOf(client, asked, workspace, { signal, progress }))
    .finally(() => progress.finish());
  const report = isLimited(limit) ? unjudged(found) : found;
  await mkdir(folder, { recursive: true });
  const provenance = { basinVersion: version, kind: `reproduce ${name}`, seeds: { seed } };
  const figures = await draw(client, report.figures, folder, provenance);
  const { families, rows, expectations } = report;
  const record: ExperimentRecord = {
    ...{ format: 'basin-experiment', version: 1, name, title: experiment.title, size, seed, limit },
    ...{ setting: experiment.sizes[size].setting, date, basin: version, machine: thisMachine() },
    seconds: (performance.now() - started) / 1000,
    ...(families && { families }),
    rows: rows.map(plainRow),
    ...(expectations && { expectations: expectations.map(plainRow) }),
  };
  await writeFileWhole(join(folder, 'report.json'), `${jsonText(record, 1)}\n`);
  return { report, record, figures };
}
