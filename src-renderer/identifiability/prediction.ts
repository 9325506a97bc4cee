/** Does a cheap measure on one model predict the barrier between two? One point per run of the groups. */
import type { Group, Job, RunRow } from '../../src-shared/api.ts';
import { UserError } from '../../src-shared/errors.ts';
import type { FigureRecipe } from '../../src-shared/figures/index.ts';
import { interpolateJob, pairsOf } from '../../src-shared/jobs/interpolate.ts';
import { matchActivationsJob } from '../../src-shared/jobs/match-activations.ts';
import { recommendedNormStatistics } from '../../src-shared/jobs/norm-statistics.ts';
import { permutationSensitivityJob } from '../../src-shared/jobs/permutation-sensitivity.ts';
import { combinedProvenance } from '../../src-shared/combined-provenance.ts';
import { provenanceSchema, type Provenance } from '../../src-shared/provenance.ts';
import { predictionFinding } from '../../src-shared/verdicts/prediction.ts';
import { engine } from '../state/engine.svelte.ts';
import { fetchResult } from '../state/results.ts';

export interface Foretold {
  group: Group;
  run: RunRow;
  /** Mean over the hidden layers of model 1. */
  gammaOut: number;
  /** Mean swap cost over all pairs of neurons and hidden layers of model 1, its signed root. */
  swapCost: number;
  /** Mean over layers of optimal minus identity objective between models 1 and 2. */
  objectiveGap: number;
  /** Mean over pairs of the test accuracy lost at the worst place on the line, percent of the better end's. */
  barrier: number;
  /** What must be said of the curves that the barrier is of. */
  notes: string[];
  /** Results behind it, and where they come from. */
  resultIds: string[];
  provenance: Provenance[];
}

export const measures = [
  {
    key: 'gammaOut',
    label: 'γ_out of one model',
    title: 'γ_out',
    expected: 'falls',
    help: 'Distance between the two closest centers of model 1, as set by its fixed parts; mean over its hidden layers.',
  },
  {
    key: 'swapCost',
    label: 'mean swap cost of one model, signed root',
    title: 'Swap cost',
    expected: 'falls',
    help: 'Mean cost of swapping two neurons of model 1, its root; mean over its hidden layers.',
  },
  {
    key: 'objectiveGap',
    label: 'optimal minus identity objective',
    title: 'Objective gap',
    expected: 'rises',
    help: 'How much better the best permutation matches the activations of models 1 and 2 than the identity does.',
  },
] as const;

/** One sentence per measure: does it predict the barrier over these runs? */
export const verdictsOf = (points: readonly Foretold[]): string[] =>
  measures.map(({ key, title, expected }) => {
    const values = points.map((point) => point[key]);
    const barriers = points.map(({ barrier }) => barrier);
    return predictionFinding(title, expected, values, barriers).text;
  });

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

interface Measured {
  resultId: string;
  data: unknown;
  provenance: Provenance[];
}

async function measured(
  kind: string,
  params: Record<string, unknown>,
  onjob: (job: Job) => void,
): Promise<Measured> {
  const job = await engine.call('jobs.submit', { kind, params });
  onjob(job);
  const ended = await engine.finished(job);
  if (ended.state !== 'done' || !ended.resultId)
    throw new UserError(ended.error ?? `${ended.title}: ${ended.state}`);
  return stored(ended.resultId);
}

async function stored(resultId: string): Promise<Measured> {
  const { data, provenance } = await fetchResult(resultId);
  const parsed = provenanceSchema.safeParse(provenance);
  return { resultId, data, provenance: parsed.success ? [parsed.data] : [] };
}

/** What is asked about a run: a cheap measure of one model, the matching of two, and their curves. */
function questionsOf(run: RunRow, data: Record<string, unknown>) {
  const common = {
    run: run.path,
    epoch: run.epochs.at(-1),
    ...(Object.keys(data).length > 0 ? { data } : {}),
  };
  return [
    { kind: 'permutation-sensitivity', params: { ...common, models: [1] } },
    { kind: 'match-activations', params: { ...common, models: [1, 2] } },
    {
      kind: 'interpolate',
      params: {
        ...{ ...common, splits: ['test'], align: 'none' },
        ...(run.runningStatistics && { normStatistics: recommendedNormStatistics }),
      },
    },
  ] as const;
}

function foretold(
  group: Group,
  run: RunRow,
  [sensitivity, matching, curves]: readonly [Measured, Measured, Measured],
): Foretold {
  return {
    group,
    run,
    ...ofSensitivity(sensitivity.data),
    objectiveGap: ofMatching(matching.data),
    ...ofCurves(curves.data),
    resultIds: [sensitivity, matching, curves].map(({ resultId }) => resultId),
    provenance: [sensitivity, matching, curves].flatMap(({ provenance }) => provenance),
  };
}

/** Asks for what is not known yet; the engine has the results of what is. */
export async function foretell(
  group: Group,
  run: RunRow,
  data: Record<string, unknown>,
  onjob: (job: Job) => void,
): Promise<Foretold> {
  const [one, two, three] = questionsOf(run, data);
  const found = await Promise.all([
    measured(one.kind, one.params, onjob),
    measured(two.kind, two.params, onjob),
    measured(three.kind, three.params, onjob),
  ]);
  return foretold(group, run, found);
}

/**
 * The subjects of which everything has been measured on the files as they are.
 * @param before points that are shown: one whose results are still the same is not fetched again
 */
export async function known(
  subjects: readonly { group: Group; run: RunRow }[],
  data: Record<string, unknown>,
  before: readonly Foretold[],
): Promise<Foretold[]> {
  const all = subjects.map(({ run }) => questionsOf(run, data));
  const ids = (await engine.call('results.current', { questions: all.flat() })).map(
    ({ resultId }) => resultId,
  );
  const points = await Promise.all(
    subjects.map(async ({ group, run }, i) => {
      const [one, two, three] = ids.slice(3 * i, 3 * i + 3);
      if (!one || !two || !three) return [];
      const shown = before.find(({ resultIds }) => String(resultIds) === String([one, two, three]));
      if (shown) return [{ ...shown, group, run }];
      const found = await Promise.all([stored(one), stored(two), stored(three)]);
      try {
        return [foretold(group, run, found)];
      } catch (error) {
        // A run without numbers is no point; measuring it again says why.
        if (error instanceof UserError) return [];
        throw error;
      }
    }),
  );
  return points.flat();
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

function ofCurves(data: unknown): Pick<Foretold, 'barrier' | 'notes'> {
  const pairs = pairsOf(interpolateJob.result.parse(data));
  const drops = pairs.map((pair) => pair.test_barrier_height ?? NaN);
  // A run of which one pair has no number has no mean that could stand beside those of other runs.
  if (drops.some(Number.isNaN)) throw new UserError('points of its curves are not finite numbers');
  const notes = pairs.flatMap(({ note }) => (note === undefined ? [] : [note]));
  return { barrier: -mean(drops), notes: [...new Set(notes)] };
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
  const provenance = combinedProvenance(points.flatMap((point) => point.provenance));
  return {
    kind: 'scatter',
    options: { size: 'double' },
    ...(provenance && { provenance }),
    data: {
      correlation: true,
      notes: [...new Set(points.flatMap(({ notes }) => notes))],
      panels: measures.map(({ key, label, title }) => ({
        title,
        x: { label },
        y: { label: 'test barrier height (%)' },
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
