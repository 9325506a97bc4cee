/** The demo's work: train four families, interpolate between all pairs four ways, draw. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendInfo } from '../../../src-shared/domain.ts';
import type { Interpolation } from '../../../src-shared/jobs/interpolate.ts';
import type { ProvenanceInput } from '../../../src-shared/provenance.ts';
import type { Client } from '../../../src-shared/rpc.ts';
import { runKind } from '../job.ts';
import { writeFileWhole } from '../out-file.ts';
import { trainingParams } from '../training.ts';
import type { DrawnFamily } from './figure.ts';
import { demoFigure, figureCaption } from './figure.ts';
import type { WholeProgress } from './progress.ts';
import type { DemoFamily, DemoSetting } from '../../../src-shared/demo.ts';
import { demoFamilies } from '../../../src-shared/demo.ts';
import type { CurvesByTreatment, FamilySummary, Treatment } from './summary.ts';
import { summarise, treatments } from './summary.ts';

export interface DemoWork {
  client: Client;
  signal: AbortSignal;
  progress: WholeProgress;
  setting: DemoSetting;
  dataDir: string | undefined;
  workspace: string;
}

export interface MeasuredFamily {
  summary: FamilySummary;
  curves: CurvesByTreatment;
  resultIds: string[];
  backend: BackendInfo;
}

/** Of the whole work, what training one family takes; the rest is interpolation. Measured on two cores. */
const trainingShare = 0.8 / demoFamilies.length;
const interpolationShare = 0.2 / demoFamilies.length / treatments.length;

const alignments: Record<
  Treatment,
  { align: 'none' | 'activation' | 'weight'; mode?: 'reference-lmc-script' }
> = {
  none: { align: 'none' },
  activation: { align: 'activation' },
  weight: { align: 'weight' },
  reference_lmc_script: { align: 'activation', mode: 'reference-lmc-script' },
};

const treatmentNames: Record<Treatment, string> = {
  none: 'unaligned',
  activation: 'aligned by activations',
  weight: 'aligned by weights',
  reference_lmc_script: 'anti-aligned (LMC script)',
};

/** Trains one family and measures all its pairs. */
async function measure(work: DemoWork, family: DemoFamily): Promise<MeasuredFamily> {
  const { client, signal, progress, setting } = work;
  const source = setting.preset(family);
  const request = { source, overrides: setting.overrides, dataDir: work.dataDir };
  const params = await trainingParams(request, work.workspace);
  const listener = progress.step(`training ${setting.models} ${family.name} networks`, trainingShare);
  const { result: trained } = await runKind(client, 'train', params, signal, listener);
  const found: Partial<Record<Treatment, Interpolation[]>> = {};
  const resultIds: string[] = [];
  for (const treatment of treatments) {
    const step = progress.step(
      `${family.name}: interpolating, ${treatmentNames[treatment]}`,
      interpolationShare,
    );
    const question = {
      run: trained.run_directory,
      epoch: setting.epochs,
      splits: ['test' as const],
      // The mean of all models is a point of the unaligned simplex.
      midpoint: treatment === 'none',
      ...alignments[treatment],
    };
    const { result, job } = await runKind(client, 'interpolate', question, signal, step);
    found[treatment] = 'pairs' in result ? result.pairs : [result];
    if (job.resultId !== null) resultIds.push(job.resultId);
  }
  const curves = found as CurvesByTreatment;
  const about = {
    name: family.name,
    family: family.family,
    sigmaF: family.sigmaF,
    runDirectory: trained.run_directory,
  };
  return { summary: summarise(about, curves), curves, resultIds, backend: trained.backend };
}

export async function measureFamilies(work: DemoWork): Promise<MeasuredFamily[]> {
  const measured: MeasuredFamily[] = [];
  for (const family of demoFamilies) measured.push(await measure(work, family));
  return measured;
}

/** Puts the runs into groups of the catalog, one per family; a group that is there already gets the new run too. */
export async function groupRuns(client: Client, families: readonly FamilySummary[]): Promise<void> {
  const runs = await client.call('runs.list', {});
  for (const { name, run_directory } of families) {
    const run = runs.find((candidate) => candidate.path === run_directory);
    if (run === undefined) continue;
    const { groups } = await client.call('groups.get', {});
    const group = groups.find(
      (candidate) => candidate.architecture === run.architecture && candidate.key === name,
    );
    const members = [{ runId: run.id }];
    await client.call('groups.edit', {
      edit:
        group === undefined
          ? { type: 'create', architecture: run.architecture, key: name, members }
          : { type: 'add-members', groupId: group.id, members },
    });
  }
}

const drawn = [
  { theme: 'paper', format: 'svg' },
  { theme: 'paper', format: 'pdf' },
  { theme: 'screen-light', format: 'png' },
] as const;

/** Draws the figure into `folder` and keeps it in the workspace. Returns absolute paths. */
export async function drawFigures(
  work: DemoWork,
  measured: readonly MeasuredFamily[],
  folder: string,
  provenance: ProvenanceInput,
): Promise<string[]> {
  const families: DrawnFamily[] = measured.map(({ summary, curves }) => ({ label: summary.name, curves }));
  const summaries = measured.map(({ summary }) => summary);
  const notes = { caption: figureCaption(summaries, work.setting.text), provenance };
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const { theme, format } of drawn) {
    const recipe = { options: {}, ...demoFigure(families, theme, notes) };
    const { bytes } = await work.client.call('figures.export', { recipe, format, dpi: 200 });
    const path = join(folder, `demo.${format}`);
    await writeFileWhole(path, bytes);
    paths.push(path);
  }
  const resultIds = measured.flatMap((family) => family.resultIds);
  const recipe = { options: {}, ...demoFigure(families, 'paper', notes) };
  await work.client.call('figures.save', { title: `Demo: ${work.setting.text}`, resultIds, recipe });
  return paths;
}
