/** Does a cheap measure on one model foretell the barrier between two? One point per run of the groups. */
import type { Group, Job, RunRow } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import { interpolateJob } from '../../src-shared/jobs/interpolate.ts';
import { matchActivationsJob } from '../../src-shared/jobs/match-activations.ts';
import { permutationSensitivityJob } from '../../src-shared/jobs/permutation-sensitivity.ts';
import { engine } from '../state/engine.svelte.ts';

export interface Foretold {
  group: Group;
  run: RunRow;
  /** Mean over the hidden layers of model 1. */
  gammaOut: number;
  /** Mean swap cost over all pairs of neurons and hidden layers of model 1, its signed root. */
  swapCost: number;
  /** Mean over layers of optimal minus identity objective between models 1 and 2. */
  objectiveGap: number;
  /** Mean over pairs of the drop in test accuracy, percent, at least 0. */
  barrier: number;
}

export const measures = [
  { key: 'gammaOut', label: 'γ_out of one model', title: 'γ_out' },
  { key: 'swapCost', label: 'mean swap cost of one model, signed root', title: 'Swap cost' },
  { key: 'objectiveGap', label: 'optimal minus identity objective', title: 'Objective gap' },
] as const;

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

async function answer(
  kind: string,
  params: Record<string, unknown>,
  onjob: (job: Job) => void,
): Promise<unknown> {
  const job = await engine.call('jobs.submit', { kind, params });
  onjob(job);
  const ended = ['queued', 'running'].includes(job.state) ? await engine.finished(job.id) : job;
  if (ended.state !== 'done' || !ended.resultId)
    throw new UserError(ended.error ?? `${ended.title}: ${ended.state}`);
  return (await engine.call('results.get', { resultId: ended.resultId })).data;
}

/** Asks for what is not known yet; the engine answers from its cache what is. */
export async function foretell(
  group: Group,
  run: RunRow,
  data: Record<string, unknown>,
  onjob: (job: Job) => void,
): Promise<Foretold> {
  const common = {
    run: run.path,
    epoch: run.epochs.at(-1),
    ...(Object.keys(data).length > 0 ? { data } : {}),
  };
  const [sensitivity, matching, curves] = await Promise.all([
    answer('permutation-sensitivity', { ...common, models: [1] }, onjob),
    answer('match-activations', { ...common, models: [1, 2] }, onjob),
    answer('interpolate', { ...common, splits: ['test'], align: 'none' }, onjob),
  ]);
  return {
    group,
    run,
    ...ofSensitivity(sensitivity),
    objectiveGap: ofMatching(matching),
    barrier: ofCurves(curves),
  };
}

/** Results hold their matrices by reference; the schemas expect numbers, so only what is read is parsed. */
function ofSensitivity(data: unknown): { gammaOut: number; swapCost: number } {
  const layers = permutationSensitivityJob.result.parse(withoutMatrices(data));
  const row = Array.isArray(layers) ? layers[0]! : layers;
  const hidden = row.sensitivity_results.slice(0, -1);
  const swap = mean(hidden.map((layer) => layer.transpositions.mean));
  return {
    gammaOut: mean(hidden.map((layer) => layer.gamma_out.value)),
    swapCost: Math.sign(swap) * Math.sqrt(Math.abs(swap)),
  };
}

function ofMatching(data: unknown): number {
  const result = matchActivationsJob.result.parse(data);
  const row = 'pairs' in result ? result.pairs[0]! : result;
  return mean(row.matching_results.map(({ objectives }) => objectives.optimal - objectives.identity));
}

function ofCurves(data: unknown): number {
  const result = interpolateJob.result.parse(data);
  const pairs = 'pairs' in result ? result.pairs : [result];
  return mean(pairs.map((pair) => -(pair.test_barrier_height ?? NaN)));
}

/** Every reference to a matrix becomes an empty one. */
function withoutMatrices(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMatrices);
  if (value === null || typeof value !== 'object') return value;
  if ('$matrix' in value) return { rows: 0, columns: 0, data: new Float64Array() };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutMatrices(item)]));
}

export function predictionRecipe(points: Foretold[]): FigureRecipe<'scatter'> | null {
  if (points.length < 2) return null;
  const groups = [...new Set(points.map(({ group }) => group))];
  return {
    kind: 'scatter',
    data: {
      correlation: true,
      panels: measures.map(({ key, label, title }) => ({
        title,
        x: { label },
        y: { label: 'drop in test accuracy on the line (%)' },
        series: groups.map((group) => ({
          label: group.key,
          colour: group.colour,
          points: points
            .filter((point) => point.group === group)
            .map((point) => ({ x: point[key], y: point.barrier, name: point.run.name })),
        })),
      })),
    },
  };
}
