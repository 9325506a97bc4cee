/** A whole analysis as one zip: what was asked, the numbers, the figures, the configs, the versions. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FigureRow, ResponseOf } from '../../src-shared/api.ts';
import { messageOf, UserError } from '../../src-shared/errors.ts';
import { trackingFileName } from '../../src-shared/tracking.ts';
import { configFileOf } from '../formats/run-layout.ts';
import { zipOf } from '../formats/zip.ts';
import type { EngineServices } from './services.ts';
import { exportFigure, exportWarnings } from './figures/export.ts';
import { exportResult } from './export-result.ts';
import type { ResultFile, ResultStore } from './results.ts';
import { basinVersion } from './version.ts';

type Parts = Pick<EngineServices, 'results' | 'figures'>;
type Files = Record<string, Uint8Array>;

const readme = `An analysis made with Basin.

analysis.json          what is in here: results, figures with their recipes, runs, versions
results/ID/result.json one result: kind, params (seeds too), provenance, numbers; {"$matrix": NAME} stands for
results/ID/matrices/   ... a matrix as NAME.npy (numpy.load)
results/ID/table.csv   the same numbers as a table, where they are one
figures/               every saved figure made from these results, as SVG and PDF
runs/NAME/             config.yaml of each run that was measured (no weights)

Read it back with: basin import THIS.zip
Load it in Python: see docs/python.md of Basin.
`;

/**
 * The zip that `basin import` takes back; the same bytes as long as results, figures and configs are the same.
 * @param ids of results; undefined: all that the workspace has
 * @throws UserError for an id that is not there, or where there is nothing to put in
 */
export async function bundleAnalysis(
  engine: Parts,
  ids: readonly string[] | undefined,
): Promise<ResponseOf<'results.bundle'>> {
  const chosen = [...new Set(ids ?? engine.results.list().map((row) => row.id))];
  if (chosen.length === 0) throw new UserError('There are no results to export yet.');
  const found = chosen.map((id) => engine.results.read(id));
  const files: Files = { 'README.txt': Buffer.from(readme) };
  for (const result of found) addResult(files, engine, result);
  const figures = engine.figures
    .list()
    .filter((figure) => figure.resultIds.some((id) => chosen.includes(id)))
    .toReversed();
  const problems: string[] = [];
  for (const figure of figures) await addFigure(files, figure, problems);
  const runs = addRuns(files, found);
  const manifest = {
    ...{ format: 'basin-analysis', version: 1 },
    /** Of the newest result, not of the export: the same analysis is the same file. */
    created: new Date(Math.max(...found.map(({ createdAt }) => createdAt))).toISOString(),
    versions: {
      basin: basinVersion(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
    },
    results: chosen,
    figures: figures.map(({ title, resultIds, recipe }) => ({ title, resultIds, recipe })),
    ...{ runs, problems },
    /** The library that unpacks looks at no checksum: a flipped bit must not become another number. */
    sha256: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
  };
  files['analysis.json'] = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
  return {
    filename: 'analysis.zip',
    bytes: zipOf(files, 6),
    results: chosen.length,
    figures: figures.length,
  };
}

function addResult(
  files: Files,
  { results }: Parts,
  { id, kind, title, params, provenance, data }: ResultFile,
): void {
  const folder = `results/${id}`;
  files[`${folder}/result.json`] = json({ kind, title, params, provenance, data });
  const matrices = join(results.row(id).path, 'matrices');
  for (const name of readdirSync(matrices).filter((file) => file.endsWith('.npy')))
    files[`${folder}/matrices/${name}`] = readFileSync(join(matrices, name));
  if (Object.keys(files).some((name) => name.startsWith(`${folder}/matrices/`))) return;
  files[`${folder}/table.csv`] = tableOf(results, id);
}

const tableOf = (results: ResultStore, id: string): Uint8Array => exportResult(results, id, 'csv').bytes;

async function addFigure(files: Files, figure: FigureRow, problems: string[]): Promise<void> {
  for (const format of ['svg', 'pdf'] as const) {
    try {
      files[`figures/${figure.id}.${format}`] = await exportFigure(figure.recipe, format, {});
      problems.push(
        ...exportWarnings(figure.recipe, format).map((text) => `${figure.title}: ${format}: ${text}`),
      );
    } catch (error) {
      // Its recipe is in the manifest all the same; a picture that cannot be drawn does not hold back the numbers.
      problems.push(`${figure.title}: ${format}: ${messageOf(error)}`);
    }
  }
}

/** Configs as they lie on disk today; a run that is gone is named all the same. */
function addRuns(files: Files, found: readonly ResultFile[]) {
  const runs = new Map(
    found.flatMap(({ provenance }) => provenance.runs.map((run) => [run.path, run] as const)),
  );
  return [...runs.values()].map((run) => {
    const folder = `runs/${run.id}-${basename(run.path).replaceAll(/[^\w.-]/g, '_')}`;
    for (const name of ['config.yaml', 'split.json', 'metrics.json', trackingFileName]) {
      const path = name === 'config.yaml' ? configFileOf(run.path) : join(run.path, name);
      const bytes = path === undefined ? undefined : contentOf(path);
      if (bytes) files[`${folder}/${name}`] = bytes;
    }
    return { ...run, folder };
  });
}

function contentOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
